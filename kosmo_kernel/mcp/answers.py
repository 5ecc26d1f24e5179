"""Conversion of a tool's result to a value: `structuredContent` if present, else a single text, else a list of parts.

A text is parsed as JSON only if it is an object or an array, so that `123` stays a text. Server SDKs wrap values that
are not objects as `{"result": …}`; these are unwrapped. A list of objects becomes `Records`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kosmo_kernel.errors import BadAnswerError, RefusedError
from kosmo_kernel.mcp.arguments import result_faults
from kosmo_kernel.mcp.tools import WRAPPED, Tool
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.values.records import Records, decode

MAX_MESSAGE_LENGTH = 4_000  # characters of a tool's error message
MARKUP = {"text/markdown": "markdown", "text/html": "html"}
# Raster formats only: an SVG can contain scripts, so one from a server is not displayed.
PICTURES = {"image/gif": "gif", "image/jpeg": "jpeg", "image/png": "png", "image/webp": "webp"}


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
            case {"type": "image", "mimeType": str(kind), "data": str(data)} if kind in PICTURES:
                displays.append((PICTURES[kind], data.encode()))
            case {"type": "resource", "resource": {"mimeType": str(kind), "text": str(text)}} if kind in MARKUP:
                displays.append((MARKUP[kind], text.encode()))
            case {"type": "resource", "resource": {"mimeType": str(kind), "blob": str(data)}} if kind in PICTURES:
                displays.append((PICTURES[kind], data.encode()))
            case {"uri": _, "mimeType": str(kind), "blob": str(data)} if kind in PICTURES:
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
    reason = redact("\n".join(texts).strip(), secrets)
    reason = reason if len(reason) <= MAX_MESSAGE_LENGTH else reason[:MAX_MESSAGE_LENGTH] + "…"
    message = f"{tool.function}: {reason}" if reason else f"{tool.function} failed, and the server does not say why."
    return RefusedError(message, function=tool.function)
