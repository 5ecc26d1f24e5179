"""Find what the cursor is on in a notebook cell: Lua, the options of `%%kosmo_lua`, or a `%kosmo` line.

Lua and Python notebooks share this code and differ only in a cell without a magic: in a Lua notebook it is Lua, in
a Python notebook it is left to the Python kernel. Text that is not Lua is replaced by blanks, so that positions in
the Lua are positions in the cell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from kosmo_kernel import accounts, docs, integrations
from kosmo_kernel.editor.completion import Completion, Match, complete, filter_matches, pages
from kosmo_kernel.editor.inspection import inspect
from kosmo_kernel.editor.resolver import LiveState, LiveStateCache
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.notebook.commands import COMMANDS
from kosmo_kernel.questions.discovery import check_names, tables_by_service
from kosmo_kernel.safety.markup import markdown_of_package
from kosmo_kernel.settings.cell_options import (
    CHECK_OPTIONS,
    COMMAND_MAGIC,
    EXPLORE_OPTIONS,
    LUA_MAGIC,
    OPTIONS,
    first_word,
)
from kosmo_kernel.settings.table import Setting

CELL, LINE, COMMAND = f"%%{LUA_MAGIC}", f"%{LUA_MAGIC}", f"%{COMMAND_MAGIC}"
STACKED = ("%%capture", "%%prun", "%%time", "%%timeit")  # magics whose cell can start with another magic
_QUOTES = ("'", '"')
_OPTIONS_AFTER = {"[CHECK]": CHECK_OPTIONS, "[TABLE]": CHECK_OPTIONS, "[FUNCTION]": EXPLORE_OPTIONS}

Kind = Literal["lua", "options", "command", "magic"]


@dataclass(frozen=True, slots=True)
class LuaCursor:
    """The position of the cursor in a cell."""

    kind: Kind  # what the cursor is on
    text: str  # the cell; for Lua with blanks in place of everything else
    begin: int  # where that kind begins, in characters of the text
    cursor: int  # the position, in characters of the text
    account: str = ""  # the account that the options of the cell name, or empty

    def complete(self, live: LiveState | None, variables: Collection[str] = ()) -> Completion:
        """Return the completions at the cursor.

        Parameters:
            live: as for `completion.complete`.
            variables: the names of the Python variables, if any.
        """
        before = self.text[self.begin : self.cursor]
        if self.kind == "lua":
            return complete(self.text, self.cursor, live, self.account)
        if self.kind == "options":
            matches, prefix = _complete_options(before, live, variables)
        elif self.kind == "command":
            matches, prefix = _complete_command(before, live, variables)
        else:
            matches, prefix = (Match(name, "keyword") for name in (CELL, LINE, COMMAND)), before.lstrip()
        return Completion(filter_matches(matches, prefix), self.cursor - len(prefix), self.cursor)

    def inspect(self, live: LiveState | None, detail: int = 0) -> docs.Page | None:
        """Return the documentation of what is at the cursor, or None; `live` and `detail` are as for `inspect`."""
        if self.kind == "lua":
            return inspect(self.text, self.cursor, live, detail)
        line = self.text[self.begin :].partition("\n")[0]
        word = next(
            (part for start, part in _words(line) if start <= self.cursor - self.begin <= start + len(part)), ""
        )
        if self.kind == "options":
            option = _option(word)
            return _term_page(" ".join([", ".join(option.cell), option.value.metavar]), option.doc) if option else None
        return _inspect_command(line, word) if self.kind == "command" else None


def lua_at_cursor(cell: str, cursor: int, *, lua: bool = False) -> LuaCursor | None:
    """Return what the cursor is on in a cell.

    Parameters:
        cell: its whole text.
        cursor: the number of characters before the cursor.
        lua: whether a cell without a magic is Lua.

    Returns:
        None if the cell, or this position in it, is neither Lua nor one of our magics.
    """
    body = _body(cell, lua=lua)
    if body is None:
        return None
    if cursor >= body:
        heads = (first_word(line) for line in cell[:body].split("\n"))
        account = next((_account(rest) for word, rest in heads if word in (CELL, LINE)), "")
        return LuaCursor("lua", _blanked(cell, body), body, cursor, account)
    start = cell.rfind("\n", 0, cursor) + 1
    line = cell[start:].partition("\n")[0]
    magic = line.find("%")
    before = line[:magic].strip()
    if magic >= 0 and (not before or (before.endswith("=") and not lua)):
        return _on_magic_line(cell, start + magic, start + len(line), cursor, lua=lua)
    return LuaCursor("lua", " " * cursor, cursor, cursor) if lua else None


def _body(cell: str, *, lua: bool) -> int | None:
    """Return where the Lua of a cell begins: beyond its end if it has none, None if the cell has another magic."""
    start = 0
    for line in cell.split("\n"):
        word = first_word(line)[0]
        if word == CELL and not lua:
            return start + len(line) + 1
        if word and not (word.startswith("%") if lua else word in STACKED):
            if word.startswith("%%"):
                return None
            return start if lua else len(cell) + 1
        start += len(line) + 1
    return len(cell) + 1


def _on_magic_line(cell: str, start: int, end: int, cursor: int, *, lua: bool) -> LuaCursor | None:
    """Return what the cursor is on in a line that has a magic from `start` to `end`."""
    word = first_word(cell[start:end])[0]
    begin = start + len(word)
    if cursor <= begin:
        return LuaCursor("magic", cell, start, cursor) if lua else None
    if word == COMMAND:
        return LuaCursor("command", cell, begin, cursor)
    if word == CELL:
        return LuaCursor("options", cell, begin, cursor)
    if word != LINE:
        return None
    words = _parts(cell[begin:end])
    begin_of_lua = begin + next((at for at, _, option, pending in words if not (option or pending)), end - begin)
    if cursor < begin_of_lua or cell[begin_of_lua:cursor].startswith("-"):
        return LuaCursor("options", cell, begin, cursor)
    account = _account(cell[begin:begin_of_lua])
    return LuaCursor("lua", _blanked(cell[:end], begin_of_lua), begin_of_lua, cursor, account)


def _blanked(text: str, end: int) -> str:
    """Return a text with blanks up to a position and its line breaks kept."""
    return "\n".join(" " * len(line) for line in text[:end].split("\n")) + text[end:]


# Options


def _words(line: str) -> Iterator[tuple[int, str]]:
    """Yield the words of a line and their positions; quotes and open brackets keep blanks within a word."""
    start, quote, depth = None, "", 0
    for index, character in enumerate(f"{line} "):
        if start is None:
            start = None if character.isspace() else index
        elif character.isspace() and ((not quote and depth <= 0) or index == len(line)):
            yield start, line[start:index]
            start, quote, depth = None, "", 0
        if start is not None and character in _QUOTES and quote in ("", character):
            quote = "" if quote else character
        if not quote:
            depth += (character in "([{") - (character in ")]}")


def _option(word: str) -> Setting | None:
    """Return the option that a word is, or starts with as in `--limit=3`."""
    flag = word.partition("=")[0]
    return next((option for option in OPTIONS if flag in option.cell), None)


def _parts(line: str) -> Iterator[tuple[int, str, Setting | None, Setting | None]]:
    """Yield the words of a line: position, word, the option that it is, and the option whose value it is."""
    pending: Setting | None = None
    for start, word in _words(line):
        option = None if pending else _option(word)
        yield start, word, option, pending
        pending = option if option and option.value.metavar and "=" not in word else None


def _account(line: str) -> str:
    """Return the account that the options on a line name, or an empty string."""
    for _, word, option, pending in _parts(line):
        _, is_set, value = word.partition("=")
        if pending and "-a" in pending.cell:
            return word
        if is_set and option and "-a" in option.cell:
            return value
    return ""


def _complete_options(
    before: str, live: LiveState | None, variables: Collection[str], options: Collection[Setting] = OPTIONS
) -> tuple[Iterable[Match], str]:
    """Return what can follow the options before the cursor, and the prefix of it that is typed."""
    *complete, (_, prefix, _, pending) = _parts(f"{before}|")  # the cursor belongs to the word that is typed
    prefix, present = prefix[:-1], [option for _, _, option, _ in complete if option]
    if pending is None and "=" in prefix:
        pending, prefix = _option(prefix), prefix.partition("=")[2]
    if pending is not None:
        return _values(pending, prefix, live, variables)
    if prefix and not prefix.startswith("-"):
        return (), prefix
    free = (option for option in options if option.value.repeats or option not in present)
    return (Match(flag, "param", option.doc) for option in free for flag in reversed(option.cell)), prefix


def _values(
    option: Setting, text: str, live: LiveState | None, variables: Collection[str]
) -> tuple[Iterable[Match], str]:
    """Return the possible values of an option, if known, and the prefix of one that is typed."""
    last_name = re.split(r"\W", text)[-1]
    match option.cell[0]:
        case "-a":
            return (Match(alias, "module") for i in integrations.loaded() for alias in accounts.names(i)), text
        case "-v" | "-i" as flag:
            return (Match(name, "instance") for name in sorted(variables)), text if flag == "-v" else last_name
        case "-o":
            names = complete(last_name, len(last_name), live).matches
            return (match for match in names if match.type != "keyword"), last_name
    return (), text


def _term_page(head: str, doc: str) -> docs.Page:
    return docs.Page(markdown_of_package(f"**`{head.strip()}`**: {doc}"))


# Commands


def _complete_command(before: str, live: LiveState | None, variables: Collection[str]) -> tuple[Iterable[Match], str]:
    """Return what can follow on a `%kosmo` line, and the prefix of it that is typed."""
    name = first_word(before)[0]
    typed = before.lstrip()[len(name) :]
    if not typed:
        return (Match(command.name, "keyword", command.doc) for command in COMMANDS), name
    argument = next((command.usage.partition(" ")[2] for command in COMMANDS if command.name == name), "")
    typed = typed.lstrip()
    globals_ = dict(LiveStateCache(live).names(()))
    if " " in typed and argument in _OPTIONS_AFTER:
        return _complete_options(typed.partition(" ")[2], live, variables or globals_, _OPTIONS_AFTER[argument])
    matches: Iterable[Match] = ()
    match argument:
        case "[CHECK]":
            matches = (Match(check, "keyword") for check in check_names())
        case "[TABLE]":
            matches = (Match(table, "keyword") for table in chain.from_iterable(tables_by_service().values()))
        case "[PAGE]":
            matches = pages()
        case "[FUNCTION]":
            matches = (page for page in pages() if "." in page.text)
        case (
            "NAME"
        ):  # of a variable: those of Python, and the user's tables in Lua, of which there are none while it runs
            own = globals_.keys() - dict(LiveStateCache(None).names(()))
            tables = (name for name, kind in globals_.items() if kind == "table" and name in own)
            matches = (Match(variable, "instance") for variable in (*sorted(variables), *tables))
    return matches, typed


def _inspect_command(line: str, word: str) -> docs.Page | None:
    """Return the documentation of a word on a `%kosmo` line: the command, or the page that it names."""
    name = first_word(line)[0]
    command = next((command for command in COMMANDS if command.name == name), None)
    if command is None:
        return None
    if word != name and "PAGE" in command.usage:
        try:
            return docs.read(word)
        except KosmoError:  # the page's name is still being typed
            return None
    return _term_page(f"{COMMAND} {command.usage}", command.doc)
