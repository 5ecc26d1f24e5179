"""The page of an executed notebook, in a real browser: on the screen, on paper, and without a network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lab_page import chromium, missing

from kosmo_kernel.runbook import page

pytestmark = [pytest.mark.full, pytest.mark.skipif(bool(missing()), reason=missing())]

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
AUDITS = ["access-audit", "addon-and-domain-audit", "drift", "dyno-audit", "incident-runbook", "stack-and-lifecycle"]
PAPER = 718  # pixels between the margins of a sheet of A4
OUTSIDE = """() => {
  const edge = document.querySelector('main').getBoundingClientRect().right + 1;
  const cells = [...document.querySelectorAll('.kosmo-table td, .kosmo-table th')];
  return cells.filter(cell => cell.getBoundingClientRect().right > edge).map(cell => cell.textContent);
}"""


def test_a_page_fetches_nothing_and_no_column_is_cut_off_on_paper(tmp_path: Path) -> None:
    asked = []
    with chromium() as browser:
        sheet = browser.new_page(viewport={"width": PAPER, "height": 1000})
        sheet.on("request", lambda request: asked.append(request.url))
        sheet.emulate_media(media="print")
        for name in AUDITS:
            copy = Path(shutil.copy(NOTEBOOKS / f"{name}.ipynb", tmp_path))
            sheet.goto(page.write(copy).as_uri())
            assert sheet.locator(".kosmo-table").count() > 0
            assert sheet.evaluate(OUTSIDE) == [], name
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_a_long_table_is_whole_on_paper(tmp_path: Path) -> None:
    with chromium() as browser:
        sheet = browser.new_page(viewport={"width": PAPER, "height": 1000})
        sheet.goto(page.write(Path(shutil.copy(NOTEBOOKS / "access-audit.ipynb", tmp_path))).as_uri())
        box = sheet.locator(".kosmo-table > div", has_text="night-sorter").first
        hidden = "box => box.scrollHeight - box.clientHeight"
        assert box.evaluate(hidden) > 0
        sheet.emulate_media(media="print")
        assert box.evaluate(hidden) == 0
