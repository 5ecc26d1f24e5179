"""What the two notebook doors share: a cell's options, its value, how a failure reads, and how far it is.

`%%kosmo_lua [options]` stands on the first line of a cell, in a Python notebook (where it is a magic) and in
a Lua notebook (where it may be left out). Both take the same options, so they are one table here, from which
each door also draws its help and its completion. Nothing here knows IPython: a mistake is an error of this
package, one line long, that ends in the nearest option.

Only options that stand before the Lua are looked at, word by word as a shell would split them. What follows
is Lua and is left alone, quotes and all.
"""

from __future__ import annotations

import keyword
import os
import re
import shlex
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import KosmoError, SettingsError, UnknownNameError
from kosmo_kernel.progress import LINE, Line, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kosmo_kernel.display import Display

LUA_MAGIC = "kosmo_lua"
COMMAND_MAGIC = "kosmo"

# A minus sign before a digit, a bracket or a space is arithmetic, and `--[[` is a comment.
_FLAG = re.compile(r"(--?[A-Za-z][\w-]*)(=?)")
# What could move a terminal's cursor or change its state; new lines and tabs are text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BLANK = re.compile(r"\s*\d+\s*")  # a line of an excerpt with nothing on it
_MARKED = re.compile(r"\s*-+>")
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"  # no colour: the page behind it is red in one theme and dark red in another


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a cell.

    Parameters:
        flags: how it is written, `("-a", "--account")`; the long one last.
        doc: one sentence.
        metavar: the word for its value, or empty for a switch.
        read: makes the value of its text; raises ValueError with what the text should have been.
    """

    flags: tuple[str, ...]
    doc: str
    metavar: str = ""
    read: Callable[[str], object] = str

    @property
    def field(self) -> str:
        """The attribute of `Options` that it sets."""
        return self.flags[-1].removeprefix("--").replace("-", "_")


@dataclass(slots=True)
class Options:
    """The options of a cell; what each means is said in `OPTIONS`.

    Attributes:
        given: those that were written, in their order. Two lines that ask for the same are equal all the same.
    """

    account: str | None = None
    dry_run: bool = False
    timeout: float | None = None
    memory_limit: int | None = None
    limit: int | None = None
    raw: bool = False
    fresh: bool = False
    no_raise_error: bool = False
    var: str | None = None
    show: bool = False
    given: list[Option] = field(default_factory=list, compare=False)


class Values(tuple[Any, ...]):
    """Several values of one cell: a tuple that shows them one below the other, tables as tables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))

    def _repr_html_(self) -> str | None:
        if not any(hasattr(value, "_repr_html_") for value in self):
            return None
        from html import escape  # noqa: PLC0415 - most cells have one value

        return "\n".join(
            value._repr_html_() if hasattr(value, "_repr_html_") else f"<pre>{escape(repr(value))}</pre>"
            for value in self
        )


class CellLine(Line):
    """The line of a cell's progress: one display that is updated in place, and stays when the cell is done.

    Parameters:
        show: shows something below the cell, or in place of what has the same id.
        only_last: leave out all states but the last, where what is shown is kept and not seen.
    """

    def __init__(self, show: Callable[[Display], None], *, only_last: bool = False) -> None:
        super().__init__(self._update)
        self._show = show
        self._only_last = only_last
        self._id = f"kosmo-{os.urandom(8).hex()}"
        self._there = False

    def cleared(self) -> None:
        """Show the next state as something new."""
        self._there = False

    def _update(self, state: Snapshot) -> None:
        if self._only_last and not state.over:
            return
        from kosmo_kernel.display import Display  # noqa: PLC0415 - most cells are done before there is progress to show

        bundle = {"text/plain": state.text(), "text/html": state.html()}
        self._show(Display(bundle, id=self._id, update=self._there))
        self._there = True


def quiet(text: str) -> Display:
    """A line beside what a cell shows, as small as that of its progress."""
    from html import escape  # noqa: PLC0415 - rare

    from kosmo_kernel.display import Display  # noqa: PLC0415 - likewise

    return Display({"text/plain": text, "text/html": f'<div style="{LINE}">{escape(text)}</div>'})


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError("a number of seconds above zero")
    return seconds


def _rows(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise ValueError("a whole number of rows")
    return int(text)


def _bytes(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise ValueError("a number of bytes above zero")
    return int(text)


def _name(text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text):
        raise ValueError("the name of a variable")
    return text


OPTIONS = (
    Option(("-v", "--var"), "Put the cell's value into this variable, and show nothing.", "NAME", _name),
    Option(("--show",), "With -v: show the value as well."),
    Option(("-a", "--account"), "What `heroku.<function>` means in this cell.", "ALIAS"),
    Option(("-n", "--dry-run"), "List the calls that the cell would make, and make none."),
    Option(("--timeout",), "Stop the cell after this many seconds.", "S", _seconds),
    Option(("--memory-limit",), "Stop the cell when Lua's values take more than this.", "BYTES", _bytes),
    Option(("--limit",), "Rows of a table that are shown; the value keeps all.", "ROWS", _rows),
    Option(("--raw",), "Lists and dicts, not tables."),
    Option(("--fresh",), "Ask for everything anew, also for what has not changed."),
    Option(("--no-raise-error",), "Show an error, and go on with the next cell."),
)


def parse(line: str) -> Options:
    """Read the options that stand behind `%%kosmo_lua`; the Lua is below them.

    Raises:
        UnknownNameError: there is no such option; the message ends in the nearest one.
        SettingsError: a value that is missing or makes no sense, an option given twice, or more than options.
    """
    options, rest = parse_leading(line)
    if rest:
        raise SettingsError(f"%%{LUA_MAGIC}: `{rest}` is no option. The Lua starts on the next line.")
    return options


def parse_leading(line: str) -> tuple[Options, str]:
    """Read the options at the start of a line, and what follows them as it was written.

    Raises:
        UnknownNameError, SettingsError: as `parse`.
    """
    by_flag = {flag: option for option in OPTIONS for flag in option.flags}
    options = Options()
    rest = line.strip()
    while found := _FLAG.match(rest):
        flag, equals = found.groups()
        option = by_flag.get(flag)
        if option is None:
            raise _unknown(flag, list(by_flag))
        if option in options.given:
            raise SettingsError(f"The option `{flag}` is given twice.")
        options.given.append(option)
        rest = rest[found.end() :].lstrip()
        value: object = True
        if option.metavar:
            value, rest = _value(option, flag, rest)
        elif equals:
            raise SettingsError(f"The option `{flag}` takes no value.")
        setattr(options, option.field, value)
    if options.show and options.var is None:
        raise SettingsError("The option `--show` goes with `-v NAME`; without it the value is shown anyway.")
    return options, rest


def value_of(values: Sequence[Any], options: Options, attrs: Mapping[str, Any] | None = None) -> Any:
    """What a cell gives, as Python has it: lists of records as frames, a record as its view, the rest as it is.

    Parameters:
        values: what the run returned.
        options: `raw` asks for lists and dicts, `limit` for so many rows on the screen.
        attrs: what a frame remembers beside its function; `Result.attrs` has it.

    Returns:
        None without a value, the value of one, a tuple of several.
    """
    shown = [_shown(value, options, attrs) for value in values]
    return Values(shown) if len(shown) > 1 else next(iter(shown), None)


def error_lines(error: KosmoError, *, colour: bool = False) -> list[str]:
    """How a failure reads below a cell: its kind and message, then the Lua around the place, that line marked.

    Parameters:
        error: what failed.
        colour: with ANSI colours, as notebooks show them.
    """
    bold, plain = (_BOLD, _PLAIN) if colour else ("", "")
    excerpt = _printable(error.excerpt).split("\n") if error.excerpt else []
    while excerpt and _BLANK.fullmatch(excerpt[0]):
        del excerpt[0]
    while excerpt and _BLANK.fullmatch(excerpt[-1]):
        del excerpt[-1]
    lines = f"{bold}{type(error).__name__}{plain}: {_printable(error.message)}".split("\n")
    lines += [f"{bold}{line}{plain}" if _MARKED.match(line) else line for line in excerpt]
    return lines


def _unknown(flag: str, flags: Sequence[str]) -> UnknownNameError:
    from kosmo_kernel.catalogue import nearest  # noqa: PLC0415 - only needed once something is wrong

    near = nearest(flag, flags, most=1)
    there = "" if near else f" The options are {', '.join(option.flags[-1] for option in OPTIONS)}."
    return UnknownNameError(f"%%{LUA_MAGIC} has no option `{flag}`.{there}", tuple(near))


def _value(option: Option, flag: str, text: str) -> tuple[object, str]:
    """The value of an option from the text after its flag, and the text after that."""
    source = StringIO(text)
    reader = shlex.shlex(source, posix=True)
    reader.whitespace_split, reader.commenters = True, ""
    try:
        word = reader.get_token() or ""
    except ValueError:
        raise SettingsError(f"A quote is not closed behind `{flag}`.") from None
    if not word or _FLAG.fullmatch(word):
        raise SettingsError(f"The option `{flag}` needs a value: `{flag} {option.metavar}`.")
    try:
        return option.read(word), source.read().strip()
    except ValueError as fault:
        raise SettingsError(f"The option `{flag}` takes {fault}, got {word!r}.") from None


def _shown(value: Any, options: Options, attrs: Mapping[str, Any] | None) -> Any:
    import msgspec  # noqa: PLC0415 - the options are read before anything has run

    from kosmo_kernel.records import Record, Records  # noqa: PLC0415 - likewise

    if isinstance(value, Records):
        if options.raw:
            return msgspec.to_builtins(value.rows)  # copies: others may have the same objects
        from kosmo_kernel.frames import frame_of  # noqa: PLC0415 - pandas, not before the first table

        frame = frame_of(value, attrs)
        if options.limit is not None:
            frame.displaylimit = options.limit
        return frame
    if isinstance(value, Record):
        if options.raw:
            return msgspec.to_builtins(dict(value))
        from kosmo_kernel.tables import RecordView  # noqa: PLC0415 - not before the first record

        return RecordView(value)
    return value


def _printable(text: str) -> str:
    """A text that stays where it is put: control characters as escapes."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)
