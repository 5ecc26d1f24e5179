"""What serves the demo of any service: a server on a port, faults, and its today.

server.py   an HTTP server for one application
faults.py   faults of a network, and of the pages after the first
wsgi.py     requests and responses

The fictional Heroku account is in the folder of its service, `integrations/heroku/demo`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from kosmo_kernel.text import iso_time

NOW = "2026-11-20T09:00:00Z"

_NOW = datetime.fromisoformat(NOW)


def ago(days: float) -> str:
    """Return the time so many days before today; it lies ahead if they are negative."""
    return iso_time(_NOW - timedelta(days=days))


def later(since: str, days: float) -> str:
    """Return the time so many days after another, at the latest today."""
    return min(NOW, iso_time(datetime.fromisoformat(since) + timedelta(days=days)))
