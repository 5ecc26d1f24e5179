"""Find mistakes in a script that Lua does not report, such as variables that nothing sets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain

from kosmo_kernel.lua_syntax.facts import comparing, path_of
from kosmo_kernel.lua_syntax.nodes import Call, Constant, FieldAccess, ItemAccess, Name, Node
from kosmo_kernel.lua_syntax.parser import Tree, parse

_PATTERNS = ("find", "match", "gmatch", "gsub")  # methods of a text that take a pattern
_HYPHEN = re.compile(r"[^\n%\[]*?\w-\w[^\n]*")  # in a text that uses nothing else of a pattern before it


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
    yield from chain(_indexes(tree), _negations(tree), _patterns(tree))


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


def _indexes(tree: Tree) -> Iterator[str]:
    """Yield the warnings about the items 0 and below of lists that the script does not set by an index."""
    if "regex" in tree.words:  # `found[0]` is the whole match
        return
    names = {item: ".".join(part) for item in tree.items if (part := _full_path(item.base))}
    written = {names.get(item) for item in tree.items if tree.words[item.end] == "="}
    for item, name in names.items():
        number = "".join(tree.words[item.key.start : item.key.end]) if item.key else ""
        if re.fullmatch(r"0|-\d+", number) and name not in written:
            yield (
                f"line {tree.line(item.start)}: `{name}[{number}]` is nil in a list: `{name}[1]` is the first item, "
                f"`{name}[#{name}]` the last."
            )


def _full_path(node: Node) -> tuple[str, ...]:
    """Return the names of a variable and of the fields after it; empty for anything else."""
    path, root = path_of(node), node
    while isinstance(root, FieldAccess):
        root = root.base
    return (root.name, *path) if isinstance(root, Name) else ()


def _negations(tree: Tree) -> Iterator[str]:
    """Yield the warnings about `not a == "b"`, which compares true or false with a text or a number."""
    for operation in tree.operations:
        for index, at in enumerate(operation.operators):
            other = {"==": "~=", "~=": "=="}.get(tree.words[at])
            left, right = operation.operands[index : index + 2]
            name = ".".join(_full_path(left)) if left else ""
            is_literal = isinstance(right, Constant) and right.kind in ("string", "number")
            if other and name and is_literal and operation.prefixes[index] == ("not",):
                sign = tree.words[at]
                yield (
                    f"line {tree.line(at)}: Lua reads `not {name} {sign} …` as `(not {name}) {sign} …`. "
                    f"Write `{name} {other} …`."
                )


def _patterns(tree: Tree) -> Iterator[str]:
    """Yield the warnings about patterns in which a hyphen is meant as one."""
    for call in tree.calls:
        match call:
            case Call(
                base=FieldAccess(method=True, name=name), arguments=[Constant(kind="string", text=text) as first, *rest]
            ):
                is_literal = any(isinstance(argument, Constant) and argument.text == "true" for argument in rest)
                is_pattern = name in _PATTERNS and tree.tokens[first.start].closed
                if is_pattern and not is_literal and _HYPHEN.fullmatch(text):
                    escaped = re.sub(r"(?<=\w)-(?=\w)", "%-", text)
                    line = tree.line(first.start)
                    yield f'line {line}: `-` is special in a pattern; `%-` is the character: "{escaped}".'
