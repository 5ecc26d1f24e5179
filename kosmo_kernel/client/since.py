"""The records since a time of a list that begins with the newest.

Some lists are ordered by when something was started, which their records do not have, and not by when it was made. What
is made waits in a queue for less than a day, so such a list is read until a record is a day too old.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

PAGE_SIZE = 50  # records; more than most apps have in a week
_MADE = "created_at"


class Since:
    """A day or a time, `2026-11-20` or `2026-11-20T09:00:00Z`, from which on records are asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        year, month, day = (int(part) for part in text[:10].split("-"))
        self._day_before = (date(year, month, 1) + timedelta(days=day - 2)).isoformat()

    def includes(self, row: Mapping[str, Any]) -> bool:
        """Return whether a record is as new, or does not tell."""
        made = row.get(_MADE)
        return not made or str(made) >= self._text

    def ends_before(self, row: Mapping[str, Any]) -> bool:
        """Return whether no later record of a list that begins with the newest is as new."""
        made = row.get(_MADE)
        return bool(made) and str(made)[:10] < self._day_before
