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
from kosmo_kernel.mcp_server.call_handler import CallHandler, ServerOptions
from kosmo_kernel.mcp_server.sessions import MAX_SESSIONS, ClientSession, InFlightCall, Phase, Sessions
from kosmo_kernel.mcp_server.tools import OfferedTool, checked

pytest.importorskip("mcp")

from mcp import Client
from mcp import types as protocol
from mcp.shared.message import SessionMessage
from mcp_client import asked, data, text_of

from kosmo_kernel.mcp_server.sdk import StdioWriter, lines

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


async def lines_of(descriptor: int, most: int = 1 << 20) -> list[str]:
    return [line async for line in lines(descriptor, most)]


def test_a_message_without_an_end_is_left_out_and_the_next_is_read() -> None:
    ours, theirs = os.pipe()

    async def read() -> list[str]:
        reading = asyncio.create_task(lines_of(ours, most=8))
        for piece in (b"on", b"e\ntwo\n", b"12345678", b"9\nthree\n", b"12345678\n", b"123456789\n", b"last"):
            os.write(theirs, piece)
            await asyncio.sleep(0)
        os.close(theirs)
        return await reading

    assert asyncio.run(read()) == ["one", "two", "three", "12345678", "last"]
    os.close(ours)


def test_a_file_and_the_null_device_are_read_to_their_end(tmp_path: Path) -> None:
    (tmp_path / "messages").write_bytes(b"one\n\n" + b"x" * 200_000 + b"\nend")
    with open(tmp_path / "messages", "rb") as file, open(os.devnull, "rb") as nothing:
        read = asyncio.run(lines_of(file.fileno()))
        assert asyncio.run(lines_of(nothing.fileno())) == []
    assert read == ["one", "", "x" * 200_000, "end"]


@pytest.mark.skipif(os.name != "posix", reason="terminals are POSIX's")
def test_a_terminal_is_waited_for_without_a_thread() -> None:
    import pty

    others = set(threading.enumerate())
    keyboard, terminal = pty.openpty()

    async def read() -> str:
        coming = lines(terminal)
        waiting = asyncio.ensure_future(anext(coming))
        await asyncio.sleep(0)
        os.write(keyboard, b"typed\n")
        return await waiting

    assert asyncio.run(read()) == "typed"
    assert set(threading.enumerate()) <= others
    os.close(keyboard)
    os.close(terminal)


def test_a_long_answer_waits_for_its_reader_without_a_thread_and_lines_come_over_the_same_pipe() -> None:
    others = set(threading.enumerate())
    ours, theirs = os.pipe()
    sent = protocol.JSONRPCNotification(jsonrpc="2.0", method="x" * 300_000 + "é")  # more than a pipe holds

    async def both() -> list[str]:
        async def write() -> None:
            await StdioWriter(theirs).send(SessionMessage(sent))
            os.close(theirs)

        writing = asyncio.create_task(write())
        received = [line async for line in lines(ours)]
        await writing
        return received

    assert list(map(json.loads, asyncio.run(both()))) == [{"jsonrpc": "2.0", "method": sent.method}]
    os.close(ours)
    assert set(threading.enumerate()) <= others


# The sessions behind ----------------------------------------------------------------------------------------------


class Fake:
    """A session that only knows whether it is closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def fakes() -> Iterator[tuple[Sessions, list[Fake], Clock]]:
    made: list[Fake] = []
    clock = Clock()

    def make() -> Any:
        made.append(Fake())
        return made[-1]

    sessions = Sessions(make, idle_seconds=1000.0, clock=clock)
    yield sessions, made, clock
    sessions.close()


def test_a_session_for_one_call_is_closed_after_it_and_with_all_others(
    fakes: tuple[Sessions, list[Fake], Clock],
) -> None:
    sessions, made, _ = fakes
    with sessions.for_one_call():
        pass
    assert made[0].closed
    with sessions.for_one_call():
        sessions.close()
        assert made[1].closed
    with pytest.raises(StoppedError), sessions.for_one_call():
        pass


def of_client(sessions: Sessions, client: str) -> AbstractContextManager[ClientSession]:
    return sessions.of_client(InFlightCall(lambda _: None, client))


def test_of_the_clients_sessions_the_last_ones_are_kept_and_those_in_use(
    fakes: tuple[Sessions, list[Fake], Clock],
) -> None:
    sessions, made, _ = fakes
    with of_client(sessions, "used"), of_client(sessions, "first"):
        pass
    with of_client(sessions, "used"):
        for number in range(MAX_SESSIONS):
            with of_client(sessions, str(number)):
                pass
        assert [number for number, one in enumerate(made) if one.closed] == [1, 2]
    with of_client(sessions, "used") as session:
        assert (session.lua, session.is_new_again) == (cast("Any", made[0]), False)
    with of_client(sessions, "first") as session:
        assert session.is_new_again


def test_an_idle_session_is_closed_and_one_whose_client_leaves(fakes: tuple[Sessions, list[Fake], Clock]) -> None:
    sessions, made, clock = fakes
    with of_client(sessions, "a"):
        pass
    clock.now = 999.0
    with of_client(sessions, "b"):
        sessions.close_idle()
        assert [one.closed for one in made] == [False, False]
        clock.now = 1000.0
        sessions.close_idle()
    assert [one.closed for one in made] == [True, False]
    sessions.end("b")
    assert made[1].closed


def test_a_session_whose_long_call_has_just_ended_is_not_idle(fakes: tuple[Sessions, list[Fake], Clock]) -> None:
    sessions, made, clock = fakes
    with of_client(sessions, "long"):
        with of_client(sessions, "short"):
            pass
        clock.now = 1000.0
    sessions.close_idle()
    assert [one.closed for one in made] == [False, True]


@pytest.mark.full
def test_fifty_clients_and_their_ends_leave_no_process() -> None:
    others = set(psutil.Process().children(recursive=True))
    handler = CallHandler(ServerOptions("demo"), several_clients=True)
    for number in range(50):
        text = handler.answer("lua_run", {"code": f"return {number}"}, InFlightCall(lambda _: None, str(number))).text
        assert text.startswith(f"<data>\n{number}\n</data>")
    processes = [process for process in psutil.Process().children(recursive=True) if process not in others]
    assert len(processes) >= MAX_SESSIONS
    for number in range(50):
        handler.end(str(number))
    assert psutil.wait_procs(processes, timeout=PATIENCE)[1] == []
    handler.close()


def test_a_call_is_over_before_another_one_has_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    handler, underway, over = CallHandler(ServerOptions("demo")), InFlightCall(lambda _: None), []
    turn = ClientSession.turn

    @contextmanager
    def watched(session: ClientSession, call: InFlightCall) -> Iterator[None]:
        with turn(session, call):
            yield
            over.append(underway.phase)

    monkeypatch.setattr(ClientSession, "turn", watched)
    answer = handler.answer("lua_run", {"code": "return 1"}, underway)
    handler.close()
    assert (answer.failed, answer.text.startswith("<data>\n1\n"), over) == (False, True, [Phase.OVER])


def test_all_mistakes_in_the_arguments_are_in_one_message() -> None:
    tool = OfferedTool(
        "lua_try",
        "",
        "",
        {
            "properties": {
                "words": {"type": "string", "minLength": 1},
                "most": {"type": "integer", "minimum": 200, "maximum": 300},
                "seconds": {"type": "number", "exclusiveMinimum": 0},
                "params": {"type": "object"},
                "stop": {"type": "boolean"},
            },
            "required": ["words"],
        },
        reads=True,
    )
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
        assert str(caught.value) == (f"lua_try: {mistakes}. Write lua_try(words, most?, seconds?, params?, stop?)")


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
        CallHandler(ServerOptions("demo"))
    monkeypatch.delenv("KOSMO_MEMORY_LIMIT")
    for limits, failed in ({"memory_limit": None}, True), ({"memory_limit": 2_000_000_000}, False):
        handler = CallHandler(ServerOptions("demo", limits))
        result = handler.answer("lua_run", asks, InFlightCall(lambda _progress: None))
        assert result.failed is failed, result.text
        handler.close()


def test_the_entry_for_an_agent_has_the_full_path_and_the_options_of_the_command() -> None:
    done = kosmo("mcp:serve", "--demo", "--timeout", "60", "--allow-mcp", "--print-config")
    entry = json.loads(done.stdout)["mcpServers"]["kosmo"]
    assert Path(entry["command"]).is_absolute()
    assert entry["args"][-5:] == ["mcp:serve", "--demo", "--timeout", "60.0", "--allow-mcp"]
    assert kosmo("mcp:serve", "--http", "127.0.0.1:0", "--print-config").returncode == 2
