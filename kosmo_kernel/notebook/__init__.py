"""Code shared by Python notebooks, Lua notebooks and the command line's interactive prompt.

cell_syntax.py   parse the options, `%kosmo` lines and Lua in the text of a cell
cell_value.py    the value of a cell as a Python object, and its progress line
commands.py      the `%kosmo` commands
ipython.py       displays, progress and questions in an IPython shell
error_report.py  the full report of a failure
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from kosmo_kernel.errors import KosmoError


class KeepsError(Protocol):
    """An object with a last error: a session."""

    last_error: KosmoError | None  # of the last cell or `%kosmo` line that failed, which `%kosmo error` shows


@contextmanager
def keep_error(lua: KeepsError) -> Iterator[None]:
    """Keep an error of the block for `%kosmo error`."""
    try:
        yield
    except KosmoError as error:
        lua.last_error = error
        raise
