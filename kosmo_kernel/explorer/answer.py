"""What the explorer shows, as markup: every text in it is escaped, whoever wrote it."""

from __future__ import annotations

import traceback
from typing import Any

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.render.error_lines import error_lines
from kosmo_kernel.render.tables import table_of
from kosmo_kernel.render.text import format_column
from kosmo_kernel.safety.escape import html_attribute, html_code, html_text
from kosmo_kernel.safety.redaction import redact
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


def small(text: str, code: str = "") -> str:
    """A remark, and a piece of code behind it."""
    return f'<div style="{_SMALL}">{html_text(text)}{f" <code>{html_code(code)}</code>" if code else ""}</div>'


def lua(cell: str) -> str:
    """A cell's text to copy, and the button by which JupyterLab inserts it."""
    return (
        f'<div style="display:flex;align-items:flex-start;gap:8px"><pre style="{_TEXT}{_CODE}">{html_code(cell)}</pre>'
        '<button class="jupyter-button" hidden="hidden" title="Insert this below; it does not run by itself" '
        f'style="width:auto;flex:none" data-kosmo-insert="{html_attribute(cell)}">Insert as cell</button></div>'
    )


def value(found: Any) -> str:
    """What came back, as a cell shows it."""
    bundle = bundle_of(found)
    shown: str = bundle.get("text/html") or f'<pre style="{_TEXT}">{html_code(bundle["text/plain"])}</pre>'
    return shown


def failure(error: BaseException) -> str:
    """Why there is no answer: an error of ours as below a cell, a defect as Python shows it."""
    text = "\n".join(error_lines(error)) if isinstance(error, KosmoError) else _defect(error)
    return f'<pre style="{_TEXT}{_ERROR}">{html_code(text)}</pre>'


def _defect(error: BaseException) -> str:
    return redact("".join(["This is a defect of kosmo_kernel.\n", *traceback.format_exception(error)]).rstrip())


class SearchableRows:
    """The rows of an answer, to be searched by what is shown of them.

    Parameters:
        records: the answer.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self._texts: list[str] = []  # of each row all that is shown of it, made when first searched

    def matching(self, words: str) -> Records:
        """The rows that have each of the words somewhere, in capitals or not."""
        wanted = words.casefold().split()
        if not wanted:
            return self.records
        if not self._texts:
            columns = [format_column(column) for column in table_of(self.records, len(self.records)).columns]
            self._texts = ["\n".join(filter(None, row)).casefold() for row in zip(*columns, strict=True)]
        return self.records.take(
            place for place, text in enumerate(self._texts) if all(word in text for word in wanted)
        )
