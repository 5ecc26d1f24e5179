"""What is known of a server's tools, as pages of the reference: from what it said of them when it was asked.

Instructions and descriptions are Markdown, and shown as prose that does nothing: no HTML, and no pictures from
elsewhere. Everything else a server wrote is a line of words or a name, and is escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kosmo_kernel.docs.page import Page, Writer, in_both_forms, joined
from kosmo_kernel.mcp.tools import Tool
from kosmo_kernel.safety.escape import fenced
from kosmo_kernel.safety.redaction import one_line

VALUES = 80  # characters of the values that a schema lists
PROSE = 20_000  # characters of a description

_CODE = re.compile(r"`([^`]+)`")


def server_page(called: str, tools: Iterable[Tool], about: Mapping[str, Any]) -> Page:
    """Return the page of a server.

    Parameters:
        called: what it is called in Lua.
        tools: what it offers.
        about: what it said of itself, see `Servers.about`; empty where it does not run any more.
    """
    known = tuple(tools)

    def blocks(form: Writer) -> Iterator[str]:
        yield f"# app.mcp.{called}"
        title = " ".join(one_line(str(about.get(part) or "")) for part in ("title", "version")).strip()
        if title:
            yield f"{form.text(title)}, an MCP server."
        if about.get("instructions"):
            yield form.prose(str(about["instructions"])[:PROSE])
        for tool in known:
            yield from _tool(form, called, tool, 2)

    return in_both_forms(blocks)


def tool_page(called: str, tool: Tool) -> Page:
    """Return the page of a tool."""
    return in_both_forms(lambda form: _tool(form, called, tool, 1))


def unknown_page(called: str, name: str) -> Page:
    """Return the page of a server that was not started yet, of which nothing is known."""
    what = "An MCP server that was not started yet, so its tools are not known. Looking starts none, asking"
    asking = fenced(f"mcp.tools({json.dumps(name, ensure_ascii=False)})", "lua")
    return joined([f"# app.mcp.{called}", f"{what} it something does:", asking])


def _tool(form: Writer, called: str, tool: Tool, level: int) -> Iterator[str]:
    yield f"{'#' * level} {form.text(f'app.mcp.{called}.{one_line(tool.signature, most=PROSE)}')}"
    if title := one_line(tool.title):
        yield f"**{form.text(title)}**"
    if tool.description:
        yield form.prose(tool.description[:PROSE])
    if tool.properties:
        rows = (_row(form, tool, name, schema) for name, schema in tool.properties.items())
        yield form.table(("argument", "type", "required", "meaning"), rows)
    if tool.answer:
        fields = ", ".join(
            f"{form.code(one_line(name))} ({form.text(kind_of(schema))})" for name, schema in _fields(tool.answer)
        )
        yield f"Returns: {fields or form.text(kind_of(tool.answer))}."
    said = "says that it only reads" if tool.read_only else "may change something, as far as it says"
    own = f" Its own name is {form.code(one_line(tool.name))}." if tool.name != tool.lua else ""
    yield f"The tool {said}.{own}"


def _row(form: Writer, tool: Tool, name: str, schema: Mapping[str, Any]) -> tuple[str, str, str, str]:
    meaning = [_line(form, one_line(str(schema.get("description") or ""), most=PROSE))]
    if isinstance(values := schema.get("enum"), list):
        meaning.append(f"One of {form.text(_json(values))}.")
    if schema.get("default") is not None:
        meaning.append(f"Default: {form.code(_json(schema['default']))}.")
    is_required = "yes" if name in tool.required else ""
    return form.code(one_line(name)), form.text(kind_of(schema)), is_required, " ".join(filter(None, meaning))


def _json(value: Any) -> str:
    return one_line(json.dumps(value, ensure_ascii=False), most=VALUES)


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
    kinds = (kind_of(one) if isinstance(one, dict) else one_line(str(one), most=VALUES) for one in options)
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


def _line(form: Writer, text: str) -> str:
    """Return a line of a server's in which only code is marked up."""
    parts = _CODE.split(text)
    return "".join(form.code(part) if place % 2 else form.text(part) for place, part in enumerate(parts))
