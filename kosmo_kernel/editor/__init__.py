"""Completion and inspection of Lua code, shared by every front end that has a cursor.

`complete` and `inspect` infer the type of the expression at the cursor (`inference.py`) and look it up in the live
Lua state, the catalogue and the library (`library.py`). Neither runs the user's Lua, sends a request or waits for a
running cell. `lua_at_cursor` finds the Lua in a notebook cell, and the options on the line of its magic.
Positions are counted in characters (code points), as in Jupyter's protocol.

Names are imported on first access: every run needs `tokens.py`, but few sessions complete anything.
"""

from __future__ import annotations

from kosmo_kernel.editor.completion import Completion, Match, complete
from kosmo_kernel.editor.grammar import indent
from kosmo_kernel.editor.inspection import inspect
from kosmo_kernel.editor.live import LiveState
from kosmo_kernel.editor.magic_lines import LuaCursor, lua_at_cursor

__all__ = ["Completion", "LiveState", "LuaCursor", "Match", "complete", "indent", "inspect", "lua_at_cursor"]

_MODULES = {
    **dict.fromkeys(("Completion", "Match", "complete"), "completion"),
    **dict.fromkeys(("LuaCursor", "lua_at_cursor"), "magic_lines"),
    "LiveState": "live",
    "indent": "grammar",
    "inspect": "inspection",
}


def __getattr__(name: str) -> object:
    """Import a name from its module on first access."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
