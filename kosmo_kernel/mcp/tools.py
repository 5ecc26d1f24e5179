"""The tools of an MCP server, read from its `tools/list` response, and the Lua names of servers and tools.

A name that is a Lua identifier stays unchanged. Any other is lowercased, and each run of characters other than ASCII
letters, digits and `_` becomes one `_`. When two names collide, an unchanged name wins, and later ones get a number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Any, Literal

from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.text import nearest
from kosmo_kernel.values.lua_literals import is_lua_name

WRAPPED = "result"
MAX_SIGNATURE = 500  # arguments in a signature
MAX_COMPARED = 1_000  # known names that an unknown one is compared with
ENDLESS = "its schema refers to itself without end, or is too deep, so that nothing can be checked against it"
TOO_COSTLY = "its schema takes too long to check, so that nothing can be checked against it"


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
        return properties_of(self.schema)

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


def count_nodes(value: Any, most: int) -> int | None:
    """Return the numbers, texts, lists and objects in a JSON value, itself included; None for more than `most`."""
    rest, count = [value], 1
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            value = value.values()
        elif not isinstance(value, list):
            continue
        count += len(value)
        if count > most:
            return None
        rest.extend(value)
    return count


def json_start(value: Any, most: int) -> str:
    """Return the JSON text of a value on one line, of which it keeps the first `most` characters."""
    written = ""
    for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):  # the value may have millions of parts
        written += part[: 2 * most]
        if len(written) > most:
            break
    return one_line(written, most=most)


def unknown_argument(name: str, names: list[str]) -> str:
    """Return the mistake of an argument that the schema does not name."""
    near = nearest(name, names[:MAX_COMPARED], most=1)
    return f"`{name[:60]}` is no argument of it" + (f" (`{near[0]}` is)" if near else "")
