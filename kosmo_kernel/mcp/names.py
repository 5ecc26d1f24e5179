"""Lua names of servers and tools: identifiers derived from their original names.

A name that is a Lua identifier stays unchanged. Any other is lowercased, and each run of characters other than ASCII
letters, digits and `_` becomes one `_`. When two names collide, an unchanged name wins, and later ones get a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kosmo_kernel.values.lua_literals import is_lua_name


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
    taken = {name for name in unique if is_lua_name(name)}
    by_name: dict[str, str] = {}
    next_numbers: dict[str, int] = {}  # of each base; all lower ones are taken
    for name in unique:
        base = candidate = lua_name(name, absent)
        number = next_numbers.get(base, 2)
        while candidate != name and candidate in taken:
            candidate, number = f"{base}_{number}", number + 1
        next_numbers[base] = number
        taken.add(candidate)
        by_name[name] = candidate
    return by_name


def original_name(key: str, called: dict[str, str]) -> str | None:
    """Return the original name that a key refers to, or None.

    Parameters:
        key: an original name, a Lua name, or the lowercased form that other MCP clients use.
        called: the Lua name of each original name, from `lua_names`.
    """
    if key in called:
        return key
    by_lua_name = {lua: name for name, lua in called.items()}
    if key in by_lua_name:
        return by_lua_name[key]
    by_lowercase = {re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_"): name for name in reversed(called)}
    return by_lowercase.get(key)
