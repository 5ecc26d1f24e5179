"""The Lua kernel as Jupyter starts it: a process of its own, spoken to over its sockets."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest
from jupyter_client.manager import KernelManager
from kernel_client import NAME, Kernel, known_to_jupyter
from patience import PATIENCE

pytestmark = pytest.mark.usefixtures("kernel_list")


# What the kernel says of itself ------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_kernel_info_is_the_truth_on_both_channels(kernel: Kernel, channel: str) -> None:
    info = kernel.reply(kernel.ask("kernel_info_request", {}, channel), channel)
    assert (info["status"], info["protocol_version"], info["supported_features"]) == ("ok", "5.5", ["kernel subshells"])
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


def test_lua_starts_while_the_kernel_waits_for_its_first_request(tmp_path: Path) -> None:
    with known_to_jupyter(tmp_path):
        manager = KernelManager(kernel_name=NAME)
        manager.start_kernel()
        try:
            kernel = psutil.Process(manager.provisioner.pid)  # type: ignore[union-attr] # a local one has a pid
            end = time.monotonic() + PATIENCE
            while not any("lua.worker" in " ".join(child.cmdline()) for child in kernel.children()):
                assert time.monotonic() < end
                time.sleep(0.01)
        finally:
            manager.shutdown_kernel(now=True)


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


A_WHILE = "local now = os.clock() repeat until os.clock() > now + 0.2"  # so that what was sent before has come


def test_an_error_aborts_the_cells_that_wait_behind_it(kernel: Kernel) -> None:
    first = kernel.client.execute(f"io.read() {A_WHILE} error('stop')", allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=PATIENCE)
    requests = [first, *(kernel.client.execute(code) for code in ("a = 1", "a = 2", "a = 3"))]
    kernel.client.input("go on")
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


# Other requests ----------------------------------------------------------------------------------------


def test_editing_requests_are_answered(kernel: Kernel) -> None:
    completion = kernel.reply(kernel.client.complete("string.re", 9))
    inspection = kernel.reply(kernel.client.inspect("string.rep", 10))
    completeness = kernel.reply(kernel.client.is_complete("for i = 1, 3 do"))
    assert (completion["status"], completion["matches"]) == ("ok", ["rep", "reverse"])
    assert (inspection["status"], inspection["found"]) == ("ok", True)
    assert completeness == {"status": "incomplete", "indent": "  "}
