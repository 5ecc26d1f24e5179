"""Tables on the page of an executed notebook, and the band over a page of the demo."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from kosmo_kernel.inventory.page_style import STYLE as INVENTORY_STYLE
from kosmo_kernel.pages.design import BAND, COLOURS, FICTION, PAGE
from kosmo_kernel.render.check_head import REMEDY, WHY, CheckHead, head_display
from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.runbook import page
from kosmo_kernel.runbook.page_style import STYLE
from kosmo_kernel.runbook.page_tables import adapt
from kosmo_kernel.session import Session


def shown(session: Session, lua: str) -> str:
    """Return the HTML of what Lua returns."""
    return str(bundle_of(session.run(lua).value)["text/html"])


def cells(html: str, selector: str) -> list[str]:
    return [cell.get_text() for cell in BeautifulSoup(html, "html.parser").select(selector)]


def test_headings_are_words_times_have_their_zone_once_and_truth_values_are_words(session: Session) -> None:
    rows = "{ app_name = 'a', released_at = '2026-11-19T03:37:21Z', maintenance = true, monthly_usd = 1472 }"
    adapted = adapt(shown(session, f"return {{ {rows} }}"))
    by_heading = dict(zip(cells(adapted, "thead th"), cells(adapted, "tbody td"), strict=True))
    assert by_heading == {
        "App name": "a",
        "Released at, UTC": "2026-11-19 03:37",
        "Maintenance": "yes",
        "Monthly cost, $": "1,472",
    }
    assert "record" not in cells(adapted, ".kosmo-table")[0]


def test_rows_after_the_first_25_are_folded_and_all_are_there(session: Session) -> None:
    lua = "local rows = {} for i = 1, %d do rows[i] = { name = 'x' .. i } end return rows"
    assert cells(adapt(shown(session, lua % 25)), "details.more summary") == []
    long = adapt(shown(session, lua % 60))
    assert (cells(long, "details.more summary"), len(cells(long, "tbody tr"))) == (["35 more rows"], 60)
    assert cells(adapt(shown(session, lua % 60), are_figures=True), "details") == []


def test_an_empty_table_is_a_sentence_and_below_the_head_of_a_check_nothing(session: Session) -> None:
    empty = shown(session, "return list.filter(heroku.list_apps(), { name = 'none' })")
    assert "0 records" in empty
    assert cells(adapt(empty), ".kosmo-table") == ["Nothing."]
    assert cells(adapt(empty, is_headed=True), ".kosmo-table") == [""]


def head(count: int | None, reason: str = "") -> str:
    """Return the HTML of the head of a check."""
    about = {WHY: "They cost money.", REMEDY: "Stop them."}
    now = datetime(2026, 11, 20, tzinfo=UTC)
    check = CheckHead(
        "idle", "Idle apps", "low", about, "return {}", {}, "default", now, count, reason, ["As of today."]
    )
    return str(head_display(check).bundle["text/html"])


@pytest.mark.parametrize(
    ("count", "reason", "open_remarks"),
    [
        (2, "", [REMEDY, "Note"]),
        (0, "", ["Note"]),
        (0, "A list could not be read.", [REMEDY, "In part not checked", "Note"]),
        (None, "A list could not be read.", [REMEDY, "Not checked", "Note"]),
    ],
)
def test_why_a_check_matters_is_folded_and_without_findings_what_to_do_as_well(
    count: int | None, reason: str, open_remarks: list[str]
) -> None:
    page = adapt(head(count, reason))
    remarks = [name.rstrip(":") for name in cells(page, ".check > div > b")]
    assert [name for name in remarks if name != "Idle apps"] == open_remarks
    assert cells(page, ".check details > div > b")[0] == "Why:"
    assert len(cells(page, ".passed")) == (count == 0 and not reason)
    assert sorted(cells(page, ".check b")) == sorted(cells(head(count, reason), "b"))


def test_text_in_a_table_stays_text(session: Session) -> None:
    lua = "return { { name = '<img src=x onerror=alert(1)>', note = 'a \"quoted\" & <b>bold</b> word' } }"
    adapted = adapt(shown(session, lua))
    assert cells(adapted, "tbody td") == ["<img src=x onerror=alert(1)>", 'a "quoted" & <b>bold</b> word']
    assert BeautifulSoup(adapted, "html.parser").find(["img", "b"]) is None


def test_other_html_is_unchanged() -> None:
    html = "<table><tr><td>true</td></tr></table><p>3 records</p>"
    assert adapt(html) == html


def written(folder: Path, accounts: list[str], *more: Any) -> str:
    report = nbformat.v4.new_markdown_cell("Run on a day.", metadata={"tags": ["kosmo-run"]})
    cells = [nbformat.v4.new_markdown_cell("# All apps"), report, nbformat.v4.new_markdown_cell("## Apps"), *more]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "n.ipynb")
    return page.write(folder / "n.ipynb", accounts).read_text(encoding="utf-8")


@pytest.mark.parametrize("accounts", [["demo"], ["default", "demo"]])
def test_a_page_with_data_of_the_demo_has_a_band_before_everything_else(accounts: list[str], tmp_path: Path) -> None:
    text = written(tmp_path, accounts)
    assert text.count(FICTION) == 1
    assert text.index("<body") < text.index(FICTION) < text.index("<h1")


@pytest.mark.parametrize("accounts", [[], ["default"]])
def test_other_pages_have_no_band(accounts: list[str], tmp_path: Path) -> None:
    assert "FICTIONAL" not in written(tmp_path, accounts)


def test_the_report_is_at_the_end_of_the_page(tmp_path: Path) -> None:
    text = written(tmp_path, ["default"])
    assert text.index(">Apps") < text.index("About this page") < text.index("Run on a day.")


def test_a_page_allows_no_script_and_says_so(tmp_path: Path) -> None:
    script = nbformat.v4.new_output("display_data", {"application/javascript": "alert(1)", "text/plain": "x"})
    text = written(tmp_path, ["default"], nbformat.v4.new_code_cell("1", outputs=[script]))
    assert "default-src 'none'" in text
    assert "<script" not in text


def test_the_page_of_a_run_and_that_of_an_inventory_have_one_design() -> None:
    for style in (STYLE, INVENTORY_STYLE):
        assert all(part in style for part in (COLOURS, PAGE, BAND))


def test_on_paper_a_page_has_its_accounts_and_its_day_above_the_title(tmp_path: Path) -> None:
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# All apps")]), tmp_path / "n.ipynb")
    day = datetime(2026, 11, 2, 9, tzinfo=UTC)
    text = page.write(tmp_path / "n.ipynb", ["default", "<b>eu</b>"], day).read_text(encoding="utf-8")
    assert cells(text, ".printed") == ["default, <b>eu</b>, 2 November 2026"]
    assert text.index('<p class="printed">') < text.index("<h1")
