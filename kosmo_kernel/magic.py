"""`%%kosmo_lua` and `%kosmo`: Lua in a Python notebook.

Loading the extension registers one `KosmoMagic` with the shell. Everything lives on that object: the Lua session,
which goes on from cell to cell, and what stood under the magics' names before. Unloading puts that back and ends the
session, so two shells in one process have nothing in common and a reload starts afresh.

The value of a cell is returned to IPython, which shows it, numbers it and keeps it as `_`. An error goes on as the
exception it is, so that whatever runs the notebook stops; it only carries its own short rendering.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TextIO, TypeVar
from weakref import finalize

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.displaypub import CapturingDisplayPublisher, DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from kosmo_kernel.cell import (
    COMMAND_MAGIC,
    LUA_MAGIC,
    OPTIONS,
    CellLine,
    Options,
    error_lines,
    parse,
    parse_leading,
    quiet,
    value_of,
)
from kosmo_kernel.commands import COMMANDS, run_command
from kosmo_kernel.errors import KosmoError, SettingsError
from kosmo_kernel.plan import reveal

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from kosmo_kernel.display import Display
    from kosmo_kernel.progress import Line
    from kosmo_kernel.session import Result, Session

_Magic = TypeVar("_Magic", bound=Callable[..., Any])


def _with_options(magic: _Magic) -> _Magic:
    """Give a magic the help and the parser that `?` and completion read, from the table of options."""
    for option in reversed(OPTIONS):  # each decorator puts its option in front of those below it
        settings: dict[str, Any] = {"metavar": option.metavar} if option.metavar else {"action": "store_true"}
        magic = argument(*option.flags, help=option.doc, **settings)(magic)
    documented: _Magic = magic_arguments(f"%{LUA_MAGIC}")(magic)
    return documented


def _with_commands(magic: _Magic) -> _Magic:
    """Give a magic the help that `?` reads, from the table of commands."""
    width = max(len(command.usage) for command in COMMANDS)
    lines = [f"  %{COMMAND_MAGIC} {command.usage.ljust(width)}  {command.doc}" for command in COMMANDS]
    magic.__doc__ = "\n".join([f"{magic.__doc__}\n\n::\n", *lines])
    return magic


@magics_class
class KosmoMagic(Magics):
    """The magics of one shell, and the Lua session that they share.

    Parameters:
        shell: the IPython shell.
    """

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        tables = shell.magics_manager.magics
        self._displaced = {(kind, name): tables[kind].get(name) for kind in self.magics for name in self.magics[kind]}
        self._end: finalize[[], KosmoMagic] | None = None
        self._matcher = self._make_matcher()
        shell.Completer.custom_matchers.append(self._matcher)
        self._kernel = getattr(shell, "kernel", None)  # a terminal has none, and no tooltips either
        if self._kernel is not None:
            self._inspects_python = self._kernel.do_inspect
            self._kernel.do_inspect = self._inspect

    @cached_property
    def session(self) -> Session:
        """The Lua state of this shell, made when first used."""
        from kosmo_kernel.session import Session  # noqa: PLC0415 - loading the extension must not wait for it

        session = Session()
        self._end = finalize(self, session.close)  # at the end of the shell or of Python, whichever comes first
        return session

    @no_var_expand
    @line_cell_magic
    @_with_options
    def kosmo_lua(self, line: str, cell: str | None = None) -> Any:
        """Run Lua. The last expression, or what the Lua returns, is the cell's value.

        A list of records is shown as a table (a pandas DataFrame), one record as two columns, a page of the
        reference as text with headings, anything else as it is. A `;` at the end hides the value. Globals and
        top-level locals live on in the next cell.

        Examples::

          %%kosmo_lua
          local heroku = app.integrations.heroku
          heroku.list_apps()

          %%kosmo_lua -v dynos --show
          heroku.list_dynos({ app_id = "my-app" })

          name = %kosmo_lua heroku.get_app("my-app").name
        """
        if line.strip() in ("--help", "-h") or (cell is None and not line.strip()):
            _say(KosmoMagic.kosmo_lua.__doc__ or "")
            return None
        with self._short_errors():
            if cell is None:
                options, lua = parse_leading(line)
            else:
                options, lua = parse(line), "\n" * self._lines_above(cell) + cell
            if not lua:
                raise SettingsError(f"There is no Lua on the line. Write `%{LUA_MAGIC} EXPRESSION`.")
            try:
                return self._run(lua, options)
            except KosmoError as error:
                if options.dry_run and error.result is not None:
                    self._show_plan(error.result, options)
                _say_notes(error.result)
                if not options.no_raise_error:
                    raise
                _say("\n".join(error_lines(error)), sys.stderr)
                return None

    @no_var_expand
    @line_magic
    @_with_commands
    def kosmo(self, line: str) -> Any:
        """The reference, the accounts, and the Lua state."""
        with self._short_errors():
            return value_of([run_command(line, self.session)], Options())

    def _make_matcher(self) -> Callable[[CompletionContext], SimpleMatcherResult]:
        """The matcher as IPython takes it: a function, since it gets attributes."""

        def matches(context: CompletionContext) -> SimpleMatcherResult:
            return self._matches(context)

        matcher: Callable[[CompletionContext], SimpleMatcherResult]
        matcher = context_matcher(identifier=LUA_MAGIC, priority=100)(matches)
        return matcher

    def _matches(self, context: CompletionContext) -> SimpleMatcherResult:
        """What can stand at the cursor of a cell that is ours; nothing for other cells, which keep what they had."""
        from kosmo_kernel import editor  # noqa: PLC0415 - loading the extension must not wait for it

        above = context.full_text.split("\n")[: context.cursor_line]
        place = editor.spot(context.full_text, sum(len(line) + 1 for line in above) + context.cursor_position)
        if place is None:
            return {"completions": [], "suppress": False}
        found = place.complete(vars(self).get("session"), self._variables())
        typed = context.full_text[found.start : found.end]
        matches = [SimpleCompletion(match.text, type=match.type) for match in found.matches]
        return {
            "completions": matches or [SimpleCompletion(typed, type="text")],  # for none, IPython would offer Python
            "suppress": True,
            "matched_fragment": typed,
            "ordered": True,
        }

    def _variables(self) -> list[str]:
        """The names of the user's Python variables."""
        hidden = self.shell.user_ns_hidden
        return [name for name in self.shell.user_ns if not name.startswith("_") and name not in hidden]

    def _inspect(self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()) -> Any:
        """What is known of the name at the cursor, in place of the kernel's own answer where the cell is ours."""
        from kosmo_kernel import editor  # noqa: PLC0415 - as above

        place = editor.spot(code, cursor_pos)
        if place is None:
            return self._inspects_python(code, cursor_pos, detail_level, omit_sections)
        from kosmo_kernel.display import bundle_of  # noqa: PLC0415 - as above

        page = place.inspect(vars(self).get("session"), detail_level)
        data = {} if page is None else bundle_of(page)
        return {"status": "ok", "found": page is not None, "data": data, "metadata": {}}

    def _run(self, lua: str, options: Options) -> Any:
        """Run the Lua of a cell; its value, unless that is hidden or kept in a variable."""
        with self._line() as line:
            result = self.session.run(
                lua,
                name=f"In[{self.shell.displayhook.prompt_count}]",
                account=options.account,
                timeout=options.timeout,
                memory_limit=options.memory_limit,
                on_output=partial(_write, line),
                on_input=_ask,
                on_display=partial(self._display, line),
                on_progress=line,
                dry_run=options.dry_run,
                fresh=options.fresh,
            )
        if options.dry_run:
            self._publish(quiet(reveal(result)))
        value = value_of(result.values, options)
        _say_notes(result)
        if options.var is not None:
            self.shell.push({options.var: value})
        return None if result.hidden or (options.var is not None and not options.show) else value

    def _line(self) -> Line:
        """The line of a cell's progress, where this shell shows things."""
        publisher = self.shell.display_pub
        if type(publisher) is DisplayPublisher:  # which prints: nothing can be updated
            from kosmo_kernel.terminal_line import TerminalLine  # noqa: PLC0415 - notebooks have none

            return TerminalLine(sys.stderr)
        return CellLine(self._publish, only_last=isinstance(publisher, CapturingDisplayPublisher))

    def _display(self, line: Line, display: Display) -> None:
        """Show what Lua shows."""
        line.make_way(sys.stdout, "\n")
        if display.clears:
            line.cleared()
        self._publish(display)

    def _show_plan(self, result: Result, options: Options) -> None:
        """Show the calls of a dry run that failed, as far as it came."""
        from kosmo_kernel.display import Display, bundle_of  # noqa: PLC0415 - most runs are no dry ones

        self._publish(quiet(reveal(result)))
        for value in result.values:
            self._publish(Display(bundle_of(value, rows=options.limit, raw=options.raw)))

    def _publish(self, display: Display) -> None:
        """Show something; `%%capture` swaps the publisher, so it is looked up each time."""
        publisher = self.shell.display_pub
        if display.clears:
            publisher.clear_output(wait=display.wait)
            return
        transient = {"display_id": display.id} if display.id else {}
        publisher.publish(data=display.bundle, metadata={}, transient=transient, update=display.update)

    def _lines_above(self, cell: str) -> int:
        """How many lines stand above the Lua in its notebook cell, so that its line numbers are the cell's."""
        history = self.shell.history_manager
        typed: str = history.input_hist_raw[-1] if history else ""
        place = typed.rfind(cell.rstrip("\n"))
        return typed.count("\n", 0, place) if place > 0 else 1

    def leave(self) -> None:
        """Put back what stood under the names of these magics, and end the session."""
        matchers = self.shell.Completer.custom_matchers
        matchers[:] = [each for each in matchers if each is not self._matcher]
        if self._kernel is not None and vars(self._kernel).get("do_inspect") == self._inspect:
            del self._kernel.do_inspect
        manager = self.shell.magics_manager
        for (kind, name), before in self._displaced.items():
            table = manager.magics[kind]
            if table.get(name) != self.magics[kind][name]:
                continue  # another extension has taken the name since
            if before is None:
                del table[name]
            else:
                table[name] = before
        manager.registry.pop(type(self).__name__, None)
        configurables: list[Any] = self.shell.configurables
        configurables[:] = [each for each in configurables if each is not self]
        if self._end is not None:
            self._end()

    @contextmanager
    def _short_errors(self) -> Iterator[None]:
        """Let IPython show an error of this package by its own few lines instead of Python's traceback."""
        try:
            yield
        except KosmoError as error:
            colour = self.shell.colors.lower() != "nocolor"
            vars(error)["_render_traceback_"] = partial(error_lines, error, colour=colour)
            raise


def load(shell: InteractiveShell) -> None:
    """Register the magics with a shell; a second time changes nothing."""
    if KosmoMagic.__name__ not in shell.magics_manager.registry:
        shell.register_magics(KosmoMagic(shell))


def unload(shell: InteractiveShell) -> None:
    """Leave the shell as `load` found it."""
    found = shell.magics_manager.registry.get(KosmoMagic.__name__)
    if found is not None:
        found.leave()


def _write(line: Line, stream: str, text: str) -> None:
    """Pass on what Lua prints; `%%capture` swaps the streams, so they are looked up each time."""
    place = sys.stderr if stream == "stderr" else sys.stdout
    line.make_way(place, text)
    place.write(text)


def _ask(form: str) -> str | None:
    """What `io.read` gets: the answer to one question, or the end of the input where nobody can be asked.

    Parameters:
        form: `l` for a line, `L` for one with its line end, `a` for all there is.
    """
    try:
        answer = input()
    except (EOFError, StdinNotImplementedError):
        return None
    return f"{answer}\n" if form == "L" else answer


def _say(text: str, stream: TextIO | None = None) -> None:
    """Write a line to a stream, standard output unless told."""
    (stream or sys.stdout).write(f"{text}\n")


def _say_notes(result: Result | None) -> None:
    """What there is to say about a run, below what it printed."""
    for note in result.notes if result is not None else ():
        _say(note, sys.stderr)
