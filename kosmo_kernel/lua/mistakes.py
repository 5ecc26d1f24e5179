"""Find comparisons and mistakes that Lua does not report in the tokens of a script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import chain
from typing import NamedTuple

from kosmo_kernel.values.lua_source import BINDS_CLOSER, OPERATORS, Names, Source, keys, set_variables

_TESTS = ("filter", "reject", "find")  # functions of `list` that compare fields with values
_NEW_LISTS = (*_TESTS, "flatten", "take", "drop", "unique_by", "sort_by", "index_by", "group_by", "count_by", "sum_by")
_ALWAYS_SET = (
    "created_at",
    "email",
    "hostname",
    "id",
    "name",
    "state",
    "type",
    "updated_at",
)  # fields that are not null
_STATEMENT_AFTER = (";", "do", "then", "else", "end", "repeat", "nil", "true", "false")  # what a statement can follow


class Comparison(NamedTuple):
    """A comparison of a field with a literal."""

    at: int  # its token
    path: Names  # the names of the field, without that of its variable
    kind: str  # of the literal: `string`, `number` or `keyword`
    literal: str  # its text, without quotes
    in_test: bool = False  # it is a test of `list.filter` and the like, `{ state = "crashed" }`
    order: bool = False  # it asks which of the two is less


def comparisons(source: Source) -> list[Comparison]:
    """Return where fields are compared with literals. Fields that the script defines itself are left out."""
    written = sorted((*_compared(source), *_tested(source)))
    names = Counter(chain.from_iterable(keys(source.code))) - Counter(c.path[-1] for c in written if c.in_test)
    return [comparison for comparison in written if names.keys().isdisjoint(comparison.path)]


def _compared(source: Source) -> Iterator[Comparison]:
    words = source.words
    for at, word in enumerate(words):
        if word not in ("==", "~=", "<", ">", "<=", ">="):
            continue
        start = at - 1 if source.is_literal(at - 1) else source.start_of(at)
        end = source.end_of(at + 1)
        if (start and words[start - 1] in BINDS_CLOSER) or words[end] in BINDS_CLOSER:
            continue
        for begin, until, literal in (start, at, at + 1 if end == at + 2 else -1), (at + 1, end, at - 1):
            names = source.path(begin, until)
            path = names[max((index for index, name in enumerate(names) if not name), default=0) + 1 :]
            order = word[0] in "<>"
            if path and source.is_literal(literal) and (source.kinds[literal] == "string" or not order):
                token = source.tokens[literal]
                yield Comparison(at, path, token.kind, token.text, order=order)


def _tested(source: Source) -> Iterator[Comparison]:
    """Yield the comparisons of a test such as `list.filter(dynos, { state = "crashed" })`."""
    for opening in _calls(source, _TESTS):
        tables = [argument.value for argument in source.entries(opening) if source.words[argument.value] == "{"]
        for entry in chain.from_iterable(map(source.entries, tables)):
            if entry.name and source.is_literal(entry.value) and source.words[entry.value + 1] in (",", ";", "}"):
                token, path = source.tokens[entry.value], tuple(entry.name.split("."))
                yield Comparison(entry.start, path, token.kind, token.text, in_test=True)


def _calls(source: Source, names: Collection[str]) -> Iterator[int]:
    """Yield the brackets that open the arguments of functions of `list`."""
    words = source.words
    for at, word in enumerate(words):
        is_called = word in names and words[at - 2 : at] == ["list", "."] and words[at + 1] == "("
        if is_called and words[at - 3] not in (".", ":"):
            yield at + 1


def new_lists(source: Source) -> Iterator[tuple[int, str]]:
    """Yield tokens and warnings about calls of functions that return a new list which nothing takes."""
    for opening in _calls(source, _NEW_LISTS) if "list" not in set_variables(source.code) else ():
        start, end = opening - 3, source.suffix(opening)
        begins = not start or source.words[start - 1] in _STATEMENT_AFTER or source.is_suffix(start)
        begins = begins or source.is_literal(start - 1)
        is_used = end >= source.size or source.words[end] in (*OPERATORS, ",") or source.suffix(end) > end
        if begins and not is_used:
            name = source.words[opening - 1]
            yield start, f"`list.{name}` changes nothing: it returns what nothing here takes."


def holes(source: Source) -> Iterator[tuple[int, str]]:
    """Yield tokens and warnings about tables that a loop leaves holes in, and of which `#` is taken later."""
    words, kinds = source.words, source.kinds
    counted = {words[at + 1]: at for at, word in enumerate(words) if word == "#" and words[at - 1] != "["}
    for closing in [at for at, word in enumerate(words) if word == "]" and words[at + 1] == "="]:
        opening, index = source.partner[closing], words[closing - 1]
        name, (value, end) = words[opening - 1], source.expressions(closing + 2)[:2]
        if counted.get(name, 0) < end or words[opening - 2] in (".", ":"):
            continue
        loop = next(source.visible(words[opening + 1], closing), None)
        if loop is None or loop.how != "loop":
            continue
        own, is_field = words[value:end], source.end_of(value) == end and words[end - 2] in (".", ":")
        may_be_nil = is_field and own[-1] not in _ALWAYS_SET
        may_be_nil |= own[0] != "{" and not {"and", "match"}.isdisjoint(own)
        may_be_nil |= any(words[around] in ("then", "else") for around in source.around(closing) if around > loop.block)
        if words[closing - 2] == "." and kinds[closing - 1] == "name":
            yield opening - 1, f"`#{name}` counts the items 1, 2, 3 …, and those of `{name}` have other keys."
        elif opening == closing - 2 and may_be_nil and not loop.which:
            text = source.code[source.tokens[value].start : source.tokens[end - 1].end]
            written = f"Write {name}[#{name} + 1] = {text}"
            advice = f"`list.reject({name}, f)` is a list without some" if text == "nil" else written
            yield opening - 1, f"`#{name}` may stop where `{name}[{index}]` is nil. {advice}."
