"""The error of the last cell or `%kosmo` line that failed, which `%kosmo error` shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from kosmo_kernel.errors import KosmoError


class KeepsError(Protocol):
    """An object with a last error: a session.

    Attributes:
        last_error: the error of the last cell or `%kosmo` line that failed, or None.
    """

    last_error: KosmoError | None


@contextmanager
def keep_error(lua: KeepsError) -> Iterator[None]:
    """Keep an error of the block for `%kosmo error`."""
    try:
        yield
    except KosmoError as error:
        lua.last_error = error
        raise
