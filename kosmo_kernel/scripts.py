"""The chunks that ran, for people: which line failed, what stands around it, who called whom."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kosmo_kernel.lua.host import Frame

KEPT = 200  # chunks whose text is kept
AROUND = 1  # lines shown before and after the one that failed
_LINE = re.compile(r"([0-9]{1,9}):")


class Scripts:
    """The texts of the last chunks by name; a name that is used again means the newer text."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def add(self, name: str, text: str) -> None:
        """Remember a chunk."""
        self._texts.pop(name, None)
        self._texts[name] = text
        while len(self._texts) > KEPT:
            self._texts.pop(next(iter(self._texts)))

    def text(self, name: str) -> str:
        """The text of a chunk; empty where it is not kept any more."""
        return self._texts.get(name, "")

    def place(self, message: str, stack: Sequence[Frame]) -> tuple[int | None, str]:
        """Line and chunk that an error came from, by its message where that names them, else by the stack."""
        for name in self._texts:
            if message.startswith(f"{name}:"):
                number = _LINE.match(message, len(name) + 1)
                if number:
                    return int(number[1]), name
        if stack:
            return stack[0].line, stack[0].chunk
        return None, ""

    def excerpt(self, chunk: str, line: int | None) -> str:
        """A line of a chunk with its neighbours, marked as IPython marks it; empty where it is not known."""
        lines = self._texts.get(chunk, "").splitlines()
        if line is None or not 1 <= line <= len(lines):
            return ""
        shown = range(max(1, line - AROUND), min(len(lines), line + AROUND) + 1)
        return "\n".join(f"{'----> ' if number == line else '      '}{number} {lines[number - 1]}" for number in shown)

    def stack(self, frames: Sequence[Frame]) -> tuple[str, ...]:
        """The calls that led to an error, innermost first; empty when there was none."""
        if len(frames) < 2:  # noqa: PLR2004 - one frame is the place itself
            return ()
        return tuple(f"{frame.chunk}:{frame.line}: in {frame.name}" for frame in frames)
