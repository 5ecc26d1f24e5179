"""`app.mcp` and `mcp` as scripts have them, on servers that run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp_config import HALL, HALL_AND_TIME, faulty, halls, session_with, sessions_in
from run_with import run_with

from kosmo_kernel.errors import (
    InvalidArgumentsError,
    LuaRuntimeError,
    RefusedError,
    UnknownNameError,
)
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

pytest.importorskip("mcp")


@pytest.fixture(scope="module")
def lua(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with session_with(tmp_path_factory.mktemp("project"), HALL_AND_TIME) as session:
        yield session


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Yield a function that makes sessions for one test, with the servers that it names."""
    with sessions_in(tmp_path) as make:
        yield make


# Calls ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("app.mcp.hall.find_seat({ row = 7 })", {"row": 7, "name": "seat"}),
        ("app.mcp.hall.find_seat{ row = 7 }.name", "seat"),
        ("app.mcp.hall.find_seat(7).row", 7),
        ("app.mcp.hall:find_seat(7).row", 7),
        ('app.mcp["hall"]["find_seat"](7).row', 7),
        ("app.mcp.hall.find_seat(6.0).row", 6),
        ('mcp.call("hall.find_seat", { row = 7 }).row', 7),
        ('mcp.call("mcp.hall.find_seat", 7).row', 7),
        ('app.mcp.hall.say("123")', "123"),
        ("#app.mcp.hall.say(('x\\n'):rep(200000))", 400_000),
        ('app.mcp.hall.say("null")', "null"),
        ('app.mcp.hall.say("{broken")', "{broken"),
        ('app.mcp.hall.say("[1, 2]")', [1, 2]),
        ("""app.mcp.hall.say('{"a": null}').a == nil""", True),
        ("app.mcp.hall.end_()", None),
        ('app.mcp.my_time.convert_time("UTC", "12:00", "Asia/Tokyo").time_difference', "+9.0h"),
        ('app.mcp["my-time"].get_current_time("UTC").timezone', "UTC"),
        ("app.mcp.hall.mixed()[2].uri", "hall://plan"),
    ],
)
def test_a_call_gives_a_value(lua: Session, code: str, value: Any) -> None:
    assert lua.run(f"return {code}").value == value


def test_a_list_of_records_is_a_frame(lua: Session) -> None:
    frame = lua.run("return app.mcp.hall.list_seats{ count = 2 }").frame()
    assert list(frame.columns) == ["row", "name"]
    assert frame["name"].tolist()[0] == "seat 0"
    assert frame["name"].isna().tolist() == [False, True]


def test_an_empty_list_and_a_list_of_texts_are_taken_as_lists(fresh: Callable[..., Session]) -> None:
    session = fresh({"hall": HALL})
    code = 'local take = app.mcp.hall["take-seat"] return take{ row = 1, name = "Ada", tags = %s }'
    for tags, told in (("{}", "plain"), ('{ "front", "aisle" }', "front, aisle")):
        assert run_with(session, code % tags, force=True).value == f"Ada sits in row 1, {told}"


def test_the_server_checks_the_arguments_and_a_name_that_is_none_of_them_is_told(lua: Session) -> None:
    with pytest.raises(RefusedError) as caught:
        lua.run('return app.mcp.my_time.get_current_time{ zone = "UTC" }')
    assert caught.value.message.startswith("Lua:1: mcp.my-time.get_current_time: ")
    assert caught.value.message.endswith("\nIt is called as get_current_time(timezone), and has no `zone`.")


def test_too_many_positional_arguments_are_an_error(lua: Session) -> None:
    with pytest.raises(InvalidArgumentsError, match="it takes 1 arguments, got 2"):
        lua.run("return app.mcp.hall.find_seat(1, 2)")


def test_a_tool_that_fails_is_an_error_with_its_text(lua: Session) -> None:
    with pytest.raises(RefusedError, match=r"^audit:2: mcp\.my-time\.get_current_time: .*Atlantis"):
        run_with(lua, 'local time = app.mcp.my_time\nreturn time.get_current_time("Atlantis")', name="audit")


def test_what_pcall_gives_of_a_failure_has_the_facts(lua: Session) -> None:
    facts = lua.run("return select(3, pcall(app.mcp.hall.find_seat, { row = 99 }))").value
    assert (facts["type"], facts["function"], facts["retryable"]) == ("refused", "mcp.hall.find_seat", False)


def test_calls_are_in_the_log_of_the_run(lua: Session) -> None:
    (call,) = lua.run("return app.mcp.hall.list_seats()").calls
    assert (call.path, call.account, call.status, call.rows, call.requests) == (
        "mcp.hall.list_seats",
        "mcp.hall",
        "ok",
        3,
        1,
    )


def test_calls_work_inside_of_parallel_map(lua: Session) -> None:
    result = lua.run(
        "return parallel.map({ 1, 2, 3, 4 }, function(row) return app.mcp.hall.find_seat{ row = row } end)"
    )
    assert [row["row"] for row in result.value.rows] == [1, 2, 3, 4]
    assert len(result.calls) == 4


def test_a_failed_item_of_parallel_map_can_be_collected(lua: Session) -> None:
    code = (
        "return parallel.map({ 1, 99 }, function(row) return app.mcp.hall.find_seat(row) end, { errors = 'collect' })"
    )
    found, failures = lua.run(code).values
    assert (len(found), len(failures)) == (1, 1)


def test_an_answer_goes_into_a_call_of_a_service_and_back(lua: Session) -> None:
    code = """
        local seats = app.mcp.hall.list_seats()
        local apps = app.integrations.heroku.list_apps()
        return app.mcp.hall.say(apps[1].name .. " " .. #seats)
    """
    assert lua.run(code).value.endswith(" 3")


# Names ------------------------------------------------------------------------------------------------------------


def test_an_unknown_server_or_tool_is_answered_with_the_nearest(lua: Session) -> None:
    with pytest.raises(UnknownNameError, match=r"no MCP server `hal`\. Did you mean: hall"):
        lua.run("return app.mcp.hal.find_seat(1)")
    with pytest.raises(UnknownNameError, match=r"no tool `find_seats`\. Did you mean: mcp\.hall\.find_seat"):
        lua.run("return app.mcp.hall.find_seats(1)")
    with pytest.raises(UnknownNameError, match=r"names no tool: write `server\.tool`"):
        lua.run('return mcp.call("hall")')


def test_looking_starts_no_server(fresh: Callable[..., Session]) -> None:
    before = halls()
    session = fresh(HALL_AND_TIME)
    shown = session.run("print(app) print(app.mcp) print(app.mcp.hall) for name in pairs(app.mcp) do print(name) end")
    assert shown.output.splitlines() == [
        *("app", "  integrations", "  mcp", "app.mcp", "  hall", "  my_time", "app.mcp.hall"),
        '  (its tools are known once it is asked something, as by mcp.tools("hall"))',
        *("hall", "my_time"),
    ]
    assert session.names(("app", "mcp")) == [("hall", "table"), ("my_time", "table")]
    assert session.names(("app", "mcp", "hall")) == []
    session.run("local f = app.mcp.hall.find_seat return mcp.servers()")
    assert halls() == before


def test_a_server_that_was_asked_can_be_looked_at(lua: Session) -> None:
    lua.run('return mcp.tools("hall")')
    assert lua.run("print(app.mcp.hall.find_seat)").output == "function: app.mcp.hall.find_seat(row)\n"
    assert lua.run(
        "local names = {} for name in pairs(app.mcp.hall) do names[#names + 1] = name end return names"
    ).value == [
        *("list_seats", "find_seat", "take_seat", "say", "picture", "mixed", "end_", "open_balcony"),
    ]
    with pytest.raises(LuaRuntimeError, match="cannot be changed"):
        lua.run("app.mcp.hall.find_seat = 1")


def test_what_is_known_of_servers_and_tools_is_listed(lua: Session) -> None:
    rows = {row["name"]: row for row in lua.run("return mcp.servers()").value.rows}
    assert (rows["my-time"]["lua_path"], rows["my-time"]["trust"], rows["my-time"]["type"]) == (
        "app.mcp.my_time",
        "trusted",
        "stdio",
    )
    tools = lua.run('return mcp.tools("hall")').value
    assert isinstance(tools, Records)
    assert {row["lua_path"]: row["operation"] for row in tools.rows}["app.mcp.hall.take_seat"] == "write"
    assert lua.run('return mcp.schema("hall.find_seat")').value["required"] == ["row"]


def test_a_picture_is_shown_and_its_value_is_short(lua: Session) -> None:
    result = lua.run("return app.mcp.hall.picture()")
    assert [sorted(one.bundle) for one in result.displays] == [["image/png", "text/plain"]]
    assert result.value == {"type": "image", "mimeType": "image/png", "bytes": 70}


def test_pictures_of_other_kinds_are_shown_and_drawings_of_a_server_are_not(fresh: Callable[..., Session]) -> None:
    result = run_with(fresh({"ours": faulty("shows")}), "return #app.mcp.ours.misbehave()", force=True)
    assert [sorted(one.bundle) for one in result.displays] == [["image/gif", "text/plain"]]
    assert (result.displays[0].bundle["text/plain"], result.value) == ("[a picture of 3 by 2 pixels]", 3)
