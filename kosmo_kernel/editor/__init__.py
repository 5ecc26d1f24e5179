"""Completion and inspection of Lua text, the same for every door that has a cursor.

`complete` and `inspect` read the text around the cursor (`meaning.py`) and look up what it stands for: the
live Lua state, the catalogue, the library (`library.py`). Neither runs Lua of the user's or sends a
request. Places are counted in characters (code points), as Jupyter's protocol does.
"""

from kosmo_kernel.editor.completion import Completion, Match, complete
from kosmo_kernel.editor.inspection import inspect
from kosmo_kernel.editor.meaning import Live

__all__ = ["Completion", "Live", "Match", "complete", "inspect"]
