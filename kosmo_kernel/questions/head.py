"""Read the file of a question: its head of comments, `-- key: value`, and the Lua below it.

The head is read without running the Lua. A mistake in it is an error that names the file, the line and what to write
there. What keys a head has, and what they mean, is up to the kind of question: a check or a table.
"""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.questions import SUFFIX
from kosmo_kernel.safety.intake import decode_text, read_file
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.text import lazy_pattern, nearest

SEVERITY = "severity"  # the key that makes a question a check
COLUMNS = "columns"  # the key of every table
PARAM = "param"  # the key that a head may have several times: a parameter
MAX_BYTES = 32 << 10  # of a file, whose worst content is parsed in 7 ms
MAX_VALUE_LENGTH = 4_000  # characters of a value of the head
# Keys that a head no longer has, with the advice for one that has it.
_DROPPED = {"service": "All checks and tables are about Heroku. Delete this line."}

_NAME = lazy_pattern(r"[A-Za-z0-9][\w-]*", re.ASCII)
_ENTRY = lazy_pattern(r"--\s?(\w+):\s*(.*)")
_KEY = lazy_pattern(r"^--\s?(\w+):[ \t]*+([^\n]*)", re.MULTILINE)
_CONTINUATION = lazy_pattern(r"--\s{2,}(\S.*)")
_LINE_END = lazy_pattern("\r\n?")
_COLUMN = lazy_pattern(r"\w+(\.\w+)*")


class Kind(Struct, frozen=True):
    """A kind of question, and what its files look like."""

    name: str  # `check`
    required: tuple[str, ...]  # the keys that each head has
    optional: tuple[str, ...]  # the keys that a head may have once; it may have `PARAM` several times
    max_lines: int  # of Lua; blank lines and comments do not count
    returns: str  # what its Lua returns

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that a head may have."""
        return (*self.required, *self.optional, PARAM)


class HeadEntry(Struct, frozen=True):
    """An entry of a head: its value, and its line of the file, from 1."""

    line: int
    value: str


class QuestionFile(Struct, frozen=True):
    """The file of a question."""

    name: str  # of the question: that of the file without its suffix
    file: str  # as it was named
    source: str  # the text of the file; lines end in a line feed
    body_start: int  # the line, from 1, at which the Lua begins
    entries: dict[str, list[HeadEntry]]  # of the head, by key

    def value(self, key: str) -> str:
        """Return the value of a required key."""
        return self.entries[key][0].value

    def optional(self, key: str) -> str:
        """Return the value of a key that the head may lack; empty if it does."""
        return self.entries[key][0].value if key in self.entries else ""

    def mistake(self, key: str, message: str) -> SettingsError:
        """Return the error for a value that is wrong; `message` goes on after the place and a colon."""
        return SettingsError(f"{self.file}:{self.entries[key][0].line}: {message}")

    def error(self, message: str) -> SettingsError:
        """Return the error for a file that is wrong; `message` goes on after its name."""
        return SettingsError(f"{self.file} {message}")

    def columns(self, key: str) -> tuple[str, ...]:
        """Return the names of columns that a key has as its value.

        Raises:
            SettingsError: they are no names of columns.
        """
        columns = tuple(name.strip() for name in self.value(key).split(","))
        if not all(map(_COLUMN.fullmatch, columns)):
            text = one_line(self.value(key), most=40) or "nothing"
            names = "the key is" if key == "key" else f"`{key}` has"
            raise self.mistake(
                key, f"{names} the names of columns with commas between them, such as `app, name`, got {text}."
            )
        return columns


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        SettingsError: it cannot be read, is too large, or is no UTF-8 text.
    """
    return decode_text(read_file(path, SettingsError, most=MAX_BYTES), path, SettingsError)


def keys_of(text: str) -> dict[str, str]:
    """Return the keys of the head of a text with their values, as far as they are on one line."""
    return {key: value.strip() for key, value in _KEY.findall(text)}


def is_table(keys: dict[str, str]) -> bool:
    """Return whether the keys of a head are those of a table."""
    return COLUMNS in keys and SEVERITY not in keys


def parse_head(text: str, file: str, kind: Kind) -> QuestionFile:
    """Parse the head of a file, and find its Lua.

    Parameters:
        text: the text.
        file: the name of the file, which gives the question its name.
        kind: the kind of question.

    Raises:
        SettingsError: it is no such question; the message names the file and the line.
    """
    name = Path(file).name.removesuffix(SUFFIX)
    if not _NAME.fullmatch(name) or not file.endswith(SUFFIX):
        raise SettingsError(f"{file} cannot name a {kind.name}. Call it NAME{SUFFIX}: letters, digits, `-` and `_`.")
    text = _LINE_END.sub("\n", text)  # a carriage return alone ends a line of Lua, and a comment, too
    lines = text.split("\n")
    entries, body_start = _head(lines, file, kind)
    missing = [f"`-- {key}: …`" for key in kind.required if not (key in entries and entries[key][0].value)]
    if missing:
        needs = f"the head of a {kind.name} needs {', '.join(missing)} too"
        raise SettingsError(f"{file}:{body_start}: {needs}, above the first line of Lua.")
    body = [line for line in lines[body_start - 1 :] if line.strip() and not line.lstrip().startswith("--")]
    if not body:
        raise SettingsError(f"{file}:{body_start}: there is no Lua below the head. Return {kind.returns}.")
    if len(body) > kind.max_lines:
        raise SettingsError(
            f"{file}: it has {len(body)} lines of Lua, and a {kind.name} has at most {kind.max_lines}, so that it can "
            f"be read at once. Make two {kind.name}s of it, or use the functions of `list`."
        )
    return QuestionFile(name, file, text, body_start, entries)


def _head(lines: list[str], file: str, kind: Kind) -> tuple[dict[str, list[HeadEntry]], int]:
    """Return the entries of the head by key, and the line at which the Lua begins."""
    head: dict[str, list[HeadEntry]] = {}
    key, ended = "", False  # after an empty line comments belong to the Lua, unless they say more of the head
    for number, line in enumerate(map(str.rstrip, lines), 1):
        entry = _ENTRY.fullmatch(line)
        if line and (not line.startswith("--") or (ended and not (entry and entry[1] in kind.keys))):
            return head, number
        if not line:
            ended = bool(head)
        elif entry:
            key = entry[1]
            _check_key(key, head, f"{file}:{number}", kind)
            head.setdefault(key, []).append(_entry(number, entry[2], key, file))
        elif key and (more := _CONTINUATION.fullmatch(line)):
            last = head[key][-1]
            head[key][-1] = _entry(last.line, f"{last.value} {more[1]}".strip(), key, file)
        elif line.strip("- \t"):
            raise SettingsError(
                f"{file}:{number}: this line of the head is no `-- key: value`. Indent a line that goes on with the "
                "value above (`--   more`), and put comments about the Lua below an empty line."
            )
    return head, len(lines)


def _entry(line: int, value: str, key: str, file: str) -> HeadEntry:
    if len(value) > MAX_VALUE_LENGTH:
        raise SettingsError(f"{file}:{line}: the value of `{key}` has more than {MAX_VALUE_LENGTH:,} characters.")
    return HeadEntry(line, value)


def _check_key(key: str, head: dict[str, list[HeadEntry]], where: str, kind: Kind) -> None:
    if key not in kind.keys:
        near = nearest(key, kind.keys, most=1)
        advice = f"Did you mean {near[0]}?" if near else f"It has {', '.join(kind.keys)}."
        advice = _DROPPED.get(key, advice)
        raise SettingsError(f"{where}: the head of a {kind.name} has no `{one_line(key, most=40)}`. {advice}")
    if key in head and key != PARAM:
        raise SettingsError(
            f"{where}: the head has `{key}` twice, first in line {head[key][0].line}. Keep one of them."
        )
