"""Times as ISO 8601 texts in UTC, to the second, as Heroku sends them."""

from __future__ import annotations

from datetime import UTC, datetime

ISO_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def iso_time(moment: datetime) -> str:
    """Return a time as a text: `2026-11-20T09:00:00Z`."""
    return moment.strftime(ISO_FORMAT)


def parse_time(text: str) -> datetime:
    """Return the time of a text that `iso_time` made.

    Raises:
        ValueError: it is none.
    """
    return datetime.strptime(text, ISO_FORMAT).replace(tzinfo=UTC)
