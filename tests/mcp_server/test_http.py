"""Our own MCP server on a port: who is let in, and clients that no one here wrote.

The official inspector's command line is asked where `OFFICIAL_MCP_INSPECTOR` names its executable
(`npm install @modelcontextprotocol/inspector`, then `node_modules/.bin/mcp-inspector`); written with version 2.12.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import httpx
import psutil
import pytest
from kosmo_command import COMMAND, environment, kosmo
from patience import PATIENCE

pytest.importorskip("mcp")

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_client import data

TOKEN = "a-token-for-the-tests"
SECONDS_TO_END = 2.0  # on a quiet machine
BUSY_SECONDS = 0.3  # of processor time, after which a process runs Lua
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"Accept": "application/json, text/event-stream"}


class Served(NamedTuple):
    process: subprocess.Popen[str]
    url: str
    lines: list[str]

    @property
    def token(self) -> str:
        return self.lines[1].removeprefix("KOSMO_MCP_TOKEN=") if len(self.lines) > 1 else TOKEN

    def post(self, headers: Mapping[str, str]) -> httpx.Response:
        return httpx.post(self.url, json=LIST, headers=ACCEPT | dict(headers), trust_env=False)

    def with_token(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} | more


@contextmanager
def served(env: dict[str, str], lines: int) -> Iterator[Served]:
    with subprocess.Popen(
        [*COMMAND, "mcp:serve", "--demo", "--http", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(env),
    ) as process:
        assert process.stdout is not None
        try:
            told = [process.stdout.readline().rstrip("\n") for _ in range(lines)]
            yield Served(process, told[0].removeprefix("KOSMO_MCP_URL="), told)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served({}, 2) as one:
        yield one


def suppressing(error: type[Exception], function: Callable[..., Any]) -> Callable[..., None]:
    """Return a function that calls another one, which may fail."""

    def call(*args: Any) -> None:
        with suppress(error):
            function(*args)

    return call


def called(url: str, token: str, name: str, arguments: dict[str, Any], mode: str, *, pid: int | None = None) -> Any:
    """Return the version of the protocol, the answer, and the processes of the server while the client is there."""

    async def ask() -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as one,
        ):
            answer = await one.call_tool(name, arguments)
            return one.protocol_version, answer, psutil.Process(pid).children(recursive=True)

    return asyncio.run(ask())


@pytest.mark.full
@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_whoever_has_the_token_is_served_in_a_version_of_the_protocol_with_sessions(server: Served, mode: str) -> None:
    spoken, answer, _ = called(server.url, server.token, "lua_run", {"code": "return 1 + 1"}, mode)
    assert (spoken, data(answer)) == ("2025-11-25", "2")


def test_a_client_without_a_session_is_told_which_versions_have_one(server: Served) -> None:
    async def ask() -> None:
        headers = {"Authorization": f"Bearer {server.token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http,
            Client(streamable_http_client(server.url, http_client=http), mode="2026-07-28") as one,
        ):
            with pytest.raises(MCPError, match="needs a version with sessions: 2025-11-25 or earlier") as caught:
                await one.call_tool("lua_run", {"code": "return 1"})
            assert caught.value.data["requested"] == "2026-07-28"
            assert caught.value.data["supported"][-1] == "2025-11-25"

    asyncio.run(ask())


@pytest.mark.claim("agents-state")
def test_clients_do_not_see_each_others_variables_and_take_them_along_when_they_leave(server: Served) -> None:
    code = {"code": "x = (x or 0) + 1 return x"}

    async def ask() -> list[str]:
        headers = {"Authorization": f"Bearer {server.token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http:
            transport = partial(streamable_http_client, server.url, http_client=http)
            async with Client(transport(), mode="legacy") as one, Client(transport(), mode="auto") as two:
                return [data(await client.call_tool("lua_run", code)) for client in (one, one, two, two, one)]

    assert asyncio.run(ask()) == ["1", "2", "1", "2", "3"]


@pytest.mark.full
def test_fifty_clients_and_their_ends_leave_no_process() -> None:
    async def ask(one: Served) -> set[psutil.Process]:
        started: set[psutil.Process] = set()
        headers = {"Authorization": f"Bearer {one.token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http:
            for number in range(50):
                async with Client(streamable_http_client(one.url, http_client=http), mode="legacy") as client:
                    assert data(await client.call_tool("lua_run", {"code": f"return {number}"})) == str(number)
                    started |= {*psutil.Process(one.process.pid).children(recursive=True)}
        return started

    with served({}, 2) as one:
        started = asyncio.run(ask(one))
        assert len(started) >= 50
        assert psutil.wait_procs(started, timeout=PATIENCE)[1] == []


@pytest.mark.claim("agents-http")
def test_whoever_does_not_have_it_is_turned_away(server: Served) -> None:
    for headers in ({}, {"Authorization": "Bearer guessed"}, {"Authorization": server.token}):
        answer = server.post(headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert "heroku" not in answer.text


@pytest.mark.claim("agents-http")
def test_a_page_of_another_host_is_turned_away_even_with_the_token(server: Served) -> None:
    port = server.url.rpartition(":")[2].partition("/")[0]
    assert server.post(server.with_token(Host="rebound.example.com")).status_code == 421
    assert server.post(server.with_token(Host=f"rebound.example.com:{port}")).status_code == 421
    assert server.post(server.with_token(Origin="https://rebound.example.com")).status_code == 403
    assert server.post(server.with_token(Origin="http://localhost:6274")).status_code == 403
    assert server.post(server.with_token(Host=f"localhost:{port}")).status_code not in (401, 403, 421)


@pytest.mark.claim("agents-http")
def test_only_this_machine_is_served_and_the_token_is_in_no_process_list(server: Served) -> None:
    process = psutil.Process(server.process.pid)
    assert {one.laddr.ip for one in process.net_connections("tcp") if one.status == "LISTEN"} == {"127.0.0.1"}
    assert server.token not in " ".join(process.cmdline())
    assert len(server.token) > 40


@pytest.mark.full
@pytest.mark.parametrize(("way", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_and_a_token_of_the_environment_is_not_printed(way: signal.Signals, code: int) -> None:
    with served({"KOSMO_MCP_TOKEN": TOKEN}, 1) as one:
        below = called(one.url, TOKEN, "lua_run", {"code": "return 1"}, "auto", pid=one.process.pid)[2]
        one.process.send_signal(way)
        printed, complaints = one.process.communicate(timeout=PATIENCE)
    assert (one.process.returncode, printed) == (code, "")
    assert complaints == "Serving MCP to this machine. Ctrl-C ends it.\n"
    assert below
    assert psutil.wait_procs(below, timeout=PATIENCE)[1] == []


@pytest.mark.full
@pytest.mark.parametrize("code", ["while true do end", "while true do heroku.list_apps() end"])
def test_a_signal_ends_it_soon_while_clients_wait_for_calls(code: str) -> None:
    with served({"KOSMO_MCP_TOKEN": TOKEN}, 1) as one:
        process = psutil.Process(one.process.pid)
        clients = [
            Thread(target=suppressing(Exception, called), args=(one.url, TOKEN, "lua_run", {"code": code}, "legacy"))
            for _ in range(2)
        ]
        for client in clients:
            client.start()
        while sum(child.cpu_times().user > BUSY_SECONDS for child in process.children(recursive=True)) < len(clients):
            assert one.process.poll() is None
            time.sleep(0.05)
        one.process.send_signal(signal.SIGTERM)
        sent = time.monotonic()
        _, complaints = one.process.communicate(timeout=PATIENCE)
        seconds = time.monotonic() - sent
        for client in clients:
            client.join()
    assert (one.process.returncode, complaints) == (0, "Serving MCP to this machine. Ctrl-C ends it.\n")
    assert seconds < 5 * SECONDS_TO_END


@pytest.mark.full
def test_a_token_that_could_be_guessed_is_turned_down() -> None:
    done = kosmo("mcp:serve", "--http", "127.0.0.1:0", env={"KOSMO_MCP_TOKEN": "abc"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: KOSMO_MCP_TOKEN must be 16 characters or more, without blanks.\n"


@pytest.mark.parametrize("address", ["8722", "0.0.0.0:8722", ":8722", "localhost:", "127.0.0.1:65536"])
def test_only_an_address_of_this_machine_is_listened_on(address: str) -> None:
    done = kosmo("mcp:serve", "--http", address)
    assert (done.returncode, done.stdout) == (2, "")
    limit = "at most 65535" if address.startswith("127") else "127.0.0.1:PORT, because only this machine is served"
    assert f"it takes {limit}, got '{address}'." in done.stderr


def test_a_port_that_is_taken_is_told(server: Served) -> None:
    port = server.url.rpartition(":")[2].partition("/")[0]
    done = kosmo("mcp:serve", "--http", f"127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "in use" in done.stderr


# The official inspector -------------------------------------------------------------------------------------------


@pytest.fixture
def inspector() -> Callable[..., Any]:
    executable = os.environ.get("OFFICIAL_MCP_INSPECTOR")
    if not executable:
        pytest.skip("OFFICIAL_MCP_INSPECTOR names no executable of the inspector")

    def ask(*args: str) -> Any:
        env = environment({"MCP_INSPECTOR_SECRET_STORE": "memory"})
        done = subprocess.run(
            [executable, "--cli", *args], capture_output=True, text=True, env=env, timeout=120, check=False
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)  # of a tool that failed as well, which has an exit code of its own

    return ask


def check_with(ask: Callable[..., Any]) -> None:
    tools = {tool["name"]: tool for tool in ask("--method", "tools/list")["tools"]}
    assert tools["lua_run"]["annotations"]["readOnlyHint"] is True
    call = ("--method", "tools/call", "--tool-name")
    assert ask(*call, "lua_run", "--tool-arg", "code=return 1 + 1")["content"][0]["text"].startswith("<data>\n2\n")
    wrong = ask(*call, "lua_run", "--tool-arg", "code=return heroku.get_app('no-such-app')")
    assert (wrong["isError"], "404" in wrong["content"][0]["text"]) == (True, True)


def test_the_official_inspector_starts_it_and_asks(inspector: Callable[..., Any], tmp_path: Path) -> None:
    env = {"PYTHONPATH": environment()["PYTHONPATH"]}
    entry = {"command": sys.executable, "args": [*COMMAND[1:], "mcp:serve", "--demo"], "env": env}
    settings = tmp_path / "inspected.json"
    settings.write_text(json.dumps({"mcpServers": {"kosmo": entry}}))
    check_with(partial(inspector, "--config", str(settings), "--server", "kosmo"))


def test_the_official_inspector_asks_it_on_a_port(inspector: Callable[..., Any], server: Served) -> None:
    header = f"Authorization: Bearer {server.token}"
    check_with(partial(inspector, "--transport", "http", "--server-url", server.url, "--header", header))
