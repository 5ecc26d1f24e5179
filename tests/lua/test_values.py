"""Test what a script's value is, and what comes out as what."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lua_host import failure, machine, run, values

from kosmo_kernel import errors
from kosmo_kernel.values.records import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kosmo_kernel.lua.machine import Machine


@pytest.fixture(scope="module")
def lua() -> Iterator[Machine]:
    with machine() as one:
        yield one


# What a cell's value is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("1 + 1", [2]),
        ("return 1, nil, 'x', true, 1.5", [1, None, "x", True, 1.5]),
        ("local a = 2\na * 3", [6]),
        ("local function f() return 4 end\nf()", [4]),
        ("function g()\n  return 5\nend\ng\n(\n)", [5]),
        ("{ b = 1, a = { 2, 3 } }", [{"b": 1, "a": [2, 3]}]),
        ("-- only a comment", []),
        ("x = 5", []),
        ("for i = 1, 2 do end", []),
        ("return", []),
        ("local s = [[\nreturn 1\n]]\n#s", [9]),
        ("goto out\ndo end\n::out::", []),
        ("if true then return 7 end", [7]),
        ("return {}, json.object(), json.array()", [[], {}, []]),
        ("{ 1, json.null, 3 }", [[1, None, 3]]),
        ("{ 1, nil, 3 }", [[1, None, 3]]),
        ("{ [100] = 'far' }", [{100: "far"}]),
        ("{ 1, 2, x = 3, [-7] = 4 }", [{-7: 4, 1: 1, 2: 2, "x": 3}]),
        ("{ [math.mininteger] = 1, ['1'] = 2, [1.0] = 3 }", [{-(2**63): 1, 1: 3, "1": 2}]),
        ("{ { ['\\0'] = 1, ['\\0n'] = 'nan', ['\\0007'] = 2 } }", [[{"\0": 1, "\0n": "nan", "\0007": 2}]]),
        ("{ ['\\0n'] = 'nan' }, '\\0'", [{"\0n": "nan"}, "\0"]),
        ("1/0, { x = { -1/0, math.huge } }", [math.inf, {"x": [-math.inf, math.inf]}]),
        ('json.decode(\'{"b":null,"a":[],"c":{}}\')', [{"b": None, "a": [], "c": {}}]),
        ("math.maxinteger, math.mininteger", [2**63 - 1, -(2**63)]),
        ("'\\u{1F600} \\0 end'", ["\U0001f600 \0 end"]),
        ("2^53, 1e300, -0.5", [9007199254740992.0, 1e300, -0.5]),
        ("'1' + 2, '0x10' * 1, -'3'", [3, 16, -3]),
        ("select('#', pcall(error, 'x'))", [2]),
        ("nil .. setmetatable({}, { __concat = function() return 'own' end })", ["own"]),
        ("string.format('%s %d %5.1f %%', {}, 3, 2.5)", ["{} 3   2.5 %"]),
        ("local a = 1 -- see;print('no')\nreturn a", [1]),
    ],
)
def test_the_last_expression_or_what_is_returned_is_the_value(lua: Machine, source: str, wanted: list[Any]) -> None:
    assert values(lua, source) == wanted


@pytest.mark.parametrize(
    ("source", "hidden"),
    [
        ("1", False),
        ("1;", True),
        ("1; -- it's over", True),
        ("1 -- ;", False),
        ("return {';'}", False),
        ("x = 1", True),
        ("x = 1\n1 -- ;", False),
        ("x = 1\n1; -- ;", True),
        ("do return 1 end", False),
        ("do return 1 end;", True),
        ("do return 1 end; -- it's over", True),
        ("do return 1 end;\n-- it's over", True),
        ("do return 1 end -- ;", False),
        ("do return 1; end", False),
        ("do return 1 end\n" + " " * 2000 + ";", True),
        ("return", True),
    ],
)
def test_a_semicolon_at_the_end_hides_the_value(lua: Machine, source: str, hidden: bool) -> None:
    assert run(lua, source).hidden is hidden


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{ a = { 1, print } }", "result.a[2]: a function has no Python form"),
        ("return 1, { x = io }", "result[2].x.read: a function has no Python form"),
        ("{ ['a b'] = '\\255' }", 'result["a b"]: a text that is not UTF-8 has no Python form'),
        ("{ ['\\255'] = 1 }", "result: a key that is not UTF-8 has no Python form"),
        ("local t = {} t.t = { t } return t", "result.t[1]: a table that contains itself has no Python form"),
        ("{ [{}] = 1 }", "result: a key that is a table has no Python form"),
        ("{ [1.5] = 1 }", "result: a key that is a float has no Python form"),
        ("{ app }", "result[1]: a namespace has no Python form"),
        ("local t = {} for _ = 1, 200 do t = { t } end return t", "more than 100 levels"),
    ],
)
def test_a_value_without_a_python_form_is_its_text_and_says_which_place_has_none(
    lua: Machine, source: str, message: str
) -> None:
    assert message in values(lua, source)[-1].fault


def test_a_number_that_is_none_stays_one_wherever_it_stands(lua: Machine) -> None:
    single, listed, (record, _) = values(lua, "0/0, { 1, -(0/0) }, { { rate = 0/0 }, { rate = 1.5 } }")

    assert [math.isnan(one) for one in (single, listed[1], record["rate"])] == [True] * 3


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("json.encode(0/0)", "the value: NaN has no JSON form"),
        ("json.encode({ a = { -1/0 } })", "a[1]: infinity has no JSON form"),
        ("json.encode({ 1, x = 2, ['1'] = 3 })", 'the value: the keys 1 and "1" are one and the same in JSON'),
        ("display.json({ 0/0 })", "value[1]: NaN has no JSON form"),
        ("app.integrations.heroku.get_app({ app_id = { 0/0 } })", "app_id[1]: NaN has no JSON form"),
    ],
)
def test_what_goes_on_as_json_has_only_what_json_has(lua: Machine, source: str, message: str) -> None:
    assert str(failure(lua, source).error).endswith(message)


def test_in_json_integer_keys_are_texts(lua: Machine) -> None:
    assert values(lua, "json.decode(json.encode({ 1, 2, x = 3 }))") == [{"1": 1, "2": 2, "x": 3}]


def test_json_of_a_script_has_no_marks(lua: Machine) -> None:
    text = r'{"\u00007":{"\u0000n":"nan"}}'

    assert values(lua, f"json.decode([[{text}]])") == [{"\0" + "7": {"\0n": "nan"}}]


def test_a_function_or_namespace_is_its_text(lua: Machine) -> None:
    shown = [str(value) for value in values(lua, "return app.integrations.heroku.get_app, app.integrations")]

    assert shown == ["function: heroku.get_app({ app_id })", "app.integrations\n  heroku"]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(value=json_values)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_json_survives_a_round_trip_through_lua(lua: Machine, value: Any) -> None:
    source = encode(value).decode()
    level = "=" * (source.count("=") + 1)

    assert values(lua, f"return {{ json.decode([{level}[{source}]{level}]) }}") == [[value]]


def test_json_keeps_the_order_of_keys(lua: Machine) -> None:
    (value,) = values(lua, """json.decode('{"z":1,"a":null,"m":{"y":1,"b":2}}')""")

    assert (list(value), list(value["m"])) == (["z", "a", "m"], ["y", "b"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":1,}', "a key in quotes is missing at line 1, column 8"),
        ("[1\n,x]", "no JSON value at line 2, column 2"),
        ('"abc', "a text that does not end at line 1, column 1"),
        ("01", "no JSON value"),
        ("[1] 2", "text after the end of the value at line 1, column 5"),
        ("", "the text ends too early"),
        ("[" * 200, "more than 100 levels"),
        ('{"id":123456789012345678901234567890}', "a whole number of more than 64 bits at line 1, column 7"),
        ("-9223372036854775809", "a whole number of more than 64 bits"),
        ("[1e400]", "a number that is too large at line 1, column 2"),
        ('["\\ud800"]', "half of a surrogate pair at line 1, column 4"),
        ('{"\\udc00\\ud800":1}', "half of a surrogate pair at line 1, column 4"),
        ('"\\ud83d\\u0041"', "half of a surrogate pair"),
    ],
)
def test_broken_json_is_an_error_with_its_place(lua: Machine, text: str, message: str) -> None:
    assert message in str(failure(lua, f"json.decode([==[{text}]==])").error)


# What lives on ---------------------------------------------------------------------------------------


def test_top_level_locals_live_on_and_stay_locals() -> None:
    with machine() as lua:
        run(lua, "local x = 1\nlocal function g() return x end\nlocal k <const> = 9")
        assert values(lua, "x, g(), k, _G.x") == [1, 1, 9, None]
        run(lua, "x = x + 1")
        assert values(lua, "g()") == [2]  # the same variable, not a copy
        run(lua, "local x = 10")
        assert values(lua, "x, g()") == [10, 2]  # a new variable, and the closure keeps its own


def test_constants_stay_constant_until_they_are_declared_anew() -> None:
    with machine() as lua:
        run(lua, "local five <const>, now <const> = 5, os.time()\nlocal six = 6")
        for name in ("five", "now"):
            error = failure(lua, f"six = 7\n{name} = 1").error
            assert error.message == f"cell:2: attempt to assign to const variable '{name}'"
        assert values(lua, "return five, six, now ~= nil") == [5, 6, True]
        run(lua, "local five = 1\nfive = 2")
        assert values(lua, "return five") == [2]


def test_locals_live_on_when_the_cell_fails_halfway() -> None:
    with machine() as lua:
        failure(lua, "local kept = 3\nfor i = 1, 2 do local inner = 4; error('stop') end")
        assert values(lua, "kept, inner, i") == [3, None, None]


def test_more_locals_than_lua_allows_in_one_function_live_on_over_many_cells() -> None:
    with machine() as lua:
        for start in range(0, 400, 100):
            run(lua, "\n".join(f"local v{i} = {i}" for i in range(start, start + 100)))
        assert values(lua, "v0 + v150 + v399") == [549]


def test_a_closure_shares_its_variable_with_later_cells() -> None:
    with machine() as lua:
        run(lua, "local n = 0\nlocal function count() n = n + 1 end")
        run(lua, "count()\nn = n + 10\ncount()")
        assert values(lua, "n") == [12]


def test_a_cell_cannot_break_out_of_its_wrapper(lua: Machine) -> None:
    assert isinstance(failure(lua, "end, function() return 1").error, errors.LuaSyntaxError)
