"""Completion and inspection of Lua text, the same for every door that has a cursor.

`complete` and `inspect` read the text around the cursor (`inference.py`) and look up what it stands for: the
live Lua state, the catalogue, the library (`library.py`). Neither runs Lua of the user's, sends a request or
waits for a cell that runs. `spot` finds the Lua in a notebook's cell, and what can stand among the options of its
first line. Places are counted in characters (code points), as Jupyter's protocol does.

The names are fetched when they are first asked for: every run reads tokens, and few sessions complete anything.
"""

from __future__ import annotations

from kosmo_kernel.editor.completion import Completion, Match, complete
from kosmo_kernel.editor.grammar import indent
from kosmo_kernel.editor.inspection import inspect
from kosmo_kernel.editor.live import LiveState
from kosmo_kernel.editor.magic_lines import LuaCursor, lua_at_cursor

__all__ = ["Completion", "LiveState", "LuaCursor", "Match", "complete", "indent", "inspect", "lua_at_cursor"]

_HOMES = {
    **dict.fromkeys(("Completion", "Match", "complete"), "completion"),
    **dict.fromkeys(("LuaCursor", "lua_at_cursor"), "magic_lines"),
    "LiveState": "live",
    "indent": "grammar",
    "inspect": "inspection",
}


def __getattr__(name: str) -> object:
    """Fetch a name from the module where it lives."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
