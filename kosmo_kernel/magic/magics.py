"""The magics `%%kosmo_lua` and `%kosmo`, and the Lua session behind them.

The value of a cell is returned to IPython, which shows it, numbers it and keeps it as `_`. An error is raised, so that
whatever executes the notebook stops; it carries its own short rendering.

In Lua, `_` and `Out[n]` are the values of Lua cells, as in a Lua notebook, so that a cell means the same in both. The
value of a Python cell is passed to Lua with `-i x=_`: Python expressions are evaluated with the variables of the place
that runs the cell, and their values converted for Lua. A value that goes back to Python must be data.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from inspect import currentframe
from typing import TYPE_CHECKING, Any, TextIO, TypeVar
from weakref import finalize

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from kosmo_kernel.errors import (
    InvalidArgumentsError,
    KosmoError,
    LuaRuntimeError,
    SettingsError,
    StoppedError,
    UnknownNameError,
)
from kosmo_kernel.explorer import explore
from kosmo_kernel.magic.editing import Editing
from kosmo_kernel.notebook import cells
from kosmo_kernel.notebook.commands import COMMANDS, NotebookContext, run_command
from kosmo_kernel.progress.display import ProgressDisplay
from kosmo_kernel.python_api import share_session, stop_sharing
from kosmo_kernel.render.error_lines import COLOURED, PLAIN, error_lines
from kosmo_kernel.safety.markup import Terminal
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC, LUA_MAGIC, OPTIONS, Options, parse, parse_leading
from kosmo_kernel.settings.limits import check_defaults
from kosmo_kernel.text import nearest

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from kosmo_kernel.progress.display import ProgressSnapshot
    from kosmo_kernel.render.display import Display
    from kosmo_kernel.results import Result
    from kosmo_kernel.session import Session

_Magic = TypeVar("_Magic", bound=Callable[..., Any])


def _with_options(magic: _Magic) -> _Magic:
    """Generate a magic's docstring and argument parser, which `?` and completion read, from the table of options."""
    for option in reversed(OPTIONS):  # each decorator puts its option in front of the previous ones
        metavar = option.value.metavar
        settings: dict[str, Any] = {"metavar": metavar} if metavar else {"action": "store_true"}
        magic = argument(*option.cell, help=option.doc, **settings)(magic)
    documented: _Magic = magic_arguments(f"%{LUA_MAGIC}")(magic)
    return documented


def _with_commands(magic: _Magic) -> _Magic:
    """Append the table of commands to a magic's docstring, which `?` shows."""
    width = max(len(command.usage) for command in COMMANDS)
    lines = [f"  %{COMMAND_MAGIC} {command.usage.ljust(width)}  {command.doc}" for command in COMMANDS]
    magic.__doc__ = "\n".join([f"{magic.__doc__}\n\n::\n", *lines])
    return magic


_NAME = re.compile(r"(?<![\w.:])[A-Za-z_]\w*")
_DECLARED = r"\b(?:local|for|function)\b[^\n=;]*?\b{0}\b|(?<![\w.:]){0}\s*(?:,[\w\s,]*)?=(?!=)"  # in a script of Lua
_FRAMES = "kosmo_kernel.render.frames"  # which a shell loads with its first frame


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
        self._replaced = {(kind, name): tables[kind].get(name) for kind in self.magics for name in self.magics[kind]}
        self._finalizer: finalize[[], KosmoMagic] | None = None
        self._editing = Editing(shell, lambda: vars(self).get("session"))

    @cached_property
    def session(self) -> Session:
        """The Lua session of this shell, created on first use."""
        from kosmo_kernel.session import Session

        check_defaults()
        session = Session(notebook=True)
        self._finalizer = finalize(self, session.close)  # when the shell is freed or Python exits
        return session

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    @_with_options
    def kosmo_lua(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:
        """Run Lua. The last expression, or what the Lua returns, is the cell's value.

        A list of records is shown as a table (a pandas DataFrame), one record as two columns, a page of the
        reference as text with headings, anything else as it is. A `;` at the end hides the value. Globals and
        top-level locals live on in the next cell; `_` and `Out[n]` are what cells of Lua gave.

        Values of Python go in with -i and come back with -o and -v: lists, dicts, DataFrames, times and whatever
        else has a form in JSON. A cell that fails sets no variable of Python's.

        Examples::

          %%kosmo_lua
          heroku.list_apps()

          %%kosmo_lua -v dynos --show
          heroku.list_dynos({ app_id = "my-app" })

          %%kosmo_lua -i wanted=frame["name"] -o found
          found = heroku.list_dynos({ app_id = wanted })

          name = %kosmo_lua heroku.get_app("my-app").name
        """
        if line.strip() in ("--help", "-h") or (cell is None and not line.strip()):
            _print((KosmoMagic.kosmo_lua.__doc__ or "").removeprefix("::\n\n"))
            return None
        with _short_errors(self.shell):
            with self.session.keep_error():
                if cell is None:
                    options, lua = parse_leading(line)
                else:
                    options, lua = parse(line), "\n" * self._lines_above(cell) + cell
                if not lua:
                    raise SettingsError(f"There is no Lua on the line. Write `%{LUA_MAGIC} EXPRESSION`.")
            try:
                with self.session.keep_error():
                    local = (local_ns or {}) if cell is None else caller_locals(self.shell)
                    inputs = lua_inputs(options.input, self.shell.user_ns, local)
                    return self._run(lua, options, inputs, is_cell=cell is not None)
            except KosmoError as error:
                if isinstance(error, LuaRuntimeError) and error.line and not error.advice:
                    globals_of_lua = {name for name, _ in self.session.names(())}
                    error.advice = _of_python(lua, error.line, {**self.shell.user_ns, **local}, globals_of_lua)
                    error.text += "." * bool(error.advice)
                with self.session.interruptible:
                    for display in cells.failed_plan(error.result, options):
                        cells.publish(self.shell, display)
                cells.show_notes(self.shell, error.result.labelled_notes() if error.result is not None else ())
                if not options.no_raise_error:
                    raise
                _print("\n".join(rendered(error)), sys.stderr)
                return None

    @no_var_expand
    @line_magic
    @_with_commands
    def kosmo(self, line: str) -> Any:
        """Show the reference, the accounts, the Lua state, or the last failure."""
        with _short_errors(self.shell), cells.progress_line(self.shell) as progress:
            context = notebook_context(self.shell, self.session, progress)
            return cells.value_of([run_command(line, context)], Options())

    def _run(self, lua: str, options: Options, inputs: dict[str, Any], *, is_cell: bool) -> Any:
        """Run Lua, set the variables of `-o` and `-v`, and return the value unless it is hidden or kept by `-v`."""
        output = [] if options.dry_run else options.output  # a dry run does not change Lua's variables
        number: int = self.shell.displayhook.prompt_count
        from kosmo_kernel.calls.output import Frontend

        with cells.progress_line(self.shell) as line:
            write, show = partial(_write, line), partial(self._display, line)
            frontend = Frontend(write, cells.ask, partial(cells.ask, "l"), show, line)
            of_run = options.changed(
                name=f"In[{number}]",
                inputs=inputs,
                outputs=[name for _, name in output],
                number=number if is_cell else None,  # a cell may have several line magics; none is the cell's value
            )
            result = self.session.execute(lua, of_run, frontend)
        for display in cells.plan_note(result):
            cells.publish(self.shell, display)
        with self.session.interruptible:
            attrs = result.attrs()
            value = cells.value_of(result.values_to_show, options, attrs)
            attrs.pop("note", None)  # the note is about the value
            variables = {python: cells.value_of([result.outputs[name]], options, attrs) for python, name in output}
        is_shown = not result.hidden and (options.var is None or options.show)
        # For a line magic it is unknown whether IPython shows the value, so its notes are shown apart.
        cells.show_notes(self.shell, result.split_notes(tables=is_shown and is_cell and not options.raw)[1])
        if options.var is not None:
            check_data(f"-v {options.var}", result)
            variables[options.var] = value
        self.shell.push(variables)
        return cells.for_cell(value, options, f"Out[{number}]" if is_cell else "the value") if is_shown else None

    def _display(self, line: ProgressDisplay, display: Display) -> None:
        """Show a display of the running Lua code, after finishing the progress line."""
        line.make_way(sys.stdout, "\n")
        if display.clears:
            line.cleared()
        cells.publish(self.shell, display)

    def _lines_above(self, cell: str) -> int:
        """Return the number of lines above the Lua in its cell, so that its line numbers match the cell's."""
        history = self.shell.history_manager
        typed: str = history.input_hist_raw[-1] if history else ""
        index = typed.rfind(cell.rstrip("\n"))
        return typed.count("\n", 0, index) if index > 0 else 1

    def unregister(self) -> None:
        """Restore the magics that these replaced, and end the session."""
        stop_sharing(self)
        self._editing.remove()
        manager = self.shell.magics_manager
        for (kind, name), original in self._replaced.items():
            table = manager.magics[kind]
            if table.get(name) != self.magics[kind][name]:
                continue  # another extension has replaced it since
            if original is None:
                del table[name]
            else:
                table[name] = original
        manager.registry.pop(type(self).__name__, None)
        configurables: list[Any] = self.shell.configurables
        configurables[:] = [configurable for configurable in configurables if configurable is not self]
        if self._finalizer is not None:
            self._finalizer()


def load(shell: InteractiveShell) -> None:
    """Register the magics with a shell. A second call has no effect."""
    if KosmoMagic.__name__ in shell.magics_manager.registry:
        return
    magic = KosmoMagic(shell)
    shell.register_magics(magic)
    share_session(magic)
    if _FRAMES in sys.modules:  # otherwise it does this when it is imported
        sys.modules[_FRAMES].show_derived_frames(shell)


def unload(shell: InteractiveShell) -> None:
    """Restore the shell to its state before `load`."""
    magic = shell.magics_manager.registry.get(KosmoMagic.__name__)
    if magic is not None:
        magic.unregister()
        if _FRAMES in sys.modules:
            sys.modules[_FRAMES].restore_display(shell)


def _write(line: ProgressDisplay, stream: str, text: str) -> None:
    """Write Lua's output; the streams are looked up each time, because `%%capture` replaces them."""
    target = sys.stderr if stream == "stderr" else sys.stdout
    line.make_way(target, text)
    target.write(text)


def _print(text: str, stream: TextIO | None = None) -> None:
    """Write a line to a stream, by default standard output."""
    (stream or sys.stdout).write(f"{text}\n")


@contextmanager
def _short_errors(shell: InteractiveShell) -> Iterator[None]:
    """Have IPython show an error of this package, or an interrupt, in its short form instead of Python's traceback."""
    try:
        try:
            yield
        except KeyboardInterrupt:
            raise StoppedError("Interrupted.") from None
    except KosmoError as error:  # IPython takes an error's own rendering from this attribute
        colour = shell.colors.lower() != "nocolor"
        vars(error)["_render_traceback_"] = partial(rendered, error, colour=colour)
        raise


def rendered(error: KosmoError, *, colour: bool = False) -> list[Terminal]:
    """Return the lines of an error below a cell."""
    return error_lines(error, COLOURED if colour else PLAIN)


def notebook_context(
    shell: Any, session: Session, progress: Callable[[ProgressSnapshot], None] | None = None
) -> NotebookContext:
    """Return the context of an IPython shell's notebook for the `%kosmo` commands.

    If the kernel supports subshells (JEP 91), JupyterLab sends widget messages to a subshell's thread. Lua must run in
    the thread of the cells: there a run waits for the running cell, and an interrupt, which is a signal, reaches it.

    Parameters:
        shell: the shell; one of its cells is running in the current thread.
        session: the shell's Lua session.
        progress: receives the progress of a command.
    """
    import asyncio

    cell_thread = threading.get_ident()
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # a shell without a kernel, which shows no widgets
        loop = None

    def between_cells(work: Callable[[], None]) -> None:
        if loop is None or threading.get_ident() == cell_thread:
            work()
        else:
            loop.call_soon_threadsafe(work)

    return NotebookContext(
        session,
        True,
        shell.user_ns,
        between_cells,
        explore,
        ask=_ask,
        display=partial(cells.publish, shell),
        progress=progress,
        set_variable=lambda name, value: shell.push({name: value}),
    )


def _ask(command: str, line: str, context: NotebookContext) -> Any:
    from kosmo_kernel.checks.cell import ask_in_cell

    return ask_in_cell(command, line, context)


def caller_locals(shell: Any) -> Mapping[str, Any]:
    """Return the local variables of the caller of `run_cell_magic`, which IPython passes to line magics only."""
    frame, entry = currentframe(), type(shell).run_cell_magic.__code__
    while frame is not None and frame.f_code is not entry:
        frame = frame.f_back
    return frame.f_back.f_locals if frame is not None and frame.f_back is not None else {}


def lua_inputs(
    arguments: Sequence[tuple[str, str]], variables: Mapping[str, Any], local: Mapping[str, Any]
) -> dict[str, Any]:
    """Evaluate the expressions of `-i` and return the values by Lua name.

    Parameters:
        arguments: pairs of a Lua name and a Python expression.
        variables: the user's variables.
        local: the local variables of the function that runs the cell, which take precedence; at the top level they are
            the user's variables.

    Raises:
        UnknownNameError: an expression names an unknown variable; the error lists the nearest names.
        SettingsError: the text is no valid expression.
        InvalidArgumentsError: the expression fails, or its value has no Lua form; the message names the place in it.
    """
    if not arguments:
        return {}
    from kosmo_kernel.python_api.namespace import lua_name
    from kosmo_kernel.values.from_python import lua_value

    names = {**variables, **local}  # a copy, so that assignments in an expression do not set variables
    values = {}
    for lua, expression in arguments:
        value = _evaluate(expression, names)
        if path := lua_name(value):
            raise InvalidArgumentsError(f"-i {expression}: functions cannot be passed.", advice=f"Write {path} in Lua.")
        values[lua] = lua_value(value, f"-i {expression}")
    return values


def _of_python(lua: str, line: int, variables: Mapping[str, Any], globals_of_lua: Collection[str]) -> str:
    """Return how a variable of Python that a line of Lua reads gets into Lua; empty if it reads none.

    Parameters:
        lua: the script.
        line: the line, counted from 1.
        variables: the variables of Python.
        globals_of_lua: the variables of Lua.
    """
    from kosmo_kernel.python_api.namespace import lua_name
    from kosmo_kernel.values.lua_tokens import masked

    script = masked(lua)
    lines = script.split("\n")
    for name in _NAME.findall(lines[line - 1]) if line <= len(lines) else ():
        if name in variables and name not in globals_of_lua and not re.search(_DECLARED.format(name), script):
            if path := lua_name(variables[name]):
                return f"`{name}` is a variable of Python. Write {path} in Lua."
            return f"`{name}` is a variable of Python: `-i {name}` passes it to Lua."
    return ""


def _evaluate(expression: str, names: dict[str, Any]) -> Any:
    try:
        code = compile(expression, "<-i>", "eval", dont_inherit=True)
    except (SyntaxError, ValueError) as fault:  # a null byte is a ValueError
        raise SettingsError(f"-i {expression}: this is no Python expression ({fault.args[0]}).") from None
    try:
        return eval(code, names)  # noqa: S307 - the user's own code in their own notebook
    except KosmoError:
        raise
    except Exception as fault:
        if isinstance(fault, NameError) and fault.name in code.co_names and fault.name not in names:
            near = nearest(fault.name, [name for name in names if not name.startswith("_")])
            message = f"-i {expression}: there is no Python variable `{fault.name}`."
            raise UnknownNameError(message, tuple(near)) from None
        raise InvalidArgumentsError(f"-i {expression}: {type(fault).__name__}: {fault}") from fault


def check_data(name: str, result: Result) -> None:
    """Check that all values of a run have a Python form.

    Parameters:
        name: the option that requested the value, for the message.
        result: the result of the run.

    Raises:
        InvalidArgumentsError: a value has no Python form; the message names the place in it.
    """
    from kosmo_kernel.values.records import Opaque

    for value in result.values_to_show:
        if isinstance(value, Opaque):
            fault = value.fault or f"`{value.partition(chr(10))[0]}` has no Python form"
            error = InvalidArgumentsError(f"{name}: {fault}")
            error.result = result
            raise error
