"""Warn about a comparison of a field with a literal that is never true, or that orders times wrongly.

Lua compares values of two types without complaint: `app.stack == "heroku-24"` is false because `app.stack` is a record,
`app.maintenance == "true"` because it is true or false, and `dyno.state == "crashd"` because there is no such state.
Times are texts: `dyno.updated_at > "2026-11-20 08:00"` is true of the whole day, because a blank comes before `T`. What
a field holds is declared in the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Column
from kosmo_kernel.lua.surface import record_type
from kosmo_kernel.run.chunks import CLOSING_BRACKETS, OPENING_BRACKETS, code_of, keys, openers, start_of
from kosmo_kernel.text.nearest import nearest

if TYPE_CHECKING:
    from kosmo_kernel.editor.tokens import Token

# Most texts have nothing of the kind and need not be tokenized.
_MAY_COMPARE = re.compile(r"[=~]=\s*(?:[\"'\d\[]|true\b|false\b)|(?:[\"'\d\]]|\btrue|\bfalse)\s*[=~]=|\blist\s*\.")
_OTHER_TYPE = re.compile(r"[=~]=\s*(?:\d|true\b|false\b)|(?:\d|\btrue|\bfalse)\s*[=~]=")
_MAY_ORDER = re.compile(r"[<>]=?\s*[\"'A-Za-z_]|[\"']\s*[<>]")
_AFTER_PART = frozenset(("..", ".", ":", "(", "["))  # what follows a part of a longer expression
_BEFORE_PART = frozenset(("..", ".", ":"))
_ORDERS = frozenset(("<", "<=", ">", ">="))
_TIME = re.compile(
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
_BINDS_TIGHTER = frozenset(("#", "-", "~", "..", "+", "*", "/", "//", "%", "^", "not"))
_TESTS = frozenset(("filter", "reject", "find"))  # functions of `list` that compare fields with values
_TEST = "test"  # stands for the bracket that opens the arguments of one


class Comparison(NamedTuple):
    """A comparison of a field with a literal.

    Parameters:
        line: counted from 1.
        path: the names of the field, which may begin with that of a variable.
        kind: the kind of the literal's token: `string`, `number` or `keyword`.
        literal: its text, without quotes.
        in_test: it is a test of `list.filter` and the like, `{ state = "crashed" }`.
        order: it asks which of the two is less.
    """

    line: int
    path: tuple[str, ...]
    kind: str
    literal: str
    in_test: bool = False
    order: bool = False


def comparison_warnings(
    source: str, called: Collection[str], unmatched: Mapping[tuple[str, str], str]
) -> Iterator[str]:
    """Yield warnings about comparisons in a script.

    Parameters:
        source: the script.
        called: the paths of the session's calls so far, `integrations.heroku.list_apps`. A field is one of a function
            that the script names or, if none of those has such a field, of one that was called. Without calls, as in a
            session with an account's snapshot, it is one of all functions that were needed so far.
        unmatched: the field and the text of each test of `list.filter` and the like that matched nothing, with the
            text that the field has instead.
    """
    known = set()
    for comparison, warning in _of_fields(source, called):
        known.add(comparison.literal)
        yield warning
    yield from _of_tests(source, {test: text for test, text in unmatched.items() if test[1] not in known})


def _of_fields(source: str, called: Collection[str]) -> Iterator[tuple[Comparison, str]]:
    """Yield comparisons with a warning that follows from what the catalogue declares; see `comparison_warnings`."""
    if not _MAY_COMPARE.search(source) and not _MAY_ORDER.search(source):
        return
    services = integrations.loaded()
    functions = [(one.name, name) for one in services for name in one.table.names]
    named = tuple((service, name) for service, name in functions if name in source)
    before = tuple((service, name) for service, name in functions if f"integrations.{service}.{name}" in called)
    needed = () if before else tuple((one.name, function.name) for one in services for function in one.table.existing())
    declared = [_declared(named), _declared(before or needed)]
    # Of a field with any text only a comparison with another type is of interest.
    special = {name for columns_by_name, labels in declared for name in (*labels, *_special(columns_by_name))}
    if not any(name in source for name in special) and not _OTHER_TYPE.search(source):
        return
    for comparison in _comparisons(source):
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
    code = code_of(source)[0] if unmatched else ()
    starts = {token.text: token.start for token in reversed(code) if token.kind == "string"}
    written = [test for test in unmatched if test[1] in starts]
    for field, wanted in sorted(written, key=lambda test: (starts[test[1]], test)):
        line = source.count("\n", 0, starts[wanted]) + 1
        yield f'line {line}: no item has "{wanted[:40]}" as its `{field}`. Did you mean "{unmatched[field, wanted]}"?'


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
    known = tuple(dict.fromkeys(chain.from_iterable(column.values for column in columns)))
    if kind == comparison.kind and all(column.values for column in columns) and comparison.literal not in known:
        near = nearest(comparison.literal, known, 1)
        hint = f'Did you mean "{near[0]}"?' if near else f"Known ones are {', '.join(known)}."
        yield f'{start}"{comparison.literal[:40]}" is no known value of `.{name}`. {hint}'


def _of_times(comparison: Comparison, columns: Sequence[Column]) -> Iterator[str]:
    """Yield the warning about a text that does not begin as times do, if the fields are times."""
    literal = comparison.literal
    if _TIME.fullmatch(literal) or {column.kind for column in columns} != {"timestamp"}:
        return
    meant = literal.strip().replace(" ", "T", 1)
    hint = f'"{meant}"' if _TIME.fullmatch(meant) else 'a day, "2026-11-20", or a time in UTC, "2026-11-20T09:00:00Z"'
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
        for column in own:
            columns_by_name.setdefault(column.path[-1], {})[column] = None
        nested = record_type(own, integration.labels)["fields"]
        labels |= {name: kind["label"] for name, kind in nested.items() if "label" in kind}
    return columns_by_name, labels


def _columns_of(path: tuple[str, ...], columns: Collection[Column]) -> list[Column]:
    """Return the columns whose names have the longest common end with a path."""
    deepest = max((len(column.path) for column in columns), default=0)
    for start in range(max(0, len(path) - deepest), len(path)):
        if found := [column for column in columns if column.path[start - len(path) :] == path[start:]]:
            return found
    return []


@lru_cache(maxsize=64)
def _comparisons(source: str) -> tuple[Comparison, ...]:
    """Return where fields are compared with literals. Fields that the script defines itself are left out."""
    code, words = code_of(source)
    opened_at = openers(words)
    found: list[Comparison] = []
    open_: list[str] = []  # brackets, those of the calls of tests as `_TEST`
    texts = _texts(code, words)
    line, counted = 1, 0
    for at, word in enumerate(words[:-1]):
        line += source.count("\n", counted, code[at].start)
        counted = code[at].start
        after = code[at + 1]
        if word in OPENING_BRACKETS:
            is_test = at > 2 and words[at - 1] in _TESTS and words[at - 3 : at - 1] == ["list", "."]
            open_.append(_TEST if is_test else word)
        elif word in CLOSING_BRACKETS:
            del open_[-1:]
        elif word in ("==", "~=") and at > 0:
            before = code[at - 1]
            if _is_literal(after) and (path := _path_before(code, words, at, opened_at)):
                found.append(Comparison(line, path, after.kind, after.text))
            if _is_literal(before) and (path := _path_after(code, at)):
                found.append(Comparison(line, path, before.kind, before.text))
        elif word in _ORDERS and at > 0:
            if (text := texts.get(at + 1)) and (path := _path_before(code, words, at, opened_at)):
                found.append(Comparison(line, path, "string", text, order=True))
            if (text := texts.get(at - 1)) and (path := _path_after(code, at)):
                found.append(Comparison(line, path, "string", text, order=True))
        elif word == "=" and open_[-2:] == [_TEST, "{"] and _is_literal(after):
            key = code[at - 2] if words[at - 1] == "]" else code[at - 1]
            key_line = line - source.count("\n", key.start, counted)
            found.append(Comparison(key_line, tuple(key.text.split(".")), after.kind, after.text, in_test=True))
    own = frozenset(chain.from_iterable(keys(source)))
    tested = {one.path[-1] for one in found if one.in_test}
    return tuple(one for one in found if one.in_test or not own.intersection(one.path) - tested)


def _texts(code: Sequence[Token], words: Sequence[str]) -> dict[int, str]:
    """Return the texts by the place of their token: of literals, and of variables that are set once, to a literal."""

    def alone(at: int) -> bool:
        return _BEFORE_PART.isdisjoint(words[at - 1 : at]) and _AFTER_PART.isdisjoint(words[at + 1 : at + 2])

    texts = {at: token.text for at, token in enumerate(code) if token.kind == "string" and alone(at)}
    values: dict[str, list[str | None]] = {}
    for at, word in enumerate(words):
        if word == "=" and at > 0 and code[at - 1].kind == "name":
            values.setdefault(words[at - 1], []).append(texts.get(at + 1))
    for at, token in enumerate(code):
        if (
            token.kind == "name"
            and alone(at)
            and len(known := values.get(token.text, [])) == 1
            and known[0] is not None
        ):
            texts[at] = known[0]
    return texts


def _is_literal(token: Token) -> bool:
    return token.kind in ("string", "number") or (token.kind == "keyword" and token.text in ("true", "false"))


def _path_before(
    code: Sequence[Token], words: Sequence[str], end: int, opened_at: Mapping[int, int]
) -> tuple[str, ...]:
    """Return the names of the field that ends before a token; nothing if an operator changes its value."""
    at, path = end - 1, list[str]()
    while at > 0 and code[at].kind == "name" and words[at - 1] == ".":
        path.append(words[at])
        at -= 2
    before = start_of(code, words, at, opened_at) - 1
    return () if before >= 0 and words[before] in _BINDS_TIGHTER else tuple(reversed(path))


def _path_after(tokens: Sequence[Token], start: int) -> tuple[str, ...]:
    """Return the names of the field after a token, behind that of its variable."""
    at, path = start + 1, list[str]()
    while at + 2 < len(tokens) and tokens[at + 1].text == "." and tokens[at + 2].kind == "name":
        path.append(tokens[at + 2].text)
        at += 2
    changed = at + 1 < len(tokens) and tokens[at + 1].text in (*_BINDS_TIGHTER, "(", "[", ":", "{")
    return () if changed or tokens[start + 1].kind != "name" else tuple(path)
