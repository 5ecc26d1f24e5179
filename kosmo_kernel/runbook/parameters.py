"""Parse the parameters that a notebook declares, and the values that are given for them.

The first cell with the tag `parameters` assigns each parameter its default, in the notebook's language; a comment at
the end of the line documents it. The default also determines the parameter's kind, so that `007` stays a string where
the default is one. Lua code is tokenized and Python code parsed; no cell is executed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.lua_syntax.tokens import Token, tokens_of
from kosmo_kernel.text.nearest import nearest
from kosmo_kernel.values.lua_literals import literal
from kosmo_kernel.values.parameters import Parameter, value_of

LUA, PYTHON = "lua", "python"
TAG = "parameters"  # of the cell that declares parameters; the same as in papermill
INJECTED = "injected-parameters"  # of the cell that sets parameters; the same as in papermill

_OPENING, _CLOSING = "({[", ")}]"
_QUOTED = re.compile(r"""(["'])([^"'\\]*)\1""")  # a string literal without escapes
_LINE_END = re.compile(r"\r\n?|\n")  # the line ends of Python's parser; `splitlines` has more


def parse_declarations(code: str, language: str) -> list[Parameter]:
    """Return the parameters that a cell declares in order: each top-level assignment to a single name.

    Cells in languages other than Lua and Python declare none.
    """
    parser = {LUA: _parse_lua, PYTHON: _parse_python}.get(language)
    return parser(code) if parser else []


def values_of(parameters: Sequence[Parameter], given: Mapping[str, str]) -> dict[str, Any]:
    """Parse the texts that are given for parameters and return the values by name.

    Raises:
        UnknownNameError: the notebook declares no such parameter; the error lists the nearest names.
        InvalidArgumentsError: a value is not of the parameter's kind.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            reason = f"it has {', '.join(known)}" if known else f"no cell of it has the tag `{TAG}`"
            near = tuple(nearest(name, known))
            raise UnknownNameError(f"The notebook declares no parameter `{name[:64]}`: {reason}.", near)
    return {name: value_of(known[name], text) for name, text in given.items()}


def parse_text(code: str) -> str | None:
    """Return the value of a string literal without escapes, in Lua or Python; None if the code is something else."""
    quoted = _QUOTED.fullmatch(code)
    return quoted[2] if quoted else None


def assignments(values: Mapping[str, Any], language: str) -> str:
    """Return the code that sets parameters, one assignment of a literal per line."""
    write = literal if language == LUA else repr
    return "\n".join(f"{name} = {write(value)}" for name, value in values.items())


def _parse_lua(code: str) -> list[Parameter]:
    parameters = []
    for statement in _statements(code):
        tokens = [token for token in statement if token.kind != "comment" and token.text not in ("local", ";")]
        if len(tokens) < 3 or tokens[0].kind != "name" or tokens[1].text != "=":
            continue
        default, last = code[tokens[2].start : tokens[-1].end], statement[-1]
        doc = last.text.lstrip("- ").rstrip() if last.kind == "comment" else ""
        parameters.append(Parameter(tokens[0].text, _lua_kind(tokens[2]), default, doc))
    return parameters


def _statements(code: str) -> Iterator[list[Token]]:
    """Yield the tokens of each statement and its trailing comment; a line end or `;` ends a statement."""
    statement: list[Token] = []
    depth = 0
    for token in tokens_of(code):
        if statement and depth == 0 and ("\n" in code[statement[-1].end : token.start] or statement[-1].text == ";"):
            yield statement
            statement = []
        statement.append(token)
        if token.kind == "mark":
            depth += (token.text in _OPENING) - (token.text in _CLOSING)
    if statement:
        yield statement


def _lua_kind(first: Token) -> str:
    """Return the Lua type of a value from its first token, or an empty string if it is computed."""
    if first.kind in ("string", "number"):
        return first.kind
    return {"true": "boolean", "false": "boolean", "nil": "nil", "{": "table", "-": "number"}.get(first.text, "")


def _parse_python(code: str) -> list[Parameter]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):  # the error is reported when the cell runs
        return []
    lines = _LINE_END.split(code)
    parameters = []
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if isinstance(node, ast.AnnAssign):
            target = node.target
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or not isinstance(target, ast.Name) or node.value is None:
            continue
        end = node.end_lineno or node.lineno
        rest = lines[end - 1].encode()[node.end_col_offset :].decode().strip()
        doc = rest.removeprefix("#").strip() if rest.startswith("#") else ""
        default = ast.get_source_segment(code, node.value) or ""
        parameters.append(Parameter(target.id, _python_kind(node.value), default, doc))
    return parameters


def _python_kind(value: ast.expr) -> str:
    """Return the kind of a literal, or an empty string if the value is computed."""
    try:
        constant = ast.literal_eval(value)
    except ValueError:
        return ""
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "nil"}
    return kinds.get(type(constant), "table" if isinstance(constant, (list, dict, tuple)) else "")
