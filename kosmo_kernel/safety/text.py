"""Plain text without what moves a terminal, and the limit of all that is read as markup."""

from __future__ import annotations

import re

MAX_MARKUP_LENGTH = 1 << 20  # characters of one text that is to be read as markup

# What could move a terminal's cursor, change its state or reach its clipboard; line ends, tabs and going back stay.
_HARMFUL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])?"
    r"|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)


class UnsafeContentError(ValueError):
    """Why something is not shown."""


def sanitize_text(given: str) -> str:
    """A text without escape sequences and control characters."""
    return _HARMFUL.sub("", given)


def short_enough(given: str, what: str, most: int = MAX_MARKUP_LENGTH) -> None:
    """Refuse to read what is too long.

    Raises:
        NotShownError: it is.
    """
    if len(given) > most:
        raise UnsafeContentError(f"{len(given):,} characters of {what} are too many; {most:,} can be shown")
