"""Calls that take longer than a client waits: they are answered, and go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from altered_api import Gate

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.mcp_server.call_handler import CallHandler
from kosmo_kernel.mcp_server.sessions import InFlightCall, Phase
from kosmo_kernel.progress.display import Estimate, ProgressSnapshot

pytest.importorskip("mcp")

from mcp import Client
from mcp.types import CallToolResult
from mcp_client import data, failure, text_of

from kosmo_kernel.mcp_server import sdk

HELD = {"code": "print('begun') return #heroku.list_apps()"}
ENDLESS = {"code": "while true do end"}
WHO = {"words": "who"}

Ask = Callable[[Client, CallHandler], Awaitable[Any]]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Yield a Heroku that keeps its list of apps back, which the default account asks."""
    gate = Gate(DemoApi(company()), "/apps")
    with serve(gate) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        monkeypatch.setenv("KOSMO_PROGRESS", "1")
        yield gate
        gate.open.set()


def asked(ask: Ask) -> Any:
    """Return what the SDK's client gets from a server in this process, whose handler the test has as well."""

    async def run() -> Any:
        handler = CallHandler()
        try:
            async with Client(sdk.server_of(handler)) as one:
                await one.call_tool("lua_run", {"code": "return 'first'"})  # so that Lua is there
                return await ask(one, handler)
        finally:
            await asyncio.to_thread(handler.sessions.close)

    return asyncio.run(run())


async def early(one: Client, handler: CallHandler, name: str, arguments: dict[str, Any]) -> CallToolResult:
    """Call a tool that takes too long; there is time for the calls that follow."""
    handler.answer_within = 0.3
    answer = await one.call_tool(name, arguments)
    handler.answer_within = 60.0
    return answer


def test_a_call_that_takes_too_long_is_answered_with_its_progress_and_the_next_call_has_its_value(held: Gate) -> None:
    async def ask(one: Client, handler: CallHandler) -> Any:
        first = await early(one, handler, "lua_run", HELD)
        who = await one.call_tool("lua_search_docs", WHO)
        busy = await early(one, handler, "lua_run", {"code": "other = 1"})
        held.open.set()
        value = await one.call_tool("lua_run", {"code": "return Out[2], other"})
        return first, who, busy, value

    first, who, busy, value = asked(ask)
    assert not first.is_error
    assert text_of(first).startswith("Still running, and going on:\n<data>\n0.")
    assert "call `lua_run` with `return Out[2]` to wait for it" in text_of(first)
    assert text_of(who).startswith("Out[2] still runs:\n<data>\n")
    assert failure(busy).startswith("Not run: an earlier call of this session still runs, 0.3 s later.")
    assert data(value) == "[1] 19\n[2] null"


def test_a_call_that_still_runs_can_be_stopped_by_the_next_one_which_tells_how_it_ended() -> None:
    async def ask(one: Client, handler: CallHandler) -> Any:
        first = text_of(await early(one, handler, "lua_run", ENDLESS))
        return first, await one.call_tool("lua_run", {"code": "return 'next'", "stop": True})

    first, stopped = asked(ask)
    assert first.startswith("Still running, and going on:\n<data>\n0.")
    assert data(stopped).startswith("next\nNote: Out[2]: it failed: StoppedError: ")


def test_checks_that_are_stopped_keep_what_was_found(held: Gate) -> None:
    async def ask(one: Client, handler: CallHandler) -> Any:
        await early(one, handler, "lua_run", {"check": "old-ssh-keys, crashed-dynos"})
        await asyncio.to_thread(held.wait_for, 1)
        return await one.call_tool("lua_run", {"code": "return #Out[2]['old-ssh-keys']", "stop": True})

    stopped = asked(ask)
    assert data(stopped).startswith("1\nNote: Out[2]: Not checked: crashed-dynos: Interrupted.")


def test_a_call_that_its_client_cancels_leaves_the_notes_of_an_earlier_one_to_the_next(held: Gate) -> None:
    async def ask(one: Client, handler: CallHandler) -> str:
        await early(one, handler, "lua_run", {"code": "heroku.list_apps() error('broken')"})
        held.open.set()
        endless = asyncio.create_task(one.call_tool("lua_run", {"code": "heroku.get_app('my-app') while true do end"}))
        await asyncio.to_thread(held.wait_for, 2)
        endless.cancel()
        await asyncio.gather(endless, return_exceptions=True)
        return text_of(await one.call_tool("lua_run", {"code": "return 'next'"}))

    assert "Note: Out[2]: it failed: LuaRuntimeError: " in asked(ask)


def test_the_findings_and_the_notes_of_a_check_are_waited_for_as_well(held: Gate) -> None:
    async def ask(one: Client, handler: CallHandler) -> Any:
        first = await early(one, handler, "lua_run", {"check": "crashed-dynos"})
        held.open.set()
        return text_of(first), await one.call_tool("lua_run", {"code": "return #Out[2]"})

    first, value = asked(ask)
    assert first.startswith("Still running, and going on:\n<data>\n")
    assert data(value).startswith("4\nNote: Out[2]: ")


def test_a_call_that_ends_while_it_is_being_answered_gives_its_result() -> None:
    call = InFlightCall(lambda _: None)
    call.begin("Out[1]")
    assert not call.finish()
    assert call.detach() is Phase.OVER


def test_a_call_that_has_to_wait_for_the_budget_says_what_it_takes() -> None:
    call = InFlightCall(lambda _state: None, phase=Phase.RUNNING)
    estimate = Estimate("production", "Heroku", 1440, 1460, 12, 75.0, 1158.0)
    call.report(ProgressSnapshot(60, 1500, 61, 12, "production", 25.0, expected=1158.0, estimate=estimate))

    assert call.describe().partition(": ")[2] == (
        "60/1,500 · about 20 min to go · 61 requests · 12 left · 25.0 s. "
        "1,440 calls to come, about 1,460 requests; 12 left of Heroku's budget, 75 a minute: about 20 min"
    )
