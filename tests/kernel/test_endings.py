"""Test how cells of the Lua kernel are stopped, and how the kernel ends: always, soon, and with all that it started."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from jupyter_client.manager import KernelManager
from kernel_client import NAME, Kernel, running
from patience import PATIENCE

pytestmark = pytest.mark.usefixtures("kernel_list")


@pytest.fixture
def fresh() -> Iterator[Kernel]:
    with running() as one:
        yield one


# Interrupts --------------------------------------------------------------------------------------------

ENDLESS = "io.write('on') io.stdout:write('\\n') while true do pcall(function() while true do end end) end"


def test_an_interrupt_request_stops_a_loop_and_variables_stay(kernel: Kernel) -> None:
    kernel.run("kept = 'kept'")
    request = kernel.started(ENDLESS)
    kernel.manager.interrupt_kernel()
    assert kernel.reply(request)["ename"] == "StoppedError"
    assert kernel.value("kept") == "kept"


def test_an_interrupt_request_ends_a_wait_for_input(kernel: Kernel) -> None:
    request = kernel.client.execute("io.read()", allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=PATIENCE)
    kernel.manager.interrupt_kernel()
    assert kernel.reply(request)["ename"] == "StoppedError"
    assert kernel.value("1") == "1"


def test_an_interrupt_stops_the_first_cell_while_it_still_makes_the_session() -> None:
    manager = KernelManager(kernel_name=NAME)
    manager.start_kernel()
    one = Kernel(manager, manager.client())
    one.client.start_channels()
    try:
        one.asked("kernel_info_request", {}, "control")  # to the shell it would have Lua started
        while one.client.get_iopub_msg(timeout=PATIENCE)["msg_type"] != "iopub_welcome":
            pass
        request = one.client.execute(ENDLESS)
        while one.client.get_iopub_msg(timeout=PATIENCE)["msg_type"] != "execute_input":
            pass
        one.asked("interrupt_request", {}, "control")
        assert one.reply(request)["ename"] == "StoppedError"
    finally:
        one.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to another process")
def test_a_signal_stops_a_loop_as_well(kernel: Kernel) -> None:
    request = kernel.started(ENDLESS)
    kernel.process.send_signal(signal.SIGINT)
    assert kernel.reply(request)["ename"] == "StoppedError"


def test_what_is_stuck_in_one_step_ends_with_its_process_and_the_next_cell_works(kernel: Kernel) -> None:
    request = kernel.started("print('on') io.stdout:flush() return ('a'):rep(30000):find('.-.-.-.-b')")
    kernel.manager.interrupt_kernel()
    reply = kernel.reply(request)
    assert (reply["ename"], "variables are gone" in reply["evalue"]) == ("StoppedError", True)
    assert kernel.value("'fine'") == "fine"


def test_an_interrupt_between_cells_does_nothing(kernel: Kernel) -> None:
    client = kernel.client
    client.control_channel.send(client.session.msg("interrupt_request", {}))
    reply = client.get_control_msg(timeout=PATIENCE)  # before the next cell is sent
    assert reply["content"]["status"] == "ok"
    assert kernel.value("'fine'") == "fine"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to another process")
@pytest.mark.parametrize("cells", [60, pytest.param(600, marks=pytest.mark.full)])
def test_a_storm_of_signals_loses_no_reply(kernel: Kernel, cells: int) -> None:
    chance = random.Random(4)
    outcomes = []
    for number in range(cells):
        request = kernel.client.execute(f"local sum = 0 for i = 1, 2000 do sum = sum + i end return {number}")
        due = time.perf_counter() + chance.uniform(0, 0.004)
        while time.perf_counter() < due:
            pass
        os.kill(kernel.process.pid, signal.SIGINT)
        outcomes.append(kernel.reply(request).get("ename", "ok"))
    assert set(outcomes) <= {"ok", "StoppedError"}
    assert len(outcomes) == cells
    assert kernel.value("'alive'") == "alive"


# Endings -----------------------------------------------------------------------------------------------


def family(kernel: Kernel) -> list[psutil.Process]:
    kernel.run("1")
    found = [kernel.process, *kernel.process.children(recursive=True)]
    assert len(found) == 2
    return found


def test_a_shutdown_leaves_nothing_running(fresh: Kernel) -> None:
    processes = family(fresh)
    fresh.client.shutdown()
    assert psutil.wait_procs(processes, timeout=PATIENCE)[1] == []


def test_a_shutdown_ends_a_cell_that_still_runs(fresh: Kernel) -> None:
    processes = family(fresh)
    fresh.started(ENDLESS)
    fresh.client.shutdown()
    assert psutil.wait_procs(processes, timeout=PATIENCE)[1] == []


def test_a_shutdown_ends_a_cell_that_has_only_been_sent(fresh: Kernel) -> None:
    processes = [fresh.process, *fresh.process.children(recursive=True)]
    fresh.client.execute("while true do end")
    fresh.client.shutdown()
    assert psutil.wait_procs(processes, timeout=PATIENCE)[1] == []


@pytest.mark.full
def test_two_hundred_shutdowns_in_a_row_each_end() -> None:
    for number in range(200):
        with running() as one:
            if number % 2:
                one.client.execute("while true do end")
            processes = [one.process, *one.process.children(recursive=True)]
            one.client.shutdown()
            assert psutil.wait_procs(processes, timeout=PATIENCE)[1] == []


@pytest.mark.full
def test_a_hundred_restarts_in_a_row_each_begin_anew(fresh: Kernel) -> None:
    for number in range(100):
        code = "return before" if number % 3 else "while true do end"
        fresh.started(code, "execute_input")  # what a client has not sent yet it sends to the kernel's successor
        before = fresh.process
        fresh.manager.restart_kernel()
        fresh.client.wait_for_ready(timeout=PATIENCE)
        assert not before.is_running()
        assert fresh.run("before = 1")[0]["execution_count"] == 1


@pytest.mark.full
def test_a_kernel_that_is_killed_takes_its_lua_with_it(fresh: Kernel) -> None:
    processes = family(fresh)
    fresh.process.kill()
    assert psutil.wait_procs(processes, timeout=PATIENCE)[1] == []


def test_a_restart_begins_with_new_variables(fresh: Kernel) -> None:
    fresh.run("old = 1")
    fresh.manager.restart_kernel()
    fresh.client.wait_for_ready(timeout=PATIENCE)
    assert fresh.run("return old")[0]["execution_count"] == 1
    assert fresh.value("old") == "nil"


def test_where_lua_cannot_start_each_cell_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_MEMORY_LIMIT", "plenty")
    with running() as one:
        for _ in range(2):
            reply, messages = one.run("1")
            assert (reply["status"], reply["ename"]) == ("error", "SettingsError")
            assert [kind for kind, _ in messages] == ["execute_input", "error"]


def test_a_notebooks_file_is_not_imported_in_place_of_a_module_of_pythons(tmp_path: Path) -> None:
    (tmp_path / "queue.py").write_text("raise ImportError('the wrong one')\n", encoding="utf-8")
    with running(cwd=str(tmp_path)) as one:
        assert one.value("'started'") == "started"


LAUNCHER = """
import sys, time
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="kosmo-lua")
client.execute_interactive("1", output_hook=lambda _: None)
print(manager.provisioner.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.full
@pytest.mark.skipif(sys.platform == "win32", reason="there a process does not know that it has lost its parent")
def test_a_kernel_ends_with_whoever_started_it() -> None:
    with subprocess.Popen([sys.executable, "-c", LAUNCHER], stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        kernel = psutil.Process(int(launcher.stdout.readline()))
        processes = [kernel, *kernel.children(recursive=True)]
        launcher.kill()
    assert len(processes) == 2
    assert psutil.wait_procs(processes, timeout=PATIENCE)[1] == []


def test_nothing_is_written_to_the_streams_of_whoever_starts_kernels() -> None:
    with running(stdout=subprocess.PIPE, stderr=subprocess.PIPE) as one:
        one.run("print('to the notebook') io.stderr:write('as well') error('and this')")
        process = one.manager.provisioner.process  # type: ignore[union-attr] # a local one has a process
        assert process is not None
        with process.stdout, process.stderr:
            one.client.shutdown()
            assert process.wait(PATIENCE) == 0
            assert (process.stdout.read(), process.stderr.read()) == (b"", b"")


@pytest.mark.parametrize("connection", ["{", "[]"])
def test_a_kernel_that_cannot_start_says_why(tmp_path: Path, connection: str) -> None:
    (tmp_path / "kernel.json").write_text(connection, encoding="utf-8")
    command = [sys.executable, "-m", "kosmo_kernel.kernel", "-f", str(tmp_path / "kernel.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The kernel cannot start: ")


def test_a_kernel_whose_port_is_taken_says_so_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = dict.fromkeys(("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"), 0)
        ports["shell_port"] = taken.getsockname()[1]
        settings = {"transport": "tcp", "ip": "127.0.0.1", "key": "k", "signature_scheme": "hmac-sha256", **ports}
        (tmp_path / "kernel.json").write_text(json.dumps(settings), encoding="utf-8")
        command = [sys.executable, "-m", "kosmo_kernel.kernel", "-f", str(tmp_path / "kernel.json")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"The kernel cannot start: Address already in use.*\n", done.stderr)
