"""The parameters that a notebook declares, and values for them from texts.

A notebook's first code cell with the tag `parameters` assigns each of them a usual value, in the notebook's language;
what stands behind an assignment as a comment explains it. That value also says of which kind a parameter is, so
`007` stays a text where a text is declared. Lua is read by a library's tokens, Python by its parser; no cell is run.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from kosmo_kernel.catalogue import nearest
from kosmo_kernel.editor.tokens import Token
from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError

LUA, PYTHON = "lua", "python"
TAG = "parameters"  # of the cell that declares them, as papermill has it
INJECTED = "injected-parameters"  # of the cell that sets them, likewise

_OPENING, _CLOSING = "({[", ")}]"
_WORDS = {"true": True, "false": False}
_LINE_END = re.compile(r"\r\n?|\n")  # as Python's parser counts lines; `splitlines` knows other ends


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Parameters:
        name: as it is assigned.
        kind: `string`, `number`, `boolean`, `table` or `nil`, or an empty text for what is computed.
        usual: the value it has where none is given, as the cell has it.
        doc: the comment behind it, or an empty text.
    """

    name: str
    kind: str
    usual: str
    doc: str


def declared(code: str, language: str) -> list[Parameter]:
    """The parameters that a cell declares, in its order: each assignment of one name, outside of any brackets.

    Parameters:
        code: the cell.
        language: `lua` or `python`; in others nothing is found.
    """
    found = {LUA: _in_lua, PYTHON: _in_python}.get(language)
    return found(code) if found else []


def value_of(parameter: Parameter, text: str) -> Any:
    """The value of a parameter that is given as a text.

    Parameters:
        parameter: says of which kind it is. A text stays as it is; a table is written as JSON; of a parameter without
            a usual value (nil, None) any text is taken, as a text.
        text: as somebody typed it.

    Raises:
        InvalidArgumentsError: it is not of that kind.
    """
    if parameter.kind == "number":
        return _number(parameter, text)
    if parameter.kind == "boolean":
        if text.lower() not in _WORDS:
            raise _refused(parameter, text, "true or false")
        return _WORDS[text.lower()]
    if parameter.kind == "table":
        try:
            value = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, (list, dict)):
            raise _refused(parameter, text, 'a list or a table in JSON, such as ["a", "b"]')
        return value
    return text


def values_of(parameters: Sequence[Parameter], given: Mapping[str, str]) -> dict[str, Any]:
    """The values of parameters that are given as texts.

    Raises:
        UnknownNameError: the notebook declares no such parameter; with the nearest names.
        InvalidArgumentsError: a value is not of its kind.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            there = f"it has {', '.join(known)}" if known else f"no cell of it has the tag `{TAG}`"
            near = tuple(nearest(name, known))
            raise UnknownNameError(f"The notebook declares no parameter `{name[:64]}`: {there}.", near)
    return {name: value_of(known[name], text) for name, text in given.items()}


def assignments(values: Mapping[str, Any], language: str) -> str:
    """The code that sets parameters: one assignment a line, each a literal."""
    from kosmo_kernel.values.lua_syntax import literal

    write = literal if language == LUA else repr
    return "\n".join(f"{name} = {write(value)}" for name, value in values.items())


def _no_constant(name: str) -> NoReturn:
    """Python's decoder takes `NaN` and `Infinity`, which are no JSON and in Python's code no values."""
    raise ValueError(name)


def _number(parameter: Parameter, text: str) -> int | float:
    for kind in (int, float):
        try:
            value = kind(text)
            is_finite = math.isfinite(value)
        except (ValueError, OverflowError):
            continue
        if is_finite:
            return value
    raise _refused(parameter, text, "a number")


def _refused(parameter: Parameter, text: str, wanted: str) -> InvalidArgumentsError:
    return InvalidArgumentsError(
        f"The parameter `{parameter.name}` is {wanted} (usually {parameter.usual}), got {text[:64]!r}."
    )


def _in_lua(code: str) -> list[Parameter]:
    found = []
    for statement in _statements(code):
        words = [token for token in statement if token.kind != "comment" and token.text not in ("local", ";")]
        if len(words) < 3 or words[0].kind != "name" or words[1].text != "=":
            continue
        usual, last = code[words[2].start : words[-1].end], statement[-1]
        doc = last.text.lstrip("- ").rstrip() if last.kind == "comment" else ""
        found.append(Parameter(words[0].text, _kind(words[2]), usual, doc))
    return found


def _statements(code: str) -> Iterator[list[Token]]:
    """The tokens of each statement with the comment behind it, where statements stand on lines or end in `;`."""
    from kosmo_kernel.editor.tokens import tokens_of

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


def _kind(first: Token) -> str:
    """The Lua type of a value, as far as its first token tells."""
    if first.kind in ("string", "number"):
        return first.kind
    return {"true": "boolean", "false": "boolean", "nil": "nil", "{": "table", "-": "number"}.get(first.text, "")


def _in_python(code: str) -> list[Parameter]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):  # the notebook says so itself when it runs
        return []
    lines = _LINE_END.split(code)
    found = []
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if isinstance(node, ast.AnnAssign):
            target = node.target
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or not isinstance(target, ast.Name) or node.value is None:
            continue
        end = node.end_lineno or node.lineno
        behind = lines[end - 1].encode()[node.end_col_offset :].decode()
        doc = behind.strip().removeprefix("#").strip() if behind.strip().startswith("#") else ""
        usual = ast.get_source_segment(code, node.value) or ""
        found.append(Parameter(target.id, _python_kind(node.value), usual, doc))
    return found


def _python_kind(value: ast.expr) -> str:
    """The kind of a literal, in Lua's words; an empty text for what is computed."""
    try:
        literal = ast.literal_eval(value)
    except ValueError:
        return ""
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "nil"}
    return kinds.get(type(literal), "table" if isinstance(literal, (list, dict, tuple)) else "")
