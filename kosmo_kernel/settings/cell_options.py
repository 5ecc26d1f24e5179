"""The options of a cell, which both notebook doors share.

`%%kosmo_lua [options]` stands on the first line of a cell, in a Python notebook (where it is a magic) and in
a Lua notebook (where it may be left out). Both take the same options, so they are one table here, from which
each door also draws its help and its completion. Nothing here knows IPython: a mistake is an error of this
package, one line long, that ends in the nearest option.

Only options that stand before the Lua are looked at, word by word as a shell would split them; the quotes and brackets
of a Python expression are its own. What follows is Lua and is left alone, quotes and all.
"""

from __future__ import annotations

import keyword
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any

from kosmo_kernel.errors import SettingsError, UnknownNameError

LUA_MAGIC = "kosmo_lua"
COMMAND_MAGIC = "kosmo"

# A minus sign before a digit, a bracket or a space is arithmetic, and `--[[` is a comment.
_FLAG = re.compile(r"(--?[A-Za-z][\w-]*)(=?)")
_QUOTES = ("'", '"')


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a cell.

    Parameters:
        flags: how it is written, `("-a", "--account")`; the long one last.
        doc: one sentence.
        metavar: the word for its value, or empty for a switch.
        read: makes the value of its text; raises ValueError with what the text should have been.
        repeats: it may be written several times, and its value is a list that each time adds to.
        is_code: its text is an expression, with quotes and brackets of its own.
    """

    flags: tuple[str, ...]
    doc: str
    metavar: str = ""
    read: Callable[[str], Any] = str
    repeats: bool = False
    is_code: bool = False

    @property
    def field(self) -> str:
        """The attribute of `Options` that it sets."""
        return self.flags[-1].removeprefix("--").replace("-", "_")


@dataclass(slots=True)
class Options:
    """The options of a cell; what each means is said in `OPTIONS`.

    Attributes:
        input: the Lua variables to set, each with the Python expression for its value.
        output: the Python variables to set, each with the Lua variable that has its value.
        given: those that were written, in their order. Two lines that ask for the same are equal all the same.
    """

    input: list[tuple[str, str]] = field(default_factory=list)
    output: list[tuple[str, str]] = field(default_factory=list)
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

    def over(self, settings: Mapping[str, Any]) -> Options:
        """These options, and what the settings say where the cell says nothing.

        Parameters:
            settings: by the names of these attributes; others are left aside.
        """
        said = {option.field for option in self.given}
        return replace(self, **{k: value for k, value in settings.items() if hasattr(self, k) and k not in said})


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


def _inputs(text: str) -> list[tuple[str, str]]:
    """The Lua variables that an `-i` sets, and Python's expression for each; an expression may have commas itself."""
    written, equals, expression = (part.strip() for part in text.partition("="))
    names = written.split(",")
    if not all(name.isidentifier() for name in names) or (equals and not expression):
        raise ValueError("NAME or NAME=EXPRESSION, or several names with commas and no blanks between them")
    pairs = [(name, name) for name in names]
    return [*pairs[:-1], (names[-1], expression)] if equals else pairs


def _outputs(text: str) -> list[tuple[str, str]]:
    """The Python variables that an `-o` sets, and the Lua variable for each."""
    pairs = [(name, lua if equals else name) for name, equals, lua in (one.partition("=") for one in text.split(","))]
    if not all(python.isidentifier() and not keyword.iskeyword(python) and lua for python, lua in pairs):
        raise ValueError("NAME or NAME=LUA_NAME, or several names with commas and no blanks between them")
    return pairs


OPTIONS = (
    Option(
        ("-i", "--input"),
        "Set a Lua variable to a Python value: `-i NAME`, `-i A,B` or `-i NAME=EXPRESSION`, any number of times.",
        "NAME[=EXPR]",
        _inputs,
        repeats=True,
        is_code=True,
    ),
    Option(
        ("-o", "--output"),
        "Set a Python variable to a Lua value when the cell is done: `-o NAME`, `-o A,B` or `-o NAME=LUA_NAME`.",
        "NAME[=LUA]",
        _outputs,
        repeats=True,
    ),
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


def first_word(line: str) -> tuple[str, str]:
    """The first word of a line, and what stands behind it and one blank, which may be a tab; both may be empty."""
    word, *rest = re.split(r"\s", line.strip(), maxsplit=1)
    return word, "".join(rest)


def parse(line: str) -> Options:
    """Read the options that stand behind `%%kosmo_lua`; the Lua is below them.

    Raises:
        UnknownNameError: there is no such option; the message ends in the nearest one.
        SettingsError: a value that is missing or makes no sense, an option given twice, or more than options.
    """
    options, rest = parse_leading(line)
    if rest:
        is_cut = bool(options.given) and options.given[-1].is_code
        hint = " An expression with blanks in it goes into brackets, or with its name into quotes." if is_cut else ""
        raise SettingsError(f"%%{LUA_MAGIC}: `{rest}` is no option. The Lua starts on the next line.{hint}")
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
        if option in options.given and not option.repeats:
            raise SettingsError(f"The option `{flag}` is given twice.")
        options.given.append(option)
        rest = rest[found.end() :].lstrip()
        value: Any = True
        if option.metavar:
            value, rest = _value(option, flag, rest)
        elif equals:
            raise SettingsError(f"The option `{flag}` takes no value.")
        setattr(options, option.field, getattr(options, option.field) + value if option.repeats else value)
    if options.show and options.var is None:
        raise SettingsError("The option `--show` goes with `-v NAME`; without it the value is shown anyway.")
    _check_distinct("Lua", [lua for lua, _ in options.input])
    _check_distinct("Python", [python for python, _ in options.output] + ([options.var] if options.var else []))
    return options, rest


def _unknown(flag: str, flags: Sequence[str]) -> UnknownNameError:
    from kosmo_kernel.catalogue import nearest

    near = nearest(flag, flags, most=1)
    there = "" if near else f" The options are {', '.join(option.flags[-1] for option in OPTIONS)}."
    return UnknownNameError(f"%%{LUA_MAGIC} has no option `{flag}`.{there}", tuple(near))


def _check_distinct(language: str, names: Sequence[str]) -> None:
    """Refuse two values for one variable."""
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice:
        raise SettingsError(f"The {language} variable `{twice}` would be set twice.")


def _value(option: Option, flag: str, text: str) -> tuple[Any, str]:
    """The value of an option from the text after its flag, and the text after that."""
    try:
        if option.is_code and text[:1] not in _QUOTES:
            end = next(_blanks(text), len(text))
            word, rest = text[:end], text[end:].strip()
        else:
            source = StringIO(text)
            reader = shlex.shlex(source, posix=True)
            reader.whitespace_split, reader.commenters = True, ""
            word, rest = reader.get_token() or "", source.read().strip()
    except ValueError:
        raise SettingsError(f"A quote is not closed behind `{flag}`.") from None
    if not word or _FLAG.fullmatch(word):
        raise SettingsError(f"The option `{flag}` needs a value: `{flag} {option.metavar}`.")
    try:
        return option.read(word), rest
    except ValueError as fault:
        raise SettingsError(f"The option `{flag}` takes {fault}, got {word!r}.") from None


def _blanks(code: str) -> Iterator[int]:
    """Where an expression can end: at the blanks outside of its quotes and brackets.

    Raises:
        ValueError: a quote is not closed.
    """
    depth, quote, escaped = 0, "", False
    for place, character in enumerate(code):
        if quote:
            quote = "" if character == quote and not escaped else quote
            escaped = character == "\\" and not escaped
        elif character in _QUOTES:
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character.isspace() and depth <= 0:
            yield place
    if quote:
        raise ValueError(quote)
