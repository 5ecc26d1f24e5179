"""Test what a script can call: the catalogue, printing, reading; and what it cannot reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psutil
import pytest
from lua_host import Answers, Shuffled, failure, machine, printed, run, values

from kosmo_kernel import errors
from kosmo_kernel.integrations.heroku import HEROKU

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kosmo_kernel.lua.machine import Machine


@pytest.fixture(scope="module")
def lua() -> Iterator[Machine]:
    with machine() as one:
        yield one


# Calls -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "named", "positional"),
    [
        ("app.integrations.heroku.get_app({ app_id = 'x' })", {"app_id": "x"}, []),
        ("app.integrations.heroku.get_app('x')", None, ["x"]),
        ("app.integrations.heroku:get_app('x')", None, ["x"]),
        ("app.integrations.heroku.list_apps()", None, []),
        ("app.integrations.heroku.list_apps({})", {}, []),
        ("app.integrations.heroku.list_dynos({ 'x', 'y' })", None, [["x", "y"]]),
        ("app.integrations.heroku.list_dynos({ app_id = { 'x' } })", {"app_id": ["x"]}, []),
    ],
)
def test_arguments_go_by_name_or_by_position(
    lua: Machine, source: str, named: dict[str, Any] | None, positional: list[Any]
) -> None:
    host = Answers()
    run(lua, source, host)

    assert (host.asked[-1].by_name, host.asked[-1].positional) == (named, positional)


def test_a_list_of_records_is_an_argument_without_being_copied(lua: Machine) -> None:
    host = Answers()
    run(lua, "local heroku = app.integrations.heroku\nheroku.list_dynos({ app_id = heroku.list_apps({}) })", host)

    assert host.asked[-1].by_name is not None
    assert host.asked[-1].by_name["app_id"].rows is host.rows


def test_accounts_aliases_and_full_names_lead_to_the_same_function(lua: Machine) -> None:
    host = Answers()
    run(
        lua,
        "local h = app.integrations.heroku\n"
        "h.list_add_ons('x') h.heroku_list_addons('x') h.production.list_addons('x')",
        host,
    )

    assert [(one.path, one.account) for one in host.asked] == [
        ("heroku.list_addons", None), ("heroku.list_addons", None), ("heroku.list_addons", "production")
    ]  # fmt: skip


def test_the_error_of_a_run_is_that_of_its_last_failed_call_whatever_the_messages_say(lua: Machine) -> None:
    host = Shuffled()
    source = """local heroku = app.integrations.heroku
    local _, first = pcall(function() return heroku.get_app('bad') end)
    local _, other = pcall(function() return heroku.list_dynos('bad') end)
    heroku.list_dynos('bad')"""
    caught = failure(lua, source, host)

    assert [error.message for error in host.raised] == ["bad is refused"] * 3
    assert host.raised[caught.cause - 1] is host.raised[2]


def test_a_failed_call_raised_again_is_still_that_call_and_an_error_of_the_scripts_own_is_none(lua: Machine) -> None:
    host = Shuffled()
    source = """local heroku = app.integrations.heroku
    local _, first = pcall(function() return heroku.get_app('bad') end)
    pcall(heroku.list_dynos, 'bad')
    error(%s, 0)"""

    assert failure(lua, source % "first", host).cause == 1
    assert failure(lua, source % "'bad is refused'", host).cause == 0


def test_a_failed_call_gives_pcall_a_text_and_a_table_of_facts(lua: Machine) -> None:
    host = Answers(error=errors.RefusedError("no such app", status=404, id="not_found", function="heroku.get_app"))
    ok, text, facts = values(lua, "pcall(function()\n local a = app.integrations.heroku.get_app('x')\nend)", host)

    assert (ok, text, facts["status"], facts["id"]) == (False, "cell:2: no such app", 404, "not_found")


def test_a_failed_call_names_its_line_even_as_the_last_expression(lua: Machine) -> None:
    host = Answers(error=errors.RefusedError("no such app", status=404))

    assert str(failure(lua, "local h = app.integrations.heroku\n\nh.get_app('x')", host).error) == "cell:3: no such app"


def test_an_unknown_name_in_a_namespace_is_an_error_with_the_nearest_names(lua: Machine) -> None:
    assert str(failure(lua, "app.integrations.heroku.lst_apps()").error).endswith("Did you mean: list_apps")


def test_namespaces_can_be_listed_and_printed_but_not_changed(lua: Machine) -> None:
    source = "local n = {}\nfor k, v in pairs(app.integrations.heroku) do n[#n + 1] = k .. ':' .. type(v) end\nreturn n"

    assert values(lua, source) == [[f"{f.name}:function" for f in HEROKU.functions]]
    assert "cannot be changed" in str(failure(lua, "app.integrations.heroku.list_apps = 1").error)


# Output and input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("print(1, 'a', nil, true)", "1\ta\tnil\ttrue\n"),
        ("print()", "\n"),
        ("print({ 'x', { b = 1 } })", '[ "x", { b: 1 } ]\n'.replace("[ ", "[").replace(" ]", "]")),
        ("print({})", "{}\n"),
        ("local t = { a = {} } t.a.up = t print(t)", "{ a: { up: <cycle: value> } }\n"),
        ("local s = {} print({ s, s })", "[{}, {}]\n"),
        ("return dump('text') and nil", "text\n"),
        ("io.write('a', 1, 'b\\n') io.stdout:write('c')", "a1b\nc"),
        ("print(setmetatable({}, { __tostring = function() return 'own' end }))", "own\n"),
        ("local t = {} for i = 1, 150 do t[i] = i end print(#tostring(t) < 1000, tostring(t):match('… .*all'))",
         "true\t… 50 more, 150 in all\n"),
    ],
)  # fmt: skip
def test_print_shows_tables_as_json_like_text(lua: Machine, source: str, wanted: str) -> None:
    assert printed(lua, source) == wanted


def test_output_arrives_in_order_and_by_stream(lua: Machine) -> None:
    host = Answers()
    run(lua, "print('a') io.stderr:write('b\\n') print('c') print('d')", host)

    assert host.printed == [("stdout", "a\n"), ("stderr", "b\n"), ("stdout", "c\nd\n")]


@pytest.mark.parametrize(
    "value",
    [
        *("1", "-0.0", "1e15", "1e100", "0.1", "2^53", "math.mininteger", "1/0", "-1/0", "0/0", "-(0/0)"),
        *("''", "'a\\0b'", "'1'", "nil", "true", "('x'):rep(1 << 20)"),
    ],
)
def test_a_value_alone_is_printed_as_tostring_writes_it(lua: Machine, value: str) -> None:
    assert printed(lua, f"print({value})") == printed(lua, f"io.write(tostring({value}), '\\n')")
    assert printed(lua, f"print({value}, {value})") == printed(
        lua, f"local text = tostring({value}) io.write(text, '\\t', text, '\\n')"
    )


@pytest.mark.parametrize("line", ["print(i)", "print('line ' .. i)", "print(i, i)"])
def test_lines_that_print_writes_are_whole_and_in_order(lua: Machine, line: str) -> None:
    host = Answers()
    run(lua, f"for i = 1, 30000 do {line} if i % 9000 == 0 then io.stderr:write('e') end end", host)
    text = "".join(text for stream, text in host.printed if stream == "stdout")
    assert [int(line.split()[-1]) for line in text.splitlines()] == list(range(1, 30_001))
    assert [stream for stream, _ in host.printed].count("stderr") == 3


def test_no_line_is_lost_however_long_a_script_prints(lua: Machine) -> None:
    lines = 400_000
    text = printed(lua, f"local out = io.write for i = 1, {lines} do out(i, '\\n') end")

    assert text.split() == [str(i) for i in range(1, lines + 1)]


def test_addresses_are_never_shown(lua: Machine) -> None:
    assert "0x" not in printed(lua, "print(print, coroutine.create(print), { print }) print(('%s'):format({}))")


def test_io_read_reads_lines_numbers_and_the_end(lua: Machine) -> None:
    host = Answers(lines=["one", "2", "three"])

    assert values(lua, "io.read(), io.read('n'), io.read('L'), io.read('L'), io.read(), io.read('a')", host) == [
        "one",
        2,
        "\n",
        "three\n",
        None,
        "",
    ]


# The wall --------------------------------------------------------------------------------------------


@pytest.mark.claim("lua-allowlist")
def test_nothing_that_reaches_outside_is_there(lua: Machine) -> None:
    names = (
        "debug package require dofile loadfile python os.execute os.exit os.getenv os.remove os.rename os.tmpname "
        "os.setlocale io.open io.popen io.lines io.output io.input io.close io.tmpfile string.dump"
    )
    source = f"""local found = {{}}
    for name in ('{names}'):gmatch('%S+') do
      local value = _G
      for word in name:gmatch('%a+') do value = type(value) == 'table' and value[word] or nil end
      if value ~= nil then found[#found + 1] = name end
    end
    return found"""

    assert values(lua, source) == [[]]


@pytest.mark.claim("lua-allowlist")
def test_no_python_object_is_reachable(lua: Machine) -> None:
    source = """local seen, found = {}, {}
    local function walk(v)
      if type(v) == 'userdata' then found[#found + 1] = 'userdata' end
      if type(v) ~= 'table' or seen[v] then return end
      seen[v] = true
      for k, x in pairs(v) do walk(k) walk(x) end
      local m = getmetatable(v)
      if type(m) == 'table' then walk(m) end
    end
    walk(_G)
    local ok, e = pcall(app.integrations.heroku.get_app, '\\255')
    return found, type(e), getmetatable(''), getmetatable(app)"""

    assert values(lua, source) == [[], "string", False, False]


@pytest.mark.claim("lua-allowlist")
def test_bytecode_is_refused(lua: Machine) -> None:
    assert values(lua, "load('\\27Lua')") == [None, "attempt to load a binary chunk (only text is accepted)"]


@pytest.mark.claim("lua-no-environment")
def test_the_child_has_no_environment_and_only_its_pipes(lua: Machine) -> None:
    run(lua, "return 1")
    child = psutil.Process(lua.pid)

    assert child.environ() == {}
    assert child.open_files() == []
    assert child.net_connections() == []
    assert child.num_fds() <= 8
