"""The arguments of a call, checked against the tool's JSON Schema before anything is sent, and the value of its result.

All mistakes are reported in one message, which says what is required and never shows the values. An argument that the
schema does not name is a mistake if the schema lists its arguments, because most servers silently ignore it.

A schema comes from a server, and so does a result. Most are small, and are checked here. Others are checked in the
reader, of which only the mistakes come back, and so are those whose regular expressions are matched.

A result is its `structuredContent` if present, else a single text, else a list of parts. A text is parsed as JSON only
if it is an object or an array, so that `123` stays a text. Server SDKs wrap values that are not objects as
`{"result": …}`; these are unwrapped. A list of objects becomes `Records`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import BadAnswerError, InvalidArgumentsError, LimitError, RefusedError
from kosmo_kernel.mcp.tools import ENDLESS, TOO_COSTLY, WRAPPED, Tool, count_nodes, unknown_argument
from kosmo_kernel.reader.task import MAX_SECONDS, Task
from kosmo_kernel.safety.intake import count_values, decode_json
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.values.records import Records, decode, to_builtins

if TYPE_CHECKING:
    from kosmo_kernel.mcp.schemas import Schema

MAX_SMALL_SCHEMA = 1_000  # numbers, texts, lists and objects in a schema that is used in this process
MAX_SMALL_VALUE = 10_000  # of them in a value that is checked in this process
SECONDS_OF_PATTERNS = 1.0  # of processor time in the reader, for a small schema and a small value
MAX_FAULT_LENGTH = 4_000  # characters of a description from the reader
SECONDS_PER_VALUE = 1e-4  # of processor time in the reader, besides `MAX_SECONDS`
MAX_NAMED = 100  # unknown arguments that an error names, and missing ones
MAX_SCHEMAS_KEPT = 1_000  # cached schemas; each listing of a server's tools creates new ones
# Keywords that may allow argument names besides those in `properties`.
OPEN = ("additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf", "$ref", "if")

MAX_MESSAGE_LENGTH = 4_000  # characters of a tool's error message
MARKUP = {"text/markdown": "markdown", "text/html": "html"}
# Raster formats only: an SVG can contain scripts, so one from a server is not displayed.
PICTURES = {"image/gif": "gif", "image/jpeg": "jpeg", "image/png": "png", "image/webp": "webp"}

_schemas: dict[int, tuple[Mapping[str, Any], Schema | None]] = {}
"""Compiled schemas by the schema's id, None for a large one; keeping the schema keeps its id unique."""

_VIOLATIONS = Task(
    "kosmo_kernel.mcp.schemas:violations",
    "a value of an MCP server",
    libraries=("jsonschema", "regex"),
    refusal=ValueError,
)


def checked(
    tool: Tool,
    fields: Mapping[str, Any] | None,
    positional: Sequence[Any] = (),
    *,
    patterns: bool = False,
) -> dict[str, Any]:
    """Return the arguments of a call by name, in the form to send.

    Parameters:
        tool: the tool to call.
        fields: the arguments by name; None if they are positional.
        positional: the arguments in the order of the schema's properties.
        patterns: match the regular expressions of the schema, too.

    Raises:
        InvalidArgumentsError: the arguments do not fit; all mistakes are in one message. Nothing was sent.
        StoppedError: the run must stop.
    """
    arguments: dict[str, Any] = {}
    try:
        arguments, faults = _check(tool, fields, positional, patterns=patterns)
    except RecursionError:
        faults = [ENDLESS]
    if faults:
        raise InvalidArgumentsError.of_call(tool.function, dict.fromkeys(faults), tool.signature)
    return arguments


def result_faults(tool: Tool, answer: Mapping[str, Any]) -> list[str]:
    """Return the descriptions of how a tool's result violates its output schema. Patterns are not checked.

    Parameters:
        tool: the tool that was called.
        answer: its result, which is no error.

    Raises:
        StoppedError: the run must stop.
    """
    if tool.output is None or "structuredContent" not in answer:
        return []
    return list(dict.fromkeys(_violations(tool.output, answer["structuredContent"])))


def is_checked_in_reader(tool: Tool, answer: Mapping[str, Any]) -> bool:
    """Return whether `result_faults` of a result takes long, and waits for the reader."""
    if tool.output is None:
        return False
    return _compiled(tool.output) is None or count_nodes(answer.get("structuredContent"), MAX_SMALL_VALUE) is None


def _check(
    tool: Tool, fields: Mapping[str, Any] | None, positional: Sequence[Any], *, patterns: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments by name, and their mistakes."""
    faults: list[str] = []
    properties = tool.properties
    values: Mapping[str, Any] = fields or {}
    if fields is None:
        values = dict(zip(properties, positional, strict=False))
        if len(positional) > len(properties):
            faults.append(f"it takes {len(properties)} arguments, got {len(positional)}")
    arguments = {
        name: _converted(to_builtins(value), properties.get(name, {}))
        for name, value in values.items()
        if value is not None
    }
    missing = (name for name in tool.required if name not in arguments)
    faults += [f"`{name}` is missing" for name in islice(missing, MAX_NAMED)]
    if properties and not any(tool.schema.get(key) for key in OPEN):
        unknown = [name for name in arguments if name not in properties]
        faults += [unknown_argument(name, list(properties)) for name in unknown[:MAX_NAMED]]
    return arguments, faults + _violations(tool.schema, arguments, patterns=patterns)


def _converted(value: Any, schema: Mapping[str, Any]) -> Any:
    """Convert `{}` and floats such as `2.0`, which are ambiguous in Lua, to the type that a schema requires."""
    if value in ([], {}) and isinstance(value, (list, dict)):
        kinds = declared_kinds(schema)
        return value if ("array" in kinds) == ("object" in kinds) else [] if "array" in kinds else {}
    if isinstance(value, float) and value.is_integer():
        kinds = declared_kinds(schema)
        return int(value) if "integer" in kinds and "number" not in kinds else value
    return value


def declared_kinds(schema: Mapping[str, Any]) -> set[str]:
    """Return the types that a schema declares directly or in alternatives."""
    kinds: set[str] = set()
    rest: list[Any] = [schema]
    while rest:
        part = rest.pop()
        if isinstance(part, dict):
            declared = part.get("type")
            kinds |= {
                kind for kind in (declared if isinstance(declared, list) else [declared]) if isinstance(kind, str)
            }
            for alternatives in (part.get("anyOf"), part.get("oneOf")):
                rest += alternatives if isinstance(alternatives, list) else []
    return kinds


def _violations(schema: Mapping[str, Any], value: Any, *, patterns: bool = False) -> list[str]:
    """Return the descriptions of how a value violates a schema; a pattern that takes too long is left to the server."""
    compiled, count = _compiled(schema), count_nodes(value, MAX_SMALL_VALUE)
    if compiled and count and not (patterns and compiled.has_patterns):
        return compiled.violations(value, count)
    from kosmo_kernel.reader.reading import read

    for has_patterns in (True, False) if patterns else (False,):  # a pattern may take for ever
        content = json.dumps({"schema": schema, "value": value, "has_patterns": has_patterns}).encode()
        most = SECONDS_OF_PATTERNS if has_patterns and compiled and count else MAX_SECONDS
        seconds = most + SECONDS_PER_VALUE * count_values(content, len(content))
        try:
            reply = decode_json(read(_VIOLATIONS._replace(seconds=seconds), content), "the reply", ValueError)
            return [str(fault)[:MAX_FAULT_LENGTH] for fault in reply]
        except LimitError:
            continue
        except (ValueError, TypeError):  # the process is not trusted
            break
    return [TOO_COSTLY]


def _compiled(schema: Mapping[str, Any]) -> Schema | None:
    """Return what checks values against a schema, or None if the schema is large."""
    cached = _schemas.get(id(schema))
    if cached is None or cached[0] is not schema:
        if len(_schemas) >= MAX_SCHEMAS_KEPT:
            _schemas.clear()
        compiled = None
        if count_nodes(schema, MAX_SMALL_SCHEMA):
            from kosmo_kernel.mcp.schemas import Schema

            compiled = Schema(schema)
        cached = _schemas[id(schema)] = schema, compiled
    return cached[1]


# The value of a result --------------------------------------------------------------------------------------------


def result_value(tool: Tool, answer: Mapping[str, Any], secrets: Iterable[str] = ()) -> Any:
    """Return the value of a tool's result.

    Parameters:
        tool: the tool that was called.
        answer: the result, see `Servers.begin_call`.
        secrets: texts to redact in error messages.

    Raises:
        RefusedError: the tool reported an error.
        BadAnswerError: the result violates the tool's output schema.
    """
    content = answer.get("content") or []
    if answer.get("isError"):
        raise _failed(tool, content, secrets)
    if faults := result_faults(tool, answer):
        message = f"{tool.function} answered wrongly: {redact('; '.join(faults), secrets)}."
        raise BadAnswerError(message, function=tool.function)
    if "structuredContent" in answer:
        value = answer["structuredContent"]
        is_wrapped = tool.is_wrapped and isinstance(value, dict) and list(value) == [WRAPPED]
        return _records(value[WRAPPED] if is_wrapped else value)
    match content:
        case []:
            return None
        case [{"type": "text", "text": str(text)}]:
            return _records(_decoded(text))
    parts = [_without_data(part) for part in content]
    return parts[0] if len(parts) == 1 else _records(parts)


def displays_of(answer: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    """Return the images and formatted documents of a result, as pairs of a `display` format and its data.

    Parameters:
        answer: a tool's result or a resource's contents.
    """
    displays: list[tuple[str, bytes]] = []
    for part in (*(answer.get("content") or ()), *(answer.get("contents") or ())):
        match part:
            case {"type": "resource", "resource": {"mimeType": str(kind), "text": str(text)}} if kind in MARKUP:
                displays.append((MARKUP[kind], text.encode()))
            case (
                {"type": "image", "mimeType": str(kind), "data": str(data)}
                | {"type": "resource", "resource": {"mimeType": str(kind), "blob": str(data)}}
                | {"uri": _, "mimeType": str(kind), "blob": str(data)}
            ) if kind in PICTURES:
                displays.append((PICTURES[kind], data.encode()))
    return displays


def _decoded(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return decode(text.encode())
    except (ValueError, RecursionError):
        return text


def _without_data(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part with the base64 data of an image or a sound replaced by its size in bytes."""
    data = part.get("data")
    if not isinstance(data, str):
        return dict(part)
    size = len(data) * 3 // 4 - data.count("=")
    return {key: value for key, value in part.items() if key != "data"} | {"bytes": size}


def _records(value: Any) -> Any:
    is_records = isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
    return Records(value) if is_records else value


def _failed(tool: Tool, content: Iterable[Mapping[str, Any]], secrets: Iterable[str]) -> RefusedError:
    texts = [part["text"] for part in content if part.get("type") == "text" and str(part.get("text")).strip()]
    reason = shortened(redact("\n".join(texts).strip(), secrets), MAX_MESSAGE_LENGTH + 1)
    message = f"{tool.function}: {reason}" if reason else f"{tool.function} failed, and the server does not say why."
    return RefusedError(message, function=tool.function)
