"""Adapt tables and checks for the page of an executed notebook: what a reader without the notebook needs.

A table of the notebook is read from its HTML and written again in the form of all pages (`render/page_parts.py`), and
key figures become cards. An empty table is a sentence, or nothing below the head of a check, which says already that
there are no findings. What to do about findings stands below their table, and why they matter is folded together with
the Lua of the check; without findings also what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kosmo_kernel.checks.head_display import CHECK_CLASS, PASSED, REMEDY, WHY
from kosmo_kernel.render.page_parts import AT_LEAST, Card, cards, page_columns, page_table
from kosmo_kernel.render.tables import Table
from kosmo_kernel.render.text import CellForm, format_column
from kosmo_kernel.safety.markup import Html
from kosmo_kernel.safety.tables import html_fields

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_TABLE_CLASS = "kosmo-table"
_COUNT = re.compile("([0-9,]+) records? \N{MULTIPLICATION SIGN} [0-9,]+ columns?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d(?:\.\d+)?)?) UTC")
_TRUTH = {"true": True, "false": False}
_RECORD = Html('<div class="table">{}</div>\n')
_NOTHING = Html('<p class="nothing">Nothing.</p>\n')
_BELOW = Html('<p class="cut">{}</p>\n')
_ADVICE = Html('<p class="advice"><b>{}</b> {}</p>\n')
_FACTS = Html("<div>{}</div>")
DOLLARS = ", $"  # the end of the name of an amount of money
_FIGURE_FORM = CellForm("minutes", has_separators=True, for_page=True)


def adapt(outputs: Sequence[Any], *, are_figures: bool = False) -> list[Any]:
    """Return the outputs of a cell for a page.

    Parameters:
        outputs: the outputs, whose HTML is changed.
        are_figures: their tables have key figures, which become cards, below all other HTML.
    """
    figures: list[Card] = []
    others: list[Any] = []
    headed, advice = None, Html()
    for output in outputs:
        html = str(output.get("data", {}).get("text/html", ""))
        if are_figures and _TABLE_CLASS in html:
            figures += (card for box in _boxes(_soup(html)) for card in _cards(box))
            continue
        if _TABLE_CLASS in html or CHECK_CLASS in html:
            output.data["text/html"], advice = _adapted(html, advice, is_headed=bool(others))
            headed = output
        others.append(output)
    if headed:
        headed.data["text/html"] += str(advice)
    if figures:
        sentences = [output for output in others if "data" in output]
        others = [*sentences, _output(cards(figures)), *(output for output in others if "data" not in output)]
    return others


def _output(html: Html) -> Any:
    from nbformat.v4 import new_output

    return new_output("display_data", {"text/html": html})


def _soup(html: str) -> BeautifulSoup:
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser")


def _boxes(soup: BeautifulSoup) -> list[Tag]:
    return list(soup.find_all("div", class_=_TABLE_CLASS))


def _adapted(html: str, advice: Html, *, is_headed: bool) -> tuple[str, Html]:
    """Return HTML for a page, and what to do about the findings of a check in it, which stands below the next table."""
    soup = _soup(html)
    for style in soup.find_all("style"):
        style.decompose()
    for box in _boxes(soup):
        box.replace_with(_soup(_written(box, is_headed=is_headed) + advice))
        advice = Html()
    for head in soup.find_all("div", class_=CHECK_CLASS):
        advice = _arrange_head(head)
    return str(soup), advice


def _arrange_head(head: Tag) -> Html:
    """Fold what explains a check, and return what to do about its findings."""
    advice = Html()
    for element in [head, *head.find_all(["div", "summary", "pre"]), *head.find_all(class_="severity")]:
        del element["style"]
    folded = head.find("details")
    summary, code = (folded.find("summary"), folded.find("pre")) if folded else (None, None)
    if not summary or not code:
        return advice
    for remark in head.find_all("div", recursive=False):
        name = remark.find("b", recursive=False)
        kind = name.get_text().rstrip(":") if name else ""
        if kind == WHY or (kind == REMEDY and PASSED in head["class"]):
            code.insert_before(remark.extract())
        elif kind == REMEDY and name:
            name.extract()
            advice = _ADVICE.format(kind, remark.extract().get_text().strip())
    for text in summary.find_all(string=True, recursive=False):  # the account, the day and the parameters
        code.insert_before(_soup(_FACTS.format(text.extract().strip())))
    summary.insert(0, "About ")
    return advice


def _written(box: Tag, *, is_headed: bool) -> Html:
    """Return the HTML of a table in the form of pages."""
    table, is_record = _read(box), not box.find("thead")
    if not table.columns or not table.columns[0]:
        return Html("") if is_headed else _NOTHING
    columns = page_columns(table)
    if is_record:
        whole = _RECORD.format(html_fields((name, texts[0], texts[0] or "") for name, texts, *_ in columns))
    else:
        whole = page_table(columns)
    below = (note.get_text() for note in box.find_all("p"))
    return whole + Html("").join(_BELOW.format(text) for text in below if not _COUNT.fullmatch(text))


def _cards(box: Tag) -> Iterator[Card]:
    """Yield the key figures of a table with a name, a figure and a detail in each row, or of a record."""
    table = _read(box)
    if box.find("thead"):
        rows = list(zip(*table.columns, strict=True))
    else:
        rows = [(name, value) for name, [value] in zip(table.names, table.columns, strict=True)]
    for name, value, *details in rows:
        at_least = isinstance(value, str) and value.startswith(f"{AT_LEAST} ")
        amount = _number(value.removeprefix(f"{AT_LEAST} ")) if at_least else value
        is_money = name.endswith(DOLLARS) and isinstance(amount, (int, float))
        number = f"${amount:,.0f}" if is_money else "".join(filter(None, format_column([amount], _FIGURE_FORM)))
        detail = "".join(filter(None, format_column(details, _FIGURE_FORM)))
        yield Card(name.removesuffix(DOLLARS), number, detail, at_least)


def _read(box: Tag) -> Table:
    """Return the table of an output, or the only row of a record, with whole cells."""
    heads: list[Tag] = [*box.select("thead th")]
    rows: list[list[Tag]] = [[*row.find_all(["th", "td"], recursive=False)] for row in box.select("tbody tr")]
    if not heads:  # a record, which has a row for each field
        heads, rows = [row[0] for row in rows], [[row[1] for row in rows]]
    count = next(filter(None, (_COUNT.match(note.get_text()) for note in box.find_all("p"))), None)
    total = int(count[1].replace(",", "")) if count else len(rows)
    return Table([head.get_text() for head in heads], [_values(cells) for cells in zip(*rows, strict=True)], total)


def _values(cells: Sequence[Tag]) -> list[Any]:
    """Return the values of a column: numbers, times and truth values as such, and None for missing ones."""
    texts = list(map(_text, cells))
    present = {text for text in texts if text is not None}
    if not present:
        return texts
    if all(cell.get("align") for cell in cells):
        return [None if text is None else _number(text) for text in texts]
    if present <= _TRUTH.keys():
        return [None if text is None else _TRUTH[text] for text in texts]
    if all(map(_TIME.fullmatch, present)):
        return [None if text is None else datetime.fromisoformat(text[:-4]).replace(tzinfo=UTC) for text in texts]
    return texts


def _number(text: str) -> float | str:
    """Return a number; a text that is none, such as the beginning of one, as it is."""
    with suppress(ValueError):
        return float(text) if set(text) & set(".en") else int(text)
    return text


def _text(cell: Tag) -> str | None:
    """Return the whole text of a cell, of which the notebook may show the beginning; None for a missing value."""
    text = cell.get_text()
    if not text:
        return None
    link = cell.find("a")
    return str(cell.get("title") or (link and link.get("href")) or text.removeprefix(" "))
