"""`kosmo integrations:lua --repl` as a person uses it on a terminal, and as a pipe does."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from kosmo_command import COMMAND, FICTION, environment, kosmo

from kosmo_kernel.cli.streams import CLOSED

LUA = "integrations:lua"
CTRL_C, CTRL_D, CTRL_R, UP, TAB, ENTER = "\x03", "\x04", "\x12", "\x1b[A", "\t", "\r"
_ESCAPE = re.compile(r"\x1b(\[[\d;?]*[A-Za-z]|\][^\x07]*\x07|[=>])")


class Person:
    """Somebody at a terminal.

    Parameters:
        args: of the command, besides `--repl`.
        env: environment variables beside this process's own.
        columns: how wide the terminal is.

    Attributes:
        banner: what stands in front of the first prompt.
    """

    banner = ""

    def __init__(self, *args: str, env: dict[str, str] | None = None, columns: int = 100) -> None:
        more = {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"} | (env or {})
        command = [*COMMAND, LUA, "--repl", *args]
        self.terminal = pexpect.spawn(
            command[0], command[1:], encoding="utf-8", timeout=60, dimensions=(40, columns), env=environment(more)
        )

    def sees(self, text: str) -> str:
        """Wait until this is on the screen; what came before it, without colours."""
        self.terminal.expect_exact(text)
        return _ESCAPE.sub("", str(self.terminal.before))

    def prompted(self, number: int) -> str:
        """Wait for the prompt with this number; what came before it."""
        return self.sees(f"In[{number}]> ")

    def types(self, keys: str) -> None:
        self.terminal.send(keys)

    def enters(self, text: str, number: int) -> list[str]:
        """Type an input, and give the lines that follow it until the prompt with this number."""
        self.types(text + ENTER)
        self.sees("\r\n")
        return [line.rstrip() for line in self.prompted(number).splitlines() if line.strip()]

    def leaves(self) -> int | None:
        """Wait for the end; the exit code."""
        self.terminal.expect(pexpect.EOF)
        self.terminal.close()
        return self.terminal.exitstatus


@pytest.fixture
def person(request: pytest.FixtureRequest) -> Iterator[Person]:
    """Somebody who has the first prompt; on the demo account unless told otherwise."""
    settings: dict[str, Any] = getattr(request, "param", {})
    somebody = Person(*settings.get("args", ["--demo"]), env=settings.get("env"), columns=settings.get("columns", 100))
    somebody.banner = somebody.prompted(1)
    yield somebody
    somebody.terminal.close(force=True)


def test_one_line_says_where_one_is_and_ctrl_d_leaves(person: Person) -> None:
    banner = person.banner
    assert re.fullmatch(r"Kosmo \S+, Lua 5\.4, account demo \(fiction\)\. .* Ctrl-D leaves\.\s*", banner)
    person.types(CTRL_D)
    assert person.leaves() == 0


@pytest.mark.parametrize("person", [{"columns": 50}], indirect=True)
def test_the_first_line_fits_a_narrow_terminal(person: Person) -> None:
    assert len(person.banner.strip()) <= 50


def test_a_value_is_kept_under_the_number_of_its_input_shown_or_not(person: Person) -> None:
    assert person.enters("print('printed') return { 1, k = 'v' };", 2) == ["printed"]
    assert person.enters("Out[1].k", 3) == ["v"]


def test_an_unfinished_chunk_goes_on_in_an_indented_line_and_its_end_moves_back(person: Person) -> None:
    person.types("function twice(x)" + ENTER)
    person.sees("...> ")
    person.types("return x * 2" + ENTER)
    person.sees("...> ")
    person.types("end" + ENTER)
    person.prompted(2)
    assert person.enters("twice(21)", 3) == ["42"]
    person.types(UP + UP)
    person.sees("end")
    person.types(ENTER)
    person.prompted(4)
    (source,) = re.findall(r"^\+.*(?:\n\+.*)+", history().read_text(encoding="utf-8"), re.MULTILINE)[:1]
    assert source.splitlines() == ["+function twice(x)", "+  return x * 2", "+end"]


def test_an_error_is_short_and_the_report_has_the_rest(person: Person) -> None:
    assert person.enters("error('no')", 2) == ["Error: In[1]:1: no"]
    report = "\n".join(person.enters("%kosmo error", 3))
    assert "lua_runtime" in report
    near = person.enters("app.integrations.heroku.list_dinos()", 4)
    assert "Did you mean: app.integrations.heroku.list_dynos" in near[0]


def test_a_question_and_commands_are_answered(person: Person) -> None:
    person.enters("function greet(name) return 'hi ' .. name end", 2)
    assert "greet(name)" in "\n".join(person.enters("greet?", 3))
    assert "Every app that the account can reach" in "\n".join(person.enters("?heroku.list_apps", 4))
    assert "Did you mean: %kosmo docs" in person.enters("%kosmo dosc", 5)[0]
    assert person.enters("nothing_of_this_name?", 6)[0].startswith("Error: ")
    person.types(":quit" + ENTER)
    assert person.leaves() == 0


def test_tab_completes_what_is_live_and_what_the_catalogue_has(person: Person) -> None:
    person.enters("answer_to_all = 42", 2)
    person.types("answer_to" + TAB)
    person.sees("_all")
    assert person.enters("", 3) == ["42"]
    person.types("app.integrations.heroku.get_cur" + TAB)
    person.sees("rent_user")
    person.types("().email")
    assert person.enters("", 4)[-2:] == ["juno.hale@larkmoor.example", FICTION]


def test_ctrl_c_drops_the_line_and_stops_a_run_that_keeps_the_variables(person: Person) -> None:
    person.enters("kept = 'still here'", 2)
    person.types("nonsense that is not run")
    person.sees("run")
    person.types(CTRL_C)
    person.prompted(2)
    person.types("print('it runs') while true do end" + ENTER)
    person.sees("it runs\r\n")
    person.types(CTRL_C)
    assert "Error: Interrupted." in person.prompted(3)
    assert person.enters("kept", 4) == ["still here"]


def test_what_lua_reads_is_typed(person: Person) -> None:
    person.types("print('reads') return '<' .. io.read() .. '>'" + ENTER)
    person.sees("reads\r\n")  # what is typed before would be the next input's
    person.types("a line\n")
    person.sees("<a line>")
    person.prompted(2)
    person.types("print('waits') io.read()" + ENTER)
    person.sees("waits\r\n")
    person.types(CTRL_C)
    assert "Error: Interrupted." in person.prompted(3)


def history() -> Path:
    (found,) = Path(os.environ["HOME"]).rglob("repl_history")
    return found


def test_the_history_lives_on_for_its_user_alone_and_without_secrets(person: Person) -> None:
    person.enters("remembered = 'me' .. 'HRKU-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'", 2)
    person.types(CTRL_D)
    person.leaves()
    assert stat.S_IMODE(history().stat().st_mode) == 0o600
    assert stat.S_IMODE(history().parent.stat().st_mode) == 0o700
    assert "HRKU" not in history().read_text(encoding="utf-8")
    again = Person("--demo")
    again.prompted(1)
    again.types(UP)
    again.sees("remembered")
    again.types(CTRL_C + CTRL_R + "rememb")
    again.sees("remembered")
    again.terminal.close(force=True)


@pytest.mark.parametrize("person", [{"env": {"KOSMO_HISTORY": "0"}}], indirect=True)
def test_no_history_is_kept_where_none_is_wanted(person: Person) -> None:
    assert person.enters("1 + 1", 2) == ["2"]
    assert list(Path(os.environ["HOME"]).rglob("repl_history")) == []


def test_a_history_that_cannot_be_kept_is_told(home: Path) -> None:
    (home / ".local").write_text("a file where a folder should be", encoding="utf-8")
    somebody = Person("--demo", env={"XDG_STATE_HOME": str(home / ".local")})
    assert "What is typed here is not kept: " in somebody.prompted(1)
    assert somebody.enters("1 + 1", 2) == ["2"]
    somebody.terminal.close(force=True)


@pytest.mark.parametrize("person", [{"args": ["--demo", "--dry-run"]}], indirect=True)
def test_a_dry_run_makes_no_call(person: Person) -> None:
    lines = person.enters("app.integrations.heroku.list_apps()", 2)
    assert any("https://api.heroku.com/apps" in line for line in lines)
    assert lines[-1].startswith("A dry run: 1 call, none made.")


@pytest.mark.parametrize(
    "person", [{"args": ["--demo", "-e", "print(...) base = 40", "--", "an", "arg"]}], indirect=True
)
def test_a_script_runs_first_and_leaves_its_variables(person: Person) -> None:
    assert person.banner.splitlines()[0] == "an\targ"
    assert person.enters("base + 2, ...", 2) == ["42\tan\targ"]


@pytest.mark.parametrize("person", [{"env": {"TERM": "dumb"}}], indirect=True)
def test_a_terminal_that_can_do_less_gets_plain_lines(person: Person) -> None:
    person.types("function f()" + ENTER)
    person.sees("...> ")
    person.types("return 'plain'" + ENTER)
    person.sees("...> ")
    person.types("end" + ENTER)
    person.prompted(2)
    person.types("f()" + ENTER)
    assert person.prompted(3).splitlines()[-1] == "plain"
    person.types("print('runs') while true do end" + ENTER)
    person.sees("runs\r\n")
    person.types(CTRL_C)
    assert "Error: Interrupted." in person.prompted(4)
    assert "\x1b" not in str(person.terminal.before)
    person.types(CTRL_D)
    assert person.leaves() == 0


@pytest.mark.parametrize("person", [{"env": {"NO_COLOR": "1"}}], indirect=True)
def test_there_are_no_colours_where_none_are_wanted(person: Person) -> None:
    person.types("return 'text', 12" + ENTER)
    person.terminal.expect_exact("In[2]> ")
    assert not re.search(r"\x1b\[[\d;]*3[1-7]m", str(person.terminal.before))


def test_a_pipe_is_read_without_a_word_besides() -> None:
    lines = b"local a = 1\na + 1\nfunction f()\n  return 7\nend\nf()\nio.read()\nread by Lua\n%kosmo reset\na"
    done = kosmo(LUA, "--repl", stdin=lines)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n7\nread by Lua\nnil\n", "")


def test_an_input_is_read_as_a_cell_is() -> None:
    lines = (
        "%%kosmo_lua -n\napp.integrations.heroku.demo.list_apps()\n"  # the options, and the Lua below them
        "%kosmo_lua -a demo #app.integrations.heroku.list_apps()\n"
        "b = 1 -- is this a question?\nb\n"
        "what is this?\n%time 1\n%kosmo_lua --raw 1\n%kosmo_lua -v b 1\n"
    )
    done = kosmo(LUA, "--repl", stdin=lines.encode())
    _, planned, count, value = done.stdout.splitlines()
    assert (done.returncode, planned.split("\t")[:2], count, value) == (1, ["heroku.list_apps", "demo"], "19", "1")
    told = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    reasons = (
        "There is no page `what is this`",
        "no `%time`",
        "about the cells of a notebook",
        "about Python variables",
    )
    assert [why in line for why, line in zip(reasons, told, strict=True)] == [True] * len(reasons)


def test_a_failure_in_a_pipe_is_told_and_is_in_the_exit_code() -> None:
    done = kosmo(LUA, "--repl", stdin=b"error('no')\n1 + 1\n\xff\nreturn (")
    assert (done.returncode, done.stdout) == (1, "2\n")
    first, second, third = done.stderr.splitlines()
    assert (first, second) == ("Error: In[1]:1: no", "Error: stdin:3: this is not UTF-8 text.")
    assert third.startswith("Error: In[3]:1: unexpected symbol near <eof>")


def test_a_reader_who_has_enough_ends_it_with_one_line() -> None:
    with subprocess.Popen(
        [*COMMAND, LUA, "--repl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as running:
        assert running.stdin
        assert running.stdout
        assert running.stderr
        running.stdin.write(b"for i = 1, 1e9 do print(i) end\n")
        running.stdin.flush()
        assert running.stdout.readline() == b"1\n"
        running.stdout.close()
        assert running.stderr.read() == b""
        running.stdin.close()
    assert running.returncode == CLOSED


@pytest.mark.parametrize("other", [["--json"], ["--format", "csv"], ["-"]])
def test_what_is_for_programs_does_not_go_with_it(other: list[str]) -> None:
    done = kosmo(LUA, "--repl", *other)
    assert done.returncode == 2
    assert f"--repl and {other[0]} exclude one another" in done.stdout + done.stderr
