"""Sanitize the markup that a script or a server displays, in the reader.

This file is a gate, as the modules of `safety` are: what it returns may be shown.
"""

from __future__ import annotations

from kosmo_kernel.reader.reading import read
from kosmo_kernel.reader.task import Task
from kosmo_kernel.safety.escape import Html
from kosmo_kernel.safety.text import UnsafeContentError

MAX_SMALL_HTML = 4096  # characters that are sanitized in this process: no such text takes long or grows large

_HTML = Task("kosmo_kernel.safety.html:html", "this HTML", libraries=("nh3",), refusal=UnsafeContentError)
_SVG = Task("kosmo_kernel.safety.images:svg", "this SVG", refusal=UnsafeContentError)
_MARKDOWN = _HTML._replace(
    function="kosmo_kernel.safety.markdown:markdown", what="this Markdown", libraries=("nh3", "markdown_it")
)
_LATEX = _MARKDOWN._replace(function="kosmo_kernel.safety.markdown:latex", what="this LaTeX")


def html(text: str) -> tuple[Html, str]:
    """Return sanitized HTML, and what it says as text.

    Raises:
        UnsafeContentError: it cannot be made safe.
        LimitError, StoppedError, SettingsError: see `reading.read`.
    """
    if len(text) <= MAX_SMALL_HTML:
        from kosmo_kernel.safety.html import html_to_text, sanitize_html

        markup = sanitize_html(text)
        return markup, html_to_text(markup)
    sanitized, _, plain_text = read(_HTML, text.encode()).decode().partition("\0")
    return Html(sanitized), plain_text


def markdown(text: str) -> Html:
    """Return HTML that shows Markdown; raises like `html`."""
    return Html(read(_MARKDOWN, text.encode()).decode())


def latex(text: str) -> Html:
    """Return HTML that shows the formulas of LaTeX; raises like `html`."""
    return Html(read(_LATEX, text.encode()).decode())


def svg(text: str) -> Html:
    """Return the element that shows an SVG; raises like `html`."""
    return Html(read(_SVG, text.encode()).decode())
