"""Check values against schemas of MCP servers: the task of `arguments.py`, which runs in the reader."""

from __future__ import annotations

import json
from functools import lru_cache

import regex

from kosmo_kernel.mcp.schema_check import Schema, count_nodes, schema_of, unknown_match
from kosmo_kernel.safety.intake import decode_json


def prepare() -> None:
    """Check values that make each kind of mistake, because modules are imported when they are first needed."""
    schema = {
        "properties": {"a": {"pattern": "a"}, "b": {"$ref": "#/$defs/c"}, "d": {"uniqueItems": True}},
        "$defs": {"c": {"type": "integer"}},
        "patternProperties": {"^x": {}},
        "additionalProperties": False,
        "unevaluatedProperties": False,
    }
    value = {"a": "b", "b": "c", "d": [1, 1], "bb": 1}
    violations(json.dumps({"schema": schema, "value": value, "has_patterns": True}).encode())


def violations(data: bytes) -> bytes:
    """Return a list of the descriptions of how a value violates a schema.

    Parameters:
        data: an object with `schema`, `value` and `has_patterns`: whether to match patterns.
    """
    question = decode_json(data, "the question", ValueError)
    matches = _matches if question["has_patterns"] else unknown_match
    value, schema = question["value"], _schema(json.dumps(question["schema"]))
    nodes = count_nodes(value, len(data)) or len(data)
    return json.dumps(schema.violations(value, nodes, matches)).encode()


@lru_cache(maxsize=4)
def _schema(text: str) -> Schema:
    return schema_of(decode_json(text, "the schema", ValueError))


def _matches(pattern: str, text: str) -> bool | None:
    """Return whether a pattern matches somewhere in a text; None if it is no pattern."""
    try:
        return regex.compile(pattern, regex.VERSION0 | regex.UNICODE, cache_pattern=False).search(text) is not None
    except (regex.error, ValueError, OverflowError, RecursionError):
        return None
