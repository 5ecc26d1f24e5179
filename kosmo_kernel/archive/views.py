"""The views of an archive, in which SQL reads its lists.

Each list is a view named like its function, with the columns of the list's frame. `apps` has the records of the newest
snapshot, `apps_history` those of all snapshots, with `taken_at`. The columns are those of `values/fields.py`, so that
SQL and frames agree: declared fields first, nested objects as dotted columns, declared defaults, and one spelling of
each name. Lists and objects are JSON texts, booleans are 1 and 0, and times are the texts that the service sent. A list
that the newest snapshot lacks has a view of its history only, so that a list that was not read does not look like an
empty one. The view `history` has a row for each snapshot: its day and its figures.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from kosmo_kernel import integrations
from kosmo_kernel.errors import LimitError
from kosmo_kernel.safety.decoder import decode
from kosmo_kernel.values.fields import Field, fields_of
from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from sqlite3 import Connection

DAY = len("2026-11-20")  # what a time begins with
FIGURES = ("apps", "dynos", "people", "cents", "findings")  # of a snapshot, in its history

MAX_COLUMNS = 1_900  # of a view; SQLite takes 2,000
HISTORY = "_history"  # ends the name of a view of all snapshots
_RESERVED = ("kosmo_", "sqlite_", "history")  # what no name of a list's view may begin with
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)  # a key that a JSON path has without quotes
_QUOTABLE = re.compile(r'[^"\\\x00-\x1f]+')  # a key that a JSON path can have in quotes
_RECORD = "body"  # the column that has a record as JSON

_NEWEST = "SELECT {} FROM kosmo_rows JOIN kosmo_bodies ON id=record WHERE list={:d} ORDER BY position"
_ALL = (
    "SELECT taken_at,{} FROM kosmo_lists AS l JOIN kosmo_snapshots AS s ON s.id=snapshot JOIN kosmo_rows ON list=l.id "
    "JOIN kosmo_bodies AS b ON b.id=record WHERE name={} AND function={} ORDER BY snapshot,position"
)


class ViewColumn(NamedTuple):
    """A column of a view."""

    name: str  # as in the frame
    path: Sequence[str | int]  # the keys that lead to the value
    default: str | None = None  # what stands for a missing value
    spellings: Mapping[str, str] = {}  # the spelling of each text that frames spell in another way
    beside_objects: bool = False  # objects at this path have columns of their own, and are no value of this one

    @property
    def sql(self) -> str:
        """The value as SQL, with its name."""
        value = where = _value_at(self.path)
        if self.beside_objects and where != _RECORD:
            value = f"CASE lower({_value_at(self.path, 'json_type')}) WHEN 'object' THEN NULL ELSE {where} END"
        if self.spellings:
            cases = "".join(
                f" WHEN {text(text_sent)} THEN {text(spelled)}" for text_sent, spelled in self.spellings.items()
            )
            value = f"CASE {value}{cases} ELSE {value} END"
        if self.default is not None:
            value = f"coalesce({value},{text(self.default)})"
        return f"{value} AS {identifier(self.name)}"


def view_columns(records: Records) -> bytes:
    """Return the columns of a list's view as JSON."""
    try:
        fields = list(islice(fields_of(records), MAX_COLUMNS))
    except LimitError:  # no frame can be made of all fields, so the view has the declared ones
        fields = [Field(column.name, column.path, frozenset(), column) for column in records.columns]
    return msgspec.json.encode([_brief(_column(field, records)) for field in fields])


def create_views(connection: Connection) -> None:
    """Create the views of all lists of an archive, in place of those that it has."""
    lists = connection.execute(
        "SELECT l.id, name, function, snapshot=(SELECT max(id) FROM kosmo_snapshots), body FROM kosmo_lists AS l "
        "JOIN kosmo_bodies AS b ON b.id=columns ORDER BY snapshot DESC, l.id"
    ).fetchall()
    newest: dict[tuple[str, str], str] = {}
    history: dict[tuple[str, str], dict[str, ViewColumn]] = {}
    for number, name, function, is_newest, body in lists:
        columns = _columns(body)
        if is_newest:
            newest[name, function] = _NEWEST.format(",".join(column.sql for column in columns), number)
        list_columns = history.setdefault((name, function), {})
        for column in columns:
            same = list_columns.get(column.name, column)
            list_columns[column.name] = same._replace(spellings={**column.spellings, **same.spellings})
    figures = ",".join(f"{_extracted('document', f'$.figures.{name}')} AS {name}" for name in FIGURES)
    connection.execute("DROP VIEW IF EXISTS history")
    connection.execute(
        f"CREATE VIEW history AS SELECT substr(taken_at,1,{DAY}) AS day,{figures} FROM kosmo_snapshots ORDER BY id"
    )
    for (name, function), list_columns in history.items():
        view = view_name(name, function)
        values = ",".join(column.sql for column in list(list_columns.values())[:MAX_COLUMNS])
        queries = {view: newest.get((name, function)), view + HISTORY: _ALL.format(values, text(name), text(function))}
        for view_of_query, query in queries.items():
            connection.execute(f"DROP VIEW IF EXISTS {identifier(view_of_query)}")
            if query:
                connection.execute(f"CREATE VIEW {identifier(view_of_query)} AS {query}")


def view_name(name: str, function: str) -> str:
    """Return the name of a list's view; lists of services other than the first one have the service's in front."""
    service = function.partition(".")[0]
    view = name if service == integrations.BUILT_IN[0].name else f"{service}_{name}"
    return f"list_{view}" if view.startswith(_RESERVED) else view


def identifier(name: str) -> str:
    """Return a name in quotes, as SQL."""
    doubled = name.replace('"', '""').replace("\0", "\ufffd")
    return f'"{doubled}"'


def text(value: str) -> str:
    """Return a text in quotes, as SQL."""
    doubled = value.replace("'", "''").replace("\0", "'||char(0)||'")
    return f"'{doubled}'"


def _column(field: Field, records: Records) -> ViewColumn:
    spelling, spellings = field.column and field.column.spelling, {}
    if spelling:
        texts = {value for value in field.values(records, as_sent=True) if isinstance(value, str)}
        spellings = {value: spelling(value) for value in sorted(texts) if spelling(value) != value}
    return ViewColumn(field.name, field.path, field.default, spellings, field.beside_objects)


def _brief(column: ViewColumn) -> str | ViewColumn:
    """Return only the name of a column if it says everything."""
    return column.name if column == _named(column.name) else column


def _named(name: str) -> ViewColumn:
    return ViewColumn(name, tuple(name.split(".")))


def _columns(body: str) -> Iterable[ViewColumn]:
    columns = decode(body, type=list[str | ViewColumn])
    return [_named(column) if isinstance(column, str) else column for column in columns]


def _value_at(path: Sequence[str | int], form: str = "") -> str:
    """Return the value at a path of a record, as SQL, or what a function of SQLite for JSON says of it."""
    document, steps = _RECORD, "$"
    for key in map(str, path):
        if _NAME.fullmatch(key):
            steps += f".{key}"
        elif _QUOTABLE.fullmatch(key):
            steps += f'."{key}"'
        else:  # no JSON path can have such a key
            document = f"(SELECT value FROM json_each({document},{text(steps)}) WHERE key={text(key)})"
            steps = "$"
    if form:
        return f"{form}({document},{text(steps)})"
    return document if steps == "$" else _extracted(document, steps)


def _extracted(document: str, steps: str) -> str:
    """Return the SQL of a value of a JSON document: DuckDB, which reads the views too, quotes what json_extract has."""
    if sqlite3.sqlite_version_info < (3, 38):
        return f"json_extract({document},{text(steps)})"
    return f"({document} ->> {text(steps)})"
