"""Sanitize HTML and SVG: tasks of `markup.py`, which run in the reader."""

from __future__ import annotations

from kosmo_kernel.safety.html import html_to_text, sanitize_html
from kosmo_kernel.safety.svg import sanitize_svg
from kosmo_kernel.walls import wire


def prepare() -> None:
    """Use each sanitizer once, because they import libraries when they are called."""
    html(b"<b>a</b>")
    svg(b"<svg/>")


def html(data: bytes) -> bytes:
    """Return a payload with the sanitized HTML and its text."""
    markup = sanitize_html(data.decode())
    return wire.pack({}, [markup.encode(), html_to_text(markup).encode()])


def svg(data: bytes) -> bytes:
    """Return the HTML element that shows an SVG."""
    return sanitize_svg(data.decode()).encode()
