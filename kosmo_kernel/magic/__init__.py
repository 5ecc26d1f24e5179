"""`%%kosmo_lua` and `%kosmo`: Lua in a Python notebook.

Loading the extension registers one `KosmoMagic` with the shell. That object holds all state: the Lua session, which
persists from cell to cell, and the magics that it replaced. Unloading restores those and ends the session, so two
shells in one process share nothing and a reload starts afresh.

magics.py    the magics, what they pass between Python and Lua, how their errors are rendered, loading and unloading
editing.py   completion and tooltips in Lua cells
"""

from kosmo_kernel.magic.magics import KosmoMagic, load, unload

__all__ = ["KosmoMagic", "load", "unload"]
