"""Read from a script what Lua does not tell: key order, assigned fields, comparisons, the next line, and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple, TypeGuard

from kosmo_kernel.lua_syntax.nodes import (
    Call,
    Constant,
    FieldAccess,
    ItemAccess,
    Name,
    Node,
    Operation,
    TableConstructor,
)
from kosmo_kernel.lua_syntax.parser import CLOSING, OPERATORS, WHOLE, Tree, parse, tokens_of

Names = tuple[str, ...]

MAX_TEXTS = 256  # whose facts are kept: more than a session keeps scripts, all of which are read for some requests
_TESTS = frozenset(("filter", "reject", "find"))  # functions of `list` that compare fields with values
_EQUALS = ("==", "~=")
_ORDERS = frozenset(("<", "<=", ">", ">="))
_BINDS_LOOSER = frozenset(("and", "or", *_EQUALS, *_ORDERS))
STEP = "  "  # indentation of a block, if the text has no indentation of its own
_CLOSING = frozenset((*CLOSING.values(), "end", "else", "elseif", "until"))
_CONTINUED = OPERATORS | {*CLOSING, "do", "then", "else", "repeat", "=", "function"}  # after which a line continues


class Comparison(NamedTuple):
    """A comparison of a field with a literal."""

    line: int  # counted from 1
    path: Names  # the names of the field, without that of its variable
    kind: str  # of the literal: `string`, `number` or `keyword`
    literal: str  # its text, without quotes
    in_test: bool = False  # it is a test of `list.filter` and the like, `{ state = "crashed" }`
    order: bool = False  # it asks which of the two is less


@lru_cache(maxsize=MAX_TEXTS)
def keys(text: str) -> tuple[Names, ...]:
    """Return the names of keys in a text, in its order: one group per table constructor, and one per assigned field.

    `{ a = 1, ["b c"] = 2 }` is a group of two names; `row.total = 3` and `row["total"] = 3` are groups of one.
    """
    if "=" not in text:
        return ()
    tree = parse(text)
    groups = [(table.start, [entry.name for entry in table.entries]) for table in tree.tables]
    groups += [(at, [name]) for at, name in tree.assigned]
    literal = [dict.fromkeys(name for name in names if name and "\\" not in name) for _, names in sorted(groups)]
    return tuple(tuple(names) for names in literal if names)


@lru_cache(maxsize=MAX_TEXTS)
def assigned_fields(text: str) -> frozenset[str]:
    """Return the names of the fields that a text assigns, including those of functions: `function row.total()`."""
    tree = parse(text)
    names = {re.split(r"[.:]", function.name)[-1] for function in tree.functions if not function.name.isidentifier()}
    return frozenset((*names, *(name for _, name in tree.assigned))) - {""}


@lru_cache(maxsize=MAX_TEXTS)
def set_variables(text: str) -> frozenset[str]:
    """Return the variables that a text sets or declares."""
    return frozenset(parse(text).bindings)


@lru_cache(maxsize=64)
def comparisons(text: str) -> tuple[Comparison, ...]:
    """Return where fields are compared with literals. Fields that the script defines itself are left out."""
    tree = parse(text)
    compared = chain.from_iterable(_compared(tree, operation) for operation in tree.operations)
    tested = chain.from_iterable(_tested(tree, call) for call in tree.calls)
    matches = [comparison for _, comparison in sorted(chain(compared, tested))]
    own = frozenset(chain.from_iterable(keys(text))) - {c.path[-1] for c in matches if c.in_test}
    return tuple(c for c in matches if c.in_test or own.isdisjoint(c.path))


def comparing(tree: Tree, operation: Operation) -> Iterator[tuple[int, Node | None, Node | None]]:
    """Yield the comparisons in an operation: the token of the operator, and its operands that are no operations."""
    is_loose = [True, *(tree.words[at] in _BINDS_LOOSER for at in operation.operators), True]
    operands = [
        None if prefixes or not is_loose[index] or not is_loose[index + 1] else operand
        for index, (operand, prefixes) in enumerate(zip(operation.operands, operation.prefixes, strict=True))
    ]
    for at, before, after in zip(operation.operators, operands, operands[1:], strict=False):
        if tree.words[at] in _EQUALS or tree.words[at] in _ORDERS:
            yield at, before, after


def path_of(node: Node | None) -> Names:
    """Return the names of a field, without that of its variable; empty for anything else."""
    path: list[str] = []
    while isinstance(node, FieldAccess) and not node.method:
        path.append(node.name)
        node = node.base
    return tuple(reversed(path))


def _compared(tree: Tree, operation: Operation) -> Iterator[tuple[int, Comparison]]:
    for at, before, after in comparing(tree, operation):
        order = tree.words[at] in _ORDERS
        for field, other in ((before, after), (after, before)):
            path, literal = path_of(field), _text_of(tree, other) if order else other
            if path and _is_literal(literal) and (literal.kind == "string" or not order):
                yield at, Comparison(tree.line(at), path, literal.kind, literal.text, order=order)


def _is_literal(node: Node | None) -> TypeGuard[Constant]:
    return isinstance(node, Constant) and (node.kind in ("string", "number") or node.text in ("true", "false"))


def _text_of(tree: Tree, node: Node | None) -> Node | None:
    """Return the text that a variable is always set to, or the node itself."""
    if not isinstance(node, Name):
        return node
    bindings = tree.bindings.get(node.name, ())
    values = bindings[0].values[bindings[0].index :] if len(bindings) == 1 else []
    return values[0] if values else None


def _tested(tree: Tree, call: Call) -> Iterator[tuple[int, Comparison]]:
    """Yield the comparisons of a test such as `list.filter(dynos, { state = "crashed" })`."""
    match call.base:
        case FieldAccess(name=name, base=Name(name="list")) if name in _TESTS:
            tables = [argument for argument in call.arguments if isinstance(argument, TableConstructor)]
            for entry in chain.from_iterable(table.entries for table in tables):
                path, value, line = tuple(entry.name.split(".")), entry.value, tree.line(entry.start)
                if entry.name and _is_literal(value):
                    yield entry.start, Comparison(line, path, value.kind, value.text, in_test=True)


def indent(code: str) -> str:
    """Return the indentation of the line after an unfinished text."""
    everything, tree = tokens_of(f"{code}\n"), parse(code)
    if not tree.tokens or not everything[-1].closed:
        return ""  # in a string or comment, whitespace is content
    lines = code[: everything[-1].end].split("\n")
    before = _blank(lines[-1])
    if tree.opener == WHOLE:
        return before + (STEP if tree.missing_keyword else "")
    above = _blank(lines[code.count("\n", 0, tree.tokens[tree.opener].start)])
    last = len(tree.tokens) - 1
    if len(before) > len(above) and tree.words[last] not in _CONTINUED and last not in tree.heads:
        return before
    step = min(filter(None, map(_blank, lines)), key=len, default=STEP)  # that the text uses
    return (before if len(before) > len(above) else above) + step


def _blank(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


# Mistakes that Lua does not report ---------------------------------------------------------------
#
# A variable that nothing sets, an index that no list has, a negation or a pattern that means something else.

_PATTERNS = ("find", "match", "gmatch", "gsub")  # methods of a text that take a pattern
_HYPHEN = re.compile(r"(?>[^\n%\[]*?\w-\w)[^\n]*")  # in a text that uses nothing else of a pattern before it


def mistakes(source: str, is_set: Callable[[str], bool], nearest_variable: Callable[[str], str]) -> Iterator[str]:
    """Yield warnings about mistakes in a script; the parameters are as for `run.lint.lint`."""
    tree = parse(source)
    read = sorted(_read(tree), key=lambda node: node.start)
    unset = {name for name in {node.name for node in read} if not is_set(name)}
    for node in read:
        if node.name in unset:
            near = nearest_variable(node.name)
            hint = f"Did you mean `{near}`?" if near else f'A text has quotes: "{node.name}".'
            yield f"line {tree.line(node.start)}: `{node.name}` is a variable that nothing sets. {hint}"
    for at, warning in chain(_indexes(tree), _negations(tree), _patterns(tree)):
        yield f"line {tree.line(at)}: {warning}"


def _read(tree: Tree) -> Iterator[Name]:
    """Yield the variables that would pass unnoticed if they are not set."""
    compared = (comparing(tree, operation) for operation in tree.operations)
    for at, before, after in chain.from_iterable(compared):
        sides = (before, after) if tree.words[at] in ("==", "~=") else ()
        for side, other in zip(sides, reversed(sides), strict=True):
            if isinstance(other, (FieldAccess, ItemAccess)) and isinstance(side, Name):
                yield side
    values: list[Node | None] = [item.key for item in tree.items]
    values += [entry.value for table in tree.tables for entry in table.entries]
    yield from (value for value in (*values, tree.result) if isinstance(value, Name))


def _indexes(tree: Tree) -> Iterator[tuple[int, str]]:
    """Yield tokens and warnings about the items 0 and below of lists that the script does not set by an index."""
    if "regex" in tree.words:  # `found[0]` is the whole match
        return
    names = {item: name for item in tree.items if (name := _full_path(item.base))}
    written = {names.get(item) for item in tree.items if tree.words[item.end] == "="}
    for item, name in names.items():
        number = "".join(tree.words[item.key.start : item.key.end]) if item.key else ""
        if re.fullmatch(r"0|-\d+", number) and name not in written:
            first_and_last = f"`{name}[1]` is the first item, `{name}[#{name}]` the last"
            yield item.start, f"`{name}[{number}]` is nil in a list: {first_and_last}."


def _full_path(node: Node | None) -> str:
    """Return the names of a variable and of the fields after it, with dots between; empty for anything else."""
    path, root = path_of(node), node
    while isinstance(root, FieldAccess):
        root = root.base
    return ".".join((root.name, *path)) if isinstance(root, Name) else ""


def _negations(tree: Tree) -> Iterator[tuple[int, str]]:
    """Yield tokens and warnings about `not a == "b"`, which compares true or false with a text or a number."""
    for operation in tree.operations:
        for index, at in enumerate(operation.operators):
            other = {"==": "~=", "~=": "=="}.get(tree.words[at])
            operand, right = operation.operands[index : index + 2]
            name = _full_path(operand)
            is_literal = isinstance(right, Constant) and right.kind in ("string", "number")
            if other and name and is_literal and operation.prefixes[index] == ("not",):
                sign = tree.words[at]
                yield at, f"Lua reads `not {name} {sign} …` as `(not {name}) {sign} …`. Write `{name} {other} …`."


def _patterns(tree: Tree) -> Iterator[tuple[int, str]]:
    """Yield tokens and warnings about patterns in which a hyphen is meant as one."""
    for call in tree.calls:
        match call:
            case Call(
                base=FieldAccess(method=True, name=name), arguments=[Constant(kind="string", text=text) as first, *rest]
            ):
                is_literal = any(isinstance(argument, Constant) and argument.text == "true" for argument in rest)
                is_pattern = name in _PATTERNS and tree.tokens[first.start].closed
                if is_pattern and not is_literal and _HYPHEN.fullmatch(text):
                    escaped = re.sub(r"(?<=\w)-(?=\w)", "%-", text)
                    yield first.start, f'`-` is special in a pattern; `%-` is the character: "{escaped}".'
