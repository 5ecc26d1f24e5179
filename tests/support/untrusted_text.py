"""Find in a source where text that may be shown is built of anything but literals, gates and its own types.

`kosmo_kernel.safety.markup` says why. mypy checks that a page, a table or an error gets only these types, and this
module that no text becomes one of them without a gate.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from string import Formatter

from kosmo_kernel.safety.html import TAGS

_TAGS = sorted({*TAGS, "body", "button", "form", "html", "iframe", "input", "link", "meta", "script", "style", "svg"})
TYPES = {"Csv", "Html", "Markdown", "Markup", "Plain", "Terminal"}
WRITERS = {"csv"}  # modules that only a gate uses
# What only one format has in a literal: text that is built with such a literal is text of this format.
SIGNS = {
    "JSON": re.compile(r'\A\s*[{\[]\s*"\w*"\s*[:,]'),
    "Terminal": re.compile("\x1b"),
    "Html": re.compile(rf"</?(?:{'|'.join(_TAGS)})(?=[\s>/]|\Z)|&(?:#\d+|[a-z]+);"),
}
BUILT = {"kernel/channels.py": "JSON"}  # the header of a message, of what this process made itself
IN_A_TAG = re.compile(r"<[a-zA-Z/][^<>]*\Z")  # before a placeholder that is an attribute or a part of one
ATTRIBUTES = {"html_attribute"}  # gates for these
# Gates that change nothing, with the files that may call them.
TRUSTED = {
    "html_of_drawing": {"render/pictures.py"},
    "html_of_notebook": {"runbook/page.py"},
    "html_of_package": {"checks/inventory_page.py", "pages/design.py", "render/page_parts.py", "runbook/page.py"},
    "markdown_of_package": {
        *("docs/__init__.py", "docs/guides.py", "docs/reference.py"),
        *("editor/inspection.py", "editor/magic_lines.py", "notebook/commands.py"),
    },
}
# Parameters for literals: of the methods of `pages.page.Writer`, which is called `form`, and of the function.
LITERALS = {"write": (0, "template"), "join": (0, "separator"), "in_both_forms": (1, "end")}


def findings(source: str, file: str = "") -> list[str]:
    """Return a line for each place at which a source breaks the rules; `file` is its path below the package."""
    return [f"{file}:{line}: {text}" for line, text in sorted(set(_Reader(ast.parse(source), file).findings()))]


def attributes_in_template(template: str) -> list[str]:
    """Return the placeholders of a template of HTML that stand in tags, where a value could end the attribute."""
    found, before = [], ""
    for literal, field, _, _ in Formatter().parse(template):
        before += literal
        if field is not None and IN_A_TAG.search(before):
            found.append(field)
    return found


class _Reader:
    def __init__(self, tree: ast.Module, file: str) -> None:
        self._tree, self._file = tree, file
        self._constants = _constants(tree)
        self._inside = {
            id(inner) for node in ast.walk(tree) if _constructor(node) for inner in ast.walk(node) if inner is not node
        }

    def findings(self) -> Iterator[tuple[int, str]]:
        for node in ast.walk(self._tree):
            name = _constructor(node)
            if isinstance(node, ast.Import | ast.ImportFrom) and WRITERS & _imported(node):
                yield node.lineno, f"only a gate uses {', '.join(WRITERS & _imported(node))}"
            if isinstance(node, ast.Call):
                if name is not None and (node.keywords or not all(map(self._is_literal, node.args))):
                    yield node.lineno, f"{name} is made of something else than a literal"
                yield from self._call(node)
            if id(node) not in self._inside:
                yield from self._built(node)

    def _call(self, node: ast.Call) -> Iterator[tuple[int, str]]:
        called = _name(node.func)
        if called in LITERALS and (called == "in_both_forms" or _receiver(node) == "form"):
            place, parameter = LITERALS[called]
            given = [*node.args[place : place + 1], *(word.value for word in node.keywords if word.arg == parameter)]
            if not all(map(self._is_literal, given)):
                yield node.lineno, f"the {parameter} of {called} is no literal"
        if (called == "form" or (called == "kind" and _receiver(node) == "form")) and not all(
            map(self._is_literal, node.args)
        ):
            yield node.lineno, "a type of text is made of something else than a literal"
        if called in TRUSTED and self._file not in TRUSTED[called]:
            yield node.lineno, f"{called} is called outside of {', '.join(sorted(TRUSTED[called]))}"
        if called == "cast" and node.args and _name(node.args[0]).strip("'\"") in TYPES:
            yield node.lineno, "a cast makes text trusted"
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            template = self._template(node.func.value)
            if template is not None:
                yield from self._attributes(node, template)

    def _attributes(self, node: ast.Call, template: str) -> Iterator[tuple[int, str]]:
        """Yield the placeholders in tags whose value could end the attribute."""
        before = ""
        for place, (literal, field, _, _) in enumerate(Formatter().parse(template)):
            before += literal
            if field is None or not IN_A_TAG.search(before):
                continue
            value = node.args[place] if place < len(node.args) else None
            if value is not None and not (self._is_literal(value) or self._is_harmless(value)):
                yield node.lineno, f"{ast.unparse(value)} in a tag is not the result of {', '.join(ATTRIBUTES)}"

    def _is_harmless(self, value: ast.expr) -> bool:
        return (
            (isinstance(value, ast.Call) and _name(value.func) in ATTRIBUTES)
            or (isinstance(value, ast.Call) and _name(value.func) == "html_block" and self._is_harmless(value.args[0]))
            or (isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult))  # a number
            or (isinstance(value, ast.Name) and value.id.isupper())  # an imported constant
        )

    def _built(self, node: ast.AST) -> Iterator[tuple[int, str]]:
        """Yield an expression that builds text from parts, if a part is written in one of the formats."""
        parts: list[ast.expr] = []
        match node:
            case ast.JoinedStr():
                parts = [] if self._is_literal(node) else list(node.values)
            case ast.BinOp(op=ast.Add() | ast.Mod()):
                parts = [] if self._is_literal(node) else [node.left, node.right]
            case ast.Call(func=ast.Attribute(value=ast.Constant() as template, attr="format" | "join")):
                parts = [template]
            case ast.Call(func=ast.Attribute(attr="sub"), args=[first, *_]):
                parts = [first]
        for part in parts:
            for text in self._texts(part):
                for kind, sign in SIGNS.items():
                    if sign.search(text) and BUILT.get(self._file) != kind:
                        yield getattr(node, "lineno", 0), f"{kind} is built as a str: {ast.unparse(node)[:80]}"

    def _texts(self, node: ast.expr) -> Iterator[str]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Name) and node.id in self._constants:
            value = self._constants[node.id]
            if not _constructor(value):
                yield from self._texts(value)

    def _template(self, node: ast.expr) -> str | None:
        """Return the literal of a template of markup, with a space for each constant in it."""
        if isinstance(node, ast.Name) and node.id in self._constants:
            node = self._constants[node.id]
        if not (_constructor(node) and isinstance(node, ast.Call) and node.args):
            return None
        literal = node.args[0]
        parts = literal.values if isinstance(literal, ast.JoinedStr) else [literal]
        return "".join(str(part.value) if isinstance(part, ast.Constant) else " " for part in parts)

    def _is_literal(self, node: ast.expr) -> bool:
        """Return whether an expression consists of literals and of the module's constants."""
        parts: list[ast.expr]
        match node:
            case ast.Constant():
                parts = []
            case ast.JoinedStr(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
                pass
            case ast.FormattedValue(value=value):
                parts = [value]
            case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
                parts = [left, right]
            case ast.Name(id=name) if name in self._constants:
                parts = [self._constants[name]]
            case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join"), args=[ast.GeneratorExp() as each]):
                (loop,) = each.generators
                inner = _Reader(ast.Module([], []), self._file)
                inner._constants = {**self._constants, ast.unparse(loop.target): ast.Constant("")}
                return self._is_literal(loop.iter) and inner._is_literal(each.elt)
            case _:
                return False
        return all(map(self._is_literal, parts))


def _constants(tree: ast.Module) -> Mapping[str, ast.expr]:
    """Return the values of the names that a module sets once, at its top."""
    values: dict[str, ast.expr] = {}
    stores: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stores[node.id] = stores.get(node.id, 0) + 1
        elif isinstance(node, ast.arg):
            stores[node.arg] = stores.get(node.arg, 0) + 1
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            values[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            values[node.target.id] = node.value
    return {name: value for name, value in values.items() if stores[name] == 1}


def _constructor(node: ast.AST) -> str | None:
    """Return the type that a call constructs from text as it is, or None."""
    return name if isinstance(node, ast.Call) and (name := _name(node.func)) in TYPES else None


def _imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    """Return the names of the modules that a statement imports."""
    return {node.module or ""} if isinstance(node, ast.ImportFrom) else {alias.name for alias in node.names}


def _receiver(node: ast.Call) -> str:
    """Return the name of the object whose method is called."""
    return _name(node.func.value) if isinstance(node.func, ast.Attribute) else ""


def _name(node: ast.expr) -> str:
    """Return the last part of a dotted name, or the text of a constant."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Constant(value=str(text)):
            return text
    return ""
