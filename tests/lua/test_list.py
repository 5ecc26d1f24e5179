"""Test `list.*`: what each function returns, which keys and tests it takes, and what it says of a mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lua_host import APPS, Answers, app, failure, machine, printed, run, values

from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kosmo_kernel.lua.machine import Machine

SHORT = [
    app("d", on="heroku-22", maintenance=False, slug_size=3),
    app("b", on="heroku-24", maintenance=True, slug_size=None),
    app("c", on="heroku-22", maintenance=False, slug_size=1, team={"id": "t", "name": "core"}),
    app("a", on="heroku-20", maintenance=False, slug_size=3),
]
# Longer than the longest list that travels whole, so that it is read by columns.
LONG = [*SHORT, *(app(f"z{n:02}", on="heroku-26", maintenance=False, slug_size=9) for n in range(60))]
HEAD = "local all = app.integrations.heroku.list_apps()\nlocal function names(l) return list.join(l, ' ', 'name') end\n"


@pytest.fixture(scope="module")
def lua() -> Iterator[Machine]:
    with machine() as one:
        yield one


@pytest.mark.parametrize("rows", [SHORT, LONG], ids=["short", "by columns"])
@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("names(list.filter(all, { stack = 'heroku-22' }))", "d c"),
        ("names(list.filter(all, { stack = { name = 'heroku-22' }, maintenance = false, slug_size = 1 }))", "c"),
        ("names(list.filter(all, { ['stack.name'] = { 'heroku-20', 'heroku-24' } }))", "b a"),
        ("names(list.filter(all, { slug_size = json.null }))", "b"),
        ("names(list.filter(all, { slug_size = { 1, json.null } }))", "b c"),
        ("names(list.filter(all, 'maintenance'))", "b"),
        ("names(list.filter(all, 'team.name'))", "c"),
        ("names(list.filter(all, 'team'))", "c"),
        ("#list.filter(all, 'novel') == #all", True),
        ("names(list.filter(all, function(a) return a.name < 'c' end))", "b a"),
        ("names(list.reject(list.take(all, 4), { stack = 'heroku-22' }))", "b a"),
        ("names(list.reject(list.take(all, 4), 'maintenance'))", "d c a"),
        ("list.find(all, { stack = 'heroku-20' }).name", "a"),
        ("list.find(all, function(a) return a.name == 'c' end).name", "c"),
        ("list.find(all, { name = 'none' })", None),
        ("names(list.take(all, 2))", "d b"),
        ("#list.take(all, 1000) == #all, #list.take(all, 0)", [True, 0]),
        ("names(list.drop(list.take(all, 4), 2))", "c a"),
        ("#list.drop(all, 1000), #list.drop(all, 0) == #all", [0, True]),
        ("names(list.unique_by(list.take(all, 4), 'stack'))", "d b a"),
        ("names(list.unique_by(list.take(all, 4), 'team'))", "d c"),
        ("names(list.sort_by(list.take(all, 4), 'name'))", "a b c d"),
        ("names(list.sort_by(list.take(all, 4), 'slug_size'))", "c d a b"),
        ("names(list.sort_by(list.take(all, 4), 'slug_size', 'desc'))", "d a c b"),
        ("names(list.sort_by(list.take(all, 4), function(a) return a.stack end, 'asc'))", "a d c b"),
        ("names(list.sort_by(list.take(all, 4), 'maintenance', 'desc'))", "b d c a"),
        ("list.map(list.take(all, 4), 'slug_size')", [3, None, 1, 3]),
        ("list.map(list.take(all, 2), function(a) return { n = a.name } end)", [{"n": "d"}, {"n": "b"}]),
        ("list.sum_by(list.take(all, 4), 'slug_size'), list.sum_by(list.take(all, 0), 'slug_size')", [7, 0]),
        ("list.sum_by(list.take(all, 4), function(a) return a.slug_size and a.slug_size / 2 end)", 3.5),
        ("list.join(list.take(all, 4), ', ', 'slug_size')", "3, , 1, 3"),
        ("list.join(list.map(list.take(all, 2), 'stack'), '+')", "heroku-22+heroku-24"),
        ("names(list.flatten({ list.take(all, 1), {}, json.null, list.take(all, 2) }))", "d d b"),
    ],
)  # fmt: skip
def test_the_functions_read_fields_functions_and_tables(
    lua: Machine, rows: list[dict[str, Any]], source: str, wanted: Any
) -> None:
    found = values(lua, f"{HEAD}return {source}", Answers(rows))
    assert (found if isinstance(wanted, list) and len(found) > 1 else found[0]) == wanted


@pytest.mark.parametrize("rows", [SHORT, LONG], ids=["short", "by columns"])
def test_tables_by_key_keep_the_order_of_the_first_item_and_null_is_one_key(
    lua: Machine, rows: list[dict[str, Any]]
) -> None:
    host = Answers(rows)
    source = f"{HEAD}local four = list.take(all, 4)\nlocal by = "

    counts = values(lua, f"{source}list.count_by(four, 'stack') return by, by['heroku-22']", host)
    assert (list(counts[0].items()), counts[1]) == ([("heroku-22", 2), ("heroku-24", 1), ("heroku-20", 1)], 2)
    assert values(lua, f"{source}list.count_by(four, 'slug_size') return by, by[nil], by[json.null], by[3]", host) == [
        {3: 2, "null": 1, 1: 1}, 1, 1, 2
    ]  # fmt: skip
    assert printed(lua, f"{source}list.count_by(four, 'maintenance') print(by, by[true], by.none)", host) == (
        "{ false: 3, true: 1 }\t1\tnil\n"
    )
    pairs = "list.group_by(four, 'team') for team, of in pairs(by) do print(team, names(of)) end print(by.core[1].name)"
    assert printed(lua, source + pairs, Answers(rows)) == "null\td b a\ncore\tc\nc\n"
    assert values(lua, f"{source}list.index_by(four, 'name') return by.c.team, by.none", host) == [
        SHORT[2]["team"],
        None,
    ]


def test_a_table_by_key_is_counted_by_its_names_and_is_no_list(lua: Machine) -> None:
    by = f"{HEAD}local by = list.count_by(all, 'stack') "
    assert values(lua, by + "local n = #by by.more, by['heroku-22'] = 1, nil return n, #by", Answers(SHORT)) == [3, 3]
    assert values(lua, "return #list.group_by({}, 'x'), #list.index_by({ { n = 7 }, { n = 1 } }, 'n')") == [0, 2]
    told = str(failure(lua, by + "for i in ipairs(by) do end", Answers(SHORT)).error)
    assert told.endswith("this table has names: for name, value in pairs(…) do … end")


@pytest.mark.parametrize("rows", [SHORT, LONG], ids=["short", "by columns"])
@pytest.mark.parametrize(
    "expression",
    [
        "list.filter(all, { stack = 'none' })",
        "list.take(list.reject(all, 'name'), 3)",
        "list.sort_by(list.unique_by(list.filter(all, { name = 'none' }), 'id'), 'name')",
        "list.flatten({ list.filter(all, { name = 'none' }), list.take(all, 0) })",
        "list.group_by(all, 'stack')['heroku-24']",
        "list.filter(table.move(all, 1, #all, 1, {}), { stack = 'none' })",
    ],
)
def test_a_list_made_from_records_has_their_function_even_when_it_is_empty(
    lua: Machine, rows: list[dict[str, Any]], expression: str
) -> None:
    made = values(lua, f"{HEAD}return {expression}", Answers(rows))[0]

    assert isinstance(made, Records)
    assert (made.function, made.columns) == (APPS, APPS.columns)


def test_a_selected_row_is_the_row_of_the_whole_list_whatever_is_read_first(lua: Machine) -> None:
    source = """local some = list.filter(all, { stack = 'heroku-22' })
    some[1].seen, some[2].stack.name = true, 'changed'
    local again = list.filter(all, { stack = 'changed' })
    return all[1] == some[1], again[1] == some[2], #list.filter(all, 'seen'), all"""
    same, kept, seen, whole = values(lua, HEAD + source, Answers(LONG))

    assert (same, kept, seen) == (True, True, 1)
    assert (whole[0]["seen"], whole[2]["stack"]["name"], len(whole)) == (True, "changed", len(LONG))


def test_a_filtered_list_fetches_only_the_columns_that_the_test_reads(lua: Machine) -> None:
    fetched: list[Any] = []

    class Watched(Records):
        def column(self, path: tuple[str | int, ...]) -> list[Any]:
            fetched.append(path)
            return super().column(path)

    class Host(Answers):
        def call(self, request: Any) -> list[Any]:
            return [Watched(super().call(request)[0].rows, APPS)]

    made = values(lua, f"{HEAD}return list.filter(all, {{ stack = 'heroku-22', maintenance = false }})", Host(LONG))[0]

    assert [row["name"] for row in made] == ["d", "c"]
    assert set(fetched) == {("stack",), ("stack", "name"), ("maintenance",)}


def test_the_functions_work_on_lists_that_a_script_made(lua: Machine) -> None:
    source = """local rows = { { a = { b = 1 }, ["x.y"] = 5 }, { a = json.null }, {} }
    local dotted = list.map(rows, "x.y")
    return list.map(rows, "a.b"), dotted, list.count_by({ "u", "v", "u" }), list.sort_by({ 3, 1, 2 }, nil, "desc"),
      list.sum_by({ 1, 2 }), list.unique_by({ "b", "a", "b" }), list.filter({}, "x"), list.join({ 1, true }, "-")"""

    assert values(lua, source) == [
        [1, None, None], [5, None, None], {"u": 2, "v": 1}, [3, 2, 1], 3, ["b", "a"], [], "1-true"
    ]  # fmt: skip


def test_a_script_may_set_list_and_nothing_else_changes(lua: Machine) -> None:
    source = (
        "local kept = list list = { 1 } local n = #kept.filter({ 1 }, function() return true end) list = kept return n"
    )
    assert values(lua, source) == [1]
    assert values(lua, "do local list = { 'a' } return list[1], #app.integrations.heroku.list_apps() end") == ["a", 2]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("filter()", "list.filter: argument 1 (list) must be a list, got nil"),
        ("filter(all)", "list.filter: argument 2 (test) must be a function, a field such as"),
        ("filter(all[1], 'name')", "list.filter: argument 1 (list) must be a list, got a record"),
        ("filter({ a = 1 }, 'name')", "list.filter: argument 1 (list) must be a list, got a table with named fields"),
        ("filter({ 1, nil, 3 }, 'name')", "list.filter: item 2 of the list is nil"),
        ("filter(app, 'name')", "list.filter: argument 1 (list) must be a list, got a namespace"),
        ("filter(all, 'name', 'a')", 'list.filter takes 2 arguments, got the text "a" as argument 3; write { name = …'),
        ("filter(function() end, all)", "list.filter: the list is argument 1, before the function"),
        ("filter(list, all)", "list.filter: write `list.filter(…)` with a dot"),
        ("filter(all, { unset = nothing })", "list.filter: argument 2 (test) names no field; a value that is nil is"),
        ("filter(all, { false })", "list.filter: argument 2 (test) has a value without a field; write it as { state ="),
        ("filter(all, { maintenance = 'true' })", '"maintenance" of item 1 is false, and is compared with the text "t'),
        ("filter(all, { name = print })", 'list.filter: the wanted value of "name" must be a text, a number, a'),
        ("find(all, 'name.first')", 'list.find: "name" of item 1 is the text "d" and has no field "first"'),
        ("reject({ 'a' }, 'name')", 'list.reject: item 1 is the text "a" and has no field "name"'),
        ("index_by({ { email = 'a' } }, 'emial')", 'list.index_by: no item has a field "emial". Did you mean "email"?'),
        ("sum_by({ { cents = 1 }, {} }, 'cent')", 'list.sum_by: no item has a field "cent". Did you mean "cents"?'),
        ("filter({ { size = 1 } }, { sise = 1 })", 'list.filter: no item has a field "sise". Did you mean "size"?'),
        ("filter({ {} }, \"state == 'up'\")", "is not a field; write it as function(item) return … end"),
        ("sort_by(all)", 'list.sort_by: argument 2 (key) must be a function or a field such as "app.name", got nil'),
        ("sort_by(all, 'name', true)", 'list.sort_by: argument 3 (order) must be "asc" or "desc", got true'),
        ("sort_by({ 1, 'a' })", 'list.sort_by: items 1 and 2 cannot be compared: the number 1 and the text "a"'),
        ("sum_by(all, 'name')", 'list.sum_by: the value of item 1 must be a number or null, got the text "d"'),
        ("join(all, nil, 'name')", 'list.join: argument 2 (separator) must be a text such as ", ", got nil'),
        ("join(all, ' ')", "list.join: argument 3 (key) must be a function or a field such as"),
        ("filter(all, { nmae = 'a' })", 'apps have no field "nmae". Did you mean "name"?'),
        ("filter(list.take(all, 0), { nmae = 'a' })", 'apps have no field "nmae". Did you mean "name"?'),
        ("count_by(all, 'stack.nam')", 'apps have no field "stack.nam". Did you mean "stack.name"?'),
        ("sort_by(all, 'stack.upper')", 'apps have no field "stack.upper".'),
        ("map(list.filter(all, 'name').name, 'x')", "name"),
        ("drop(all, 'a')", 'list.drop: argument 2 (count) must be a whole number, 0 or more, got the text "a"'),
        ("take(all, -1)", "list.take: argument 2 (count) must be a whole number, 0 or more, got the number -1"),
        ("take(all, 1.5)", "list.take: argument 2 (count) must be a whole number, 0 or more, got the number 1.5"),
        ("map(all, {})", "list.map: argument 2 (f) must be a function or a field such as"),
        ("flatten(all)", "list.flatten: item 1 must be a list, got a record"),
        ("group_by(all, 'novel')", 'list.group_by: "novel" of item 1 is a list, and a key must be a text, a number or'),
        ("count_by(all, function() return {} end)", "list.count_by: item 1 gives a"),
        ("count_by({ true, 'true' })", 'list.count_by: two keys would both be named "true": true and the text "true"'),
        ("index_by(all, 'stack')", 'list.index_by: items 1 and 3 have the key "heroku-22"; list.group_by keeps both'),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_an_error_that_names_the_function_the_argument_and_the_line(
    lua: Machine, call: str, said: str
) -> None:
    for rows in (SHORT, LONG):
        message = str(failure(lua, f"{HEAD}local result = list.{call}", Answers(rows)).error)
        assert message.startswith("cell:3: ")
        assert said in message


def test_an_error_in_a_function_has_its_own_line_and_calls_in_it_may_wait(lua: Machine) -> None:
    message = str(failure(lua, "list.map({ 1 },\nfunction(n)\nreturn n.x.y end)").error)
    assert message.startswith("cell:3: attempt to index a number value")
    source = """return parallel.map({ 1, 2 }, function()
      return #list.flatten(list.map({ 'a', 'b' }, app.integrations.heroku.list_apps))
    end)"""
    assert values(lua, source) == [[4, 4]]


def test_an_empty_list_is_an_argument_and_no_table_of_named_arguments(lua: Machine) -> None:
    host = Answers()
    run(lua, "app.integrations.heroku.list_dynos(list.map({}, 'name'))", host)
    assert (host.asked[-1].by_name, host.asked[-1].positional) == (None, [[]])
