"""Sanitize the markup that a script or a server displays, in the reader.

This file is a gate, as the modules of `safety` are: what it returns may be shown.
"""

from __future__ import annotations

from kosmo_kernel.reader.reading import HEADER_BYTES, read
from kosmo_kernel.reader.task import Task
from kosmo_kernel.safety.escape import Html
from kosmo_kernel.safety.text import UnsafeContentError
from kosmo_kernel.walls import wire


def _task(name: str, what: str) -> Task:
    function = f"kosmo_kernel.reader.markup_tasks:{name}"
    return Task(function, what, libraries=("nh3", "markdown_it"), refusal=UnsafeContentError)


_HTML, _MARKDOWN, _LATEX, _SVG = (
    _task("html", "this HTML"),
    _task("markdown", "this Markdown"),
    _task("latex", "this LaTeX"),
    _task("svg", "this SVG"),
)


def html(text: str) -> tuple[Html, str]:
    """Return sanitized HTML, and what it says as text.

    Raises:
        UnsafeContentError: it cannot be made safe.
        LimitError, StoppedError, SettingsError: see `reading.read`.
    """
    _, texts = wire.unpack(read(_HTML, text.encode()), max_header=HEADER_BYTES)
    return Html(texts[0].decode()), texts[1].decode()


def markdown(text: str) -> Html:
    """Return HTML that shows Markdown; raises like `html`."""
    return Html(read(_MARKDOWN, text.encode()).decode())


def latex(text: str) -> Html:
    """Return HTML that shows the formulas of LaTeX; raises like `html`."""
    return Html(read(_LATEX, text.encode()).decode())


def svg(text: str) -> Html:
    """Return the element that shows an SVG; raises like `html`."""
    return Html(read(_SVG, text.encode()).decode())
