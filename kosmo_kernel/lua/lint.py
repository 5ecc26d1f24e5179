"""Warnings about mistakes in a script that Lua does not report.

Lua reads a variable that nothing sets as nil, so that a comparison with it is silently false. It also compares values
of two types without complaint: `app.stack == "heroku-24"` is false because `app.stack` is a record,
`app.maintenance == "true"` because it is true or false, and `dyno.state == "crashd"` because there is no such state.
Times are texts: `dyno.updated_at > "2026-11-20 08:00"` is true of the whole day, because a blank comes before `T`. What
a field holds is declared in the catalogue. A text is read only if it has something of the kind, and only up to
`MAX_CHARACTERS_PARSED` characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Column
from kosmo_kernel.lua.run import MAX_CHARACTERS_PARSED
from kosmo_kernel.lua.surface import record_type
from kosmo_kernel.text import lazy_pattern, nearest
from kosmo_kernel.values.lua_literals import KEYWORDS

if TYPE_CHECKING:
    from kosmo_kernel.lua.mistakes import Comparison

# Most texts have nothing of the kind and need not be read.
_MAY_COMPARE = lazy_pattern(r"[=~]=\s*(?:[\"'\d\[]|true\b|false\b)|(?:[\"'\d\]]|\btrue|\bfalse)\s*[=~]=|\blist\s*\.")
_MAY_ORDER = lazy_pattern(r"[<>]=?\s*[\"'A-Za-z_]|[\"']\s*[<>]")
_MAY_MEAN_ANOTHER = lazy_pattern(
    r"\bawait\b|\bnot\b|\b(?:find|match|gmatch|gsub)\b|\[\s*[-0]|\blist\.\w+\(.{0,400}?(?:[*^$%]|\bfunction\b)"
    r"|\b(?:if|while)\b[ \t(]*(?:#|0\b)|\bfor\s+\w+\s*=\s*0\b|\bor\s*[\"']|\btable\.|\{\s*[\"'][<>=!~]"
    r"|\btype\(|\)\.[a-z]|\.length\b"
)
_MAY_LEAVE_HOLES = lazy_pattern(r"\]\s*=(?!=)")
# A variable that is compared with a field, or is an index, a value in a table or the value of the script.
_VARIABLE = r"((?!(?:nil|true|false|not|function|end)\b)[A-Za-z_]\w*+)"
_UNSET = lazy_pattern(
    rf"(?:\.\s*\w+|\])\s*[=~]=\s*{_VARIABLE}(?!\s*[.(\[:{{\"'])|(?<![\w.:\"']){_VARIABLE}(?=\s*[=~]=\s*\w+\s*\.\s*\w)"
    rf"|(?<=[\w\])])\s*\[\s*{_VARIABLE}\s*\]|(?<=[{{,;])\s*(?:(?:\w+|\[[^\[\]\n]*+\])\s*=\s*)?{_VARIABLE}\s*(?=[,;}}])"
    rf"|(?:\A|(?<=[\n;]))[ \t]*+(?:return\b[ \t]*+)?{_VARIABLE}\s*+\Z"
)
_TIME = lazy_pattern(
    r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3])(:[0-5]\d(:[0-5]\d(\.\d+)?)?)?Z?)?)?)?"
)
# Where the clock of the computer is read: without a time of one's own.
_CLOCK = lazy_pattern(r"\bos\s*\.\s*(?:time\s*\(\s*\)|date\s*\([^(),]*\))")
_LITERALS = {"string": "a text", "number": "a number", "keyword": "true or false"}
_KINDS = {
    "string": ("a text", "string"),
    "timestamp": ("a text", "string"),
    "integer": ("a number", "number"),
    "number": ("a number", "number"),
    "boolean": ("true or false", "keyword"),
    "list": ("a list", ""),
    "object": ("a table", ""),
}


def lint(
    source: str,
    is_set: Callable[[str], bool],
    calls: Collection[str] = (),
    unmatched: Mapping[tuple[str, str], str] | None = None,
    nearest_variable: Callable[[str], str] = lambda _: "",
    *,
    table_columns: Collection[str] = (),
) -> list[str]:
    """Return warnings about a script, one line each.

    Parameters:
        source: the script.
        is_set: returns whether a script of the session, this one included, or an input sets a variable of this name.
        calls: the paths of the session's calls so far, `integrations.heroku.list_apps`. A field is one of a function
            that the script names or, if none of those has such a field, of one that was called. Without calls, as in a
            session with an account's snapshot, it is one of all functions that were needed so far.
        unmatched: the field and the text of each test of `list.filter` and the like that matched nothing, with the
            text that the field has instead.
        nearest_variable: returns the variable with the nearest name, or an empty text.
        table_columns: the columns of the tables that the session has read. What they hold is not declared, and rows of
            tables may be compared where the script names a table, or no function with such a field.
    """
    source = source[:MAX_CHARACTERS_PARSED]
    warnings: list[tuple[int, str]] = []
    if _MAY_MEAN_ANOTHER.search(source):
        from kosmo_kernel.lua.habits import warnings_of

        warnings += sorted(warnings_of(source, is_set))
    literals = set()
    if any(may.search(source) for may in (_MAY_COMPARE, _MAY_ORDER, _MAY_LEAVE_HOLES)):
        from kosmo_kernel.lua.mistakes import comparisons, holes, new_lists
        from kosmo_kernel.values.lua_source import read

        text = read(source)
        for comparison, warning in _of_fields(comparisons(text), source, calls, table_columns):
            literals.add(comparison.literal)
            warnings.append((text.tokens[comparison.at].start, warning))
        warnings += ((text.tokens[at].start, warning) for at, warning in chain(new_lists(text), holes(text)))
    for (field, value), near in sorted((unmatched or {}).items()):
        at = max(source.find(f"{quote}{value}{quote}") for quote in "\"'")
        if value not in literals and at >= 0:
            warnings.append((at, f'no item has "{value[:40]}" as its `{field}`. Did you mean "{near}"?'))
    warnings += _unset(source, is_set, nearest_variable)
    return [f"line {source.count(chr(10), 0, start) + 1}: {warning}" for start, warning in warnings]


def _unset(
    source: str, is_set: Callable[[str], bool], nearest_variable: Callable[[str], str]
) -> Iterator[tuple[int, str]]:
    """Yield places and warnings about variables that would pass unnoticed if they are not set."""
    if not _UNSET.search(source):
        return
    from kosmo_kernel.values.lua_tokens import masked

    is_set = cache(is_set)
    for match in _UNSET.finditer(masked(source)):
        name = match[match.lastindex or 0]
        if name not in KEYWORDS and not is_set(name):
            near = nearest_variable(name)
            hint = f"Did you mean `{near}`?" if near else f'A text has quotes: "{name}".'
            yield match.start(match.lastindex or 0), f"`{name}` is a variable that nothing sets. {hint}"


def of_clock(source: str, data: datetime, clock: datetime) -> list[str]:
    """Return a warning about a script that reads the clock of the computer while the data is of another day."""
    if abs(data - clock) < timedelta(days=1) or not _CLOCK.search(source):
        return []
    from kosmo_kernel.values.lua_tokens import masked

    read = _CLOCK.search(masked(source[:MAX_CHARACTERS_PARSED]))
    if read is None:
        return []
    line, name = source.count("\n", 0, read.start()) + 1, read[0].partition("(")[0].strip()
    advice = f"The data is of {data:%Y-%m-%d}: `time.now()`."
    return [f"line {line}: `{name}` reads the clock of the computer, {clock:%Y-%m-%d}. {advice}"]


# What the catalogue declares -------------------------------------------------------------------------


def _of_fields(
    written: Sequence[Comparison], source: str, calls: Collection[str], table_columns: Collection[str]
) -> Iterator[tuple[Comparison, str]]:
    """Yield comparisons with a warning that follows from what the catalogue declares; see `lint`."""
    if not written:
        return
    services = integrations.loaded()
    functions = [(integration.name, name) for integration in services for name in integration.table.names]
    in_source = tuple((service, name) for service, name in functions if name in source)
    before = tuple((service, name) for service, name in functions if f"integrations.{service}.{name}" in calls)
    needed = ((i.name, function.name) for i in services for function in i.table.existing() if not before)
    declared = [(_declared(in_source), "tables" in source), (_declared(before or tuple(needed)), True)]
    for comparison in written:
        for (columns_by_name, labels), may_be_of_table in declared:
            name = comparison.path[-1]
            if may_be_of_table and comparison.path == (name,) and name in table_columns:
                break
            columns = _columns_of(comparison.path, columns_by_name.get(name, ()))
            label = labels.get(name)
            if comparison.in_test and label:  # a test compares the label of a record
                columns = _columns_of((*comparison.path, label), columns_by_name.get(label, ()))
            if comparison.order:
                warning = _of_times(comparison, columns)
            elif label and comparison.kind == "string" and not comparison.in_test:
                warning = (
                    f"`.{name}` is a record, and Lua never finds a record equal to a text. "
                    f'Compare its {label}: `.{name}.{label} == "…"`.'
                )
            else:
                warning = _of_columns(comparison, columns)
            if warning:
                yield comparison, warning
            if columns or label:
                break


def _of_columns(comparison: Comparison, columns: Sequence[Column]) -> str:
    """Return the warning about a comparison with fields of which it may be one, or an empty text."""
    kinds = {_KINDS[column.kind] for column in columns}
    if len(kinds) != 1 or any(column.default is not None for column in columns):
        return ""
    [(words, kind)] = kinds
    name, literal = ".".join(columns[0].path[-len(comparison.path) :]), comparison.literal
    if kind != comparison.kind:
        wrong = f"`.{name}` is {words}, and Lua never finds it equal to {_LITERALS[comparison.kind]}."
        if kind == "string":
            right = f'"{literal}"'
        elif literal in ("true", "false") if kind == "keyword" else kind and re.fullmatch(r"\d+(\.\d+)?", literal):
            right = literal
        else:
            return wrong
        return f"{wrong} Write {right}." if comparison.in_test else f"{wrong} Write `.{name} == {right}`."
    values = tuple(dict.fromkeys(chain.from_iterable(column.values for column in columns)))
    if literal in values or not all(column.values for column in columns):
        return ""
    near = nearest(literal, values, 1)
    hint = f'Did you mean "{near[0]}"?' if near else f"Known ones are {', '.join(values)}."
    return f'"{literal[:40]}" is no known value of `.{name}`. {hint}'


def _of_times(comparison: Comparison, columns: Sequence[Column]) -> str:
    """Return the warning about a text that does not begin as times do, if the fields are times, or an empty text."""
    literal = comparison.literal
    if _TIME.fullmatch(literal) or {column.kind for column in columns} != {"timestamp"}:
        return ""
    corrected = literal.strip().replace(" ", "T", 1)
    general = 'a day, "2026-11-20", or a time in UTC, "2026-11-20T09:00:00Z"'
    hint = f'"{corrected}"' if _TIME.fullmatch(corrected) else general
    name = ".".join(columns[0].path[-len(comparison.path) :])
    written = f'compared with "{literal[:40]}" letter by letter. Write {hint}.'
    return f'`.{name}` is a text such as "2026-11-20T09:00:00Z", and {written}'


@lru_cache(maxsize=64)
def _declared(functions: tuple[tuple[str, str], ...]) -> tuple[dict[str, dict[Column, None]], dict[str, str]]:
    """Return what functions declare.

    Returns:
        The columns by the last of their names, and the fields with a reference, each with the field that is its text
        form.
    """
    columns_by_name: dict[str, dict[Column, None]] = {}
    labels: dict[str, str] = {}
    for name, function in functions:
        integration = integrations.find(name)
        own = integration.function(function).columns
        for column in chain(own, *(column.items for column in own)):
            columns_by_name.setdefault(column.path[-1], {})[column] = None
        nested = record_type(own, integration.labels)["fields"]
        labels |= {name: kind["label"] for name, kind in nested.items() if "label" in kind}
    return columns_by_name, labels


def _columns_of(path: tuple[str, ...], columns: Collection[Column]) -> list[Column]:
    """Return the columns whose names have the longest common end with a path."""
    deepest = max((len(column.path) for column in columns), default=0)
    for start in range(max(0, len(path) - deepest), len(path)):
        if matching := [column for column in columns if column.path[start - len(path) :] == path[start:]]:
            return matching
    return []
