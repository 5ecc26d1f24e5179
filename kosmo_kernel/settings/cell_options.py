"""Parse the options of a cell, in Python notebooks and in Lua notebooks.

`%%kosmo_lua [options]` is the first line of a cell: in a Python notebook it is a magic, in a Lua notebook it may be
left out. `OPTIONS` has the options, also for help and completion. Nothing here depends on IPython: a mistake is an
error of this package, one line long, that ends in the nearest option.

Only the options before the Lua are parsed. They are split into words as a shell does, except that a Python expression
keeps its own quotes and brackets. The Lua after them is not changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.settings.table import ACCOUNT, DEMO_FLAG, FRESH, INPUT, SETTINGS, SHOW, UNREAD, VAR, Setting
from kosmo_kernel.text import lazy_pattern, nearest

LUA_MAGIC = "kosmo_lua"
COMMAND_MAGIC = "kosmo"
OPTIONS = tuple(setting for setting in SETTINGS if setting.cell)
CHECK_OPTIONS = (INPUT, ACCOUNT, DEMO_FLAG, VAR, UNREAD, SHOW, FRESH)  # of `%kosmo check` and `%kosmo table`
EXPLORE_OPTIONS = (ACCOUNT, DEMO_FLAG)  # of `%kosmo explore`

# A minus sign before a digit, a bracket or a space is arithmetic, and `--[[` is a comment.
_FLAG = lazy_pattern(r"(--?[A-Za-z][\w-]*)(=?)")
_QUOTES = ("'", '"')


class Options(SimpleNamespace):
    """The options of a run, and of the display of its values: those of a cell or a command, and those of a door.

    Those of cells and commands are attributes of their names in the table of settings. One that is not set is False if
    it is a flag, an empty list if it can be repeated, and otherwise None. A run uses `account`, `timeout`,
    `memory_limit` and `cpu_limit`, of which those that are not set are the session's, `fresh`, with which tables ask
    again, and `dry_run`, which checks calls and lists them in `Result.planned`, but does not make them, so that they
    return empty lists and records. Variables that a dry run sets exist in the next dry run only.

    Parameters:
        name: the name of the chunk in error messages: `In[3]`, `audit.lua`.
        args: the values of the chunk's `...`.
        force: call tools that may change something without asking; all other checks still apply.
        inputs: values for Lua's globals, set before the chunk runs; see `values.from_python.lua_value`.
        outputs: Lua variables to read after it into `Result.outputs`.
        now: the time of the data, `time.now()`; that of the session when None, see `Session.time_of_data`.
        number: the number of the cell, whose value becomes `_` and `Out[number]`.
        ask_again: what a user writes in the language of the run so that a table is read anew.
        warns: warn about mistakes in the chunk that Lua does not report. A shipped question has none.
        isolated: the chunk sees the library as it was before any run and its inputs, and leaves no variables.
        reading: the `archive.store.Reading` of a question, by which its calls read; None for a script.
        later: the number of requests that other runs will need after this one, for the estimate in its progress.
        options: the options of a cell or a command, by name.
    """

    _not_set: Mapping[str, Any] = {
        setting.name: [] if setting.value.repeats else None if setting.value.metavar else False
        for setting in (*SETTINGS, DEMO_FLAG, UNREAD)
        if setting.cell or setting.command
    }
    __slots__ = ("options_set",)  # those that were written, in order, which does not matter when options are compared

    def __init__(
        self,
        name: str = "Lua",
        args: Sequence[str] = (),
        *,
        force: bool = False,
        inputs: Mapping[str, Any] | None = None,
        outputs: Sequence[str] = (),
        now: datetime | None = None,
        number: int | None = None,
        later: int = 0,
        warns: bool = True,
        isolated: bool = False,
        ask_again: str = "`fresh = true`",
        reading: Any = None,
        **options: Any,
    ) -> None:
        if unknown := options.keys() - self._not_set:
            raise TypeError(f"there is no option {', '.join(unknown)}")
        super().__init__(**{**self._not_set, **options})
        self.name, self.args, self.force = name, args, force
        self.inputs, self.outputs = inputs or {}, outputs
        self.now, self.number, self.later, self.warns, self.isolated = now, number, later, warns, isolated
        self.ask_again, self.reading = ask_again, reading
        self.options_set: list[Setting] = []

    def changed(self, **values: Any) -> Options:
        """Return these options with others in place of some of them."""
        return Options(**{**vars(self), **values})

    def names_item(self, item: str) -> bool:
        """Return whether an argument of the script or an input is this text."""
        return item in self.args or any(isinstance(value, str) and value == item for value in self.inputs.values())


NO_OPTIONS = Options()


def first_word(line: str) -> tuple[str, str]:
    """Split a line into its first word and the text after one space or tab; both may be empty."""
    word, *rest = re.split(r"\s", line.strip(), maxsplit=1)
    return word, "".join(rest)


def parse(line: str) -> Options:
    """Parse a line that has only options, after `%%kosmo_lua`.

    Raises:
        UnknownNameError: there is no such option; the message ends in the nearest one.
        SettingsError: a value is missing or invalid, an option is given twice, or other text follows the options.
    """
    options, rest = parse_leading(line)
    if rest:
        is_cut = bool(options.options_set) and options.options_set[-1].value.is_code
        hint = " An expression with blanks in it goes into brackets, or with its name into quotes." if is_cut else ""
        raise SettingsError(f"%%{LUA_MAGIC}: `{rest}` is no option. The Lua starts on the next line.{hint}")
    return options


def parse_leading(
    line: str, magic: str = f"%%{LUA_MAGIC}", available: Sequence[Setting] = OPTIONS
) -> tuple[Options, str]:
    """Parse the options at the start of a line; return them and the unchanged rest of the line.

    Parameters:
        line: the line.
        magic: what the options belong to, for error messages.
        available: the options that it has.

    Raises:
        UnknownNameError, SettingsError: as `parse`.
    """
    by_flag = {flag: option for option in available for flag in option.cell}
    options = Options()
    rest = line.strip()
    while match := _FLAG.match(rest):
        flag, equals = match.groups()
        option = by_flag.get(flag)
        if option is None:
            raise _unknown(flag, magic, available)
        repeats = option.value.repeats
        if option in options.options_set and not repeats:
            raise SettingsError(f"The option `{flag}` is given twice.")
        options.options_set.append(option)
        rest = rest[match.end() :].lstrip()
        value: Any = True
        if option.value.metavar:
            value, rest = _value(option, flag, rest)
        elif equals:
            raise SettingsError(f"The option `{flag}` takes no value.")
        setattr(options, option.name, getattr(options, option.name) + value if repeats else value)
    if options.show and options.var is None:
        raise SettingsError("The option `--show` goes with `-v NAME`; without it the value is shown anyway.")
    _check_distinct("Lua", [lua for lua, _ in options.input])
    _check_distinct("Python", [*(python for python, _ in options.output), *filter(None, (options.var, options.unread))])
    return options, rest


def _unknown(flag: str, magic: str, available: Sequence[Setting]) -> UnknownNameError:
    near = nearest(flag, [flag for option in available for flag in option.cell], most=1)
    hint = "" if near else f" The options are {', '.join(option.cell[-1] for option in available)}."
    return UnknownNameError(f"{magic} has no option `{flag}`.{hint}", tuple(near))


def _check_distinct(language: str, names: Sequence[str]) -> None:
    """Check that no variable is set twice."""
    duplicate = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if duplicate:
        raise SettingsError(f"The {language} variable `{duplicate}` would be set twice.")


def _value(option: Setting, flag: str, text: str) -> tuple[Any, str]:
    """Return the value of an option, from the text after its flag, and the remaining text."""
    try:
        if option.value.is_code and text[:1] not in _QUOTES:
            end = next(expression_ends(text), len(text))
            word, rest = text[:end], text[end:].strip()
        else:
            import shlex
            from io import StringIO

            source = StringIO(text)
            reader = shlex.shlex(source, posix=True)
            reader.whitespace_split, reader.commenters = True, ""
            word, rest = reader.get_token() or "", source.read().strip()
    except ValueError:
        raise SettingsError(f"A quote is not closed behind `{flag}`.") from None
    if not word or _FLAG.fullmatch(word):
        raise SettingsError(f"The option `{flag}` needs a value: `{flag} {option.value.metavar}`.")
    try:
        return option.value.parse(word), rest
    except ValueError as error:
        raise SettingsError(f"The option `{flag}` takes {error}, got {word!r}.") from None


def expression_ends(code: str) -> Iterator[int]:
    """Yield where an expression can end: at white space outside of its quotes and brackets.

    Raises:
        ValueError: a quote is not closed.
    """
    depth, quote, escaped = 0, "", False
    for index, character in enumerate(code):
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
            yield index
    if quote:
        raise ValueError(quote)
