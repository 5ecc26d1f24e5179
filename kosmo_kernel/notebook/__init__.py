"""Code shared by Python notebooks, Lua notebooks and the command line's interactive prompt.

cells.py      the parts of a cell's text, its value as a Python object, and what it shows in a notebook
commands.py   the `%kosmo` commands
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
