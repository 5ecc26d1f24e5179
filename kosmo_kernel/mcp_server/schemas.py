"""The JSON Schema of a function's result, computed from its columns.

A record has the fields of its columns; dotted names become nested objects. No field is required and other fields are
allowed, because a service may omit fields and add new ones. Null is allowed for nullable columns, and for a nested
object if all of its columns are nullable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kosmo_kernel.catalogue import Column, Function
from kosmo_kernel.values.records import FAILURE_FIELDS

TYPES = {"timestamp": "string", "list": "array"}  # column types with another name in JSON Schema


def answer_schema(function: Function) -> dict[str, Any]:
    """Return the schema of a call's result: `result`, `account`, `notes`, and `failures` if it takes a list."""
    record = _record([(column.path, column) for column in function.columns])
    records = {"type": "array", "items": record}
    takes_list = function.fan_out is not None
    result = records if function.returns == "list" else {"anyOf": [record, records]} if takes_list else record
    properties: dict[str, Any] = {
        "result": result,
        "account": {"type": "string", "description": "The account that was asked"},
        "notes": {"type": "array", "items": {"type": "string"}, "description": "What to know about the result"},
    }
    if takes_list:
        failure = {"type": "object", "properties": {column.name: {} for column in FAILURE_FIELDS}}
        properties["failures"] = {"type": "array", "items": failure, "description": "What could not be read"}
    return {"type": "object", "properties": properties, "required": ["result", "account", "notes"]}


def _record(columns: Sequence[tuple[tuple[str, ...], Column]]) -> dict[str, Any]:
    """Return the schema of an object from its columns, each with the remaining path."""
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
