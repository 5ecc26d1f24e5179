"""Code shared by Python notebooks, Lua notebooks and the command line's interactive prompt.

cell_syntax.py   parse the options, `%kosmo` lines and Lua in the text of a cell
cell_value.py    the value of a cell as a Python object, and its progress line
commands.py      the `%kosmo` commands
ipython.py       displays, progress and questions in an IPython shell
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kosmo_kernel.errors import KosmoError

if TYPE_CHECKING:
    from kosmo_kernel.session import Session


@contextmanager
def keep_error(lua: Session) -> Iterator[None]:
    """Keep an error of the block for `%kosmo error`."""
    try:
        yield
    except KosmoError as error:
        lua.last_error = error
        raise
