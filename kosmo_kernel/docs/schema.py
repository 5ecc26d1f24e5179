"""Describe a function as data: what a program needs to call it and to read its result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kosmo_kernel.catalogue import ERROR_MODES, RESERVED, Function, Integration, Param

# The arguments that apply if a list is passed in place of one value.
_VALUES: dict[str, dict[str, Any]] = {"errors": {"enum": list(ERROR_MODES)}, "limit": {"type": "integer", "minimum": 1}}
WITH_A_LIST = {name: _VALUES[name] | {"description": param.doc} for name, param in RESERVED.items()}


def describe(integration: Integration, function: Function) -> dict[str, Any]:
    """Return a function as data with JSON values only: what a program needs to call it and to read its result."""
    return {
        "provider": integration.name,
        "function": f"{integration.name}.{function.name}",
        "name": function.name,
        "slug": f"{integration.name}_{function.name}",
        "aliases": list(function.aliases),
        "title": function.summary,
        "description": function.description.strip(),
        "operation": function.effect,
        "lua": f"app.integrations.{integration.name}.{function.signature}",
        "example": function.example,
        "input_schema": input_schema(function),
        "returns": function.returns,
        "fields": [
            {"name": c.name, "type": c.kind, "nullable": c.nullable, "default": c.default, "description": c.doc}
            for c in function.columns
        ],
    }


def input_schema(function: Function) -> dict[str, Any]:
    """Return the named arguments as JSON Schema; where a call has one of several sets of them, with `oneOf`.

    Services for language models refuse a tool whose schema has `oneOf` at its top; `choices` says the same in words.
    """
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {p.name: _property(p) for p in function.params} | (WITH_A_LIST if function.fan_out else {}),
        "required": [param.name for param in function.params if param.required],
        "additionalProperties": False,
    }
    return schema | ({"oneOf": list(_alternatives(function))} if len(function.links) > 1 else {})


def _alternatives(function: Function) -> Iterator[dict[str, Any]]:
    """Yield a schema for each set of arguments of which a call has exactly one."""
    places = dict.fromkeys(place for link in function.links for place in link.places)
    for link in function.links:
        others = dict.fromkeys((place for place in places if place not in link.places), False)
        yield {"required": list(link.places)} | ({"properties": others} if others else {})


def _property(param: Param) -> dict[str, Any]:
    value_schema: dict[str, Any] = {"type": param.kind}
    if param.pattern:
        value_schema["pattern"] = f"^(?:{param.pattern})$"
    schema = {"anyOf": [value_schema, {"type": "array", "items": value_schema}]} if param.each else value_schema
    example: Any = int(param.example) if param.example and param.kind == "integer" else param.example
    return schema | {"description": param.doc} | ({"examples": [example]} if param.example else {})
