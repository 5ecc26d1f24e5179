"""`kosmo archive`: what an archive has, and its lists as files that other programs read."""

from __future__ import annotations

import stat
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
    done = kosmo("archive", file)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{file}: 2 snapshots, 0 recordings, ")
    assert done.stdout.count("Z  demo, complete, 7 lists, 19 apps, 43 dynos, 11 people\n") == 2
    assert "\nLists of the newest:\n\n  apps           19\n" in done.stdout


def test_info_shows_a_recording_and_that_it_ended(tmp_path: Path) -> None:
    file = str(tmp_path / "run.kosmo")
    kosmo("lua", "--demo", "-e", "return #heroku.list_apps()", "--record", file)
    code, about = document("archive", file, "--json")

    assert (code, about["snapshots"]) == (0, [])
    [recording] = about["recordings"]
    assert (recording["account"], recording["answers"], bool(recording["ended"])) == ("demo", 1, True)
    done = kosmo("archive", file, "-o", str(tmp_path / "lists"))
    assert (done.returncode, "has no snapshot" in done.stderr, (tmp_path / "lists").exists()) == (1, True, False)


@pytest.mark.claim("csv-formulas")
def test_export_writes_a_private_csv_file_for_each_list(tmp_path: Path) -> None:
    folder, saved = tmp_path / "lists", archive.SavedSnapshot(SHIPPED)
    code, answer = document("archive", SHIPPED, "-o", str(folder), "--json")

    assert (code, answer["files"]) == (0, {f"{name}.csv": len(frame) for name, frame in saved.items()})
    for name, frame in saved.items():
        file = folder / f"{name}.csv"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        read = pd.read_csv(file)
        assert (list(read.columns), len(read)) == (list(frame.columns), len(frame))
    commands = pd.read_csv(folder / "formation.csv")["command"]
    assert [command for command in commands if str(command).startswith(("=", "+", "-", "@"))] == []
    again = kosmo("archive", SHIPPED, "-o", str(folder))
    assert (again.returncode, "has something in it" in again.stderr) == (1, True)
