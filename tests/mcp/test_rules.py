"""Test what scripts may do with MCP servers, and what holds whatever servers and scripts do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lua_host import Answers
from mcp_config import HALL, HALL_AND_TIME, faulty, halls, session_with, sessions_in
from run_with import run_with

from kosmo_kernel.errors import (
    InvalidArgumentsError,
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
    with pytest.raises(NotAllowedError, match="writes of this server are asked about first") as caught:
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


ECHO = "return app.mcp.ours.echo('owls')"
WAY_OUT = (
    "mcp.ours.echo (text = owls) reads from the MCP server ours, and may pass on what it is given to others. Go on, "
    "for all of this session? [y/N] "
)


@pytest.mark.claim("mcp-way-out")
@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_tool_that_may_pass_on_data_is_asked_about_once_in_a_session(
    fresh: Callable[..., Session], answer: str
) -> None:
    session = fresh({"ours": faulty("open_world")})
    asked: list[str] = []

    def reply(question: str) -> str:
        asked.append(question)
        return answer

    with pytest.raises(NotAllowedError, match="there is nobody to ask here") as caught:
        session.run(ECHO)
    assert "this call may pass on what it is given to others, so it is asked about once" in caught.value.message
    assert 'set `read = "allow"` below [mcp.servers.ours.permissions] in ' in caught.value.message
    assert run_with(session, ECHO, force=True).permission_bypassed
    for _ in range(2):
        if answer == "y":
            assert run_with(session, ECHO, on_ask=reply).value == "owls"
        else:
            with pytest.raises(NotAllowedError, match="and the answer was no"):
                run_with(session, ECHO, on_ask=reply)
    assert asked == [WAY_OUT]
    session.reset()
    with pytest.raises(NotAllowedError, match="there is nobody to ask here"):
        session.run(ECHO)


RESOURCE = "return mcp.read_resource('hall', '%s')"
PROMPT = "return mcp.get_prompt('hall', 'welcome', { name = '%s' })"


@pytest.mark.claim("mcp-way-out")
@pytest.mark.parametrize(
    ("code", "texts", "what"),
    [
        pytest.param(
            *(RESOURCE, ("hall://rows/7", "hall://rows/8"), "mcp.read_resource (uri = hall://rows/7)"), id="resource"
        ),
        pytest.param(
            *(PROMPT, ("Ada", "Bo"), "mcp.get_prompt (name = welcome, arguments = {'name': 'Ada'})"),
            id="prompt",
            marks=pytest.mark.full,
        ),
    ],
)
def test_what_a_script_sends_to_read_a_resource_or_a_prompt_is_asked_about_once_in_a_session(
    fresh: Callable[..., Session], code: str, texts: tuple[str, str], what: str
) -> None:
    session = fresh({"hall": HALL})
    asked: list[str] = []

    def agree(text: str) -> str:
        asked.append(text)
        return "y"

    with pytest.raises(NotAllowedError, match="there is nobody to ask here") as caught:
        session.run(code % texts[0])
    assert 'set `read = "allow"` below [mcp.servers.hall.permissions] in ' in caught.value.message
    assert run_with(session, code % texts[0], force=True).permission_bypassed
    for text in texts:
        assert run_with(session, code % text, on_ask=agree).value
    assert asked == [WAY_OUT.replace("mcp.ours.echo (text = owls)", what).replace("ours", "hall")]
    session.reset()
    with pytest.raises(NotAllowedError, match="and the answer was no"):
        run_with(session, code % texts[0], on_ask=lambda _text: "n")


@pytest.mark.claim("mcp-way-out")
@pytest.mark.parametrize(
    ("code", "method"),
    [
        pytest.param(RESOURCE, "resources/read", marks=pytest.mark.full),
        (PROMPT, "prompts/get"),
    ],
)
def test_a_dry_run_reads_no_resource_and_no_prompt_of_a_server_that_runs(
    fresh: Callable[..., Session], code: str, method: str
) -> None:
    session = fresh({"hall": HALL})
    for _ in range(2):
        result = run_with(session, code % "hall://plan", dry_run=True)
        assert [(one.method, one.function.partition(".")[0]) for one in result.planned] == [(method, "mcp")]
        assert [len(value) for value in result.value.values()] == [0]
        session.run('return mcp.tools("hall")')


@pytest.mark.claim("mcp-way-out")
def test_the_users_settings_answer_for_a_tool_that_may_pass_on_data(
    fresh: Callable[..., Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = fresh({"ours": faulty("open_world")})
    with pytest.raises(NotAllowedError, match="there is nobody to ask here"):
        session.run(ECHO)
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / "settings"))
    settings = tmp_path / "settings" / "config.toml"
    settings.write_text('[mcp.servers.ours.permissions]\nread = "allow"\n', encoding="utf-8")
    assert session.run(ECHO).value == "owls"
    settings.write_text('[mcp.permissions]\nread = "ask"\n', encoding="utf-8")
    with pytest.raises(NotAllowedError, match="reads of this server are asked about first"):
        session.run(ECHO)


def test_permissions_can_be_set_for_a_server(
    fresh: Callable[..., Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = fresh({"hall": HALL})
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / "settings"))
    settings = tmp_path / "settings" / "config.toml"
    settings.write_text('[mcp.permissions]\nread = "deny"\n[mcp.servers.hall]\npermissions.write = "allow"\n')
    assert session.run(TAKE).value == "Ada sits in row 1, plain"
    with pytest.raises(NotAllowedError, match=r'reads of this server are denied \(read = "deny" in .*config\.toml:2\)'):
        session.run("return app.mcp.hall.find_seat(1)")


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
    assert session.servers.get().about("hall") == {}  # it was not even started
    with pytest.raises(SettingsError, match="A dry run starts no MCP server"):
        run_with(session, 'return mcp.tools("hall")', dry_run=True)


def test_a_dry_run_checks_arguments_where_the_tool_is_known(fresh: Callable[..., Session]) -> None:
    session = fresh({"hall": HALL})
    session.run('return mcp.tools("hall")')
    with pytest.raises(InvalidArgumentsError, match="`row` is missing"):
        run_with(session, "return app.mcp.hall.find_seat{}", dry_run=True)
    assert len(run_with(session, "return app.mcp.hall.find_seat(1)", dry_run=True).planned) == 1


def test_a_file_that_cannot_be_read_is_told_of_and_the_other_servers_work(
    fresh: Callable[..., Session], tmp_path: Path
) -> None:
    session = fresh({"hall": HALL})
    broken = tmp_path / ".cursor" / "mcp.json"
    broken.parent.mkdir()
    broken.write_text('{"mcpServers": {')
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
        'mcp.get_prompt("hall", "welcome", { name = print })',
        'mcp.get_prompt("hall", "welcome", 3)',
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
    answering = RequestHandler(Answers(), Limits(), StopReason(), RemoteLists(), Allowance())
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


def test_progress_and_log_are_shown_while_a_tool_works(fresh: Callable[..., Session]) -> None:
    session = fresh({"ours": faulty("tells")})
    output = run_with(session, "return app.mcp.ours.misbehave()", force=True).output
    assert output == "mcp.ours.misbehave: 1 of 2, step 1\nmcp.ours: warning: almost full\n"


def test_an_interrupt_ends_the_wait_for_a_tool(fresh: Callable[..., Session]) -> None:
    session = fresh({"ours": faulty("begins", timeout=60)})
    with pytest.raises(StoppedError):
        run_with(session, "return app.mcp.ours.misbehave()", force=True, on_output=lambda *_: session.interrupt())
    assert session.run('return app.mcp.ours.echo("next")').value == "next"


def test_a_time_limit_ends_the_wait_for_a_server_that_does_not_start(fresh: Callable[..., Session]) -> None:
    session = fresh({"ours": faulty("mute", timeout=60)})
    session.run("return 1")
    with pytest.raises((LimitError, StoppedError)):
        session.run('return mcp.tools("ours")', timeout=1)
    assert session.run("return 1").value == 1
