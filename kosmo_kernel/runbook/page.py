"""Write the executed copy as an HTML page, for readers who only need the results.

The page is one file that loads nothing and runs no script: it can be mailed and read offline, and no third party learns
that it is read. It uses nbconvert's default look without the code and the cell numbers. Links to files beside the
notebook become plain text, because the reader has only the page.

A cell's tags decide where it stands: `key-figures` below the title, `remove-cell` nowhere, and `demo` only if the run
asked the demo account and no other.

Tables have no scroll bar of their own, and large numbers have separators. Cells that are truncated in a notebook, with
the full text in a tooltip, are shown in full. In print a heading stays with its table, rows are not divided, and a
table of ten or more columns gets a landscape sheet of its own in small type, so that nothing is cut off.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kosmo_kernel.accounts.account import DEMO
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.runbook.copy import refuse_to_replace
from kosmo_kernel.safety.escape import Html, html_attribute
from kosmo_kernel.safety.html_table import expand_cells, group_digits
from kosmo_kernel.settings.extras import how_to_install
from kosmo_kernel.settings.file_writing import writing

SUFFIX = ".html"
KEY_FIGURES = "key-figures"  # the tag of cells whose outputs stand below the title
REMOVED = "remove-cell"  # the tag of cells that are not in the page; the same as in Jupyter Book
ABOUT_DEMO = "demo"  # the tag of cells about the demo account
_GROUPED_FROM = 5  # digits of a number whose column gets separators, so that years and versions have none
_MARKER = "<!-- A page of kosmo run -->"  # identifies a page of an earlier run, which may be replaced
_IMAGE = Html('<img alt="{}"')  # the beginning of a tag
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^][]*)\]\([^()]*\)")
# A link ends before the next tag of a link, so that its end is searched once.
_ANCHOR = re.compile(r"<a\b([^<>]*+)>((?:[^<]|<(?!/?a\b))*+)</a>", re.IGNORECASE)
_LOCAL = re.compile(r"""\bhref=["']?+(?!https?:|mailto:|#)""", re.IGNORECASE)
_HEADING = re.compile(r"^#{1,6} ++(.++)$", re.MULTILINE)

# The emptied blocks would load scripts from a CDN, for widgets, formulas and diagrams.
_HEAD = f"{{%- extends 'lab/index.html.j2' -%}}{{%- block html_head_js -%}}{_MARKER}{{%- endblock -%}}"
_TEMPLATE = """\
{%- block data_png -%}{{ super() | replace('<img', cell.metadata.image) }}{%- endblock -%}
{%- block data_jpg -%}{{ super() | replace('<img', cell.metadata.image) }}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_css -%}
<style>
body.jp-Notebook { max-width: 80em; margin: auto; }
.jp-RenderedMarkdown .highlight pre { font-family: var(--jp-code-font-family); margin: 0 0 1em; }
:is(.jp-OutputArea-output, .jp-RenderedMarkdown .highlight) pre { word-break: normal; overflow-wrap: anywhere; }
:is(.jp-Cell-outputWrapper, .jp-OutputArea, .jp-OutputArea-child, .jp-OutputArea-output, .kosmo-table > div) {
  overflow: visible !important; max-height: none !important;
}
.kosmo-table.kosmo-table td:is([title], :has(a)) { white-space: normal; overflow-wrap: anywhere; min-width: 20em; }
.celltag_key-figures .jp-OutputArea { display: flex; flex-wrap: wrap; gap: 10px; }
.celltag_key-figures .jp-OutputArea :is(div, table, tbody) { display: contents; }
.celltag_key-figures .kosmo-table :is(thead, p) { display: none; }
.celltag_key-figures pre { flex-basis: 100%; }
.celltag_key-figures tr {
  display: flex; flex-direction: column-reverse; justify-content: flex-end; gap: 2px;
  padding: 8px 16px; border: 1px solid var(--jp-border-color2); border-radius: 4px; break-inside: avoid;
}
.celltag_key-figures .kosmo-table.kosmo-table tr > * {
  position: static; padding: 0; border: 0; min-width: 0; background: none; animation: none;
  text-align: left !important;
}
.celltag_key-figures .kosmo-table.kosmo-table tr > :last-child { font-size: 15px; }
.celltag_key-figures .kosmo-table.kosmo-table tr > [align] { font-size: 26px; }
@page turned { size: landscape; }
@media print {
  h1, h2, h3, .jp-MarkdownCell:has(+ .jp-CodeCell) { break-after: avoid; }
  tr, img, .jp-CodeCell { break-inside: avoid; }
  body.jp-Notebook { max-width: none; }
  .jp-Cell-outputWrapper, .jp-OutputArea, .jp-OutputArea-child, .jp-OutputArea-output { display: block; }
  :is(.jp-CodeCell, .jp-OutputArea-child):has(.kosmo-table :is(th:nth-child(10), tr:nth-child(20))) {
    break-inside: auto;
  }
  .kosmo-table.kosmo-table tr > :first-child:not([title]) { white-space: nowrap; }
  .kosmo-table.kosmo-table table:has(th:nth-child(6)) { font-size: 9px; }
  .kosmo-table.kosmo-table table:has(th:nth-child(6)) tr > * { padding: 3px 5px; }
  .jp-Cell:is(:has(.kosmo-table th:nth-child(10)), :has(+ .jp-CodeCell .kosmo-table th:nth-child(10))) { page: turned; }
  .kosmo-table.kosmo-table table:has(th:nth-child(10)) { font-size: 8px; }
  .kosmo-table.kosmo-table table:has(th:nth-child(10)) tr > * {
    max-width: none !important; padding: 2px 4px !important; white-space: normal !important; overflow-wrap: break-word;
  }
  .kosmo-table.kosmo-table table:has(th:nth-child(15)) tr > * { overflow-wrap: anywhere; min-width: 3em; }
}
</style>
{%- endblock -%}
"""


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


def write(copy: Path, accounts: Sequence[str]) -> Path:
    """Write the page next to the copy and return its path.

    Parameters:
        copy: the executed copy.
        accounts: the aliases of the accounts that the run asked.

    Raises:
        FileWriteError: the page cannot be written.
    """
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.read(copy, as_version=4)
    _arrange(notebook, hidden={REMOVED} if set(accounts) == {DEMO} else {REMOVED, ABOUT_DEMO})
    _set_titles(notebook)
    _adapt_tables(notebook)
    bare = {"exclude_input": True, "exclude_input_prompt": True, "exclude_output_prompt": True}
    # By default nbconvert prefers templates in the working directory, and templates can run code.
    templates = {"raw_template": _HEAD + _TEMPLATE, "extra_template_basedirs": []}
    exporter = HTMLExporter(**templates, **bare)  # type: ignore[no-untyped-call] # nbconvert has no types
    text, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": copy.stem, "path": str(copy.parent)}})
    page = copy.with_suffix(SUFFIX)
    with writing(page, f"The notebook with all outputs is {copy}."):
        page.write_text(_ANCHOR.sub(_without_local_link, text), encoding="utf-8")
    return page


def _without_local_link(anchor: re.Match[str]) -> str:
    return anchor[2] if _LOCAL.search(anchor[1]) else anchor[0]


def _is_page(path: Path) -> bool:
    try:
        return _MARKER.encode() in path.read_bytes()
    except OSError:  # unreadable, so not written by a run
        return False


def _arrange(notebook: Any, hidden: set[str]) -> None:
    """Remove the cells with hidden tags, and move the key figures into one cell below the title."""
    cells = [cell for cell in notebook.cells if not hidden.intersection(_tags(cell))]
    figures = [cell for cell in cells if cell.cell_type == "code" and KEY_FIGURES in _tags(cell)]
    rest = [cell for cell in cells if cell not in figures]
    for cell in figures[:1]:
        cell.outputs = [output for each in figures for output in each.outputs]
    place = 1 if rest and rest[0].cell_type == "markdown" else 0
    notebook.cells = [*rest[:place], *figures[:1], *rest[place:]]


def _tags(cell: Any) -> list[str]:
    tags: list[str] = cell.metadata.get("tags", [])
    return tags


def _set_titles(notebook: Any) -> None:
    """Set the first heading as the page's title, and the heading above each picture as its alternative text."""
    heading = "A picture"
    for cell in notebook.cells:
        text = _FENCED.sub("", cell.source) if cell.cell_type == "markdown" else ""
        headings = [_LINK.sub(r"\1", h.rstrip(" #")).replace("`", "").replace("*", "") for h in _HEADING.findall(text)]
        if headings:
            heading = headings[-1]
            notebook.metadata.setdefault("title", headings[0])
        cell.metadata.image = _IMAGE.format(html_attribute(heading))


def _adapt_tables(notebook: Any) -> None:
    """Show truncated cells of our tables in full, and large numbers with separators."""
    for cell in notebook.cells:
        grouped_from = 4 if KEY_FIGURES in _tags(cell) else _GROUPED_FROM
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html", "")
            if 'class="kosmo-table"' in html:
                output.data["text/html"] = group_digits(expand_cells(html), grouped_from)
