"""What `kosmo run` tells the kernel of its notebook: where to note calls, and the recording of the run.

It is passed in an environment variable, which is no setting. The kernel takes it out of its environment, so that the
programs that a cell starts do not get it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from kosmo_kernel.safety.decoder import decode

_VARIABLE = "_KOSMO_NOTEBOOK_RUN"
received: list[NotebookRun] = []  # what this process has received, the newest last


class NotebookRun(msgspec.Struct, frozen=True):
    """One run of a notebook by `kosmo run`."""

    calls: str = ""  # the file to which each run of Lua adds a line about its calls
    record: str = ""  # the file to record to, or empty
    from_archive: str = ""  # the archive that answers, or empty
    name: str = ""  # the name of the run in the recording
    resume: bool = False  # whether it goes on with the recording

    @contextmanager
    def passed_on(self) -> Iterator[None]:
        """Pass this to the kernel that is started within the block."""
        os.environ[_VARIABLE] = msgspec.json.encode(self).decode()
        try:
            yield
        finally:
            discard()


def notebook_run() -> NotebookRun | None:
    """Return what `kosmo run` has passed to this process; None in others than the kernel of its notebook."""
    if text := discard():
        received.append(decode(text, type=NotebookRun))
    return received[-1] if received else None


def discard() -> str:
    """Take out of the environment what is for a kernel, and return it."""
    return os.environ.pop(_VARIABLE, "")
