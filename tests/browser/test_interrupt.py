"""The ■ of JupyterLab's toolbar, in a real browser: it ends a cell of Lua, whichever notebook that is in."""

from __future__ import annotations

from collections.abc import Iterator

import lab_page
import nbformat
import pytest
from lab_page import Lab, chromium, lab_server

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(bool(lab_page.missing()), reason=lab_page.missing()),
]

ENDLESS = "kept = 'kept'\nprint('runs')\nwhile true do pcall(function() while true do end end) end"
NOTEBOOKS = {
    "kosmo-lua": {"endless": ENDLESS, "after": "kept"},
    "python3": {
        "before": "%load_ext kosmo_kernel",
        "endless": f"%%kosmo_lua\n{ENDLESS}",
        "after": "%kosmo_lua kept",
    },
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Yield a page of JupyterLab."""
    folder = tmp_path_factory.mktemp("notebooks")
    for kernel, cells in NOTEBOOKS.items():
        notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": kernel, "display_name": kernel}})
        notebook.cells = [nbformat.v4.new_code_cell(cell, id=name) for name, cell in cells.items()]
        nbformat.write(notebook, folder / f"{kernel}.ipynb")
    with lab_server(folder, tmp_path_factory.mktemp("lab")) as (address, token), chromium() as browser:
        page = Lab(browser.new_page(viewport={"width": 1000, "height": 700}), address, token)
        yield page
        assert page.errors == []


@pytest.mark.parametrize("kernel", NOTEBOOKS)
def test_the_interrupt_button_ends_a_cell_and_its_variables_stay(lab: Lab, kernel: str) -> None:
    lab.open(f"{kernel}.ipynb")
    lab.page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    lab.cell("endless").locator(".jp-OutputArea-output", has_text="runs").wait_for()
    lab.page.locator('[data-jp-item-name="interrupt"]').click()
    error = lab.cell("endless").locator('[data-mime-type="application/vnd.jupyter.stderr"]')
    error.wait_for()
    assert error.inner_text().startswith("StoppedError: ")
    assert lab.contents().cells[-1].outputs == []  # what waits behind a cell that fails does not run
    lab.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 99")
    lab.command("notebook:run-cell")
    assert "kept" in lab.cell("after").locator(".jp-OutputArea-output").inner_text()
