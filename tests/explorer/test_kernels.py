"""The explorer's comms in both kernels, as Jupyter starts them: what a page would send, and what it would hear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from altered_api import Gate
from kernel_client import Kernel, Message, running
from patience import PATIENCE

from kosmo_kernel.demo.server import serve
from kosmo_kernel.explorer.form import RUNS, TEXT, WAITS
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

OURS, PYTHON = "kosmo-lua", "python3"
FIRST_LINE = {OURS: "", PYTHON: "%%kosmo_lua\n"}  # of a cell of Lua
CALL = {
    OURS: 'app.integrations.heroku.demo.list_dynos({ app_id = "my-app" })',
    PYTHON: 'from kosmo_kernel import heroku\n\nheroku.demo.list_dynos(app_id="my-app")',
}
BEGIN = {OURS: "%kosmo demo", PYTHON: "%load_ext kosmo_kernel\n%kosmo demo"}


class Page:
    """The widgets of an explorer as a page has them.

    Parameters:
        kernel: where they are.
        function: what is explored.
    """

    def __init__(self, kernel: Kernel, function: str) -> None:
        self.kernel = kernel
        self.states: dict[str, dict[str, Any]] = {}
        messages = kernel.shown(f"%kosmo explore {function}")
        self._take(messages)
        ((self.bundle,),) = [[content["data"]] for kind, content in messages if kind == "execute_result"]

    def _take(self, messages: list[Message]) -> list[str]:
        """Take what comes from comms; the texts that were shown meanwhile."""
        shown = []
        for kind, content in messages:
            if kind in ("comm_open", "comm_msg"):
                state = content["data"].get("state", {})
                self.states.setdefault(content["comm_id"], {}).update(state)
                shown += [state["value"]] if isinstance(state.get("value"), str) else []
        return shown

    def find(self, model: str, **fields: str) -> str:
        """Return the comm of the newest widget of a kind with such fields."""
        return [
            comm
            for comm, state in self.states.items()
            if state["_model_name"] == f"{model}Model" and fields.items() <= state.items()
        ][-1]

    def send(self, kind: str, content: dict[str, Any], **header: Any) -> str:
        """Send a message."""
        client = self.kernel.client
        message = client.session.msg(kind, content)
        message["header"] |= header
        client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def ask(self, comm: str, data: dict[str, Any], **header: Any) -> str:
        """Send a comm message."""
        return self.send("comm_msg", {"comm_id": comm, "data": data}, **header)

    def hear(self, request: str) -> list[str]:
        """Return the texts that were shown until a message was dealt with."""
        return self._take(self.kernel.broadcast(request))

    def wait_until(self, reached: Callable[[], bool]) -> None:
        """Hear what comes, whatever it belongs to."""
        while not reached():
            message = self.kernel.client.get_iopub_msg(timeout=PATIENCE)
            self._take([(message["msg_type"], message["content"])])

    def set(self, comm: str, **state: Any) -> list[str]:
        return self.hear(self.ask(comm, {"method": "update", "state": state, "buffer_paths": []}))

    def click(self, description: str, **header: Any) -> str:
        """Press a button, without waiting for what comes of it."""
        pressed = {"method": "custom", "content": {"event": "click"}}
        return self.ask(self.find("Button", description=description), pressed, **header)

    def shows(self, text: str) -> bool:
        return any(text in unescape(str(state.get("value", ""))) for state in self.states.values())


@contextmanager
def begun(name: str) -> Iterator[Kernel]:
    with running(name) as kernel:
        kernel.run(BEGIN[name])
        yield kernel


@pytest.fixture(scope="module", params=[OURS, PYTHON])
def page(kernel_settings: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Page]:
    with begun(request.param) as kernel:
        yield Page(kernel, "list_dynos")


def kind_of(page: Page) -> str:
    return OURS if page.kernel.manager.kernel_name == OURS else PYTHON


def test_the_form_is_a_widget_with_a_line_of_text_beside_it(page: Page) -> None:
    assert page.bundle["text/plain"] == TEXT
    assert page.bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == page.find("VBox")


def test_what_is_typed_becomes_a_call_in_the_language_of_the_notebook(page: Page) -> None:
    page.set(page.find("Combobox"), value="my-app")
    assert page.shows(f">{CALL[kind_of(page)]}<")


def test_run_shows_its_table_in_the_form_and_the_filter_narrows_it(page: Page) -> None:
    page.set(page.find("Combobox"), value="my-app")
    assert any(RUNS in text for text in page.hear(page.click("Run")))
    assert page.shows("2 records \N{MULTIPLICATION SIGN} 13 columns")
    page.set(page.find("Text"), value="web")
    assert page.shows("1 of 2")
    page.set(page.find("Text"), value="")


def test_the_names_of_apps_are_offered_once_fetched(page: Page) -> None:
    combobox = page.find("Combobox")
    page.hear(page.click("Load apps"))
    assert "my-app" in page.states[combobox]["options"]
    assert page.shows("19 apps to choose from.")


def test_a_failure_is_shown_in_the_form_and_kills_neither_comm_nor_kernel(page: Page) -> None:
    page.set(page.find("Combobox"), value="no-such-app")
    page.hear(page.click("Run"))
    assert page.shows("RefusedError: Explorer:1: ")
    page.set(page.find("Combobox"), value=["no", "text"])
    page.hear(page.ask(page.find("Button", description="Run"), {"method": "no such method"}))
    page.set(page.find("Combobox"), value="my-app")
    page.hear(page.click("Run"))
    assert page.shows("2 records \N{MULTIPLICATION SIGN} 13 columns")
    assert page.kernel.value(f"{FIRST_LINE[kind_of(page)]}1 + 1") == "2"


def test_a_run_that_is_asked_for_while_a_cell_runs_comes_after_it(page: Page) -> None:
    page.set(page.find("Combobox"), value="booking-api")
    client = page.kernel.client
    cell = client.execute(f"{FIRST_LINE[kind_of(page)]}io.read() who = 'cell'", allow_stdin=True)
    client.get_stdin_msg(timeout=PATIENCE)
    click = page.click("Run")
    client.input("go on")
    assert page.kernel.reply(cell)["status"] == "ok"
    page.hear(click)
    assert page.shows("booking-api")
    assert page.kernel.value(f"{FIRST_LINE[kind_of(page)]}who") in ("cell", "'cell'")


@pytest.mark.full
@pytest.mark.parametrize("name", [OURS, PYTHON])
@pytest.mark.usefixtures("kernel_list")
def test_an_interrupt_stops_a_run_and_the_next_one_works(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Gate(DemoApi(company(3)), "/apps")
    with serve(api) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        with begun(name) as kernel:
            page = Page(kernel, "list_apps")
            account = page.find("Dropdown", description="Account")
            page.set(account, index=page.states[account]["_options_labels"].index("default"))
            assert page.shows("list_apps()")
            click = page.click("Run")
            api.wait_for(1)
            kernel.manager.interrupt_kernel()
            page.hear(click)
            assert page.shows("StoppedError: ")
            api.open.set()
            page.hear(page.click("Run"))
            assert page.shows("3 records \N{MULTIPLICATION SIGN} ")


@pytest.mark.usefixtures("kernel_list")
def test_from_a_thread_of_the_kernel_s_own_a_run_waits_for_the_cell_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Gate(DemoApi(company(3)), "/apps")
    with serve(api) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        with begun(PYTHON) as kernel:
            if "kernel subshells" not in kernel.asked("kernel_info_request", {}).get("supported_features", []):
                pytest.skip("this version of ipykernel has no threads of that kind")
            page = Page(kernel, "list_apps")
            account = page.find("Dropdown", description="Account")
            page.set(account, index=page.states[account]["_options_labels"].index("default"))
            thread = {"subshell_id": kernel.asked("create_subshell_request", {}, "control")["subshell_id"]}
            # What a page sends to a widget goes where the widget was last used, in newer versions of ipykernel.
            page.hear(page.send("execute_request", {"code": "_._run.tooltip = 'from a thread'"}, **thread))
            gate = tmp_path / "gate"
            wait = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)"
            cell = kernel.started(f"print('begun')\n{wait}")
            page.hear(page.click("Run", **thread))
            assert page.shows(WAITS)
            assert api.asked == []
            gate.touch()
            assert kernel.reply(cell)["status"] == "ok"
            api.wait_for(1)
            kernel.manager.interrupt_kernel()
            page.wait_until(lambda: page.shows("StoppedError: "))
            api.open.set()
