"""The records that a call returned, with the function and the account that they came from.

`Records` is a read-only list of JSON objects as the service sent them, including nulls, unknown keys and the order of
keys. Tables and Lua read it by columns, which are made on demand, so a list is decoded once and never copied. `Record`
is one such object. Function and account are attributes, never part of the fields.

`PackedRows` are records as JSON until somebody reads one, since a script often only counts them. JSON takes a quarter
of the memory of decoded records, and goes from the cache of answers to Lua as it is. Columns of texts and of integers
cross as bytes, which Lua and Python read many times as fast as JSON; their counterpart in Lua is `lua/columns.lua`.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from operator import itemgetter
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import msgspec

from kosmo_kernel.catalogue import Column, Function
from kosmo_kernel.safety.decoder import collector_paused

if TYPE_CHECKING:
    from kosmo_kernel.errors import KosmoError

Row = dict[str, Any]


class PackedRows(Sequence[Row]):
    """The records of one or of several answers.

    Parameters:
        rows: the records, if they are decoded; not copied, and not to be changed.
        parts: the same records as JSON: the number of them, and the list of them.
    """

    __slots__ = ("__weakref__", "_count", "_parts", "_rows")

    def __init__(self, rows: list[Row] | None = None, parts: Iterable[tuple[int, bytes]] = ()) -> None:
        # Each with the fields that come first in each record, and replace its own fields of the same names.
        self._parts: list[tuple[Row | None, int, bytes]] = [(None, count, text) for count, text in parts]
        self._rows = rows
        self._count = sum(count for _, count, _ in self._parts) if rows is None else len(rows)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        return self.decoded()[index]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.decoded())

    @property
    def json(self) -> bytes | None:
        """The list of the records as JSON, if it is there."""
        if len(self._parts) != 1:
            return None
        [(item, _, text)] = self._parts
        return None if item else text

    def add(self, item: Row, answer: Sequence[Row]) -> None:
        """Add the records of an answer.

        Parameters:
            item: fields that come first in each record, and replace its own fields of the same names.
            answer: the records.
        """
        if answer:
            packed = answer.packed() if isinstance(answer, PackedRows) else PackedRows.of(answer)
            self._parts += [(item, count, text) for count, text in packed.parts()]
            self._count += len(answer)

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """Return records that were decoded from JSON in packed form, without the decoded ones."""
        return cls(parts=[(len(rows), msgspec.json.encode(rows))])

    def packed(self) -> PackedRows:
        """Return the records without the decoded ones."""
        if self._rows is None:
            return self
        if self._rows and not self._parts:
            return PackedRows.of(self._rows)
        return PackedRows(parts=self.parts())

    def parts(self) -> list[tuple[int, bytes]]:
        """Return the parts: the number of records, and the list of them as JSON."""
        return [(count, text) for _, count, text in self._parts]

    def decoded(self) -> list[Row]:
        """Return the records. From then on there are only the decoded ones."""
        parts, rows = self._parts, self._rows  # in this order, because another thread may decode them meanwhile
        if rows is None:
            with collector_paused():
                rows = self._rows = [
                    item | row | item if item else row for item, _, text in parts for row in msgspec.json.decode(text)
                ]
            self._parts = []
        return rows


class Absent:
    """The type of `ABSENT`, the value in a column for a record without the key."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT = Absent()
MISSING: frozenset[type] = frozenset({NoneType, Absent})
MAX_KEPT_COLUMNS = 256  # cached columns of one list


# The alias of the account of all records, or one per record, with None for records that came from no call.
Source = str | list[str | None] | None

ACCOUNT = Column("account", "Whose account the record came from.", main=True)

# The fields of an error: `FAILED` in the list of failures of a call that failed for some items, `CAUGHT` from `pcall`.
FAILURE_FIELDS = (
    Column("type", "The kind of failure, `refused` for example"),
    Column("status", "The HTTP status, where there was an answer", "integer", nullable=True),
    Column("id", "The service's own word for it", nullable=True),
    Column("message", "What happened and what to do about it"),
    Column("request_id", "What the service's support asks for", nullable=True),
)
ERROR_FIELDS = (
    *FAILURE_FIELDS,
    Column("retryable", "Whether the same call may work later", "boolean"),
    Column("function", "The function that was called"),
    Column("account", "The account that was asked"),
)


def failure_of(error: KosmoError) -> dict[str, Any]:
    """Return an error as a failure; what only the answer of a service has is null in another one."""
    facts = error.facts()
    return {column.name: facts.get(column.name) for column in FAILURE_FIELDS}


class Record(dict[str, Any]):
    """One JSON object that a function returned.

    Attributes:
        function: the function that returned it, or None for an object that a script made.
        account: the alias of the account that was called, or None for an object that a script made.
    """

    __slots__ = ("account", "function")

    def __init__(self, fields: dict[str, Any], function: Function | None = None, account: str | None = None) -> None:
        super().__init__(fields)
        self.function = function
        self.account = account


class Records(Sequence[dict[str, Any]]):
    """A list of JSON objects that a function returned.

    Parameters:
        rows: the objects; not copied, and not to be changed. Packed ones are decoded when they are first read.
        function: the function that returned them, or None for a list that a script made.
        columns: the columns that a table shows first, in order; by default those that the function declares.
        account: the alias of their account; one for all, or one per record.
    """

    __slots__ = ("_columns", "_rows", "account", "columns", "function")

    def __init__(
        self,
        rows: Sequence[dict[str, Any]],
        function: Function | None = None,
        columns: tuple[Column, ...] | None = None,
        account: Source = None,
    ) -> None:
        self._rows = rows
        self.account = account
        self.function = function
        self.columns = columns if columns is not None else (function.columns if function else ())
        self._columns: dict[tuple[str | int, ...], list[Any]] = {}

    @property
    def rows(self) -> Sequence[dict[str, Any]]:
        """The objects."""
        return self._rows.decoded() if isinstance(self._rows, PackedRows) else self._rows

    @property
    def json(self) -> bytes | None:
        """The list of the objects as JSON, if it is there because nobody has read them."""
        return self._rows.json if isinstance(self._rows, PackedRows) else None

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Sequence[dict[str, Any]]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self._rows)

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
        """Return the records at these indices (from 0), in this order, with the same function."""
        positions, rows, account = list(indices), self.rows, self.account
        if isinstance(account, list):
            account = [account[i] for i in positions]
        return Records([rows[i] for i in positions], self.function, self.columns, account)

    def account_of(self, index: int) -> str | None:
        """Return the account that the record at an index (from 0) came from."""
        return self.account[index] if isinstance(self.account, list) else self.account

    def for_table(self) -> Records:
        """Return these records for a table, with a first field `account` if they came from several accounts.

        No field is added if a record has a field of that name itself.
        """
        if not isinstance(self.account, list) or len(set(self.account) - {None}) <= 1:
            return self
        name, columns = ACCOUNT.name, account_columns(self.columns)
        if columns is self.columns or any(name in row for row in self.rows):
            return self
        rows = [{name: account} | row for account, row in zip(self.account, self.rows, strict=True)]
        return Records(rows, self.function, columns if self.columns else ())

    def column(self, path: tuple[str | int, ...]) -> list[Any]:
        """Return the value at a path for each record: `ABSENT` for a missing key, None for null.

        Below a null or missing object every value is `ABSENT`. The list is cached; do not change it.
        """
        values = self._columns.get(path)
        if values is None:
            parents: Sequence[Any] = self.rows if len(path) == 1 else self.column(path[:-1])
            values = _fields(parents, path[-1])
            # Mostly the first record has the key. A column that no record has is not cached.
            is_there = values and (values[0] is not ABSENT or values.count(ABSENT) < len(values))
            if is_there and len(self._columns) < MAX_KEPT_COLUMNS:
                self._columns[path] = values
        return values


def _fields(parents: Sequence[Any], key: str | int) -> list[Any]:
    if isinstance(key, str):  # an integer could also index a list
        # Where a parent is null or missing, or the key is, the slower way below is needed.
        with suppress(KeyError, TypeError, IndexError):
            return list(map(itemgetter(key), parents))
    return [p.get(key, ABSENT) if isinstance(p, dict) else ABSENT for p in parents]


def account_columns(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the columns with an account column first, unless the path of one begins with its name."""
    return columns if any(column.path[0] == ACCOUNT.name for column in columns) else (ACCOUNT, *columns)


def columns_with_item(function: Function, name: str = "") -> tuple[Column, ...]:
    """Return the columns of a call with a list argument: the item of the list comes first.

    Parameters:
        name: of the parameter that has a list; empty for the first one that takes a list.
    """
    item = function.item_column(name)
    return (item, *function.columns) if item else function.columns


def columns_of(function: Function, names: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of a list that was read with some list arguments: these, then those of the function."""
    items = [column for name in names if (column := function.item_column(name))]
    return (*items, *function.columns)


def encode(value: Any, *, indent: int | None = None) -> bytes:
    """Return a value as JSON text; `Records` become a list, and NaN and infinite numbers null.

    Halves of surrogate pairs, which UTF-8 cannot have, become replacement characters.

    Parameters:
        value: JSON values, which may contain `Records`, pages of the docs and other subclasses of `str`.
        indent: write each item on a line of its own, indented by this many spaces.

    Raises:
        TypeError: a value has no JSON form.
    """
    try:
        text = msgspec.json.encode(value, enc_hook=_json_value)
    except UnicodeEncodeError:
        text = msgspec.json.encode(_encodable(value), enc_hook=_json_value)
    return text if indent is None else msgspec.json.format(text, indent=indent)


def without_surrogates(text: str) -> str:
    """Return a text with a replacement character in place of each half of a surrogate pair."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _encodable(value: Any) -> Any:
    """Return a copy of a value that can be encoded as UTF-8."""
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, (list, tuple, Records)):
        return [_encodable(item) for item in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return value


def to_builtins(value: Any) -> Any:
    """Return a copy of a value in Python's types for JSON; other than in JSON text, keys may be integers."""
    return msgspec.to_builtins(value, enc_hook=_json_value)


def _json_value(value: Any) -> Any:
    if isinstance(value, Records):
        return list(value.rows)
    if isinstance(value, str):
        return str(value)  # msgspec does not encode subclasses of str
    raise TypeError(f"a {type(value).__name__} has no JSON form")


ColumnForm = Literal["texts", "integers"]

_INTEGER_BYTES = 8
_TEXT_ONLY, _INTEGER_ONLY = frozenset({str}), frozenset({int})


def encode_column(values: list[Any], types: Collection[type]) -> tuple[ColumnForm, bytes] | None:
    """Return the form of a column and its bytes, or None for a column that has to be JSON.

    Parameters:
        values: the values.
        types: their types.
    """
    try:
        if types == _TEXT_ONLY:
            text = "\0".join(values)
            return ("texts", text.encode() + b"\0") if text.count("\0") == len(values) - 1 else None
        return ("integers", array("q", values).tobytes()) if types == _INTEGER_ONLY else None
    except (UnicodeEncodeError, OverflowError):  # half a surrogate pair; an integer of more than 64 bits
        return None


def decode_column(form: ColumnForm, body: bytes, count: int) -> list[Any]:
    """Return the values of a column.

    Raises:
        ValueError: the bytes are no column of so many values.
    """
    if form not in ("texts", "integers"):
        raise ValueError(f"the message has a column of {form!r}")
    if form == "integers":
        if len(body) != count * _INTEGER_BYTES:
            raise ValueError("the message has integers of another number than it says")
        return array("q", body).tolist()
    if body.count(b"\0") != count or body[-1:] not in (b"\0", b""):
        raise ValueError("the message has texts of another number than it says")
    return body.decode().split("\0")[:count]


class Opaque(str):
    """The text of a Lua value that is not data: a function, coroutine or namespace, or a table that contains one."""

    __slots__ = ("fault",)

    fault: str  # why a table has no JSON form, with the place in it; empty for types that never have one

    def __new__(cls, text: str, fault: str = "") -> Self:
        """Create a text with its fault, if any."""
        self = super().__new__(cls, text)
        self.fault = fault
        return self

    def __repr__(self) -> str:
        return str(self)  # without quotes, because it is not a text in Lua
