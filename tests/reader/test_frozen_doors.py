"""Texts that take for ever to read, at every door: ■, Ctrl-C, `--timeout` and SIGTERM end them, and others are served.

Each text keeps the reader busy for seconds, again and again, until half a minute of processor time is used up. The
waits here are far longer than what is promised, because the machine may be busy.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from full_matrix import full_except
from kernel_client import known_to_jupyter, running
from kosmo_command import COMMAND, environment
from patience import PATIENCE

from kosmo_kernel.errors import LimitError, StoppedError
from kosmo_kernel.reader import reading
from kosmo_kernel.session import Session

BLANKS = r"('\u{a0}'):rep(1000000)"  # nh3 takes quadratic time for them
TEXTS = {
    "html": f"pcall(display.html, {BLANKS})",
    "markdown": f"pcall(display.markdown, 'a' .. {BLANKS} .. 'a')",  # blanks at an edge are dropped
    "regex": "pcall(regex.match, ('a'):rep(60) .. 'b', '(a|aa)+$')",
}
ENDLESS = {name: f"print('begun') io.stdout:flush() while true do {call} end" for name, call in TEXTS.items()}
each_text = pytest.mark.parametrize("code", full_except(ENDLESS.values(), ENDLESS["html"]), ids=ENDLESS)


def wait_until_it_reads(process: psutil.Process) -> psutil.Process:
    """Wait until the reader of a process has been busy for a moment."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for child in process.children(recursive=True):
            try:
                if "kosmo_kernel.reader import main" in " ".join(child.cmdline()) and child.cpu_times().user > 0.2:
                    return child
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.02)
    raise AssertionError("nothing is read")


@contextmanager
def command(*args: str) -> Iterator[subprocess.Popen[str]]:
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*COMMAND, *args], env=environment(), **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.claim("reader-process")
@each_text
def test_the_square_button_ends_a_cell_of_the_kernel_and_the_next_works(code: str, tmp_path: Path) -> None:
    with known_to_jupyter(tmp_path), running() as kernel:
        kernel.run("kept = 1")
        request = kernel.started(code)
        wait_until_it_reads(kernel.process)
        kernel.manager.interrupt_kernel()
        assert kernel.reply(request)["ename"] == "StoppedError"  # otherwise it would be a limit's error
        assert kernel.value("kept") == "1"


@each_text
@pytest.mark.parametrize(("way", "code_of_exit"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_ends_a_command(code: str, way: signal.Signals, code_of_exit: int) -> None:
    with command("lua", "--demo", "-e", code) as process:
        reader = wait_until_it_reads(psutil.Process(process.pid))
        process.send_signal(way)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == code_of_exit
        reader.wait(PATIENCE)


@pytest.mark.claim("parent-settings")
@pytest.mark.parametrize(("way", "code_of_exit"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_ends_a_command_that_reads_a_long_file(way: signal.Signals, code_of_exit: int, tmp_path: Path) -> None:
    file = tmp_path / "accepted.toml"
    file.write_text(f"a = [{'1,' * 2_000_000}]", encoding="utf-8")
    with command("check", "crashed-dynos", "--demo", "--accept", str(file)) as process:
        reader = wait_until_it_reads(psutil.Process(process.pid))
        process.send_signal(way)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == code_of_exit
        reader.wait(PATIENCE)


@pytest.mark.parametrize("name", full_except(TEXTS, "html", "regex"))
def test_a_timeout_ends_a_run(name: str) -> None:
    with Session("demo") as session, pytest.raises(LimitError) as caught:
        session.run(ENDLESS[name], timeout=0.5)
    assert caught.value.limit == "timeout"
    reading.close()


@pytest.mark.parametrize("name", full_except(TEXTS, "html", "regex"))
def test_a_run_cannot_read_longer_than_lua_may_run(name: str) -> None:
    with Session("demo", cpu_limit=0.3) as session:
        with pytest.raises(LimitError) as caught:
            session.run(ENDLESS[name])
        assert caught.value.limit == "cpu_limit"
        assert session.run("return 1").values == [1]


@pytest.mark.full
def test_a_client_of_the_server_for_agents_is_served_while_another_is_read_and_a_signal_ends_it() -> None:
    pytest.importorskip("mcp")
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def calls(url: str, token: str, process: subprocess.Popen[str]) -> list[str]:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http,
            Client(streamable_http_client(url, http_client=http), mode="auto") as first,
            Client(streamable_http_client(url, http_client=http), mode="auto") as second,
        ):
            endless = asyncio.create_task(first.call_tool("lua_run", {"code": ENDLESS["html"]}))
            await asyncio.to_thread(wait_until_it_reads, psutil.Process(process.pid))
            answers = [
                await asyncio.wait_for(second.call_tool("lua_run", {"code": f"return {number}"}), PATIENCE)
                for number in range(3)
            ]
            assert not endless.done()
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait, PATIENCE)
            endless.cancel()
            return [str(answer.content[0]) for answer in answers]

    with command("mcp:serve", "--demo", "--http", "127.0.0.1:0") as process:
        assert process.stdout is not None
        url, token = (process.stdout.readline().strip().partition("=")[2] for _ in range(2))
        answers: list[str] = []
        try:
            answers = asyncio.run(calls(url, token, process))
        except BaseExceptionGroup:
            assert process.wait(PATIENCE) == 0  # the server's end is also the end of its connections
        assert process.returncode == 0
        assert all(str(number) in answer for number, answer in enumerate(answers))


def test_an_interrupt_ends_a_run_of_python() -> None:
    with Session("demo") as session:
        process = psutil.Process()

        def stop() -> None:
            wait_until_it_reads(process)
            session.interrupt()

        stopper = threading.Thread(target=stop)
        stopper.start()
        with pytest.raises(StoppedError):
            session.run(ENDLESS["html"])
        stopper.join()
        assert session.run("return 1").values == [1]
