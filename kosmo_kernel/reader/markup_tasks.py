"""Sanitize markup: the tasks of `markup.py`, which run in the reader.

What the sanitizers import is imported before the process can open no more files.
"""

from __future__ import annotations

from kosmo_kernel.safety.html import html_to_text, sanitize_html
from kosmo_kernel.safety.markdown import sanitize_markdown
from kosmo_kernel.safety.svg import sanitize_svg
from kosmo_kernel.safety.tex import sanitize_latex
from kosmo_kernel.walls import wire


def prepare() -> None:
    """Use each sanitizer once."""
    html(b"<b>a</b>")
    markdown(b"# a `b`\n\n| a |\n|:--|\n| $a$ ![b](c) |")
    svg(b"<svg/>")


def html(data: bytes) -> bytes:
    """Return a payload with the sanitized HTML and its text."""
    markup = sanitize_html(data.decode())
    return wire.pack({}, [markup.encode(), html_to_text(markup).encode()])


def markdown(data: bytes) -> bytes:
    """Return the HTML that shows Markdown."""
    return sanitize_markdown(data.decode()).encode()


def latex(data: bytes) -> bytes:
    """Return the HTML that shows LaTeX."""
    return sanitize_latex(data.decode()).encode()


def svg(data: bytes) -> bytes:
    """Return the HTML element that shows an SVG."""
    return sanitize_svg(data.decode()).encode()
