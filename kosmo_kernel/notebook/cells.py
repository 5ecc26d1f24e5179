"""The cells of notebooks: the parts of their text, their value as a Python object, and what they show.

The text of a cell of a Lua notebook, or of the command line's prompt, is Lua, optionally below a `%%kosmo_lua` line or
`%kosmo` commands, or it is a help request (`name?`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.progress.display import ProgressDisplay, ProgressSnapshot, html_line
from kosmo_kernel.safety.markup import Html, Plain, html_code
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC, LUA_MAGIC, Options, first_word, parse, parse_leading
from kosmo_kernel.settings.table import Setting

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from kosmo_kernel.render.display import Bundle, Display, Note
    from kosmo_kernel.results import Result

_TWO_VALUES = 'With errors="collect" a call returns two values: rows, failures = ...'
_PYTHON_ONLY = ("input", "output", "var", "show")


class Cell(Struct, frozen=True):
    """A parsed cell."""

    lua: str  # the Lua code; lines that are not Lua are left empty, so that its line numbers match the cell's
    options: Options = field(default_factory=Options)  # the options of the `%%kosmo_lua` line
    commands: tuple[str, ...] = ()  # the text after `%kosmo` of each command line above the Lua
    help_name: str = ""  # the name in a help request (`name?`), or empty
    detail: int = 0  # 1 for `name??`, which requests the source as well


def parse_cell(code: str) -> Cell:
    """Parse the text of a cell.

    Raises:
        UserError: an option or a magic in its first lines is invalid, or has no meaning in a Lua notebook.
    """
    question = code.strip()
    if "\n" not in question and (question.startswith("?") or (question.endswith("?") and "--" not in question)):
        return Cell("", help_name=question.strip("? "), detail=int("??" in (question[:2], question[-2:])))
    options, commands, lines = Options(), [], code.split("\n")
    for number, line in enumerate(lines):
        word, rest = first_word(line)
        if word == f"%%{LUA_MAGIC}":
            options, lines[number] = _check_options(parse(rest)), ""
        elif word == f"%{LUA_MAGIC}":
            options, lines[number] = parse_leading(rest)
            _check_options(options)
        elif word == f"%{COMMAND_MAGIC}":
            commands.append(rest)
            lines[number] = ""
        elif word.startswith("%"):  # no Lua statement starts with it
            raise _unknown_magic(word)
        elif word:
            break
    return Cell("\n".join(lines), options, tuple(commands))


def _unknown_magic(magic: str) -> UnknownNameError:
    """Return the error for a magic of IPython, or a misspelt one of this package."""
    from kosmo_kernel.text import nearest

    magics = [f"%%{LUA_MAGIC}", f"%{LUA_MAGIC}", f"%{COMMAND_MAGIC}"]
    near = nearest(magic, magics, most=1)
    hint = "" if near else f" It has {', '.join(f'`{name}`' for name in magics)}, and needs nothing loaded."
    return UnknownNameError(f"A Lua notebook has no `{magic}`.{hint}", tuple(near))


def _check_options(options: Options) -> Options:
    """Return the options if none of them is about Python variables.

    Raises:
        SettingsError: an option is about Python variables.
    """
    for option in options.options_set:
        if option.name in _PYTHON_ONLY:
            raise SettingsError(
                f"`{option.cell[0]}` is about Python variables, and a Lua notebook has none. "
                "Its Lua variables live on from cell to cell by themselves."
            )
    return options


def _advice(command: str, more: str) -> str:
    """Return what to do with words behind the name on a line."""
    column, equals, value = more.partition("=")
    if command == "table" and equals and column.isidentifier():
        return f'Filter its rows: `-v rows` keeps them, then rows[rows["{column}"] == {value[:60]!r}]'
    return f"Each {command} has a line of its own."


def name_and_options(line: str, command: str, settings: Sequence[Setting]) -> tuple[str, Options]:
    """Return the name on a line, empty if there is none, and the options; `--demo` is the account `demo`.

    Parameters:
        line: the text after the command.
        command: its name.
        settings: the options that it has.

    Raises:
        UnknownNameError: there is no such option; the message ends in the nearest one.
        SettingsError: a value is missing or invalid, an option is given twice, or something else is on the line.
    """
    magic = f"`%{COMMAND_MAGIC} {command}`"
    _, after = parse_leading(line, magic, settings)
    before = line.strip().removesuffix(after)
    name, rest = first_word(after)
    options, more = parse_leading(f"{before} {rest}", magic, settings)
    if more:
        line = f"%{COMMAND_MAGIC} {command} {name}"
        raise SettingsError(f"`{line}` takes options only, got `{more[:80]}`. {_advice(command, more)}")
    if options.demo and options.account is not None:
        raise SettingsError("`--demo` and `--account` both name an account.")
    if options.demo:
        from kosmo_kernel.accounts import DEMO

        options.account = DEMO
    return name, options


class Values(tuple[Any, ...]):
    """Several values of one cell: a tuple that shows them below each other, tables as tables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(_text_of, self))

    def _repr_html_(self) -> Html | None:
        parts = [value._repr_html_() if hasattr(value, "_repr_html_") else None for value in self]
        if all(part is None for part in parts):
            return None
        return Html("\n").join(
            Html("<pre>{}</pre>").format(html_code(_text_of(value))) if part is None else part
            for value, part in zip(self, parts, strict=True)
        )


class Collected(Values):
    """What a call with `errors="collect"` returns: `rows, failures = ...`."""

    __slots__ = ()

    @property
    def rows(self) -> Any:
        """What could be read."""
        return self[0]

    @property
    def failures(self) -> Any:
        """What could not be read."""
        return self[1]

    def __getitem__(self, index: Any) -> Any:
        from kosmo_kernel.render.error_lines import hide_own_frames

        error: Exception
        if isinstance(index, str):
            error = TypeError(f'{_TWO_VALUES}, then rows["{index[:40]}"].')
        else:
            try:
                return super().__getitem__(index)
            except IndexError:
                error = IndexError(f"{_TWO_VALUES}.")
        hide_own_frames(error)
        raise error


def _text_of(value: Any) -> str:
    return value.text() if isinstance(value, View) else repr(value)


class View:
    """A value that IPython shows as a Lua notebook does: an object of numbers as a table, any other up to a limit."""

    options = Options()  # of the cell
    full_value = "the value"  # what has the whole of a text that is cut: `Out[3]`

    def text(self) -> str:
        """Return the text that a cell shows."""
        return self._bundle()["text/plain"]

    def _repr_html_(self) -> Html | None:
        return self._bundle().get("text/html")

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else self.text())

    def _bundle(self) -> Bundle:
        from kosmo_kernel.render.display import bundles_of

        return bundles_of([self], self.options, full_value=self.full_value)[0]


class TextView(View, str):
    """A text that shows itself."""

    __slots__ = ()


class ListView(View, list[Any]):
    """A list that shows itself."""


class MapView(View, dict[Any, Any]):
    """An object that shows itself."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {name: data for name, data in self._bundle().items() if name not in ("text/plain", "text/html")}


_VIEWS: dict[type, type[TextView | ListView | MapView]] = {str: TextView, list: ListView, dict: MapView}


def _view(value: Any, options: Options, full_value: str = View.full_value) -> Any:
    view = _VIEWS[type(value)](value)
    view.options, view.full_value = options, full_value
    return view


def for_cell(value: Any, options: Options, full_value: str) -> Any:
    """Return a cell's value as one that shows no more of itself than fits; values of other types are unchanged.

    Parameters:
        value: the value of `value_of`.
        options: the options of the cell.
        full_value: what has the whole value: `Out[3]`.
    """
    if isinstance(value, Values):
        return Values(
            for_cell(part, options, View.full_value if index else full_value) for index, part in enumerate(value)
        )
    from kosmo_kernel.render.display import TEXT_MOST
    from kosmo_kernel.render.text import is_longer

    return _view(value, options, full_value) if type(value) in _VIEWS and is_longer(value, TEXT_MOST) else value


class NotebookProgress(ProgressDisplay):
    """The progress line of a cell: a display that is updated in place and stays when the cell is done.

    Parameters:
        show: called with a display, which it shows below the cell, or in place of the display with the same id.
        only_last: show only the final state, for output that is captured instead of shown.
    """

    def __init__(self, show: Callable[[Display], None], *, only_last: bool = False) -> None:
        super().__init__(self._update, self._show_estimate)
        self._show = show
        self._only_last = only_last
        self._is_displayed = False

    @cached_property
    def _id(self) -> str:
        """The name under which the display is updated; few cells have one, and random bytes take time."""
        return f"kosmo-{os.urandom(8).hex()}"

    def cleared(self) -> None:
        """Show the next state as a new display, because the output was cleared."""
        self._is_displayed = False

    def _update(self, state: ProgressSnapshot) -> None:
        if self._only_last and not state.over:
            return
        from kosmo_kernel.render.display import Display

        bundle: Bundle = {"text/plain": Plain.escape(state.text()), "text/html": state.html()}
        self._show(Display(bundle, id=self._id, update=self._is_displayed))
        self._is_displayed = True

    def _show_estimate(self, text: str) -> None:
        if not self._only_last:
            self._show(small_note(f"{text} ■ or Ctrl-C stops."))


def small_note(text: str) -> Display:
    """Return a display of one line in the small style of the progress line."""
    from kosmo_kernel.render.display import Display

    return Display({"text/plain": Plain.escape(text), "text/html": html_line(text)})


def plan_note(result: Result | None) -> list[Display]:
    """Return the note about the plan of a dry run, as a list of one display; none for any other run."""
    from kosmo_kernel.results import dry_run_summary

    return [small_note(dry_run_summary(result.planned))] if result is not None and result.dry_run else []


def failed_plan(result: Result | None, options: Options) -> list[Display]:
    """Return the plan of a dry run that failed, and the note about it; nothing for any other run."""
    from kosmo_kernel.render.display import Display, bundles_of

    note = plan_note(result)
    return [*note, *map(Display, bundles_of(result.values_to_show, options))] if result is not None and note else []


def value_of(values: Sequence[Any], options: Options, attrs: Mapping[str, Any] | None = None) -> Any:
    """Return a cell's value as a Python object: lists of records as frames, objects as views, the rest unchanged.

    Parameters:
        values: the values that the run returned.
        options: `raw` returns lists and dicts instead, `limit` sets how many rows a frame shows.
        attrs: metadata for the `attrs` of the frames, from `Result.attrs`; its note goes to the first frame only.

    Returns:
        None without a value, a single value as it is, several as a `Values` tuple.
    """
    converted = []
    for value in values:
        converted.append(_prepare_for_display(value, options, attrs))
        if attrs and "note" in attrs and hasattr(converted[-1], "displaylimit"):
            attrs = {name: attr for name, attr in attrs.items() if name != "note"}
    return Values(converted) if len(converted) > 1 else next(iter(converted), None)


def _prepare_for_display(value: Any, options: Options, attrs: Mapping[str, Any] | None) -> Any:
    from kosmo_kernel.render.display import ValueKind, as_shown, kind_of

    kind = kind_of(value)
    if kind is ValueKind.MAP and not options.raw and as_shown(value) is not value:
        return _view(value, options)
    if kind not in (ValueKind.TABLE, ValueKind.RECORD):
        return value
    if options.raw:
        from kosmo_kernel.values.records import to_builtins

        return to_builtins(value)  # a copy, because other values may share the objects
    if kind is ValueKind.TABLE:
        from kosmo_kernel.calls.interruptible import import_whole

        import_whole("pandas")
        from kosmo_kernel.render.frames import frame_of

        frame = frame_of(value, attrs)
        if options.limit is not None:
            frame.displaylimit = options.limit
        return frame
    from kosmo_kernel.render.tables import RecordView

    return RecordView(value)


def publish(shell: InteractiveShell, display: Display) -> None:
    """Publish a display; the publisher is looked up each time, because `%%capture` replaces it."""
    publisher = shell.display_pub
    if display.clears:
        publisher.clear_output(wait=display.wait)
        return
    transient = {"display_id": display.id} if display.id else {}
    publisher.publish(data=display.bundle, metadata={}, transient=transient, update=display.update)


def show_notes(shell: InteractiveShell | None, notes: Sequence[Note]) -> None:
    """Show the notes about a run, if there are any: as an output of a notebook, or on the standard error of others."""
    if not notes:
        return
    from kosmo_kernel.render.display import Display, bundle_of_notes, write_notes

    if shell is not None and not is_terminal(shell):
        publish(shell, Display(bundle_of_notes(notes)))
    elif sys.stderr:  # the parent process may have closed it
        write_notes(notes, sys.stderr)


def is_terminal(shell: InteractiveShell) -> bool:
    """Return whether a shell prints its displays, and cannot update them."""
    from IPython.core.displaypub import DisplayPublisher

    return type(shell.display_pub) is DisplayPublisher


def progress_line(shell: InteractiveShell) -> ProgressDisplay:
    """Return the progress line of a cell, for a notebook or a terminal."""
    if is_terminal(shell):
        from kosmo_kernel.progress.display import TerminalProgress

        return TerminalProgress(sys.stderr)
    from IPython.core.displaypub import CapturingDisplayPublisher

    is_captured = isinstance(shell.display_pub, CapturingDisplayPublisher)
    return NotebookProgress(partial(publish, shell), only_last=is_captured)


def ask(form: str, question: str = "") -> str | None:
    """Return a line of input for `io.read`, or None (the end of the input) if the front end offers no input.

    Parameters:
        form: the format of `io.read`: `l` for a line, `L` for a line with its newline, `a` for all input.
        question: the prompt.
    """
    from IPython.core.error import StdinNotImplementedError

    try:
        answer = input(question)
    except (EOFError, StdinNotImplementedError):
        return None
    return f"{answer}\n" if form == "L" else answer
