"""The page of an inventory: what it begins with, what it says of the bill, of what there is none of, and of itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from inventories import changed, with_gap
from msgspec import structs

from kosmo_kernel.checks.inventory import Inventory
from kosmo_kernel.checks.inventory_page import page_of
from kosmo_kernel.pages.design import MAX_OPEN_ROWS
from kosmo_kernel.render.page_parts import FICTION


@pytest.fixture(scope="module")
def part(demo: Inventory) -> BeautifulSoup:
    """Return the page of an account whose add-ons could not be read."""
    return BeautifulSoup(page_of(with_gap(demo, "account_addons")), "html.parser")


def test_the_page_of_the_demo_has_a_band_and_the_command_that_makes_it_again(page: BeautifulSoup) -> None:
    assert str(page).count(FICTION) == 1
    assert [element.get_text() for element in page.select("footer pre")] == ["kosmo inventory --demo -o moves/today"]


def test_a_table_shows_its_first_rows_and_on_paper_all(demo: Inventory, page: BeautifulSoup) -> None:
    paper = "".join(re.findall(r"@media print \{.*?\n\}", str(page), re.DOTALL))
    for name in (name for name, result in demo.tables.items() if result.question.page):
        [shown] = page.select(f"#{name}")
        more = [element.get_text() for element in shown.select(".more summary")]
        rest = len(demo.rows(name)) - MAX_OPEN_ROWS
        assert more == ([f"{rest:,} more of {len(demo.rows(name)):,} rows"] if rest > 0 else []), name
        assert len(shown.select("tbody tr")) == len(demo.rows(name))
    assert "details::details-content { content-visibility: visible;" in paper
    assert f"tbody tr:nth-child(n+{MAX_OPEN_ROWS + 1}) {{ display: table-row; }}" in paper


def test_lists_without_records_count_among_those_that_were_read(demo: Inventory) -> None:
    results = [
        structs.replace(
            result,
            calls=[structs.replace(call, rows=0) if call.list_name == "domains" else call for call in result.calls],
        )
        for result in demo.report.results
    ]
    none = replace(demo, report=structs.replace(demo.report, results=results))

    lists, fewer = (re.search(r"Everything was read: (\d+) lists", page_of(data)) for data in (demo, none))
    assert lists
    assert fewer
    assert lists[1] == fewer[1]


def test_tables_without_rows_are_one_sentence_that_says_whether_their_lists_were_read(demo: Inventory) -> None:
    none = changed(demo, domains=[], certificates=[], webhooks=[])

    for data, sentences in (
        (none, ["There are none of these: domains, certificates, webhooks."]),
        (
            with_gap(none, "domains", item="my-app"),
            [
                "There are none of these: webhooks.",
                "There are none of these in what could be read: domains, certificates.",
            ],
        ),
    ):
        page = BeautifulSoup(page_of(data), "html.parser")
        assert [element.get_text() for element in page.select(".tables .nothing")] == sentences
        assert page.select("#domains") == page.select("#webhooks") == []


def test_what_a_move_does_not_meet_is_one_sentence(demo: Inventory) -> None:
    obstacles = [row for row in demo.rows("obstacles") if row["obstacle"] != "Private Spaces"]
    page = BeautifulSoup(page_of(changed(demo, obstacles=obstacles)), "html.parser")
    assert [element.get_text() for element in page.select("#move .nothing")] == [
        "There are none of these: private Spaces."
    ]
    assert "Private Spaces" not in page.select(".obstacles")[0].get_text()


def test_the_bill_says_what_is_not_in_it(demo: Inventory, page: BeautifulSoup, part: BeautifulSoup) -> None:
    for shown, more in ((page, []), (part, ["what could not be read"])):
        sentence = shown.select("#bill > p")[0].get_text()
        bill = demo.bill
        assert sentence.startswith(f"A month costs ${bill.cents / 100:,.0f} at most, at list prices")
        assert all(text in sentence for text in [f"{len(bill.unknown)} items without a known price", *more])


def test_each_part_of_the_bill_has_a_bar_and_its_tables_have_the_whole_sum(
    demo: Inventory, page: BeautifulSoup
) -> None:
    bill = demo.bill
    for table in page.select("#bill table"):
        assert f"{bill.cents / 100:,.0f}" in [cell.get_text() for cell in table.select("tfoot td")]
        shares = [float(str(cell["style"]).removeprefix("--share:")) for cell in table.select("td[style]")]
        assert sum(shares) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("account", "origin", "command"),
    [
        ("eu prod", None, "kosmo inventory -a 'eu prod' -o moves/today"),
        ("demo", Path("all.kosmo"), "kosmo inventory --from all.kosmo -o moves/today"),
    ],
)
def test_the_end_of_the_page_has_the_command_that_makes_it_again(
    demo: Inventory, account: str, origin: Path | None, command: str
) -> None:
    other = replace(demo, origin=origin, report=structs.replace(demo.report, account=account))
    page = BeautifulSoup(page_of(other, Path("moves/today")), "html.parser")
    assert [element.get_text() for element in page.select("footer pre")] == [command]
    assert ("FICTIONAL" in page.get_text()) == (account == "demo")


def test_the_page_begins_with_a_sentence_and_ends_with_what_it_is_about(
    demo: Inventory, page: BeautifulSoup, part: BeautifulSoup
) -> None:
    figures = {one.name: one.text for one in demo.key_figures}
    rest = f"without {len(demo.bill.unknown)} items whose price is not known."
    assert [element.get_text() for element in page.select("header > *")] == [
        "Heroku inventory",
        f"{figures['Apps']} apps with a bill of {figures['Monthly cost']} a month at list prices, {rest}",
    ]
    [about] = page.select("footer")
    assert f"Account demo, {demo.time:%Y-%m-%d %H:%M} UTC" in about.get_text()
    assert f"a bill of at least {figures['Monthly cost']} a month" in part.select("header p")[0].get_text()
    assert [link["href"] for link in part.select("header a")] == ["#unread"]
