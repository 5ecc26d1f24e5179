"""MCP servers in recordings: what they answered is replayed without them, the rest is told, and no secret is kept."""

from __future__ import annotations

import re
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from kosmo_command import document, kosmo
from mcp_config import HALL, faulty, halls, written
from recorded import answers, query
from run_with import run_with

from kosmo_kernel.archive.recorder import Recorder
from kosmo_kernel.archive.runs import RESULTS
from kosmo_kernel.errors import (
    ApiError,
    BadAnswerError,
    KosmoError,
    NotAllowedError,
    NotRecordedError,
    RefusedError,
    SettingsError,
    StoppedError,
    UnknownNameError,
    UnreachableError,
    UntrustedError,
)
from kosmo_kernel.run.mcp_recording import RecordedServers
from kosmo_kernel.session import Session

pytest.importorskip("mcp")

# Everything that Lua can ask, and a service beside it.
ALL = """
local hall, seen = app.mcp.hall, {}
local function see(...) seen[#seen + 1] = { ... } end
for _, one in ipairs(mcp.servers()) do see(one.name, one.type, one.enabled, one.trust, one.running, one.path) end
see(docs.read("mcp.hall"))
see(#app.integrations.heroku.demo.list_apps())
see(hall.list_seats(2), hall.find_seat{ row = 7 }, hall.say("[1]"), hall.picture(), hall["end"](), hall.mixed())
see(mcp.call("hall.take-seat", { row = 1, name = "Ada" }))
see(pcall(hall.find_seat, 41))
for _, tool in ipairs(mcp.tools("hall")) do see(tool.signature, tool.operation, tool.description) end
see(mcp.schema("hall.find_seat"))
see(mcp.resources("hall"), mcp.read_resource("hall", "hall://plan"), mcp.read_resource("hall", "hall://photo"))
see(mcp.prompts("hall"), mcp.get_prompt("hall", "welcome", { name = "Ada" }))
see(docs.read("mcp.hall"), docs.read("mcp.hall.find_seat"))
see(parallel.map({ 1, 2, 3, 4, 5 }, function(row) return hall.find_seat(row).row end))
for _, one in ipairs(mcp.servers()) do see(one.name, one.running) end
return seen
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.kosmo"


@pytest.fixture
def own(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the person's own file of servers, with the hall in it; and a working directory without a project."""
    monkeypatch.chdir(tmp_path)
    return written(home / ".kosmo" / "mcp.json", {"hall": HALL})


def methods(file: Path) -> list[str]:
    return [one["function"] if one["service"] == "mcp" else "GET" for one in answers(file)]


def recorded(file: Path, *scripts: str, **how: Any) -> list[Any]:
    """Return what scripts gave that ran one after the other in a session that recorded."""
    with Session("demo", record=file) as session:
        return [run_with(session, script, force=True, **how).value for script in scripts]


def replayed(file: Path, *scripts: str, **how: Any) -> list[Any]:
    with Session(replay=file) as session:
        return [run_with(session, script, **how).value for script in scripts]


# The same again ----------------------------------------------------------------------------------------


def test_all_that_a_script_asks_servers_is_replayed_without_them(own: Path, file: Path) -> None:
    with Session("demo", record=file) as session:
        first = run_with(session, ALL, force=True)
    own.unlink()
    before = halls()
    with Session(replay=file) as session:
        second = session.run(ALL)

        assert session.servers.get().secrets() == ()
    assert second.value == first.value
    assert [(call.path, call.account, call.status, call.rows) for call in second.calls] == [
        (call.path, call.account, call.status, call.rows) for call in first.calls
    ]
    assert [one.bundle for one in second.displays] == [one.bundle for one in first.displays] != []
    assert set(methods(file)) == {*RESULTS, "GET"}
    assert second.notes[-1].startswith(f"Replayed from {file}, recorded ")
    assert set(halls()) <= set(before)


@pytest.mark.claim("replay-offline")
def test_a_replay_starts_nothing_and_needs_no_trust(own: Path, file: Path, tmp_path: Path) -> None:
    recorded(file, "return app.mcp.hall.find_seat(1).row")
    own.unlink()
    tell = "import pathlib; pathlib.Path('started').touch()"
    written(tmp_path / ".mcp.json", {"hall": {"command": sys.executable, "args": ["-c", tell]}})
    assert replayed(file, "return app.mcp.hall.find_seat(1).row, mcp.servers()[1].trust") == [1]
    assert not (tmp_path / "started").exists()


def test_calls_may_come_in_any_order(own: Path, file: Path) -> None:
    say = "return parallel.map({ ... }, function(word) return app.mcp.hall.say(word) end)"
    words = ["one", "two", "three"]
    recorded(file, say, args=words)
    own.unlink()
    assert replayed(file, say, args=words[::-1]) == [words[::-1]]
    assert replayed(file, say, args=["two"]) == [["two"]]


def test_the_same_call_again_gets_the_next_answer_and_then_the_last_one(own: Path, file: Path) -> None:
    written(own, {"ours": faulty("dies")})
    ask = "return app.mcp.ours.pid()"
    first, _, then = recorded(file, ask, "return (pcall(app.mcp.ours.misbehave))", ask)
    own.unlink()
    assert replayed(file, ask, ask, ask) == [first, then, then]
    assert first != then


def test_a_tool_that_comes_later_is_known_from_then_on(own: Path, file: Path) -> None:
    script = """
    local before = #mcp.tools("hall")
    app.mcp.hall.open_balcony()
    return { before, app.mcp.hall.look_down(), #mcp.tools("hall"), pcall(app.mcp.hall.jump) }
    """
    first = recorded(file, script)
    assert replayed(file, script) == first
    assert first[0][2] == first[0][0] + 1


def test_of_the_next_run_of_a_session_the_tools_are_known_and_not_written_again(own: Path, file: Path) -> None:
    ask = "return app.mcp.hall.find_seat(1).row"
    assert recorded(file, ask, ask, ask) == replayed(file, ask, ask, ask) == [1, 1, 1]
    assert methods(file) == ["servers", "tools/list", *["tools/call"] * 3]


def test_the_tools_of_a_server_that_a_call_started_anew_are_recorded_too(own: Path, file: Path) -> None:
    written(own, {"ours": faulty()})
    scripts = (
        "return app.mcp.ours.echo('x')",
        "return (pcall(app.mcp.ours.echo, 'x'))",
        "return app.mcp.ours.say('y')",
    )
    with Session("demo", record=file) as session:
        first = [run_with(session, scripts[0], force=True).value]
        written(own, {"ours": HALL})
        first += [run_with(session, script, force=True).value for script in scripts[1:]]
    own.unlink()
    assert replayed(file, *scripts) == first == ["x", False, "y"]


def test_a_recording_plays_whatever_order_its_answers_have(own: Path, file: Path) -> None:
    say = {"name": "say", "inputSchema": {"properties": {"word": {"type": "string"}}}}
    params = {"name": "say", "arguments": {"word": "yes"}}
    recorder = Recorder(file, "demo")
    recorder.keep_server_reply("choir", "tools/call", params, {"content": [], "structuredContent": 7}, ())
    for _ in range(2):
        listed = {"tools": [say], "about": {"title": "Choir"}}
        recorder.keep_server_reply("choir", "tools/list", {}, listed, ())
    recorder.close()
    script = 'return { app.mcp.choir.say("yes"), #mcp.tools("choir"), #mcp.tools("choir"), #mcp.tools("choir") }'
    assert replayed(file, script) == [[7, 1, 1, 1]]
    assert own.exists()


def test_nobody_is_asked_whether_a_tool_may_be_called_but_what_is_denied_is_denied(
    own: Path, file: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sit = 'return app.mcp.hall["take-seat"]{ row = 1, name = "Ada" }'
    recorded(file, sit)
    assert replayed(file, sit) == ["Ada sits in row 1, plain"]
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home))
    (home / "config.toml").write_text('[mcp.permissions]\nwrite = "deny"\n', encoding="utf-8")
    with pytest.raises(NotAllowedError):
        replayed(file, sit)
    assert own.exists()


def test_a_server_is_as_it_was_when_it_was_not_asked(own: Path, file: Path, tmp_path: Path) -> None:
    written(own, {"hall": HALL, "off": HALL | {"enabled": False}, "broken": {"type": "sse"}})
    written(tmp_path / ".mcp.json", {"theirs": HALL})
    script = """
    local seen = {}
    for _, one in ipairs(mcp.servers()) do seen[#seen + 1] = { one.name, one.enabled, one.trust, one.fault } end
    for _, name in ipairs{ "off", "broken", "theirs" } do seen[#seen + 1] = { pcall(mcp.tools, name) } end
    return seen, tostring(app.mcp)
    """
    first = recorded(file, script)
    (tmp_path / ".mcp.json").unlink()
    own.unlink()
    assert replayed(file, script) == first
    with Session(replay=file) as session, pytest.raises(UntrustedError):
        session.run("return app.mcp.theirs.say('x')")


# What went wrong ---------------------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.parametrize(
    ("fault", "code", "kind"),
    [
        ("dies", "app.mcp.ours.misbehave()", BadAnswerError),
        ("dies_at_start", "app.mcp.ours.echo('x')", BadAnswerError),
        ("malformed", "app.mcp.ours.misbehave()", BadAnswerError),
        ("silent", "app.mcp.ours.misbehave()", UnreachableError),
        ("", "app.mcp.ours.fail()", RefusedError),
    ],
)
def test_a_failure_of_a_server_is_replayed_as_what_it_was(
    own: Path, file: Path, fault: str, code: str, kind: type[ApiError]
) -> None:
    written(own, {"ours": faulty(fault, timeout=2)})
    with Session("demo", record=file) as session, pytest.raises(kind) as first:
        run_with(session, f"return {code}", force=True)
    own.unlink()
    with Session(replay=file) as session, pytest.raises(kind) as second:
        session.run(f"return {code}")
    assert (type(second.value), second.value.facts()) == (type(first.value), first.value.facts())


def test_what_was_not_recorded_is_an_error_that_names_it_and_what_to_do(own: Path, file: Path) -> None:
    recorded(file, "return app.mcp.hall.find_seat(1).row")
    own.unlink()
    for code, says in {
        "app.mcp.hall.find_seat(2)": 'mcp.hall: tools/call {"arguments":{"row":2},"name":"find_seat"} is not in',
        'mcp.resources("hall")': "mcp.hall: resources/list is not in",
        'mcp.read_resource("hall", "hall://plan")': 'mcp.hall: resources/read {"uri":"hall://plan"} is not in',
        'mcp.prompts("hall")': "mcp.hall: prompts/list is not in",
        "app.mcp.library.find(1)": "was recorded without the MCP server `library`; it has hall. Nothing was started.",
        'mcp.tools("library")': "was recorded without the MCP server `library`; it has hall. Nothing was started.",
    }.items():
        with pytest.raises(NotRecordedError) as caught:
            replayed(file, f"return {code}")
        assert (says in caught.value.message, f"--record {file}" in caught.value.message) == (True, True), code
    with pytest.raises(UnknownNameError, match=r"has no tool `find_set`\. Did you mean: mcp\.hall\.find_seat"):
        replayed(file, "return app.mcp.hall.find_set(1)")


def test_a_recording_without_servers_has_none(own: Path, file: Path) -> None:
    recorded(file, "return #app.integrations.heroku.list_apps()")
    assert replayed(file, "return #mcp.servers()") == [0]
    with pytest.raises(NotRecordedError, match="without the MCP server `hall`; it has none"):
        replayed(file, "return app.mcp.hall.find_seat(1)")
    assert own.exists()


def test_what_was_stopped_is_not_kept_as_an_answer(own: Path, file: Path) -> None:
    written(own, {"ours": faulty("silent", timeout=60)})
    with Session("demo", record=file) as session:
        session.run('return mcp.tools("ours")')
        with pytest.raises(KosmoError) as caught:
            run_with(session, "return app.mcp.ours.misbehave()", force=True, timeout=0.3)
        assert not isinstance(caught.value, StoppedError)
        assert session.run('return app.mcp.ours.echo("next")').value == "next"
    assert methods(file).count("tools/call") == 1


def test_a_call_that_nobody_waits_for_is_given_up(own: Path, file: Path) -> None:
    written(own, {"ours": faulty("silent", timeout=60)})
    with Session("demo", record=file) as session:
        servers = session.servers.get()
        assert isinstance(servers, RecordedServers)
        call = servers.begin_call(servers.tool("ours", "misbehave"), {})
        assert call.cancel()
        assert servers.call(servers.tool("ours", "echo"), {"text": "next"})["isError"] is False


# No secrets --------------------------------------------------------------------------------------------


@pytest.mark.claim("recording-no-secret")
def test_nothing_that_a_server_was_started_with_is_kept(own: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_OWNER", "ada-of-larkmoor")
    env = {"LEDGER_KEY": "open-sesame-42", "OWNER": "${LEDGER_OWNER}", "PLAIN": "in-the-entry-only"}
    written(own, {"ours": faulty(env=env)})
    script = """
    local echo = app.mcp.ours.echo
    return { echo("it is open-sesame-42"), echo("Authorization: Bearer abc.def-123"), echo("of ada-of-larkmoor") }
    """
    recorded(file, script, "return mcp.servers()")
    content = file.read_bytes()
    secrets = ("open-sesame-42", "abc.def-123", "ada-of-larkmoor", "in-the-entry-only", HALL["command"], "LEDGER_KEY")
    assert [secret for secret in secrets if secret.encode() in content] == []

    own.unlink()
    assert replayed(file, script) == [["it is [redacted]", "Authorization: Bearer [redacted]", "of [redacted]"]]
    with pytest.raises(NotRecordedError):
        replayed(file, "return app.mcp.ours.echo('it was open-sesame-42')")


# The file and the commands -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "content", "says"),
    [
        ("tools/call", "{}", "its result must have a list `content` of objects"),
        ("tools/call", '{"content": "x"}', "its result must have a list `content` of objects"),
        ("tools/call", "[]", "its result must have a list `content` of objects"),
        ("tools/call", "[" * 5_000, "more than 100 lists and objects inside each other"),
        ("tools/list", '{"tools": [{}]}', "each of `tools` must have a `name`"),
        ("servers", '{"servers": [{}]}', "each of `servers` must have a `name`"),
    ],
)
def test_what_is_no_result_of_a_server_is_an_error_that_names_the_file(
    own: Path, file: Path, method: str, content: str, says: str
) -> None:
    recorded(file, "return app.mcp.hall.find_seat(1).row, mcp.servers()")
    digest = blake2b(content.encode(), digest_size=16).digest()
    query(file, "INSERT INTO kosmo_bodies (hash, body) VALUES (?, ?)", (digest, content))
    query(file, "UPDATE kosmo_answers SET body = (SELECT max(id) FROM kosmo_bodies) WHERE function = ?", (method,))
    own.unlink()
    with pytest.raises(SettingsError, match=re.escape(says)) as caught:
        replayed(file, "return app.mcp.hall.find_seat(1).row, mcp.servers()")
    assert f"{file} is damaged, or no archive of kosmo_kernel: " in caught.value.message


@pytest.mark.full
@pytest.mark.parametrize(("command", "apps"), [("lua", "#heroku.demo.list_apps()"), ("mcp:lua", "19")])
def test_the_commands_record_and_replay(own: Path, file: Path, tmp_path: Path, command: str, apps: str) -> None:
    ask = ("-e", f"return {{ {apps}, app.mcp.hall.find_seat(3).row }}", "--json")
    first = document(command, "--record", str(file), *ask, cwd=tmp_path)
    own.unlink()
    second = document(command, "--replay", str(file), *ask, cwd=tmp_path)
    assert first[1]["result"] == second[1]["result"] == [[19, 3]]
    failed = kosmo(command, "--replay", str(file), "-e", "return app.mcp.hall.find_seat(4)", cwd=tmp_path)
    assert (failed.returncode, "is not in" in failed.stderr, "Traceback" in failed.stderr) == (1, True, False)
