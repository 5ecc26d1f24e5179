"""Tables on the page of an executed notebook, and the band over a page of the demo."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from kosmo_kernel.checks.head_display import REMEDY, head_display
from kosmo_kernel.checks.report import QuestionReport, QuestionResult
from kosmo_kernel.questions.question import Question
from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.render.page_parts import FICTION
from kosmo_kernel.runbook import page
from kosmo_kernel.runbook.page import adapt
from kosmo_kernel.session import Session
from kosmo_kernel.settings import notebook_run
from kosmo_kernel.values.records import Records


@pytest.fixture(autouse=True)
def run_by_kosmo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the outputs be those of a notebook that `kosmo run` runs."""
    monkeypatch.setattr(notebook_run, "received", [notebook_run.NotebookRun()])


def output(value: Any) -> Any:
    """Return the output of a cell with this value."""
    return nbformat.v4.new_output("execute_result", bundle_of(value), execution_count=1)


def shown(session: Session, lua: str) -> Any:
    """Return the output of what Lua returns."""
    return output(session.run(lua).value)


def adapted(*outputs: Any, are_figures: bool = False) -> str:
    """Return the HTML of a page for the outputs of a cell."""
    return "".join(str(one.data["text/html"]) for one in adapt(list(outputs), are_figures=are_figures))


def cells(html: str, selector: str) -> list[str]:
    return [cell.get_text() for cell in BeautifulSoup(html, "html.parser").select(selector)]


def test_headings_are_words_times_have_their_zone_once_and_truth_values_are_words(session: Session) -> None:
    rows = "{ app_name = 'a', released_at = '2026-11-19T03:37:21Z', maintenance = true, monthly_usd = 1472 }"
    html = adapted(shown(session, f"return {{ {rows} }}"))
    by_heading = dict(zip(cells(html, "thead th"), cells(html, "tbody td"), strict=True))
    assert by_heading == {
        "App name": "a",
        "Released at, UTC": "2026-11-19 03:37",
        "Maintenance": "yes",
        "Monthly cost, $": "1,472",
    }
    assert "record" not in html


def test_a_record_has_a_line_for_each_field(session: Session) -> None:
    html = adapted(shown(session, "return heroku.get_app('my-app')"))
    fields = dict(zip(cells(html, ".fields th, .table th"), cells(html, ".table td"), strict=True))
    assert fields["Name"] == "my-app"
    assert fields["Maintenance"] in ("yes", "no")


def test_rows_after_the_first_25_are_folded_and_all_are_there(session: Session) -> None:
    lua = "local rows = {} for i = 1, %d do rows[i] = { name = 'x' .. i } end return rows"
    assert cells(adapted(shown(session, lua % 25)), "details.more summary") == []
    long = adapted(shown(session, lua % 60))
    assert (cells(long, "details.more summary"), len(cells(long, "tbody tr"))) == (["35 more of 60 rows"], 60)
    assert cells(long, ".on-paper") == ["60 rows"]


def test_a_table_of_which_rows_are_missing_says_how_many_there_are(session: Session) -> None:
    records = Records([{"n": n} for n in range(2500)])
    html = adapted(output(records))
    [below] = cells(html, ".cut")
    assert below.startswith("2,500 records \N{MULTIPLICATION SIGN} 1 column, the first 1,000 shown;")


def test_what_a_notebook_cuts_is_whole_in_a_page(session: Session) -> None:
    text, link = "word " * 30 + "END", "https://example.com/" + "y" * 90 + "END"
    html = adapted(output(Records([{"text": text, "link": link, "list": ["a" * 50, "b" * 50]}])))
    assert cells(html, "tbody td")[:2] == [text, link]
    assert "b" * 50 in cells(html, "tbody td")[2]


def test_parts_of_a_bill_have_bars_for_their_shares_and_a_total(session: Session) -> None:
    rows = Records([{"team": "a", "usd_a_month": 30.5, "dynos": 2}, {"team": "b", "usd_a_month": 91.5, "dynos": 1}])
    html = adapted(output(rows))
    assert cells(html, "tfoot td") == ["Total", "122", "3"]
    bars = [cell["style"] for cell in BeautifulSoup(html, "html.parser").select("td[style]")]
    assert bars == ["--share:0.25", "--share:0.75"]


def test_key_figures_are_cards_with_thousands_money_and_bounds(session: Session) -> None:
    sentence = nbformat.v4.new_output(
        "display_data", {"text/html": "<p>All is well.</p>", "text/plain": "All is well."}
    )
    numbers = shown(session, 'return { ["monthly cost, $"] = 47429.4, apps = 1234 }')
    bounds = shown(session, 'return { crashed = "at least 1200", release = "v41" }')
    html = adapted(numbers, sentence, bounds, are_figures=True)
    assert cells(html, ".figures .name") == ["Monthly cost", "Apps", "Crashed", "Release"]
    assert cells(html, ".figures strong") == ["$47,429", "1,234", "at least 1,200", "v41"]
    assert html.index("All is well.") < html.index("figures")


def test_an_empty_table_is_a_sentence_and_below_the_head_of_a_check_nothing(session: Session) -> None:
    empty = "return list.filter(heroku.list_apps(), { name = 'none' })"
    assert cells(adapted(shown(session, empty)), "p") == ["Nothing."]
    assert "Nothing." not in cells(adapted(head(0), shown(session, empty)), "p")


def head(count: int | None, reason: str = "") -> Any:
    """Return the output with the head of a check."""
    check = Question(
        "idle",
        "Idle apps",
        "heroku",
        ("app",),
        (),
        "return {}",
        1,
        "idle.lua",
        severity="low",
        why="They cost money.",
        remedy="Stop <them>: `heroku ps:scale web=0 -a APP`.",
    )
    records = None if count is None else Records([{"app": f"app-{number}"} for number in range(count)])
    result = QuestionResult(check, reasons=[reason] if reason else [], records=records)
    now = datetime(2026, 11, 20, tzinfo=UTC)
    report = QuestionReport("default", now, now, [result], notes=["As of today."])
    return nbformat.v4.new_output("display_data", head_display(result, report).bundle)


@pytest.mark.parametrize(
    ("count", "reason", "open_remarks"),
    [
        (2, "", ["Note", REMEDY]),
        (0, "", ["Note"]),
        (0, "A list could not be read.", ["In part not checked", "Note", REMEDY]),
        (None, "A list could not be read.", ["Not checked", "Note", REMEDY]),
    ],
)
def test_why_a_check_matters_is_folded_and_what_to_do_stands_last_or_without_findings_is_folded_too(
    count: int | None, reason: str, open_remarks: list[str]
) -> None:
    html = adapted(head(count, reason))
    remarks = [name.rstrip(":") for name in cells(html, ".check p b, .advice b")]
    assert remarks == open_remarks
    assert cells(html, ".about-check p b")[0] == "Why:"
    has_passed = count == 0 and not reason
    assert (len(cells(html, ".passed")), cells(html, ".severity")) == ((1, []) if has_passed else (0, ["low"]))
    assert "style=" not in html.partition("<pre>")[0]


def test_what_to_do_about_findings_stands_below_their_table(session: Session) -> None:
    html = adapted(head(1), shown(session, "return { { app = 'idle-one' } }"))
    assert html.index("Idle apps") < html.index("idle-one") < html.index("Stop &lt;them&gt;")
    assert html.count("Stop") == 1


def test_a_command_is_code_with_a_dollar_sign_that_is_not_a_part_of_it(session: Session) -> None:
    html = adapted(head(1), shown(session, "return { { app = 'idle-one' } }"))
    assert cells(html, "code.command") == ["heroku ps:scale web=0 -a APP"]
    assert "$ heroku" not in html


def test_a_row_of_a_table_of_many_columns_has_the_headings_for_a_card(session: Session) -> None:
    html = adapted(shown(session, "return { { name = 'a', b = 1, [\"x'; --h1: y\"] = 2, monthly_usd = 3 } }"))
    [style] = [box["style"] for box in BeautifulSoup(html, "html.parser").select(".cards")]
    assert style == "--h2:'B';--h3:'X\\27 \\3b  --h1\\3a  y';--h4:'Monthly cost, \\24 '"


def test_text_in_a_table_stays_text(session: Session) -> None:
    lua = "return { { name = '<img src=x onerror=alert(1)>', note = 'a \"quoted\" & <b>bold</b> word' } }"
    html = adapted(shown(session, lua))
    assert cells(html, "tbody td") == ["<img src=x onerror=alert(1)>", 'a "quoted" & <b>bold</b> word']
    assert BeautifulSoup(html, "html.parser").find(["img", "b"]) is None


def test_other_html_is_unchanged() -> None:
    html = "<table><tr><td>true</td></tr></table><p>3 records</p>"
    other = nbformat.v4.new_output("display_data", {"text/html": html})
    assert adapted(other) == html


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


def test_what_is_about_the_page_is_at_its_end(tmp_path: Path) -> None:
    about = nbformat.v4.new_markdown_cell("What may not be read is named.", metadata={"tags": ["about"]})
    text = written(tmp_path, ["default"], about, nbformat.v4.new_markdown_cell("## Dynos"))
    assert text.index(">Dynos") < text.index("Run on a day.") < text.index("What may not be read is named.")


def test_the_end_of_a_page_has_the_command_that_makes_it_again(tmp_path: Path) -> None:
    report = nbformat.v4.new_markdown_cell("Run on a day.", metadata={"tags": ["kosmo-run"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[report]), tmp_path / "n.ipynb")
    command = "kosmo run n.ipynb -p name 'a b' --html"
    text = page.write(tmp_path / "n.ipynb", ["default"], command=command).read_text(encoding="utf-8")
    [code] = cells(text, ".celltag_kosmo-run pre")
    assert code.strip() == command


def test_a_page_allows_no_script_and_says_so(tmp_path: Path) -> None:
    script = nbformat.v4.new_output("display_data", {"application/javascript": "alert(1)", "text/plain": "x"})
    text = written(tmp_path, ["default"], nbformat.v4.new_code_cell("1", outputs=[script]))
    assert "default-src 'none'" in text
    assert "<script" not in text


def test_on_paper_a_page_has_its_accounts_and_its_day_above_the_title(tmp_path: Path) -> None:
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# All apps")]), tmp_path / "n.ipynb")
    day = datetime(2026, 11, 2, 9, tzinfo=UTC)
    text = page.write(tmp_path / "n.ipynb", ["default", "<b>eu</b>"], day).read_text(encoding="utf-8")
    assert cells(text, ".printed") == ["default, <b>eu</b>, 2 November 2026"]
    assert text.index('<p class="printed">') < text.index("<h1")


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<a href='x.ipynb'>x</a> <a href='https://e.example'>y</a>", "x <a href='https://e.example'>y</a>"),
        (
            '<a id="1" href="#top"><b>up</b></a><A HREF=x.html><i>x</i></A>',
            '<a id="1" href="#top"><b>up</b></a><i>x</i>',
        ),
        ("<a href=x.html>no end <a href=y.html>y</a>", "<a href=x.html>no end y"),
        ("<abbr href=x>a</abbr></a>", "<abbr href=x>a</abbr></a>"),
    ],
)
def test_only_links_to_files_beside_the_notebook_become_text(markup: str, expected: str) -> None:
    assert page.without_local_links(markup) == expected


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("# Apps # #", "Apps"),
        ("## [Apps](apps.md) and `dynos`", "Apps and dynos"),
        ("```\n# no title\n```\n# *Title*", "Title"),
    ],
)
def test_the_first_heading_is_the_title(source: str, title: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
    page.set_titles(notebook)
    assert notebook.metadata.title == title


def test_a_page_of_headings_with_many_brackets_is_written(tmp_path: Path) -> None:
    copy = tmp_path / "ran.ipynb"
    cells = [nbformat.v4.new_markdown_cell(source) for source in ("# a" + " #" * 50_000, "# " + "[a" * 50_000)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), copy)
    assert page.write(copy, ()).stat().st_size > 150_000
