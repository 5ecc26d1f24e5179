"""What one cell asks for, and what it shows.

A cell is Lua, below a `%%kosmo_lua` line or `%kosmo` commands or alone, or a question (`name?`). Its values become
MIME bundles: a list of records a table, a page of the reference Markdown, a larger Lua table an outline that
folds, everything else the text that Lua's own `print` would give.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kosmo_kernel.display import Bundle, bundle_of
from kosmo_kernel.docs import Page
from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.kernel.outline import outline
from kosmo_kernel.options import COMMAND_MAGIC, LUA_MAGIC, Options, parse, parse_leading
from kosmo_kernel.records import Record, Records

TEXT_MOST = 1 << 20  # characters of one value's text

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


def read_cell(code: str) -> Cell:
    """Tell what a cell asks for.

    Raises:
        UserError: an option or a magic of its first lines is wrong, or means nothing in a Lua notebook.
    """
    question = code.strip()
    if "\n" not in question and (question.startswith("?") or question.endswith("?")):
        return Cell("", asked=question.strip("? "), detail=int("??" in (question[:2], question[-2:])))
    options, commands, lines = Options(), [], code.split("\n")
    for number, line in enumerate(lines):
        word, _, rest = line.strip().partition(" ")
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
    from kosmo_kernel.catalogue import nearest  # noqa: PLC0415 - only needed once something is wrong

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


def bundles_of(values: list[Any], options: Options, note: str = "") -> list[Bundle]:
    """How the values of a cell are shown: each table by itself, neighbouring plain ones in a line, with tabs.

    Args:
        values: what the cell returned.
        options: `raw` asks for text in place of tables, `limit` for so many rows.
        note: what is to be said below the first table.
    """
    shown: list[Bundle] = []
    words: list[str] = []
    for value in values:
        if hasattr(value, "_repr_mimebundle_"):
            shown += [*_line(words), value._repr_mimebundle_()]
        elif isinstance(value, (Page, dict, list, Records)):
            bundle = _cut(bundle_of(value, rows=options.limit, raw=options.raw, note=note))
            note = "" if isinstance(value, Records) else note
            shown += [*_line(words), bundle if options.raw else folding(bundle, value)]
        else:
            words.append(lua_text(value))
            continue
        words = []
    return shown + _line(words)


def folding(bundle: Bundle, value: Any) -> Bundle:
    """A bundle with an outline for those who can fold one, where there is only text so far and much in the value."""
    if isinstance(value, (Record, Records)) or bundle.keys() != {"text/plain"}:
        return bundle
    folded = outline(value)
    return bundle | {"text/html": folded} if folded else bundle


def _cut(bundle: Bundle) -> Bundle:
    """A bundle whose text is no longer than a notebook bears, with a note where it was."""
    text = bundle["text/plain"]
    if len(text) <= TEXT_MOST:
        return bundle
    note = f"\n… the text is cut here: {len(text):,} characters in all; the value has them"
    return bundle | {"text/plain": text[:TEXT_MOST] + note}


def _line(words: list[str]) -> list[Bundle]:
    return [{"text/plain": "\t".join(words)}] if words else []


def lua_text(value: Any) -> str:
    """A value as Lua's `print` shows it."""
    return str(_cut(bundle_of(value, raw=True))["text/plain"])
