"""Several processes that record into one cassette, of one run or at the same time: what each of them asked is kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kosmo_command import document, environment, started
from recorded import keep, paths
from repository import SUPPORT

from kosmo_kernel.archive.recorder import Recorder
from kosmo_kernel.session import Session

APPS = ("my-app", "courier-app", "booking-api", "night-sorter")
ASK = "return #app.integrations.heroku.demo.list_dynos('{}')"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.kosmo"


def dynos(*apps: str) -> list[str]:
    return [f"/apps/{app}/dynos" for app in apps]


def test_two_processes_that_record_at_the_same_time_are_both_kept(file: Path) -> None:
    wait = "app.integrations.heroku.demo.list_dynos('{}') print('asked') io.read()"
    processes = [started("lua", "-", "-e", wait.format(app), "--record", str(file)) for app in APPS[:2]]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
    for process in processes[::-1]:
        process.communicate(timeout=60)

    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(paths(file)) == sorted(dynos(*APPS[:2]))
    for app in APPS[:2]:
        code, answer = document("lua", "--from", str(file), "-e", ASK.format(app), "--json")
        assert (code, answer["result"][0] > 0) == (0, True)
    assert list(file.parent.iterdir()) == [file]


def test_processes_that_end_in_the_same_moment_wait_for_one_another(file: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from kosmo_kernel.archive.recorder import Recorder\n"
        "from recorded import keep\n"
        "recorder = Recorder(Path(sys.argv[1]), 'default', 'one')\n"
        "for place in range(20):\n"
        "    keep(recorder, f'{sys.argv[2]}-{place}')\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "recorder.close()\n"
    )
    names = [f"server-{place}" for place in range(4)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(file), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment() | {"PYTHONPATH": str(SUPPORT)},
        )
        for name in names
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)

    assert [process.returncode for process in processes] == [0] * 4
    assert sorted(paths(file)) == sorted(dynos(*(f"{name}-{place}" for name in names for place in range(20))))
    assert list(file.parent.iterdir()) == [file]


def kept(file: Path, name: str, run: str = "") -> Recorder:
    cassette = Recorder(file, "default", run)
    keep(cassette, name)
    return cassette


def test_who_asked_nothing_leaves_what_the_others_kept(file: Path) -> None:
    idle, first = Recorder(file, "default", "one"), kept(file, "first", "one")
    first.close()
    idle.close()
    assert paths(file) == dynos("first")


def test_a_session_of_its_own_replaces_what_was_there_before(file: Path) -> None:
    for app in APPS[:2]:
        with Session("demo", record=file) as session:
            session.run(ASK.format(app))
        assert paths(file) == dynos(app)
