"""The page of an executed notebook, in a real browser: on the screen, on paper, and without a network."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import nbformat
import pytest
from kosmo_command import kosmo
from lab_page import chromium, missing
from repository import NOTEBOOKS

from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.runbook import page
from kosmo_kernel.session import Session
from kosmo_kernel.settings import notebook_run

pytestmark = [pytest.mark.full, pytest.mark.skipif(bool(missing()), reason=missing())]

AUDITS = ["access-audit", "drift", "dyno-audit", "incident"]
WritePage = Callable[[str], Path]
PHONE = 390  # pixels of its window
PAPER, TURNED = 718, 1047  # pixels between the margins of a sheet of A4, upright and turned
OUTSIDE = """() => {
  const edge = document.querySelector('main').getBoundingClientRect().right + 1;
  const cells = [...document.querySelectorAll('.table td, .table th')];
  return cells.filter(cell => cell.getBoundingClientRect().right > edge).map(cell => cell.textContent);
}"""


@pytest.fixture(scope="module")
def page_of_run(kernel_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> WritePage:
    """Return a function that runs a notebook on the demo and returns its page; each is run once."""
    folder = tmp_path_factory.mktemp("pages")

    @cache
    def run(name: str) -> Path:
        copy = folder / f"{name}.ipynb"
        done = kosmo("run", str(NOTEBOOKS / copy.name), "--demo", "-o", str(copy), "--html", env=kernel_settings)
        assert done.returncode == 0, done.stderr
        return copy.with_suffix(page.SUFFIX)

    return run


@pytest.fixture
def run_by_kosmo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_run, "received", [notebook_run.NotebookRun()])


def test_a_page_fetches_nothing_and_no_column_is_cut_off_on_paper(page_of_run: WritePage) -> None:
    asked = []
    with chromium() as browser:
        sheet = browser.new_page(viewport={"width": PAPER, "height": 1000})
        sheet.on("request", lambda request: asked.append(request.url))
        sheet.emulate_media(media="print")
        for name in (*AUDITS, "costs", "deadlines"):
            sheet.goto(page_of_run(name).as_uri())
            is_turned = sheet.locator(".wide").count() > 0
            sheet.set_viewport_size({"width": TURNED if is_turned else PAPER, "height": 1000})
            assert sheet.locator(".table").count() > 0
            assert sheet.evaluate(OUTSIDE) == [], name
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.mark.usefixtures("run_by_kosmo")
def test_what_a_table_cuts_is_whole_in_a_page(tmp_path: Path) -> None:
    lua = (
        'return { { apps = ("app "):rep(40) .. "END", at = "https://example.com/" .. ("y"):rep(90) .. "END", n = 1 } }'
    )
    with Session() as session:
        output = nbformat.v4.new_output("execute_result", bundle_of(session.run(lua).value), execution_count=1)
    cut = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(lua, outputs=[output])])
    nbformat.write(cut, tmp_path / "cut.ipynb")
    with chromium() as browser:
        for width in (1000, PAPER):
            sheet = browser.new_page(viewport={"width": width, "height": 700})
            sheet.emulate_media(media="print" if width == PAPER else "screen")
            sheet.goto(page.write(tmp_path / "cut.ipynb", ["demo"]).as_uri())
            texts = sheet.locator(".table td").all_inner_texts()
            assert [text.endswith("END") for text in texts] == [True, True, False]
            assert sheet.evaluate(OUTSIDE) == []


@pytest.mark.usefixtures("run_by_kosmo")
def test_a_wide_table_has_a_turned_sheet_of_its_own_and_is_whole(tmp_path: Path) -> None:
    heroku = "app.integrations.heroku.demo"
    wide = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "kosmo-lua", "display_name": "Lua (Kosmo)"}})
    wide.cells = [nbformat.v4.new_markdown_cell("# All apps")]
    with Session() as session:
        for call in ('list_dynos("courier-app")', "list_apps()"):
            shown = bundle_of(session.run(f"{heroku}.{call}").value)
            output = nbformat.v4.new_output("execute_result", shown, execution_count=1)
            wide.cells.append(nbformat.v4.new_code_cell(call, outputs=[output]))
    copy = tmp_path / "wide.ipynb"
    nbformat.write(wide, copy)
    with chromium() as browser:
        sheet = browser.new_page(viewport={"width": TURNED, "height": 700})
        sheet.emulate_media(media="print")
        sheet.goto(page.write(copy, ["demo"]).as_uri())
        assert sheet.locator(".table th").count() > 40
        assert sheet.evaluate(OUTSIDE) == []
        sheets = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", sheet.pdf(prefer_css_page_size=True))
    assert sheets
    assert all(float(width) > float(height) for width, height in sheets)


def test_a_long_table_is_whole_on_the_screen_and_no_row_is_divided_on_paper(page_of_run: WritePage) -> None:
    written = page_of_run("access-audit")
    with chromium() as browser:
        sheet = browser.new_page(viewport={"width": TURNED, "height": 1000})
        sheet.goto(written.as_uri())
        box = sheet.locator(".table", has_text="night-sorter").first
        for media in ("screen", "print"):
            sheet.emulate_media(media=media)
            assert box.evaluate("box => box.scrollHeight - box.clientHeight") == 0
        rows = box.locator("tr").evaluate_all("rows => rows.map(row => getComputedStyle(row).breakInside)")
        assert set(rows) == {"avoid"}


def test_a_picture_has_the_colours_of_the_page_light_and_dark_and_a_drawing_for_its_width(
    page_of_run: WritePage,
) -> None:
    written = page_of_run("costs")
    with chromium() as browser:
        sheet = browser.new_page(viewport={"width": 1000, "height": 700})
        sheet.goto(written.as_uri())
        colours = []
        for scheme in ("light", "dark"):
            sheet.emulate_media(color_scheme=scheme)
            colours.append(sheet.evaluate("getComputedStyle(document.querySelector('.picture svg text')).fill"))
        assert colours == ["rgb(93, 96, 120)", "rgb(163, 166, 187)"]
        for width, name in ((1000, "wide-drawing"), (PHONE, "narrow")):
            sheet.set_viewport_size({"width": width, "height": 700})
            visible = sheet.locator(".picture [role=img]").evaluate_all(
                "drawings => drawings.filter(one => one.getClientRects().length).map(one => one.className)"
            )
            assert set(visible) == {name}


def test_the_head_of_a_table_stays_while_one_scrolls(page_of_run: WritePage) -> None:
    written = page_of_run("access-audit")
    with chromium() as browser:
        sheet = browser.new_page(viewport={"width": 1200, "height": 500})
        sheet.goto(written.as_uri())
        sheet.evaluate("document.querySelectorAll('.more').forEach(more => more.open = true)")
        table = sheet.locator(".table:has(tr:nth-child(40))").first
        table.locator("tbody tr").nth(35).scroll_into_view_if_needed()
        assert table.locator("thead th").first.evaluate("head => head.getBoundingClientRect().top") >= 0


BROKEN = """() => [...document.querySelectorAll('.table:not(.crowded) td')].flatMap(cell => {
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), broken = [];
  const words = new RegExp('[^ ]+', 'g');
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const ends = text.parentNode.querySelector('wbr') || text.parentNode.tagName === 'A';
    for (const word of ends ? [] : text.data.matchAll(words)) {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      if (word[0].length <= 24 && range.getClientRects().length > 1) broken.push(word[0]);
    }
  }
  return broken;
})"""


def test_no_name_is_broken_on_a_desktop_on_a_phone_or_on_paper(page_of_run: WritePage) -> None:
    with chromium() as browser:
        sheet = browser.new_page()
        for name in (*AUDITS, "costs", "deadlines"):
            sheet.goto(page_of_run(name).as_uri())
            for width in (1280, 800, PHONE, PAPER):
                sheet.set_viewport_size({"width": width, "height": 800})
                sheet.emulate_media(media="print" if width == PAPER else "screen")
                assert sheet.evaluate(BROKEN) == [], (name, width)


CUT = """() => [...document.querySelectorAll('.table:not(.wide) td')]
  .filter(cell => cell.getBoundingClientRect().right > innerWidth || cell.scrollWidth > cell.clientWidth + 1)
  .map(cell => cell.textContent)"""


def test_on_a_phone_nothing_is_cut_and_a_row_is_a_card(page_of_run: WritePage) -> None:
    with chromium() as browser:
        sheet = browser.new_page(viewport={"width": PHONE, "height": 844})
        for name in (*AUDITS, "costs"):
            sheet.goto(page_of_run(name).as_uri())
            assert sheet.evaluate("document.documentElement.scrollWidth") == PHONE, name
            assert sheet.evaluate(CUT) == [], name
        sheet.goto(page_of_run("drift").as_uri())
        second = sheet.locator(".cards tbody tr").first.locator("td:not(:empty)").nth(1)
        assert second.evaluate("cell => getComputedStyle(cell, '::before').content") == '"Thing"'


def test_rows_that_are_folded_on_the_screen_are_there_on_paper(page_of_run: WritePage) -> None:
    written = page_of_run("access-audit")
    with chromium() as browser:
        sheet = browser.new_page(viewport={"width": PAPER, "height": 1000})
        sheet.goto(written.as_uri())
        rows = sheet.locator(".table:has(+ .more) tbody tr")
        visible = []
        for media in ("screen", "print"):
            sheet.emulate_media(media=media)
            visible.append(rows.evaluate_all("rows => rows.filter(row => row.getClientRects().length).length"))
        assert visible[0] < visible[1] == rows.count()
