"""Test how the line of a run's progress is drawn: in both kinds of notebook, and on a terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager, start_new_kernel
from kernel_client import listed
from kosmo_command import FICTION, environment, imported, kosmo, on_terminal, standing
from nbclient import NotebookClient
from patience import PATIENCE
from repository import ROOT

from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.session import Session

LUA = "lua"

ALWAYS = {"KOSMO_PROGRESS": "1", "KOSMO_DEMO": "1"}
NOTEBOOKS = {"python3": "%%kosmo_lua\n", "kosmo-lua": ""}  # what makes a cell one of Lua, by kernel
DYNOS = "#app.integrations.heroku.list_dynos({ app_id = { 'my-app', 'booking-api', 'courier-app' } })"
SLOWLY = """local heroku = app.integrations.heroku
local apps = heroku.list_apps()
return #parallel.map(table.move(apps, 1, 12, 1, {}), heroku.list_domains, { limit = 2 })"""
COST = r"{} calls? · {} requests? · \d+\.\d s · account {}( · [\d,]+ requests left)?"

Content = dict[str, Any]


@dataclass
class Kernel:
    """A kernel process, and what it broadcasts for a cell."""

    name: str
    manager: KernelManager
    client: Any

    def run(
        self, lua: str, on_message: Callable[[str], None] | None = None
    ) -> tuple[Content, list[tuple[str, Content]]]:
        """Run a cell of Lua: the content of its reply, and of its outputs with their kinds."""
        return self.execute(NOTEBOOKS[self.name] + lua, on_message)

    def execute(
        self, cell: str, on_message: Callable[[str], None] | None = None
    ) -> tuple[Content, list[tuple[str, Content]]]:
        """Run a cell, as the notebook does."""
        outputs: list[tuple[str, Content]] = []

        def note(message: Content) -> None:
            kind = message["msg_type"]
            if kind not in ("status", "execute_input"):
                outputs.append((kind, message["content"]))
            if on_message:
                on_message(kind)

        reply = self.client.execute_interactive(cell, output_hook=note, timeout=PATIENCE)
        return reply["content"], outputs


@contextmanager
def started(name: str, settings: dict[str, str]) -> Iterator[Kernel]:
    manager, client = start_new_kernel(
        kernel_name=name, startup_timeout=PATIENCE, cwd=str(ROOT), env=environment(settings)
    )
    try:
        if name == "python3":
            client.execute_interactive("%load_ext kosmo_kernel", timeout=PATIENCE)
        yield Kernel(name, manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a folder for `JUPYTER_PATH` in which the Lua kernel is found."""
    folder = tmp_path_factory.mktemp("jupyter")
    listed(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        yield folder


@pytest.fixture(scope="module", params=list(NOTEBOOKS))
def kernel(request: pytest.FixtureRequest, kernels: Path) -> Iterator[Kernel]:
    """Yield a kernel in which every run shows its progress."""
    with started(request.param, ALWAYS | {"JUPYTER_PATH": str(kernels)}) as running:
        yield running


@pytest.fixture
def slow() -> Iterator[dict[str, str]]:
    """Yield the settings for a served account that takes a tenth of a second for each answer."""
    with serve(DemoApi(company(20)), latency=0.1) as served:
        yield {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN}


def states(outputs: list[tuple[str, Content]]) -> list[str]:
    """Return what the line of progress said, one state after the other; it is one display."""
    shown = [(kind, one) for kind, one in outputs if one.get("transient", {}).get("display_id")]
    assert [kind for kind, _ in shown] == ["display_data", *["update_display_data"] * (len(shown) - 1)][: len(shown)]
    assert len({one["transient"]["display_id"] for _, one in shown}) <= 1
    assert all(set(one["data"]) == {"text/plain", "text/html"} for _, one in shown)
    return [one["data"]["text/plain"] for _, one in shown]


# Notebooks


def test_one_display_is_updated_and_stays_as_what_the_cell_cost(kernel: Kernel) -> None:
    reply, outputs = kernel.run(f"return {DYNOS}")
    seen = states(outputs)
    assert reply["status"] == "ok"
    assert re.fullmatch(COST.format(3, 3, "demo"), seen[-1])
    assert all(re.match(r"\d/3 list_dynos · \d requests? · ", state) for state in seen[:-1])
    assert outputs[-1][0] != "update_display_data"  # the value comes below the line


def test_what_a_script_clears_away_comes_again(kernel: Kernel) -> None:
    _, outputs = kernel.run(f"local n = {DYNOS} display.clear() return n + {DYNOS}")
    cleared = [kind for kind, _ in outputs].index("clear_output")
    before, after = states(outputs[:cleared]), states(outputs[cleared:])
    assert before
    assert re.fullmatch(COST.format(6, 6, "demo"), after[-1])


@pytest.mark.full
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_waiting_for_long_is_shown_and_an_interrupt_keeps_the_last_state(
    name: str, kernels: Path, slow: dict[str, str]
) -> None:
    with started(name, slow | {"JUPYTER_PATH": str(kernels)}) as running:
        running.run("return app.integrations.heroku.get_current_user()")  # what the first call loads takes its time
        quick = running.run("return app.integrations.heroku.get_current_user().email")[1]
        assert [kind for kind, _ in quick] == ["execute_result"]
        seen = states(running.run(SLOWLY)[1])
        cost = re.fullmatch(COST.format(13, 13, "default").replace(r"(\d+\.\d)", ""), seen[-1])
        assert cost
        (seconds,) = re.findall(r"(\d+\.\d) s", seen[-1])
        assert 2 <= len(seen) <= 2 + 10 * float(seconds)  # ten states a second

        def interrupt(kind: str) -> None:
            if kind == "display_data":
                running.manager.interrupt_kernel()

        reply, outputs = running.run(SLOWLY.replace("limit = 2", "limit = 1"), interrupt)
        assert reply["ename"] == "StoppedError"
        last = re.match(r"(\d+)(?: of \d+)? calls? · ", states(outputs)[-1])  # the total is there while a call runs
        assert last
        assert int(last[1]) < 13
        assert running.run("return 1")[0]["status"] == "ok"


def test_nobody_is_shown_anything_who_does_not_want_it(kernels: Path, slow: dict[str, str]) -> None:
    with started("kosmo-lua", slow | {"KOSMO_PROGRESS": "0", "JUPYTER_PATH": str(kernels)}) as running:
        assert [kind for kind, _ in running.run(SLOWLY)[1]] == ["execute_result"]


def test_a_notebook_that_was_run_without_anybody_looking_has_the_last_state(
    kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(kernels))
    for key, value in ALWAYS.items():
        monkeypatch.setenv(key, value)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"return {DYNOS};")])
    NotebookClient(notebook, kernel_name="kosmo-lua", timeout=PATIENCE).execute()
    shown, _fiction = [output for output in notebook.cells[0].outputs if output.output_type == "display_data"]
    assert re.fullmatch(COST.format(3, 3, "demo"), shown.data["text/plain"])
    assert shown.data["text/plain"] in shown.data["text/html"]


def test_what_is_captured_has_the_last_state_only(kernels: Path) -> None:
    with started("python3", ALWAYS | {"JUPYTER_PATH": str(kernels)}) as running:
        running.execute(f"%%capture kept\n%%kosmo_lua -v n\nreturn {DYNOS}")
        _, outputs = running.execute("[output.data['text/plain'] for output in kept.outputs[:-1]]")  # before the note
    ((_, result),) = outputs
    assert re.fullmatch(rf"\['{COST.format(3, 3, 'demo')}'\]", result["data"]["text/plain"])


# The command line


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_on_a_terminal_the_line_is_drawn_over_itself_and_stays_above_the_result() -> None:
    written = on_terminal(LUA, "-e", f"print('first') local n = {DYNOS} print('second') return n", env=ALWAYS)
    first, second, cost, value, *rest = standing(written)
    assert "\x1b[2K" in written
    assert (first, second, rest) == ("first", "second", [FICTION, ""])
    assert re.fullmatch(COST.format(3, 3, "demo"), cost)
    assert value.isdecimal()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_line_that_a_script_has_begun_is_ended_before_the_cost_is_told() -> None:
    begun, cost, value, *_ = standing(on_terminal(LUA, "-e", f"io.write('half ') return {DYNOS}", env=ALWAYS))
    assert begun == "half"
    assert re.fullmatch(COST.format(3, 3, "demo"), cost)
    assert value.isdecimal()


def test_a_document_is_alone_on_standard_output() -> None:
    with_json = kosmo(LUA, "--json", "-e", f"return {DYNOS}", env=ALWAYS)
    assert with_json.stdout.startswith("{\n")
    assert re.fullmatch(COST.format(3, 3, "demo") + "\n", with_json.stderr)


def test_a_run_without_progress_does_not_load_what_draws_it() -> None:
    loaded = imported(LUA, "-e", "return 1")
    assert "kosmo_kernel.progress.display" in loaded
    assert "rich" not in loaded


def test_a_misspelt_switch_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_PROGRESS", "yes")
    with Session("demo") as session, pytest.raises(SettingsError) as caught:
        session.run("print('never')")

    assert caught.value.message == "KOSMO_PROGRESS must be 1 or 0, got 'yes'."
    assert caught.value.result is None
