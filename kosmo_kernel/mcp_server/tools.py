"""The tools and pages that the MCP server offers: the catalogue's functions, Lua, and the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.docs import GUIDES, input_schema, titles
from kosmo_kernel.mcp import Tool
from kosmo_kernel.mcp_server.schemas import answer_schema
from kosmo_kernel.settings.limits import Limits
from kosmo_kernel.settings.table import LIMITS, Setting

NAME = "kosmo"
LUA, READ, SEARCH = "lua_run", "docs_read", "docs_search"
ACCOUNT = "account"  # the argument for the account; no function has an argument of this name
ACCOUNT_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "description": "The name of the account to use; by default, the account of this server",
}
PREFIX = "kosmo://docs/"
INSTRUCTIONS = """\
A tool whose name begins with the name of an integration, such as `heroku_list_apps`, calls its service with an account
of the user. For several calls, or to filter and count, write Lua for `lua_run`. In Lua the same function is
`heroku.list_apps()`, and `parallel.map` makes many calls at once. Only what the script returns or
prints is sent back. `docs_read` explains each function, and the Lua of this server. The account `demo` has fictional
data and always exists."""
LUA_ABOUT = """\
Run Lua 5.4 in a sandboxed process, without access to files, programs or the network. Functions such as
`heroku.list_apps()` send requests with the user's accounts. `result` has the values that the script
returns, or the value of its last expression; `output` has what it prints. Each run starts without variables, unless
`session` names a session."""
ENVELOPE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "success": {"type": "boolean"},
        "output": {"type": "string", "description": "What was printed"},
        "error": {"type": ["string", "null"]},
        "result": {"type": "array", "description": "The values that were returned"},
        "execution_time_ms": {"type": "number"},
        "memory_usage": {"type": "integer", "description": "Bytes of Lua's heap"},
        "integration_calls": {"type": "array", "items": {"type": "object"}},
        "meta": {"type": "object"},
    },
}
ENVELOPE["required"] = list(ENVELOPE["properties"])


class OfferedTool(NamedTuple):
    """A tool and the function that it calls.

    Parameters:
        tool: its description.
        integration: the integration of the function; None if the tool does not call one.
        function: the function; None if the tool does not call one.
    """

    tool: Tool
    integration: Integration | None = None
    function: Function | None = None


def offered(most: Limits, *, others: bool) -> dict[str, OfferedTool]:
    """Return all tools by name, in the order of the reference.

    Parameters:
        most: the maximum limits of a run of Lua.
        others: scripts may use other MCP servers.
    """
    functions = [
        (integration, function) for integration in integrations.load_all() for function in integration.functions
    ]
    reads = not others and all(function.effect == "read" for _, function in functions)
    offers = [
        *(_of_function(integration, function) for integration, function in functions),
        OfferedTool(_lua(most, reads=reads)),
        *map(OfferedTool, _reference()),
    ]
    return {offer.tool.name: offer for offer in offers}


def pages() -> dict[str, str]:
    """Return the title of each page of the reference, by the page's name."""
    return {name: title for one in integrations.load_all() for name, title in titles(one).items()} | GUIDES


def _of_function(integration: Integration, function: Function) -> OfferedTool:
    schema = input_schema(function)
    about = f"{function.summary}.\n\n{function.description.strip()}"
    name, title = f"{integration.name}_{function.name}", f"{integration.title}: {function.summary}"
    schema["properties"] |= {ACCOUNT: ACCOUNT_SCHEMA}
    tool = Tool(NAME, name, name, title, about, schema, answer_schema(function), function.effect == "read")
    return OfferedTool(tool, integration, function)


def _lua(most: Limits, *, reads: bool) -> Tool:
    properties = {
        "code": {"type": "string", "minLength": 1, "description": "The Lua code to run"},
        "args": {"type": "array", "items": {"type": "string"}, "description": "The arguments of the script (`...`)"},
        ACCOUNT: ACCOUNT_SCHEMA,
        "session": {
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
            "description": "The name of a session. Runs with the same name share their variables.",
        },
        "dry_run": {"type": "boolean", "description": "List the calls without making them"},
        **{setting.name: _limit(setting, getattr(most, setting.config[-1])) for setting in LIMITS},
    }
    schema = _arguments(properties, "code")
    return Tool(NAME, LUA, LUA, "Run Lua", LUA_ABOUT, schema, ENVELOPE, reads)


def _limit(setting: Setting, most: float | None) -> dict[str, Any]:
    """Return the schema of a limit, which a call can only lower."""
    description = f"{setting.doc.removesuffix('.')}; {setting.value.format(most)} when left out"
    number: Any = setting.value
    schema: dict[str, Any] = number.json_schema(most)
    return schema | {"description": description}


def _reference() -> Iterator[Tool]:
    what = "A function (`heroku.list_apps`), an integration or a guide; if empty, the list of pages"
    page = {"type": "string", "description": what}
    about = "A page of the reference, as Markdown."
    yield Tool(NAME, READ, READ, "Read the reference", about, _arguments({"page": page}), read_only=True)
    words = {"type": "string", "description": "The words to search for"}
    about = "The pages of the reference that match some words, the best match first, as Markdown."
    schema = _arguments({"words": words}, "words")
    yield Tool(NAME, SEARCH, SEARCH, "Search the reference", about, schema, read_only=True)


def _arguments(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(required), "additionalProperties": False}
