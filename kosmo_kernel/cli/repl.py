"""`kosmo integrations:lua --repl`: read, run and show Lua, one input after the other.

Globals and top-level locals persist between inputs, `_` is the last value and `Out[n]` the value of input n. An input
has the syntax of a Lua notebook's cell: `name?`, `%kosmo` commands and the options of `%%kosmo_lua`. On a terminal,
prompt_toolkit reads the lines (`prompt.py`). Terminals with fewer capabilities, files and pipes are read line by line
without colours; files and pipes get no banner and no prompt, and an error in one makes the exit code 1.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import partial

from kosmo_kernel import __version__, editor
from kosmo_kernel.accounts import is_demo
from kosmo_kernel.cli.command import print_error, print_note, print_notes, show_page, write
from kosmo_kernel.cli.lua_run import terminal_frontend
from kosmo_kernel.cli.streams import FAILED, SUCCESS, input_is_terminal
from kosmo_kernel.cli.values import OUTSIDE, show_failed_plan, show_result, write_values
from kosmo_kernel.errors import KosmoError, LuaSyntaxError, SettingsError, StoppedError
from kosmo_kernel.explorer import explore
from kosmo_kernel.notebook.cells import parse_cell
from kosmo_kernel.notebook.commands import NotebookContext, run_command
from kosmo_kernel.run.options import RunOptions
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC, Options
from kosmo_kernel.values.records import Records

QUIT = ":quit"
NOTEBOOK_ONLY = ("limit", "raw", "no_raise_error")  # options of a cell that have no effect here


InputReader = Callable[[int], str | None]
"""Reads the input of a number; returns None at the end."""


class Repl:
    """A read-eval-print loop for Lua.

    Parameters:
        session: the session that runs the Lua.
        args: the values of `...` in the script and in each input.
        dry_run: make no calls.
        force: make calls regardless of permissions.
    """

    def __init__(
        self, session: Session, args: Sequence[str] = (), *, dry_run: bool = False, force: bool = False
    ) -> None:
        self._session, self._args, self._dry_run, self._force = session, tuple(args), dry_run, force
        self._interactive = input_is_terminal()  # prompts are printed
        self._lines = 0  # that were read, other than by prompt_toolkit
        self._failed = False

    def run(self, script: tuple[str, str] | None = None) -> int:
        """Read, run and show inputs until the end.

        Parameters:
            script: Lua to run first, and the name of its chunk.

        Returns:
            The exit code.

        Raises:
            StoppedError: Ctrl-C was pressed while standard input is not a terminal.
        """
        self._session.start()
        if script is not None:
            self._run_guarded(partial(self._run_lua, *script))
        read = self._reader()
        if self._interactive:
            print_note(self._banner())
        number = 1
        while True:
            text: str | None = ""
            try:
                text = read(number)
            except KeyboardInterrupt:
                if not self._interactive:
                    raise StoppedError("Interrupted.") from None
            except KosmoError as error:
                self._print_error(error)
            if text is None or text.strip() == QUIT:
                return FAILED if self._failed and not self._interactive else SUCCESS
            if text.strip():
                self._run_guarded(partial(self._run_input, text, number))
                number += 1

    def _run_guarded(self, function: Callable[[], None]) -> None:
        """Call a function and print its errors."""
        try:
            function()
        except KeyboardInterrupt:
            self._print_error(StoppedError("Interrupted."))
        except KosmoError as error:
            self._print_error(error)

    def _print_error(self, error: KosmoError) -> None:
        """Print a short message for an error; `%kosmo error` shows the details.

        Raises:
            StoppedError: the run was stopped, and standard input is not a terminal.
        """
        if isinstance(error, StoppedError) and not self._interactive:
            raise error
        self._failed = True
        print_error(error, brief=True)

    def _run_input(self, text: str, number: int) -> None:
        """Run one input: its help page, its commands and its Lua.

        Raises:
            KosmoError: the input failed; a `SettingsError` if an option has no meaning outside of a notebook.
        """
        with self._session.keep_error():
            cell = parse_cell(text)
            for option in cell.options.options_set:
                if option.name in NOTEBOOK_ONLY:
                    raise SettingsError(
                        f"`{option.cell[-1]}` is about the cells of a notebook, and there are none here."
                    )
        if cell.help_name:
            show_page(editor.explain(cell.help_name, self._session, cell.detail))
        for command in cell.commands:
            value = run_command(command, self._context())
            if isinstance(value, Records):
                from kosmo_kernel.checks.cell import keep_value

                print_notes(keep_value(self._session, value, number))
            if value is not None:
                write_values([value], whole=f"Out[{number}]")
        if cell.lua.strip():
            self._run_lua(cell.lua, f"In[{number}]", number, cell.options)

    def _context(self) -> NotebookContext:
        """Return the context of `%kosmo` commands."""
        from kosmo_kernel.checks.cell import ask_in_cell, set_lua_variable

        return NotebookContext(
            self._session,
            explore=explore,
            ask=ask_in_cell,
            display=lambda display: write(sys.stdout, f"{display.bundle['text/plain']}\n"),
            set_variable=partial(set_lua_variable, self._session),
        )

    def _run_lua(self, source: str, name: str, number: int | None = None, options: Options | None = None) -> None:
        """Run Lua and show its values.

        Parameters:
            source: the Lua to run.
            name: the name of its chunk.
            number: the number of the input; None for the script that runs first.
            options: the options of the input.

        Raises:
            KosmoError: the run failed.
        """
        values = (options or Options()).values()
        values["dry_run"] |= self._dry_run
        run_options = RunOptions(name, self._args, force=self._force, number=number, **values)
        reads = self._interactive or number is not None
        try:
            with self._session.keep_error():
                with terminal_frontend(self._session, reads=reads) as frontend:
                    result = self._session.execute(source, run_options, frontend)
                show_result(result, whole=OUTSIDE if number is None else f"Out[{number}]")
        except KosmoError as error:
            show_failed_plan(error.result)
            raise

    def _reader(self) -> InputReader:
        """Return the reader: prompt_toolkit if the terminal supports it, otherwise line by line."""
        if self._interactive and sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb", "unknown"):
            from kosmo_kernel.cli.prompt import Prompt

            return Prompt(self._session, partial(is_whole, self._session)).read
        return self._read_lines

    def _read_lines(self, number: int) -> str | None:
        """Read the next input, line by line; return None at the end.

        Raises:
            LuaSyntaxError: the input is not UTF-8.
        """
        text, prompt = "", f"In[{number}]> "
        while line := self._line(prompt):
            self._lines += 1
            try:
                text += line.decode("utf-8-sig" if self._lines == 1 else "utf-8")
            except UnicodeDecodeError:
                raise LuaSyntaxError(f"stdin:{self._lines}: this is not UTF-8 text.") from None
            if is_whole(self._session, text):
                return text
            prompt = f"{'...> ':>{len(prompt)}}"
        return text or None

    def _line(self, prompt: str) -> bytes:
        """Read the next line; return an empty one at the end."""
        if self._interactive:
            write(sys.stderr, prompt)
        line = b""
        try:
            line = sys.stdin.buffer.readline() if sys.stdin else b""
        finally:
            if self._interactive and not line:  # the cursor is still after the prompt
                write(sys.stderr, "\n")
        return line

    def _banner(self) -> str:
        """Return the longest introduction that fits on one line of the terminal."""
        account = f"account {self._session.account}{' (fiction)' if is_demo(self._session.account) else ''}"
        lines = (
            f"Kosmo {__version__}, Lua 5.4, {account}. NAME? explains, %{COMMAND_MAGIC} lists commands, Ctrl-D leaves.",
            f"Lua 5.4, {account}. %{COMMAND_MAGIC} lists commands, Ctrl-D leaves.",
            f"Lua 5.4, {account}. Ctrl-D leaves.",
        )
        room = shutil.get_terminal_size().columns
        return next((line for line in lines if len(line) <= room), lines[-1])


def is_whole(session: Session, text: str) -> bool:
    """Return whether an input is complete, so that Enter ends it.

    Parameters:
        session: the session that tells whether a chunk is complete.
        text: the text typed so far.
    """
    if text.strip() == QUIT:
        return True
    try:
        cell = parse_cell(text)
        if cell.help_name or cell.commands:
            return True
        if cell.options.options_set and not cell.lua.strip():  # `%%kosmo_lua -n`, with Lua on the next lines
            return False
        return session.completeness(cell.lua)[0] != "incomplete"
    except KosmoError:  # reported when the input runs
        return True
