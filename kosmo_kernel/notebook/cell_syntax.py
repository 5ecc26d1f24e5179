"""Parse the cells of a Lua notebook, the input of the command line's prompt, and what follows a `%kosmo` command.

A cell is Lua, optionally below a `%%kosmo_lua` line or `%kosmo` commands, or it is a help request (`name?`).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from kosmo_kernel.accounts import DEMO
from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC, LUA_MAGIC, Options, first_word, parse, parse_leading
from kosmo_kernel.settings.table import Setting

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
        whole = f"%{COMMAND_MAGIC} {command} {name}"
        raise SettingsError(f"`{whole}` takes options only, got `{more[:80]}`. Each {command} has a line of its own.")
    if options.demo and options.account is not None:
        raise SettingsError("`--demo` and `--account` both name an account.")
    if options.demo:
        options.account = DEMO
    return name, options
