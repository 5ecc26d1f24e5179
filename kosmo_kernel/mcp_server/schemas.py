"""The JSON Schema of what a function answers, computed from its columns.

A record has the fields that its columns name, dotted ones nested. Nothing is required and other fields are allowed,
because a service may leave fields out and add new ones; null is allowed where a column says so, and for a whole nested
record where each of its fields may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kosmo_kernel.catalogue import Column, Function

TYPES = {"timestamp": "string", "list": "array"}  # of columns, where JSON Schema has another word
FAILURE = ("type", "status", "id", "message", "request_id")


def answer_schema(function: Function) -> dict[str, Any]:
    """What a call gives: `result`, `account`, `notes`, and of a list argument with `errors` the `failures`."""
    one = _record([(column.path, column) for column in function.columns])
    many = {"type": "array", "items": one}
    by_list = function.fan_out is not None
    result = many if function.returns == "list" else {"anyOf": [one, many]} if by_list else one
    properties: dict[str, Any] = {
        "result": result,
        "account": {"type": "string", "description": "The account that was asked"},
        "notes": {"type": "array", "items": {"type": "string"}, "description": "What to know about the result"},
    }
    if by_list:
        failure = {"type": "object", "properties": {name: {} for name in FAILURE}}
        properties["failures"] = {"type": "array", "items": failure, "description": "What could not be read"}
    return {"type": "object", "properties": properties, "required": ["result", "account", "notes"]}


def _record(columns: Sequence[tuple[tuple[str, ...], Column]]) -> dict[str, Any]:
    """An object with these fields, each by the rest of its path."""
    names = dict.fromkeys(path[0] for path, _ in columns)
    return {"type": "object", "properties": {name: _field(name, columns) for name in names}}


def _field(name: str, columns: Iterable[tuple[tuple[str, ...], Column]]) -> dict[str, Any]:
    own = [(path[1:], column) for path, column in columns if path[0] == name]
    if own[0][0]:
        schema = _record(own)
        return schema | ({"type": ["object", "null"]} if all(column.nullable for _, column in own) else {})
    column = own[0][1]
    kind = TYPES.get(column.kind, column.kind)
    schema = {"type": [kind, "null"] if column.nullable else kind, "description": column.doc}
    return schema | ({"format": "date-time"} if column.kind == "timestamp" else {})
