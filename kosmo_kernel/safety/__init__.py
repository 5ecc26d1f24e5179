"""Sanitize, escape and redact content from scripts, services and servers before it is shown.

A script in a notebook's output acts as the notebook's user, a remote image tells its server who views it and when, and
an escape sequence can type into a terminal. Content that cannot be sanitized raises `UnsafeContentError`. The libraries
behind these functions are imported when first needed.

markup.py     the types of what is shown, which only the functions of the other modules and literals make
html.py       HTML, by an allow-list of tags and attributes
svg.py        an SVG as an image that cannot run scripts
images.py     PNG, JPEG, GIF and WebP of limited size
markdown.py   Markdown as HTML, without raw HTML and images
tex.py        formulas as MathML
text.py       plain text without escape sequences and control characters
escape.py     text escaped for Markdown and HTML
html_table.py tables as HTML
rows.py       lines of CSV, of tab-separated values and of Markdown tables
entities.py   the characters with a meaning in Markdown and HTML
no_math.py    HTML in which nothing is typeset as a formula
redaction.py  text without secrets
core_dumps.py no core dumps of processes with a token
tokens_in_use.py  the tokens that this process uses, which no error repeats
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kosmo_kernel.safety.text import UnsafeContentError as UnsafeContentError
from kosmo_kernel.safety.text import sanitize_text as sanitize_text

if TYPE_CHECKING:
    from kosmo_kernel.safety.html import html_to_text as html_to_text
    from kosmo_kernel.safety.html import sanitize_html as sanitize_html
    from kosmo_kernel.safety.images import sanitize_picture as sanitize_picture
    from kosmo_kernel.safety.markdown import sanitize_markdown as sanitize_markdown
    from kosmo_kernel.safety.svg import sanitize_svg as sanitize_svg
    from kosmo_kernel.safety.tex import sanitize_latex as sanitize_latex

_LATER = {
    "html_to_text": "html",
    "sanitize_html": "html",
    "sanitize_latex": "tex",
    "sanitize_markdown": "markdown",
    "sanitize_picture": "images",
    "sanitize_svg": "svg",
}


def __getattr__(name: str) -> Any:
    """Import a function on first access, because most runs never need it."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
