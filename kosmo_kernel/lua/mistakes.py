"""Find comparisons and mistakes that Lua does not report in the tokens of a script.

A mistake is a variable that nothing sets, an index that no list has, a negation or a pattern that means something else,
and a new list that nothing takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain

from msgspec import Struct

from kosmo_kernel.values.lua_source import CONSTANTS, OPERATORS, PREFIXES, WHOLE, Names, Source, keys, read

_TESTS = frozenset(("filter", "reject", "find"))  # functions of `list` that compare fields with values
_NEW_LISTS = _TESTS | {"flatten", "take", "drop", "unique_by", "sort_by", "index_by", "group_by", "count_by", "sum_by"}
_OPPOSITE = {"==": "~=", "~=": "=="}
_ORDERS = frozenset(("<", "<=", ">", ">="))
_BINDS_CLOSER = (OPERATORS | PREFIXES) - {"and", "or"} - _OPPOSITE.keys() - _ORDERS
_PATTERNS = ("find", "match", "gmatch", "gsub")  # methods of a text that take a pattern
_HYPHEN = re.compile(r"(?>[^\n%\[]*?\w-\w)[^\n]*")  # in a text that uses nothing else of a pattern before it


class Comparison(Struct, frozen=True):
    """A comparison of a field with a literal."""

    at: int  # its token
    line: int  # counted from 1
    path: Names  # the names of the field, without that of its variable
    kind: str  # of the literal: `string`, `number` or `keyword`
    literal: str  # its text, without quotes
    in_test: bool = False  # it is a test of `list.filter` and the like, `{ state = "crashed" }`
    order: bool = False  # it asks which of the two is less


class Side(Struct, frozen=True):
    """An operand of a comparison: a literal, or a variable with what follows it."""

    start: int
    end: int


@lru_cache(maxsize=64)
def comparisons(text: str) -> tuple[Comparison, ...]:
    """Return where fields are compared with literals. Fields that the script defines itself are left out."""
    source = read(text)
    written = sorted(chain(_compared(source), _tested(source)), key=lambda comparison: comparison.at)
    own = frozenset(chain.from_iterable(keys(text))) - {c.path[-1] for c in written if c.in_test}
    return tuple(comparison for comparison in written if comparison.in_test or own.isdisjoint(comparison.path))


def mistakes(text: str, is_set: Callable[[str], bool], nearest_variable: Callable[[str], str]) -> Iterator[str]:
    """Yield warnings about mistakes in a script; the parameters are as for `run.lint.lint`."""
    source = read(text)
    unset: dict[str, bool] = {}
    for at in sorted(_variables(source)):
        name = source.words[at]
        if unset.setdefault(name, not is_set(name)):
            near = nearest_variable(name)
            hint = f"Did you mean `{near}`?" if near else f'A text has quotes: "{name}".'
            yield f"line {source.line(at)}: `{name}` is a variable that nothing sets. {hint}"
    for at, warning in chain(_indexes(source), _negations(source), _patterns(source), _new_lists(source)):
        yield f"line {source.line(at)}: {warning}"


# Comparisons -----------------------------------------------------------------------------------------


def _sides(source: Source, at: int) -> tuple[Side | None, Side | None]:
    """Return the operands of an operator that are no operations themselves."""
    start = at - 1 if _is_literal(source, at - 1) else source.start_of(at)
    before = Side(start, at) if source.words[start - 1] not in _BINDS_CLOSER or not start else None
    end = at + 2
    while source.kinds[at + 1] == "name" and end < source.size and (after := source.suffix(end)) > end:
        end = after
    is_operand = _is_literal(source, at + 1) or source.kinds[at + 1] == "name"
    right = Side(at + 1, end) if is_operand and source.words[end] not in _BINDS_CLOSER else None
    return before, right


def _is_literal(source: Source, at: int) -> bool:
    return at >= 0 and (source.kinds[at] in ("string", "number") or source.words[at] in ("true", "false"))


def _field(source: Source, side: Side | None) -> Names:
    """Return the names of a field, without that of its variable; empty for anything else."""
    path = source.path(side.start, side.end) if side else ("",)
    return path[1:] if "" not in path else () if not path[-1] else path[len(path) - path[::-1].index("") :]


def _compared(source: Source) -> Iterator[Comparison]:
    for at, word in enumerate(source.words):
        if word in _OPPOSITE or word in _ORDERS:
            order, sides = word in _ORDERS, _sides(source, at)
            for side, other in (sides, sides[::-1]):
                path, literal = _field(source, side), _literal(source, other, follow=order)
                if path and literal is not None and (source.kinds[literal] == "string" or not order):
                    token = source.tokens[literal]
                    yield Comparison(at, source.line(at), path, token.kind, token.text, order=order)


def _literal(source: Source, side: Side | None, *, follow: bool) -> int | None:
    """Return the token of a literal, or of the text that a variable is always set to; None for anything else."""
    if side is None or side.end != side.start + 1:
        return None
    if _is_literal(source, side.start):
        return side.start
    bindings = source.bindings.get(source.words[side.start], ()) if follow else ()
    values = bindings[0].values[bindings[0].index :] if len(bindings) == 1 and bindings[0].how == "value" else ()
    is_text = values and source.kinds[values[0]] == "string" and source.words[values[0] + 1] not in OPERATORS
    return values[0] if is_text else None


def _tested(source: Source) -> Iterator[Comparison]:
    """Yield the comparisons of a test such as `list.filter(dynos, { state = "crashed" })`."""
    for opening in _calls(source, "list", _TESTS):
        for argument in source.entries(opening):
            for entry in source.entries(argument.value) if source.words[argument.value] == "{" else ():
                if entry.name and _is_literal(source, entry.value) and _is_alone(source, entry.value):
                    token, path = source.tokens[entry.value], tuple(entry.name.split("."))
                    line = source.line(entry.start)
                    yield Comparison(entry.start, line, path, token.kind, token.text, in_test=True)


def _calls(source: Source, namespace: str, names: frozenset[str]) -> Iterator[int]:
    """Yield the brackets that open the arguments of functions of a library."""
    for at in range(source.size - 3):
        owner, dot, name, opening = source.words[at : at + 4]
        if (owner, dot, opening) == (namespace, ".", "(") and name in names and source.words[at - 1] not in (".", ":"):
            yield at + 3


def _is_alone(source: Source, at: int) -> bool:
    """Return whether a token is a whole entry of a table constructor or a whole argument."""
    return source.words[at + 1] in (",", ";", "}", ")")


# Mistakes --------------------------------------------------------------------------------------------


def _variables(source: Source) -> Iterator[int]:
    """Yield the variables that would pass unnoticed if they are not set."""
    for at, word in enumerate(source.words):
        if word in _OPPOSITE:
            for side, other in (sides := _sides(source, at)), sides[::-1]:
                is_field = other is not None and other.end > other.start + 1 and source.words[other.end - 1] != ")"
                if is_field and side and side.end == side.start + 1 and _is_name(source, side.start):
                    yield side.start
        elif word == "[" and source.is_suffix(at) and source.partner.get(at) == at + 2 and _is_name(source, at + 1):
            yield at + 1
        elif word == "{":
            for entry in source.entries(at):
                if _is_name(source, entry.value) and _is_alone(source, entry.value):
                    yield entry.value
    last = source.size - 1
    if _is_name(source, last) and source.opener[last] == WHOLE and _is_result(source, last):
        yield last


def _is_result(source: Source, last: int) -> bool:
    """Return whether the last token is the value of the script."""
    before, between = source.words[last - 1], source.code[source.tokens[last - 1].end : source.tokens[last].start]
    continues = before in OPERATORS or before in ("=", ",", ".", ":")
    return last == 0 or before == "return" or ("\n" in between and not continues)


def _is_name(source: Source, at: int) -> bool:
    return at >= 0 and source.kinds[at] == "name"


def _indexes(source: Source) -> Iterator[tuple[int, str]]:
    """Yield tokens and warnings about the items 0 and below of lists that the script does not set by an index."""
    if "regex" in source.words:  # `found[0]` is the whole match
        return
    items = [
        at for at, word in enumerate(source.words) if word == "[" and source.is_suffix(at) and at in source.partner
    ]
    names = {at: _full_path(source, source.start_of(at), at) for at in items}
    written = {name for at, name in names.items() if source.words[source.partner[at] + 1] == "="}
    for at, name in names.items():
        number = "".join(source.words[at + 1 : source.partner[at]])
        if name and name not in written and re.fullmatch(r"0|-\d+", number):
            first_and_last = f"`{name}[1]` is the first item, `{name}[#{name}]` the last"
            yield at, f"`{name}[{number}]` is nil in a list: {first_and_last}."


def _full_path(source: Source, start: int, end: int) -> str:
    """Return the names of a variable and of the fields after it, with dots between; empty for anything else."""
    path = source.path(start, end)
    return "" if "" in path else ".".join(path)


def _negations(source: Source) -> Iterator[tuple[int, str]]:
    """Yield tokens and warnings about `not a == "b"`, which compares true or false with a text or a number."""
    for at, word in enumerate(source.words):
        start = source.start_of(at) if word in _OPPOSITE else 0
        if start and source.words[start - 1] == "not" and source.words[start - 2] not in _BINDS_CLOSER:
            name, right = _full_path(source, start, at), _sides(source, at)[1]
            if name and right and source.kinds[right.start] in ("string", "number"):
                yield (
                    at,
                    f"Lua reads `not {name} {word} …` as `(not {name}) {word} …`. Write `{name} {_OPPOSITE[word]} …`.",
                )


def _patterns(source: Source) -> Iterator[tuple[int, str]]:
    """Yield tokens and warnings about patterns in which a hyphen is meant as one."""
    for at, word in enumerate(source.words[:-1]):
        if word in _PATTERNS and source.words[at - 1] == ":":
            first = at + 1 + (source.words[at + 1] == "(")
            if source.kinds[first] == "string" and source.tokens[first].closed:
                rest = source.words[first : source.partner.get(at + 1, first)]
                text = source.tokens[first].text
                if "true" not in rest and _HYPHEN.fullmatch(text) and (first == at + 1 or _is_alone(source, first)):
                    escaped = re.sub(r"(?<=\w)-(?=\w)", "%-", text)
                    yield first, f'`-` is special in a pattern; `%-` is the character: "{escaped}".'


def _new_lists(source: Source) -> Iterator[tuple[int, str]]:
    """Yield tokens and warnings about calls of functions that return a new list which nothing takes."""
    for opening in _calls(source, "list", _NEW_LISTS) if "list" not in source.bindings else ():
        start, end = opening - 3, source.partner.get(opening, source.size) + 1
        before, is_last = source.words[start - 1] if start else ";", end >= source.size
        begins = not start or before in _BEGINS or source.is_suffix(start) or _is_literal(source, start - 1)
        is_used = is_last or source.words[end] in OPERATORS or source.suffix(end) > end or source.words[end] == ","
        if begins and not is_used:
            yield opening, f"`list.{source.words[opening - 1]}` changes nothing: it returns what nothing here takes."


_BEGINS = frozenset((";", "do", "then", "else", "end", "repeat", *CONSTANTS))  # what a statement can follow
