"""What the Lua kernel answers while a cell runs: completions, inspections and widgets, also through subshells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from kernel_client import Kernel
from patience import PATIENCE

pytestmark = pytest.mark.usefixtures("kernel_list")

WAITS = "io.write('on') io.stdout:write('\\n') while not stop do end"


@pytest.fixture
def running(kernel: Kernel) -> Iterator[str]:
    """Yield the id of a cell that runs until it is interrupted."""
    cell = kernel.started(WAITS)
    yield cell
    kernel.manager.interrupt_kernel()
    assert kernel.reply(cell)["ename"] == "StoppedError"


def send(kernel: Kernel, kind: str, content: dict[str, Any], subshell: str = "") -> str:
    """Send a request on the shell channel and return its id."""
    message = kernel.client.session.msg(kind, content)
    if subshell:
        message["header"]["subshell_id"] = subshell
    kernel.client.shell_channel.send(message)
    return str(message["header"]["msg_id"])


def states(kernel: Kernel, request: str) -> list[str]:
    """Return the states that were broadcast for a request until it is idle."""
    found: list[str] = []
    while found[-1:] != ["idle"]:
        message = kernel.client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "status" and message["parent_header"].get("msg_id") == request:
            found.append(message["content"]["execution_state"])
    return found


@pytest.mark.parametrize("subshell", ["", "one"])
@pytest.mark.parametrize(
    ("kind", "content", "answer"),
    [
        (
            "complete_request",
            {"code": "heroku.list_dyn", "cursor_pos": 15},
            {"matches": ["list_dyno_sizes", "list_dynos"]},
        ),
        ("inspect_request", {"code": "heroku.list_dynos", "cursor_pos": 17, "detail_level": 0}, {"found": True}),
        ("is_complete_request", {"code": "return 1"}, {"status": "unknown"}),
        ("comm_info_request", {}, {"status": "ok"}),
        ("kernel_info_request", {}, {"supported_features": ["kernel subshells"]}),
    ],
)
def test_a_request_that_needs_no_lua_is_answered_while_a_cell_runs(  # noqa: PLR0917
    kernel: Kernel, running: str, kind: str, content: dict[str, Any], answer: dict[str, Any], subshell: str
) -> None:
    reply = kernel.reply(send(kernel, kind, content, subshell))

    assert {key: reply[key] for key in answer} == answer


def test_the_kernel_stays_busy_until_the_cell_ends(kernel: Kernel) -> None:
    cell = kernel.started(WAITS)
    completion = send(kernel, "complete_request", {"code": "prin", "cursor_pos": 4})
    kernel.reply(completion)
    kernel.manager.interrupt_kernel()

    order: list[tuple[str, str]] = []
    while len(order) < 3:
        message = kernel.client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "status" and message["parent_header"].get("msg_id") in (cell, completion):
            order.append((message["parent_header"]["msg_id"], message["content"]["execution_state"]))

    assert order == [(cell, "idle"), (completion, "busy"), (completion, "idle")]


def test_a_request_to_a_subshell_has_its_states_at_once(kernel: Kernel, running: str) -> None:
    request = send(kernel, "complete_request", {"code": "prin", "cursor_pos": 4}, "one")

    assert states(kernel, request) == ["busy", "idle"]


def test_a_cell_that_is_sent_meanwhile_waits_and_then_runs(kernel: Kernel) -> None:
    cell = kernel.started(
        "io.write('on') io.stdout:write('\\n') local t = os.clock() while os.clock() - t < 0.3 do end"
    )
    second = send(kernel, "execute_request", {"code": "return 1 + 1", "silent": False}, "one")
    completion = send(kernel, "complete_request", {"code": "prin", "cursor_pos": 4})

    assert [kernel.reply(one)["status"] for one in (completion, cell, second)] == ["ok", "ok", "ok"]


def test_a_failing_cell_aborts_what_was_sent_meanwhile(kernel: Kernel) -> None:
    failing = kernel.started(
        "io.write('on') io.stdout:write('\\n') local t = os.clock() while os.clock() - t < 0.3 do end error('x')"
    )
    second = send(kernel, "execute_request", {"code": "return 1", "silent": False})
    completion = send(kernel, "complete_request", {"code": "prin", "cursor_pos": 4})

    assert [kernel.reply(one)["status"] for one in (completion, failing, second)] == ["ok", "error", "aborted"]


def test_subshells_are_made_listed_and_deleted(kernel: Kernel) -> None:
    made = kernel.asked("create_subshell_request", {}, "control")["subshell_id"]
    assert kernel.asked("list_subshell_request", {}, "control")["subshell_id"] == [made]

    kernel.asked("delete_subshell_request", {"subshell_id": made}, "control")
    assert kernel.asked("list_subshell_request", {}, "control")["subshell_id"] == []
    assert kernel.asked("delete_subshell_request", {"subshell_id": made}, "control")["status"] == "error"


@pytest.mark.full
def test_no_reply_is_lost_in_600_interrupts_with_subshells_in_use(kernel: Kernel) -> None:
    for number in range(600):
        cell = kernel.started(WAITS)
        time.sleep(0.0005 * (number % 60))  # the moment of the interrupt is what varies
        requests = [
            send(kernel, "complete_request", {"code": "heroku.", "cursor_pos": 7}, "one" * (number % 2)),
            send(kernel, "inspect_request", {"code": "print", "cursor_pos": 5, "detail_level": 0}),
        ]
        kernel.manager.interrupt_kernel()
        replies = {cell: "error"} | dict.fromkeys(requests, "ok")
        while replies:
            message = kernel.client.get_shell_msg(timeout=PATIENCE)
            assert message["content"]["status"] == replies.pop(message["parent_header"]["msg_id"])
    assert kernel.value("1 + 1") == "2"
