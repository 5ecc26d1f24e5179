"""The doors through which people run Lua, behind the same few methods, so that one test can go through all of them.

The magic is a real IPython shell and the command is the real command line, both in this process because a new one for
each cell would take a second. The kernel is a process of its own that runs one cell after the other. An `Outcome` has
what a reader sees, without the decoration that belongs to one door alone.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pexpect
import pytest
from kernel_client import Content, Kernel, known_to_jupyter, running
from kosmo_command import COMMAND, FICTION, environment, kosmo
from mcp_config import written
from patience import PATIENCE
from python_shell import Shell, shells

from kosmo_kernel import errors

LUA = "lua"
WIDTH = 200  # columns of the terminal; a table of a plan fits
PLAN = "A dry run: "
WARNING = "Warning: "
NOTES = "<div class='kosmo-notes'>"
YES_OR_NO = "[y/N] "
COST = re.compile(r"[\d,]+ calls? · [\d,]+ requests? · \d+\.\d s · account \S+( · [\d,]+ requests left)?")
KINDS = {
    kind.type: kind.__name__
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.KosmoError)
}
_PROGRESS = re.compile(r" · [\d,]+ requests? · ")
_ESCAPE = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")
_PLACE = re.compile(r"(?:In\[\d+\]|\(command line\)):(\d+): ")
_PLANNED = re.compile(r"(heroku\.\w+)[\s,].*?https?://[^/\s]+(/\S*)")
_QUESTION = re.compile(r".*\[y/N\] ")
_OUT = re.compile(r"^\n?Out\[\d+\]: \n?", re.MULTILINE)

Dialogue = Sequence[tuple[str, str]]
Settings = Mapping[str, str]

DOORS = ("magic", "kernel", "command")


def through(*names: Any) -> pytest.MarkDecorator:
    """Give the mark of a test that goes through these doors only, by their names or as parameters of pytest."""
    return pytest.mark.parametrize("door", names, indirect=True)


through_notebooks = through("magic", "kernel")


@dataclass
class Outcome:
    """All that a reader sees of one cell.

    Attributes:
        shown: what was printed, and below it the value; ends in a line end unless it is empty.
        notes: the lines beside it, without the note that the demo is fiction.
        fiction: whether that note was there.
        error: the class of the error that ended the cell, by name; empty when none did, `usage` for a wrong command.
        message: of the error, without its place.
        line: of the Lua that the error came from, counted from 1; None where the message has no place.
        report: all that the door says of the error.
        questions: what the person was asked.
        cost: the lines that say what the run cost.
    """

    shown: str = ""
    notes: list[str] = field(default_factory=list)
    fiction: bool = False
    error: str = ""
    message: str = ""
    line: int | None = None
    report: str = ""
    questions: list[str] = field(default_factory=list)
    cost: list[str] = field(default_factory=list)

    @property
    def plan(self) -> list[tuple[str, str]]:
        """The function and the path of each call in the table of a dry run."""
        return _PLANNED.findall(self.shown)

    def take_error(self, kind: str, message: str, report: str, *, above: int = 0) -> None:
        """Take what ended the cell.

        Parameters:
            kind: its class.
            message: with the place in front.
            report: what the door says.
            above: lines above the Lua in its cell.
        """
        place = _PLACE.match(message)
        self.error = kind
        self.message = message[place.end() :] if place else message
        self.line = int(place[1]) - above if place else None
        self.fiction |= FICTION in report
        self.report = _ESCAPE.sub("", report).replace(f"{FICTION}\n", "")

    def take_notes(self, text: str) -> None:
        """Sort the lines that stand beside a result."""
        for line in filter(None, _ESCAPE.sub("", text).splitlines()):
            if line == FICTION:
                self.fiction = True
            elif COST.fullmatch(line):
                self.cost.append(line)
            else:
                self.notes.append(line.removeprefix(WARNING))


class Door(Protocol):
    """One way to run Lua.

    Attributes:
        name: of the door.
    """

    name: str

    def run(self, lua: str, *options: str, dialogue: Dialogue = ()) -> Outcome:
        """Run a cell.

        Parameters:
            lua: the cell.
            options: as a user writes them at this door.
            dialogue: what a person waits for and then types, in turn; nobody is there when it is empty.
        """

    def line(self, command: str) -> str:
        """Give what a `%kosmo` line shows. The command has no such lines."""


def cell_of(lua: str, options: Sequence[str]) -> str:
    """Write a cell of a Lua notebook, with its options on its first line."""
    return f"%%kosmo_lua {' '.join(options)}\n{lua}" if options else lua


def words(line: str) -> list[str]:
    """Give the cells of a line of a table, whose command is in a pipe and writes CSV."""
    return re.split(r"[\s,]+", line.strip())


def asked(dialogue: Dialogue) -> list[str]:
    """Give what is a question about a tool, and no text of the script."""
    return [text for text, _ in dialogue if text.endswith(YES_OR_NO)]


class MagicDoor:
    """`%%kosmo_lua` in an IPython shell."""

    name = "magic"

    def __init__(self, shell: Shell, settings: Settings) -> None:
        self._shell, self._settings = shell, settings
        self._execute("%load_ext kosmo_kernel")

    def _execute(self, cell: str, typed: str = "") -> tuple[Any, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in {**self._settings, "COLUMNS": str(WIDTH)}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.StringIO(typed))
            done = self._shell.run_cell(cell, store_history=True)
        return done, out.getvalue(), err.getvalue()

    def run(self, lua: str, *options: str, dialogue: Dialogue = ()) -> Outcome:
        typed = "".join(f"{line}\n" for _, line in dialogue)
        done, out, err = self._execute(f"%%kosmo_lua {' '.join(options)}\n{lua}", typed)
        outcome = Outcome()
        if error := done.error_before_exec or done.error_in_exec:
            kind = type(error).__name__
            out, colon, report = out.partition(f"{kind}: ")
            outcome.take_error(kind, str(error), colon + report, above=1)
        outcome.questions = _QUESTION.findall(out)
        out = _QUESTION.sub("", out)
        lines = _OUT.sub("", out).splitlines(keepends=True)
        outcome.shown = "".join(line for line in lines if not line.startswith(PLAN))
        outcome.take_notes("".join(line for line in lines if line.startswith(PLAN)) + err)
        return outcome

    def line(self, command: str) -> str:
        done, _, _ = self._execute(command)
        done.raise_error()
        return str(done.result)


class KernelDoor:
    """A cell of a Lua notebook."""

    name = "kernel"

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def _execute(self, code: str, dialogue: Dialogue) -> tuple[Content, list[tuple[str, Content]], list[str]]:
        messages: list[tuple[str, Content]] = []
        questions: list[str] = []
        answers = iter([line for _, line in dialogue])

        def answer(asked: Content) -> None:
            questions.append(asked["content"]["prompt"])
            self._kernel.client.input(next(answers))

        reply = self._kernel.client.execute_interactive(
            code,
            allow_stdin=bool(dialogue),
            stdin_hook=answer,
            output_hook=lambda message: messages.append((message["msg_type"], message["content"])),
            timeout=PATIENCE,
        )
        return reply["content"], messages, questions

    def run(self, lua: str, *options: str, dialogue: Dialogue = ()) -> Outcome:
        reply, messages, questions = self._execute(cell_of(lua, options), dialogue)
        outcome = Outcome(questions=[text for text in questions if text])
        if reply["status"] == "error":
            report = "\n".join(reply["traceback"])
            outcome.take_error(reply["ename"], reply["evalue"], report, above=bool(options))
        beside, costs = "", {}
        for kind, content in messages:
            if NOTES in content.get("data", {}).get("text/html", ""):
                beside += content["data"]["text/plain"] + "\n"
                continue
            if kind == "stream" and content["name"] == "stderr":
                beside += content["text"]
            elif kind == "stream":
                outcome.shown += content["text"]
            elif "data" in content:
                text = content["data"]["text/plain"] + "\n"
                if _PROGRESS.search(text):  # one display that is updated
                    costs[content["transient"]["display_id"]] = text
                elif text.startswith(PLAN):
                    beside += text
                else:
                    outcome.shown += text
        outcome.take_notes(beside + "".join(costs.values()))
        return outcome

    def line(self, command: str) -> str:
        _, messages, _ = self._execute(command, ())
        return "".join(content["data"]["text/plain"] for kind, content in messages if kind == "execute_result")


class CommandDoor:
    """`kosmo lua -e`, in a pipe; on a terminal where somebody has to answer a question about a tool."""

    name = "command"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def outcome(self, *args: str, stdin: bytes = b"") -> tuple[int, str, str]:
        """Run the command line: its exit code, and what went to both streams."""
        done = kosmo(LUA, *args, stdin=stdin, env=self._settings)
        return done.returncode, done.stdout, done.stderr

    def run(self, lua: str, *options: str, dialogue: Dialogue = ()) -> Outcome:
        if asked(dialogue):
            return self._on_terminal(lua, options, dialogue)
        args = [*options, "-e", lua, *(["-"] if dialogue else [])]
        stdin = "".join(f"{line}\n" for _, line in dialogue).encode()
        code, out, err = self.outcome(*args, stdin=stdin)
        outcome = Outcome(shown=out)
        if code:
            before, _, report = err.partition("Error: ")
            told = json.loads(self.outcome("--json", *args, stdin=stdin)[1])["meta"]["error"]
            outcome.take_error(KINDS.get(told["type"], told["type"]), told["message"], report)
            outcome.take_notes(before)
        else:
            outcome.take_notes(err)
        return outcome

    def _on_terminal(self, lua: str, options: Sequence[str], dialogue: Dialogue) -> Outcome:
        args = [*options, "-e", lua]
        out, err = self._answered(args, dialogue)
        outcome = Outcome(shown=out, questions=_QUESTION.findall(err))
        beside, error, report = _QUESTION.sub("", err).partition("Error: ")
        outcome.take_notes(beside)
        if error:
            told = json.loads(self._answered(["--json", *args], dialogue)[0])["meta"]["error"]
            outcome.take_error(KINDS[told["type"]], told["message"], report)
        return outcome

    def _answered(self, args: Sequence[str], dialogue: Dialogue) -> tuple[str, str]:
        """Run the command where somebody answers: what went to standard output, and what stands on the terminal."""
        settings = environment({**self._settings, "TERM": "dumb"})
        with tempfile.NamedTemporaryFile() as file:
            command = f"exec {shlex.join([*COMMAND, LUA, *args])} >{shlex.quote(file.name)}"
            seen = ""
            with pexpect.spawn(
                "/bin/sh", ["-c", command], env=settings, encoding="utf-8", timeout=PATIENCE, echo=False
            ) as person:
                for question, line in dialogue:
                    person.expect_exact(question)
                    seen += str(person.before) + question
                    person.sendline(line)
                person.expect(pexpect.EOF)
                seen += str(person.before)
            return Path(file.name).read_text(encoding="utf-8"), seen.replace("\r\n", "\n")

    def line(self, command: str) -> str:
        raise NotImplementedError(command)


@contextmanager
def _magic(settings: Settings, _folder: Path) -> Iterator[Door]:
    with shells() as make:
        yield MagicDoor(make(), settings)


@contextmanager
def _kernel(settings: Settings, folder: Path) -> Iterator[Door]:
    with ExitStack() as stack:
        # The variables are the kernel's: this process has them only as long as it starts.
        with known_to_jupyter(folder / "jupyter"), pytest.MonkeyPatch.context() as patch:
            patch.delenv("KOSMO_PROGRESS")
            for name, value in settings.items():
                patch.setenv(name, value)
            kernel = stack.enter_context(running())
        yield KernelDoor(kernel)


@contextmanager
def _command(settings: Settings, _folder: Path) -> Iterator[Door]:
    yield CommandDoor(settings)


OPENERS = {"magic": _magic, "kernel": _kernel, "command": _command}


@contextmanager
def opened(name: str, settings: Settings, servers: dict[str, Any], folder: Path) -> Iterator[Door]:
    """Keep a door open on the demo account as long as the `with` block.

    Parameters:
        name: of the door.
        settings: environment variables of whoever uses it.
        servers: that person's MCP servers.
        folder: for its files.
    """
    written(folder / ".kosmo" / "mcp.json", servers)
    settings = {"KOSMO_DEMO": "1", "HOME": str(folder), "KOSMO_CONFIG_DIR": str(folder), **settings}
    with OPENERS[name](settings, folder) as door:
        yield door
