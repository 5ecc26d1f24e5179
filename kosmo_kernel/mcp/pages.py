"""What is known of a server's tools, as pages of the reference: from what it said of them when it was asked.

What a server wrote is shown as prose that does nothing: no HTML, and no pictures from elsewhere.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kosmo_kernel import harmless
from kosmo_kernel.docs.page import Page, joined, table
from kosmo_kernel.redact import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kosmo_kernel.mcp.tools import Tool

VALUES = 80  # characters of the values that a schema lists
PROSE = 20_000  # characters of a description


def server_page(called: str, tools: Iterable[Tool], about: Mapping[str, Any]) -> Page:
    """The page of a server.

    Parameters:
        called: what it is called in Lua.
        tools: what it offers.
        about: what it said of itself, see `Servers.about`; empty where it does not run any more.
    """
    title = " ".join(one_line(str(about.get(part) or "")) for part in ("title", "version")).strip()
    head = [f"# app.mcp.{called}", *([f"{title}, an MCP server."] if title else [])]
    if about.get("instructions"):
        head.append(_prose(about["instructions"]))
    return joined([*head, *(block for tool in tools for block in _tool(called, tool, 2))])


def tool_page(called: str, tool: Tool) -> Page:
    """The page of a tool."""
    return joined(_tool(called, tool, 1))


def unknown_page(called: str, name: str) -> Page:
    """The page of a server that was not started yet, of which nothing is known."""
    what = "An MCP server that was not started yet, so its tools are not known. Looking starts none, asking"
    asking = f"```lua\nmcp.tools({json.dumps(name, ensure_ascii=False)})\n```"
    return joined([f"# app.mcp.{called}", f"{what} it something does:", asking])


def _tool(called: str, tool: Tool, level: int) -> Iterator[str]:
    yield f"{'#' * level} app.mcp.{called}.{tool.signature}"
    if tool.title:
        yield f"**{one_line(tool.title)}**"
    if tool.description:
        yield _prose(tool.description)
    if tool.properties:
        rows = (_row(tool, name, schema) for name, schema in tool.properties.items())
        yield table(("argument", "type", "required", "meaning"), rows)
    if tool.answer:
        fields = ", ".join(f"`{name}` ({kind_of(schema)})" for name, schema in _fields(tool.answer))
        yield f"Returns: {fields or kind_of(tool.answer)}."
    said = "says that it only reads" if tool.read_only else "may change something, as far as it says"
    own = f" Its own name is `{tool.name}`." if tool.name != tool.lua else ""
    yield f"The tool {said}.{own}"


def _row(tool: Tool, name: str, schema: Mapping[str, Any]) -> tuple[str, str, str, str]:
    meaning = one_line(str(schema.get("description") or ""), most=PROSE)
    if isinstance(values := schema.get("enum"), list):
        meaning = f"{meaning} One of {one_line(json.dumps(values, ensure_ascii=False), most=VALUES)}.".strip()
    if "default" in schema and schema["default"] is not None:
        default = one_line(json.dumps(schema["default"], ensure_ascii=False), most=VALUES)
        meaning = f"{meaning} Default: `{default}`.".strip()
    return f"`{name}`", kind_of(schema), "yes" if name in tool.required else "", _cell(meaning)


def kind_of(schema: Mapping[str, Any]) -> str:
    """What kind of value a schema asks for, in JSON Schema's words: `string`, `list of integer`, `string or null`."""
    told = schema.get("type")
    if isinstance(reference := schema.get("$ref"), str):
        return one_line(reference.rpartition("/")[2], most=VALUES)
    if told == "array":
        items = schema.get("items")
        return f"list of {kind_of(items)}" if isinstance(items, dict) and items else "list"
    if isinstance(told, str):
        return one_line(told, most=VALUES)
    options = told if isinstance(told, list) else [*(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())]
    kinds = (kind_of(one) if isinstance(one, dict) else str(one) for one in options)
    return " or ".join(dict.fromkeys(kinds)) or "any"


def arguments_of(tool: Tool) -> list[dict[str, Any]]:
    """The arguments of a tool, as `editor.arguments.Argument` has them."""
    return [
        {
            "name": name,
            "kind": kind_of(schema),
            "doc": one_line(str(schema.get("description") or schema.get("title") or "")),
            "required": name in tool.required,
            "values": tuple(value for value in schema.get("enum") or () if isinstance(value, str)),
        }
        for name, schema in tool.properties.items()
    ]


def _fields(schema: Mapping[str, Any] | None) -> list[tuple[str, Mapping[str, Any]]]:
    declared = (schema or {}).get("properties")
    return (
        [(name, one) for name, one in declared.items() if isinstance(one, dict)] if isinstance(declared, dict) else []
    )


def _prose(text: str) -> str:
    return harmless.markdown(text[:PROSE])


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|").replace("\n", " ")
