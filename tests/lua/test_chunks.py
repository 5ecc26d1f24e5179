"""In which order a script's text names keys, and what mistakes it shows: it is read as tokens, whatever is in it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from run_with import run_with

from kosmo_kernel.errors import LuaRuntimeError
from kosmo_kernel.lua.lint import lint
from kosmo_kernel.lua.run import MAX_CHARACTERS_PARSED, MAX_CONSTRUCTORS, ChunkHistory
from kosmo_kernel.session import Session


def test_the_last_script_has_its_order_first() -> None:
    scripts = ChunkHistory()
    scripts.add("In[1]", "function row(a) return { dyno = a, app = a } end")
    scripts.add("In[2]", "return { app = 1, size = 2, dyno = 3 }")

    assert scripts.key_orders() == (["app", "size", "dyno"], [("app", "size", "dyno"), ("dyno", "app")])


def test_of_much_text_the_start_is_read() -> None:
    scripts = ChunkHistory()
    scripts.add("In[1]", "x = { old = 1, older = 2 }")
    scripts.add("In[2]", "x = { a = 1, b = 2 }" + " " * MAX_CHARACTERS_PARSED + "y = { c = 1, d = 2 }")
    assert scripts.key_orders() == (["a", "b"], [("a", "b")])

    scripts.add("In[3]", "\n".join(f"x = {{ a{i} = 1, b{i} = 2 }}" for i in range(MAX_CONSTRUCTORS + 1)))
    names, constructors = scripts.key_orders()
    assert (len(names), len(constructors)) == (2 * MAX_CONSTRUCTORS + 2, MAX_CONSTRUCTORS)


def columns(source: str) -> list[str]:
    with Session(account="demo") as session:
        return list(session.run(source).frame().columns)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("-- app, dyno = 1, { b = 1, a = 2 }\nlocal a, b = 1, 2\nreturn { { b = a, a = b } }", ["b", "a"]),
        ("local rows = { { zone = 1, app = 2 } }\nrows[1].best = 3\nreturn rows", ["zone", "app", "best"]),
        ("local one = { b = 1, a = 2 }\nlocal two = { a = 1, b = 2, c = 3 }\nreturn { two }", ["a", "b", "c"]),
        ("local one = { b = 1, a = 2 }\nlocal two = { a = 1, b = 2, c = 3 }\nreturn { one }", ["b", "a"]),
        ("local t = {}\nt.z = 1\nt['a'] = 2\nreturn { t }", ["z", "a"]),
        ("local t = {}\nfor _, k in ipairs({ 'z', 'a' }) do t[k] = 1 end\nreturn { t }", ["a", "z"]),
        ("local function row(n)\n  return {\n    name = n, -- { age = 1 }\n    age = 1,\n  }\nend\nreturn { row('x') }",
         ["name", "age"]),
        ("local r = { b = nil, z = 1, a = 2 }\nreturn { r }", ["z", "a"]),
        ("local function row(n) return { z = n, team = n > 1 and n or nil, a = n } end\nreturn { row(1), row(2) }",
         ["z", "team", "a"]),
    ],
)  # fmt: skip
def test_a_table_of_the_scripts_own_has_its_columns_as_the_text_does(source: str, names: list[str]) -> None:
    assert columns(source) == names


def test_a_table_of_an_earlier_cell_keeps_its_order_where_cells_have_no_numbers() -> None:
    with Session("demo") as session:
        session.run("rows = { { zone = 1, apps = 2 } }")
        assert list(session.run("return { rows[1] }").frame().columns) == ["zone", "apps"]


def test_a_function_of_an_earlier_cell_keeps_its_order() -> None:
    with Session(account="demo") as session:
        run_with(session, "function row(n) return { size = n, app = n } end", name="In[1]")

        assert list(run_with(session, "return { row(1) }", name="In[2]").frame().columns) == ["size", "app"]
        assert run_with(session, "print(row(1))\nprint(json.encode(row(1)))", name="In[3]").output == (
            '{ size: 1, app: 1 }\n{\n  "size": 1,\n  "app": 1\n}\n'
        )


@pytest.mark.parametrize(
    ("source", "lines", "whole"),
    [
        ("return 'a' .. b.c", (1, 1), True),
        ("return a.b.c ..\n  d", (1, 2), True),
        ("return a\n  -- not .. this\n  .. d .. e.f", (1, 3), True),
        ("x = a ..  -- why\n  b", (1, 2), True),
        ("x = 'a ..'\nf(b)", (1, 2), False),
        ("x = a -- ..\ny = b", (1, 2), False),
        ("x = '.. a' .. b -- .. c\nz = d", (1, 1), True),
        ("x = a .. f(b, c.d) .. e", (1, 1), True),
        ("x = a ..", (1, 1), True),
        ("x = a.", (1, 1), True),
        ("x = a .. b", (1, 2), False),
        ("x = a .. b", (0, 1), False),
    ],
)
def test_what_is_joined_is_read_in_the_code(source: str, lines: tuple[int, int], whole: object) -> None:
    scripts = ChunkHistory()
    scripts.add("cell", source)

    assert scripts.concatenations("cell", *lines) is whole
    assert scripts.concatenations("another", *lines) is False


def test_a_null_field_joins_as_an_empty_text_over_lines_with_comments_and_strings_between() -> None:
    source = """local app = app.integrations.heroku.get_app("my-app")
    return app.name .. " (" .. -- what .. it runs
      -- and a line between
      (app.team or "none") .. app.archived_at .. [[
      )]]"""
    with Session(account="demo") as session:
        assert isinstance(session.run(source).value, str)
        with pytest.raises(LuaRuntimeError, match=r"nil value \(global 'nothing'\)"):
            session.run("local s = 'x .. gone ' .. nothing -- .. other")


def test_what_orders_no_keys_is_not_read() -> None:
    source = (
        "import sys\nfrom kosmo_kernel.session import Session\n"
        "with Session(account='demo') as session:\n"
        '    session.run("local l = app.integrations.heroku.list_apps()\\nreturn { a = l[1].name }")\n'
        "    assert 'kosmo_kernel.values.lua_source' not in sys.modules\n"
        "    session.run('return { b = 1, a = 2 }')\n"
        "    assert 'kosmo_kernel.values.lua_source' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", source], check=True)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("return a.stack == 'x'", [1]),
        ("x = 1\nreturn [[x]] ~= b.c.region", [2]),
        ("if a.stack == -- why\n  [=[x]=] then end\nreturn 'y' == a.owner", [1, 3]),
        ("return a.stack == b.stack", []),
        ("return a.stack.name == 'x'", []),
        ("return 'a.stack' == 'x'", []),
        ("--[[ a.stack == 'x' ]] return a.stacks == 'x'", []),
        ("r.stack = 'a' return r.stack == 'a'", []),
        ("return { stack = 'a' }, r.stack == 'a'", []),
        ("-- r.stack = 1\nlocal stack, b = 1, 2 return r.stack == 'a'", [2]),
    ],
)
def test_a_reference_compared_with_a_text_is_found_in_the_code(source: str, lines: list[int]) -> None:
    assert [int(hint.split()[1].rstrip(":")) for hint in lint(source, lambda _: True)] == lines
