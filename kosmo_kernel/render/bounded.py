"""Write a value within a number of characters, for readers that pay for each of them, such as agents.

A list of records is a table: its count, its columns, and its first rows. What is equal in all rows is written once. A
record has a line for each field, a text is itself, and other lists are JSON. A cut falls between rows, fields or lines,
and what was left out is described. Inside of them a list or a record is whole, or only its size is written,
`[… 14 records]`, so that nobody takes a part for the whole. JSON stays valid.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Literal, NamedTuple

from kosmo_kernel.render.tables import Table, columns_cut, exact_table
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.safety.decoder import DecodeError, decode
from kosmo_kernel.safety.text import shortened, with_escapes
from kosmo_kernel.text import counted, lazy_pattern
from kosmo_kernel.values.records import Records, encode, without_surrogates

MAX_CELL_LENGTH = 80  # characters of a cell, in a table that does not fit
MAX_COLUMNS = 200  # columns of a table, and fields of a record
MAX_NAME_LENGTH = 100  # characters of a column's name
MAX_SAME_LENGTH = 40  # characters of a value that is written once for all rows
MAX_LISTED_LENGTH = 120  # characters of the names of columns that were left out
MAX_JSON_LENGTH = 8 << 20  # characters of a text that is read as JSON
CUT = "…"
ONLY_SIZES = "lists and records of which the size is shown"
MIN_TEXT_LENGTH = 30  # characters of a text in a record that are shown even if there are many fields after it

_OTHER_KINDS = lazy_pattern(r"|true|false|null|-?\d+(\.\d+)?([eE][+-]?\d+)?")  # texts that would look like other values
_JSON_BEGINNING = lazy_pattern(r"[ \t\r\n]*[\[{]")


class Bounded(NamedTuple):
    """A value as text."""

    text: str  # the text
    form: Literal["table", "record", "text", "json"]  # how it is written
    left_out: str = ""  # what is not in the text, `456 more rows` for example; empty if nothing was cut
    next_byte: int = 0  # of a text that was cut, the position from 1 where it continues; 0 otherwise
    rows: int = 0  # of a table, how many of its rows are in the text
    rows_left: int = 0  # how many of its rows are not


def bounded(value: Any, budget: int) -> Bounded:
    """Write a value of Lua within `budget` characters.

    Parameters:
        value: a value of `Result.values`.
        budget: the maximum number of characters. Less than 100 may not be enough for the first row of a table.
    """
    if isinstance(value, str):
        return _text_or_json(value, budget)
    if isinstance(value, Mapping):
        return _record(value, budget)
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, dict) and item for item in value):
        return _table(Records(value), budget)
    if isinstance(value, (list, tuple)):
        return _json(value, budget)
    return _table(value, budget) if isinstance(value, Records) else _text(_value_text(value), budget)


# Tables and records ----------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """The part of a table that is written."""

    table: Table  # all of it
    names: Sequence[str]  # the columns that have a value in each row
    same: Mapping[str, str] = {}  # the value of each column that is equal in all rows
    equal: Mapping[str, str] = {}  # columns that are in each row equal to another one, with its name

    @property
    def hidden(self) -> list[str]:
        """The names of the columns that are not written."""
        return [name for name in self.table.names if name not in {*self.names, *self.same, *self.equal}]

    def lines(self, budget: int, max_cell: int | None) -> tuple[list[str], int]:
        """Return the lines that fit, and how many of them are rows; none if not even those above the rows fit."""
        hidden = f"; {columns_cut(list(map(_name, self.hidden)), MAX_LISTED_LENGTH)}" if self.hidden else ""
        same = ", ".join(f"{_name(name)}={text}" for name, text in self.same.items())
        equal = ", ".join(f"{_name(name)}={_name(twin)}" for name, twin in self.equal.items())
        head = [self.table.size + hidden, *[f"the same in all: {same}"] * bool(same)]
        head += [*[f"equal columns: {equal}"] * bool(equal), "\t".join(map(_name, self.names))]
        budget -= sum(map(len, head)) + len(head) - 1
        if budget < 0:
            return [], 0
        rows: list[str] = []
        for row in zip(*self.table.only(self.names).columns, strict=True):
            line = "\t".join([_cell(value, max_cell) for value in row])
            budget -= len(line) + 1
            if budget < 0:
                break
            rows.append(line)
        return head + rows, len(rows)

    def without(self, ids: Collection[str]) -> _Part:
        """Return the part without the columns of ids, if it has others."""
        names = [name for name in self.names if name not in ids]
        same = {name: text for name, text in self.same.items() if name not in ids}
        equal = {name: twin for name, twin in self.equal.items() if not {name, twin} & set(ids)}
        return _Part(self.table, names, same, equal) if names else self


def _table(records: Records, budget: int) -> Bounded:
    if not records and not records.columns:
        return Bounded(shortened("0 records", max(budget, 1)), "table")
    table = exact_table(records, MAX_COLUMNS)
    part = _with_columns_once(table)
    if table.total * len(part.names) <= budget and not table.left_out:  # with a character for each cell
        lines, rows = part.lines(budget, None)
        if lines and rows == table.total:
            return Bounded("\n".join(lines), "table", rows=rows)
    return _cut_table(part.without(table.ids), budget)


def _cut_table(part: _Part, budget: int) -> Bounded:
    """Return the first rows of a table, with long cells cut."""
    table = part.table
    lines, rows = part.lines(budget, MAX_CELL_LENGTH)
    while (part.same or part.equal or len(part.names) > 1) and not (lines and (rows or not table.total)):
        part = _Part(table, part.names[: max(1, len(part.names) * 3 // 4)])  # no row fits
        lines, rows = part.lines(budget, MAX_CELL_LENGTH)
    if not lines:
        return Bounded(shortened(table.size, max(budget, 1)), "table", "all rows")
    left_out = [counted(table.total - rows, "more row")] if rows < table.total else []
    not_shown = table.left_out + len(part.hidden)
    left_out += [counted(not_shown, "column")] if not_shown else []
    cells = chain.from_iterable(islice(values, rows) for values in table.only(part.names).columns)
    long = {
        isinstance(v, str) for v in cells if isinstance(v, (str, list, dict)) and len(_cell(v, None)) > MAX_CELL_LENGTH
    }
    left_out += [f"the ends of texts longer than {MAX_CELL_LENGTH} characters"] * (True in long)
    left_out += [ONLY_SIZES] * (False in long)
    return Bounded("\n".join(lines), "table", ", ".join(left_out), rows=rows, rows_left=table.total - rows)


def _with_columns_once(table: Table) -> _Part:
    """Return all of a table, in which columns that are equal in all rows, or equal to another one, are written once."""
    columns = dict(zip(table.names, table.columns, strict=True))
    same: dict[str, str] = {}
    equal: dict[str, str] = {}
    varying: list[str] = []
    for name, values in columns.items() if len(columns) > 1 and table.total > 1 else ():
        if _is_same(values):
            same[name] = _value_text(values[0])
        elif (twin := next((other for other in varying if _are_equal(columns[other], values)), None)) is not None:
            equal[name] = twin
        else:
            varying.append(name)
    varying = varying or list(columns)[: 1 if same else None]  # one column has to be there
    return _Part(table, varying, {name: text for name, text in same.items() if name not in varying}, equal)


def _are_equal(ours: Sequence[Any], theirs: Sequence[Any]) -> bool:
    return ours[0] == theirs[0] and list(ours) == list(theirs) and list(map(type, ours)) == list(map(type, theirs))


def _is_same(values: Sequence[Any]) -> bool:
    first = values[0]
    if isinstance(first, (list, dict)) or (isinstance(first, str) and len(first) > MAX_SAME_LENGTH):
        return False
    return values[-1] == first and values.count(first) == len(values) and len(set(map(type, values))) == 1


def _cell(value: Any, most: int | None) -> str:
    """Return a value on one line; one with more than `most` characters is cut, if it is a text, else only its size."""
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        return _json_within(value, MAX_JSON_LENGTH if most is None else most) or _size(value)
    return _value_text(value) if most is None else shortened(_value_text(value), most)


def _size(value: list[Any] | dict[str, Any]) -> str:
    """Return what is written in place of a list or a record that does not fit: `[… 14 records]`."""
    if isinstance(value, dict):
        return f"{{{CUT} {counted(len(value), 'field')}}}"
    kind = "record" if value and all(isinstance(item, dict) for item in value) else "item"
    return f"[{CUT} {counted(len(value), kind)}]"


def _record(record: Mapping[Any, Any], budget: int) -> Bounded:
    """Return a line for each field; a list in it is JSON."""
    table = exact_table(record, MAX_COLUMNS)
    fields = [(f"{_name(name)}: ", value) for name, [value] in zip(table.names, table.columns, strict=True)]
    texts = ["null" if value is None else _cell(value, None) for _, value in fields]
    cut = [_cell(value, MIN_TEXT_LENGTH) if value is not None else "null" for _, value in fields]
    needed = sum(len(label) + min(map(len, both)) + 1 for (label, _), *both in zip(fields, texts, cut, strict=True)) - 1
    spare = max(0, budget - needed)
    lines: list[str] = []
    kinds: set[str] = set()  # of what was cut
    for (label, value), full_text, short in zip(fields, texts, cut, strict=True):
        text = full_text
        if len(full_text) > len(short) + spare:
            kinds.add("the ends of texts" if isinstance(value, str) else ONLY_SIZES)
            text = _cell(value, len(short) + spare // 2) if isinstance(value, str) else short
        spare -= max(0, len(text) - len(short))
        budget -= len(label) + len(text) + bool(lines)
        if budget < 0:
            break
        lines.append(label + text)
    count = len(fields) + table.left_out
    left_out = ", ".join([*([counted(count - len(lines), "more field")] if len(lines) < count else []), *sorted(kinds)])
    if not lines:
        return Bounded("{}" if not count else CUT, "record", left_out)
    return Bounded("\n".join(lines), "record", left_out)


def _name(name: str) -> str:
    return escape_control(shortened(name, MAX_NAME_LENGTH))


def _value_text(value: Any) -> str:
    """Return a value on one line; a text that looks like a value of another kind is quoted."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return json.dumps(str(value)) if _OTHER_KINDS.fullmatch(value) else escape_control(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.14g}" if isinstance(value, float) else str(value)


# Texts -----------------------------------------------------------------------------------------------------------


def _text_or_json(text: str, budget: int) -> Bounded:
    if _JSON_BEGINNING.match(text) and len(text) <= MAX_JSON_LENGTH:
        text = without_surrogates(text)
        try:
            value = decode(text)
        except DecodeError:
            return _text(text, budget)
        full_text = with_escapes(text.replace("\r", ""))  # between values, because strings cannot have one
        return Bounded(full_text, "json") if len(full_text) <= budget else _json(value, budget)
    return _text(text, budget)


def _text(text: str, budget: int) -> Bounded:
    """Return the first lines of a text; the first line is cut if it does not fit."""
    part, escaped = _beginning(text, max(budget, 0), with_escapes)
    if len(part) == len(text):
        return Bounded(escaped, "text")
    at = part.rfind("\n")
    if at > 0:
        part = part[: at + 1]
    rest = text[len(part) :]
    lines = rest.count("\n") + (not rest.endswith("\n"))
    left_out = counted(lines, "more line") if at > 0 else f"{len(rest):,} more characters"
    return Bounded(with_escapes(part.rstrip("\n")), "text", left_out, len(part.encode(errors="replace")) + 1)


def _beginning(text: str, budget: int, write: Callable[[str], str]) -> tuple[str, str]:
    """Return a beginning of a text that has at most `budget` characters when it is written, and how it is written."""
    part = text[:budget]
    while len(written := write(part)) > budget:
        part = part[: min(len(part) - 1, len(part) * budget // len(written))]
    return part, written


# JSON ------------------------------------------------------------------------------------------------------------


def _json(value: Any, budget: int) -> Bounded:
    full_text = _json_within(value, budget)
    if full_text is not None:
        return Bounded(full_text, "json")
    is_list = isinstance(value, (list, tuple))
    text = _write_json(value, budget)
    length = len(decode(text))
    more = len(value) - length
    left_out = [counted(more, "more item" if is_list else "more field")] if more else []
    same = list(value[:length]) if is_list else dict(islice(value.items(), length))
    left_out += ["the ends of texts"] if _json_within(same, len(text)) != text else []
    return Bounded(text, "json", ", ".join(left_out))


def _json_within(value: Any, budget: int) -> str | None:
    """Return a value as JSON; None if it is too long, or nested too deeply."""
    try:
        full_text = with_escapes(encode(value).decode())
    except RecursionError:
        return None
    return full_text if len(full_text) <= budget else None


def _write_json(value: Any, budget: int) -> str:
    """Return the first items or fields of a list or an object as JSON; a text that does not fit is cut."""
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    budget -= len(opening + closing)
    pieces: list[str] = []
    items = value.items() if isinstance(value, Mapping) else ((None, item) for item in value)
    for key, item in items:
        label = "" if key is None else f"{_quoted(str(key))}:"
        share = budget - bool(pieces) - len(label)
        text = _json_within(item, share)
        if text is None and isinstance(item, str):
            # Leave half of the budget to the fields after it.
            text = _json_text(item, share // 2 if label else share)
        if text is None:
            break
        pieces.append(label + text)
        budget = share - len(text)
    return opening + ",".join(pieces) + closing


def _json_text(text: str, budget: int) -> str | None:
    full_text = _quoted(text[: max(budget, 0) + 1])
    if len(full_text) <= budget:
        return full_text
    longest = budget - len(_quoted(CUT))
    return None if longest < 0 else _beginning(text[:longest], budget, lambda part: _quoted(part + CUT))[1]


def _quoted(text: str) -> str:
    return with_escapes(json.dumps(without_surrogates(text), ensure_ascii=False))
