"""The regular expressions of the package, read from its source, and texts that make each of them work hardest."""

from __future__ import annotations

import ast
import importlib
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from re import _constants as constants
from re import _parser as parser
from types import ModuleType
from typing import Any, NamedTuple

from repository import ROOT

PACKAGE = ROOT / "kosmo_kernel"
FUNCTIONS = {"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
ENDS = ("", "\0", "!", "\n", '"', "x")  # after which a match may fail, so that all other ways to match are tried
MAX_SAMPLE = 40  # characters that stand for a part of a pattern
# The files of the package that may make an expression.
FILES = [
    path.relative_to(PACKAGE).as_posix()
    for path in sorted(PACKAGE.rglob("*.py"))
    if re.search(r"\bre\.[a-z]+\(|\blazy_pattern\(", path.read_text(encoding="utf-8"))
]


class Expression(NamedTuple):
    """A regular expression of the package: its pattern, and the methods by which it is used."""

    pattern: re.Pattern[Any]
    methods: frozenset[str]

    def use(self, text: str | bytes) -> None:
        """Use it on a text in each of the ways in which the package does."""
        if self.methods - {"match", "fullmatch"}:
            for _ in self.pattern.finditer(text):
                pass
        for method in self.methods & {"match", "fullmatch"}:
            getattr(self.pattern, method)(text)


def expressions(name: str) -> tuple[list[Expression], list[str]]:
    """Return the regular expressions of a file, and the source of those that are known only when they are used."""
    path = PACKAGE / name
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = _imported(path)
    found: list[Expression] = []
    unknown = []
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _function(node)]:
        try:
            arguments = [eval(ast.unparse(part), vars(module)) for part in (call.args[0], *_flags(call))]  # noqa: S307
        except NameError:
            unknown.append(ast.unparse(call.args[0]))
            continue
        pattern = arguments[0] if isinstance(arguments[0], re.Pattern) else re.compile(*arguments)
        found.append(Expression(pattern, _methods(call, tree)))
    return found, unknown


def _function(call: ast.Call) -> str:
    """Return the function of `re` that is called, `compile` also for a pattern that is compiled later; or empty."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="re"), attr=name) if name in FUNCTIONS:
            return name
        case ast.Name(id="lazy_pattern"):
            return "compile"
    return ""


def _flags(call: ast.Call) -> list[ast.expr]:
    named = [keyword.value for keyword in call.keywords if keyword.arg == "flags"]
    return call.args[1:2] if _function(call) == "compile" and len(call.args) > 1 else named


def _methods(call: ast.Call, tree: ast.Module) -> frozenset[str]:
    """Return the methods by which an expression is used, all of them if its file does not show it."""
    if (function := _function(call)) != "compile":
        return frozenset({function})
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and node.value is call
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names
    }
    return frozenset(used & FUNCTIONS) or frozenset(FUNCTIONS - {"compile"})


def _imported(path: Path) -> ModuleType:
    parts = ("kosmo_kernel", *path.relative_to(PACKAGE).with_suffix("").parts)
    return importlib.import_module(".".join(part for part in parts if part != "__init__"))


def attacks(pattern: re.Pattern[Any], length: int) -> Iterator[str | bytes]:
    """Yield texts of about a length: each part that a pattern repeats, and each of its characters, many times over."""
    source = pattern.pattern
    tree = parser.parse(source, pattern.flags & ~re.DEBUG)
    pumps = dict.fromkeys(_pumps(list(tree), ""))
    for before, repeated in pumps:
        for pumped in (repeated * (length // len(repeated)),):
            for end in ENDS:
                text = before + pumped + end
                yield text if isinstance(source, str) else text.encode("latin-1", "replace")


def _pumps(items: list[Any], before: str) -> Iterator[tuple[str, str]]:
    """Yield pairs of texts: what brings a match to a repetition, and what the repetition takes once."""
    for index, (kind, value) in enumerate(items):
        prefix = (before + _sample(items[:index]))[-MAX_SAMPLE:]
        if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            low, high, inner = value
            if high > 16:
                for seed in range(3):
                    once = _sample(list(inner), seed) * max(low, 1)
                    after = _sample(items[index + 1 :], seed)[:MAX_SAMPLE]
                    for repeated in {once, once + after, after + once, prefix + once}:
                        if repeated:
                            yield prefix, repeated
                            yield "", repeated
            yield from _pumps(list(inner), prefix)
        elif kind is constants.BRANCH:
            for branch in value[1]:
                yield from _pumps(list(branch), prefix)
        elif kind is constants.SUBPATTERN:
            yield from _pumps(list(value[-1]), prefix)
        elif kind is constants.ATOMIC_GROUP:
            yield from _pumps(list(value), prefix)
        elif kind in (constants.ASSERT, constants.ASSERT_NOT):
            yield from _pumps(list(value[1]), prefix)


def _sample(items: list[Any], seed: int = 0) -> str:
    """Return a text that these parts of a pattern match, in most cases."""
    text = ""
    for kind, value in items:
        if kind is constants.LITERAL:
            text += chr(value)
        elif kind is constants.NOT_LITERAL:
            text += "a" if value != ord("a") else "b"
        elif kind is constants.ANY:
            text += "a"
        elif kind is constants.IN:
            text += _member(value, seed)
        elif kind is constants.BRANCH:
            text += _sample(list(value[1][seed % len(value[1])]), seed)
        elif kind is constants.SUBPATTERN:
            text += _sample(list(value[-1]), seed)
        elif kind is constants.ATOMIC_GROUP:
            text += _sample(list(value), seed)
        elif kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            text += _sample(list(value[2]), seed) * min(max(value[0], 1), MAX_SAMPLE)
        if len(text) > MAX_SAMPLE:
            break
    return text[:MAX_SAMPLE]


def _member(members: list[Any], seed: int) -> str:
    """Return a character of a set."""
    negated = bool(members) and members[0][0] is constants.NEGATE
    usual = "a0 \n-.,\"'<&$\\[(/:=_Zé"
    candidates = [one for one in usual if _is_in(members, one) != negated]
    for kind, value in members:
        if not negated and kind is constants.LITERAL:
            candidates.append(chr(value))
        elif not negated and kind is constants.RANGE:
            candidates.append(chr(value[0]))
    return random.Random(seed).choice(candidates) if candidates and seed else (candidates or ["a"])[0]


def _is_in(members: list[Any], character: str) -> bool:
    categories: dict[Any, Callable[[str], bool]] = {
        constants.CATEGORY_DIGIT: str.isdigit,
        constants.CATEGORY_SPACE: str.isspace,
        constants.CATEGORY_WORD: lambda one: one.isalnum() or one == "_",
        constants.CATEGORY_NOT_DIGIT: lambda one: not one.isdigit(),
        constants.CATEGORY_NOT_SPACE: lambda one: not one.isspace(),
        constants.CATEGORY_NOT_WORD: lambda one: not (one.isalnum() or one == "_"),
    }
    code = ord(character)
    for kind, value in members:
        if (
            (kind is constants.LITERAL and value == code)
            or (kind is constants.RANGE and value[0] <= code <= value[1])
            or (kind is constants.CATEGORY and categories[value](character))
        ):
            return True
    return False
