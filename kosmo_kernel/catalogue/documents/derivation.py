"""Derive the facts of what can be called from operations, which are the same for each form of document.

A reader of one form (`openapi.py`, `hyper_schema.py`) makes a `ReadOperation` of whatever reads. What it takes, whether
it returns a list or a record, how its pages follow, and the fields of its records are derived here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kosmo_kernel.catalogue.documents import paging
from kosmo_kernel.catalogue.documents.fields import SECRET, is_secret
from kosmo_kernel.catalogue.documents.names import PLACE, free_name, places, singular, snake_case
from kosmo_kernel.catalogue.documents.shapes import Shape, Shapes
from kosmo_kernel.catalogue.model import NEWEST, RESERVED

Table = dict[str, Any]

MAX_VALUES = 100  # of one parameter
_KINDS = {"string", "integer", "number", "boolean"}
# The fields of a record that can stand in its place, by the ending of the parameter's name.
_BY_ENDING = {"id": ("id",), "number": ("number",), "slug": ("slug",), "uuid": ("uuid", "id"), "key": ("key",)}
_NAMES = ("name", "login", "username", "slug", "key", "id")
# Headers that the client sends itself, or that a parameter of the header must not replace.
_OWN_HEADERS = {"accept", "content-type", "authorization", "user-agent", "host", "range", "if-none-match", "cookie"}
_SEPARATORS = {"csv": ",", "ssv": " ", "tsv": "\t", "pipes": "|", "spaceDelimited": " ", "pipeDelimited": "|"}


class LeftOutError(Exception):
    """An operation does not become a function, and why."""


class ReadOperation(NamedTuple):
    """An operation that reads with a GET request, as a document describes it."""

    path: str  # as the document has it
    parameters: Sequence[Mapping[str, Any]]  # in the form of OpenAPI, those that take precedence last
    schema: Any  # of the answer
    headers: Sequence[str] = ()  # the names of the headers of the answer, as far as they are declared
    prefix: str = ""  # what comes before the path in the address of the API
    facts: Table = {}  # about the function, which need no derivation


class _Parameters(NamedTuple):
    """The parameters of an operation, as facts."""

    path: str  # with a place for each parameter of the path, by its name in Lua
    params: list[dict[str, Any]]  # of the path, then of the query, in the notation of `services/service.py`
    headers: dict[str, str]  # that each request needs, such as the version of the API
    query: dict[str, Mapping[str, Any]]  # the schemas of the parameters of the query, by the names that are sent
    fault: str  # why the operation cannot be called; empty if it can


class Derivation:
    """The derivation of one document.

    Parameters:
        shapes: of the document.
    """

    states_pages = True  # the answers say how the pages of a list follow; all lists of the service are not alike

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.records: dict[str, dict[str, str]] = {}  # the fields of each kind of record, by its name
        self._numbers: dict[tuple[tuple[str, str], ...], str] = {}

    def facts(self, operation: ReadOperation) -> Table:
        """Return the facts of a function.

        Raises:
            LeftOutError: it cannot be one.
            DocumentError: the document cannot be read.
        """
        params = self._parameters(operation)
        if params.fault:
            raise LeftOutError(f"it {params.fault}")
        shape = self.shapes.of(operation.schema)
        is_paged = paging.has_pages(params.query)
        envelope = None
        if self.states_pages and not shape.is_list:
            envelope = paging.envelope(self.shapes, shape, is_paged=is_paged)
        keys, listing = envelope or ((), shape)
        is_list = listing.is_list
        if not is_list and not shape.is_object:
            raise LeftOutError("its answer is no record and no list")
        facts: Table = {
            "path": operation.prefix + params.path,
            "returns": "list" if is_list else "record",
        } | operation.facts
        facts |= {"params": params.params, "headers": params.headers}
        schema = listing.items if is_list else operation.schema
        record = self.shapes.of(schema, listing.inside) if is_list else shape
        if is_list and self.states_pages:
            body = None if shape.is_list else shape
            facts["pages"], record = paging.pages(
                params.query, operation.headers, body, self.shapes, keys=keys, record=record
            )
            # The client sets these; a call with one of them would get a part of the list.
            own = {facts["pages"].get("param"), facts["pages"].get("size_param")} - {None, ""}
            facts["params"] = [param for param in facts["params"] if param.get("sent") not in own]
        elif is_paged and self.states_pages:  # a record with several lists, of which an answer may have parts
            facts["pages"] = {"kind": "whole"}
        facts["record"] = self.record(operation.path, schema, record)
        return {key: value for key, value in facts.items() if value}

    def record(self, path: str, schema: Any, shape: Shape) -> str:
        """Return the name of a kind of record, and add its fields to `records`.

        Parameters:
            path: of the operation.
            schema: of the record.
            shape: of the record; another one if the elements of a list are no records themselves.
        """
        fields = self.shapes.fields_of(
            shape, lambda field, value: SECRET * (value.types != ["boolean"] and is_secret(path, field))
        )
        fields = fields or {"value": "any?"}
        if any(line.endswith(SECRET) for line in fields.values()):  # what is beside a secret may repeat it
            above = {field.rpartition(".")[0].removesuffix("[]") for field in fields}
            fields = {
                field: f"{line} | {SECRET}" if line.rstrip("?") == "object" and field not in above else line
                for field, line in fields.items()
            }
        number = self._numbers.setdefault(tuple(fields.items()), str(len(self._numbers)))
        self.records[number] = fields
        return number

    def param(self, name: str, path: str, segment: str, schema: Mapping[str, Any]) -> Table:
        """Return the facts of a parameter of a path.

        Parameters:
            name: its name in Lua.
            path: as the document has it.
            segment: its name in the path.
            schema: of its values.
        """
        fact: Table = {"name": name, "required": True} | _kind(self.shapes.of(schema))
        before = path.partition(f"/{{{segment}}}")[0]
        if before != path:
            fact["listed_at"] = PLACE.sub("{}", before)
        # The last one is what the call is about: the repository, not its owner.
        if segment == places(path)[-1] and not fact.get("values"):
            fact["each"] = _fields_of(name, before.rpartition("/")[2])
        return fact

    def _parameters(self, operation: ReadOperation) -> _Parameters:
        by_place: dict[tuple[str, str], Mapping[str, Any]] = {}
        for reference in operation.parameters:
            value = self.shapes.references.resolve(reference)
            if isinstance(value, Mapping) and isinstance(value.get("name"), str) and isinstance(value.get("in"), str):
                by_place[value["in"], value["name"]] = value
        path, prefix = operation.path, operation.prefix
        params = _Parameters(path, [], {}, {}, "")
        names: dict[str, str] = {}
        for segment in places(path):
            schema = _schema(by_place.get(("path", segment), {}))
            fact = self.param(free_name(snake_case(segment) or "value", names.values()), path, segment, schema)
            names[segment] = fact["name"]
            params.params.append(fact | ({"listed_at": prefix + fact["listed_at"]} if "listed_at" in fact else {}))
        faults = []
        for (where, name), value in by_place.items():
            if where == "query":
                faults.append(_add_query(params, name, value, self.shapes))
            elif where == "header" and value.get("required") and name.lower() not in _OWN_HEADERS:
                faults.append(_add_header(params, name, value, self.shapes))
            elif where not in ("path", "header", "cookie") and value.get("required"):
                faults.append(f"needs a parameter in the {where}")
        renamed = PLACE.sub(lambda match: f"{{{names[match[1]]}}}", path)
        return params._replace(path=renamed, fault=next(filter(None, faults), ""))


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each fact that a newer table adds, drops or changes, in the order of the names.

    Parameters:
        before, after: the facts of both tables as text, by name.
    """
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"+ {name}: {after[name]}"
        elif name not in after:
            yield f"- {name}: {before[name]}"
        elif before[name] != after[name]:
            yield f"~ {name}: {before[name]} -> {after[name]}"


def _fields_of(name: str, collection: str) -> list[str]:
    """Return the fields of a record that can stand in place of a parameter, the most likely first."""
    ending = name.rpartition("_")[2]
    if ending in _BY_ENDING:
        return list(dict.fromkeys((*_BY_ENDING[ending], name)))
    own = () if name == singular(snake_case(collection)) else (name,)
    return list(dict.fromkeys((*own, *_NAMES)))


def _add_header(params: _Parameters, name: str, value: Mapping[str, Any], shapes: Shapes) -> str:
    """Add a header that each request needs; return why the operation cannot be called, or an empty text."""
    schema = _schema(value)
    text = schema.get("default", next(iter(shapes.of(schema).values), None))
    if not isinstance(text, (str, int)) or not str(text).isprintable():
        return f"needs the header {name}"
    params.headers[name] = str(text)
    return ""


def _add_query(params: _Parameters, sent_as: str, value: Mapping[str, Any], shapes: Shapes) -> str:
    """Add a parameter of the query; return why the operation cannot be called without it, or an empty text."""
    schema = _schema(value)
    shape = shapes.of(schema)
    params.query[sent_as] = schema
    name = snake_case(sent_as.replace("[", "_").replace("]", ""))
    fact: dict[str, Any] = {"name": name, "sent": sent_as}
    if shape.is_list:
        items = shapes.of(shape.items, shape.inside)
        if set(items.types) - _KINDS:
            return f"needs the parameter {sent_as}, which is a list of objects" if value.get("required") else ""
        fact |= {"kind": "string", "separator": _separator(value)}
    elif shape.is_object:
        return f"needs the parameter {sent_as}, which is an object" if value.get("required") else ""
    else:
        fact |= _kind(shape)
    fact["name"] = free_name(name or "value", {*(param["name"] for param in params.params), *RESERVED, NEWEST})
    if value.get("required"):
        fact["required"] = True
    params.params.append(fact)
    return ""


def _kind(shape: Shape) -> dict[str, Any]:
    """Return the kind of a parameter, and its values if it has only some."""
    kind = shape.types[0] if len(shape.types) == 1 and shape.types[0] in _KINDS else "string"
    values = [str(value) for value in shape.values if isinstance(value, str) and value.isprintable()]
    fact: dict[str, Any] = {"kind": kind} if kind != "string" else {}
    if kind == "string" and values and len(values) == len(shape.values) <= MAX_VALUES:
        fact["values"] = values
    elif kind == "string":  # in an address, a number is a text
        fact["numeric"] = True
    return fact


def _separator(value: Mapping[str, Any]) -> str:
    """Return what stands between the items of a list in the query; empty if each is a parameter of its own."""
    if "schema" not in value and "content" not in value:  # Swagger 2.0
        form = value.get("collectionFormat", "csv")
        return "" if form == "multi" else _SEPARATORS.get(form, ",")
    style = value.get("style", "form")
    return "" if value.get("explode", style == "form") else _SEPARATORS.get(style, ",")


def _schema(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a parameter; in Swagger 2.0 that is the parameter itself."""
    schema = value.get("schema")
    if isinstance(schema, Mapping):
        return schema
    content = value.get("content")
    if isinstance(content, Mapping):
        return {"type": "object"}  # a text in another format
    return {key: value[key] for key in ("type", "enum", "items", "format", "default", "maximum") if key in value}
