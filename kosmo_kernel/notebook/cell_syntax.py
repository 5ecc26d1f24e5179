"""What a cell of Lua asks for, in a Lua notebook and at the prompt of the command line.

It is Lua, below a `%%kosmo_lua` line or `%kosmo` commands or alone; or a question (`name?`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC, LUA_MAGIC, Options, first_word, parse, parse_leading

_PYTHON_ONLY = ("input", "output", "var", "show")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell, read.

    Parameters:
        lua: what Lua runs; a line that is not Lua is left empty, so that line numbers are the cell's.
        options: of its `%%kosmo_lua` line.
        commands: what stands behind `%kosmo` on the lines in front of the Lua.
        asked: the name whose documentation is asked for instead, or empty.
        detail: 1 for `name??`, which asks for the source as well.
    """

    lua: str
    options: Options = field(default_factory=Options)
    commands: tuple[str, ...] = ()
    asked: str = ""
    detail: int = 0


def parse_cell(code: str) -> Cell:
    """Tell what a cell asks for.

    Raises:
        UserError: an option or a magic of its first lines is wrong, or means nothing in a Lua notebook.
    """
    question = code.strip()
    if "\n" not in question and (question.startswith("?") or (question.endswith("?") and "--" not in question)):
        return Cell("", asked=question.strip("? "), detail=int("??" in (question[:2], question[-2:])))
    options, commands, lines = Options(), [], code.split("\n")
    for number, line in enumerate(lines):
        word, rest = first_word(line)
        if word == f"%%{LUA_MAGIC}":
            options, lines[number] = _honoured(parse(rest)), ""
        elif word == f"%{LUA_MAGIC}":
            options, lines[number] = parse_leading(rest)
            _honoured(options)
        elif word == f"%{COMMAND_MAGIC}":
            commands.append(rest)
            lines[number] = ""
        elif word.startswith("%"):  # which starts nothing in Lua
            raise _foreign(word)
        elif word:
            break
    return Cell("\n".join(lines), options, tuple(commands))


def _foreign(magic: str) -> UnknownNameError:
    """The error for a magic of IPython's, or a misspelt one of ours."""
    from kosmo_kernel.catalogue import nearest

    known = [f"%%{LUA_MAGIC}", f"%{LUA_MAGIC}", f"%{COMMAND_MAGIC}"]
    near = nearest(magic, known, most=1)
    there = "" if near else f" It has {', '.join(f'`{name}`' for name in known)}, and needs nothing loaded."
    return UnknownNameError(f"A Lua notebook has no `{magic}`.{there}", tuple(near))


def _honoured(options: Options) -> Options:
    """The options, where none of them is about Python variables.

    Raises:
        SettingsError: one is.
    """
    for option in options.given:
        if option.field in _PYTHON_ONLY:
            raise SettingsError(
                f"`{option.flags[0]}` is about Python variables, and a Lua notebook has none. "
                "Its Lua variables live on from cell to cell by themselves."
            )
    return options
