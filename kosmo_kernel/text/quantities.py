"""Format counts, durations and lists of names, and times as ISO 8601 texts in UTC, to the second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

ISO_FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # as Heroku sends times


def duration(seconds: float) -> str:
    """Format a duration: `4.2 s`, `3 min 20 s`, `2 h 5 min`. Integers have no decimals."""
    if seconds < 60:
        return f"{seconds} s" if isinstance(seconds, int) else f"{min(seconds, 59.9):.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def counted(number: int, noun: str) -> str:
    """Return a count with its noun: `1 call`, `1,200 calls`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], most: int, separator: str = ", ") -> str:
    """Return names in a sentence, the first ones and how many more there are: `api, shop and 3 more`."""
    more = len(names) - most
    return separator.join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def iso_time(moment: datetime) -> str:
    """Return a time as a text: `2026-11-20T09:00:00Z`."""
    return moment.strftime(ISO_FORMAT)


def parse_time(text: str) -> datetime:
    """Return the time of a text that `iso_time` made.

    Raises:
        ValueError: it is none.
    """
    return datetime.strptime(text, ISO_FORMAT).replace(tzinfo=UTC)
