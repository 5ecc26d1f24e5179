"""The HTML that the explorer shows for results, errors, notes and Lua code. All text in it is escaped."""

from __future__ import annotations

from typing import Any

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.render.error_lines import error_lines, traceback_lines
from kosmo_kernel.render.tables import table_of
from kosmo_kernel.render.text import format_column
from kosmo_kernel.safety.escape import Html, html_attribute, html_code
from kosmo_kernel.values.records import Records

_TEXT = (
    "margin:0;white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere;"
    "font-family:var(--jp-code-font-family,monospace);"
)
_SMALL = "font-size:12px;line-height:1.5;color:var(--jp-content-font-color2,inherit)"
_CODE = (
    "flex:1 1 0;min-width:0;padding:6px 10px;font-size:13px;line-height:1.4;"
    "color:var(--jp-content-font-color0,inherit);"
    "border:1px solid var(--jp-cell-editor-border-color,rgba(128,128,128,.4));"
    "background:var(--jp-cell-editor-background,transparent)"
)
_ERROR = (
    "padding:6px 10px;font-size:13px;line-height:1.4;color:var(--jp-content-font-color1,inherit);"
    "background:var(--jp-rendermime-error-background,rgba(255,80,80,.15))"
)


_SMALL_NOTE = Html(f'<div style="{_SMALL}">{{}}{{}}</div>')
_INLINE_CODE = Html(" <code>{}</code>")
_LUA = Html(
    f'<div style="display:flex;align-items:flex-start;gap:8px"><pre style="{_TEXT}{_CODE}">{{}}</pre>'
    '<button class="jupyter-button" hidden="hidden" title="Insert this below; it does not run by itself" '
    'style="width:auto;flex:none" data-kosmo-insert="{}">Insert as cell</button></div>'
)
_PLAIN = Html(f'<pre style="{_TEXT}">{{}}</pre>')
_FAILURE = Html(f'<pre style="{_TEXT}{_ERROR}">{{}}</pre>')


def small(text: str, code: str = "") -> Html:
    """Return the HTML of a small note, followed by a piece of code if given."""
    return _SMALL_NOTE.format(text, _INLINE_CODE.format(html_code(code)) if code else "")


def lua(cell: str) -> Html:
    """Return the HTML of a cell's code to copy, with the button that inserts it in JupyterLab."""
    return _LUA.format(html_code(cell), html_attribute(cell))


def value(found: Any) -> Html:
    """Return the HTML of a result, as a cell shows it."""
    bundle = bundle_of(found)
    return bundle.get("text/html") or _PLAIN.format(html_code(bundle["text/plain"]))


def failure(error: BaseException) -> Html:
    """Return the HTML of an error: an error of this package as below a cell, any other as a Python traceback."""
    lines = (
        error_lines(error)
        if isinstance(error, KosmoError)
        else ["This is a defect of kosmo_kernel.", *traceback_lines(error)]
    )
    return _FAILURE.format(html_code("\n".join(lines)))


class SearchableRows:
    """The rows of a result, searchable by their displayed text."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self._texts: list[str] = []  # the displayed text of each row; computed at the first search

    def matching(self, words: str) -> Records:
        """Return the rows that contain all of the words; case is ignored."""
        terms = words.casefold().split()
        if not terms:
            return self.records
        if not self._texts:
            columns = [format_column(column) for column in table_of(self.records, len(self.records)).columns]
            self._texts = ["\n".join(filter(None, row)).casefold() for row in zip(*columns, strict=True)]
        return self.records.take(index for index, text in enumerate(self._texts) if all(word in text for word in terms))
