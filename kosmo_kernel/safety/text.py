"""Strip escape sequences from plain text, and limit the length of texts."""

from __future__ import annotations

import re

MAX_MARKUP_LENGTH = 1 << 20  # characters of one text of markup

# Sequences that could move a terminal's cursor, change its state or reach its clipboard. Line ends, tabs and
# backspaces are kept.
_HARMFUL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])?"
    r"|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)


class UnsafeContentError(ValueError):
    """Content that cannot be made safe to show."""


def sanitize_text(given: str) -> str:
    """Return a text without escape sequences and control characters."""
    return _HARMFUL.sub("", given)


def shortened(text: str, max_length: int) -> str:
    """Return a text cut to a number of characters, with an ellipsis in place of what is left out."""
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def check_length(given: str, what: str, most: int = MAX_MARKUP_LENGTH) -> None:
    """Check that a text is not too long to read as markup.

    Raises:
        UnsafeContentError: it has more than `most` characters.
    """
    if len(given) > most:
        raise UnsafeContentError(f"{len(given):,} characters of {what} are too many; {most:,} can be shown")
