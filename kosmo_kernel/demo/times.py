"""The demo's point in time, and times before and after it, as Heroku writes them."""

from __future__ import annotations

from datetime import datetime, timedelta

from kosmo_kernel.text.times import iso_time

NOW = "2026-11-20T09:00:00Z"

_NOW = datetime.fromisoformat(NOW)


def timestamp(moment: datetime) -> str:
    """Return a time as Heroku writes it."""
    return iso_time(moment)


def ago(days: float) -> str:
    """Return the time so many days before the company's today; it lies ahead if they are negative."""
    return timestamp(_NOW - timedelta(days=days))


def later(since: str, days: float) -> str:
    """Return the time so many days after another, at the latest the company's today."""
    return min(NOW, timestamp(datetime.fromisoformat(since) + timedelta(days=days)))
