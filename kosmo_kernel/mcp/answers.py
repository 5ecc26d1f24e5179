"""What a tool answered, as a value: `structuredContent` where it has that, else its one text, else its parts as a list.

A text is taken for JSON only where it is an object or a list, so that `123` stays a text. The SDKs of servers wrap what
is no object as `{"result": …}`, and what was wrapped so is unwrapped. A list of objects becomes records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kosmo_kernel.errors import RefusedError
from kosmo_kernel.mcp.tools import WRAPPED, Tool
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.values.records import Records, decode

MAX_MESSAGE_LENGTH = 4_000  # characters of a tool's own words about its failure
MARKUP = {"text/markdown": "markdown", "text/html": "html"}
# Of pictures those that draw and do nothing else; an SVG is a document, and a server's is not shown.
PICTURES = {"image/gif": "gif", "image/jpeg": "jpeg", "image/png": "png", "image/webp": "webp"}


def value_of(tool: Tool, answer: Mapping[str, Any], secrets: Iterable[str] = ()) -> Any:
    """The value of an answer.

    Parameters:
        tool: what was called.
        answer: see `Servers.begin_call`.
        secrets: what no message may show.

    Raises:
        RefusedError: the tool says that it failed.
    """
    content = answer.get("content") or []
    if answer.get("isError"):
        raise _failed(tool, content, secrets)
    if "structuredContent" in answer:
        return _records(_unwrapped(tool, answer["structuredContent"]))
    match content:
        case []:
            return None
        case [{"type": "text", "text": str(text)}]:
            return _records(_decoded(text))
    parts = [_without_data(part) for part in content]
    return parts[0] if len(parts) == 1 else _records(parts)


def displays_of(answer: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    """What of an answer is to be looked at: forms of `display`, and what they show.

    Parameters:
        answer: of a tool, or what a resource holds.
    """
    found: list[tuple[str, bytes]] = []
    for part in (*(answer.get("content") or ()), *(answer.get("contents") or ())):
        match part:
            case {"type": "image", "mimeType": str(kind), "data": str(data)} if kind in PICTURES:
                found.append((PICTURES[kind], data.encode()))
            case {"type": "resource", "resource": {"mimeType": str(kind), "text": str(text)}} if kind in MARKUP:
                found.append((MARKUP[kind], text.encode()))
            case {"type": "resource", "resource": {"mimeType": str(kind), "blob": str(data)}} if kind in PICTURES:
                found.append((PICTURES[kind], data.encode()))
            case {"uri": _, "mimeType": str(kind), "blob": str(data)} if kind in PICTURES:
                found.append((PICTURES[kind], data.encode()))
    return found


def _unwrapped(tool: Tool, value: Any) -> Any:
    return value[WRAPPED] if tool.is_wrapped and isinstance(value, dict) and list(value) == [WRAPPED] else value


def _decoded(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return decode(text.encode())
    except (ValueError, RecursionError):
        return text


def _without_data(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part without the base64 of a picture or a sound, which is shown and not read; its size in place of that."""
    data = part.get("data")
    if not isinstance(data, str):
        return dict(part)
    size = len(data) * 3 // 4 - data.count("=")
    return {key: one for key, one in part.items() if key != "data"} | {"bytes": size}


def _records(value: Any) -> Any:
    is_records = isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
    return Records(value) if is_records else value


def _failed(tool: Tool, content: Iterable[Mapping[str, Any]], secrets: Iterable[str]) -> RefusedError:
    texts = [part["text"] for part in content if part.get("type") == "text" and str(part.get("text")).strip()]
    said = redact("\n".join(texts).strip(), secrets)
    said = said if len(said) <= MAX_MESSAGE_LENGTH else said[:MAX_MESSAGE_LENGTH] + "…"
    told = f"{tool.function}: {said}" if said else f"{tool.function} failed, and the server does not say why."
    return RefusedError(told, function=tool.function)
