"""Records in Lua: nulls, references, lists that are filled when touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lua_host import APPS, Answers, app, failure, machine, printed, run, values

from kosmo_kernel.errors import LimitError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.lua import values as values_module
from kosmo_kernel.lua.failure import Failure
from kosmo_kernel.lua.messages import ValueBudget
from kosmo_kernel.settings.limits import Limits
from kosmo_kernel.values.lua_literals import literal
from kosmo_kernel.values.records import Records, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kosmo_kernel.client.call import CallRequest
    from kosmo_kernel.lua.machine import Machine


@pytest.fixture(scope="module")
def lua() -> Iterator[Machine]:
    with machine() as one:
        yield one


def test_a_null_field_is_nil_and_joins_as_an_empty_text(lua: Machine) -> None:
    source = """local a = app.integrations.heroku.list_apps({})[1]
    return a.web_url, a.name .. a.web_url .. "!", "team: " ..
      a.team, a.web_url == nil"""

    assert values(lua, source) == [None, "one!", "team: ", True]


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("local s = 'a' .. nothing", "(global 'nothing')"),
        ("local t = {}\nreturn 'a' .. t.gone", "(field 'gone')"),
        ("local n\nreturn n .. 'a'", "(local 'n')"),
        ("local a = app.integrations.heroku.list_apps({})[1]\na.own = nil\nreturn a.name .. a.own", "(field 'own')"),
        (
            "local a = app.integrations.heroku.list_apps({})[1]\nlocal url = a.web_url\nreturn 'x' .. url",
            "(local 'url')",
        ),
    ],
)
def test_joining_any_other_nil_is_luas_own_error(lua: Machine, source: str, named: str) -> None:
    assert str(failure(lua, source).error).endswith(f"attempt to concatenate a nil value {named}")


def test_a_reference_reads_as_its_name(lua: Machine) -> None:
    source = """local apps = app.integrations.heroku.list_apps({})
    local a, b = apps[1], apps[2]
    print(a.stack)
    return a.name .. " on " .. a.stack, tostring(a.stack), b.stack < a.stack, b.stack <= "heroku-20",
      a.stack:upper(), table.concat({ a.stack, b.stack }, ","), a.stack.name, ("%s"):format(a.stack),
      a.stack == "heroku-24" """
    wanted = [
        "one on heroku-24",
        "heroku-24",
        True,
        True,
        "HEROKU-24",
        "heroku-24,heroku-20",
        "heroku-24",
        "heroku-24",
        False,
    ]

    assert values(lua, source) == wanted
    assert printed(lua, source) == "heroku-24\n"


def test_a_missing_role_reads_as_its_default(lua: Machine) -> None:
    class People(Answers):
        def call(self, request: CallRequest) -> list[Any]:
            rows: list[dict[str, Any]] = [{"user": {"email": f"{name}@b.example"}} for name in "ac"]
            rows[0]["role"] = None
            return [Records(rows, HEROKU.function(request.path.partition(".")[2]))]

    source = """local c = app.integrations.heroku.list_collaborators('my-app')
    return c[1].role, c[1].user .. ': ' .. c[2].role"""

    assert values(lua, source, People()) == ["collaborator", "a@b.example: collaborator"]


def test_a_list_returned_as_it_came_is_the_very_same_list(lua: Machine) -> None:
    host = Answers()
    (one,) = values(lua, "app.integrations.heroku.list_apps({})", host)
    (kept,) = values(lua, "local apps = app.integrations.heroku.list_apps({})\nlocal n = #apps\nreturn apps", host)

    assert one.rows is host.rows
    assert kept == host.rows


def test_filtered_sorted_and_empty_lists_remember_their_function(lua: Machine) -> None:
    source = """local apps = app.integrations.heroku.list_apps({})
    local old, none = {}, app.integrations.heroku.list_apps({})
    for _, a in ipairs(apps) do if a.stack < "heroku-24" then old[#old + 1] = a end end
    table.sort(apps, function(a, b) return a.name > b.name end)
    while #none > 0 do table.remove(none) end
    return old, apps, none, apps[1]"""
    old, ordered, none, single = values(lua, source)

    assert [list(map(_name, rows)) for rows in (old, ordered, none)] == [["two"], ["two", "one"], []]
    assert {rows.function for rows in (old, ordered, none, single)} == {APPS}


def _name(row: dict[str, Any]) -> str:
    return str(row["name"])


def test_nulls_unknown_keys_and_key_order_survive_changes(lua: Machine) -> None:
    host = Answers([app("one")])
    (rows,) = values(
        lua, "local l = app.integrations.heroku.list_apps({})\nl[1].extra = 1\nl[1].id = nil\nreturn l", host
    )

    assert list(rows[0].items()) == [
        ("name", "one"), ("stack", host.rows[0]["stack"]), ("team", None), ("web_url", None), ("novel", [1, None]),
        ("extra", 1),
    ]  # fmt: skip


def test_new_records_have_their_keys_in_the_order_in_which_the_script_names_them(lua: Machine) -> None:
    (rows,) = values(
        lua, "local out = {}\nfor i = 1, 2 do out[i] = { zone = i, app = 'a', best = true } end\nreturn out"
    )

    assert [list(row) for row in rows] == [["zone", "app", "best"]] * 2


# The two ways in which a list can be filled must not differ: programs over one list, run both ways.
places = st.integers(1, 4)
steps = st.one_of(
    st.builds("_ = l[{0}] and l[{0}].{1}".format, places, st.sampled_from(["name", "team", "stack", "novel", "no"])),
    st.builds("if l[{0}] then l[{0}].{1} = {2} end".format, places,
              st.sampled_from(["name", "x", "web_url", "stack", "later", "app", "novel"]),
              st.sampled_from(["nil", "'new'", "1", "true", "1/0", "'\\255'", "{ 1 }", "l[1]"])),
    st.builds("for i, r in ipairs(l) do r.{0} = {1} end".format,
              st.sampled_from(["name", "x", "web_url", "stack.name"]),
              st.sampled_from(["nil", "i", "'all'", "r.name", "r.team"])),
    st.builds("l[{0}] = l[{0}] and {{ l[{0}] }}".format, places),
    st.builds("if l[{0}] and type(l[{0}].stack) == 'table' then l[{0}].stack.{1} = {2} end".format, places,
              st.sampled_from(["name", "extra"]), st.sampled_from(["nil", "'s'"])),
    st.builds("if l[{0}] and l[{0}].novel then local n = l[{0}].novel; n[#n + 1] = 'more' end".format, places),
    st.builds("for k, v in pairs(l[{0}] or {{}}) do out[#out + 1] = k .. '=' .. type(v) end".format, places),
    st.builds("out[#out + 1] = tostring(next(l[{0}] or {{}}) ~= nil)".format, places),
    st.builds("held = l[{0}] and l[{0}].stack".format, places),
    st.just("if type(held) == 'table' then held.held = true end"),
    st.just("if type(held) == 'table' then for k in pairs(held) do out[#out + 1] = k end end"),
    st.just("table.remove(l, 1)"),
    st.just("l[#l + 1] = l[1]"),
    st.just("table.insert(l, 1, l[#l])"),
    st.just("table.sort(l, function(a, b) return tostring(a.id) > tostring(b.id) end)"),
    st.just("local m = {}; for i, r in ipairs(l) do if i % 2 == 1 then m[#m + 1] = r end end; l = m"),
    st.just("l[1] = l[2]"),
    st.just("rawset(l, 1, l[3])"),
    st.just("if l[1] then setmetatable(l[1], nil) end"),
    st.just("l.named = 1; l.named = nil"),
    st.just("out[#out + 1] = json.encode(l)"),
    st.just("if l[2] then out[#out + 1] = rawget(l[2], 'name') end"),
)  # fmt: skip


@given(program=st.lists(steps, max_size=8))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_list_filled_by_columns_behaves_as_one_made_of_plain_tables(
    lua: Machine, monkeypatch: pytest.MonkeyPatch, program: list[str]
) -> None:
    source = "local l, out, held = app.integrations.heroku.list_apps({}), {}, nil\n" + "\n".join(program)
    source += "\ntable.sort(out)\nreturn l, out, held, l[1]"
    seen = []
    for short in (0, 50):
        monkeypatch.setattr(values_module, "MAX_RECORDS_SENT_WHOLE", short)
        host = Answers(
            [app("a"), app("b", on="heroku-20", team={"id": "t", "name": "team"}), app("c", novel=None), app("d")]
        )
        try:
            result = values(lua, source, host)
            seen.append([encode(value) for value in result])
        except Failure as failed:
            seen.append([str(failed.error).encode()])

    assert seen[0] == seen[1]


def test_a_long_list_is_filled_by_columns_and_only_those_that_are_read(
    lua: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    column = values_module.RemoteLists.column

    def noted(handles: values_module.RemoteLists, handle: int, path: list[str | int]) -> Any:
        asked.append(path)
        return column(handles, handle, path)

    monkeypatch.setattr(values_module.RemoteLists, "column", noted)
    host = Answers([app(f"a{i}", on=f"heroku-{i % 3}") for i in range(500)])
    source = """local l, n = app.integrations.heroku.list_apps({}), 0
    for _, a in ipairs(l) do if a.stack.name == "heroku-1" then n = n + 1 end end
    return n, l"""
    n, rows = values(lua, source, host)

    assert (n, asked) == (167, [["stack"], ["stack", "name"]])
    assert list(rows) == host.rows


def test_a_field_written_in_every_record_fetches_no_other(lua: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(values_module.RemoteLists, "rows")  # which gives records whole
    host = Answers([app(f"a{i}") for i in range(100)])
    (rows,) = values(
        lua,
        "local l = app.integrations.heroku.list_apps({})\n"
        "for i, a in ipairs(l) do if i > 1 then a.name = a.name .. '!' a.zone = 'eu' a.age = 1 / 0 end end\nreturn l",
        host,
    )

    new = [row | {"name": f"{row['name']}!", "zone": "eu", "age": float("inf")} for row in host.rows[1:]]
    assert (list(rows), rows.function) == ([host.rows[0], *new], APPS)
    assert list(rows[1]) == [*host.rows[1], "zone", "age"]
    assert host.rows[1]["name"] == "a1"


def test_ever_new_fields_are_not_asked_for_one_by_one(lua: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    column = values_module.RemoteLists.column

    def noted(handles: values_module.RemoteLists, handle: int, path: list[str | int]) -> Any:
        asked.append(path)
        return column(handles, handle, path)

    monkeypatch.setattr(values_module.RemoteLists, "column", noted)
    host = Answers([app(f"a{i}") for i in range(200)])
    (rows,) = values(
        lua,
        "local l = app.integrations.heroku.list_apps({})\nfor i, a in ipairs(l) do a['n' .. i] = i end\nreturn l",
        host,
    )

    assert [row[f"n{i}"] for i, row in enumerate(rows, start=1)] == list(range(1, 201))
    assert len(asked) < 100


def altered(handles: values_module.RemoteLists, body: bytes, **description: Any) -> Any:
    """Return what a description of altered records stands for, with `secret` redacted."""
    described = {"form": "altered", "blob": 1, **description}
    return handles.value(described, [body], ValueBudget(Limits()), lambda text: text.replace("secret", "*"))


@pytest.mark.parametrize(
    ("body", "description"),
    [
        (b"", {}),
        (b"", {"parts": []}),
        (b"[1,1]", {"parts": [["json", 5, 2]], "names": ["a"], "partial": [False]}),
        (b"[1,1][]", {"parts": [["json", 5, 2], ["json", 2, 1]], "names": ["a"], "partial": [False]}),
        (b"[1,1]{}", {"parts": [["json", 5, 2], ["json", 2, 1]], "names": ["a"], "partial": [False]}),
        (b"[0]", {"handle": 1, "parts": [["json", 3, 1]], "names": ["a"], "partial": [True]}),
        (b"[0][1]", {"handle": 1, "parts": [["json", 3, 1]] * 2, "names": ["a"], "partial": [True]}),
        (b"[2][1]", {"handle": 1, "parts": [["json", 3, 1]] * 2, "names": ["a"], "partial": [True]}),
        (b"[true][1]", {"handle": 1, "parts": [["json", 6, 1], ["json", 3, 1]], "names": ["a"], "partial": [True]}),
        (b"[1,2]", {"handle": 1, "parts": [["json", 5, 2]], "names": ["a"], "partial": [False]}),
        (b"[1]", {"handle": 1, "parts": [["json", 3, 1]], "names": ["a", "b"], "partial": [False]}),
        (b"[1]", {"handle": 7, "parts": [["json", 3, 1]], "names": ["a"], "partial": [False]}),
    ],
)
def test_what_a_broken_child_says_of_altered_records_is_taken_for_nothing(
    body: bytes, description: dict[str, Any]
) -> None:
    handles = values_module.RemoteLists()
    handles.answer([Records([{"a": 1}])], [])
    with pytest.raises((ValueError, TypeError, KeyError, IndexError)):
        altered(handles, body, **description)


def test_altered_records_that_leave_are_without_secrets() -> None:
    handles = values_module.RemoteLists()
    handles.answer([Records([{"a": 1}])], [])
    parts = [["texts", 7, 1], ["json", 12, 1]]

    rows = altered(
        handles, b'secret\0[["secret"]]', handle=1, names=["secret", "b"], partial=[False, False], parts=parts
    )

    assert list(rows) == [{"a": 1, "*": "*", "b": ["*"]}]


# Records that a script makes travel as columns if each has the same fields, else as JSON.
fields = st.dictionaries(
    st.sampled_from(["name", "app", "n", "x y", "\N{SNOWMAN}"]),
    st.one_of(
        st.sampled_from(["", "web", "a\0b", "\0", '\r\n\t"\\', "\N{SNOWMAN}", "secret"]),
        st.sampled_from([0, 1, -1, 2**63 - 1, 1 - 2**63]),
        st.sampled_from([1.5, -0.0, float("inf"), True, False]),
    ),
    min_size=1,
)


@given(rows=st.lists(fields, min_size=1, max_size=3), is_same=st.booleans())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_new_records_come_back_as_the_script_made_them(lua: Machine, rows: list[dict[str, Any]], is_same: bool) -> None:
    rows = [rows[0] | {} if is_same else row for row in rows] * 20
    lines = (f"out[#out + 1] = {literal(row)}" for row in rows)
    (back,) = values(lua, "local out = {}\n" + "\n".join(lines) + "\nreturn out")

    assert [encode(sorted(row.items())) for row in back] == [encode(sorted(row.items())) for row in rows]
    assert {type(value) for row in back for value in row.values()} == {
        type(value) for row in rows for value in row.values()
    }


def test_new_records_that_are_too_large_are_refused_as_columns_too(lua: Machine) -> None:
    source = "local out = {} for i = 1, 100 do out[i] = { name = ('x'):rep(100) } end return out"

    assert [len(run(lua, source, result=result).values[0]) for result in (70_000, 20_000)] == [100, 100]
    error = failure(lua, source, result=9_000).error
    assert isinstance(error, LimitError)
    assert error.limit == "result_limit"


def test_lists_that_lua_dropped_are_let_go() -> None:
    with machine() as lua:
        run(lua, "for _ = 1, 50 do app.integrations.heroku.list_apps({}) end")
        run(lua, "collectgarbage() collectgarbage()")
        run(lua, "return 1")

        assert len(lua._handles) <= 1


def test_lists_that_are_only_counted_are_released_while_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    answer = values_module.RemoteLists.answer

    def noted(handles: values_module.RemoteLists, answered: list[Any], blobs: list[bytes]) -> Any:
        described = answer(handles, answered, blobs)
        kept.append(handles._records)
        return described

    monkeypatch.setattr(values_module.RemoteLists, "answer", noted)
    source = """local n = 0
    for i = 1, 30 do n = n + #app.integrations.heroku.list_apps({}) end
    return n"""
    with machine() as lua:
        assert values(lua, source, Answers(rows=[app("one")] * 5_000)) == [150_000]

    assert max(kept) <= 15_000


def test_the_lists_of_a_table_that_is_too_much_for_lua_are_let_go() -> None:
    handles = values_module.RemoteLists()
    records = Records([{"n": n} for n in range(100)])
    with pytest.raises(Failure, match="result_limit"):
        handles.inputs({"both": {"a": records, "b": records}, "text": "x" * 100}, [], most=50)

    assert len(handles) == 0
    assert len(handles.inputs({"both": {"a": records, "b": records}}, [], most=50)[0]["values"]) == len(handles) == 2
