"""A question: a small file of Lua below a head of comments, which returns a list of records.

With `severity:` in its head it is a check, whose records are findings. Without it, and with `columns:`, it is a table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from kosmo_kernel.questions.head import (
    COLUMNS,
    SERVICE,
    SEVERITY,
    Kind,
    QuestionFile,
    is_table,
    keys_of,
    lua_below,
    parse_head,
    read_text,
)
from kosmo_kernel.questions.parameters import QuestionParameter, read_parameters
from kosmo_kernel.questions.shipped import services
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.text.patterns import lazy_pattern

SEVERITIES = ("low", "medium", "high")
START = "start"  # the profile of a check that every account should pass
PROFILE = "profile"  # a key of the heads of checks
CHECK = Kind("check", ("title", SEVERITY, "why", "do", "scope", "key"), (PROFILE, SERVICE), 10, "the list of findings")
TABLE = Kind("table", ("title", "about", "key", COLUMNS), ("needs", "page", "order", SERVICE), 60, "the list of rows")

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
        return lua_below(self.source, self.body_start)

    def for_lua(self) -> dict[str, Any]:
        """Return what the Lua process needs of a table, as JSON values."""
        return {
            "source": self.source,
            "columns": self.columns,
            "order": [{"name": one.removeprefix("-"), "descends": one.startswith("-")} for one in self.order],
            "needs": self.needs,
            "parameters": [{"name": one.name, "default": one.default} for one in self.parameters],
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
        service: the name of its service; that of its head when empty, or else the first that ships with questions.
        is_shipped: whether it comes with this package.

    Raises:
        SettingsError: it is neither a check nor a table; the message names the file and the line.
    """
    kind = kind or (TABLE if is_table(keys_of(text)) else CHECK)
    head = parse_head(text, file, kind)
    return Question(
        name=head.name,
        title=head.value("title"),
        service=service or head.optional(SERVICE) or services()[0],
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
    if PROFILE in head.entries and profile != START:
        raise head.mistake(PROFILE, f"the profile is {START}, got {one_line(profile, most=40) or 'nothing'}.")
    return {
        "severity": severity,
        "why": head.value("why"),
        "remedy": head.value("do"),
        "scope": scope,
        "in_start": bool(profile),
    }


def _of_table(head: QuestionFile) -> dict[str, Any]:
    """Return what the head of a table says, and only that of a table."""
    if "-" in head.name:
        raise head.error("cannot name a table, which Lua calls by its name. Write `_` in place of `-`.")
    columns = head.columns(COLUMNS)
    page, needs = (head.columns(key) if head.optional(key) else () for key in ("page", "needs"))
    order = tuple(one.strip() for one in head.optional("order").split(",") if one.strip())
    for key, names in (("key", head.columns("key")), ("page", page), ("order", [one.lstrip("-") for one in order])):
        if not set(names) <= set(columns):
            raise head.mistake(key, f"the {key} has columns that the table does not have: {', '.join(columns)}.")
    return {"about": head.value("about"), "columns": columns, "page": page, "order": order, "needs": needs}
