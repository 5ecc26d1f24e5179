"""The error of the last cell that failed, which `%kosmo error` shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kosmo_kernel.errors import KosmoError

if TYPE_CHECKING:
    from kosmo_kernel.notebook.commands import LuaState


@contextmanager
def keep_error(lua: LuaState) -> Iterator[None]:
    """Keep an error of the block for `%kosmo error`; the errors of commands are not kept."""
    try:
        yield
    except KosmoError as error:
        lua.last_error = error
        raise
