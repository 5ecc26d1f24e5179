"""The Lua kernel as Jupyter starts it: a process of its own, spoken to over its sockets."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupyter_kernel_test  # type: ignore[import-untyped]
import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

ROOT = Path(__file__).parent.parent
NAME = "kosmo-lua"
PATIENCE = 30  # seconds; nothing waits that long unless it hangs

Content = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the kernels: a list of kernels with this one in it, and the demo as the default account."""
    folder = tmp_path_factory.mktemp("jupyter")
    (folder / "kernels" / NAME).mkdir(parents=True)
    shutil.copy(ROOT / "kernel.json", folder / "kernels" / NAME)
    values = {"JUPYTER_PATH": str(folder), "KOSMO_DEMO": "1", "PYTHONPATH": str(ROOT)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield values


@pytest.fixture(autouse=True)
def in_every_home(settings: dict[str, str], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - after the home is made
    """The same for kernels that a test starts itself."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@dataclass
class Kernel:
    """A kernel process and a client of it."""

    manager: KernelManager
    client: BlockingKernelClient

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.manager.provisioner.pid)  # type: ignore[union-attr] # a local one has a pid

    def reply(self, request: str, channel: str = "shell") -> Content:
        """The content of the reply to a request."""
        get = self.client.get_shell_msg if channel == "shell" else self.client.get_control_msg
        while True:
            message = get(timeout=PATIENCE)
            if message["parent_header"]["msg_id"] == request:
                return message["content"]  # type: ignore[no-any-return] # a message is JSON

    def broadcast(self, request: str) -> list[tuple[str, Content]]:
        """What was broadcast for a request between `busy` and `idle`."""
        found: list[tuple[str, Content]] = []
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["content"].get("execution_state") == "idle":
                return found[1:]
            found.append((message["msg_type"], message["content"]))

    def run(self, code: str, **options: Any) -> tuple[Content, list[tuple[str, Content]]]:
        """Run a cell: the content of its reply, and what it broadcast."""
        request = self.client.execute(code, **options)
        return self.reply(request), self.broadcast(request)

    def value(self, code: str) -> str:
        """The text of a cell's value."""
        _, messages = self.run(code)
        (shown,) = [content for kind, content in messages if kind == "execute_result"]
        return str(shown["data"]["text/plain"])

    def started(self, code: str) -> str:
        """Send a cell and wait until it has printed something; the request."""
        request = self.client.execute(code)
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == request:
                return str(request)

    def ask(self, kind: str, content: Content, channel: str = "shell") -> str:
        """Send a request that the client has no method for."""
        message = self.client.session.msg(kind, content)
        (self.client.shell_channel if channel == "shell" else self.client.control_channel).send(message)
        return str(message["header"]["msg_id"])


def start() -> Kernel:
    manager, client = start_new_kernel(kernel_name=NAME, startup_timeout=PATIENCE)
    return Kernel(manager, client)


def stop(kernel: Kernel) -> None:
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    running = start()
    yield running
    stop(running)


@pytest.fixture
def fresh() -> Iterator[Kernel]:
    running = start()
    yield running
    stop(running)


# What the kernel says of itself ------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_kernel_info_is_the_truth_on_both_channels(kernel: Kernel, channel: str) -> None:
    info = kernel.reply(kernel.ask("kernel_info_request", {}, channel), channel)
    assert (info["status"], info["protocol_version"], info["supported_features"]) == ("ok", "5.5", [])
    assert info["language_info"] == {
        "name": "lua",
        "version": "5.4",
        "mimetype": "text/x-lua",
        "file_extension": ".lua",
        "pygments_lexer": "lua",
        "codemirror_mode": "lua",
    }


def test_the_version_is_the_one_that_runs(kernel: Kernel) -> None:
    assert kernel.value("_VERSION") == "Lua 5.4"


# Cells -------------------------------------------------------------------------------------------------


def test_a_cell_is_broadcast_in_order_as_belonging_to_its_request(kernel: Kernel) -> None:
    reply, messages = kernel.run("print('hello') return 1 + 1")
    assert (reply["status"], reply["payload"], reply["user_expressions"]) == ("ok", [], {})
    assert [kind for kind, _ in messages] == ["execute_input", "stream", "execute_result"]
    assert {content.get("execution_count", reply["execution_count"]) for _, content in messages} == {
        reply["execution_count"]
    }


def test_ten_thousand_lines_arrive_complete_in_few_messages(kernel: Kernel) -> None:
    _, messages = kernel.run("for i = 1, 10000 do print(i) end")
    texts = [content["text"] for kind, content in messages if kind == "stream"]
    assert "".join(texts) == "".join(f"{i}\n" for i in range(1, 10_001))
    assert len(texts) <= 5


def test_only_stored_cells_are_counted(kernel: Kernel) -> None:
    before = kernel.run("1")[0]["execution_count"]
    unstored, messages = kernel.run("1", store_history=False)
    silent, nothing = kernel.run("print(1) return 1", silent=True)
    assert [unstored["execution_count"], silent["execution_count"]] == [before, before]
    assert [content["execution_count"] for _, content in messages] == [before, before]
    assert nothing == []
    assert kernel.run("1")[0]["execution_count"] == before + 1


A_WHILE = "local now = os.clock() repeat until os.clock() > now + 0.2"  # so that what is sent next has come


def test_an_error_aborts_the_cells_that_wait_behind_it(kernel: Kernel) -> None:
    requests = [kernel.client.execute(code) for code in (f"{A_WHILE} error('stop')", "a = 1", "a = 2", "a = 3")]
    assert [kernel.reply(request)["status"] for request in requests] == ["error", "aborted", "aborted", "aborted"]
    assert kernel.value("'after'") == "after"


def test_an_error_aborts_nothing_when_it_is_told_not_to(kernel: Kernel) -> None:
    requests = [kernel.client.execute(code, stop_on_error=False) for code in ("error('go on')", "a = 1")]
    assert [kernel.reply(request)["status"] for request in requests] == ["error", "ok"]


def test_io_read_asks_the_front_end(kernel: Kernel) -> None:
    request = kernel.client.execute("return io.read(), io.read('L'), io.read()", allow_stdin=True)
    for line in ("first", "second", "\x04"):
        asked = kernel.client.get_stdin_msg(timeout=PATIENCE)
        assert asked["content"] == {"prompt": "", "password": False}
        kernel.client.input(line)
    assert kernel.reply(request)["status"] == "ok"
    (shown,) = [content for kind, content in kernel.broadcast(request) if kind == "execute_result"]
    assert shown["data"]["text/plain"] == "first\tsecond\n\tnil"


def test_where_the_front_end_cannot_be_asked_the_input_is_at_its_end(kernel: Kernel) -> None:
    request = kernel.client.execute("return io.read()", allow_stdin=False)
    assert kernel.reply(request)["status"] == "ok"
    assert [content["data"] for kind, content in kernel.broadcast(request) if kind == "execute_result"] == [
        {"text/plain": "nil"}
    ]


# Other requests ----------------------------------------------------------------------------------------


def test_editing_requests_are_answered(kernel: Kernel) -> None:
    completion = kernel.reply(kernel.client.complete("string.re", 9))
    inspection = kernel.reply(kernel.client.inspect("string.rep", 10))
    completeness = kernel.reply(kernel.client.is_complete("for i = 1, 3 do"))
    assert (completion["status"], completion["matches"]) == ("ok", ["rep", "reverse"])
    assert (inspection["status"], inspection["found"]) == ("ok", True)
    assert completeness == {"status": "incomplete", "indent": "  "}


def test_comms_are_refused_by_the_protocol_s_own_words(kernel: Kernel) -> None:
    assert kernel.reply(kernel.ask("comm_info_request", {})) == {"status": "ok", "comms": {}}
    opened = kernel.ask("comm_open", {"comm_id": "c1", "target_name": "unheard.of", "data": {}})
    assert kernel.broadcast(opened) == [("comm_close", {"comm_id": "c1", "data": {}})]
    assert kernel.broadcast(kernel.ask("comm_msg", {"comm_id": "c1", "data": {}})) == []


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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to another process")
def test_a_signal_stops_a_loop_as_well(kernel: Kernel) -> None:
    request = kernel.started(ENDLESS)
    kernel.process.send_signal(signal.SIGINT)
    assert kernel.reply(request)["ename"] == "StoppedError"


def test_an_interrupt_between_cells_does_nothing(kernel: Kernel) -> None:
    client = kernel.client
    client.control_channel.send(client.session.msg("interrupt_request", {}))
    assert client.get_control_msg(timeout=30)["content"]["status"] == "ok"  # it came before the next cell was sent
    assert kernel.value("'fine'") == "fine"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to another process")
@pytest.mark.parametrize("cells", [60, pytest.param(600, marks=pytest.mark.full)])
def test_a_storm_of_signals_loses_no_reply(kernel: Kernel, cells: int) -> None:
    chance = random.Random(4)  # noqa: S311 - a row of numbers that is the same each time
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
def test_a_hundred_shutdowns_in_a_row_end_within_their_time() -> None:
    for number in range(100):
        running = start()
        if number % 2:
            running.client.execute("while true do end")
        running.client.shutdown()
        assert psutil.wait_procs([running.process], timeout=PATIENCE)[1] == []
        stop(running)


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
    running = start()
    try:
        for _ in range(2):
            reply, messages = running.run("1")
            assert (reply["status"], reply["ename"]) == ("error", "SettingsError")
            assert [kind for kind, _ in messages] == ["execute_input", "error"]
    finally:
        stop(running)


def test_a_notebooks_file_is_not_imported_in_place_of_a_module_of_pythons(tmp_path: Path) -> None:
    (tmp_path / "queue.py").write_text("raise ImportError('the wrong one')\n", encoding="utf-8")
    manager, client = start_new_kernel(kernel_name=NAME, startup_timeout=PATIENCE, cwd=str(tmp_path))
    running = Kernel(manager, client)
    try:
        assert running.value("'started'") == "started"
    finally:
        stop(running)


# Jupyter's own test kit --------------------------------------------------------------------------------


class TestKit(jupyter_kernel_test.KernelTests):  # type: ignore[misc] # the kit has no types
    """Every attribute of the kit that applies; what a cell clears is not there yet."""

    kernel_name = NAME
    language_name = "lua"
    file_extension = ".lua"
    code_hello_world = "print('hello, world')"
    code_stderr = "io.stderr:write('oh')"
    completion_samples = [  # noqa: RUF012 - as the kit declares it
        {"text": "string.re", "matches": {"rep", "reverse"}},
        {"text": "app.integrations.heroku.list_do", "matches": {"list_domains"}},
        {"text": "whil", "matches": {"while"}},
        {"text": "'no names here ", "matches": set()},
    ]
    complete_code_samples = ["1 + 1", "print(1)", "for i = 1, 3 do print(i) end", ""]  # noqa: RUF012 - as the kit declares it
    incomplete_code_samples = ["for i = 1, 3 do", "print(", "x = [[", "function f()"]  # noqa: RUF012 - as the kit declares it
    invalid_code_samples = ["x = = 1", "end", "for for"]  # noqa: RUF012 - as the kit declares it
    code_page_something = "string.rep?"
    code_clear_output = "display.clear()"
    code_generate_error = "error('as asked')"
    code_execute_result = [  # noqa: RUF012 - as the kit declares it
        {"code": "1 + 1", "result": "2"},
        {"code": "'ab' .. 'cd'", "result": "abcd"},
        {"code": "'pattern'", "result": "pattern"},
        {"code": "app.integrations.heroku.list_apps()", "mime": "text/html"},
    ]
    code_display_data = [{"code": "return 1, docs.read('heroku')", "mime": "text/markdown"}]  # noqa: RUF012 - as the kit declares it
    code_history_pattern = "'patt*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "string.format"


class TestKitWelcome(jupyter_kernel_test.IopubWelcomeTests):  # type: ignore[misc] # as above
    kernel_name = NAME
    support_iopub_welcome = True
