"""Adapt tables for the page of an executed notebook: what a reader without the notebook needs.

Cells that are cut in a notebook are whole. Headings are words, numbers have separators, truth values are "yes" and
"no", times have no seconds and their zone once, in the heading. Rows after the first ones are folded. An empty table is
a sentence, or nothing below the head of a check, which says already that there are no findings. Of a check, why it
matters is folded together with its Lua; without findings also what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kosmo_kernel.pages.design import MAX_OPEN_ROWS
from kosmo_kernel.render.check_head import HEAD_STYLE, NO_FINDINGS, REMEDY, WHY
from kosmo_kernel.render.titles import is_money, page_title
from kosmo_kernel.safety.html_table import expand_cells, group_digits

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_GROUPED_FROM = 5  # digits of a number whose column gets separators, so that years and versions have none
_MARK = 'class="kosmo-table"'
_COUNTS = re.compile("[0-9,]+ records? \N{MULTIPLICATION SIGN} [0-9]+ columns?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d)(?::\d\d(?:\.\d+)?)? UTC")
_NUMBER = re.compile(r"-?\d{4,}(?:\.\d+)?")
_TRUTH = {"true": "yes", "false": "no"}


def adapt(html: str, *, are_figures: bool = False, is_headed: bool = False) -> str:
    """Return the HTML of an output with its table, or its head of a check, adapted; other HTML is unchanged.

    Parameters:
        html: the HTML.
        are_figures: the table has key figures, which become cards.
        is_headed: the output stands below another one of the same cell.
    """
    if _MARK not in html and HEAD_STYLE not in html:
        return html
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(group_digits(expand_cells(html), 4 if are_figures else _GROUPED_FROM), "html.parser")
    for box in soup.find_all("div", class_="kosmo-table"):
        _adapt_box(soup, box, are_figures=are_figures, is_headed=is_headed)
    for head in soup.find_all("div", style=lambda style: bool(style) and HEAD_STYLE in style):
        _fold_head(head)
    return str(soup)


def _fold_head(head: Tag) -> None:
    """Move remarks about a check to its Lua, which is folded."""
    is_passed = NO_FINDINGS in str(head["style"])
    head["class"] = "check passed" if is_passed else "check"
    folded = head.find("details")
    code = folded and folded.find("pre")
    if not code:
        return
    names = {WHY, REMEDY} if is_passed else {WHY}
    for remark in head.find_all("div", recursive=False):
        name = remark.find("b", recursive=False)
        if name and name.get_text().rstrip(":") in names:
            code.insert_before(remark.extract())


def _adapt_box(soup: BeautifulSoup, box: Tag, *, are_figures: bool, is_headed: bool) -> None:
    rows = [row for body in box.find_all("tbody") for row in body.find_all("tr")]
    if not rows:
        box.clear()
        if not is_headed:
            box.append(_element(soup, "p", "Nothing.", "nothing"))
        return
    for note in box.find_all("p"):
        if _COUNTS.fullmatch(note.get_text()):
            note.decompose()
    for cell in box.find_all(["td"]):
        if (word := _TRUTH.get(cell.get_text())) is not None:
            cell.string = word
    headings = [heading for head in box.find_all("thead") for heading in head.find_all("th")]
    titles = [heading.get_text() for heading in headings]
    for heading in box.find_all("th"):
        heading.string = page_title(heading.get_text())
    for place, column in enumerate(_columns(rows)):
        if place < len(headings):
            _shorten_times(headings[place], column)
        if any(map(is_money, titles[place : place + 1])):
            _separate_thousands(column)
    if not are_figures and len(rows) > MAX_OPEN_ROWS:
        more = soup.new_tag("details", attrs={"class": "more"})
        more.append(_element(soup, "summary", f"{len(rows) - MAX_OPEN_ROWS:,} more rows"))
        box.append(more)


def _element(soup: BeautifulSoup, name: str, text: str, style: str = "") -> Tag:
    element = soup.new_tag(name, attrs={"class": style} if style else {})
    element.string = text
    return element


def _columns(rows: list[Tag]) -> Iterator[list[Tag]]:
    cells = [row.find_all("td", recursive=False) for row in rows]
    for place in range(max(map(len, cells))):
        yield [row[place] for row in cells if place < len(row)]


def _separate_thousands(column: list[Tag]) -> None:
    for cell in column:
        if _NUMBER.fullmatch(text := cell.get_text()):
            whole, point, fraction = text.partition(".")
            cell.string = f"{int(whole):,}{point}{fraction}"


def _shorten_times(heading: Tag, column: list[Tag]) -> None:
    """Show the times of a column without seconds, with their zone in its heading."""
    times = [(cell, _TIME.fullmatch(text)) for cell in column if (text := cell.get_text().strip())]
    if times and all(time for _, time in times):
        for cell, time in times:
            cell.string = time[1] if time else ""
            cell["class"] = "time"
        heading.string = f"{heading.get_text()}, UTC"
