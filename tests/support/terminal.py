"""A terminal of which a test reads all that was written to it."""

from __future__ import annotations

import os
import pty
from typing import TextIO

END = "\0"


class Terminal:
    """A terminal: `stream` writes to it, `written` is all that arrived."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        self.stream: TextIO = os.fdopen(theirs, "w", encoding="utf-8")

    def written(self) -> str:
        self.stream.write(END)
        self.stream.flush()
        seen = b""
        while not seen.endswith(END.encode()):
            seen += os.read(self._ours, 1 << 16)
        return seen.decode().removesuffix(END).replace("\r\n", "\n")

    def close(self) -> None:
        self.stream.close()
        os.close(self._ours)
