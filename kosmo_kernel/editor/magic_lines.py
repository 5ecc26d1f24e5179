"""Find what the cursor is on in a notebook cell: Lua, the options of `%%kosmo_lua`, or a `%kosmo` line.

Lua and Python notebooks share this code and differ only in a cell without a magic: in a Lua notebook it is Lua, in
a Python notebook it is left to the Python kernel. Text that is not Lua is replaced by blanks, so that positions in
the Lua are positions in the cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
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
    expression_ends,
    first_word,
)
from kosmo_kernel.settings.table import ACCOUNT, Setting
from kosmo_kernel.text import lazy_pattern

CELL, LINE, COMMAND = f"%%{LUA_MAGIC}", f"%{LUA_MAGIC}", f"%{COMMAND_MAGIC}"
STACKED = ("%%capture", "%%prun", "%%time", "%%timeit")  # magics whose cell can start with another magic
_MAGIC = lazy_pattern(r"((?:[^%]*=)?\s*)(%\S*)")  # of a line, after the Python variable that takes its value
_ARGUMENTS: dict[str, Callable[[], Iterable[Match]]] = {
    "[CHECK]": lambda: (Match(check, "keyword") for check in check_names()),
    "[TABLE]": lambda: (Match(table, "keyword") for table in chain.from_iterable(tables_by_service().values())),
    "[PAGE]": pages,
    "[FUNCTION]": lambda: (page for page in pages() if "." in page.text),
}
_OPTIONS_AFTER = {"[CHECK]": CHECK_OPTIONS, "[TABLE]": CHECK_OPTIONS, "[FUNCTION]": EXPLORE_OPTIONS}

Kind = Literal["lua", "options", "command", "magic"]
Matches = tuple[Iterable[Match], str]  # what can stand at the cursor, and what of it is typed


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
        match self.kind:
            case "lua":
                return complete(self.text, self.cursor, live, self.account)
            case "options":
                matches, prefix = _complete_options(before, live, variables)
            case "command":
                matches, prefix = _complete_command(before, live, variables)
            case "magic":
                matches, prefix = (Match(name, "keyword") for name in (CELL, LINE, COMMAND)), before.lstrip()
        return Completion(filter_matches(matches, prefix), self.cursor - len(prefix), self.cursor)

    def inspect(self, live: LiveState | None, detail: int = 0) -> docs.Page | None:
        """Return the documentation of what is at the cursor, or None; `live` and `detail` are as for `inspect`."""
        if self.kind == "lua":
            return inspect(self.text, self.cursor, live, detail)
        line = self.text[self.begin :].partition("\n")[0]
        at = self.cursor - self.begin
        word = next((word for start, word in _words(line) if start <= at <= start + len(word)), "")
        if self.kind == "options":
            option = _option(word)
            return _page([", ".join(option.cell), option.value.metavar], option.doc) if option else None
        command = next((command for command in COMMANDS if command.name == first_word(line)[0]), None)
        if self.kind == "magic" or command is None:
            return None
        if word == command.name or "PAGE" not in command.usage:
            return _page([COMMAND, command.usage], command.doc)
        try:
            return docs.read(word)
        except KosmoError:  # the page's name is still being typed
            return None


def _page(words: Iterable[str], doc: str) -> docs.Page:
    return docs.Page(markdown_of_package(f"**`{' '.join(words).strip()}`**: {doc}"))


def lua_at_cursor(cell: str, cursor: int, *, lua: bool = False) -> LuaCursor | None:
    """Return what the cursor is on in a cell.

    Parameters:
        cell: its whole text.
        cursor: the number of characters before the cursor.
        lua: whether a cell without a magic is Lua.

    Returns:
        None if the cell, or this position in it, is neither Lua nor one of our magics.
    """
    start_of_lua = _find_lua(cell, lua=lua)
    if start_of_lua is None:
        return None
    body, account = start_of_lua
    if cursor >= body:
        return LuaCursor("lua", _blanked(cell, body), body, cursor, account)
    start = cell.rfind("\n", 0, cursor) + 1
    line = cell[start:].partition("\n")[0]
    match = _MAGIC.match(line)
    if match is None or (lua and match[1].strip()):
        return LuaCursor("lua", " " * cursor, cursor, cursor) if lua else None
    begin, options = start + match.end(), line[match.end() :]
    if cursor <= begin:
        return LuaCursor("magic", cell, start + match.start(2), cursor) if lua else None
    if match[2] == LINE:
        body = begin + next((at for at, option, _ in _parts(options) if option is None), len(options))
        if cursor >= body and not cell[body:cursor].startswith("-"):
            text = _blanked(cell[: start + len(line)], body)
            return LuaCursor("lua", text, body, cursor, _account(cell[begin:body]))
    kinds: dict[str, Kind] = {CELL: "options", LINE: "options", COMMAND: "command"}
    return LuaCursor(kinds[match[2]], cell, begin, cursor) if match[2] in kinds else None


def _find_lua(cell: str, *, lua: bool) -> tuple[int, str] | None:
    """Return where the Lua of a cell begins and the account that its options name; None if it has another magic.

    A cell without Lua has it beyond its end.
    """
    start, account = 0, ""
    for line in cell.split("\n"):
        word, rest = first_word(line)
        account = account or (_account(rest) if word in (CELL, LINE) else "")
        if word == CELL and not lua:
            return start + len(line) + 1, account
        if word and not (word.startswith("%") if lua else word in STACKED):
            is_other = word.startswith("%%")
            return None if is_other else (start if lua else len(cell) + 1, account)
        start += len(line) + 1
    return start, account


def _blanked(text: str, end: int) -> str:
    """Return a text with blanks up to a position and its line breaks kept."""
    return "\n".join(" " * len(line) for line in text[:end].split("\n")) + text[end:]


# Options


def _words(line: str) -> Iterator[tuple[int, str]]:
    """Yield the words of a line and their positions; quotes and open brackets keep blanks within a word."""
    start = 0
    with suppress(ValueError):  # a quote is not closed
        for end in expression_ends(line):
            if start < end:
                yield start, line[start:end]
            start = end + 1
    if start < len(line):
        yield start, line[start:]


def _option(word: str) -> Setting | None:
    """Return the option that a word is, or starts with as in `--limit=3`."""
    flag = word.partition("=")[0]
    return next((option for option in OPTIONS if flag in option.cell), None)


def _parts(line: str) -> Iterator[tuple[int, Setting | None, str]]:
    """Yield the position of each word of a line, the option that it is or is the value of, and that value."""
    pending: Setting | None = None
    for start, word in _words(line):
        option, (_, is_set, value) = _option(word), word.partition("=")
        if pending or option is None:
            yield start, pending, word
            pending = None
        else:
            yield start, option, value
            pending = option if option.value.metavar and not is_set else None


def _account(line: str) -> str:
    """Return the account that the options on a line name, or an empty string."""
    return next((value for _, option, value in _parts(line) if option is ACCOUNT and value), "")


def _complete_options(
    before: str, live: LiveState | None, variables: Collection[str], options: Collection[Setting] = OPTIONS
) -> Matches:
    """Return what can follow the options before the cursor."""
    *complete, (_, option, prefix) = _parts(f"{before}|")  # the cursor belongs to the word that is typed
    prefix = prefix[:-1]
    if option is not None:
        return _complete_value(option, prefix, live, variables)
    if prefix and not prefix.startswith("-"):
        return (), prefix
    present = {option.name for _, option, _ in complete if option and not option.value.repeats}
    free = (option for option in options if option.name not in present)
    return (Match(flag, "param", option.doc) for option in free for flag in reversed(option.cell)), prefix


def _complete_value(option: Setting, text: str, live: LiveState | None, variables: Collection[str]) -> Matches:
    """Return the possible values of an option, if known."""
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


# Commands


def _complete_command(before: str, live: LiveState | None, variables: Collection[str]) -> Matches:
    """Return what can follow on a `%kosmo` line."""
    name = first_word(before)[0]
    typed = before.lstrip()[len(name) :]
    if not typed:
        return (Match(command.name, "keyword", command.doc) for command in COMMANDS), name
    argument = next((command.usage.partition(" ")[2] for command in COMMANDS if command.name == name), "")
    typed = typed.lstrip()
    of_lua = dict(LiveStateCache(live).names(()))
    if " " in typed and argument in _OPTIONS_AFTER:
        return _complete_options(typed.partition(" ")[2], live, variables or of_lua, _OPTIONS_AFTER[argument])
    if argument == "NAME":  # of a variable: those of Python, and the user's tables in Lua, of which a busy one has none
        own = of_lua.keys() - dict(LiveStateCache(None).names(()))
        tables = (name for name, kind in of_lua.items() if kind == "table" and name in own)
        return (Match(variable, "instance") for variable in (*sorted(variables), *tables)), typed
    return _ARGUMENTS.get(argument, tuple)(), typed
