"""Turn the system's error for a file that cannot be written into one that names the file, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kosmo_kernel.errors import FileWriteError


@contextmanager
def writing(target: object, advice: str = "") -> Iterator[None]:
    """Write a file within the block.

    Parameters:
        target: the path of the file, or a name for it.
        advice: what is left of it after a failure, and what to do, as sentences.

    Raises:
        FileWriteError: it cannot be written.
    """
    try:
        yield
    except FileWriteError:
        raise
    except OSError as error:
        raise FileWriteError(target, error, advice) from error
