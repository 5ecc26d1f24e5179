"""Parameters that papermill writes into a Lua notebook, and what it reads in one."""

from __future__ import annotations

import tomllib
from datetime import date
from importlib.metadata import EntryPoint
from typing import Any

import papermill  # type: ignore[import-untyped]
import pytest
from papermill.engines import NBClientEngine  # type: ignore[import-untyped]
from papermill.translators import papermill_translators  # type: ignore[import-untyped]
from repository import ROOT

from kosmo_kernel.kernel.parameters import LuaTranslator
from kosmo_kernel.session import Session


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        -2.5,
        "",
        'quotes " and \\ and\nlines\t\r\0\x1f0 é',
        [],
        [1, "two", [3.5, False]],
        {"a": 1, "b c": {"end": ["x"]}},
    ],
)
def test_lua_reads_what_was_given(value: Any, session: Session) -> None:
    code = LuaTranslator.codify({"given": value})
    assert code.startswith("-- Parameters\n")
    assert session.run(f"{code}return given").value == value


def test_dates_and_numbers_as_keys_become_texts(session: Session) -> None:  # which YAML files have
    code = LuaTranslator.codify({"given": {"day": date(2026, 3, 1), 7: [date(2026, 3, 2)]}})
    assert session.run(f"{code}return given").value == {"day": "2026-03-01", "7": ["2026-03-02"]}


def test_numbers_without_a_literal_are_what_they_were(session: Session) -> None:
    code = LuaTranslator.codify({"most": float("inf"), "least": float("-inf"), "none": float("nan")})
    assert session.run(f"{code}return most == math.huge, least == -math.huge, none ~= none").values == [True] * 3


def test_a_list_keeps_its_length_when_values_are_missing(session: Session) -> None:
    assert session.run(LuaTranslator.codify({"given": [1, None, 3]}) + "return #given").value == 3


def test_a_name_that_lua_cannot_write_is_set_all_the_same(session: Session) -> None:
    code = LuaTranslator.codify({"end": 1, "my app": 2})
    assert session.run(f"{code}return _G['end'], _G['my app']").values == [1, 2]


def test_a_parameter_takes_the_place_of_a_local_of_the_notebook(session: Session) -> None:
    session.run("local name = 'my-app'")
    session.run(LuaTranslator.codify({"name": "other"}))
    assert session.run("return name").value == "other"


def test_what_a_cell_of_parameters_says_is_told() -> None:
    source = """
-- parameters
n = 3 -- how many
local name = 'my-app'  -- the app
options = {
  a = 1, -- not this
  b = { 2 },
} -- and more
flag = true; ratio = -2.5
x, y = 1, 2
t.field = 1
print('not = one')
unfinished =
"""
    assert [tuple(parameter) for parameter in LuaTranslator.inspect({"source": source})] == [
        ("n", "number", "3", "how many"),
        ("name", "string", "'my-app'", "the app"),
        ("options", "table", "{\n  a = 1, -- not this\n  b = { 2 },\n}", "and more"),
        ("flag", "boolean", "true", ""),
        ("ratio", "number", "-2.5", ""),
    ]


def test_the_entry_point_names_an_engine_and_makes_lua_known() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ((name, value),) = project["entry-points"]["papermill.engine"].items()
    assert EntryPoint(name, value, "papermill.engine").load() is NBClientEngine
    assert papermill_translators.find_translator("kosmo-lua", "lua") is LuaTranslator
    assert papermill.__version__ >= "2.6"
