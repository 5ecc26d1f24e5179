"""What is in an archive, read with SQLite alone, as users read it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from scripted_api import ACCOUNT

from kosmo_kernel.archive.answers import JSON, StoredAnswer
from kosmo_kernel.archive.recorder import RecordedAnswer, Recorder
from kosmo_kernel.archive.runs import RequestKey

ANSWERS = """
SELECT service, name, kosmo_answers.id AS id, function, request, outcome, status, headers, body.body AS body, at, script
FROM kosmo_answers
JOIN kosmo_accounts ON kosmo_accounts.id = account
JOIN kosmo_bodies AS body ON body.id = kosmo_answers.body
ORDER BY kosmo_answers.id
"""


def answers(file: Path) -> list[dict[str, Any]]:
    """Return the answers in an archive in their order, each with its decoded headers, path and body."""
    return [_decoded(row) for row in query(file, ANSWERS)]


def paths(file: Path) -> list[str]:
    """Return the paths that were requested, in their order."""
    return [one["path"] for one in answers(file)]


def keep(recorder: Recorder, path: str) -> None:
    """Record an answer to a request for a path."""
    key = RequestKey("heroku", ACCOUNT.alias, f"GET {path}")
    recorded = RecordedAnswer(key, ACCOUNT, "heroku.list_apps", StoredAnswer(JSON, 200, {}, b"[]"), 0.0)
    recorder.keep(recorder.number(), recorded, passing=False)


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
    body = row["body"] if row["outcome"] in ("text", "broken") else json.loads(row["body"])
    return {**row, "path": path, "headers": json.loads(row["headers"] or "null"), "body": body}
