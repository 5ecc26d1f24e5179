"""How far a line is indented that follows what is not finished yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kosmo_kernel.editor.tokens import tokens_of

if TYPE_CHECKING:
    from kosmo_kernel.editor.tokens import Token

STEP = "  "

_OPENING = {"function", "if", "do", "repeat", "(", "{", "["}
_CLOSING = {"end", "until", ")", "}", "]"}
_BETWEEN = {"else", "elseif"}  # closes one block and opens the next


def indent_after(code: str) -> str:
    """The blanks for the next line: those of the last line, and a step more where that opens something.

    A string or comment that is still open is continued without any, since its blanks would be part of it.
    """
    tokens = tokens_of(code)
    if not tokens:
        return ""
    last = tokens[-1]
    if not last.closed and (last.kind == "string" or last.text.startswith("--[")):
        return ""
    begin = code.rfind("\n", 0, last.start) + 1
    line = code[begin:]
    blanks = line[: len(line) - len(line.lstrip())]
    return blanks + STEP * (_opened([token for token in tokens if token.start >= begin]) > 0)


def _opened(line: list[Token]) -> int:
    """How many blocks and brackets are open behind a line that were not so before it."""
    depth = 0
    for token in line:
        if token.kind not in ("keyword", "mark"):
            continue
        if token.text in _BETWEEN:
            depth = max(depth, 1)
        else:
            depth = max(depth + (token.text in _OPENING) - (token.text in _CLOSING), 0)
    return depth
