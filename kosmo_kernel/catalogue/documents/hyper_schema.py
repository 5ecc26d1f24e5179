"""Heroku's JSON Hyper-Schema: the operations of its links with GET, and what identifies a record in their paths.

A table has the facts of each link, in the order of the resources that have them, the fields of the records by their
resources, and the resources that hold secrets. A place of a path is called by what it identifies, `app.identity`, and
its facts have the ways in which it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol
from urllib.parse import unquote

from kosmo_kernel.catalogue.documents.derivation import Derivation, LeftOutError, ReadOperation, Table
from kosmo_kernel.catalogue.documents.fields import fact_text
from kosmo_kernel.catalogue.documents.shapes import References, Shape, Shapes
from kosmo_kernel.text import lazy_pattern

_PLACE = lazy_pattern(r"\{\((#/definitions/([\w-]+)/definitions/([\w-]+))\)\}")


class Mark(Protocol):
    """Returns the mark of a field."""

    def __call__(self, resource: str, field: str, *, has_any_content: bool = False) -> str:
        """Return the mark, or an empty text.

        Parameters:
            resource: what has the field.
            field: its dotted name.
            has_any_content: it is an object of which the schema does not say what is in it.
        """


def read(schema: Mapping[str, Any], mark: Mark, is_guarded: Callable[[str, Mapping[str, str]], bool]) -> Table:
    """Return the table of facts of a schema.

    Parameters:
        schema: the decoded schema.
        mark: returns whether a field is secret.
        is_guarded: returns whether a resource holds secrets, from its name and the marks of its fields.

    Raises:
        ValueError: it is no such schema.
    """
    try:
        reader = _SchemaReader(_HyperShapes(References(schema)), mark)
        functions = [facts for entry in sorted(schema["definitions"].items()) for facts in reader.links(*entry)]
    except (LookupError, TypeError, AttributeError, LeftOutError) as error:
        raise ValueError(f"it is no schema of Heroku's API: {type(error).__name__}: {error}") from error
    records = dict(sorted(reader.records.items()))
    marks = {
        name: {field: line.partition(" | ")[2] for field, line in records.get(name, {}).items()}
        for name in sorted({*records, *(facts["subject"] for facts in functions)})
    }
    guarded = [name for name, of_fields in marks.items() if is_guarded(name, of_fields)]
    return {"functions": functions, "records": records, "guarded": guarded}


class _HyperShapes(Shapes):
    """The shapes of such a schema: an object may have its fields among the definitions only."""

    names_required_fields = False

    def own(self, schema: Mapping[str, Any], inside: frozenset[str]) -> Shape:
        shape = super().own(schema, inside)
        if not shape.properties and shape.is_object and "links" not in schema:
            shape.properties = dict(schema.get("definitions", {}))
        return shape


class _SchemaReader(Derivation):
    states_pages = False

    def __init__(self, shapes: Shapes, mark: Mark) -> None:
        super().__init__(shapes)
        self._mark = mark

    def links(self, owner: str, definition: Mapping[str, Any]) -> Iterator[Table]:
        """Yield the facts of each link with GET of a resource."""
        stability = definition["stability"]
        for link in definition.get("links", ()):
            if link["method"] == "GET":
                facts: Table = {"subject": owner, "order": sorted(link.get("ranges", ()))}
                facts |= {"stability": stability} if stability != "production" else {}
                yield self.facts(_operation(owner, link, facts))

    def record(self, path: str, schema: Any, shape: Shape) -> str:
        resource = str(schema["$ref"].split("/")[2])
        if resource not in self.records:
            self.records[resource] = self.shapes.fields(shape, partial(self._marked, resource))
        return resource

    def param(self, name: str, path: str, segment: str, schema: Mapping[str, Any]) -> Table:
        resource, _, attribute = segment.partition(".")
        return {
            "name": segment,
            "ways": [*self._ways(resource, attribute, self.shapes.references.target(schema["$ref"]))],
        }

    def _ways(self, resource: str, name: str, definition: Mapping[str, Any]) -> Iterator[str]:
        """Yield the ways to identify a record: the name of a field that does, and its type or pattern."""
        for way in definition.get("anyOf", [definition]):
            field = way["$ref"].rpartition("/")[2] if "$ref" in way else name
            if self._mark(resource, field):
                continue
            meant = self.shapes.references.resolve(way)
            if "anyOf" in meant:
                yield from self._ways(resource, field, meant)
            else:
                shape = self.shapes.of(meant)
                text = fact_text(shape.types, shape.values, shape.format, nullable=shape.nullable)
                yield f"{field} {meant.get('pattern') or text}"

    def _marked(self, resource: str, field: str, value: Shape) -> str:
        has_content = {"object", "string", "array"} & set(value.types)
        return self._mark(resource, field, has_any_content="object" in value.types) if has_content else ""


def _operation(owner: str, link: Mapping[str, Any], facts: Table) -> ReadOperation:
    """Return the operation of a link of a resource."""
    target = link.get("targetSchema", {})
    is_list = "items" in target if target else link.get("rel") == "instances"
    record = {"$ref": target.get("items", target).get("$ref", f"#/definitions/{owner}")}
    href, query = unquote(link["href"]), link.get("schema", {})
    places = [
        {"name": f"{resource}.{name}", "in": "path", "schema": {"$ref": reference}}
        for reference, resource, name in _PLACE.findall(href)
    ]
    params = [
        {"name": name, "in": "query", "schema": value, "required": name in query.get("required", ())}
        for name, value in query.get("properties", {}).items()
    ]
    schema = {"type": "array", "items": record} if is_list else record
    return ReadOperation(_PLACE.sub(r"{\2.\3}", href), [*places, *params], schema, facts=facts)
