"""Describe an archive: its snapshots and recordings, as facts for people and as lines and tables for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, get_args

from kosmo_kernel.archive.answers import JSON, RESULT
from kosmo_kernel.archive.file import open_archive
from kosmo_kernel.archive.snapshots import SavedSnapshot, snapshots_of
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.intake import decode_json
from kosmo_kernel.settings.private_files import PRIVATE, new_folder, write_private
from kosmo_kernel.values.records import encode

Form = Literal["jsonl", "csv", "parquet"]
FORMS: tuple[Form, ...] = get_args(Form)
ANSWERS = "answers"  # the name of the file with the answers of recordings
_RUNS = (
    "SELECT account, begun, ended, (SELECT count(*) FROM kosmo_answers WHERE run=kosmo_runs.id) FROM kosmo_runs "
    "ORDER BY id"
)
_ANSWERS = (
    "SELECT r.account, function, request, outcome, status, headers, at, seconds, b.body FROM kosmo_answers AS a "
    "JOIN kosmo_runs AS r ON r.id=a.run JOIN kosmo_bodies AS b ON b.id=a.body ORDER BY a.id"
)


def describe(file: Path) -> dict[str, Any]:
    """Return what an archive has, as JSON: `bytes`, its `snapshots` and its `recordings`.

    Raises:
        SettingsError: it is no archive, or it was changed.
    """
    with closing(open_archive(file)) as archive:
        runs = archive.rows(_RUNS)
    return {
        "bytes": file.stat().st_size,
        "snapshots": [
            {
                "taken_at": snapshot.begun,
                "integration": snapshot.integration,
                "account": snapshot.account,
                "complete": snapshot.complete,
                "figures": snapshot.figures,
                "tables": {name: about.rows for name, about in snapshot.tables.items()},
                "failures": snapshot.failures,
            }
            for snapshot in snapshots_of(file)
        ],
        "recordings": [
            {"account": account, "begun": begun, "ended": ended, "answers": answers}
            for account, begun, ended, answers in runs
        ],
    }


def lines(file: Path) -> Iterator[bytes]:
    """Yield everything in an archive as lines of JSON: records with list and time, answers with their request.

    Raises:
        SettingsError: it is no archive, or it was changed.
    """
    for manifest in snapshots_of(file):
        saved = SavedSnapshot(file, manifest.begun)
        for name in saved:
            for row in saved.records(name):
                yield encode({"taken_at": manifest.begun, "list": name, "record": row})
    yield from _answers(file)


def export(file: Path, folder: Path, form: Form) -> dict[str, int]:
    """Write the lists of the newest snapshot, and the answers of recordings, as files into a new folder.

    Parameters:
        file: the archive.
        folder: the folder.
        form: the format of the lists. Answers are JSON lines, because they have no columns.

    Returns:
        The number of records of each file.

    Raises:
        SettingsError: the file is no archive, or it was changed.
        FileWriteError: the folder cannot be written; there is none.
    """
    counts: dict[str, int] = {}
    with new_folder(folder) as temporary:
        if snapshots_of(file):
            saved = SavedSnapshot(file)
            for name, about in saved.manifest.tables.items():
                counts[f"{name}.{form}"] = about.rows
                _write(saved, name, temporary / f"{name}.{form}", form)
        if answers := list(_answers(file)):
            counts[f"{ANSWERS}.jsonl"] = len(answers)
            write_private(temporary / f"{ANSWERS}.jsonl", b"".join(line + b"\n" for line in answers))
    return counts


def _write(saved: SavedSnapshot, name: str, path: Path, form: Form) -> None:
    match form:
        case "jsonl":
            write_private(path, b"".join(encode(row) + b"\n" for row in saved.records(name)))
        case "csv":
            write_private(path, saved[name].to_csv(index=False).encode())
        case "parquet":
            saved[name].to_parquet(str(path))
            path.chmod(PRIVATE)


def _answers(file: Path) -> Iterator[bytes]:
    """Yield the answers of recordings as lines of JSON, in the order in which they arrived."""
    names = ("account", "function", "request", "outcome", "status", "headers", "at", "seconds", "body")
    with closing(open_archive(file)) as archive:
        for row in archive.rows(_ANSWERS):
            answer = dict(zip(names, row, strict=True))
            in_json = ["headers", *(["body"] if answer["outcome"] in (JSON, RESULT) else [])]
            for name in in_json:
                if answer[name] is not None:
                    answer[name] = decode_json(str(answer[name]), f"An answer in {file}", SettingsError)
            yield encode(answer)
