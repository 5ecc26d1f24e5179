"""The line of a run's progress, on a real terminal and in a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest
from kosmo_command import standing
from msgspec.structs import replace

from kosmo_kernel.progress.display import ProgressSnapshot, TerminalProgress

if sys.platform == "win32":
    pytest.skip("there are no such terminals", allow_module_level=True)

from terminal import Terminal

HALF = ProgressSnapshot(250, 500, 750, 3750, "production", 2.2)
WAITS = ProgressSnapshot(480, 500, 1440, 0, "production", 64.2, 11.2, "for Heroku's request budget")
LAST = ProgressSnapshot(500, 500, 1500, 3000, "production", 4.4, over=True)
BAR = "━" * 10 + "─" * 10


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    opened = Terminal()
    yield opened
    opened.close()


def test_each_state_takes_the_place_of_the_one_before_and_the_last_stays(terminal: Terminal) -> None:
    with TerminalProgress(terminal.stream) as line:
        line(HALF)
        assert standing(terminal.written()) == [f"{BAR} {HALF.text()}"]
        line(WAITS)
        assert standing(terminal.written())[0].startswith(WAITS.text()[:70])
        line(HALF)
    assert standing(terminal.written()) == [HALF.at_end().text(), ""]


def test_the_last_state_is_not_written_twice(terminal: Terminal) -> None:
    with TerminalProgress(terminal.stream) as line:
        line(LAST)
    assert standing(terminal.written()) == [LAST.text(), ""]


def test_a_state_fits_into_a_narrow_terminal_and_the_last_is_whole(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    with TerminalProgress(terminal.stream) as line:
        line(WAITS)
        assert standing(terminal.written()) == [f"{WAITS.text()[:38]}…"]
    assert standing(terminal.written()) == [WAITS.at_end().text(), ""]


def test_what_is_printed_stands_above_the_line(terminal: Terminal) -> None:
    with TerminalProgress(terminal.stream) as line:
        for text in ("one\n", "two\n"):
            line(HALF)
            line.make_way(terminal.stream, text)
            terminal.stream.write(text)
            terminal.stream.flush()
        line(HALF)
        assert standing(terminal.written()) == ["one", "two", f"{BAR} {HALF.text()}"]


def test_a_line_that_is_not_finished_is_left_alone(terminal: Terminal) -> None:
    with TerminalProgress(terminal.stream) as line:
        line(HALF)
        line.make_way(terminal.stream, "Which app? ")
        terminal.stream.write("Which app? ")
        terminal.stream.flush()
        line(HALF)
        assert standing(terminal.written()) == ["Which app?"]


def test_what_goes_to_a_file_moves_no_line(terminal: Terminal) -> None:
    with TerminalProgress(terminal.stream) as line:
        line(HALF)
        line.make_way(io.StringIO(), "text")
        assert standing(terminal.written()) == [f"{BAR} {HALF.text()}"]


def test_colours_are_left_out_where_nobody_wants_them(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with TerminalProgress(terminal.stream) as line:
        line(HALF)
    assert "\x1b[36m" in terminal.written()
    monkeypatch.setenv("NO_COLOR", "1")
    with TerminalProgress(terminal.stream) as line:
        line(HALF)
    assert "\x1b[36m" not in terminal.written()


def test_a_log_has_the_last_state_only() -> None:
    log = io.StringIO()
    with TerminalProgress(log) as line:
        line(HALF)
        line.make_way(log, "text")
        line(WAITS)
        assert log.getvalue() == ""
    assert log.getvalue() == f"{WAITS.at_end().text()}\n"


def test_a_log_is_told_once_that_the_run_will_take_long() -> None:
    log = io.StringIO()
    long = replace(HALF, expected=840.0)
    with TerminalProgress(log) as line:
        for state in (replace(HALF, expected=59.0), long, replace(long, finished=300)):
            line(state)
        assert log.getvalue() == "250 calls to come: about 14 min. Ctrl-C stops.\n"
    assert log.getvalue().splitlines()[1:] == [replace(long, finished=300).at_end().text()]


def test_a_terminal_that_cannot_draw_over_a_line_is_a_log(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with TerminalProgress(terminal.stream) as line:
        line(HALF)
    assert terminal.written() == f"{HALF.at_end().text()}\n"


def test_a_run_that_shows_nothing_loads_nothing() -> None:
    log = io.StringIO()
    with TerminalProgress(log) as line:
        line.make_way(log, "text")
    assert "_console" not in vars(line)
    assert log.getvalue() == ""
