"""The design of all HTML, of pages and of outputs: their style sheets, and the frame of a page.

`page.html` is the frame of every page, and `page.css` its style sheet: for a light and a dark screen, for a phone and
for paper. A page is one file that loads nothing and runs no script (`render/page_parts.py`).

`jupyter/labextension/static/outputs.css` is the style sheet of the outputs of notebooks: tables, outlines and notes. It
has a rule on each line. Every rule starts at our own element, whose class is repeated to outweigh JupyterLab's rules
for tables, and takes its colours from the page (JupyterLab, VS Code, a standalone page). JupyterLab loads the file, so
it has the style even if the output that carries it is deleted. For everything else, such as exported pages, the first
table or outline of a notebook carries it. The others do without, because viewers that allow no styles would show the
text of each one.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from kosmo_kernel.safety.markup import Html, html_of_package

MAX_OPEN_ROWS = 25  # rows of a table that are shown before "more" is opened; `page.css` folds those after it
_ELEMENT, _NONE = Html("<style>{}</style>"), Html()


class _Notebook:
    """The notebook of this process."""

    cell = ""  # what identifies the cell that the Lua kernel runs; empty for none
    styled = ""  # what identifies the cell whose outputs carry the style; empty before the first one that needs it


def begin_cell(cell: str) -> None:
    """Begin a cell of the Lua kernel.

    Parameters:
        cell: what identifies the cell: the name that the front end gives it, or its code.
    """
    _Notebook.cell = cell


def style() -> Html:
    """Return the style element of an output, which is empty if an earlier cell of the notebook has carried the style.

    A cell that is run again carries it again. Outside of notebooks every one has it.
    """
    cell = _Notebook.cell or _cell_of_ipython()
    _Notebook.styled = _Notebook.styled or cell
    return _ELEMENT.format(style_rules()) if cell in ("", _Notebook.styled) else _NONE


@cache
def style_rules() -> Html:
    """Return the style sheet on one line, without its comments."""
    lines = html_of_package("jupyter/labextension/static/outputs.css").lines()
    return _NONE.join(line for line in lines if not line.startswith("/*"))


def _cell_of_ipython() -> str:
    """Return what identifies the cell that IPython's kernel runs; empty outside of one."""
    request: dict[str, Any] = getattr(ipython_shell(), "get_parent", dict)()
    return str(request.get("metadata", {}).get("cellId") or request.get("content", {}).get("code", ""))


def ipython_shell() -> Any:
    """Return the running IPython shell, or None. IPython is not imported."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module else None
