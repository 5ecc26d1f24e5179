"""The tools of an MCP server, read from its `tools/list` response."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Any, Literal

from kosmo_kernel.mcp.names import lua_names

WRAPPED = "result"
MAX_SIGNATURE = 500  # arguments in a signature


@dataclass(frozen=True)
class Tool:
    """A tool of an MCP server."""

    server: str  # the name of its server
    name: str  # its original name
    lua: str  # its name in Lua
    title: str = ""  # its display name; may be empty
    description: str = ""  # what it does; may be empty
    schema: Mapping[str, Any] = field(default_factory=dict)  # JSON Schema of its arguments
    output: Mapping[str, Any] | None = None  # JSON Schema of its result, or None if the server declares none
    read_only: bool = False  # the server declares that it changes nothing. This is not verified
    open_world: bool = True  # the server does not declare that the tool reaches nothing but the server's own data

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
        properties = self.schema.get("properties")
        items = properties.items() if isinstance(properties, dict) else ()
        return {name: schema if isinstance(schema, dict) else {} for name, schema in items}

    @cached_property
    def required(self) -> dict[str, None]:
        """The names of its required arguments, in order."""
        names = self.schema.get("required")
        return dict.fromkeys(name for name in names if isinstance(name, str)) if isinstance(names, list) else {}

    @property
    def value_schema(self) -> Mapping[str, Any] | None:
        """The JSON Schema of its value, without the object that SDKs wrap around values that are not objects."""
        declared = (self.output or {}).get("properties")
        wrapped = declared.get(WRAPPED) if isinstance(declared, dict) and list(declared) == [WRAPPED] else None
        return wrapped if isinstance(wrapped, dict) else self.output

    @property
    def is_wrapped(self) -> bool:
        """Return whether its value is wrapped in such an object."""
        return self.value_schema is not self.output

    @property
    def signature(self) -> str:
        """Its Lua signature, with optional arguments marked: `search_issues(query, limit?)`."""
        names, required = self.properties, self.required
        optional = (f"{name}?" for name in names if name not in required)
        arguments = chain((name for name in names if name in required), optional)
        more = ["…"] if len(names) > MAX_SIGNATURE else []
        return f"{self.lua}({', '.join([*islice(arguments, MAX_SIGNATURE), *more])})"


def tools_of(server: str, described: Iterable[Mapping[str, Any]]) -> tuple[Tool, ...]:
    """Return the tools that a server describes, without duplicate names.

    Parameters:
        server: the server's name.
        described: the tools of its `tools/list` response.
    """
    by_name = {str(tool["name"]): tool for tool in reversed(list(described))}  # the first of two with one name wins
    names = lua_names(reversed(by_name))
    return tuple(_tool(server, name, lua, by_name[name]) for name, lua in names.items())


def _tool(server: str, name: str, lua: str, described: Mapping[str, Any]) -> Tool:
    annotations = described.get("annotations") or {}
    schema, output = described.get("inputSchema"), described.get("outputSchema")
    return Tool(
        server=server,
        name=name,
        lua=lua,
        title=str(described.get("title") or annotations.get("title") or ""),
        description=str(described.get("description") or "").strip(),
        schema=schema if isinstance(schema, dict) else {},
        output=output if isinstance(output, dict) else None,
        read_only=annotations.get("readOnlyHint") is True,
        open_world=annotations.get("openWorldHint") is not False,
    )
