"""Where a command's words go.

What was asked for goes to standard output; notes, progress and errors go to standard error. A JSON document is
always UTF-8, whatever the terminal's encoding is. On a terminal, control characters are left out of texts that
came from a script or a service: they could rewrite what stands there. In a pipe they stay, byte for byte.
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
        value: JSON values, `Records`, and texts of any kind.
    """
    import msgspec

    from kosmo_kernel.values.records import collector_paused

    with collector_paused():
        text = msgspec.json.format(msgspec.json.encode(value, enc_hook=_plain), indent=2)
    write_bytes(text + b"\n")


def write_bytes(data: bytes) -> None:
    """Write to standard output whatever its encoding is, and all of it, behind what was written before.

    With PYTHONUNBUFFERED=1 nothing stands between us and the system, which may take a part only and say so.
    """
    sys.stdout.flush()
    left = memoryview(data)
    while left:
        left = left[sys.stdout.buffer.write(left) :]
    sys.stdout.buffer.flush()


def say(text: str, *, end: str = "\n") -> None:
    """Print a text on standard output, at once."""
    write(sys.stdout, text + end)


def show_page(page: Page) -> None:
    """Print a page of Markdown: rendered on a terminal, as it is in a pipe."""
    if sys.stdout.isatty():
        from kosmo_kernel.cli.terminal import print_page

        print_page(page.markdown)
    else:
        say(page, end="" if page.endswith("\n") else "\n")


def print_rows(rows: Iterable[tuple[str, str]]) -> None:
    """Print names with a text beside each: drawn and wrapped on a terminal, a line each in a pipe."""
    if sys.stdout.isatty():
        from kosmo_kernel.cli.terminal import print_pairs

        print_pairs(list(rows))
        return
    formatter = click.HelpFormatter(width=sys.maxsize)
    with formatter.indentation():
        formatter.write_dl(list(rows), col_max=sys.maxsize)
    say(formatter.getvalue(), end="")


def note(text: str) -> None:
    """Print a text beside the result: on standard error."""
    write(sys.stderr, text + "\n")


def write(stream: TextIO, text: str) -> None:
    """Write a text that may come from anywhere to `stream`, at once."""
    stream.write(printable(text) if stream.isatty() else text)
    stream.flush()


def printable(text: str) -> str:
    """`text` without what would change a terminal. New lines, tabs and carriage returns are text."""
    from kosmo_kernel import safety

    return safety.sanitize_text(text).replace("\b", "")


def coloured(stream: TextIO) -> bool:
    """Whether colours belong in `stream`: a terminal, and nobody said no (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _plain(value: Any) -> Any:
    """The JSON value of what msgspec does not know: a `Records` is a list, a docs page or opaque value a text."""
    return str(value) if isinstance(value, str) else list(value)
