"""The executed copy as a page of HTML, for whoever only reads the answers.

The page is one file that fetches nothing and runs no script: it can be mailed, read where there is no network, and no
third party learns that an audit is read. It has nbconvert's usual look without the code and the numbers of the cells.
A text that a table cuts, to be read in full under the mouse, is whole here. On paper a heading stays with its table,
and a table of ten columns or more has a sheet of its own, turned and in small type, so that nothing of it is cut off.
"""

from __future__ import annotations

import re
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.runbook.copy import refuse_to_replace

SUFFIX = ".html"
_MARK = "<!-- A page of kosmo run -->"  # by which one is known that may be replaced
_CUT = re.compile(r"<td title='([^']*)'>[^<]*")  # as `tables.py` writes what it cuts
_CUT_LINK = re.compile(r'<a href="([^"]*)">[^<]*…</a>')
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
_HEADING = re.compile(r"^#{1,6} +(.+?)[ #]*$", re.MULTILINE)

# The blocks that are emptied load scripts from a content delivery network: for widgets, formulas and diagrams.
_HEAD = f"{{%- extends 'lab/index.html.j2' -%}}{{%- block html_head_js -%}}{_MARK}{{%- endblock -%}}"
_TEMPLATE = """\
{%- block data_png -%}{{ super() | replace('<img', cell.metadata.image) }}{%- endblock -%}
{%- block data_jpg -%}{{ super() | replace('<img', cell.metadata.image) }}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_css -%}
<style>
body.jp-Notebook { max-width: 70em; margin: auto; }
.jp-RenderedMarkdown .highlight pre { font-family: var(--jp-code-font-family); margin: 0 0 1em; }
.kosmo-table.kosmo-table td[title] { white-space: normal; overflow-wrap: anywhere; min-width: 20em; }
@page turned { size: landscape; }
@media print {
  h1, h2, h3, .jp-MarkdownCell:has(+ .jp-CodeCell) { break-after: avoid; }
  tr, img, .jp-CodeCell { break-inside: avoid; }
  body.jp-Notebook { max-width: none; }
  .jp-OutputArea, .jp-OutputArea-child, .jp-OutputArea-output { display: block; overflow: visible !important; }
  .jp-CodeCell:has(.kosmo-table th:nth-child(10)) { break-inside: auto; }
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
    """See whether a page of this copy can be made.

    Raises:
        SettingsError: what makes it is not installed.
        InvalidArgumentsError: the copy has the name of a page, or the page that of a file which is none of ours.
    """
    if copy.suffix == SUFFIX:
        raise InvalidArgumentsError(
            f"`{copy}` is the name of a page, and -o names the copy: -o {copy.with_suffix('.ipynb')} writes the page "
            f"to {copy} as well."
        )
    if find_spec("nbconvert") is None:
        raise SettingsError("--html needs nbconvert, which is not installed. Install: pip install 'kosmo_kernel[run]'")
    refuse_to_replace(copy.with_suffix(SUFFIX), "page", _is_page)


def write(copy: Path) -> Path:
    """Write the copy as a page beside it.

    Raises:
        SettingsError: the page cannot be written.
    """
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.read(copy, as_version=4)
    _name(notebook)
    _uncut(notebook)
    bare = {"exclude_input": True, "exclude_input_prompt": True, "exclude_output_prompt": True}
    # Of its own accord it prefers templates in the working directory, which are programs.
    templates = {"raw_template": _HEAD + _TEMPLATE, "extra_template_basedirs": []}
    exporter = HTMLExporter(**templates, **bare)  # type: ignore[no-untyped-call] # nbconvert has no types
    text, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": copy.stem, "path": str(copy.parent)}})
    page = copy.with_suffix(SUFFIX)
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"`{page}` cannot be written: {error.strerror}.") from None
    return page


def _is_page(path: Path) -> bool:
    try:
        return _MARK.encode() in path.read_bytes()
    except OSError:  # it is somebody else's
        return False


def _name(notebook: Any) -> None:
    """Give the page its first heading as a title, and pictures the heading above them for those who cannot see."""
    heading = "A picture"
    for cell in notebook.cells:
        text = _FENCED.sub("", cell.source) if cell.cell_type == "markdown" else ""
        found = [_LINK.sub(r"\1", one).replace("`", "").replace("*", "") for one in _HEADING.findall(text)]
        if found:
            heading = found[-1]
            notebook.metadata.setdefault("title", found[0])
        cell.metadata.image = f'<img alt="{escape(heading)}"'


def _uncut(notebook: Any) -> None:
    """Have our tables show whole what they cut."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", ())):
        shown = output.get("data", {}).get("text/html", "")
        if 'class="kosmo-table"' in shown:
            whole = _CUT.sub(r"<td title='\1'>\1", shown)
            output.data["text/html"] = _CUT_LINK.sub(r'<a href="\1">\1</a>', whole)
