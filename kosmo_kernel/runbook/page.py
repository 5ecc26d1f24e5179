"""Write the executed copy as an HTML page, for readers who only need the results.

The page is one file that loads nothing and runs no script: it can be mailed and read offline, and no third party learns
that it is read. It has the outputs without the code. Links to files beside the notebook become plain text, because the
reader has only the page. A page with data of the demo account has a band on top that says so.

A cell's tags decide where it stands: `key-figures` below the title as cards, `about` at the end with the report of the
run, `remove-cell` nowhere, and `demo` only if the run used no account but the demo.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmo_kernel.accounts import is_demo
from kosmo_kernel.checks.head_display import CHECK_CLASS, PASSED, REMEDY, WHY
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.pages.design import FICTION, PRINTED, style_rules, style_sheets
from kosmo_kernel.render.page_parts import AT_LEAST, Card, cards, page_columns, page_table
from kosmo_kernel.render.tables import Table
from kosmo_kernel.render.text import CellForm, format_column
from kosmo_kernel.runbook.copy import refuse_to_replace
from kosmo_kernel.runbook.notebook import REPORT_TAG
from kosmo_kernel.safety.markup import Html, fenced, html_attribute, html_of_package
from kosmo_kernel.safety.tables import html_fields
from kosmo_kernel.settings import private_files
from kosmo_kernel.settings.installation import how_to_install
from kosmo_kernel.settings.private_files import writing
from kosmo_kernel.values.records import without_surrogates

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

SUFFIX = ".html"
KEY_FIGURES = "key-figures"  # the tag of cells whose outputs stand below the title
REMOVED = "remove-cell"  # the tag of cells that are not in the page; the same as in Jupyter Book
ABOUT = "about"  # the tag of cells at the end, which say how to read the page
ABOUT_DEMO = "demo"  # the tag of cells about the demo account
_MARKER = "<!-- A page of kosmo run -->"  # identifies a page of an earlier run, which may be replaced
_IMAGE = Html('<img alt="{}"')  # the beginning of a tag
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^][]*)\]\([^()]*\)")
# A link ends before the next tag of a link, so that its end is searched once.
_ANCHOR = re.compile(r"<a\b([^<>]*+)>((?:[^<]|<(?!/?a\b))*+)</a>", re.IGNORECASE)
_LOCAL = re.compile(r"""\bhref=["']?+(?!https?:|mailto:|#)""", re.IGNORECASE)
_HEADING = re.compile(r"^#{1,6} ++(.++)$", re.MULTILINE)


def check(copy: Path) -> None:
    """Check that a page of this copy can be written.

    Raises:
        SettingsError: nbconvert is not installed.
        InvalidArgumentsError: the copy's name ends in `.html`, or another file has the name of the page.
    """
    if copy.suffix == SUFFIX:
        raise InvalidArgumentsError(
            f"`{copy}` is the name of a page, and -o names the copy: -o {copy.with_suffix('.ipynb')} writes the page "
            f"to {copy} as well."
        )
    if find_spec("nbconvert") is None:
        raise SettingsError(f"--html needs nbconvert, which is not installed. {how_to_install('run')}")
    refuse_to_replace(copy.with_suffix(SUFFIX), "page", _is_page)


def write(copy: Path, accounts: Sequence[str], time: datetime | None = None, command: str = "") -> Path:
    """Write the page next to the copy and return its path.

    Parameters:
        copy: the executed copy.
        accounts: the aliases of the accounts that the run asked.
        time: when the run began.
        command: the command that makes the page again.

    Raises:
        FileWriteError: the page cannot be written.
    """
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.read(copy, as_version=4)
    hidden = {REMOVED} if accounts and all(map(is_demo, accounts)) else {REMOVED, ABOUT_DEMO}
    _arrange(notebook, hidden, command)
    set_titles(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = adapt(cell.outputs, are_figures=KEY_FIGURES in _tags(cell))
    notebook.metadata.marker = _MARKER
    # Outputs take their colours from variables of JupyterLab, which `runbook.css` gives the colours of the page.
    sheets = style_sheets("colours"), style_rules() + Html("\n"), style_sheets("page", "runbook", "band")
    notebook.metadata.style = Html().join(sheets)
    notebook.metadata.band = FICTION if any(map(is_demo, accounts)) else ""
    on_paper = [*accounts, *([f"{time:%d %B %Y}".lstrip("0")] if time else [])]
    notebook.metadata.printed = PRINTED.format(", ".join(on_paper)) if on_paper else ""
    bare = {"exclude_input": True, "exclude_input_prompt": True, "exclude_output_prompt": True}
    # By default nbconvert prefers templates in the working directory, and templates can run code.
    templates = {"raw_template": html_of_package("runbook/page.html.j2"), "extra_template_basedirs": []}
    exporter = HTMLExporter(**templates, **bare)  # type: ignore[no-untyped-call] # nbconvert has no types
    # It replaces links of notebooks of 2013, and takes quadratic time for headings of many brackets.
    exporter.register_filter("strip_files_prefix", lambda text: text)  # type: ignore[no-untyped-call] # as above
    exported, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": copy.stem, "path": str(copy.parent)}})
    page = copy.with_suffix(SUFFIX)
    with writing(page, f"The notebook with all outputs is {copy}."):
        private_files.write(page, without_local_links(without_surrogates(exported)), durable=False)
    return page


def without_local_links(html: str) -> str:
    """Return HTML with the text of links to files beside the notebook in place of the links."""
    return _ANCHOR.sub(lambda anchor: anchor[2] if _LOCAL.search(anchor[1]) else anchor[0], html)


def _is_page(path: Path) -> bool:
    try:
        return _MARKER.encode() in path.read_bytes()
    except OSError:  # unreadable, so not written by a run
        return False


def _arrange(notebook: Any, hidden: set[str], command: str) -> None:
    """Remove cells with hidden tags, join key figures below the title, and move what is about the page to the end."""
    cells = [cell for cell in notebook.cells if not hidden.intersection(_tags(cell))]
    figures = [cell for cell in cells if cell.cell_type == "code" and KEY_FIGURES in _tags(cell)]
    reports = [cell for cell in cells if REPORT_TAG in _tags(cell)]
    about = [cell for cell in cells if ABOUT in _tags(cell)]
    rest = [cell for cell in cells if not any(cell is other for other in (*figures, *reports, *about))]
    for cell in figures[:1]:
        cell.outputs = [output for each in figures for output in each.outputs]
    for cell in reports:
        again = f"\n\nThis command makes the page again:\n\n{fenced(command)}" if command else ""
        cell.source = f"## About this page\n\n{cell.source}{again}"
    start = 1 if rest and rest[0].cell_type == "markdown" else 0
    notebook.cells = [*rest[:start], *figures[:1], *rest[start:], *reports, *about]


def _tags(cell: Any) -> list[str]:
    tags: list[str] = cell.metadata.get("tags", [])
    return tags


def set_titles(notebook: Any) -> None:
    """Set the first heading as the page's title, and the heading above each picture as its alternative text."""
    heading = "A picture"
    for cell in notebook.cells:
        text = _FENCED.sub("", cell.source) if cell.cell_type == "markdown" else ""
        headings = [_LINK.sub(r"\1", h.rstrip(" #")).replace("`", "").replace("*", "") for h in _HEADING.findall(text)]
        if headings:
            heading = headings[-1]
            notebook.metadata.setdefault("title", headings[0])
        cell.metadata.image = _IMAGE.format(html_attribute(heading))


# Tables and checks, as a reader without the notebook needs them ----------------------------------
#
# A table of the notebook is read from its HTML and written again in the form of all pages (`render/page_parts.py`), and
# key figures become cards. An empty table is a sentence, or nothing below the head of a check, which says already that
# there are no findings. What to do about findings stands below their table, and why they matter is folded together with
# the Lua of the check; without findings also what to do.

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
            figures += (card for box in _soup(html).find_all("div", class_=_TABLE_CLASS) for card in _cards(box))
            continue
        if _TABLE_CLASS in html or CHECK_CLASS in html:
            output.data["text/html"], advice = _adapted(html, advice, is_headed=bool(others))
            headed = output
        others.append(output)
    if headed:
        headed.data["text/html"] += str(advice)
    if figures:
        from nbformat.v4 import new_output

        sentences = [output for output in others if "data" in output]
        output = new_output("display_data", {"text/html": cards(figures)})
        others = [*sentences, output, *(output for output in others if "data" not in output)]
    return others


def _soup(html: str) -> BeautifulSoup:
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser")


def _adapted(html: str, advice: Html, *, is_headed: bool) -> tuple[str, Html]:
    """Return HTML for a page, and what to do about the findings of a check in it, which stands below the next table."""
    soup = _soup(html)
    for style in soup.find_all("style"):
        style.decompose()
    for box in soup.find_all("div", class_=_TABLE_CLASS):
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
    counts = [int(count[1].replace(",", "")) for p in box.find_all("p") if (count := _COUNT.match(p.get_text()))]
    columns = [_values(cells) for cells in zip(*rows, strict=True)]
    return Table([head.get_text() for head in heads], columns, counts[0] if counts else len(rows))


def _values(cells: Sequence[Tag]) -> list[Any]:
    """Return the values of a column: numbers, times and truth values as such, and None for missing ones."""
    texts = list(map(_text, cells))
    present = {text for text in texts if text is not None}
    if not present:
        return texts
    if all(cell.get("align") for cell in cells):
        return [None if text is None else _number(text) for text in texts]
    if present <= _TRUTH.keys():
        return [text and _TRUTH[text] for text in texts]
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
