"""The reference in a real JupyterLab: it folds, Lua is coloured, and several pages in a notebook keep to themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import lab_page
import nbformat
import pytest
from lab_page import Lab, chromium, lab_server
from playwright.sync_api import expect

from kosmo_kernel import docs
from kosmo_kernel.integrations.heroku import HEROKU

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(bool(lab_page.missing()), reason=lab_page.missing()),
]

SHOWN = {
    "whole": "heroku",
    "limits": "limits",
    "errors": "errors",
    "one": "heroku.list_dynos",
    "again": "heroku",
}
LINKED = """
link => {
    const target = document.querySelector(`[data-jupyter-id="${link}"]`) || document.querySelector(`#${link}`);
    return [...document.querySelectorAll('.jp-Notebook .jp-Cell')].indexOf(target.closest('.jp-Cell'));
}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("notebooks")
    cells = [nbformat.v4.new_code_cell(f'docs.read("{page}")', id=name) for name, page in SHOWN.items()]
    kernel = {"name": "kosmo-lua", "display_name": "Lua (Kosmo)"}
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}),
        folder / "docs.ipynb",
    )
    with lab_server(Path(folder), tmp_path_factory.mktemp("home")) as (address, token), chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        opened = Lab(page, address, token)
        opened.open("docs.ipynb")
        opened.run_all()
        opened.cell("again").locator("h1").first.wait_for()
        yield opened


def test_the_page_of_a_service_names_each_function(lab: Lab) -> None:
    shown = lab.cell("whole").inner_text()
    assert [function.name for function in HEROKU.functions if function.name not in shown] == []


@pytest.mark.parametrize("name", ["one", "errors"])
def test_lua_in_a_page_is_coloured(lab: Lab, name: str) -> None:
    blocks = lab.cell(name).locator("pre:has(code.language-lua), pre:has(code.cm-s-jupyter)")
    expect(blocks.nth(1)).to_be_attached()
    expect(lab.cell(name).locator("pre span[class]", has_text=re.compile("^(local|for|if)$")).first).to_be_attached()


@pytest.mark.parametrize("name", SHOWN)
def test_code_is_not_broken_within_words(lab: Lab, name: str) -> None:
    breaks = "blocks => blocks.map(block => getComputedStyle(block).wordBreak)"
    assert set(lab.cell(name).locator(".jp-RenderedMarkdown pre").evaluate_all(breaks)) == {"normal"}


@pytest.mark.parametrize("name", ["limits", "errors"])
def test_the_contents_of_a_guide_lead_to_its_own_sections(lab: Lab, name: str) -> None:
    links = [link.get_attribute("href") for link in lab.cell(name).locator("li a[href^='#kosmo-']").all()]
    assert len(links) > 3
    for link in links:
        assert link is not None
        assert lab.page.evaluate(LINKED, link.removeprefix("#")) == list(SHOWN).index(name)


def test_a_mark_of_a_page_hides_no_name_of_the_pages_scripts(lab: Lab) -> None:
    marks = lab.page.evaluate("[...document.querySelectorAll('.jp-OutputArea [id]')].map(e => e.id)")
    named = lab.page.evaluate("[...document.querySelectorAll('.jp-OutputArea [name]')].length")
    assert len(marks) > len(docs.read("limits").split("\n## ")) - 1
    assert [mark for mark in marks if not mark.startswith("kosmo-")] == []
    assert (named, lab.errors) == (0, [])
