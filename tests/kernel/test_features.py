"""Test what Jupyter's protocol offers beyond running cells, one by one, from a real kernel process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from kernel_client import NAME, Kernel, Message, running
from patience import PATIENCE

pytestmark = pytest.mark.usefixtures("kernel_list")


def data(messages: list[Message]) -> list[tuple[str, dict[str, Any]]]:
    """Return the kinds and MIME bundles of what was shown."""
    return [(kind, content["data"]) for kind, content in messages if "data" in content]


# What the kernel claims --------------------------------------------------------------------------------


def test_it_says_where_help_is_and_greets(kernel: Kernel) -> None:
    info = kernel.asked("kernel_info_request", {})
    assert (info["implementation"], info["banner"].split(",")[0]) == ("kosmo_kernel", "Lua 5.4")
    assert all(link["url"].startswith("https://") and link["text"] for link in info["help_links"])


@pytest.mark.parametrize("kind", ["debug", "unheard_of"])
def test_what_it_does_not_claim_is_refused_and_nobody_waits(kernel: Kernel, kind: str) -> None:
    reply = kernel.asked(f"{kind}_request", {"type": "request", "command": "debugInfo"}, "control")
    assert (reply["status"], reply["ename"]) == ("error", "NotImplementedError")


def test_it_says_who_it_is_while_a_cell_runs(kernel: Kernel) -> None:
    request = kernel.started("print('on') while true do end")
    assert kernel.asked("kernel_info_request", {}, "control")["status"] == "ok"
    kernel.manager.interrupt_kernel()
    assert kernel.reply(request)["ename"] == "StoppedError"


def test_it_says_what_it_uses_with_its_lua(kernel: Kernel) -> None:
    told = kernel.asked("usage_request", {}, "control")
    assert (told["status"], told["pid"]) == ("ok", kernel.process.pid)
    if sys.platform == "linux":
        assert 5 << 20 < told["kernel_memory"] < 100 << 20
        assert told["kernel_cpu"] >= 0
        assert 0 < told["host_virtual_memory"]["available"] <= told["host_virtual_memory"]["total"]


def test_it_says_on_which_ports_it_listens(kernel: Kernel) -> None:
    told = kernel.asked("connect_request", {})
    client = kernel.client
    assert {name: told[name] for name in ("shell_port", "iopub_port")} == {
        "shell_port": client.shell_port,
        "iopub_port": client.iopub_port,
    }


# Values and streams ------------------------------------------------------------------------------------


def test_a_larger_table_folds(kernel: Kernel) -> None:
    ((_, bundle),) = data(kernel.shown("{ list = { ('x'):rep(60), ('y'):rep(60) } }"))
    assert bundle["text/plain"].startswith("{\n  list: [\n")
    assert "<details open>" in bundle["text/html"]


def test_what_a_long_cell_prints_is_seen_while_it_runs(kernel: Kernel) -> None:
    request = kernel.started("print('early') while true do end")
    kernel.manager.interrupt_kernel()
    assert kernel.reply(request)["ename"] == "StoppedError"  # and it had not come to its limit before


def test_the_two_streams_keep_their_order_and_a_line_can_be_written_over(kernel: Kernel) -> None:
    code = "io.write('10%\\r') io.write('20%\\r') io.stderr:write('oh\\n') print('done')"
    assert kernel.shown(code) == [
        ("stream", {"name": "stdout", "text": "10%\r20%\r"}),
        ("stream", {"name": "stderr", "text": "oh\n"}),
        ("stream", {"name": "stdout", "text": "done\n"}),
    ]


def test_very_much_output_is_cut_with_a_note(kernel: Kernel) -> None:
    streams = [content for kind, content in kernel.shown("for i = 1, 30000 do print(i) end") if kind == "stream"]
    printed = "".join(content["text"] for content in streams if content["name"] == "stdout")
    assert printed == "".join(f"{i}\n" for i in range(1, 20_001))
    assert "the output is cut here" in streams[-1]["text"]


def test_a_failed_cell_says_where_and_by_what_way(kernel: Kernel) -> None:
    reply, messages = kernel.run("local function f(x)\n  return x.y\nend\nlocal function g() f() return 1 end\ng()")
    number = reply["execution_count"]
    kind, content = messages[-1]
    assert (kind, content["ename"]) == ("error", "LuaRuntimeError")
    assert content["evalue"] == f"In[{number}]:2: attempt to index a nil value (local 'x')"
    assert "\n".join(content["traceback"][-4:]) == (
        f"stack traceback:\n      In[{number}]:2: in function 'f'\n"
        f"      In[{number}]:4: in function 'g'\n      In[{number}]:5: in the cell"
    )
    assert any("----> 2" in line and "return x.y" in line for line in content["traceback"])


def test_what_heroku_refused_has_its_request_id(kernel: Kernel) -> None:
    content = kernel.run("app.integrations.heroku.get_app('nobodys-app')")[1][-1][1]
    assert content["ename"] == "RefusedError"
    assert content["traceback"][-1].startswith("Request id: ")


def test_user_expressions_are_shown_as_cells_would(kernel: Kernel) -> None:
    answers = kernel.run("n = 2", user_expressions={"all": "n, n + 1", "bad": "n.x.y"})[0]["user_expressions"]
    assert answers["all"] == {"status": "ok", "data": {"text/plain": "2\t3"}, "metadata": {}}
    assert (answers["bad"]["status"], answers["bad"]["ename"]) == ("error", "LuaRuntimeError")


# Displays ----------------------------------------------------------------------------------------------

SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><circle r='4'/></svg>"


@pytest.mark.parametrize(
    ("code", "mime"),
    [
        ("display.html('<b>x</b>')", "text/html"),
        ("display.markdown('*x*')", "text/html"),
        ("display.json({ a = 1 })", "application/json"),
        (f'display.svg("{SVG}")', "text/html"),
        ("display(app.integrations.heroku.demo.list_apps())", "text/html"),
        ("display({ ('x'):rep(90) })", "text/html"),
    ],
)
def test_lua_shows_more_than_text(kernel: Kernel, code: str, mime: str) -> None:
    ((kind, bundle),) = data(kernel.shown(code))
    assert (kind, mime in bundle, "text/plain" in bundle) == ("display_data", True, True)


def test_what_is_shown_under_an_id_can_be_shown_anew(kernel: Kernel) -> None:
    messages = kernel.shown("display('a', { id = 'one' }) display.update('one', 'b') display.clear()")
    assert [kind for kind, _ in messages] == ["display_data", "update_display_data", "clear_output"]
    assert [content["transient"] for _, content in messages[:2]] == [{"display_id": "lua:one"}] * 2
    assert messages[2][1] == {"wait": False}


# Questions ---------------------------------------------------------------------------------------------


def test_a_question_opens_the_pager(kernel: Kernel) -> None:
    (page,) = kernel.run("string.rep?")[0]["payload"]
    assert (page["source"], page["start"], sorted(page["data"])) == ("page", 0, ["text/markdown", "text/plain"])


def test_completion_has_types_and_counts_characters(kernel: Kernel) -> None:
    found = kernel.reply(kernel.client.complete("x = '🙂é' string.rever", 21))
    assert (found["matches"], found["cursor_start"], found["cursor_end"]) == (["reverse"], 16, 21)
    (told,) = found["metadata"]["_jupyter_types_experimental"]
    assert (told["text"], told["type"], told["start"], told["end"]) == ("reverse", "function", 16, 21)


def test_inspection_shows_the_source_when_asked_for_more(kernel: Kernel) -> None:
    kernel.run("-- three times as much\nfunction thrice(n)\n  return n * 3\nend")
    less, more = (kernel.reply(kernel.client.inspect("thrice(", 7, level)) for level in (0, 1))
    assert (less["found"], more["found"]) == (True, True)
    assert "return n * 3" in more["data"]["text/plain"]
    assert "return n * 3" not in less["data"]["text/plain"]


def test_the_history_is_that_of_the_session_and_leaves_no_file(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)  # a kernel that is measured loads SQLite for it
    with running() as one:
        one.run("first = 1")
        one.run("'shown'")
        one.run("unstored = 1", store_history=False)
        asked = {"raw": True, "output": False}
        tail = one.asked("history_request", asked | {"hist_access_type": "tail", "n": 10})["history"]
        assert tail == [[1, 1, "first = 1"], [1, 2, "'shown'"]]
        found = one.asked("history_request", asked | {"hist_access_type": "search", "pattern": "*fir*"})["history"]
        assert found == [[1, 1, "first = 1"]]
        part = one.asked("history_request", asked | {"hist_access_type": "range", "session": 0, "start": 2, "stop": 3})
        assert part == {"status": "ok", "history": [[1, 2, "'shown'"]]}
        before = one.asked("history_request", asked | {"hist_access_type": "range", "session": -1, "start": 1})
        assert before == {"status": "ok", "history": []}
        if sys.platform == "linux":
            assert [each.path for each in one.process.memory_maps() if "sqlite3" in each.path] == []
    assert list(tmp_path.rglob("*")) == []
    with_output = {"hist_access_type": "tail", "n": 1, "raw": True, "output": True}
    value = kernel.value("6 * 7")
    assert kernel.asked("history_request", with_output)["history"][0][2] == ["6 * 7", value]


def test_a_request_that_lacks_something_gets_a_reply_all_the_same(kernel: Kernel) -> None:
    assert kernel.asked("complete_request", {"code": "x"})["status"] == "error"
    assert kernel.asked("execute_request", {})["status"] == "error"
    assert kernel.value("'fine'") == "fine"


def test_what_nobody_has_signed_is_passed_over(kernel: Kernel) -> None:
    socket = kernel.client.shell_channel.socket
    socket.send_multipart([b"<IDS|MSG>", b"forged", b"{}", b"{}", b"{}", b"{}"])
    socket.send_multipart([b"nonsense"])
    assert kernel.value("'fine'") == "fine"


# Widgets -----------------------------------------------------------------------------------------------

# A kernel with two more commands, whose values are widgets of Python's.
WITH_WIDGETS = """
from kosmo_kernel.notebook import commands
from kosmo_kernel.kernel.__main__ import main

def place(_argument, _lua):
    return [made["slider"].value, made["label"].value]

def slider(_argument, _lua):
    import ipywidgets
    ipywidgets.register_comm_target()
    made["slider"], made["label"] = ipywidgets.IntSlider(value=3), ipywidgets.Label("3")
    made["slider"].observe(lambda change: setattr(made["label"], "value", str(change["new"])), "value")
    return made["slider"]

made = {}
commands.COMMANDS += (
    commands.NotebookCommand("slider", "A slider.", slider),
    commands.NotebookCommand("place", "Where it is.", place),
)
main()
"""


def test_a_target_that_nobody_knows_is_closed_again(kernel: Kernel) -> None:
    opened = kernel.ask("comm_open", {"comm_id": "c1", "target_name": "unheard.of", "data": {}})
    assert kernel.broadcast(opened) == [("comm_close", {"comm_id": "c1", "data": {}})]
    assert kernel.broadcast(kernel.ask("comm_msg", {"comm_id": "c1", "data": {}})) == []
    assert kernel.asked("comm_info_request", {}) == {"status": "ok", "comms": {}}


def test_widgets_of_python_live_in_this_kernel(tmp_path: Path) -> None:
    program = tmp_path / "with_widgets.py"
    program.write_text(WITH_WIDGETS, encoding="utf-8")
    with_widgets = [sys.executable, str(program), "-f", "{connection_file}"]
    manager = KernelManager(kernel_name=NAME)
    assert manager.kernel_spec is not None
    manager.kernel_spec.argv = with_widgets
    manager.start_kernel()
    one = Kernel(manager, manager.blocking_client())
    one.client.start_channels()
    one.client.wait_for_ready(timeout=PATIENCE)
    try:
        messages = one.shown("%kosmo slider")
        opened = {content["data"]["state"]["_model_name"]: content for kind, content in messages if kind == "comm_open"}
        slider, label = opened["IntSliderModel"]["comm_id"], opened["LabelModel"]["comm_id"]
        ((_, bundle),) = [(kind, shown) for kind, shown in data(messages) if kind == "execute_result"]
        assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == slider
        known = one.asked("comm_info_request", {"target_name": "jupyter.widget"})["comms"]
        assert {slider, label} <= set(known)

        moved = {"method": "update", "state": {"value": 7}, "buffer_paths": []}
        told = one.broadcast(one.ask("comm_msg", {"comm_id": slider, "data": moved}))
        assert [
            content["data"]["state"] for kind, content in told if (kind, content["comm_id"]) == ("comm_msg", label)
        ] == [{"value": "7"}]
        assert one.value("%kosmo place") == '[7, "7"]'

        one.broadcast(one.ask("comm_close", {"comm_id": slider, "data": {}}))
        assert slider not in one.asked("comm_info_request", {})["comms"]
    finally:
        one.stop()


# Ways to be spoken to ----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"transport_encryption": "required"}, {"transport": "ipc"}], ids=["curve", "ipc"])
def test_cells_run_over_every_kind_of_wire(options: dict[str, Any]) -> None:
    missing = [option for option in options if not KernelManager.class_traits().get(option)]
    if missing:
        pytest.skip(f"this version of jupyter_client has no {missing[0]}")
    manager = KernelManager(kernel_name=NAME, **options)
    manager.start_kernel()
    one = Kernel(manager, manager.blocking_client())
    one.client.start_channels()
    one.client.wait_for_ready(timeout=PATIENCE)
    try:
        assert one.value("1 + 1") == "2"
        assert one.client.is_alive()
    finally:
        one.stop()
