"""Reference pages for MCP servers and their tools, made from the descriptions that the servers sent.

Instructions and descriptions are rendered as Markdown without HTML and without remote images. Every other text from a
server is reduced to one line and escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from kosmo_kernel.mcp.tools import Tool, json_start, properties_of
from kosmo_kernel.pages import Page, Writer, in_both_forms, joined
from kosmo_kernel.safety.markup import Markdown, Markup, fenced
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.safety.text import shortened

VALUES = 80  # maximum characters of a schema's enum, default or type
PROSE = 20_000  # maximum characters of a description
ARGUMENTS = 500  # maximum arguments and fields that a page lists
ALTERNATIVES = 1_000  # maximum characters of the alternatives of a type


def server_page(lua_name: str, tools: Iterable[Tool], about: Mapping[str, Any]) -> Page:
    """Return the page of a server.

    Parameters:
        lua_name: the server's name in Lua.
        tools: its tools.
        about: its description of itself, see `Servers.about`; empty if it does not run any more.
    """
    listed = tuple(tools)

    def blocks(form: Writer) -> Iterator[Markup]:
        yield form.write("# app.mcp.{}", lua_name)
        title = " ".join(one_line(str(about.get(part) or "")) for part in ("title", "version")).strip()
        if title:
            yield form.write("{}, an MCP server.", title)
        if about.get("instructions"):
            yield form.prose(str(about["instructions"])[:PROSE])
        for tool in listed:
            yield from _tool(form, lua_name, tool, 2)

    return in_both_forms(blocks)


def tool_page(lua_name: str, tool: Tool) -> Page:
    """Return the page of a tool."""
    return in_both_forms(lambda form: _tool(form, lua_name, tool, 1))


def unknown_page(lua_name: str, name: str) -> Page:
    """Return the page of a server that was not started yet, so that its tools are unknown."""
    explanation = Markdown(
        "An MCP server that was not started yet, so its tools are not listed. Looking starts none, asking it something "
        "does:"
    )
    example = fenced(f"mcp.tools({json.dumps(name, ensure_ascii=False)})", "lua")
    title = Markdown("# app.mcp.{}").format(lua_name)
    return joined([title, explanation, example])


def _tool(form: Writer, lua_name: str, tool: Tool, level: int) -> Iterator[Markup]:
    name = f"app.mcp.{lua_name}.{one_line(tool.signature, most=PROSE)}"
    yield form.write("{} {}", form.write("#") * level, name)
    if title := one_line(tool.title):
        yield form.write("**{}**", title)
    if tool.description:
        yield form.prose(tool.description[:PROSE])
    if tool.properties:
        rows = (_row(form, tool, name, schema) for name, schema in islice(tool.properties.items(), ARGUMENTS))
        yield form.table(("argument", "type", "required", "meaning"), rows)
        if (more := len(tool.properties) - ARGUMENTS) > 0:
            yield form.write("… and {} more.", f"{more:,}")
    if tool.value_schema:
        fields = [
            form.write("{} ({})", form.code(one_line(name)), kind_of(schema))
            for name, schema in islice(properties_of(tool.value_schema).items(), ARGUMENTS)
        ]
        yield form.write("Returns: {}.", form.join(", ", fields) if fields else kind_of(tool.value_schema))
    effect = "says that it only reads" if tool.read_only else "may change something, as far as it says"
    other_name = form.write(" Its own name is {}.", form.code(one_line(tool.name))) if tool.name != tool.lua else ""
    yield form.write("The tool {}.{}", effect, other_name)


def _row(form: Writer, tool: Tool, name: str, schema: Mapping[str, Any]) -> tuple[Markup, ...]:
    meaning = [form.with_code(one_line(str(schema.get("description") or ""), most=PROSE))]
    if isinstance(values := schema.get("enum"), list):
        meaning.append(form.write("One of {}.", json_start(values, VALUES)))
    if schema.get("default") is not None:
        meaning.append(form.write("Default: {}.", form.code(json_start(schema["default"], VALUES))))
    is_required = form.write("yes" if name in tool.required else "")
    return form.code(one_line(name)), form.text(kind_of(schema)), is_required, form.join(" ", filter(None, meaning))


def kind_of(schema: Mapping[str, Any]) -> str:
    """Return the type that a schema declares, in JSON Schema's terms: `string`, `list of integer`, `string or null`."""
    declared = schema.get("type")
    if isinstance(reference := schema.get("$ref"), str):
        return one_line(reference.rpartition("/")[2], most=VALUES)
    if declared == "array":
        items = schema.get("items")
        return f"list of {kind_of(items)}" if isinstance(items, dict) and items else "list"
    if isinstance(declared, str):
        return one_line(declared, most=VALUES)
    options = declared if isinstance(declared, list) else [*(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())]
    kinds = (kind_of(item) if isinstance(item, dict) else one_line(str(item), most=VALUES) for item in options)
    return shortened(" or ".join(dict.fromkeys(kinds)), ALTERNATIVES) or "any"


def arguments_of(tool: Tool) -> list[dict[str, Any]]:
    """Return the first `ARGUMENTS` arguments of a tool, each with the fields of `editor.completion.Argument`."""
    return [
        {
            "name": name,
            "kind": kind_of(schema),
            "doc": one_line(str(schema.get("description") or schema.get("title") or "")),
            "required": name in tool.required,
            "values": tuple(value for value in schema.get("enum") or () if isinstance(value, str)),
        }
        for name, schema in islice(tool.properties.items(), ARGUMENTS)
    ]
