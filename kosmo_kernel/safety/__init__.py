"""Sanitize, escape and redact what scripts, services and servers say, before anybody is shown it.

A script in the output of a notebook owns the notebook's user, a remote image tells its server who looks and when, and
an escape sequence can type into a terminal. So HTML goes through an allow-list (`html.py`), an SVG becomes a
picture that cannot run (`svg.py`), any other picture is one that can be drawn (`images.py`), Markdown loses raw
HTML and images (`markdown.py`), formulas keep the commands that only draw (`tex.py`), and plain text loses what is no
text (`text.py`). What cannot be made harmless raises `UnsafeContentError`. The libraries behind it are imported when
first needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kosmo_kernel.safety.text import UnsafeContentError, sanitize_text

if TYPE_CHECKING:
    from kosmo_kernel.safety.html import html_to_text, sanitize_html
    from kosmo_kernel.safety.images import sanitize_picture, sanitize_png
    from kosmo_kernel.safety.markdown import sanitize_markdown
    from kosmo_kernel.safety.svg import sanitize_svg
    from kosmo_kernel.safety.tex import sanitize_latex

__all__ = [
    "UnsafeContentError",
    "html_to_text",
    "sanitize_html",
    "sanitize_latex",
    "sanitize_markdown",
    "sanitize_picture",
    "sanitize_png",
    "sanitize_svg",
    "sanitize_text",
]

_LATER = {
    "html_to_text": "html",
    "sanitize_html": "html",
    "sanitize_latex": "tex",
    "sanitize_markdown": "markdown",
    "sanitize_picture": "images",
    "sanitize_png": "images",
    "sanitize_svg": "svg",
}


def __getattr__(name: str) -> Any:
    """What most runs never show, imported when it is first asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
