"""The magics in a real IPython kernel, spoken to as a front end does."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import nbformat
import pytest
from kernel_client import Content, Kernel, python_running
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from patience import PATIENCE
from repository import ROOT


def executed(
    kernel: Kernel,
    cell: str,
    *,
    on_input: Callable[[], None] | None = None,
    on_stream: Callable[[], None] | None = None,
) -> tuple[Content, dict[str, Content]]:
    """Return the reply's content, and the content of what a cell broadcast, by kind of message."""
    messages: dict[str, Content] = {}

    def answer(_request: Content) -> None:
        assert on_input is not None
        on_input()

    def note(message: Content) -> None:
        messages[message["msg_type"]] = message["content"]
        if on_stream and message["msg_type"] == "stream":
            on_stream()

    reply = kernel.client.execute_interactive(
        cell,
        allow_stdin=on_input is not None,
        stdin_hook=answer,
        output_hook=note,
        timeout=PATIENCE,
    )
    return reply["content"], messages


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    """Yield a kernel with the extension and the demo account."""
    with python_running() as one:
        yield one


def test_a_kernel_shows_a_table_under_its_number(kernel: Kernel) -> None:
    reply, messages = executed(kernel, "%%kosmo_lua\nprint('apps')\napp.integrations.heroku.demo.list_apps()")
    assert reply["status"] == "ok"
    assert messages["stream"] == {"name": "stdout", "text": "apps\n"}
    assert set(messages["execute_result"]["data"]) == {"text/plain", "text/html"}
    assert messages["execute_result"]["execution_count"] == reply["execution_count"]


def test_a_kernel_reports_the_error_with_its_lines(kernel: Kernel) -> None:
    reply, messages = executed(kernel, "%%kosmo_lua\nlocal t = nil\nreturn t.name")
    place = f"In[{reply['execution_count']}]:3"
    assert (reply["status"], reply["ename"]) == ("error", "LuaRuntimeError")
    assert reply["evalue"] == f"{place}: attempt to index a nil value (local 't')"
    assert messages["error"]["traceback"] == [
        f"\x1b[31mLuaRuntimeError\x1b[0m: {reply['evalue']}",
        "      2 local t = nil",
        "\x1b[32m----> 3\x1b[0m \x1b[1mreturn t.name\x1b[0m",
    ]


def test_a_frame_goes_in_and_comes_out_and_is_shown(kernel: Kernel) -> None:
    executed(kernel, "import pandas as pd\nframe = pd.DataFrame({'name': ['a', 'b'], 'size': [1, None]})")
    cell = "%%kosmo_lua -i rows=frame -o rows -v first --show\nrows[1].size = 7\nrows[1]"
    _, messages = executed(kernel, cell)
    assert messages["execute_result"]["data"]["text/plain"] == "name  a\nsize  7"
    _, messages = executed(kernel, "rows['size'].tolist(), first['name']")
    assert messages["execute_result"]["data"] == {"text/plain": "([7, <NA>], 'a')"}


def test_io_read_asks_in_the_front_end(kernel: Kernel) -> None:
    reply, messages = executed(
        kernel, "%%kosmo_lua\nio.write('Name? ')\nreturn io.read()", on_input=lambda: kernel.client.input("my-app")
    )
    assert reply["status"] == "ok"
    assert messages["execute_result"]["data"] == {"text/plain": "'my-app'"}


def test_io_read_is_at_its_end_where_nobody_can_answer(kernel: Kernel) -> None:
    _, messages = executed(kernel, "%%kosmo_lua\nreturn io.read() == nil")
    assert messages["execute_result"]["data"] == {"text/plain": "True"}


def test_an_interrupt_stops_lua_and_keeps_its_variables(kernel: Kernel) -> None:
    reply, _ = executed(
        kernel,
        "%%kosmo_lua\nkept = 1\nprint('runs')\nwhile true do pcall(function() while true do end end) end",
        on_stream=kernel.manager.interrupt_kernel,
    )
    assert (reply["status"], reply["ename"]) == ("error", "StoppedError")
    assert len(reply["traceback"]) <= 4
    _, messages = executed(kernel, "%kosmo_lua kept")
    assert messages["execute_result"]["data"] == {"text/plain": "1"}


def test_an_interrupt_stops_a_question_that_nobody_answers(kernel: Kernel) -> None:
    reply, _ = executed(kernel, "%%kosmo_lua\nreturn io.read()", on_input=kernel.manager.interrupt_kernel)
    assert (reply["status"], reply["ename"]) == ("error", "StoppedError")


def test_running_a_notebook_stops_at_the_error() -> None:
    cells = ["%load_ext kosmo_kernel", "%%kosmo_lua\nerror('not today')", "%%kosmo_lua\nprint('too far')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}})
    with pytest.raises(CellExecutionError, match=r"LuaRuntimeError.*: In\[2\]:2: not today"):
        client.execute()
    assert [cell.outputs for cell in notebook.cells[2:]] == [[]]
