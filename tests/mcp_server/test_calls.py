"""Calls of our own MCP server while they are made: several at once, told of, cancelled; and how the server ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import psutil
import pytest
from held_api import PATIENCE, Gate
from kosmo_command import COMMAND, environment, without_standard_input

from kosmo_kernel.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.demo.company import company
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import SettingsError, StoppedError, UnknownNameError
from kosmo_kernel.mcp_server.call_handler import CallHandler, InFlightCall, ServerOptions
from kosmo_kernel.mcp_server.serving import _lines, split
from kosmo_kernel.mcp_server.sessions import MAX_NAMED_SESSIONS, SPARE, Sessions

pytest.importorskip("mcp")

from mcp import Client
from mcp_client import asked

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


def test_calls_do_not_wait_for_each_other(gate: tuple[Gate, dict[str, str]]) -> None:
    held, env = gate
    slow = "return #app.integrations.heroku.list_apps()"

    async def ask(one: Client) -> Any:
        direct = asyncio.create_task(one.call_tool("heroku_list_apps", {}))
        in_lua = asyncio.create_task(one.call_tool("lua_run", {"code": slow}))
        await asyncio.to_thread(held.wait_for, 2)
        quick = await one.call_tool("lua_run", {"code": "return 'meanwhile'"})
        waiting = (direct.done(), in_lua.done())
        held.open.set()
        return quick, waiting, await direct, await in_lua

    quick, waiting, direct, in_lua = asked(ask, env=env)
    assert (quick.structured_content["result"], waiting) == (["meanwhile"], (False, False))
    assert in_lua.structured_content["result"] == [len(direct.structured_content["result"])]


def test_a_cancelled_call_is_stopped_and_the_next_one_works(gate: tuple[Gate, dict[str, str]]) -> None:
    held, env = gate

    async def ask(one: Client) -> Any:
        endless = "app.integrations.heroku.get_app('my-app') while true do end"  # of which the gate hears as well
        calls = [
            asyncio.create_task(one.call_tool("heroku_list_apps", {})),
            asyncio.create_task(one.call_tool("lua_run", {"code": endless, "session": "kept"})),
        ]
        await asyncio.to_thread(held.wait_for, 2)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        # It has the session only when the run before has ended, which nothing but its end by us can be.
        return await one.call_tool("lua_run", {"code": "return 'next'", "session": "kept", "timeout": 20})

    assert asked(ask, "--cpu-limit", "1000", env=env).structured_content["result"] == ["next"]


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
    found = hear(raw, 7)["result"]["structuredContent"]
    assert (found["output"], found["result"]) == ("asideprinted\n", [None])


@pytest.mark.full
@pytest.mark.parametrize(
    ("way", "code"),
    [(None, 0), (signal.SIGTERM, 0), (signal.SIGINT, 130)],
    ids=["end of input", "SIGTERM", "SIGINT"],
)
def test_it_ends_with_its_client_and_no_lua_process_stays(
    raw: subprocess.Popen[bytes], way: signal.Signals | None, code: int
) -> None:
    say(raw, HELLO, READY, call(2, "lua_run", code="return 1", session="kept"))
    hear(raw, 2)
    say(raw, call(3, "lua_run", code="while true do end"), call(4, "docs_read"))
    hear(raw, 4)
    below = psutil.Process(raw.pid).children(recursive=True)
    assert below
    assert raw.stdin is not None
    if way is None:
        raw.stdin.close()
        raw.stdin = None
    else:
        raw.send_signal(way)
    _, complaints = raw.communicate(timeout=30)
    assert (raw.returncode, complaints.decode()) == (code, "")
    assert psutil.wait_procs(below, timeout=10)[1] == []


@pytest.mark.full
@pytest.mark.skipif(os.name != "posix", reason="the shell is POSIX's")
def test_it_ends_at_once_where_there_is_no_client() -> None:
    done = without_standard_input("mcp:serve", "--demo")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_message_without_an_end_is_left_out_and_the_next_is_read() -> None:
    pieces = iter([b"on", b"e\ntwo\n", b"12345678", b"9\nthree\n", b"12345678\n", b"123456789\n", b"last", b""])
    assert list(split(lambda: next(pieces), most=8)) == [b"one", b"two", b"three", b"12345678", b"last"]


def test_lines_that_nobody_takes_any_more_end_their_reader_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    complaints: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", complaints.append)
    others = set(threading.enumerate())
    ours, theirs = os.pipe()
    os.write(theirs, b"line\n" * 20)

    async def take_one() -> None:
        lines = cast("Any", _lines(ours))
        assert await anext(lines) == "line"
        coming = lines.ag_frame.f_locals["coming"]
        while not (coming.full() and asyncio.all_tasks() - {asyncio.current_task()}):  # noqa: ASYNC110 - for a thread
            await asyncio.sleep(0)

    asyncio.run(take_one())
    for reader in set(threading.enumerate()) - others:
        reader.join(PATIENCE)
    os.close(theirs)
    os.close(ours)
    assert complaints == []
    assert set(threading.enumerate()) <= others


# The sessions behind ----------------------------------------------------------------------------------------------


class Fake:
    """A session that only counts what is done with it."""

    def __init__(self) -> None:
        self.resets, self.closed = 0, False

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def fakes() -> tuple[Sessions, list[Fake]]:
    made: list[Fake] = []

    def make() -> Any:
        made.append(Fake())
        return made[-1]

    return Sessions(make), made


def test_a_session_is_emptied_and_used_again_and_a_few_are_kept(fakes: tuple[Sessions, list[Fake]]) -> None:
    sessions, made = fakes
    with ExitStack() as stack:
        for _ in range(SPARE + 1):
            stack.enter_context(sessions.fresh())
    assert [(one.resets, one.closed) for one in made] == [(0, True), (1, False), (1, False)]
    with sessions.fresh(emptied=False) as session:
        assert cast("Any", session) in made[1:]
    assert (len(made), sum(one.resets for one in made)) == (SPARE + 1, 2)
    sessions.close()
    assert all(one.closed for one in made)
    with pytest.raises(StoppedError), sessions.fresh():
        pass


def test_of_sessions_with_a_name_the_last_ones_are_kept_and_those_in_use(fakes: tuple[Sessions, list[Fake]]) -> None:
    sessions, made = fakes
    with sessions.named("used"), sessions.named("first"):
        pass
    with sessions.named("used"):
        for number in range(MAX_NAMED_SESSIONS):
            with sessions.named(str(number)):
                pass
        assert [number for number, one in enumerate(made) if one.closed] == [1, 2]
    with sessions.named("used") as session:
        assert cast("Any", session) is made[0]


@pytest.mark.parametrize("more", [{}, {"session": "kept"}], ids=["fresh", "named"])
def test_a_call_is_over_before_another_one_has_its_session(more: dict[str, str]) -> None:
    handler, underway, over = CallHandler(ServerOptions("demo")), InFlightCall(lambda _: None), []

    @contextmanager
    def watched(lend: Any) -> Iterator[Any]:
        with lend as session:
            yield session
            over.append(underway._over.is_set())

    sessions: Any = handler._sessions
    lent, kept = sessions.fresh, sessions.named
    sessions.fresh, sessions.named = lambda: watched(lent()), lambda name: watched(kept(name))
    answer = handler.answer("lua_run", {"code": "return 1"} | more, underway)
    handler.close()
    assert (answer.failed, answer.value["result"], over) == (False, [1], [True])


def test_an_error_names_our_tool_without_our_server_and_any_other_text_is_left_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_words: str) -> None:
        raise UnknownNameError("mcp.kosmo.docs_search: that is what the page says.")

    monkeypatch.setattr("kosmo_kernel.mcp_server.call_handler.docs.search", fail)
    handler = CallHandler(ServerOptions("demo"))
    texts = [
        handler.answer("docs_search", arguments, InFlightCall(lambda _: None)).text
        for arguments in ({}, {"words": "x"})
    ]
    handler.close()

    assert texts[0].startswith("docs_search: `words` is missing. ")
    assert texts[1] == "mcp.kosmo.docs_search: that is what the page says."


def test_who_leaves_a_call_that_is_over_stops_nothing() -> None:
    class Stopped:
        def interrupt(self) -> None:
            pytest.fail("another call has this session by now")

    underway = InFlightCall(lambda _: None)
    underway.set_session(cast("Any", Stopped()))
    underway.finish()
    underway._stop(cast("Any", Stopped()))


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
