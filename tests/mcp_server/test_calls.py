"""Calls of our own MCP server while they are made: several at once, told of, cancelled; and how the server ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from altered_api import Gate
from kosmo_command import COMMAND, environment, kosmo, without_standard_input
from patience import PATIENCE

from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError, StoppedError
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.mcp_server.call_handler import CallHandler
from kosmo_kernel.mcp_server.sessions import CLOSED, MAX_SESSIONS, ClientSession, InFlightCall, Phase, Sessions
from kosmo_kernel.mcp_server.tools import checked

pytest.importorskip("mcp")

from mcp import Client
from mcp_client import asked, data, text_of

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@pytest.fixture
def gate() -> Iterator[tuple[Gate, dict[str, str]]]:
    """Yield a Heroku that keeps its list of apps back, and the environment that leads there."""
    held = Gate(DemoApi(company()), "/apps")
    with serve(held) as served:
        yield held, {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN}
        held.open.set()


@pytest.mark.full
def test_a_call_without_lua_does_not_wait_for_a_script(gate: tuple[Gate, dict[str, str]]) -> None:
    held, env = gate

    async def ask(one: Client) -> Any:
        slow = asyncio.create_task(one.call_tool("lua_run", {"code": "return #heroku.list_apps()"}))
        await asyncio.to_thread(held.wait_for, 1)
        quick = await one.call_tool("lua_read_doc", {"page": "heroku.list_apps"})
        is_waiting = not slow.done()
        held.open.set()
        return text_of(quick), is_waiting, await slow

    quick, is_waiting, slow = asked(ask, env=env)
    assert (quick.splitlines()[0], is_waiting, int(data(slow)) > 0) == ("# heroku.list_apps", True, True)


def test_a_cancelled_call_is_stopped_and_the_next_one_works(gate: tuple[Gate, dict[str, str]]) -> None:
    held, env = gate

    async def ask(one: Client) -> Any:
        endless = "app.integrations.heroku.get_app('my-app') while true do end"  # of which the gate hears as well
        calls = [
            asyncio.create_task(one.call_tool("lua_run", {"check": "crashed-dynos"})),
            asyncio.create_task(one.call_tool("lua_run", {"code": endless})),
        ]
        await asyncio.to_thread(held.wait_for, 2)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        # It has the session only when the run before has ended, which nothing but its end by us can be.
        return await one.call_tool("lua_run", {"code": "return 'next'", "timeout": 20})

    assert data(asked(ask, "--cpu-limit", "1000", env=env)) == "next"


@pytest.mark.full
def test_who_wants_to_know_is_told_how_far_a_call_is() -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    code = "return #app.integrations.heroku.list_dynos({ app_id = { 'my-app', 'booking-api' } })"
    env = {"KOSMO_DEMO": "1", "KOSMO_PROGRESS": "1"}
    asked(lambda one: one.call_tool("lua_run", {"code": code}, progress_callback=hear), env=env)
    done = [progress for progress, _, _ in heard]
    assert done == sorted(set(done))
    assert heard[-1][:2] == (2.0, 2.0)
    assert "2 calls" in (heard[-1][2] or "")


# Raw: what goes over the streams, and the end ---------------------------------------------------------------------


@pytest.fixture
def raw() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [*COMMAND, "mcp:serve", "--demo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        yield process
        process.kill()


def say(process: subprocess.Popen[bytes], *messages: dict[str, Any] | bytes) -> None:
    assert process.stdin is not None
    for message in messages:
        process.stdin.write((message if isinstance(message, bytes) else json.dumps(message).encode()) + b"\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[bytes], number: int) -> Any:
    """Return the answer of that number; everything else that comes is a message too."""
    assert process.stdout is not None
    for line in process.stdout:
        message = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        if message.get("id") == number:
            return message
    raise AssertionError("there was no answer")


def call(number: int, name: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


@pytest.mark.full
def test_what_is_no_message_is_passed_over_and_lua_prints_nowhere_but_in_its_answer(
    raw: subprocess.Popen[bytes],
) -> None:
    say(raw, HELLO, READY, b"not a message", b"", b"\xff\x00", b'{"jsonrpc": "2.0", "id": [1]}')
    say(raw, call(7, "lua_run", code="io.stderr:write('aside') print('printed') return io.read()"))
    assert hear(raw, 7)["result"]["content"][0]["text"].startswith("<data>\nasideprinted\n</data>")


@pytest.mark.full
@pytest.mark.parametrize(
    ("way", "code"),
    [(None, 0), (signal.SIGTERM, 0), (signal.SIGINT, 130)],
    ids=["end of input", "SIGTERM", "SIGINT"],
)
def test_it_ends_with_its_client_and_no_lua_process_stays(
    raw: subprocess.Popen[bytes], way: signal.Signals | None, code: int
) -> None:
    say(raw, HELLO, READY, call(2, "lua_run", code="return 1"))
    hear(raw, 2)
    say(raw, call(3, "lua_run", code="while true do end"), call(4, "lua_read_doc"))
    hear(raw, 4)
    below = psutil.Process(raw.pid).children(recursive=True)
    assert below
    assert raw.stdin is not None
    if way is None:
        raw.stdin.close()
        raw.stdin = None
    else:
        raw.send_signal(way)
    _, complaints = raw.communicate(timeout=PATIENCE)
    assert (raw.returncode, complaints.decode()) == (code, "")
    assert psutil.wait_procs(below, timeout=PATIENCE)[1] == []


@pytest.mark.full
@pytest.mark.skipif(os.name != "posix", reason="the shell is POSIX's")
def test_it_ends_at_once_where_there_is_no_client() -> None:
    done = without_standard_input("mcp:serve", "--demo")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.full
def test_a_client_that_never_reads_standard_error_is_answered_and_the_server_ends_with_it(
    raw: subprocess.Popen[bytes],
) -> None:
    say(raw, HELLO, READY)
    for _ in range(20):
        say(raw, *[b'{"jsonrpc": "2.0", "method": "notifications/none", "params": ["' + b"x" * 500 + b'"]}'] * 100)
    say(raw, call(5, "lua_run", code="return 5"))
    assert hear(raw, 5)["result"]["content"][0]["text"].startswith("<data>\n5\n")
    assert raw.stdin is not None
    raw.stdin.close()
    raw.stdin = None
    assert raw.wait(PATIENCE) == 0


# The sessions behind ----------------------------------------------------------------------------------------------


class Fake:
    """A session that only knows whether it is closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def fakes() -> Iterator[tuple[Sessions, list[Fake]]]:
    made: list[Fake] = []

    def make() -> Any:
        made.append(Fake())
        return made[-1]

    sessions = Sessions(make)
    yield sessions, made
    sessions.close()


def test_all_sessions_are_closed_with_the_server_and_no_new_one_is_made(fakes: tuple[Sessions, list[Fake]]) -> None:
    sessions, made = fakes
    with of_client(sessions, "used"):
        sessions.close()
        assert made[0].closed
    with pytest.raises(StoppedError), of_client(sessions, "new"):
        pass


def of_client(sessions: Sessions, client: str) -> AbstractContextManager[ClientSession]:
    return sessions.of_client(InFlightCall(lambda _: None, client))


def test_of_the_clients_sessions_the_last_ones_are_kept_and_those_in_use(
    fakes: tuple[Sessions, list[Fake]],
) -> None:
    sessions, made = fakes
    with of_client(sessions, "used"), of_client(sessions, "first"):
        pass
    with of_client(sessions, "used"):
        for number in range(MAX_SESSIONS):
            with of_client(sessions, str(number)):
                pass
        assert [number for number, one in enumerate(made) if one.closed] == [1, 2]
    with of_client(sessions, "used") as session:
        assert (session.lua, session.pending_notes) == (cast("Any", made[0]), [])
    for notes in ([CLOSED], []):  # told once
        with of_client(sessions, "first") as session:
            assert session.take_pending_notes() == notes


def test_the_session_of_a_client_that_leaves_is_closed(fakes: tuple[Sessions, list[Fake]]) -> None:
    sessions, made = fakes
    for client in ("a", "b"):
        with of_client(sessions, client):
            pass
    sessions.end("b")
    assert [one.closed for one in made] == [False, True]


@pytest.mark.full
def test_fifty_clients_and_their_ends_leave_no_process() -> None:
    others = set(psutil.Process().children(recursive=True))
    handler = CallHandler("demo")
    for number in range(50):
        text = handler.answer("lua_run", {"code": f"return {number}"}, InFlightCall(lambda _: None, str(number))).text
        assert text.startswith(f"<data>\n{number}\n</data>")
    processes = [process for process in psutil.Process().children(recursive=True) if process not in others]
    assert len(processes) >= MAX_SESSIONS
    for number in range(50):
        handler.sessions.end(str(number))
    assert psutil.wait_procs(processes, timeout=PATIENCE)[1] == []
    handler.sessions.close()


def test_a_call_is_over_before_another_one_has_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    handler, underway, over = CallHandler("demo"), InFlightCall(lambda _: None), []
    turn = ClientSession.turn

    @contextmanager
    def watched(session: ClientSession, call: InFlightCall) -> Iterator[None]:
        with turn(session, call):
            yield
            over.append(underway.phase)

    monkeypatch.setattr(ClientSession, "turn", watched)
    answer = handler.answer("lua_run", {"code": "return 1"}, underway)
    handler.sessions.close()
    assert (answer.failed, answer.text.startswith("<data>\n1\n"), over) == (False, True, [Phase.OVER])


def test_all_mistakes_in_the_arguments_are_in_one_message() -> None:
    schema = {
        "properties": {
            "words": {"type": "string", "minLength": 1},
            "most": {"type": "integer", "minimum": 200, "maximum": 300},
            "seconds": {"type": "number", "exclusiveMinimum": 0},
            "params": {"type": "object"},
            "stop": {"type": "boolean"},
        },
        "required": ["words"],
    }
    tool = {"name": "lua_try", "inputSchema": schema}
    right = {"words": "x", "most": 200.0, "seconds": 0.5, "params": {}, "stop": False}
    assert checked(tool, right | {"other": None}) == right
    assert checked(tool, right | {"params": []}) == right
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "`words` is missing"),
        ({"words": "", "word": 1}, "`word` is no argument of it (`words` is); `words` must have at least 1 characters"),
        (
            {"words": 1, "most": True, "stop": 1},
            "`words` must be a text; `most` must be a whole number; `stop` must be true or false",
        ),
        ({"words": "x", "most": 199, "seconds": 0}, "`most` must be at least 200; `seconds` must be more than 0"),
        ({"words": "x", "most": 301, "seconds": "1"}, "`most` must be at most 300; `seconds` must be a number"),
        (
            {"words": "x", "most": 200.5, "params": ["y"]},
            "`most` must be a whole number; `params` must be a table of names and values",
        ),
    ]
    for arguments, mistakes in wrong:
        with pytest.raises(InvalidArgumentsError) as caught:
            checked(tool, arguments)
        assert str(caught.value) == (
            f"lua_try: {mistakes}. It is called as lua_try(words, most?, seconds?, params?, stop?)."
        )


def test_who_leaves_a_call_that_is_over_stops_nothing() -> None:
    class Stopped:
        def interrupt(self) -> None:
            pytest.fail("another call has this session by now")

    others = set(threading.enumerate())
    underway = InFlightCall(lambda _: None)
    underway.begin("", cast("Any", Stopped()))
    underway.finish()
    underway.cancel()
    for stopping in set(threading.enumerate()) - others:
        stopping.join(PATIENCE)


@pytest.mark.claim("limit-ceilings")
def test_a_client_has_at_most_the_ceilings_unless_an_option_of_the_command_is_higher(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asks = {"code": "return 1", "memory_limit": 1_500_000_000}
    monkeypatch.setenv("KOSMO_MEMORY_LIMIT", "2000000000")
    with pytest.raises(SettingsError, match=r"^KOSMO_MEMORY_LIMIT is 2,000,000,000 bytes, more than the 1,073,741,824"):
        CallHandler("demo")
    monkeypatch.delenv("KOSMO_MEMORY_LIMIT")
    for limits, failed in ({"memory_limit": None}, True), ({"memory_limit": 2_000_000_000}, False):
        handler = CallHandler("demo", limits)
        result = handler.answer("lua_run", asks, InFlightCall(lambda _progress: None))
        assert result.failed is failed, result.text
        handler.sessions.close()


def test_the_entry_for_an_agent_has_the_full_path_and_the_options_of_the_command() -> None:
    done = kosmo("mcp:serve", "--demo", "--timeout", "60", "--allow-mcp", "--print-config")
    entry = json.loads(done.stdout)["mcpServers"]["kosmo"]
    assert Path(entry["command"]).is_absolute()
    assert entry["args"][-5:] == ["mcp:serve", "--demo", "--timeout", "60.0", "--allow-mcp"]
    assert kosmo("mcp:serve", "--http", "127.0.0.1:0", "--print-config").returncode == 2
