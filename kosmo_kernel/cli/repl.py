"""`kosmo integrations:lua --repl`: Lua that is read, run and shown, one input after the other.

Globals and top-level locals live on, `_` is the last value and `Out[n]` that of an input. An input is read as a cell of
a Lua notebook is: `name?`, lines of `%kosmo` and the options of `%%kosmo_lua` mean the same here. On a terminal the
lines are prompt_toolkit's (`prompt.py`). A terminal that can do less, or a file or a pipe in place of one, is read line
by line, without colours; from a file or a pipe without a word besides, and then a failure makes the exit code 1.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from kosmo_kernel import __version__, docs, editor
from kosmo_kernel.accounts import DEMO
from kosmo_kernel.cli.command import print_error
from kosmo_kernel.cli.lua_run import LiveOutput, ask, read_input
from kosmo_kernel.cli.output import note, show_page, write
from kosmo_kernel.cli.shell_interface import DONE, FAILED
from kosmo_kernel.cli.show_result import show_result
from kosmo_kernel.cli.values import show_values
from kosmo_kernel.errors import KosmoError, LuaSyntaxError, SettingsError, StoppedError
from kosmo_kernel.explorer import explore
from kosmo_kernel.notebook.cell_syntax import parse_cell
from kosmo_kernel.notebook.commands import NotebookContext, run_command
from kosmo_kernel.render.terminal_progress import TerminalProgress
from kosmo_kernel.results.dry_run import replace_values_with_plan
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC, Options

QUIT = ":quit"
NOTEBOOK_ONLY = ("limit", "raw", "no_raise_error")  # options of a cell that mean nothing here


class InputReader(Protocol):
    """Where inputs come from."""

    def read(self, number: int) -> str | None:
        """The next input; None when there is none any more."""


class Repl:
    """One dialogue.

    Parameters:
        session: its Lua.
        args: what the script and each input find in `...`.
        dry_run: no call is made.
        force: calls are made whatever the permissions say.
    """

    def __init__(
        self, session: Session, args: Sequence[str] = (), *, dry_run: bool = False, force: bool = False
    ) -> None:
        self._session, self._args, self._dry_run, self._force = session, tuple(args), dry_run, force
        self._talks = sys.stdin is not None and sys.stdin.isatty()  # with a person
        self._failed = False

    def run(self, script: tuple[str, str] | None = None) -> int:
        """Read, run and show until the end of the input.

        Parameters:
            script: Lua to run first, and the name of its chunk.

        Returns:
            The exit code.

        Raises:
            StoppedError: Ctrl-C, where nobody can go on typing.
        """
        self._session.start()
        if script is not None:
            self._guarded(partial(self._lua, *script))
        reader = self._reader()
        if self._talks:
            note(self._banner())
        number = 1
        while True:
            text = self._read(reader, number)
            if text is None or text.strip() == QUIT:
                return FAILED if self._failed and not self._talks else DONE
            if text.strip():
                self._guarded(partial(self._input, text, number))
                number += 1

    def _read(self, reader: InputReader, number: int) -> str | None:
        """The next input; an empty one for what was dropped, or was none."""
        try:
            return reader.read(number)
        except KeyboardInterrupt:
            if not self._talks:
                raise StoppedError("Interrupted.") from None
        except KosmoError as error:
            self._tell(error)
        return ""

    def _guarded(self, do: Callable[[], None]) -> None:
        """Do something, and tell what goes wrong."""
        try:
            do()
        except KeyboardInterrupt:
            self._tell(StoppedError("Interrupted."))
        except KosmoError as error:
            self._tell(error)

    def _tell(self, error: KosmoError) -> None:
        """Say what went wrong, in short; `%kosmo error` has the rest.

        Raises:
            StoppedError: nobody is there to go on.
        """
        if isinstance(error, StoppedError) and not self._talks:
            raise error
        self._failed = True
        print_error(error, brief=True)

    def _input(self, text: str, number: int) -> None:
        """Do what an input asks for.

        Raises:
            KosmoError: it failed.
        """
        cell = parse_cell(text)
        for option in cell.options.given:
            if option.field in NOTEBOOK_ONLY:
                raise SettingsError(f"`{option.flags[-1]}` is about the cells of a notebook, and there are none here.")
        if cell.asked:
            page = editor.inspect(cell.asked, len(cell.asked), self._session, cell.detail) or docs.read(cell.asked)
            show_page(page)
        for command in cell.commands:
            value = run_command(command, NotebookContext(self._session, explore=explore))
            if value is not None:
                show_values([value])
        if cell.lua.strip():
            self._lua(cell.lua, f"In[{number}]", number, cell.options)

    def _lua(self, source: str, name: str, number: int | None = None, options: Options | None = None) -> None:
        """Run Lua and show what it gives.

        Parameters:
            source: the Lua.
            name: of its chunk.
            number: of the input; None for the script in front of all.
            options: of the input.

        Raises:
            KosmoError: it failed.
        """
        options = options or Options()
        dry_run = self._dry_run or options.dry_run
        line = TerminalProgress(sys.stderr)
        try:
            with line, LiveOutput(self._session, line) as live:
                result = self._session.run(
                    source,
                    name=name,
                    args=self._args,
                    account=options.account,
                    timeout=options.timeout,
                    memory_limit=options.memory_limit,
                    on_output=live,
                    on_input=read_input if self._talks or number is not None else None,
                    on_progress=line,
                    on_ask=partial(ask, line),
                    dry_run=dry_run,
                    force=self._force,
                    fresh=options.fresh,
                    number=number,
                )
        except KosmoError as error:
            self._session.last_error = error
            raise
        if dry_run:
            result.notes.append(replace_values_with_plan(result))
        show_result(result)

    def _reader(self) -> InputReader:
        """Who reads: prompt_toolkit where it can, else line by line."""
        if self._talks and sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb", "unknown"):
            from kosmo_kernel.cli.prompt import Prompt

            return Prompt(self._session, partial(is_whole, self._session))
        return _Lines(self._session, talks=self._talks)

    def _banner(self) -> str:
        """One line on what this is and how to go on, as long as the terminal has room for."""
        account = f"account {self._session.account}{' (fiction)' if self._session.account == DEMO else ''}"
        lines = (
            f"Kosmo {__version__}, Lua 5.4, {account}. NAME? explains, %{COMMAND_MAGIC} lists commands, Ctrl-D leaves.",
            f"Lua 5.4, {account}. %{COMMAND_MAGIC} lists commands, Ctrl-D leaves.",
            f"Lua 5.4, {account}. Ctrl-D leaves.",
        )
        room = shutil.get_terminal_size().columns
        return next((line for line in lines if len(line) <= room), lines[-1])


class _Lines:
    """Reads line by line from standard input.

    Parameters:
        session: whose Lua is asked whether a chunk goes on.
        talks: with a person, who sees where the next line goes.
    """

    def __init__(self, session: Session, *, talks: bool) -> None:
        self._session, self._talks = session, talks
        self._count = 0

    def read(self, number: int) -> str | None:
        """The next input; None at the end.

        Raises:
            LuaSyntaxError: it is not UTF-8.
        """
        text, prompt = "", f"In[{number}]> "
        while True:
            line = self._line(prompt)
            if not line:
                return text or None
            self._count += 1
            try:
                text += line.decode("utf-8-sig" if self._count == 1 else "utf-8")
            except UnicodeDecodeError:
                raise LuaSyntaxError(f"stdin:{self._count}: this is not UTF-8 text.") from None
            if is_whole(self._session, text):
                return text
            prompt = f"{'...> ':>{len(prompt)}}"

    def _line(self, prompt: str) -> bytes:
        """The next line; empty at the end."""
        if not self._talks:
            return sys.stdin.buffer.readline() if sys.stdin else b""
        write(sys.stderr, prompt)
        line = b""
        try:
            line = sys.stdin.buffer.readline()
        finally:
            if not line:  # the terminal is still where the prompt ends
                write(sys.stderr, "\n")
        return line


def is_whole(session: Session, text: str) -> bool:
    """Whether an input is one, so that Enter ends it.

    Parameters:
        session: whose Lua is asked whether a chunk goes on.
        text: what was typed so far.
    """
    if text.strip() == QUIT:
        return True
    try:
        cell = parse_cell(text)
        if cell.asked or cell.commands:
            return True
        is_below = bool(cell.options.given) and not cell.lua.strip()  # `%%kosmo_lua -n`, and then Lua
        return not is_below and session.completeness(cell.lua)[0] != "incomplete"
    except KosmoError:  # the run will say what is wrong
        return True
