"""`kosmo archive`: what an archive has, and its lists as files that other programs read."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from kosmo_command import document, kosmo
from repository import NOTEBOOKS

from kosmo_kernel import archive, snapshot
from kosmo_kernel.session import Session

SHIPPED = str(NOTEBOOKS / "larkmoor-2026-10-20.kosmo")


@pytest.fixture
def file(tmp_path: Path, session: Session) -> str:
    """Return an archive with two snapshots."""
    for _ in range(2):
        snapshot.take(session, tmp_path / "history.kosmo")
    return str(tmp_path / "history.kosmo")


def test_info_shows_the_snapshots_and_the_lists_of_the_newest(file: str) -> None:
    done = kosmo("archive", "info", file)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{file}: 2 snapshots, 0 recordings, ")
    assert done.stdout.count("Z  demo, complete, 7 lists, 19 apps, 43 dynos, 11 people\n") == 2
    assert "\nLists of the newest:\n\n  apps           19\n" in done.stdout


def test_info_shows_a_recording_and_that_it_ended(tmp_path: Path) -> None:
    file = str(tmp_path / "run.kosmo")
    kosmo("integrations:lua", "--demo", "-e", "return #heroku.list_apps()", "--record", file)
    code, about = document("archive", "info", file, "--json")

    assert (code, about["snapshots"]) == (0, [])
    [recording] = about["recordings"]
    assert (recording["account"], recording["answers"], bool(recording["ended"])) == ("demo", 1, True)
    [line] = kosmo("archive", "export", file).stdout.splitlines()
    assert "my-app" in {app["name"] for app in json.loads(line)["body"]}


def test_export_prints_each_record_with_its_list_and_its_time(file: str) -> None:
    saved = archive.read(file)
    lines = [json.loads(line) for line in kosmo("archive", "export", file).stdout.splitlines()]

    assert len(lines) == 2 * sum(about.rows for about in saved.manifest.tables.values())
    assert [line["record"] for line in lines if line["list"] == "apps"] == 2 * list(saved.records("apps"))
    assert {line["taken_at"] for line in lines} == set(saved.times)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_export_writes_a_private_file_for_each_list(tmp_path: Path, form: str) -> None:
    folder, saved = tmp_path / "lists", archive.read(SHIPPED)
    code, answer = document("archive", "export", SHIPPED, "-o", str(folder), "--format", form, "--json")
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        "jsonl": lambda path: pd.DataFrame([json.loads(line) for line in path.read_bytes().splitlines()]),
        "csv": pd.read_csv,
        "parquet": pd.read_parquet,
    }

    assert (code, answer["files"]) == (0, {f"{name}.{form}": len(frame) for name, frame in saved.items()})
    for name, rows in answer["files"].items():
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        assert len(readers[form](folder / name)) == rows
    again = kosmo("archive", "export", SHIPPED, "-o", str(folder), "--format", form)
    assert (again.returncode, "has something in it" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["info", SHIPPED, "-o", "x"], "-o is for `export`."),
        (["export", SHIPPED, "--format", "csv"], "--format csv needs a folder: -o DIR."),
        (["export", SHIPPED, "--json"], "--json needs a folder: -o DIR."),
    ],
)
def test_what_does_not_go_together_is_called_wrongly(args: list[str], says: str) -> None:
    done = kosmo("archive", *args)
    assert (done.returncode, says in done.stderr + done.stdout) == (2, True)
