"""The explorer in a real browser: JupyterLab with both kernels, and Notebook 7."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

import lab_page
import nbformat
import pytest
from altered_api import Gate
from explorer_form import HOSTILE
from explorer_page import ExplorerPage
from lab_page import LABEXTENSION, Lab, Notebook7, chromium, expose_notebook_7, lab_server
from nbformat import v4
from playwright.sync_api import expect

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN
from kosmo_kernel.render.text import escape_control

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(bool(lab_page.missing()), reason=lab_page.missing()),
]

FIRST_LINE = {"kosmo-lua": "", "python3": "%%kosmo_lua\n"}  # of a cell of Lua, by kernel
CALLS = {
    "kosmo-lua": "app.integrations.heroku.demo.{}({})",
    "python3": "from kosmo_kernel import heroku\n\nheroku.demo.{}({})",
}
BEGIN = {"kosmo-lua": "%kosmo demo", "python3": "%load_ext kosmo_kernel\n%kosmo demo"}
CELLS = {
    "explores": "%kosmo explore list_dynos",
    "hostile": "rows = json.decode({!r})".format(json.dumps([{"name": HOSTILE, "nested": {"deep": [HOSTILE]}}] * 30)),
}
TOTAL = 19  # apps of the demo account


class HostileAndSlow(Gate):
    """An API whose only app has a hostile name, and which keeps the answer about itself back until the test is over."""

    def __init__(self) -> None:
        super().__init__(self._answer, "/account")

    @staticmethod
    def _answer(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        body = json.dumps([{"name": HOSTILE, "id": HOSTILE}] if environ["PATH_INFO"] == "/apps" else {}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


@pytest.fixture(scope="module")
def api() -> HostileAndSlow:
    return HostileAndSlow()


@pytest.fixture(scope="module")
def open_page(tmp_path_factory: pytest.TempPathFactory, api: HostileAndSlow) -> Iterator[Callable[..., Lab]]:
    """Yield a function that opens a notebook with the explorer; fail if its page fails or leaves this machine."""
    folder, home = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("lab")
    for kernel, first in FIRST_LINE.items():
        notebook = v4.new_notebook(metadata={"kernelspec": {"name": kernel, "display_name": kernel}})
        cells = {"begin": BEGIN[kernel], **CELLS, "spare": ""} | {"hostile": first + CELLS["hostile"]}
        notebook.cells = [v4.new_code_cell(source, id=name) for name, source in cells.items()]
        nbformat.write(notebook, folder / f"{kernel}.ipynb")
    shutil.copytree(LABEXTENSION, home / "share" / "labextensions" / "kosmo_kernel")
    expose_notebook_7(home)
    left: list[str] = []
    with serve(api) as served, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(home / "share"))
        patch.setenv("HEROKU_API_URL", served.url)
        patch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        with lab_server(folder, home) as (address, token), chromium() as browser:

            def opened(kernel: str, application: type[Lab] = Lab) -> Lab:
                page = browser.new_page(viewport={"width": 1100, "height": 900})
                own = re.compile(rf"{re.escape(address)}|blob:|data:")
                page.on("request", lambda asked: None if own.match(asked.url) else left.append(asked.url))
                page.on("dialog", lambda dialog: left.append(dialog.message))
                lab = application(page, address, token)
                copy = f"{application.__name__}-{kernel}.ipynb"
                shutil.copy(folder / f"{kernel}.ipynb", folder / copy)
                lab.open(copy)
                lab.run_all()
                expect(form(lab).field("Function")).to_be_visible()
                return lab

            yield opened
        api.open.set()
    assert left == []


@pytest.fixture(scope="module", params=FIRST_LINE)
def kernel(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def lab(open_page: Callable[..., Lab], kernel: str) -> Iterator[Lab]:
    found = open_page(kernel)
    yield found
    assert found.errors == []


def form(lab: Lab) -> ExplorerPage:
    return ExplorerPage(lab.cell("explores"))


def insert_and_run(lab: Lab) -> tuple[str, str]:
    """Press *Insert as cell* and run the new cell: its source, and what it shows."""
    before = len(lab.contents().cells)
    form(lab).press("Insert as cell")
    place = [cell.id for cell in lab.contents().cells].index("explores") + 1
    cell = lab.contents().cells[place]
    assert (len(lab.contents().cells), cell.execution_count, cell.outputs) == (before + 1, None, [])
    lab.command("notebook:run-cell")
    return cell.source, lab.cell(cell.id).locator(".jp-OutputArea-output").first.inner_text()


def test_what_is_chosen_and_run_is_shown_filtered_inserted_and_run_again(lab: Lab, kernel: str) -> None:
    form(lab).choose("list_apps")
    form(lab).press("Run")
    expect(form(lab).area).to_contain_text(f"{TOTAL} records")
    whole = form(lab).area.locator(".kosmo-table").inner_text()
    form(lab).area.get_by_placeholder("Filter the rows").fill("heroku-20")
    expect(form(lab).area).to_contain_text(f"3 of {TOTAL}")
    expect(form(lab).area.locator(".kosmo-table tbody tr")).to_have_count(3)
    source, shown = insert_and_run(lab)
    assert source == CALLS[kernel].format("list_apps", "")
    assert shown.split() == whole.split()


def test_an_app_is_typed_or_chosen_from_those_that_were_fetched(lab: Lab, kernel: str) -> None:
    form(lab).choose("list_dynos")
    form(lab).press("Load apps")
    expect(form(lab).area).to_contain_text(f"{TOTAL} apps to choose from.")
    expect(form(lab).area.locator("datalist option")).to_have_count(TOTAL)
    form(lab).field("app_id").fill("my-app, booking-api")
    arguments = {"kosmo-lua": '{ app_id = { "my-app", "booking-api" } }', "python3": 'app_id=["my-app", "booking-api"]'}
    expect(form(lab).call).to_contain_text(f"heroku.demo.list_dynos({arguments[kernel]})")
    form(lab).press("Run")
    expect(form(lab).area.locator("thead th").first).to_have_text("app_id")


def test_all_apps_are_chosen_by_a_check_box(lab: Lab, kernel: str) -> None:
    form(lab).choose("list_domains")
    form(lab).area.get_by_label("All apps", exact=True).check()
    every = {
        "kosmo-lua": "{ app_id = app.integrations.heroku.demo.list_apps() }",
        "python3": "app_id=heroku.demo.list_apps()",
    }
    expect(form(lab).call).to_contain_text(f"heroku.demo.list_domains({every[kernel]})")
    form(lab).press("Run")
    expect(form(lab).area.locator("thead th").first).to_have_text("app_id")
    form(lab).area.get_by_label("All apps", exact=True).uncheck()
    expect(form(lab).call).not_to_contain_text("list_apps")


def test_a_failure_is_the_short_error(lab: Lab) -> None:
    form(lab).choose("get_app")
    form(lab).field("app_id").fill("no-such-app")
    form(lab).press("Run")
    expect(form(lab).area.locator("pre").last).to_contain_text("RefusedError: Explorer:1: heroku.get_app")


def test_a_record_has_its_two_columns(lab: Lab) -> None:
    form(lab).choose("get_app")
    form(lab).field("app_id").fill("my-app")
    form(lab).press("Run")
    expect(form(lab).area.locator(".kosmo-table tbody th").first).to_have_text("name")
    expect(form(lab).area.get_by_placeholder("Filter the rows")).to_be_hidden()


def test_hostile_names_are_texts_in_the_table_the_choice_and_the_code(lab: Lab, kernel: str) -> None:
    form(lab).choose("list_apps", "default")
    form(lab).press("Run")
    expect(form(lab).area.locator(".kosmo-table tbody td").first).to_have_text(escape_control(HOSTILE))
    form(lab).choose("list_dynos", "default")
    form(lab).field("app_id").fill("")
    offered = form(lab).area.locator("datalist option")
    expect(offered).to_have_count(1)
    assert offered.get_attribute("value") == HOSTILE
    form(lab).field("app_id").fill(HOSTILE)
    expect(form(lab).call).to_contain_text("<script>alert(1)</script>")
    source, shown = insert_and_run(lab)
    lua = "%%kosmo_lua --account default\napp.integrations.heroku.list_dynos({ app_id = "
    assert source.startswith(lua if kernel == "kosmo-lua" else "heroku.default.list_dynos(app_id=")
    assert "InvalidArgumentsError" in shown
    assert form(lab).area.locator("script, b").count() == 0


def test_the_interrupt_button_stops_a_run(lab: Lab, api: HostileAndSlow) -> None:
    form(lab).choose("get_current_user", "default")
    before = len(api.asked)
    form(lab).press("Run")
    api.wait_for(before + 1)
    lab.command("notebook:interrupt-kernel")
    expect(form(lab).area.locator("pre").last).to_contain_text("StoppedError: ")
    form(lab).choose("list_apps")
    form(lab).press("Run")
    expect(form(lab).area).to_contain_text(f"{TOTAL} records")


def test_a_page_that_is_loaded_again_finds_the_form(lab: Lab, kernel: str) -> None:
    lab.command("docmanager:save")
    lab.open(f"Lab-{kernel}.ipynb")
    expect(form(lab).field("Function")).to_be_visible()
    form(lab).choose("list_apps")
    form(lab).press("Run")
    expect(form(lab).area).to_contain_text(f"{TOTAL} records")


def test_notebook_7_has_all_of_it(open_page: Callable[..., Lab]) -> None:
    lab = open_page("python3", Notebook7)
    form(lab).choose("list_apps")
    form(lab).press("Run")
    expect(form(lab).area).to_contain_text(f"{TOTAL} records")
    source, shown = insert_and_run(lab)
    assert source == CALLS["python3"].format("list_apps", "")
    assert f"{TOTAL} records" in shown
