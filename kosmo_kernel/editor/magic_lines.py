"""Where in a notebook's cell the cursor is: in Lua, among the options of `%%kosmo_lua`, in a `%kosmo` line.

Both notebooks ask here, and what differs is only what a cell is without a magic: Lua in a Lua notebook,
somebody else's in a Python notebook. What is not Lua is blanked, so that places in the Lua are places in the cell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from kosmo_kernel import accounts, docs, integrations
from kosmo_kernel.editor.completion import Completion, Match, complete, fitting, pages
from kosmo_kernel.editor.inspection import inspect
from kosmo_kernel.editor.live import LiveState, LiveStateCache
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.notebook.commands import COMMANDS
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC, LUA_MAGIC, OPTIONS, Option, first_word

CELL, LINE, COMMAND = f"%%{LUA_MAGIC}", f"%{LUA_MAGIC}", f"%{COMMAND_MAGIC}"
STACKED = ("%%capture", "%%prun", "%%time", "%%timeit")  # magics whose cell may begin with another one
_QUOTES = ("'", '"')

Kind = Literal["lua", "options", "command", "magic"]


@dataclass(frozen=True, slots=True)
class LuaCursor:
    """A place in a cell.

    Parameters:
        kind: what stands there.
        text: the cell, with blanks in place of all that is not of this kind.
        begin: where on its line that kind begins, in characters of the text.
        cursor: the place.
    """

    kind: Kind
    text: str
    begin: int
    cursor: int

    def complete(self, live: LiveState | None, variables: Collection[str] = ()) -> Completion:
        """What can stand there.

        Args:
            live: the Lua state; None where nothing has run.
            variables: the names of Python's variables, where there are any.
        """
        before = self.text[self.begin : self.cursor]
        if self.kind == "lua":
            return complete(self.text, self.cursor, live)
        if self.kind == "options":
            found, prefix = _of_options(before, live, variables)
        elif self.kind == "command":
            found, prefix = _of_command(before, live, variables)
        else:
            found, prefix = (Match(name, "keyword") for name in (CELL, LINE, COMMAND)), before.lstrip()
        return Completion(fitting(found, prefix), self.cursor - len(prefix), self.cursor)

    def inspect(self, live: LiveState | None, detail: int = 0) -> docs.Page | None:
        """What is known of what stands there; None when nothing is.

        Args:
            live: the Lua state; None where nothing has run.
            detail: 1 asks for the source of the user's own functions as well.
        """
        if self.kind == "lua":
            return inspect(self.text, self.cursor, live, detail)
        line = self.text[self.begin :].partition("\n")[0]
        under = next((w for start, w in _words(line) if start <= self.cursor - self.begin <= start + len(w)), "")
        if self.kind == "options":
            option = _option(under)
            return _described(" ".join([", ".join(option.flags), option.metavar]), option.doc) if option else None
        return _of_page(line, under) if self.kind == "command" else None


def lua_at_cursor(cell: str, cursor: int, *, lua: bool = False) -> LuaCursor | None:
    """Where in a cell the cursor is.

    Args:
        cell: its whole text.
        cursor: the number of characters in front of the cursor.
        lua: whether a cell without a magic is Lua.

    Returns:
        None where the cell, or this place in it, is not ours.
    """
    body = _body(cell, lua=lua)
    if body is None:
        return None
    if cursor >= body:
        return LuaCursor("lua", _blanked(cell, body), body, cursor)
    start = cell.rfind("\n", 0, cursor) + 1
    line = cell[start:].partition("\n")[0]
    magic = line.find("%")
    before = line[:magic].strip()
    if magic >= 0 and (not before or (before.endswith("=") and not lua)):
        return _behind(cell, start + magic, start + len(line), cursor, lua=lua)
    return LuaCursor("lua", " " * cursor, cursor, cursor) if lua else None


def _body(cell: str, *, lua: bool) -> int | None:
    """Where the Lua of a cell begins, beyond its end where it has none; None in a cell of somebody else's."""
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


def _behind(cell: str, start: int, end: int, cursor: int, *, lua: bool) -> LuaCursor | None:
    """A place on a line with a magic that starts and ends there."""
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
    begin_of_lua = begin + _length_of_options(cell[begin:end])
    if cursor < begin_of_lua or cell[begin_of_lua:cursor].startswith("-"):
        return LuaCursor("options", cell, begin, cursor)
    return LuaCursor("lua", _blanked(cell[:end], begin_of_lua), begin_of_lua, cursor)


def _blanked(text: str, end: int) -> str:
    """A text with blanks up to a place, its lines left as they are."""
    return "\n".join(" " * len(line) for line in text[:end].split("\n")) + text[end:]


# Options


def _words(line: str) -> Iterator[tuple[int, str]]:
    """The words of a line and where they start; a quote or an open bracket keeps blanks in a word."""
    start, quote, depth = None, "", 0
    for place, character in enumerate(f"{line} "):
        if start is None:
            start = None if character.isspace() else place
        elif character.isspace() and ((not quote and depth <= 0) or place == len(line)):
            yield start, line[start:place]
            start, quote, depth = None, "", 0
        if start is not None and character in _QUOTES and quote in ("", character):
            quote = "" if quote else character
        if not quote:
            depth += (character in "([{") - (character in ")]}")


def _option(word: str) -> Option | None:
    """The option that a word is, or starts with as in `--limit=3`."""
    flag = word.partition("=")[0]
    return next((option for option in OPTIONS if flag in option.flags), None)


def _length_of_options(line: str) -> int:
    """How much of a line stands before the Lua."""
    is_value = False
    for start, word in _words(line):
        option = None if is_value else _option(word)
        if option is None and not is_value:
            return start
        is_value = option is not None and bool(option.metavar) and "=" not in word
    return len(line)


def _of_options(before: str, live: LiveState | None, variables: Collection[str]) -> tuple[Iterable[Match], str]:
    """What can stand behind the options in front of the cursor, and the part of it that is written."""
    words = [word for _, word in _words(before)]
    prefix = words.pop() if words and not before[-1].isspace() else ""
    given: list[Option] = []
    waiting: Option | None = None
    for word in words:
        option = None if waiting else _option(word)
        waiting = option if option and option.metavar and "=" not in word else None
        given += [option] if option else []
    if waiting is None and "=" in prefix:
        waiting, prefix = _option(prefix), prefix.partition("=")[2]
    if waiting is not None:
        return _values(waiting, prefix, live, variables)
    if prefix and not prefix.startswith("-"):
        return (), prefix
    free = (option for option in OPTIONS if option.repeats or option not in given)
    return (Match(flag, "param", option.doc) for option in free for flag in reversed(option.flags)), prefix


def _values(
    option: Option, text: str, live: LiveState | None, variables: Collection[str]
) -> tuple[Iterable[Match], str]:
    """The values that an option can have, where they can be known, and the part of one that is written."""
    match option.flags[0]:
        case "-a":
            aliases = dict.fromkeys(name for i in integrations.present() for name in accounts.names(i))
            return (Match(alias, "module") for alias in aliases), text
        case "-v":
            return (Match(name, "instance") for name in sorted(variables)), text
        case "-i":
            prefix = _last_name(text)
            return (Match(name, "instance") for name in sorted(variables)), prefix
        case "-o":
            prefix = _last_name(text)
            names = complete(prefix, len(prefix), live).matches
            return (match for match in names if match.type != "keyword"), prefix
    return (), text


def _last_name(text: str) -> str:
    """The name that a text ends in, or an empty one."""
    start = len(text)
    while start and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    return text[start:]


def _described(head: str, doc: str) -> docs.Page:
    return docs.Page(f"**`{head.strip()}`**: {doc}")


# Commands


def _of_command(before: str, live: LiveState | None, variables: Collection[str]) -> tuple[Iterable[Match], str]:
    """What can stand in a `%kosmo` line, and the part of it that is written."""
    name = first_word(before)[0]
    written = before.lstrip()[len(name) :]
    if not written:
        return (Match(command.name, "keyword", command.doc) for command in COMMANDS), name
    usage = next((command.usage for command in COMMANDS if command.name == name), "")
    written = written.lstrip()
    if "PAGE" in usage:
        return pages(), written
    if "FUNCTION" in usage:
        return (page for page in pages() if "." in page.text), written
    names = [*sorted(variables), *_tables_of(live)] if "NAME" in usage else []
    return (Match(one, "instance") for one in dict.fromkeys(names)), written


def _tables_of(live: LiveState | None) -> list[str]:
    """The names of the user's Lua variables that are tables; none while Lua runs."""
    library = dict(LiveStateCache(None).names(()))
    return [name for name, kind in LiveStateCache(live).names(()) if kind == "table" and name not in library]


def _of_page(line: str, word: str) -> docs.Page | None:
    """What is known of a word of a `%kosmo` line: the command, or the page that is asked for."""
    name = first_word(line)[0]
    command = next((command for command in COMMANDS if command.name == name), None)
    if command is None:
        return None
    if word != name and "PAGE" in command.usage:
        try:
            return docs.read(word)
        except KosmoError:  # still being typed
            return None
    return _described(f"{COMMAND} {command.usage}", command.doc)
