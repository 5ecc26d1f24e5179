"""The parameters of an operation: their names in Lua, their kinds, and how they are sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from kosmo_kernel.catalogue.documents.names import PLACE, free_name, places, singular, snake_case
from kosmo_kernel.catalogue.documents.references import References
from kosmo_kernel.catalogue.documents.shapes import Shape, Shapes
from kosmo_kernel.catalogue.model import NEWEST, RESERVED

MAX_VALUES = 100  # of one parameter
_KINDS = {"string", "integer", "number", "boolean"}
# The fields of a record that can stand in its place, by the ending of the parameter's name.
_BY_ENDING = {"id": ("id",), "number": ("number",), "slug": ("slug",), "uuid": ("uuid", "id"), "key": ("key",)}
_NAMES = ("name", "login", "username", "slug", "key", "id")
# Headers that the client sends itself, or that a parameter of the header must not replace.
_OWN_HEADERS = {"accept", "content-type", "authorization", "user-agent", "host", "range", "if-none-match", "cookie"}
_SEPARATORS = {"csv": ",", "ssv": " ", "tsv": "\t", "pipes": "|", "spaceDelimited": " ", "pipeDelimited": "|"}


class Parameters(NamedTuple):
    """The parameters of an operation, as facts."""

    path: str  # with a place for each parameter of the path, by its name in Lua
    params: list[dict[str, Any]]  # of the path, then of the query, as `functions.param` reads them
    headers: dict[str, str]  # that each request needs, such as the version of the API
    query: dict[str, Mapping[str, Any]]  # the schemas of the parameters of the query, by the names that are sent
    fault: str  # why the operation cannot be called; empty if it can


def parameters(path: str, declared: Iterable[Any], references: References, shapes: Shapes) -> Parameters:
    """Return the parameters of an operation.

    Parameters:
        path: as the document has it.
        declared: the parameters of the path and those of the operation, which take precedence.
        references, shapes: of the document.
    """
    by_place: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in declared:
        value = references.resolve(one)
        if isinstance(value, Mapping) and isinstance(value.get("name"), str) and isinstance(value.get("in"), str):
            by_place[value["in"], value["name"]] = value
    found = Parameters(path, [], {}, {}, "")
    names: dict[str, str] = {}
    for place in places(path):
        schema = _schema(by_place.get(("path", place), {}))
        names[place] = free_name(snake_case(place) or "value", [*names.values()])
        found.params.append(_of_path(names[place], path, place, shapes.of(schema), last=place == places(path)[-1]))
    faults = []
    for (where, name), value in by_place.items():
        if where == "query":
            faults.append(_add_query(found, name, value, shapes, names))
        elif where == "header" and value.get("required") and name.lower() not in _OWN_HEADERS:
            shape = shapes.of(_schema(value))
            text = _schema(value).get("default", next(iter(shape.values), None))
            if isinstance(text, (str, int)) and str(text).isprintable():
                found.headers[name] = str(text)
            else:
                faults.append(f"needs the header {name}")
        elif where not in ("path", "header", "cookie") and value.get("required"):
            faults.append(f"needs a parameter in the {where}")
    renamed = PLACE.sub(lambda match: f"{{{names[match[1]]}}}", path)
    return found._replace(path=renamed, fault=next(filter(None, faults), ""))


def _of_path(name: str, path: str, place: str, shape: Shape, *, last: bool) -> dict[str, Any]:
    fact: dict[str, Any] = {"name": name, "required": True} | _kind(shape)
    before = path.partition(f"/{{{place}}}")[0]
    if before != path:
        fact["listed_at"] = PLACE.sub("{}", before)
    if last and not fact.get("values"):  # the last one is what the call is about: the repository, not its owner
        fact["each"] = _fields_of(name, before.rpartition("/")[2])
    return fact


def _fields_of(name: str, collection: str) -> list[str]:
    """Return the fields of a record that can stand in place of a parameter, the most likely first."""
    ending = name.rpartition("_")[2]
    if ending in _BY_ENDING:
        return list(dict.fromkeys((*_BY_ENDING[ending], name)))
    own = () if name == singular(snake_case(collection)) else (name,)
    return list(dict.fromkeys((*own, *_NAMES)))


def _add_query(found: Parameters, sent: str, value: Mapping[str, Any], shapes: Shapes, names: Mapping[str, str]) -> str:
    """Add a parameter of the query; return why the operation cannot be called without it, or an empty text."""
    schema = _schema(value)
    shape = shapes.of(schema)
    found.query[sent] = schema
    name = snake_case(sent.replace("[", "_").replace("]", ""))
    fact: dict[str, Any] = {"name": name, "sent": sent}
    if shape.is_list:
        items = shapes.of(shape.items, shape.inside)
        if set(items.types) - _KINDS:
            return f"needs the parameter {sent}, which is a list of objects" if value.get("required") else ""
        fact |= {"kind": "string", "separator": _separator(value)}
    elif shape.is_object:
        return f"needs the parameter {sent}, which is an object" if value.get("required") else ""
    else:
        fact |= _kind(shape)
    taken = {*names.values(), *(param["name"] for param in found.params), *RESERVED, NEWEST}
    fact["name"] = free_name(name or "value", taken)
    if value.get("required"):
        fact["required"] = True
    found.params.append(fact)
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
