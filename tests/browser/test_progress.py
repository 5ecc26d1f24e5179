"""The line of a run's progress in JupyterLab, in a real browser, while the run is under way and when it is over."""

from __future__ import annotations

import re
from collections.abc import Iterator

import lab_page
import nbformat
import pytest
from lab_page import Lab, chromium, lab_server

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(bool(lab_page.missing()), reason=lab_page.missing()),
]

AUDIT = """local heroku = app.integrations.heroku
local apps = heroku.list_apps()
list.flatten(parallel.map(apps, heroku.list_domains, { limit = 2 }))"""
NOTEBOOKS = {
    "kosmo-lua": [AUDIT],
    "python3": ["%load_ext kosmo_kernel", f"%%kosmo_lua\n{AUDIT}"],
}
# All that stands below a cell, each time that any of it changes.
WATCH = """cell => {
  window.seen = [];
  new MutationObserver(() => {
    const outputs = [...cell.querySelectorAll('.jp-OutputArea-output')].map(output => output.innerText.trim());
    if (outputs.length) window.seen.push(outputs);
  }).observe(cell, { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Yield a page of a JupyterLab whose default account takes a tenth of a second for each answer."""
    folder = tmp_path_factory.mktemp("notebooks")
    for kernel, cells in NOTEBOOKS.items():
        notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": kernel, "display_name": kernel}})
        notebook.cells = [nbformat.v4.new_code_cell(cell, id=f"cell-{place}") for place, cell in enumerate(cells)]
        nbformat.write(notebook, folder / f"{kernel}.ipynb")
    with serve(DemoApi(company(40)), latency=0.1) as served, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEROKU_API_URL", served.url)
        patch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        with lab_server(folder, tmp_path_factory.mktemp("lab")) as (address, token), chromium() as browser:
            page = Lab(browser.new_page(viewport={"width": 1000, "height": 700}), address, token)
            yield page
            assert page.errors == []


@pytest.mark.parametrize("kernel", NOTEBOOKS)
def test_the_line_is_updated_in_place_and_its_last_state_stays(lab: Lab, kernel: str) -> None:
    lab.open(f"{kernel}.ipynb")
    last = f"cell-{len(NOTEBOOKS[kernel]) - 1}"
    lab.cell(last).evaluate(WATCH)
    lab.run_all()
    seen: list[list[str]] = lab.page.evaluate("window.seen")
    states = list(dict.fromkeys(outputs[0] for outputs in seen))
    counts = [
        int(found[1])
        for state in states
        if (found := re.match(r"(\d+)/41 list_\w+ · (?:about \d+ s to go · )?\d+ requests? · [\d,]+ left · ", state))
    ]
    assert len(counts) >= 3
    assert counts == sorted(counts)
    assert {len(outputs) for outputs in seen} <= {1, 2}  # the line, and in the end the table below it
    line, table = lab.cell(last).locator(".jp-OutputArea-output").all_inner_texts()
    assert re.fullmatch(r"41 calls · 41 requests · \d+\.\d s · account default · [\d,]+ requests left", line.strip())
    assert line.strip() == states[-1]
    assert "columns" in table


@pytest.fixture
def finished(lab: Lab) -> Lab:
    """Return the page with a notebook that was run."""
    lab.open("kosmo-lua.ipynb")
    lab.run_all()
    return lab


def test_the_notebook_keeps_it_in_both_forms(finished: Lab) -> None:
    saved = finished.contents().cells[-1].outputs[0]
    assert saved.output_type == "display_data"
    assert set(saved.data) == {"text/plain", "text/html"}
    assert saved.data["text/plain"].startswith("41 calls · 41 requests · ")


def test_nothing_of_its_look_reaches_the_page_around_it(finished: Lab) -> None:
    markup = finished.contents().cells[-1].outputs[0].data["text/html"]
    markup = markup.replace(' class="tex2jax_ignore mathjax_ignore"', "")  # which MathJax looks for, and no style
    assert re.findall(r"class|<style|<script| id=", markup) == []
