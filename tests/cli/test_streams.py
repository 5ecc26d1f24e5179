"""Standard output and standard error get no control characters, and an end when nobody reads any more."""

from __future__ import annotations

import io
import json
import os
import subprocess
from pathlib import Path
from typing import TextIO, cast

import pytest
from kosmo_command import COMMAND, environment, kosmo, on_terminal

from kosmo_kernel.cli.options import FORMATS
from kosmo_kernel.cli.streams import (
    CLOSED,
    USAGE_ERROR,
    ClosedStreamError,
    OutputStream,
    console,
    escape_controls,
    styled,
)
from kosmo_kernel.safety.text import with_json_escapes

LUA = "lua"
CONTROLS = [chr(code) for code in (*range(32), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]
HOSTILE = "x\x1b[2J\x07\x08\r\x9b31my"  # as text that a service or a script gives
IN_LUA = r'"x\27[2J\7\8\r\u{9b}31my"'
ESCAPED = r"x\u001b[2J\u0007\u0008\r\u009b31my"


def has_controls(text: str) -> bool:
    return any(character in text for character in CONTROLS)


def test_every_control_character_but_line_ends_and_tabs_is_escaped() -> None:
    assert not has_controls(escape_controls("".join(CONTROLS)))
    assert escape_controls(HOSTILE) == ESCAPED
    assert escape_controls("a\tb\r\nc\n\u00e9\u2028") == "a\tb\r\nc\n\u00e9\\u2028"
    encoded = json.dumps("".join(CONTROLS), ensure_ascii=False)
    written = with_json_escapes(encoded.encode()).decode()
    assert not has_controls(written)
    assert json.loads(written) == "".join(CONTROLS)


@pytest.mark.claim("command-controls")
@pytest.mark.parametrize("form", [None, *FORMATS, "--json"])
def test_a_value_brings_no_control_characters_into_a_pipe(form: str | None) -> None:
    options = [] if form is None else [form] if form.startswith("-") else ["--format", form]
    done = kosmo(LUA, *options, "-e", f"return {{ {{ a = {IN_LUA} }} }}, {IN_LUA}")
    assert not has_controls(done.stdout + done.stderr)
    if form in ("json", "--json"):
        assert r"\u009b" in done.stdout
        assert json.dumps(HOSTILE) in json.dumps(json.loads(done.stdout))
    elif form != "markdown":  # which leaves them out
        assert r"\u009b31my" in done.stdout


@pytest.mark.claim("command-controls")
@pytest.mark.parametrize(
    "args",
    [
        [LUA, f"{HOSTILE}.lua"],
        [LUA, f"--{HOSTILE}"],
        [HOSTILE],
        [LUA, "--account", HOSTILE, "-e", "1"],
        [LUA, "--json", f"--{HOSTILE}"],
        ["docs", HOSTILE],
        ["run", f"{HOSTILE}.ipynb"],
        ["mcp:trust", HOSTILE],
    ],
    ids=str,
)
def test_an_error_quotes_no_control_characters(args: list[str]) -> None:
    done = kosmo(*args)
    assert done.returncode
    assert not has_controls(done.stdout + done.stderr)


@pytest.mark.claim("command-controls")
def test_colours_of_our_own_stay_on_a_terminal_and_those_of_others_do_not() -> None:
    screen = on_terminal(LUA, "-e", f"return {{ {{ a = {IN_LUA} }} }}")
    assert "\x1b[1ma" in screen
    assert "\x1b[2J" not in screen
    assert "\x9b" not in screen
    error = on_terminal(LUA, f"{HOSTILE}.lua")
    assert "\x1b[31m\x1b[1mError:\x1b[0m" in error
    assert "\x1b[2J" not in error


def test_a_console_escapes_the_text_and_keeps_its_own_sequences() -> None:
    terminal = io.StringIO()
    console(cast("TextIO", OutputStream(terminal)), force_terminal=True, width=80).print(HOSTILE, style="red")
    assert terminal.getvalue() == "\x1b[31mx\\u001b[2J\\u009b31my\x1b[0m\n"  # rich itself leaves out the others
    styled(cast("TextIO", OutputStream(terminal))).write("\x1b[1m")
    assert terminal.getvalue().endswith("\x1b[1m")


def test_only_a_stream_of_our_own_ends_a_command() -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(ClosedStreamError):
        OutputStream(Closed()).write("x")


def closed_reader(*args: str, stream: str = "stdout") -> tuple[int, str]:
    """Run where nobody reads one of the streams: the exit code, and what the other one got."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, *args],
        stdin=subprocess.DEVNULL,
        stdout=writing if stream == "stdout" else subprocess.PIPE,
        stderr=writing if stream == "stderr" else subprocess.PIPE,
        env=environment(),
        check=False,
        timeout=60,
        text=True,
    )
    os.close(writing)
    return done.returncode, (done.stderr if stream == "stdout" else done.stdout) or ""


@pytest.mark.parametrize(
    ("stream", "args"),
    [
        ("stdout", ["--help"]),
        ("stdout", [LUA, "-e", "return 1"]),
        ("stdout", [LUA, "--json", "-e", "return 1"]),
        ("stdout", ["docs", "--json"]),
        ("stderr", ["nonsense"]),
        ("stderr", [LUA, "-e", "io.stderr:write('x')"]),
    ],
    ids=str,
)
def test_a_closed_stream_ends_a_command_quietly(stream: str, args: list[str]) -> None:
    assert closed_reader(*args, stream=stream) == (CLOSED, "")


def test_a_stream_that_is_not_needed_may_be_closed() -> None:
    assert closed_reader("nonsense")[0] == USAGE_ERROR
    assert closed_reader(LUA, "-e", "return 1", stream="stderr") == (0, "1\n")


def test_a_recording_is_whole_although_the_output_is_closed(tmp_path: Path) -> None:
    cassette = tmp_path / "run.cassette"
    script = (
        "local h = app.integrations.heroku print('x') local n = #h.list_apps() print(n) return #h.list_dynos('my-app')"
    )
    code, _ = closed_reader(LUA, "--demo", "--record", str(cassette), "-e", script)
    assert code == CLOSED
    replayed = kosmo(LUA, "--from", str(cassette), "-e", script)
    assert (replayed.returncode, replayed.stdout) == (0, "x\n19\n2\n")


@pytest.mark.full
def test_a_report_is_whole_although_the_output_is_closed(tmp_path: Path) -> None:
    book, out = tmp_path / "book.ipynb", tmp_path / "out.ipynb"
    cell: dict[str, object] = {
        "cell_type": "code",
        "metadata": {},
        "source": "1 + 1",
        "outputs": [],
        "execution_count": None,
        "id": "a",
    }
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    book.write_text(json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    assert closed_reader("run", str(book), "-o", str(out))[0] == CLOSED
    assert "'2'" in str(json.loads(out.read_text())["cells"])


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("return {}", ""),
        ("local none = {} return none", ""),
        ("return app.integrations.heroku.list_collaborators({ app_id = {} })", "app_id,"),
    ],
)
def test_an_empty_list_has_no_rows_in_a_pipe_and_its_count_is_a_note(code: str, names: str) -> None:
    done = kosmo(LUA, "--demo", "-e", code)
    assert done.stdout.startswith(names)
    assert len(done.stdout.splitlines()) == bool(names)
    assert "0 records\n" in done.stderr
