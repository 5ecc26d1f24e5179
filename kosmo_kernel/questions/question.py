"""A question: a small file of Lua below a head of comments, which returns a list of records.

With `severity:` in its head it is a check, whose records are findings. Without it, and with `columns:`, it is a table.
A parameter is a line of the head, `-- param: days = 30 | what it means`. One without a default, `-- param: app: text |
what it means`, is required: the question means nothing until somebody sets it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.questions import services
from kosmo_kernel.questions.head import (
    COLUMNS,
    PARAM,
    SEVERITY,
    HeadEntry,
    Kind,
    QuestionFile,
    is_table,
    keys_of,
    parse_head,
    read_text,
)
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.text import lazy_pattern
from kosmo_kernel.values.lua_literals import Parameter, is_lua_name, parse_literal

# Parameters ---------------------------------------------------------------------------------------------

_KINDS = {"number": "number", "text": "string", "list": "table"}  # of required parameters, by the word of the head
_WORDS = {kind: word for word, kind in _KINDS.items()}
# Of values in Python, by kind; true and false are integers as well, so their kind is the first.
_TYPES = {"boolean": (bool,), "number": (int, float), "string": (str,), "table": (list, tuple, dict)}
_REQUIRED_PARAM = lazy_pattern(r"(\w+):\s*+(\w+)\s++\|\s++(\S.*)")
_PARAM = lazy_pattern(r"(\w+)\s*+=\s*+(\S.*)")
_BAR = lazy_pattern(r"(?<=\s)\|(?=\s)")  # between the default of a parameter and its meaning


class QuestionParameter(Parameter, frozen=True):
    """A parameter of a question, and its default as a Python value."""

    value: Any = None  # the default as a Python value; None for a required parameter
    required: bool = False  # whether it has no default

    @property
    def declaration(self) -> str:
        """Its name and its default, or its kind, as they stand in the head."""
        return f"{self.name}: {_WORDS[self.kind]}" if self.required else f"{self.name} = {self.default}"

    def is_missing(self, value: Any) -> bool:
        """Return whether a value leaves a required parameter unset: none at all, or an empty text or list."""
        return self.required and (value is None or value in ("", [], {}))

    def accepts(self, value: Any) -> bool:
        """Return whether a value is of its kind. Any value is if its default is nil."""
        return self.kind in ("nil", _kind(value))

    @property
    def example(self) -> str:
        """The placeholder for a value on a command line."""
        return {"number": "NUMBER", "table": "'[\"…\"]'"}.get(self.kind, "TEXT")


def read_parameters(question: QuestionFile) -> tuple[QuestionParameter, ...]:
    """Return the parameters of a question, in the order of its head.

    Raises:
        SettingsError: one of them is wrong; the message names the file and the line.
    """
    entries, file = question.entries.get(PARAM, []), question.file
    parameters = tuple(_read_parameters(entries, file))
    counts = Counter(parameter.name for parameter in parameters)
    for entry, name in zip(entries, [parameter.name for parameter in parameters], strict=True):
        if counts[name] > 1:
            raise SettingsError(f"{file}:{entry.line}: the head has the parameter `{name}` twice. Keep one of them.")
    return parameters


def _read_parameters(entries: list[HeadEntry], file: str) -> Iterator[QuestionParameter]:
    for entry in entries:
        if required := _REQUIRED_PARAM.fullmatch(entry.value):
            yield _required_parameter(entry, *required.groups(), file=file)
            continue
        line, parts = entry.line, _PARAM.fullmatch(entry.value)
        default, *meaning = map(str.strip, _BAR.split(parts[2], 1)) if parts else [""]
        if not parts or not is_lua_name(parts[1]) or not default or not all(meaning or [""]):
            raise SettingsError(
                f"{file}:{line}: a parameter is `-- param: NAME = DEFAULT | what it means`, such as "
                "`-- param: days = 30 | a certificate that ends within so many days`. One without a default is "
                "`-- param: NAME: KIND | what it means`; the kind is number, text or list."
            )
        name, doc = parts[1], meaning[0]
        try:
            value = parse_literal(default)
        except ValueError as error:
            raise SettingsError(f"{file}:{line}: the default of `{name}` is no value of Lua: {error}.") from None
        yield QuestionParameter(name, _kind(value), default, doc, value)


def _required_parameter(entry: HeadEntry, name: str, kind: str, doc: str, *, file: str) -> QuestionParameter:
    if not is_lua_name(name):
        raise SettingsError(f"{file}:{entry.line}: `{one_line(name, most=40)}` is no name of a variable in Lua.")
    if kind not in _KINDS:
        kinds = "number, text or list"
        raise SettingsError(f"{file}:{entry.line}: the kind of `{name}` is {kinds}, got {one_line(kind, most=40)}.")
    return QuestionParameter(name, _KINDS[kind], "", doc, required=True)


def _kind(value: Any) -> str:
    return next((kind for kind, types in _TYPES.items() if isinstance(value, types)), "nil")


# Questions ----------------------------------------------------------------------------------------------

SEVERITIES = ("low", "medium", "high")
START = "start"  # the profile of a check that every account should pass
FIRST = "first"  # the profile of such a check that is asked and shown before the others
PROFILE = "profile"  # a key of the heads of checks
CHECK = Kind("check", ("title", SEVERITY, "why", "do", "scope", "key"), (PROFILE,), 10, "the list of findings")
TABLE = Kind("table", ("title", "about", "key", COLUMNS), ("needs", "page", "order"), 60, "the list of rows")

_SCOPE = lazy_pattern(r"[a-z][a-z_-]*")


class Question(Struct, frozen=True):
    """A question about an account: a check, or a table that reports share."""

    name: str  # that of its file without the suffix
    title: str  # what it finds or lists, in a few words
    service: str  # the name of the service that it is about
    key: tuple[str, ...]  # the columns that identify a record
    parameters: tuple[QuestionParameter, ...]
    source: str  # the text of the file
    body_start: int  # the line of the file, from 1, at which the Lua begins
    file: str  # as it was named; the bare name of a shipped one
    is_shipped: bool = False  # whether it comes with this package
    # Of a check:
    severity: str = ""  # one of `SEVERITIES`; empty for a table
    why: str = ""  # why a finding matters
    remedy: str = ""  # what to do about a finding; `do` in the file
    scope: str = ""  # the scope that a token needs for it
    in_start: bool = False  # whether every account should pass it, so that `--start` runs it
    is_first: bool = False  # whether it comes before the others
    # Of a table:
    about: str = ""  # what its rows and columns mean
    columns: tuple[str, ...] = ()  # all columns, in order
    page: tuple[str, ...] = ()  # the columns that the page of an inventory has
    order: tuple[str, ...] = ()  # the columns by which rows are sorted; `-` before a number sorts the largest first
    needs: tuple[str, ...] = ()  # the functions without whose lists there is no table; one of them is enough

    @property
    def chunk_name(self) -> str:
        """The name of the file alone: Lua cuts a long path in its messages."""
        return Path(self.file).name

    @property
    def lua(self) -> str:
        """The Lua below the head."""
        return "\n".join(self.source.split("\n")[self.body_start - 1 :]).strip("\n") + "\n"

    def for_lua(self) -> dict[str, Any]:
        """Return what the Lua process needs of a table, as JSON values."""
        return {
            "source": self.source,
            "columns": self.columns,
            "order": [{"name": column.removeprefix("-"), "descends": column.startswith("-")} for column in self.order],
            "needs": self.needs,
            "parameters": [{"name": each.name, "default": each.default} for each in self.parameters],
        }


def read_question(path: Path, kind: Kind | None = None, *, service: str = "", is_shipped: bool = False) -> Question:
    """Read the file of a question; the parameters and errors are those of `parse_question`."""
    file = path.name if is_shipped else str(path)
    return parse_question(read_text(path), file, kind, service=service, is_shipped=is_shipped)


def parse_question(
    text: str, file: str, kind: Kind | None = None, *, service: str = "", is_shipped: bool = False
) -> Question:
    """Parse the text of a question.

    Parameters:
        text: the text.
        file: the name of the file, which gives the question its name.
        kind: `CHECK` or `TABLE`; what its head says when None.
        service: the name of its service; the first that ships with questions when empty.
        is_shipped: whether it comes with this package.

    Raises:
        SettingsError: it is neither a check nor a table; the message names the file and the line.
    """
    kind = kind or (TABLE if is_table(keys_of(text)) else CHECK)
    head = parse_head(text, file, kind)
    return Question(
        name=head.name,
        title=head.value("title"),
        service=service or services()[0],
        key=head.columns("key"),
        **(_of_table(head) if kind is TABLE else _of_check(head)),
        parameters=read_parameters(head),
        source=head.source,
        body_start=head.body_start,
        file=file,
        is_shipped=is_shipped,
    )


def _of_check(head: QuestionFile) -> dict[str, Any]:
    """Return what the head of a check says, and only that of a check."""
    severity, scope, profile = head.value(SEVERITY), head.value("scope"), head.optional(PROFILE)
    if severity not in SEVERITIES:
        raise head.mistake(SEVERITY, f"the severity is low, medium or high, got {one_line(severity, most=40)}.")
    if not _SCOPE.fullmatch(scope):
        raise head.mistake("scope", f"the scope is one word, such as read, got {one_line(scope, most=40)}.")
    if PROFILE in head.entries and profile not in (START, FIRST):
        raise head.mistake(
            PROFILE, f"the profile is {START} or {FIRST}, got {one_line(profile, most=40) or 'nothing'}."
        )
    return {
        "severity": severity,
        "why": head.value("why"),
        "remedy": head.value("do"),
        "scope": scope,
        "in_start": bool(profile),
        "is_first": profile == FIRST,
    }


def _of_table(head: QuestionFile) -> dict[str, Any]:
    """Return what the head of a table says, and only that of a table."""
    if "-" in head.name:
        raise head.error("cannot name a table, which Lua calls by its name. Write `_` in place of `-`.")
    columns = head.columns(COLUMNS)
    page, needs = (head.columns(key) if head.optional(key) else () for key in ("page", "needs"))
    order = tuple(column for text in head.optional("order").split(",") if (column := text.strip()))
    sorts = [column.lstrip("-") for column in order]
    for key, names in (("key", head.columns("key")), ("page", page), ("order", sorts)):
        if not set(names) <= set(columns):
            raise head.mistake(key, f"the {key} has columns that the table does not have: {', '.join(columns)}.")
    return {"about": head.value("about"), "columns": columns, "page": page, "order": order, "needs": needs}
