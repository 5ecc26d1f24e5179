"""The arguments of a call of a tool, and the value of its result. The server checks the arguments.

A result is its `structuredContent` if present, else a single text, else a list of parts. A text is parsed as JSON only
if it is an object or an array, so that `123` stays a text. Server SDKs wrap values that are not objects as
`{"result": …}`; these are unwrapped. A list of objects becomes `Records`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kosmo_kernel.errors import InvalidArgumentsError, RefusedError
from kosmo_kernel.mcp.tools import WRAPPED, Tool
from kosmo_kernel.safety.decoder import DecodeError, decode
from kosmo_kernel.safety.redaction import in_texts, one_line, redact, redact_forms
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.values.records import Records, to_builtins

MAX_NAMED = 5  # unknown arguments that an error names
MAX_MESSAGE_LENGTH = 4_000  # characters of a tool's error message
MARKUP = {"text/markdown": "markdown", "text/html": "html"}
# Raster formats only: an SVG can contain scripts, so one from a server is not displayed.
PICTURES = {"image/gif": "gif", "image/jpeg": "jpeg", "image/png": "png", "image/webp": "webp"}


def arguments_by_name(tool: Tool, fields: Mapping[str, Any] | None, positional: Sequence[Any] = ()) -> dict[str, Any]:
    """Return the arguments of a call by name, in the form to send.

    Parameters:
        tool: the tool to call.
        fields: the arguments by name; None if they are positional.
        positional: the arguments in the order of the schema's properties.

    Raises:
        InvalidArgumentsError: there are more positional arguments than properties. Nothing was sent.
    """
    properties = tool.properties
    if len(positional) > len(properties):
        fault = f"it takes {len(properties)} arguments, got {len(positional)}"
        raise InvalidArgumentsError.of_call(tool.function, [fault], tool.signature)
    values = dict(zip(properties, positional, strict=False)) if fields is None else fields
    return {
        name: _converted(to_builtins(value), properties.get(name, {}))
        for name, value in values.items()
        if value is not None
    }


def _converted(value: Any, schema: Mapping[str, Any]) -> Any:
    """Convert `{}` and floats such as `2.0`, which are ambiguous in Lua, to the type that a schema declares."""
    if isinstance(value, (list, dict)) and not value:
        kinds = _declared_kinds(schema)
        return value if ("array" in kinds) == ("object" in kinds) else [] if "array" in kinds else {}
    if isinstance(value, float) and value.is_integer():
        kinds = _declared_kinds(schema)
        return int(value) if "integer" in kinds and "number" not in kinds else value
    return value


def _declared_kinds(schema: Mapping[str, Any]) -> set[str]:
    """Return the types that a schema declares, directly or in its alternatives."""
    alternatives = [schema.get("anyOf"), schema.get("oneOf")]
    parts = [schema, *(part for listed in alternatives if isinstance(listed, list) for part in listed)]
    declared = [part.get("type") for part in parts if isinstance(part, dict)]
    kinds = [kind for value in declared for kind in (value if isinstance(value, list) else [value])]
    return {kind for kind in kinds if isinstance(kind, str)}


def result_value(
    tool: Tool, arguments: Mapping[str, Any], answer: Mapping[str, Any], secrets: Iterable[str] = ()
) -> Any:
    """Return the value of a tool's result.

    Parameters:
        tool: the tool that was called.
        arguments: what was sent.
        answer: the result, see `Servers.begin_call`.
        secrets: texts to redact in error messages.

    Raises:
        RefusedError: the tool reported an error.
    """
    content = answer.get("content") or []
    if answer.get("isError"):
        texts = [part["text"] for part in content if part.get("type") == "text" and str(part.get("text")).strip()]
        reason = shortened(redact("\n".join(texts).strip(), secrets), MAX_MESSAGE_LENGTH + 1)
        message = (
            f"{tool.function}: {reason}" if reason else f"{tool.function} failed, and the server does not say why."
        )
        if unknown := [f"`{one_line(name, most=60)}`" for name in arguments if name not in tool.properties]:
            message += f"\nIt is called as {one_line(tool.signature)}, and has no {', '.join(unknown[:MAX_NAMED])}."
        raise RefusedError(message, function=tool.function)
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
    """Return the images and formatted documents of a tool's result, as pairs of a `display` format and its data."""
    displays: list[tuple[str, bytes]] = []
    for part in answer.get("content") or ():
        match part:
            case {"type": "resource", "resource": {"mimeType": str(kind), "text": str(text)}} if kind in MARKUP:
                displays.append((MARKUP[kind], text.encode()))
            case {"type": "image", "mimeType": str(kind), "data": str(data)} | {
                "type": "resource",
                "resource": {"mimeType": str(kind), "blob": str(data)},
            } if kind in PICTURES:
                displays.append((PICTURES[kind], data.encode()))
    return displays


def _decoded(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return decode(text.encode())
    except DecodeError:
        return text


def _without_data(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part with the base64 data of an image or a sound replaced by its size in bytes."""
    data = part.get("data")
    if not isinstance(data, str):
        return dict(part)
    size = len(data) * 3 // 4 - data.count("=")
    return {key: value for key, value in part.items() if key != "data"} | {"bytes": size}


def _records(value: Any) -> Any:
    value = in_texts(value, redact_forms)
    is_records = isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
    return Records(value) if is_records else value
