"""`io.read` on the command line: when it reads standard input, what it gets, and how the wait for it ends."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from kosmo_command import kosmo, started

from kosmo_kernel.cli import lua_run
from kosmo_kernel.cli.lua_run import WAITING, StandardInput
from kosmo_kernel.errors import LimitError

LUA = "lua"
LEAVERS = b"one@x.example\n42 two\nthree\nrest\n\xff end"
READS = (
    "return io.read('l'), io.read('n'), io.read('L'), io.read(2), io.read(0), io.read('l'), #io.read('a'), io.read()"
)
VALUES = ["one@x.example", 42, " two\n", "th", "", "ree", 10, None]


@pytest.fixture
def script(tmp_path: Path) -> str:
    file = tmp_path / "script.lua"
    file.write_text(READS, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("command", [LUA, "mcp:lua"])
@pytest.mark.parametrize("source", ["FILE", "-e", "-e -"])
def test_every_format_reads_standard_input_with_a_file_and_with_code(command: str, source: str, script: str) -> None:
    args = {"FILE": [script], "-e": ["-e", READS], "-e -": ["-e", READS, "-"]}[source]
    done = kosmo(command, "--json", *args, stdin=LEAVERS)
    assert json.loads(done.stdout)["result"] == VALUES


def test_with_a_script_from_standard_input_there_is_nothing_left_to_read() -> None:
    assert kosmo(LUA, "-", stdin=b"#!/usr/bin/env kosmo\nreturn io.read()\nreturn").returncode == 1
    assert kosmo(LUA, "-", stdin=b"#!/usr/bin/env kosmo\nreturn io.read()").stdout == "nil\n"


def test_bytes_reach_lua_as_they_are() -> None:
    assert kosmo(LUA, "-e", "return io.read('a'):byte(1, -1)", stdin=b"\xff\x00\xe9").stdout == "255\t0\t233\n"


def test_lines_without_a_script_that_asks_stay_for_the_next_program(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_bytes(b"all of it")
    with data.open("rb") as file:
        command = [sys.executable, "-m", "kosmo_kernel", LUA, "-e", "return 1"]
        pid = os.posix_spawn(
            sys.executable, command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, file.fileno(), 0)]
        )
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 0


def test_a_wait_for_input_ends_at_the_timeout_and_by_an_interrupt() -> None:
    for form in ("l", "a"):
        with started(LUA, "--timeout", "0.3", "-e", f"io.read('{form}')") as running:
            assert running.stderr is not None
            assert "more than 0.3 s (timeout)" in running.stderr.read()
        assert running.returncode == 1
    with started(LUA, "-e", "print('ready') io.read('a')") as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        assert "Interrupted" in running.stderr.read()
    assert running.returncode == 130


def test_a_line_that_is_longer_than_the_memory_is_an_error() -> None:
    for form in ("l", "a"):
        done = kosmo(LUA, "--memory-limit", "2000000", "-e", f"return #io.read('{form}')", stdin=b"x" * 3_000_000)
        assert done.returncode == 1
        assert "of standard input has more than 2,000,000 bytes" in done.stderr


@pytest.mark.parametrize(
    ("args", "shown"),
    [(["-e", "#'abc'"], "3\n"), (["-e", "#{ 1, 2 }"], "2\n"), (["-e", "#!x"], None), (["-e", "# comment"], None)],
)
def test_a_number_sign_in_code_is_the_operator(args: list[str], shown: str | None) -> None:
    done = kosmo(LUA, *args)
    assert (done.returncode, done.stdout) == ((1, "") if shown is None else (0, shown))


@pytest.mark.parametrize(("first_line", "code"), [("#!/usr/bin/env kosmo", 0), ("# no shebang", 1)])
def test_only_a_shebang_is_skipped_in_a_file(first_line: str, code: int, tmp_path: Path) -> None:
    file = tmp_path / "script.lua"
    file.write_text(f"{first_line}\nreturn 1\n", encoding="utf-8")
    assert kosmo(LUA, str(file)).returncode == code


def test_a_long_wait_is_told_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        os.write(writing, b"one\n")

    monkeypatch.setattr(lua_run, "SECONDS_UNTIL_NOTE", 0.01)
    monkeypatch.setattr(lua_run, "print_note", tell)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        read = StandardInput(100)
        assert read("l") == "one"
        os.write(writing, b"two\n")
        assert read("L") == "two\n"
        os.close(writing)
        assert read("a") is None
    assert told == [WAITING]
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_input_that_is_too_long_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin: Any = io.TextIOWrapper(io.BytesIO(b"x" * 11 + b"\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(LimitError):
        StandardInput(10)("l")
