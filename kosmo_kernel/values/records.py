"""What a call returned: records that remember which function they came from.

`Records` is a read-only list of JSON objects as the service sent them: nulls, unknown keys and key
order included. It gives columns on demand, which is how both a table and Lua read it, so a list that
nobody changes is decoded once and never copied. `Record` is one such object. Both know whose account they
came from, beside what was sent and never in it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import itemgetter
from typing import Any, overload

import msgspec

from kosmo_kernel.catalogue import Column, Function


class Absent:
    """The type of `ABSENT`, which stands in a column where the record has no such key."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT = Absent()
MAX_KEPT_COLUMNS = 256  # of one list
SHORT = 4096  # bytes of JSON in which there is nothing for a collector to walk


# Whose account records came from, by its alias: all of them, or each, None for what came from no call.
Source = str | list[str | None] | None

ACCOUNT = Column("account", "Whose account the record came from.")

# What is told of a call that failed: in the list of what failed beside what worked, and all of it by `pcall`.
FAILED = (
    Column("type", "The kind of failure, `refused` for example"),
    Column("status", "The HTTP status, where there was an answer", "integer", nullable=True),
    Column("id", "The service's own word for it", nullable=True),
    Column("message", "What happened and what to do about it"),
    Column("request_id", "What the service's support asks for", nullable=True),
)
CAUGHT = (
    *FAILED,
    Column("retryable", "Whether the same call may work later", "boolean"),
    Column("function", "The function that was called"),
    Column("account", "The account that was asked"),
)


class Record(dict[str, Any]):
    """One JSON object that a function returned.

    Attributes:
        function: the function it came from, or None for an object of the script's own.
        account: the alias of the account that was asked, or None likewise.
    """

    __slots__ = ("account", "function")

    def __init__(self, fields: dict[str, Any], function: Function | None = None, account: str | None = None) -> None:
        super().__init__(fields)
        self.function = function
        self.account = account


class Records(Sequence[dict[str, Any]]):
    """A list of JSON objects that a function returned.

    Parameters:
        rows: the objects; not copied, not to be changed.
        function: the function they came from, or None for a list of the script's own.
        columns: what a table shows first, in order; the function's own columns unless given.
        account: whose account they came from; one alias for all, or one a record.
    """

    __slots__ = ("_columns", "account", "columns", "function", "rows")

    def __init__(
        self,
        rows: Sequence[dict[str, Any]],
        function: Function | None = None,
        columns: tuple[Column, ...] | None = None,
        account: Source = None,
    ) -> None:
        self.rows = rows
        self.account = account
        self.function = function
        self.columns = columns if columns is not None else (function.columns if function else ())
        self._columns: dict[tuple[str | int, ...], list[Any]] = {}

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Sequence[dict[str, Any]]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Records):
            return list(self.rows) == list(other.rows)
        return list(self.rows) == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        source = f" of {self.function.name}" if self.function else ""
        return f"<{len(self)} records{source}>"

    def take(self, indices: Iterable[int]) -> Records:
        """The records at these places (from 0), in this order, of the same function."""
        places = list(indices)
        account = self.account
        if isinstance(account, list):
            account = [account[i] for i in places]
        return Records([self.rows[i] for i in places], self.function, self.columns, account)

    def account_of(self, place: int) -> str | None:
        """Whose account the record at a place (from 0) came from."""
        return self.account[place] if isinstance(self.account, list) else self.account

    def for_table(self) -> Records:
        """These records as a table shows them: with a first field `account` where they came from more than one.

        Not where a record has a field of that name itself.
        """
        if not isinstance(self.account, list) or len(set(self.account) - {None}) <= 1:
            return self
        name, columns = ACCOUNT.name, account_columns(self.columns)
        if columns is self.columns or any(name in row for row in self.rows):
            return self
        rows = [{name: account} | row for account, row in zip(self.account, self.rows, strict=True)]
        return Records(rows, self.function, columns if self.columns else ())

    def column(self, path: tuple[str | int, ...]) -> list[Any]:
        """The values at a path, one a record; `ABSENT` where a key is missing, None where one is null.

        Below a null or missing object every value is `ABSENT`. The list is kept; do not change it.
        """
        found = self._columns.get(path)
        if found is None:
            parents: Sequence[Any] = self.rows if len(path) == 1 else self.column(path[:-1])
            found = _fields(parents, path[-1])
            if len(self._columns) < MAX_KEPT_COLUMNS and found.count(ABSENT) < len(found):  # a column of nothing is not
                self._columns[path] = found
        return found


def _fields(parents: Sequence[Any], key: str | int) -> list[Any]:
    if isinstance(key, str):  # an integer would lead into a list as well
        with suppress(KeyError, TypeError, IndexError):  # a null or missing parent or key: looked at one by one
            return list(map(itemgetter(key), parents))
    return [p.get(key, ABSENT) if isinstance(p, dict) else ABSENT for p in parents]


def account_columns(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns with that of the account in front, unless one begins with its name."""
    return columns if any(column.path[0] == ACCOUNT.name for column in columns) else (ACCOUNT, *columns)


def columns_with_item(function: Function) -> tuple[Column, ...]:
    """The columns of a call with a list argument: the item that was asked comes first."""
    asked = function.fan_out
    return (Column(asked.name, asked.doc), *function.columns) if asked else function.columns


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep Python's cycle collector from walking a large answer again and again while it is built.

    JSON has no cycles, and the collector costs as much as the decoding from some ten thousand records on.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def decode(body: bytes) -> Any:
    """JSON text as Python values.

    Raises:
        ValueError: the text is not JSON.
    """
    if len(body) < SHORT:
        return msgspec.json.decode(body)
    with collector_paused():
        return msgspec.json.decode(body)


def ends_early(text: bytes) -> bool:
    """Whether a text that is not JSON may be the beginning of one that is.

    A decoder that came to a mistake says the same of the text with anything behind it; one that came to the end
    does not: it goes on in a number that another digit completes, and elsewhere finds what JSON never has.
    """
    return any(_fault(text + more) != _fault(text) for more in (b"0", b"\0" * 12))  # longer than any word or escape


def _fault(text: bytes) -> str:
    try:
        decode(text)
    except (ValueError, RecursionError) as error:
        return str(error)
    return ""


def encode(value: Any) -> bytes:
    """Python values as JSON text; a `Records` is a list.

    Raises:
        TypeError: a value has no JSON form.
    """
    return msgspec.json.encode(value, enc_hook=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Records):
        return list(value.rows)
    if isinstance(value, str):
        return str(value)  # msgspec takes no subclass for what it is
    raise TypeError(f"a {type(value).__name__} has no JSON form")
