"""Test what scripts may do with MCP servers, and what holds whatever servers and scripts do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from lua_host import Answers
from mcp_config import HALL, HALL_AND_TIME, faulty, halls, session_with, sessions_in, written
from run_with import run_with

from kosmo_kernel.errors import (
    KosmoError,
    LimitError,
    LuaProcessError,
    NotAllowedError,
    SettingsError,
    StoppedError,
    UntrustedError,
    UserError,
)
from kosmo_kernel.lua.process import StopReason
from kosmo_kernel.lua.request_handler import RequestHandler
from kosmo_kernel.lua.values import RemoteLists
from kosmo_kernel.reader.task import Allowance
from kosmo_kernel.session import Session
from kosmo_kernel.settings.limits import Limits

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


# Permissions, trust, dry runs -------------------------------------------------------------------------------------

TAKE = 'return app.mcp.hall["take-seat"]{ row = 1, name = "Ada" }'


@pytest.mark.claim("mcp-writes")
def test_a_tool_that_may_write_is_asked_about_first(lua: Session) -> None:
    with pytest.raises(NotAllowedError, match=r"there is nobody to ask here\. Nothing was sent") as caught:
        lua.run(TAKE)
    assert caught.value.facts()["type"] == "permission"
    asked: list[str] = []

    def agree(question: str) -> str:
        asked.append(question)
        return "y"

    said = run_with(lua, TAKE, on_ask=agree)
    assert said.value == "Ada sits in row 1, plain"
    (question,) = asked
    assert question == (
        "mcp.hall.take-seat (row = 1, name = Ada) may change something with the MCP server hall. Go on, for all of "
        "this run? [y/N] "
    )
    with pytest.raises(NotAllowedError, match="and the answer was no"):
        run_with(lua, TAKE, on_ask=lambda _question: "n")
    assert run_with(lua, TAKE, force=True).permission_bypassed


@pytest.mark.claim("mcp-writes")
def test_a_tool_that_reads_needs_no_consent_of_anybody(lua: Session) -> None:
    result = run_with(lua, "return app.mcp.hall.find_seat(1).row", on_ask=lambda _question: "n")
    assert (result.value, result.permission_bypassed) == (1, False)


@pytest.mark.claim("mcp-writes")
def test_nobody_is_asked_again_and_again(fresh: Callable[..., Session]) -> None:
    session = fresh({"ours": faulty("renames"), "other": faulty("asks")})
    asked: list[str] = []

    def refuse(question: str) -> str:
        asked.append(question)
        return "n"

    result = run_with(session, "for i = 1, 50 do pcall(app.mcp.ours.misbehave) end", on_ask=refuse)
    assert (len(asked), {call.requests for call in result.calls}) == (1, {0})
    # What a server asks by itself is refused, and no person hears of it.
    answered = run_with(session, "return app.mcp.other.misbehave()", on_ask=lambda _question: "y")
    assert answered.value == "100 refusals"
    # A tool of another name is another tool.
    code = """
        app.mcp.ours.misbehave()
        for _, tool in ipairs(mcp.tools("ours")) do if tool.name:find("^misbehave_") then
            return pcall(app.mcp.ours[tool.name])
        end end
    """
    answers = iter("yn")
    refused = run_with(session, code, on_ask=lambda _question: next(answers))
    assert refused.values[0] is False


def test_whether_force_was_given_is_told(lua: Session) -> None:
    assert run_with(lua, "return 1", force=True).permission_bypassed
    assert not run_with(lua, "return 1").permission_bypassed


def test_a_server_that_is_not_trusted_is_no_part_of_the_namespace(fresh: Callable[..., Session]) -> None:
    before = halls()
    session = fresh({"hall": HALL}, trusted=False)
    assert session.run("print(app.mcp)").output.splitlines()[1:] == [
        "  (no MCP server is configured and trusted; mcp.servers() lists all)"
    ]
    for code in ("app.mcp.hall.say('x')", "mcp.tools('hall')", "mcp.call('hall.say', 'x')", "mcp.schema('hall.say')"):
        with pytest.raises(UntrustedError, match="kosmo mcp:trust hall"):
            session.run(f"return {code}")
    assert session.run("return mcp.servers()[1].trust").value == "untrusted"
    assert halls() == before


def test_a_dry_run_lists_calls_and_makes_none(fresh: Callable[..., Session]) -> None:
    session = fresh({"hall": HALL})
    result = run_with(session, f"{TAKE}", dry_run=True)
    (planned,) = result.planned
    assert (planned.function, planned.method, planned.arguments) == (
        "mcp.hall.take-seat",
        "tools/call",
        {"row": 1, "name": "Ada"},
    )
    assert not session.servers.get().runs("hall")  # it was not even started
    with pytest.raises(SettingsError, match="A dry run starts no MCP server"):
        run_with(session, 'return mcp.tools("hall")', dry_run=True)


def test_a_file_that_cannot_be_read_is_told_of_and_the_other_servers_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(Path.home() / ".kosmo" / "mcp.json", {"hall": HALL})
    broken = tmp_path / ".mcp.json"
    broken.write_text('{"mcpServers": {')
    with Session("demo") as session:
        result = session.run('return app.mcp.hall.say("still here")')
    assert result.value == "still here"
    assert result.output.startswith(f"{broken}:1:17 is no JSON: ")


def test_a_session_can_do_without_servers() -> None:
    with Session("demo", mcp=False) as session:
        with pytest.raises(SettingsError, match="asks no MCP servers"):
            session.run("return app.mcp.hall.say('x')")
        assert session.run("return 1").value == 1


# Hostile scripts, and a process that lies --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        r'app.mcp["\xff"].x()',
        r'app.mcp.hall["\xff"]()',
        r'app.mcp["a\"b"]["c\nd"]()',
        r'mcp.call("\xff.x")',
        'mcp.call("hall")',
        "mcp.call({})",
        'mcp.tools(("x"):rep(100000))',
        "mcp.resources('hall')",
        "app.mcp.hall.say({ text = print })",
        "app.mcp.hall.say(app.mcp)",
        "local t = {} t.t = t app.mcp.hall.say({ text = t })",
    ],
)
def test_what_makes_no_sense_is_an_error_of_the_script(lua: Session, code: str) -> None:
    with pytest.raises(UserError) as caught:
        lua.run(code)
    assert len(caught.value.message) < 1000
    assert lua.run('return app.mcp.hall.say("next")').value == "next"


@pytest.mark.parametrize("asked", [{}, {"verb": "__init__"}, {"verb": "page"}, {"verb": ["tools"]}])
def test_a_lua_process_that_asks_for_nonsense_is_ended(asked: dict[str, Any]) -> None:
    answering = RequestHandler(cast("Any", Answers()), Limits(), StopReason(), RemoteLists(), Allowance())
    with pytest.raises(LuaProcessError):
        answering.answer("mcp", asked, [])


# Faults and ends --------------------------------------------------------------------------------------------------


def test_a_fault_of_a_server_is_an_error_and_the_next_call_works(fresh: Callable[..., Session]) -> None:
    session = fresh({"ours": faulty("dies", env={"LEDGER_KEY": "open-sesame-42"})})
    with pytest.raises(KosmoError, match=r"`ours` ended in `misbehave`") as caught:
        run_with(session, "return app.mcp.ours.misbehave()", force=True)
    assert "open-sesame" not in caught.value.message
    assert session.run('return app.mcp.ours.echo("next")').value == "next"


@pytest.mark.claim("mcp-environment", "mcp-secrets")
def test_what_a_server_was_given_is_never_shown(fresh: Callable[..., Session]) -> None:
    session = fresh({"ours": faulty(env={"LEDGER_KEY": "open-sesame-42"})})
    result = session.run('print(app.mcp.ours.echo("it is open-sesame-42")) return app.mcp.ours.echo("open-sesame-42")')
    assert (result.output, result.value) == ("it is [redacted]\n", "[redacted]")


def test_an_interrupt_ends_the_wait_for_a_tool(fresh: Callable[..., Session]) -> None:
    session = fresh({"ours": faulty("silent", timeout=60)})
    code = "print('begun') return app.mcp.ours.misbehave()"
    with pytest.raises(StoppedError):
        run_with(session, code, force=True, on_output=lambda *_: session.interrupt())
    assert session.run('return app.mcp.ours.echo("next")').value == "next"


def test_a_time_limit_ends_the_wait_for_a_server_that_does_not_start(fresh: Callable[..., Session]) -> None:
    session = fresh({"ours": faulty("mute", timeout=60)})
    session.run("return 1")
    with pytest.raises((LimitError, StoppedError)):
        session.run('return mcp.tools("ours")', timeout=1)
    assert session.run("return 1").value == 1
