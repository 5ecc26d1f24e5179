"""What a server and its tools are called in Lua: by their own name in brackets, or by one that Lua can read.

A name that Lua can read is itself. Of any other the letters are made small, and what is no letter, digit or `_` becomes
a `_`. Where two names would become one, an own name comes first, and the later ones get a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kosmo_kernel.values.lua_syntax import is_lua_name


def lua_name(text: str, absent: str = "tool") -> str:
    """What a name is called where nothing else is called that.

    Parameters:
        text: the name.
        absent: what to call it where nothing of it is left.
    """
    if is_lua_name(text):
        return text
    plain = re.sub(r"[^a-z0-9_]+", "_", text.lower().strip()).strip("_") or absent
    plain = f"_{plain}" if plain[0].isdigit() else plain
    return plain if is_lua_name(plain) else f"{plain}_"


def lua_names(names: Iterable[str], absent: str = "tool") -> dict[str, str]:
    """What each of some names is called among the others: by its own name, in the same order."""
    given = list(dict.fromkeys(names))
    taken = {name for name in given if is_lua_name(name)}
    called: dict[str, str] = {}
    for name in given:
        wanted = found = lua_name(name, absent)
        number = 2
        while found != name and found in taken:
            found, number = f"{wanted}_{number}", number + 1
        taken.add(found)
        called[name] = found
    return called


def own_name(key: str, called: dict[str, str]) -> str | None:
    """The name that a key means: an own name, what one is called, or what other clients would call it."""
    if key in called:
        return key
    by_call = {lua: name for name, lua in called.items()}
    if key in by_call:
        return by_call[key]
    low = {re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_"): name for name in reversed(called)}
    return low.get(key)
