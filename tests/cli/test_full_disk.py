"""Files that cannot be written: the error names the file and says what is kept, and no answer is lost."""

from __future__ import annotations

import errno
import json
import re
import resource
import subprocess
from pathlib import Path

import pytest
from kosmo_command import COMMAND, environment, kosmo
from repository import ROOT

from kosmo_kernel.cli.options import Recording
from kosmo_kernel.errors import FileWriteError
from kosmo_kernel.settings.private_files import writing

FULL = Path("/dev/full")
NO_SPACE, TOO_LARGE = "No space left on device", "File too large"
ASK = ("lua", "--demo", "-e", "return #heroku.list_dynos({ app_id = heroku.list_apps() })")


def limited(folder: Path, *args: str, size: int = 6_000) -> subprocess.CompletedProcess[str]:
    """Run the command to the end where no file can have more than some bytes."""
    # Python would write half files of modules, and coverage half files of what it measured.
    settings = environment({"PYTHONDONTWRITEBYTECODE": "1"})
    return subprocess.run(
        [*COMMAND, *args],
        cwd=folder,
        env={name: value for name, value in settings.items() if not name.startswith("COVERAGE_")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


@pytest.mark.parametrize("resume", [(), ("--resume",)])
def test_a_recording_that_cannot_grow_keeps_its_answers_and_a_run_goes_on_with_them(
    tmp_path: Path, resume: tuple[str, ...]
) -> None:
    recording = ("--record", "audit.kosmo")
    done = limited(tmp_path, *ASK, *recording, *resume, size=90_000)
    assert (done.returncode, done.stdout) == (1, "")
    assert "audit.kosmo cannot be written: disk I/O error. The answers before are in it: once it can be" in done.stderr
    assert "`--record audit.kosmo --resume` goes on with them." in done.stderr
    again = kosmo(*ASK, *recording, "--resume", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, kosmo(*ASK).stdout)
    assert re.search(r"\n[1-9]\d* answers? taken from audit.kosmo", again.stderr)


@pytest.mark.parametrize(("command", "reason"), [("snapshot", "disk I/O error"), ("inventory", TOO_LARGE)])
def test_what_cannot_be_written_is_named_and_nothing_of_it_is_left(tmp_path: Path, command: str, reason: str) -> None:
    done = limited(tmp_path, command, "-o", "there", "--demo")
    assert done.returncode == 1
    assert f"Error: there cannot be written: {reason}. Nothing of it is there." in done.stderr
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_cannot_be_written_has_its_answers_in_the_recording() -> None:
    fault = OSError(errno.ENOSPC, NO_SPACE)
    with pytest.raises(FileWriteError) as raised, Recording("r.jsonl", False).explained(), writing("there"):
        raise fault
    assert str(raised.value) == (
        f"there cannot be written: {NO_SPACE}. The answers are in r.jsonl, and `--record r.jsonl --resume` takes them "
        "from there."
    )


def test_a_report_that_cannot_be_written_is_printed_whole(tmp_path: Path) -> None:
    done = limited(tmp_path, "check", "outside-collaborators", "--demo", "-o", "report.json")
    assert done.returncode == 1  # as something was found
    assert f"report.json cannot be written: {TOO_LARGE}." in done.stderr
    assert [*tmp_path.iterdir()] == []
    whole = kosmo("check", "outside-collaborators", "--demo", "--full").stdout
    assert done.stdout.splitlines()[:-1] == whole.splitlines()[:-1]  # the last line has the duration


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
def test_a_check_whose_report_cannot_be_written_is_neither_passed_nor_called_wrongly(tmp_path: Path) -> None:
    done = kosmo("check", "account-health", "--demo", "-o", str(FULL), "--json", cwd=tmp_path)
    report = json.loads(done.stdout)
    assert (done.returncode, report["exit_code"], report["success"]) == (3, 3, False)
    assert report["checks"][0]["status"] == "passed"
    assert report["notes"][-1] == f"{FULL} cannot be written: {NO_SPACE}."


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
@pytest.mark.parametrize("args", [("check", "account-health", "--demo"), ("docs",)])
def test_an_output_that_cannot_be_written_is_named(args: tuple[str, ...]) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [*COMMAND, *args], stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False
        )
    assert f"Error: Standard output cannot be written: {NO_SPACE}." in done.stderr
    assert done.returncode == (3 if args[0] == "check" else 1)


def test_a_copy_of_a_notebook_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    notebook = ROOT / "notebooks" / "first-steps-lua.ipynb"
    done = limited(tmp_path, "run", str(notebook), "--demo", "-o", "copy.ipynb", size=500)
    assert done.returncode == 1
    assert f"copy.ipynb cannot be written: {TOO_LARGE}." in done.stderr
    assert [*tmp_path.iterdir()] == []
