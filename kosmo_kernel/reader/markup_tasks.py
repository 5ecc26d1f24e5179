"""Sanitize markup: the tasks of `markup.py`, which run in the reader.

What the sanitizers import is imported here, before the process can open no more files.
"""

from __future__ import annotations

from xml.parsers import expat  # noqa: F401 - the sanitizer of SVG imports it when it is called

import nh3  # noqa: F401 - so does that of HTML

from kosmo_kernel.safety.html import html_to_text, sanitize_html
from kosmo_kernel.safety.markdown import sanitize_markdown
from kosmo_kernel.safety.svg import sanitize_svg
from kosmo_kernel.safety.tex import sanitize_latex
from kosmo_kernel.walls import wire


def html(data: bytes) -> bytes:
    """Return a payload with the sanitized HTML and its text."""
    markup = sanitize_html(data.decode())
    return wire.pack({}, [markup.encode(), html_to_text(markup).encode()])


def markdown(data: bytes) -> bytes:
    """Return the sanitized Markdown."""
    return sanitize_markdown(data.decode()).encode()


def latex(data: bytes) -> bytes:
    """Return the sanitized LaTeX."""
    return sanitize_latex(data.decode()).encode()


def svg(data: bytes) -> bytes:
    """Return the HTML element that shows an SVG."""
    return sanitize_svg(data.decode()).encode()
