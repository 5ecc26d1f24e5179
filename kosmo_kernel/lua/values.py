"""Convert values between the parent process and Lua.

The results of calls stay in the parent. For a long list, Lua gets a number (a *handle*) and the count of records, and
requests columns or rows when a script reads them; a short list travels as JSON. Values from Lua are described by a
handle, by places in a list, or by JSON. Nothing from the child is trusted: handles and places are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, repeat
from typing import Any

from kosmo_kernel.catalogue import Column, Function
from kosmo_kernel.errors import LimitError
from kosmo_kernel.lua.failure import Failure
from kosmo_kernel.lua.messages import ValueBudget, check_columns, check_records, excess, records_memory
from kosmo_kernel.results import Result
from kosmo_kernel.safety.decoder import collector_paused, decode
from kosmo_kernel.safety.redaction import in_texts, would_change
from kosmo_kernel.safety.text import sanitize_text
from kosmo_kernel.settings.limits import MAX_RECORDS
from kosmo_kernel.values.records import (
    ABSENT,
    ACCOUNT,
    MISSING,
    Absent,
    Opaque,
    Record,
    Records,
    Source,
    account_columns,
    columns_with_item,
    decode_column,
    encode,
    encode_column,
)

LONGEST_PATH = 100  # keys that lead to a column; no data is nested as deeply
MAX_ROWS = 256  # records that Lua requests at a time (`records.lua`)
MAX_RECORDS_SENT_WHOLE = 50  # a list with at most this many records travels whole
MAX_FAULT = 20_000  # characters of the reason why a value has no JSON form
# Suffix of a function's name: the record type of its calls with a list argument. The column with the items follows.
WITH_ITEM = "*"
_MAY_BE_WIDE = frozenset({float, dict, list})
_ESCAPED_NULL = b"\\u0000"


class RemoteLists:
    """The lists that Lua may refer to, by number, and the functions that returned them.

    Parameters:
        functions: the functions of each integration by full name.
    """

    def __init__(self, functions: Iterable[Mapping[str, Function]] = ()) -> None:
        self._functions = list(functions)
        self._names: dict[int, tuple[str, Function]] = {}
        self._kept: dict[int, Records] = {}
        self._records = 0  # number of records in all kept lists
        self._accounts: set[str] = set()  # the accounts that were sent to Lua
        self._last = 0

    def __len__(self) -> int:
        return len(self._kept)

    def learn(self, functions: Mapping[str, Function]) -> None:
        """Add functions, by full name."""
        self._functions.append(functions)

    def function(self, full_name: str) -> Function | None:
        """Return the function with a full name, or None."""
        return next((functions[full_name] for functions in self._functions if full_name in functions), None)

    def function_of_type(self, type_name: str) -> Function:
        """Return the function whose records have a type, by the type's name in Lua.

        Raises:
            KeyError: there is none.
        """
        function = self.function(type_name.partition(WITH_ITEM)[0])
        if function is None:
            raise KeyError(type_name)
        return function

    def release(self, handles: list[int]) -> None:
        """Forget lists that Lua no longer refers to."""
        for handle in handles:
            self._records -= len(self._kept.pop(handle, ()))

    # To Lua ----------------------------------------------------------------------------------------

    def answer(self, values: list[Any], blobs: list[bytes]) -> dict[str, Any]:
        """Return the header of a message that sends values to Lua, and add their texts to the message's `blobs`.

        Raises:
            LimitError: Lua would refer to too many records.
        """
        return {"values": [self._described(value, blobs) for value in values]}

    def inputs(self, values: Mapping[str, Any], blobs: list[bytes], most: int) -> list[dict[str, Any]]:
        """Return the descriptions that set globals in Lua, and add their texts to the message's `blobs`.

        Raises:
            Failure: the texts have more than `most` bytes, or the lists have too many records.
        """
        before, last = sum(map(len, blobs)), self._last
        try:
            described = [{"name": name, **_unchecked(self._described(value, blobs))} for name, value in values.items()]
            names = sum(len(str(key)) for item in described for key in item.get("keys", ()))
            _check_size(sum(map(len, blobs)) - before + names, most)
        except LimitError as error:
            self.release(list(range(last + 1, self._last + 1)))
            raise Failure(error) from None
        return described

    @property
    def should_collect_garbage(self) -> bool:
        """Return whether so many records are kept that Lua should collect garbage and release lists."""
        return self._records > MAX_RECORDS // 2

    def _described(self, value: Any, blobs: list[bytes]) -> dict[str, Any]:
        """Return the description of a value for Lua, and add its text, if it has one, to `blobs`."""
        text: bytes | None = None
        if isinstance(value, Records):
            described = self._keep(value)
            if len(value) <= MAX_RECORDS_SENT_WHOLE:
                text = value.json
                if text is None or _ESCAPED_NULL in text:  # a key that begins with it would have to be marked
                    described, text = _with_json(described, value.rows)
        elif isinstance(value, Record):
            described = {"form": "record", "type": self._name(value.function)}
            described, text = _with_json(described | self._source(value.account), value)
        elif isinstance(value, str):
            described, text = {"form": "text"}, value.encode()
        elif value is None:
            described = {"form": "nil"}
        elif type(value) is dict and any(isinstance(item, Records) for item in value.values()):
            items = [self._described(item, blobs) for item in value.values()]
            described = {"form": "dict", "keys": list(value), "values": items}
        else:
            described, text = _with_json({"form": "json"}, value)
        if text is not None:
            blobs.append(text)
            described["blob"] = len(blobs)
        return described

    def _keep(self, records: Records) -> dict[str, Any]:
        """Keep a list, and return its description without its records.

        Raises:
            LimitError: Lua would refer to too many records.
        """
        function, count = records.function, len(records)
        # The number of lists is limited as well, because lists may be empty.
        if self._records + count > MAX_RECORDS or len(self._kept) >= MAX_RECORDS:
            what = f"The script holds on to more than {MAX_RECORDS:,} records"
            raise excess(what, "records_limit", " Let go of lists when they are done with.")
        self._last += 1
        self._kept[self._last] = records
        self._records += count
        name = self._name(function)
        if function is None or (
            records.columns is not function.columns
            and records.columns not in (function.columns, account_columns(function.columns))
        ):
            # The column with the items may be after that of the account.
            item = next((column.name for column in records.columns if column.name != ACCOUNT.name), "")
            name += f"{WITH_ITEM}{item}" if records.columns else ""
        return {"form": "list", "handle": self._last, "count": count, "type": name} | self._source(records.account)

    def _name(self, function: Function | None) -> str:
        if function is None:
            return ""
        entry = self._names.get(id(function))
        if entry is None:  # only functions of this name are looked at, because the others need not be made
            full = f".{function.name}"
            names = (name for functions in self._functions for name in functions if name.endswith(full))
            entry = next((name for name in names if self.function(name) is function), ""), function
            self._names[id(function)] = entry
        return entry[0]

    def _source(self, account: Source) -> dict[str, Any]:
        """Return the source of records for Lua: `account`, or `accounts` with the number of records after each."""
        if isinstance(account, list):
            runs = [(name or "", len(list(same))) for name, same in groupby(account)]
            self._accounts.update(name for name, _ in runs)
            return {"accounts": list(chain.from_iterable(runs))}
        if account is None:
            return {}
        self._accounts.add(account)
        return {"account": account}

    def column(self, handle: int, path: list[str | int]) -> tuple[dict[str, Any], list[bytes]]:
        """Return one field of every record of a list: a header with its form, and its text, if it needs one.

        The form is `none` if no record has the field, `records` if the values are objects, `texts` or `integers` if
        each record has one (see `encode_column`), `scalars`, or `mixed`.
        """
        if len(path) > LONGEST_PATH:
            raise ValueError("the message asks for a column that is nested deeper than any")
        values = self._list(handle).column(tuple(path))
        kinds = set(map(type, values))
        value_types = kinds - MISSING
        if kinds == {Absent} or not values:
            return {"form": "none"}, []
        if value_types == {dict}:
            has_all = kinds == value_types
            return {"form": "records"}, [] if has_all else [encode([isinstance(v, dict) or None for v in values])]
        if kinds == value_types and (packed := encode_column(values, kinds)):
            return {"form": packed[0]}, [packed[1]]
        header: dict[str, Any] = {"form": "mixed" if value_types & {dict, list} else "scalars"}
        if Absent in kinds:
            values = [None if value is ABSENT else value for value in values]
        if value_types.isdisjoint(_MAY_BE_WIDE):
            return header, [encode(values)]
        header, text = _with_json(header, values)
        return header, [text]

    def rows(self, handle: int, first: int, count: int) -> tuple[dict[str, Any], list[bytes]]:
        """Return a header and the JSON of some whole records of a list."""
        if first < 0 or not 0 <= count <= MAX_ROWS:
            raise ValueError("the message asks for more records than it may at a time")
        header, text = _with_json({}, self._list(handle).rows[first : first + count])
        return header, [text]

    # From Lua --------------------------------------------------------------------------------------

    def complete(
        self,
        result: Result,
        reply: Mapping[str, Any],
        blobs: list[bytes],
        budget: ValueBudget,
        *,
        outputs: Sequence[str],
        redact: Callable[[str], str],
    ) -> int:
        """Add the values and variables of a run that succeeded to its result, and return the size of the first value.

        Parameters:
            result: the result.
            reply: the header of the child's message.
            blobs: the texts of the message.
            budget: the budget for the values.
            outputs: the names of the requested variables.
            redact: removes tokens from a text.

        Raises:
            LimitError, ValueError, TypeError, KeyError, IndexError: see `value`.
        """
        values: list[Any] = []
        size = 0
        for described in reply["values"]:
            values.append(self.value(described, blobs, budget, redact))
            size = size or self._memory(described, values[0], budget)  # of the first value, which the session keeps
        requested = dict(zip(outputs, reply.get("outputs", ()), strict=True))
        variables = {
            name: self.value(described, blobs, budget, redact)
            for name, described in requested.items()
            if described["form"] != "nil"
        }
        result.memory, result.hidden = int(reply["memory"]), bool(reply.get("hidden"))
        result.values, result.outputs = values, variables
        return size

    def _memory(self, described: Mapping[str, Any], value: Any, budget: ValueBudget) -> int:
        """Return an estimate of the bytes that the first value of a budget takes; at least 1."""
        # Records that the parent has already are not part of the JSON that the budget counted.
        is_own = isinstance(value, Records) and described["form"] not in ("json", "columns")
        return budget.memory + (records_memory(value.rows) if is_own else 0) + 1

    def value(
        self,
        described: Mapping[str, Any],
        blobs: list[bytes],
        budget: ValueBudget,
        redact: Callable[[str], str] | None = None,
    ) -> Any:
        """Return the Python value that a description from Lua stands for.

        Parameters:
            described: the child's description of the value.
            blobs, budget: as for `outcome`.
            redact: removes tokens from each text of a value that leaves the session.

        Raises:
            LimitError: the value has too many bytes, values, records or columns.
            ValueError, TypeError, KeyError, IndexError: the description is malformed, which only a broken child sends.
        """
        form = described["form"]
        if form == "nil":
            return None
        if form == "list":
            return self._list(described["handle"])
        if form == "row":
            records, index = self._list(described["handle"]), _positive(described["place"]) - 1
            return Record(records.rows[index], records.function, records.account_of(index))
        blob = blobs[described["blob"] - 1] if described.get("blob") else b""
        if form == "opaque":
            return _opaque(described, blob, budget, redact)
        if "parts" in described:
            return self._of_parts(described, list(_parts(described, blob, budget, redact)), budget, redact)
        budget.take(blob)
        if form != "json":
            raise ValueError(f"the message describes a value as {form!r}")
        value = _decode(described, blob, redact)
        is_compound = isinstance(value, (dict, list))
        return self._restore_records(value, described.get("type") or "", described) if is_compound else value

    def _restore_records(
        self, value: dict[str, Any] | list[Any], type_name: str, described: Mapping[str, Any]
    ) -> Record | Records | dict[str, Any] | list[Any]:
        """Return a decoded object or list as the records that it was before Lua had it, if it was any."""
        full_name, with_item, item = type_name.partition(WITH_ITEM)
        function = self.function(full_name)
        if isinstance(value, dict):
            return Record(value, function, self._account(described.get("account"))) if function else value
        is_records = bool(value) and all(isinstance(item, dict) for item in value)
        if not (function or is_records):
            return _empty_table(described["columns"]) if not value and "columns" in described else value
        columns = columns_of_items(function).get(item) if function and with_item else None
        check_records(len(value))
        if is_records:
            check_columns(value)
        # The records come from a data frame that had a column with the account.
        if function and value and next(iter(value[0] or ()), None) == ACCOUNT.name:
            columns = account_columns(columns or function.columns)
        return Records(value, function, columns, self._account_of(len(value), described))

    def _account_of(self, count: int, described: Mapping[str, Any]) -> Source:
        """Return the account, or the account of each record, that Lua names and was sent before."""
        runs = described.get("accounts")
        if runs is None:
            return self._account(described.get("account"))
        counts = list(map(_positive, runs[1::2]))
        if sum(counts) != count:
            raise ValueError("the message says whose other records are than it has")
        each = zip(map(self._account, runs[::2]), counts, strict=True)
        return list(chain.from_iterable(repeat(account, times) for account, times in each))

    def _account(self, name: str | None) -> str | None:
        if name and name not in self._accounts:
            raise ValueError("the message names an account that Lua was not told of")
        return name or None

    def _places(self, pairs: list[int]) -> Records:
        handles = pairs[::2]
        indexes = [_positive(number) - 1 for number in pairs[1::2]]
        lists = {handle: self._list(handle) for handle in set(handles)}
        if len(lists) == 1 and len(handles) == len(indexes):
            return lists[handles[0]].take(indexes)
        rows = [lists[handle].rows[index] for handle, index in zip(handles, indexes, strict=True)]
        functions = {id(records.function): records.function for records in lists.values()}
        first = lists[handles[0]]
        account = first.account
        if isinstance(account, list) or any(other.account != account for other in lists.values()):
            account = [lists[handle].account_of(index) for handle, index in zip(handles, indexes, strict=True)]
        if len(functions) > 1:
            return Records(rows, account=account)
        return Records(rows, first.function, first.columns, account)

    def _of_parts(
        self,
        described: Mapping[str, Any],
        parts: list[list[Any]],
        budget: ValueBudget,
        redact: Callable[[str], str] | None,
    ) -> Records:
        """Return kept records by their places, with some of their fields changed, or new records from columns."""
        names = list(map(str, described.get("names", ())))
        if redact:
            names = list(in_texts(dict.fromkeys(names), redact))
        if described["form"] == "columns":
            if len(parts) != len(names):
                raise ValueError("the message has columns of another number than it says")
            with collector_paused():
                rows = list(map(dict, map(zip, repeat(names), zip(*parts, strict=True))))
            check_columns(rows)
            return Records(rows)
        records = self._list(described["handle"]) if described.get("handle") else self._places(parts.pop(0))
        if described["form"] == "places":
            return records
        if described["form"] != "altered":
            raise ValueError(f"the message describes a value as {described['form']!r}")
        budget.add(0, sum(map(len, records.rows)))  # because each record is copied
        with collector_paused():
            rows = list(map(dict, records.rows))
        for name, is_partial in zip(names, described["partial"], strict=True):
            changed = [rows[_positive(number) - 1] for number in parts.pop(0)] if is_partial else rows
            for row, value in zip(changed, parts.pop(0), strict=True):
                row[name] = value
        check_columns(rows)
        return Records(rows, records.function, records.columns, records.account)

    def _list(self, handle: Any) -> Records:
        if type(handle) is not int or handle not in self._kept:
            raise ValueError("the message names a list that does not exist")
        return self._kept[handle]


def columns_of_items(function: Function) -> dict[str, tuple[Column, ...]]:
    """Return the columns of calls with a list argument, by the name of the first column, which has the items."""
    lists = [columns_with_item(function, param.name) for param in function.params if param.each]
    return {columns[0].name: columns for columns in lists}


def _empty_table(names: list[str]) -> Records:
    """Return the rows of a table that has none, with its columns."""
    check_columns([dict.fromkeys(map(str, names))])
    return Records([], columns=tuple(Column(str(name), "", "any") for name in names))


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        what = f"The values for Lua are {size:,} bytes of JSON, more than {max_bytes:,}"
        raise excess(what, "result_limit", " A list of records would travel as far as Lua looks at it.")


def _opaque(
    described: Mapping[str, Any], blob: bytes, budget: ValueBudget, redact: Callable[[str], str] | None
) -> Opaque:
    budget.add(len(blob), 1)
    text = sanitize_text(blob.decode(errors="replace"))
    return Opaque(redact(text) if redact else text, str(described.get("fault") or "")[:MAX_FAULT])


def _decode(described: Mapping[str, Any], blob: bytes, redact: Callable[[str], str] | None) -> Any:
    """Return the JSON value of a description, redacted."""
    from kosmo_kernel.values import extended_json

    # Its values were counted before, and the decoder of Lua does not nest deeper than its own.
    value = (extended_json.decode if described.get("wide") else decode)(blob, max_values=len(blob))
    has_text = isinstance(value, (str, list, dict))
    if has_text and redact and would_change(blob.decode(), redact):  # rarely true, so test the whole text first
        return in_texts(value, redact)
    return value


def _parts(
    described: Mapping[str, Any], blob: bytes, budget: ValueBudget, redact: Callable[[str], str] | None
) -> Iterator[list[Any]]:
    """Yield the columns in the text of a description, redacted."""
    start = 0
    for form, size, count in described["parts"]:
        if type(size) is not int or size < 0 or type(count) is not int or count < 0:
            raise ValueError("the message has a column of no size")
        check_records(count if described["form"] == "columns" else count // 2)  # places are pairs
        part = blob[start : start + size]
        start += size
        if form == "json":
            budget.take(part)
            values = _decode(described, part, redact)
            if not isinstance(values, list):
                raise TypeError("the message has a column that is none")
        else:
            budget.add(size, count)
            values = decode_column(form, part, count)
            if redact and form == "texts" and would_change(part.decode(), redact):
                values = list(map(redact, values))
        yield values


def _unchecked(described: dict[str, Any]) -> dict[str, Any]:
    """Return the description of an input, any field of whose records may be read."""
    if described["form"] == "dict":
        return described | {"values": list(map(_unchecked, described["values"]))}
    return described | {"unchecked": True} if described["form"] in ("list", "record") else described


def _with_json(described: dict[str, Any], value: Any) -> tuple[dict[str, Any], bytes]:
    """Return a description, marked as wide if necessary, and the JSON of its value (see `extended_json`)."""
    from kosmo_kernel.values import extended_json

    text, wide = extended_json.encode(value)
    return (described | {"wide": True} if wide else described), text


def _positive(number: Any) -> int:
    if type(number) is not int or number < 1:
        raise ValueError("the message counts or names records that do not exist")
    return number
