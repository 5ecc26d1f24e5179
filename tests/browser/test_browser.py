"""JupyterLab as users have it: the notebooks in a real browser, run by the kernels that `pip install` made appear."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator

import lab_page
import nbformat
import pytest
from lab_page import Lab, chromium, lab_server
from playwright.sync_api import expect
from repository import NOTEBOOKS

from kosmo_kernel.integrations.heroku import HEROKU

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(bool(lab_page.missing()), reason=lab_page.missing()),
]


@pytest.fixture(scope="module")
def open_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Lab]]:
    """Yield a function that opens pages of one JupyterLab with our notebooks; fail if the scripts of a page failed."""
    folder = tmp_path_factory.mktemp("notebooks")
    for notebook in NOTEBOOKS.glob("*.ipynb"):
        shutil.copy(notebook, folder)
    pages = []

    with lab_server(folder, tmp_path_factory.mktemp("lab")) as (address, token), chromium() as browser:

        def opened() -> Lab:
            pages.append(Lab(browser.new_page(viewport={"width": 1200, "height": 900}), address, token))
            return pages[-1]

        yield opened
        assert [error for page in pages for error in page.errors] == []


@pytest.fixture(scope="module")
def first_steps(open_page: Callable[[], Lab]) -> Lab:
    """Return the Lua notebook, run from top to bottom."""
    page = open_page()
    page.open("first-steps-lua.ipynb")
    page.run_all()
    return page


def assert_committed(name: str, shown: nbformat.NotebookNode) -> None:
    committed = nbformat.read(NOTEBOOKS / name, as_version=4)
    outputs = {cell.id: cell.outputs for cell in shown.cells if cell.cell_type == "code"}
    for cell in committed.cells:
        if cell.cell_type == "code":
            assert outputs[cell.id] == cell.outputs, cell.source


def test_the_launcher_offers_the_lua_kernel_with_its_logo(open_page: Callable[[], Lab]) -> None:
    lab = open_page()
    lab.open_launcher()
    card = lab.page.locator('.jp-LauncherCard[data-category="Notebook"][title="Lua (Kosmo)"]')
    card.wait_for()
    lab.page.wait_for_function("logo => logo.naturalWidth > 0", arg=card.locator("img").element_handle())


def test_the_page_shows_what_is_committed(first_steps: Lab) -> None:
    assert_committed("first-steps-lua.ipynb", first_steps.contents())


def test_a_list_of_records_is_a_table(first_steps: Lab) -> None:
    table = first_steps.cell("apps").locator(".kosmo-table")
    assert table.locator("thead th").all_inner_texts()[:4] == ["name", "team.name", "owner.email", "region.name"]
    assert table.locator("tbody tr").count() == 19
    assert table.locator("p").inner_text() == "19 records \N{MULTIPLICATION SIGN} 31 columns"


def test_a_page_of_the_reference_has_headings_and_coloured_lua(first_steps: Lab) -> None:
    page = first_steps.cell("read").locator(".jp-RenderedMarkdown")
    assert page.locator("h1").inner_text() == "heroku.list_dynos"
    expect(page.locator("pre code span", has_text=re.compile("^for$")).first).to_be_attached()


def test_an_error_is_short_and_marks_the_line(first_steps: Lab) -> None:
    error = first_steps.cell("unknown").locator('[data-mime-type="application/vnd.jupyter.stderr"]').inner_text()
    lines = error.strip().split("\n")
    [at] = [cell.execution_count for cell in first_steps.contents().cells if cell.id == "unknown"]
    assert lines[0].startswith(f"UnknownNameError: In[{at}]:2: Heroku has no function and no account `list_dynoes`.")
    assert lines[1:] == ['----> 2 local dynos = heroku.list_dynoes({ app_id = "my-app" })']


def test_lua_is_coloured(first_steps: Lab) -> None:
    colours = (
        first_steps.cell("define")
        .locator(".cm-line span")
        .evaluate_all("spans => Object.fromEntries(spans.map(span => [span.innerText, getComputedStyle(span).color]))")
    )
    assert colours["local"] == colours["end"] != colours['"Good morning, "']


def test_tab_completes_a_name(first_steps: Lab) -> None:
    first_steps.new_cell()
    first_steps.page.keyboard.type("heroku.list_")
    first_steps.page.keyboard.press("Tab")
    offered = first_steps.page.locator(".jp-Completer-item .jp-Completer-match")
    offered.first.wait_for()
    names = offered.all_inner_texts()
    first_steps.page.keyboard.press("Escape")
    assert names == sorted(function.name for function in HEROKU.functions if function.name.startswith("list_"))


def test_shift_tab_explains_the_name_at_the_cursor(first_steps: Lab) -> None:
    first_steps.new_cell()
    first_steps.page.keyboard.type("heroku.list_domains")
    first_steps.page.keyboard.press("Shift+Tab")
    heading = first_steps.page.locator(".jp-Tooltip h1")
    heading.wait_for()
    assert heading.inner_text() == "heroku.list_domains"
    first_steps.page.keyboard.press("Escape")


def test_a_question_mark_shows_the_page_of_a_name(first_steps: Lab) -> None:
    cell = first_steps.new_cell()
    first_steps.page.keyboard.type("heroku.get_app?")
    first_steps.command("notebook:run-cell")
    assert cell.locator(".jp-OutputArea-output h1").inner_text() == "heroku.get_app"


def test_lua_cells_of_a_python_notebook_show_what_is_committed(open_page: Callable[[], Lab]) -> None:
    lab = open_page()
    lab.open("first-steps.ipynb")
    lab.run_all()
    assert_committed("first-steps.ipynb", lab.contents())
