"""Warnings about mistakes in a script that Lua does not report.

Lua reads a variable that nothing sets as nil, so that a comparison with it is silently false. It also compares values
of two types without complaint: `app.stack == "heroku-24"` is false because `app.stack` is a record,
`app.maintenance == "true"` because it is true or false, and `dyno.state == "crashd"` because there is no such state.
Times are texts: `dyno.updated_at > "2026-11-20 08:00"` is true of the whole day, because a blank comes before `T`. What
a field holds is declared in the catalogue. The text is parsed only if it has something of the kind, and only up to
`MAX_CHARACTERS_PARSED` characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Column
from kosmo_kernel.lua.run import MAX_CHARACTERS_PARSED
from kosmo_kernel.lua.surface import record_type
from kosmo_kernel.text import lazy_pattern, nearest

if TYPE_CHECKING:
    from kosmo_kernel.lua.mistakes import Comparison

# Most texts have nothing of the kind and need not be parsed.
_MAY_COMPARE = lazy_pattern(r"[=~]=\s*(?:[\"'\d\[]|true\b|false\b)|(?:[\"'\d\]]|\btrue|\bfalse)\s*[=~]=|\blist\s*\.")
_OTHER_TYPE = lazy_pattern(r"[=~]=\s*(?:\d|true\b|false\b)|(?:\d|\btrue|\bfalse)\s*[=~]=")
_MAY_ORDER = lazy_pattern(r"[<>]=?\s*[\"'A-Za-z_]|[\"']\s*[<>]")
_TIME = lazy_pattern(
    r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3])(:[0-5]\d(:[0-5]\d(\.\d+)?)?)?Z?)?)?)?"
)
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
# What most texts have nothing of: a variable that is compared with a field, or is an index, a value in a table or the
# value of the script; an index that is no positive number; `not` before a comparison; `-` in a pattern; and a function
# of `list` that begins a line.
_VARIABLE = r"(?!(?:nil|true|false|not|function|end)\b)[A-Za-z_]\w*+"
_MAY_BE_WRONG = lazy_pattern(
    rf"(?:\.\s*\w+|\])\s*[=~]=\s*{_VARIABLE}(?!\s*[.(\[:{{\"'])|(?<![\w.:\"']){_VARIABLE}\s*[=~]=\s*\w+\s*\.\s*\w"
    rf"|[\w\])]\s*\[\s*(?:{_VARIABLE}|0|-\s*\d+)\s*\]|[{{,;]\s*(?:\w+\s*=\s*)?{_VARIABLE}\s*[,;}}]"
    rf"|(?:\A|(?<=[\n;]))[ \t]*+(?:return\b[ \t]*+)?{_VARIABLE}\s*+\Z"
    r"|\bnot\s+[A-Za-z_][\w.]*\s*[=~]=|:\s*(?:find|match|gmatch|gsub)\b"
    r"|(?:\A|[;\n]|\b(?:do|then|else|repeat)\b)[ \t]*+list\s*\."
)

# What may be written as in another language and is taken in silence.
_MAY_MEAN_ANOTHER = lazy_pattern(r"\bawait\b|\b(?:find|match|gmatch|gsub)\b|\blist\.(?:filter|reject|find)\(.*\*")


def lint(
    source: str,
    is_set: Callable[[str], bool],
    calls: Collection[str] = (),
    unmatched: Mapping[tuple[str, str], str] | None = None,
    nearest_variable: Callable[[str], str] = lambda _: "",
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
    """
    source = source[:MAX_CHARACTERS_PARSED]
    habits = []
    if _MAY_MEAN_ANOTHER.search(source):
        from kosmo_kernel.lua.habits import warnings_of

        habits = warnings_of(source, is_set)
    literals, warnings = set(), []
    for comparison, warning in _of_fields(source, calls):
        literals.add(comparison.literal)
        warnings.append(warning)
    warnings += _of_tests(source, {test: text for test, text in (unmatched or {}).items() if test[1] not in literals})
    if _MAY_BE_WRONG.search(source):
        from kosmo_kernel.lua.mistakes import mistakes

        warnings += mistakes(source, is_set, nearest_variable)
    return habits + warnings


def _of_fields(source: str, calls: Collection[str]) -> Iterator[tuple[Comparison, str]]:
    """Yield comparisons with a warning that follows from what the catalogue declares; see `lint`."""
    if not _MAY_COMPARE.search(source) and not _MAY_ORDER.search(source):
        return
    services = integrations.loaded()
    functions = [(integration.name, name) for integration in services for name in integration.table.names]
    in_source = tuple((service, name) for service, name in functions if name in source)
    before = tuple((service, name) for service, name in functions if f"integrations.{service}.{name}" in calls)
    needed = ((i.name, function.name) for i in services for function in i.table.existing() if not before)
    declared = [_declared(in_source), _declared(before or tuple(needed))]
    # Of a field with any text only a comparison with another type is of interest.
    special = {name for columns_by_name, labels in declared for name in (*labels, *_special(columns_by_name))}
    if not any(name in source for name in special) and not _OTHER_TYPE.search(source):
        return
    from kosmo_kernel.lua.mistakes import comparisons

    for comparison in comparisons(source):
        for columns_by_name, labels in declared:
            name = comparison.path[-1]
            columns = _columns_of(comparison.path, columns_by_name.get(name, ()))
            if comparison.in_test and (label := labels.get(name)):  # a test compares the label of a record
                columns = _columns_of((*comparison.path, label), columns_by_name.get(label, ()))
            if comparison.order:
                yield from ((comparison, warning) for warning in _of_times(comparison, columns))
            elif name in labels and comparison.kind == "string" and not comparison.in_test:
                warning = (
                    f"line {comparison.line}: `.{name}` is a record, and Lua never finds a record equal to a text. "
                    f'Compare its {labels[name]}: `.{name}.{labels[name]} == "…"`.'
                )
                yield comparison, warning
            else:
                yield from ((comparison, warning) for warning in _of_columns(comparison, columns))
            if columns or name in labels:
                break


def _of_tests(source: str, unmatched: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """Yield the warnings about texts of tests that match nothing, if they are written in the script."""
    if not unmatched:
        return
    from kosmo_kernel.values.lua_tokens import tokens_of

    starts = {token.text: token.start for token in reversed(tokens_of(source)) if token.kind == "string"}
    written = [test for test in unmatched if test[1] in starts]
    for field, value in sorted(written, key=lambda test: (starts[test[1]], test)):
        line = source.count("\n", 0, starts[value]) + 1
        yield f'line {line}: no item has "{value[:40]}" as its `{field}`. Did you mean "{unmatched[field, value]}"?'


def _of_columns(comparison: Comparison, columns: Sequence[Column]) -> Iterator[str]:
    """Yield the warning about a comparison with fields of which it may be one."""
    kinds = {_KINDS[column.kind] for column in columns}
    if len(kinds) != 1 or any(column.default is not None for column in columns):
        return
    [(words, kind)] = kinds
    name = ".".join(columns[0].path[-len(comparison.path) :])
    start = f"line {comparison.line}: "
    if kind != comparison.kind:
        literal = _LITERALS[comparison.kind]
        yield f"{start}`.{name}` is {words}, and Lua never finds it equal to {literal}.{_hint(comparison, name, kind)}"
    values = tuple(dict.fromkeys(chain.from_iterable(column.values for column in columns)))
    if kind == comparison.kind and all(column.values for column in columns) and comparison.literal not in values:
        near = nearest(comparison.literal, values, 1)
        hint = f'Did you mean "{near[0]}"?' if near else f"Known ones are {', '.join(values)}."
        yield f'{start}"{comparison.literal[:40]}" is no known value of `.{name}`. {hint}'


def _of_times(comparison: Comparison, columns: Sequence[Column]) -> Iterator[str]:
    """Yield the warning about a text that does not begin as times do, if the fields are times."""
    literal = comparison.literal
    if _TIME.fullmatch(literal) or {column.kind for column in columns} != {"timestamp"}:
        return
    corrected = literal.strip().replace(" ", "T", 1)
    hint = (
        f'"{corrected}"'
        if _TIME.fullmatch(corrected)
        else 'a day, "2026-11-20", or a time in UTC, "2026-11-20T09:00:00Z"'
    )
    name = ".".join(columns[0].path[-len(comparison.path) :])
    yield (
        f'line {comparison.line}: `.{name}` is a text such as "2026-11-20T09:00:00Z", and compared with '
        f'"{literal[:40]}" letter by letter. Write {hint}.'
    )


def _hint(comparison: Comparison, name: str, kind: str) -> str:
    """Return what to write instead, if the literal can be of the field's kind."""
    text = comparison.literal
    if kind == "string":
        return f' Write "{text}".' if comparison.in_test else f' Write `.{name} == "{text}"`.'
    if text in ("true", "false") if kind == "keyword" else kind and re.fullmatch(r"\d+(\.\d+)?", text):
        return f" Write {text}, without quotes." if comparison.in_test else f" Write `.{name} == {text}`."
    return ""


def _special(columns_by_name: Mapping[str, Collection[Column]]) -> Iterator[str]:
    """Yield the fields that cannot hold every text."""
    for name, columns in columns_by_name.items():
        if any(column.values or column.kind == "timestamp" or _KINDS[column.kind][1] != "string" for column in columns):
            yield name


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
