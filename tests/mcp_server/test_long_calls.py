"""Calls that take longer than a client waits: they go on, as a task or with an answer that says so."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import pytest
from altered_api import Gate

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.mcp_server.call_handler import CallHandler, ServerOptions
from kosmo_kernel.mcp_server.sessions import InFlightCall, Phase
from kosmo_kernel.progress.display import Estimate, ProgressSnapshot

pytest.importorskip("mcp")

from mcp import Client, MCPError
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim, advertise
from mcp.types import CallToolResult, Request, Result
from mcp_client import data, failure, text_of

from kosmo_kernel.mcp_server import sdk
from kosmo_kernel.mcp_server.sdk import EXTENSION, TaskParams, Tasks

HELD = {"code": "print('begun') return #heroku.list_apps()"}
ENDLESS = {"code": "while true do end"}
WHO = {"words": "who"}

Ask = Callable[[Client, CallHandler], Awaitable[Any]]


class TaskRequest(Request[TaskParams, str]):
    """A request about a task, as the SDK's client sends it."""

    name_param = "taskId"


class Given(Result):
    """A task in place of a result."""

    result_type: Literal["task"] = "task"
    task_id: str
    status: str


class State(Result):
    """The state of a task, and its result in the end."""

    status: str
    ttl_ms: int | None
    status_message: str | None = None
    result: CallToolResult | None = None


async def about(session: Any, method: str, task_id: str) -> State | Result:
    kind: type[Result] = State if method == "tasks/get" else Result
    answer = await session.send_request(TaskRequest(method=method, params=TaskParams(task_id=task_id)), kind)
    return cast("State | Result", answer)


class TakesTasks(ClientExtension):
    """The extension of a client: it asks for the state of a task until that has ended."""

    identifier = EXTENSION

    def __init__(self, meanwhile: Callable[[Any, str], Awaitable[None]]) -> None:
        self.states: list[State] = []
        self._meanwhile = meanwhile

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=Given, resolve=self._resolve)]

    async def _resolve(self, given: Given, context: ClaimContext) -> CallToolResult:
        while True:
            state = await about(context.session, "tasks/get", given.task_id)
            assert isinstance(state, State)
            self.states.append(state)
            if state.result:
                return state.result
            if state.status == "cancelled":
                return CallToolResult(content=[], is_error=True)
            await self._meanwhile(context.session, given.task_id)
            await asyncio.sleep(0.02)


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


def asked(
    ask: Ask, *extensions: ClientExtension, functions: bool = False, tasks: bool = False, client: str | None = ""
) -> Any:
    """Return what the SDK's client gets from a server in this process, whose handler the test has as well."""

    async def run() -> Any:
        options = ServerOptions(functions=functions, tasks=tasks)
        handler = CallHandler(options, several_clients=client is None)
        try:
            async with Client(sdk.server_of(handler, lambda _: client), extensions=extensions) as one:
                await one.call_tool("lua_run", {"code": "return 'first'"})  # so that Lua is there
                return await ask(one, handler)
        finally:
            await asyncio.to_thread(handler.close)

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
    assert text_of(first).startswith("Still running, and going on, after 0.")
    assert "call `lua_run` with `return Out[2]` to wait for it" in text_of(first)
    assert text_of(who).startswith("Out[2] still runs, after ")
    assert failure(busy).startswith("Not run: an earlier call of this session still runs, 0.3 s later.")
    assert data(value) == "[1] 19\n[2] null"


def test_a_call_that_still_runs_can_be_stopped_by_the_next_one_which_tells_how_it_ended() -> None:
    async def ask(one: Client, handler: CallHandler) -> Any:
        first = text_of(await early(one, handler, "lua_run", ENDLESS))
        (session,) = re.findall('`session = "(.+)"`', first)
        stop = {"code": "return 'next'", "stop": True, "session": session}
        return first, await one.call_tool("lua_run", stop)

    first, stopped = asked(ask, client=None)
    assert first.startswith("Still running, and going on, after 0.")
    assert data(stopped).startswith("next\nNote: Out[1]: it failed: StoppedError: ")


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


def test_the_value_and_the_notes_of_a_call_without_lua_are_waited_for_as_well(
    held: Gate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    monkeypatch.setenv("KOSMO_CALL_LOG", str(folder / "calls.log"))

    async def ask(one: Client, handler: CallHandler) -> Any:
        first = await early(one, handler, "heroku_list_apps", {})
        shutil.rmtree(folder)  # which its result will have a note about
        monkeypatch.delenv("KOSMO_CALL_LOG")
        held.open.set()
        return text_of(first), await one.call_tool("lua_run", {"code": "return #Out[2]"})

    first, value = asked(ask, functions=True)
    assert first.startswith("Still running, and going on, after ")
    assert data(value).startswith("19\nNote: Out[2]: This run is not in the file that KOSMO_CALL_LOG names")


@pytest.mark.parametrize("ends", ["completed", "cancelled"])
def test_a_client_that_takes_tasks_gets_one_and_its_result(
    held: Gate, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setattr(sdk, "TASK_SECONDS", 0.05)

    async def meanwhile(session: Any, task_id: str) -> None:
        held.open.set() if ends == "completed" else await about(session, "tasks/cancel", task_id)

    extension = TakesTasks(meanwhile)

    async def ask(one: Client, _: CallHandler) -> Any:
        held_result = await one.call_tool("lua_run", HELD)
        monkeypatch.setattr(sdk, "TASK_SECONDS", 50.0)  # the next call is no task, however slow the machine is
        following = await one.call_tool("lua_run", {"code": "return 'next'"})
        return one.server_capabilities.extensions, held_result, following

    offers, held_result, following = asked(ask, extension, tasks=True)
    assert offers == {EXTENSION: {}}
    first, last = extension.states[0], extension.states[-1]
    assert (first.status, first.ttl_ms, last.status) == ("working", None, ends)
    assert data(following) == "next"
    if ends == "completed":
        assert data(held_result) == "begun\n19"


def test_tasks_are_for_those_who_declare_the_extension_and_have_the_id() -> None:
    async def ask(one: Client, _: CallHandler) -> int:
        with pytest.raises(MCPError) as caught:
            await about(one.session, "tasks/get", "guessed")
        return caught.value.code

    assert asked(ask, tasks=True) == -32021
    assert asked(ask, advertise(EXTENSION), tasks=True) == -32602


def test_without_the_option_a_client_that_takes_tasks_is_answered_as_any_other(held: Gate) -> None:
    async def ask(one: Client, handler: CallHandler) -> Any:
        first = await early(one, handler, "lua_run", HELD)
        held.open.set()
        return one.server_capabilities.extensions, text_of(first)

    offers, first = asked(ask, advertise(EXTENSION))
    assert not offers
    assert first.startswith("Still running, and going on, after ")


def test_ended_tasks_are_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "MAX_ENDED_TASKS", 2)

    async def kept() -> list[int]:
        now = 1_000.0
        every = Tasks(lambda: now)
        counts = []

        def count() -> int:
            return len(every._tasks)

        for _ in range(4):
            running: asyncio.Future[CallToolResult] = asyncio.get_running_loop().create_future()
            every.start(InFlightCall(lambda _: None), running)
            running.set_result(CallToolResult(content=[]))
            await asyncio.sleep(0)
            counts.append(count())
        now += sdk.KEEP_SECONDS
        every._drop_old()
        return [*counts, count()]

    assert asyncio.run(kept()) == [1, 2, 3, 3, 0]


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
