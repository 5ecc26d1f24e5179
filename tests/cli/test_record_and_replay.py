"""`kosmo integrations:lua --record` and `--replay`, as a user starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kosmo_command import document, environment, kosmo, started
from recorded import answers, paths, runs
from repository import ROOT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.kosmo"


def test_the_command_records_and_replays(file: Path) -> None:
    ask = ("-e", "return #app.integrations.heroku.list_apps()")
    first = kosmo("integrations:lua", "--demo", "--record", str(file), *ask)
    code, answer = document("integrations:lua", "--replay", str(file), "--json", *ask)

    assert (first.returncode, first.stdout) == (0, "19\n")
    assert f"1 request recorded in {file}.\n" in first.stderr
    assert (code, answer["result"], answer["meta"]["account"]) == (0, [19], "demo")
    assert any(note.startswith(f"Replayed from {file}, recorded ") for note in answer["meta"]["notes"])


def test_the_command_says_what_it_cannot_replay(file: Path) -> None:
    code, answer = document("integrations:lua", "--replay", str(file), "--json", "-e", "return 1")
    assert (code, answer["meta"]["error"]["type"], "cannot be read" in answer["error"]) == (1, "settings", True)

    kosmo("integrations:lua", "--demo", "--record", str(file), "-e", "app.integrations.heroku.list_apps()")
    code, answer = document(
        "integrations:lua", "--replay", str(file), "--json", "-e", "app.integrations.heroku.get_current_user()"
    )
    assert (code, answer["meta"]["error"]["type"]) == (1, "not_recorded")
    assert "GET /account (account demo) is not in" in answer["error"]


@pytest.mark.parametrize("other", [["--dry-run"], ["--replay", "other.jsonl"]])
def test_a_recording_is_of_a_run_that_asks(file: Path, other: list[str]) -> None:
    done = kosmo("integrations:lua", "--record", str(file), *other, "-e", "return 1")

    assert (done.returncode, f"--record and {other[0]} exclude one another" in done.stderr) == (2, True)
    assert not file.exists()


@pytest.mark.skipif(not hasattr(os, "setsid"), reason="signals as POSIX has them")
def test_ctrl_c_keeps_what_was_recorded(file: Path) -> None:
    script = "app.integrations.heroku.list_apps() print('now') while true do end"
    process = started("integrations:lua", "--demo", "--record", str(file), "--cpu-limit", "1000", "-e", script)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert (process.returncode, [one["status"] for one in answers(file)]) == (130, [200])


# All sessions of a process -----------------------------------------------------------------------------


def test_sessions_of_one_process_share_the_cassettes_that_the_environment_names(file: Path) -> None:
    program = (
        "from kosmo_kernel.session import Session\n"
        "for name in ('get_app', 'list_dynos'):\n"
        "    with Session('demo') as session:\n"
        "        result = session.run(f'return app.integrations.heroku.{name}(\"my-app\")')\n"
        "        print(len(result.value), result.notes[1:])\n"
    )
    ran = [
        subprocess.run(
            [sys.executable, "-c", program],
            env=environment({name: str(file)}),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.splitlines()
        for name in ("KOSMO_RECORD", "KOSMO_REPLAY")
    ]

    assert paths(file) == ["/apps/my-app", "/apps/my-app/dynos"]
    assert ran[0] == [line.partition(" ")[0] + " []" for line in ran[1]]
    assert all("Replayed from" in line for line in ran[1])


def test_the_environment_cannot_ask_for_both(file: Path) -> None:
    env = {"KOSMO_RECORD": str(file), "KOSMO_REPLAY": str(file)}
    code, answer = document("integrations:lua", "-e", "return 1", "--json", env=env)

    assert (code, answer["error"]) == (
        1,
        "A run is recorded or replayed, not both. Give one of KOSMO_RECORD and KOSMO_REPLAY.",
    )


@pytest.mark.full
def test_a_notebook_is_recorded_and_replayed(file: Path, tmp_path: Path) -> None:
    notebook = ROOT / "notebooks" / "first-steps.ipynb"
    first = kosmo("run", str(notebook), "--demo", "-o", "first.ipynb", "--record", str(file), cwd=tmp_path)
    second = kosmo("run", str(notebook), "--demo", "-o", "second.ipynb", "--replay", str(file), cwd=tmp_path)
    shown = (tmp_path / "second.ipynb").read_text(encoding="utf-8")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "recorded in" not in (tmp_path / "first.ipynb").read_text(encoding="utf-8")
    assert f"Replayed from {file}" in shown
    cost, again = (done.stderr.partition(" requests, ")[0].partition(" for ")[2] for done in (first, second))
    assert cost == again != ""
    recorded = runs(file)[0]["begun"]
    assert second.stderr.endswith(f" s. Replayed from {file}, recorded {recorded}. Nothing was sent.\n")


@pytest.mark.full
def test_a_notebook_is_not_run_on_what_is_no_cassette(file: Path, tmp_path: Path) -> None:
    notebook = ROOT / "notebooks" / "first-steps.ipynb"
    code, answer = document("run", str(notebook), "--replay", str(file), "--json", cwd=tmp_path)

    assert (code, "cannot be read" in answer["error"], list(tmp_path.iterdir())) == (1, True, [])
