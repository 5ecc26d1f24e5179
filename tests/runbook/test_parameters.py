"""The parameters that a notebook declares, and values for them from texts."""

from __future__ import annotations

from typing import Any

import pytest

from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError
from kosmo_kernel.runbook.notebook import LUA, PYTHON, assignments, parse_declarations, values_of
from kosmo_kernel.session import Session
from kosmo_kernel.values.parameters import Parameter, value_of

IN_LUA = """
account = "demo"  -- whose apps
local limit = 5
only = { "web", "worker" } -- kinds
strict = true; since = nil
total = count() -- computed
"""
IN_PYTHON = """
import math
account = "demo"  # whose apps
limit: int = 5
only = ["web", "worker"]  # kinds
strict = True; since = None
total = sum([1])  # computed
first = second = 1
"""
FOUND = [
    ("account", "string", '"demo"', "whose apps"),
    ("limit", "number", "5", ""),
    ("only", "table", '{ "web", "worker" }', "kinds"),
    ("strict", "boolean", "true", ""),
    ("since", "nil", "nil", ""),
    ("total", "", "count()", "computed"),
]


def test_a_cell_of_lua_declares_what_it_assigns() -> None:
    assert parse_declarations(IN_LUA, LUA) == [Parameter(*one) for one in FOUND]


def test_a_cell_of_python_declares_the_same_kinds() -> None:
    found = parse_declarations(IN_PYTHON, PYTHON)
    assert [(one.name, one.kind, one.doc) for one in found] == [(name, kind, doc) for name, kind, _, doc in FOUND]


@pytest.mark.parametrize(("code", "language"), [("1 +", PYTHON), ("x = 'é'  # ü", PYTHON), ("x <- 1", "r"), ("", LUA)])
def test_what_cannot_be_read_declares_nothing_and_is_no_failure(code: str, language: str) -> None:
    assert [one.doc for one in parse_declarations(code, language)] in ([], ["ü"])


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "007", "007"),
        ("string", "", ""),
        ("number", "007", 7),
        ("number", "-2.5", -2.5),
        ("number", "1e3", 1000.0),
        ("boolean", "True", True),
        ("boolean", "false", False),
        ("table", '["a", 1, null]', ["a", 1, None]),
        ("table", '{"a": {"b": true}}', {"a": {"b": True}}),
        ("nil", "2026-01-01", "2026-01-01"),
        ("", "5", "5"),
    ],
)
def test_a_text_becomes_what_was_declared(kind: str, text: str, value: Any) -> None:
    found = value_of(Parameter("x", kind, "…", ""), text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(("number", text) for text in ("many", "nan", "", "1" + "0" * 400)),
        ("boolean", "1"),
        *(("table", text) for text in ("a", "5", "[NaN]", "[-Infinity]", "[" * 100_000)),
    ],
)
def test_a_text_of_another_kind_is_refused_with_what_is_wanted(kind: str, text: str) -> None:
    with pytest.raises(InvalidArgumentsError, match=r"The parameter `x` is .+ \(usually …\), got "):
        value_of(Parameter("x", kind, "…", ""), text)


def test_a_comment_is_found_behind_texts_with_other_ends_of_lines_in_them() -> None:
    code = 'x = "\u2028é\x0b"  # first\r\ny = "ééé"  # second\n'
    assert [(one.name, one.doc) for one in parse_declarations(code, PYTHON)] == [("x", "first"), ("y", "second")]


def test_an_unknown_parameter_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"no parameter `limt`: it has account, .+ Did you mean: limit"):
        values_of(parse_declarations(IN_LUA, LUA), {"limt": "3"})
    with pytest.raises(UnknownNameError, match="no cell of it has the tag `parameters`"):
        values_of([], {"limit": "3"})


def test_both_languages_read_what_is_assigned(session: Session) -> None:
    given = {"account": 'a "b"\n\\', "limit": 7, "only": ["x", None, {"k": True}], "strict": False}
    assert session.run(f"{assignments(given, LUA)}\nreturn account, limit, only, strict").values == list(given.values())
    namespace: dict[str, Any] = {}
    exec(assignments(given, PYTHON), namespace)  # noqa: S102 - what the notebook does
    assert {name: namespace[name] for name in given} == given
