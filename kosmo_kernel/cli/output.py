"""Print the output of commands.

Results go to standard output; notes, progress and errors go to standard error. JSON documents are always UTF-8,
whatever the terminal's encoding. Control characters from scripts and services could rewrite what a terminal shows, so
they are removed there; a pipe gets the text byte for byte.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from kosmo_kernel.docs import Page


def document(value: Any) -> None:
    """Print one JSON document.

    Parameters:
        value: a JSON value, which may contain `Records`, pages of the docs and other subclasses of `str`.
    """
    from kosmo_kernel.values.records import encode

    write_bytes(encode(value, indent=2) + b"\n")


def write_bytes(data: bytes) -> None:
    """Write all bytes to standard output, after the text written before and regardless of the stream's encoding.

    With PYTHONUNBUFFERED=1 the stream is not buffered, and one write may take only a part of the data.
    """
    sys.stdout.flush()
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[sys.stdout.buffer.write(remaining) :]
    sys.stdout.buffer.flush()


def print_result(text: str, *, end: str = "\n") -> None:
    """Print a text to standard output and flush."""
    write(sys.stdout, text + end)


def show_page(page: Page) -> None:
    """Print a page of Markdown: rendered on a terminal, unchanged in a pipe."""
    if sys.stdout.isatty():
        from kosmo_kernel.cli.terminal import print_page

        print_page(page.markdown)
    else:
        print_result(page, end="" if page.endswith("\n") else "\n")


def print_rows(rows: Iterable[tuple[str, str]]) -> None:
    """Print names with a text beside each: as a wrapped table on a terminal, one line for each name in a pipe."""
    if sys.stdout.isatty():
        from kosmo_kernel.cli.terminal import print_pairs

        print_pairs(list(rows))
        return
    formatter = click.HelpFormatter(width=sys.maxsize)
    with formatter.indentation():
        formatter.write_dl(list(rows), col_max=sys.maxsize)
    print_result(formatter.getvalue(), end="")


def print_note(text: str) -> None:
    """Print a text to standard error, apart from the result and after what was printed of it."""
    sys.stdout.flush()
    write(sys.stderr, text + "\n")


def write(stream: TextIO, text: str) -> None:
    """Write an untrusted text to `stream` and flush; a terminal gets it sanitized."""
    stream.write(printable(text) if stream.isatty() else text)
    stream.flush()


def printable(text: str) -> str:
    """Return `text` without terminal control characters, except for newlines, tabs and carriage returns."""
    from kosmo_kernel import safety

    return safety.sanitize_text(text).replace("\b", "")


def coloured(stream: TextIO) -> bool:
    """Return whether `stream` is a terminal and colours are not disabled (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
