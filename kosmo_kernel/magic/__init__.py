"""`%%kosmo_lua` and `%kosmo`: Lua in a Python notebook.

Loading the extension registers one `KosmoMagic` with the shell. Everything lives on that object: the Lua session,
which goes on from cell to cell, the settings of `%config`, and what stood under the magics' names before. Unloading
puts that back and ends the session, so two shells in one process have nothing in common and a reload starts afresh.

`magics.py` has the magics, `failures.py` how their errors read, `editing.py` what the editor asks of their cells,
`variables.py` what Python gives to Lua and takes from it, `door.py` what the commands may know of the notebook.
"""

from kosmo_kernel.magic.magics import KosmoMagic, load, unload

__all__ = ["KosmoMagic", "load", "unload"]
