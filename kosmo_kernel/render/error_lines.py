"""A failure in a few lines: its kind, its message, and the Lua around the place."""

from __future__ import annotations

import re

from kosmo_kernel.errors import KosmoError

# What could move a terminal's cursor or change its state; new lines and tabs are text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
MAX_MESSAGE_LENGTH = 100_000  # characters of a message that are shown
_BLANK = re.compile(r"\s*\d+\s*")  # a line of an excerpt with nothing on it
_MARKED = re.compile(r"\s*-+>")
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"  # no colour: the page behind it is red in one theme and dark red in another


def error_lines(error: KosmoError, *, colour: bool = False) -> list[str]:
    """How a failure reads below a cell: its kind and message, then the Lua around the place, that line marked.

    Parameters:
        error: what failed.
        colour: with ANSI colours, as notebooks show them.
    """
    bold, plain = (_BOLD, _PLAIN) if colour else ("", "")
    excerpt = _printable(error.excerpt).split("\n") if error.excerpt else []
    while excerpt and _BLANK.fullmatch(excerpt[0]):
        del excerpt[0]
    while excerpt and _BLANK.fullmatch(excerpt[-1]):
        del excerpt[-1]
    message = (
        error.message if len(error.message) <= MAX_MESSAGE_LENGTH else error.message[: MAX_MESSAGE_LENGTH - 1] + "…"
    )
    lines = f"{bold}{type(error).__name__}{plain}: {_printable(message)}".split("\n")
    lines += [f"{bold}{line}{plain}" if _MARKED.match(line) else line for line in excerpt]
    return lines


def _printable(text: str) -> str:
    """A text that stays where it is put: control characters as escapes."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)
