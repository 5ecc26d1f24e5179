"""Format an error in a few lines: its class, its message, and the Lua around the failing line.

Control characters are escaped, because messages quote text from services and scripts.
"""

from __future__ import annotations

import re

from kosmo_kernel.errors import KosmoError

# Control characters that could move a terminal's cursor or change its state; line feeds and tabs are kept.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
MAX_MESSAGE_LENGTH = 100_000  # characters of a message to show
_BLANK_LINE = re.compile(r"\s*\d+\s*")  # an empty line of an excerpt, with its number
_MARKED_LINE = re.compile(r"\s*-+>")
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"  # bold, not coloured: the background is red in one theme and dark red in another


def error_lines(error: KosmoError, *, colour: bool = False) -> list[str]:
    """Return the lines to show for an error: its class and message, then the Lua around the marked failing line.

    Parameters:
        error: the error.
        colour: use ANSI styles, which notebooks show.
    """
    bold, plain = (_BOLD, _PLAIN) if colour else ("", "")
    excerpt = _printable(error.excerpt).split("\n") if error.excerpt else []
    while excerpt and _BLANK_LINE.fullmatch(excerpt[0]):
        del excerpt[0]
    while excerpt and _BLANK_LINE.fullmatch(excerpt[-1]):
        del excerpt[-1]
    message = (
        error.message if len(error.message) <= MAX_MESSAGE_LENGTH else error.message[: MAX_MESSAGE_LENGTH - 1] + "…"
    )
    lines = f"{bold}{type(error).__name__}{plain}: {_printable(message)}".split("\n")
    lines += [f"{bold}{line}{plain}" if _MARKED_LINE.match(line) else line for line in excerpt]
    return lines


def _printable(text: str) -> str:
    """Return a text with its control characters as escapes."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
