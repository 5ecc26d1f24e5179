"""What is in an archive, read with SQLite alone, as users read it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from scripted_api import Asking, Script, said

from kosmo_kernel.archive.recorder import Recorder

ANSWERS = """
SELECT service, name, kosmo_answers.id AS id, function, request, outcome, status, requests, scopes, body.body AS body,
    at, script
FROM kosmo_answers
JOIN kosmo_accounts ON kosmo_accounts.id = account
JOIN kosmo_bodies AS body ON body.id = kosmo_answers.body
ORDER BY kosmo_answers.id
"""


def answers(file: Path) -> list[dict[str, Any]]:
    """Return the answers in an archive in their order, each with its path and its decoded body."""
    return [_decoded(row) for row in query(file, ANSWERS)]


def paths(file: Path) -> list[str]:
    """Return the paths that were requested, in their order."""
    return [one["path"] for one in answers(file)]


def keep(recorder: Recorder, app: str) -> None:
    """Record an answer about an app."""
    Asking(Script(said(200, "[]")), saved=recorder).fetch("list_dynos", app_id=app)


def runs(file: Path) -> list[dict[str, Any]]:
    """Return the runs in an archive."""
    return query(file, "SELECT * FROM kosmo_runs ORDER BY id")


def query(file: Path, sql: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
    """Return the rows of a query by the names of their columns, or change the file."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        with connection:
            return [dict(row) for row in connection.execute(sql, values)]


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    path = row["request"].partition(" ")[2].partition(" (")[0]
    return {**row, "path": path, "body": json.loads(row["body"])}
