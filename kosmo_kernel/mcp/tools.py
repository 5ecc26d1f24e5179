"""A server's tools, as it described them when it was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kosmo_kernel.mcp.names import lua_names

WRAPPED = "result"


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Parameters:
        server: whose it is, by its own name.
        name: its own name.
        lua: what it is called in Lua.
        title: its name for people; may be empty.
        description: what it does; may be empty.
        schema: JSON Schema of its arguments.
        output: JSON Schema of what it answers, or None where it does not say.
        read_only: it says that it changes nothing. Nobody but itself says so.
    """

    server: str
    name: str
    lua: str
    title: str = ""
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] | None = None
    read_only: bool = False

    @property
    def function(self) -> str:
        """How errors and lists of calls name it: `mcp.github.search_issues`."""
        return f"mcp.{self.server}.{self.name}"

    @property
    def effect(self) -> Literal["read", "write"]:
        """What it may do, as far as it says."""
        return "read" if self.read_only else "write"

    @property
    def properties(self) -> dict[str, Any]:
        """The schema of each named argument, in order."""
        given = self.schema.get("properties")
        listed = given.items() if isinstance(given, dict) else ()
        return {name: one if isinstance(one, dict) else {} for name, one in listed}

    @property
    def required(self) -> tuple[str, ...]:
        """The arguments that must be given."""
        given = self.schema.get("required")
        return tuple(name for name in given if isinstance(name, str)) if isinstance(given, list) else ()

    @property
    def answer(self) -> Mapping[str, Any] | None:
        """The JSON Schema of the value that it gives, without what SDKs wrap around one that is no object."""
        declared = (self.output or {}).get("properties")
        wrapped = declared.get(WRAPPED) if isinstance(declared, dict) and list(declared) == [WRAPPED] else None
        return wrapped if isinstance(wrapped, dict) else self.output

    @property
    def is_wrapped(self) -> bool:
        """Whether what it gives is wrapped so."""
        return self.answer is not self.output

    @property
    def signature(self) -> str:
        """How it is called: `search_issues(query, limit?)`, those that may be left out marked."""
        names = self.properties
        ordered = [*(n for n in names if n in self.required), *(n for n in names if n not in self.required)]
        return f"{self.lua}({', '.join(n if n in self.required else n + '?' for n in ordered)})"


def tools_of(server: str, described: Iterable[Mapping[str, Any]]) -> tuple[Tool, ...]:
    """The tools that a server describes, each name once.

    Parameters:
        server: its own name.
        described: each tool as the protocol has it.
    """
    by_name = {str(one["name"]): one for one in reversed(list(described))}  # of two with a name the first counts
    called = lua_names(reversed(by_name))
    return tuple(_tool(server, name, lua, by_name[name]) for name, lua in called.items())


def _tool(server: str, name: str, lua: str, one: Mapping[str, Any]) -> Tool:
    notes = one.get("annotations") or {}
    schema, output = one.get("inputSchema"), one.get("outputSchema")
    return Tool(
        server=server,
        name=name,
        lua=lua,
        title=str(one.get("title") or notes.get("title") or ""),
        description=str(one.get("description") or "").strip(),
        schema=schema if isinstance(schema, dict) else {},
        output=output if isinstance(output, dict) else None,
        read_only=notes.get("readOnlyHint") is True,
    )
