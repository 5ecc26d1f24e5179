"""Read Heroku's schema, in JSON Hyper-Schema, into a table of facts, for `__main__.py`.

A table has the facts of each link with GET, in the order of the resources that have them, the fields of the records by
their resources, and the resources that hold secrets. A place of a path is called by what it identifies, `app.identity`,
and its facts have the ways in which it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import unquote

from msgspec import Struct

from kosmo_kernel.integrations.heroku.fields import fact_text
from kosmo_kernel.text import lazy_pattern

Table = dict[str, Any]
Schema = Mapping[str, Any]

_PLACE = lazy_pattern(r"\{\((#/definitions/([\w-]+)/definitions/([\w-]+))\)\}")
_NULL = "null"
_KINDS = {"integer", "number", "boolean"}  # of parameters of a query, besides texts


class Mark(Protocol):
    """Returns the mark of a field."""

    def __call__(self, resource: str, field: str, *, has_any_content: bool = False) -> str:
        """Return the mark, or an empty text.

        Parameters:
            resource: what has the field.
            field: its dotted name.
            has_any_content: it is an object of which the schema does not say what is in it.
        """


def read(schema: Schema, mark: Mark, is_guarded: Callable[[str, Mapping[str, str]], bool]) -> Table:
    """Return the table of facts of a schema.

    Parameters:
        schema: the decoded schema.
        mark: returns whether a field is secret.
        is_guarded: returns whether a resource holds secrets, from its name and the marks of its fields.

    Raises:
        ValueError: it is no such schema.
    """
    try:
        reader = _SchemaReader(schema, mark)
        functions = [facts for entry in sorted(schema["definitions"].items()) for facts in reader.links(*entry)]
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no schema of Heroku's API: {type(error).__name__}: {error}") from error
    records = dict(sorted(reader.records.items()))
    marks = {
        name: {field: line.partition(" | ")[2] for field, line in records.get(name, {}).items()}
        for name in sorted({*records, *(facts["subject"] for facts in functions)})
    }
    guarded = [name for name, of_fields in marks.items() if is_guarded(name, of_fields)]
    return {"functions": functions, "records": records, "guarded": guarded}


class _Value(Struct):
    """What a schema says of a value, with all that it refers to."""

    types: list[str]  # JSON types without `null`
    nullable: bool
    properties: dict[str, Any]  # the schemas of an object's fields
    items: Any  # the schema of a list's items, or None
    values: list[Any]  # the values that there are; empty if there are others
    format: str
    inside: frozenset[str]  # the references that lead here, which are not followed again

    def text(self) -> str:
        """Return the fact of the value."""
        return fact_text(self.types, self.values, self.format, nullable=self.nullable)


class _SchemaReader:
    def __init__(self, schema: Schema, mark: Mark) -> None:
        self._schema, self._mark = schema, mark
        self.records: dict[str, dict[str, str]] = {}  # the fields of each resource

    def links(self, owner: str, definition: Schema) -> Iterator[Table]:
        """Yield the facts of each link with GET of a resource."""
        stability = definition["stability"]
        for link in definition.get("links", ()):
            if link["method"] != "GET":
                continue
            target = link.get("targetSchema", {})
            is_list = "items" in target if target else link.get("rel") == "instances"
            reference = target.get("items", target).get("$ref", f"#/definitions/{owner}")
            href = unquote(link["href"])
            params = [
                {"name": f"{resource}.{name}", "ways": [*self._ways(resource, name, self._target(pointer))]}
                for pointer, resource, name in _PLACE.findall(href)
            ]
            facts = {
                "path": _PLACE.sub(r"{\2.\3}", href),
                "returns": "list" if is_list else "record",
                "subject": owner,
                "order": sorted(link.get("ranges", ())),
                "stability": "" if stability == "production" else stability,
                "params": [*params, *self._query(link.get("schema", {}))],
                "record": self._record(reference),
            }
            yield {key: value for key, value in facts.items() if value}

    def _ways(self, resource: str, name: str, definition: Schema) -> Iterator[str]:
        """Yield the ways to identify a record: the name of a field that does, and its type or pattern."""
        for way in definition.get("anyOf", [definition]):
            field = way["$ref"].rpartition("/")[2] if "$ref" in way else name
            if self._mark(resource, field):
                continue
            meant = way
            while "$ref" in meant:
                meant = self._target(meant["$ref"])
            if "anyOf" in meant:
                yield from self._ways(resource, field, meant)
            else:
                yield f"{field} {meant.get('pattern') or self._value(meant).text()}"

    def _query(self, schema: Schema) -> Iterator[Table]:
        """Yield the facts of the parameters of the query."""
        for name, of_parameter in schema.get("properties", {}).items():
            value = self._value(of_parameter)
            kind = value.types[0] if len(value.types) == 1 else ""
            fact: Table = {"name": name, "sent": name}
            if kind in _KINDS:
                fact["kind"] = kind
            elif value.values:
                fact["values"] = value.values
            else:
                fact["numeric"] = True  # in an address, a number is a text
            yield fact | ({"required": True} if name in schema.get("required", ()) else {})

    def _record(self, reference: str) -> str:
        """Return the resource that a reference leads to, and add its fields to `records`."""
        resource = reference.split("/")[2]
        if resource not in self.records:
            record = self._value({"$ref": reference})
            if "object" not in record.types and not record.properties:
                raise TypeError(f"{resource} is no object")
            self.records[resource] = dict(sorted(self._fields(resource, record, "")))
        return resource

    def _fields(self, resource: str, record: _Value, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield the dotted name and the fact of each field of a record."""
        for name, schema in record.properties.items():
            path = f"{prefix}{name}"
            value = self._value(schema, record.inside)
            if "array" in value.types:
                items = self._value(value.items or {}, value.inside)
                # The schema of a list may have the fields of its items where those of one item belong.
                inner = [*self._fields(resource, items if items.properties else value, f"{path}[].")]
                text = value.text() + (f" of {items.text()}" if items.types and not inner else "")
            else:
                inner = [*self._fields(resource, value, f"{path}.")]
                value.types = ["object"] if inner else value.types  # which a schema with fields need not say
                text = value.text()
            if not inner and {"object", "string", "array"} & set(value.types):
                mark = self._mark(resource, path, has_any_content="object" in value.types)
                text += f" | {mark}" if mark else ""
            yield path, text
            yield from inner

    def _value(self, schema: Schema, inside: frozenset[str] = frozenset()) -> _Value:
        """Return what a schema says; one that contains itself ends there, as an object of any content."""
        while "$ref" in schema:
            reference = schema["$ref"]
            if reference in inside:
                return _Value(["object"], False, {}, None, [], "", inside)
            inside |= {reference}
            schema = self._target(reference)
        types = schema.get("type", [])
        types = [types] if isinstance(types, str) else types
        values = schema.get("enum", [])
        value = _Value(
            [kind for kind in types if kind != _NULL],
            _NULL in types or None in values,
            schema.get("properties", {}),
            schema.get("items"),
            [item for item in values if item is not None],
            schema.get("format", ""),
            inside,
        )
        if not value.properties and "object" in value.types and "links" not in schema:
            value.properties = schema.get("definitions", {})  # an object may have its fields there only
        alternatives = [self._value(way, inside) for key in ("oneOf", "anyOf") for way in schema.get(key, ())]
        return _with_alternatives(value, alternatives) if alternatives else value

    def _target(self, reference: str) -> Schema:
        """Return the part of the schema that a reference names."""
        target = self._schema
        for key in unquote(reference).removeprefix("#/").split("/"):
            target = target[key]
        return target


def _with_alternatives(value: _Value, ways: list[_Value]) -> _Value:
    """Return a value with what its alternatives say: the types and the fields of all of them."""
    value.properties = {name: schema for way in ways for name, schema in way.properties.items()} | value.properties
    kinds = dict.fromkeys(kind for way in ways for kind in (way.types or (["object"] if way.properties else [])))
    value.types = value.types or list(kinds)
    value.nullable = value.nullable or any(way.nullable for way in ways)
    return value
