"""Write the executed copy as an HTML page, for readers who only need the results.

nbconvert exports the notebook without its code, and `render/page_parts.py` puts it into the frame of all pages. What
stands in tables, cards, checks and pictures is data of the outputs, in a media type of our own that the kernels of
`kosmo run` add; other outputs are as in the notebook. Links to files beside the notebook become plain text, because the
reader has only the page.

A cell's tags decide where it stands: `title` and `answer` first, then `key-figures` as cards, `about` at the end with
the report of the run, `remove-cell` nowhere, and `demo` only if the run used no account but the demo.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from kosmo_kernel.accounts import is_demo
from kosmo_kernel.checks.head_display import Head
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.pages.design import style_rules
from kosmo_kernel.render.page_parts import Card, cards, cards_of, html_page, whole_table
from kosmo_kernel.render.pictures import PictureData
from kosmo_kernel.render.tables import PAGE_DATA, Table
from kosmo_kernel.runbook.copy import refuse_to_replace
from kosmo_kernel.runbook.notebook import REPORT_TAG
from kosmo_kernel.safety.markup import Html, fenced, html_attribute, html_of_notebook, html_of_package
from kosmo_kernel.settings import private_files
from kosmo_kernel.settings.installation import how_to_install
from kosmo_kernel.values.records import without_surrogates

SUFFIX = ".html"
TITLE = "title"  # the tag of cells whose outputs begin with the title of the page
ANSWER = "answer"  # the tag of cells whose outputs answer the question below the title
KEY_FIGURES = "key-figures"  # the tag of cells whose outputs stand below the title
REMOVED = "remove-cell"  # the tag of cells that are not in the page; the same as in Jupyter Book
ABOUT = "about"  # the tag of cells at the end, which say how to read the page
ABOUT_DEMO = "demo"  # the tag of cells about the demo account
_MARKER = Html("<!-- A page of kosmo run -->\n")  # identifies a page of an earlier run, which may be replaced
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
    refuse_to_replace(copy.with_suffix(SUFFIX), "page", lambda page: _MARKER.encode() in page.read_bytes())


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
    bare = {"exclude_input": True, "exclude_input_prompt": True, "exclude_output_prompt": True}
    # By default nbconvert prefers templates in the working directory, and templates can run code.
    templates = {"raw_template": html_of_package("runbook/page.html.j2"), "extra_template_basedirs": []}
    exporter = HTMLExporter(**templates, **bare)  # type: ignore[no-untyped-call] # nbconvert has no types
    # It replaces links of notebooks of 2013, and takes quadratic time for headings of many brackets.
    exporter.register_filter("strip_files_prefix", lambda text: text)  # type: ignore[no-untyped-call] # as above
    exported, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": copy.stem, "path": str(copy.parent)}})
    exported = exported.replace("<table>", '<table tabindex="0">')  # tables of Markdown, which scroll on a phone
    body = html_of_notebook(without_local_links(without_surrogates(exported)))
    style = style_rules() + Html("\n")
    html = html_page(notebook.metadata.get("title", copy.stem), body, accounts, time, style=style, marker=_MARKER)
    page = copy.with_suffix(SUFFIX)
    with private_files.writing(page, f"The notebook with all outputs is {copy}."):
        private_files.write(page, html, durable=False)
    return page


def without_local_links(html: str) -> str:
    """Return HTML with the text of links to files beside the notebook in place of the links."""
    return _ANCHOR.sub(lambda anchor: anchor[2] if _LOCAL.search(anchor[1]) else anchor[0], html)


def _arrange(notebook: Any, hidden: set[str], command: str) -> None:
    """Remove cells with hidden tags, join key figures below the title, and move what is about the page to the end."""
    cells = [cell for cell in notebook.cells if not hidden.intersection(_tags(cell))]
    placed = [[cell for cell in cells if tag in _tags(cell)] for tag in (TITLE, ANSWER, KEY_FIGURES, REPORT_TAG, ABOUT)]
    rest = [cell for cell in cells if not any(cell is other for group in placed for other in group)]
    titles, answers, figures, reports, about = placed
    for cell in figures[:1]:
        cell.outputs = [output for each in figures for output in each.outputs]
    for cell in reports:
        again = f"\n\nThis command makes the page again:\n\n{fenced(command)}" if command else ""
        cell.source = f"## About this page\n\n{cell.source}{again}"
    start = 1 if not titles and rest and rest[0].cell_type == "markdown" else 0
    notebook.cells = [*titles, *rest[:start], *answers, *figures[:1], *rest[start:], *reports, *about]


def _tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", ()))


def set_titles(notebook: Any) -> None:
    """Set the first heading as the page's title, and the heading above each picture as its alternative text."""
    heading = "A picture"
    for cell in notebook.cells:
        text = _FENCED.sub("", cell.source) if cell.cell_type == "markdown" else ""
        if TITLE in _tags(cell):
            text = "\n".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
        headings = [_LINK.sub(r"\1", h.rstrip(" #")).replace("`", "").replace("*", "") for h in _HEADING.findall(text)]
        if headings:
            heading = headings[-1]
            notebook.metadata.setdefault("title", headings[0])
        cell.metadata.image = _IMAGE.format(html_attribute(heading))


def adapt(outputs: Sequence[Any], *, are_figures: bool = False) -> list[Any]:
    """Return the outputs of a cell for a page.

    Parameters:
        outputs: the outputs, whose HTML is changed.
        are_figures: their tables have key figures, which become cards, below all other HTML.
    """
    from nbformat.v4 import new_output

    figures: list[Card] = []
    others: list[Any] = []
    foot = nothing = Html()
    for output in outputs:
        data = output.get("data", {})
        part = msgspec.convert(data[PAGE_DATA], Table | Head | PictureData) if PAGE_DATA in data else None
        match part:
            case Table() if are_figures:
                figures += cards_of(part)
                continue
            case Table():
                data["text/html"] = (whole_table(part, nothing=nothing) if foot else whole_table(part)) + foot
                foot = nothing
            case PictureData():
                data["text/html"] = part.page_html()
            case Head():
                data["text/html"], foot = foot + part.page_head(), part.page_foot()
        others.append(output)
    added = [cards(figures)] * bool(figures) + [foot] * bool(foot)
    others += (new_output("display_data", {"text/html": html}) for html in added)
    return sorted(others, key=lambda output: "data" not in output)  # texts that were printed come last
