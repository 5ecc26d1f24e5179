"""Render Markdown and LaTeX as sanitized HTML: tasks of `markup.py`, which run in the reader.

They are apart from those of HTML, because their libraries take longer to import than all others together.
"""

from __future__ import annotations

from kosmo_kernel.safety.markdown import sanitize_markdown
from kosmo_kernel.safety.tex import sanitize_latex


def prepare() -> None:
    """Use each sanitizer once, because they import libraries when they are called."""
    markdown(b"# a `b`\n\n| a |\n|:--|\n| $a$ ![b](c) |")


def markdown(data: bytes) -> bytes:
    """Return the HTML that shows Markdown."""
    return sanitize_markdown(data.decode()).encode()


def latex(data: bytes) -> bytes:
    """Return the HTML that shows LaTeX."""
    return sanitize_latex(data.decode()).encode()
