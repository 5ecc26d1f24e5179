"""Completion and inspection of Lua code, shared by every front end that has a cursor.

`complete` and `inspect` find what the names at the cursor stand for (`resolver.py`) from the assignments in the text,
the live Lua state, the catalogue and the library. Neither runs the user's Lua, sends a request or waits for a running
cell. `lua_at_cursor` finds the Lua in a notebook cell, and the options on the line of its magic. Positions are counted
in characters (code points), as in Jupyter's protocol.
"""

from __future__ import annotations

from kosmo_kernel.editor.completion import Completion, Match, complete
from kosmo_kernel.editor.inspection import explain, inspect
from kosmo_kernel.editor.magic_lines import LuaCursor, lua_at_cursor
from kosmo_kernel.editor.resolver import LiveState

__all__ = ["Completion", "LiveState", "LuaCursor", "Match", "complete", "explain", "inspect", "lua_at_cursor"]
