"""The tools of an MCP server, read from its `tools/list` response, and the Lua names of servers and tools.

A name that is a Lua identifier stays unchanged. Any other is lowercased, and each run of characters other than ASCII
letters, digits and `_` becomes one `_`. When two names collide, an unchanged name wins, and later ones get a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Any, Literal

from kosmo_kernel.values.lua_literals import is_lua_name

WRAPPED = "result"
MAX_SIGNATURE = 500  # arguments in a signature


@dataclass(frozen=True)
class Tool:
    """A tool of an MCP server."""

    server: str  # the name of its server
    name: str  # its original name
    lua: str  # its name in Lua
    description: str = ""  # what it does; may be empty
    schema: Mapping[str, Any] = field(default_factory=dict)  # JSON Schema of its arguments
    is_wrapped: bool = False  # SDKs wrap its value, which is no object, in an object
    read_only: bool = False  # the server declares that it changes nothing. This is not verified

    @property
    def function(self) -> str:
        """Its full name in errors and call lists: `mcp.github.search_issues`."""
        return f"mcp.{self.server}.{self.name}"

    @property
    def effect(self) -> Literal["read", "write"]:
        """Its effect, as the server declares it."""
        return "read" if self.read_only else "write"

    @cached_property
    def properties(self) -> dict[str, Any]:
        """The schema of each argument by name, in order."""
        return properties_of(self.schema)

    @cached_property
    def required(self) -> dict[str, None]:
        """The names of its required arguments, in order."""
        names = self.schema.get("required")
        return dict.fromkeys(name for name in names if isinstance(name, str)) if isinstance(names, list) else {}

    @property
    def signature(self) -> str:
        """Its Lua signature, with optional arguments marked: `search_issues(query, limit?)`."""
        names, required = self.properties, self.required
        optional = (f"{name}?" for name in names if name not in required)
        arguments = chain((name for name in names if name in required), optional)
        more = ["…"] if len(names) > MAX_SIGNATURE else []
        return f"{self.lua}({', '.join([*islice(arguments, MAX_SIGNATURE), *more])})"


def properties_of(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the schemas of the properties of an object by name, in order; one that is invalid is empty."""
    properties = (schema or {}).get("properties")
    items = properties.items() if isinstance(properties, dict) else ()
    return {name: schema if isinstance(schema, dict) else {} for name, schema in items}


def tools_of(server: str, described: Iterable[Mapping[str, Any]]) -> tuple[Tool, ...]:
    """Return the tools that a server describes, without duplicate names.

    Parameters:
        server: the server's name.
        described: the tools of its `tools/list` response.
    """
    by_name = {str(tool["name"]): tool for tool in reversed(list(described))}  # the first of two with one name wins
    tools = []
    for name, lua in lua_names(reversed(by_name)).items():
        tool = by_name[name]
        schema, output = tool.get("inputSchema"), tool.get("outputSchema")
        tools.append(
            Tool(
                server,
                name,
                lua,
                description=str(tool.get("description") or "").strip(),
                schema=schema if isinstance(schema, dict) else {},
                is_wrapped=isinstance(output, dict) and list(properties_of(output)) == [WRAPPED],
                read_only=(tool.get("annotations") or {}).get("readOnlyHint") is True,
            )
        )
    return tuple(tools)


def lua_name(text: str, absent: str = "tool") -> str:
    """Return the Lua name of a server or tool, without regard to collisions.

    Parameters:
        text: the original name.
        absent: the name to use when no valid character remains.
    """
    if is_lua_name(text):
        return text
    name = re.sub(r"[^a-z0-9_]+", "_", text.lower().strip()).strip("_") or absent
    name = f"_{name}" if name[0].isdigit() else name
    return name if is_lua_name(name) else f"{name}_"


def lua_names(names: Iterable[str], absent: str = "tool") -> dict[str, str]:
    """Return a unique Lua name for each original name, in the same order."""
    unique = list(dict.fromkeys(names))
    in_use = {name for name in unique if is_lua_name(name)}
    by_name: dict[str, str] = {}
    next_numbers: dict[str, int] = {}  # of each base; all lower ones are in use
    for name in unique:
        base = candidate = lua_name(name, absent)
        number = next_numbers.get(base, 2)
        while candidate != name and candidate in in_use:
            candidate, number = f"{base}_{number}", number + 1
        next_numbers[base] = number
        in_use.add(candidate)
        by_name[name] = candidate
    return by_name


def original_name(key: str, by_name: dict[str, str]) -> str | None:
    """Return the original name that a key refers to, or None.

    Parameters:
        key: an original name, a Lua name, or the lowercased form that other MCP clients use.
        by_name: the Lua name of each original name, from `lua_names`.
    """
    if key in by_name:
        return key
    by_lua_name = {lua: name for name, lua in by_name.items()}
    if key in by_lua_name:
        return by_lua_name[key]
    by_lowercase = {re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_"): name for name in reversed(by_name)}
    return by_lowercase.get(key)
