"""Print the output of commands.

Results go to standard output; notes, progress and errors go to standard error. JSON documents and the other forms of
`--format` are always UTF-8, whatever the terminal's encoding. `streams.py` escapes control characters in all of it.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from kosmo_kernel.cli.streams import escape_controls, output_stream, styled
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.settings.private_files import writing

if TYPE_CHECKING:
    from kosmo_kernel.pages import Page
    from kosmo_kernel.render.display import Note


def document(value: Any) -> None:
    """Print one JSON document.

    Parameters:
        value: a JSON value, which may contain `Records`, pages of the docs and other subclasses of `str`.
    """
    from kosmo_kernel.values.records import encode

    print_json(encode(value, indent=2) + b"\n")


def print_json(text: bytes) -> None:
    """Print JSON text to standard output, as UTF-8."""
    from kosmo_kernel.safety.text import with_json_escapes

    output_stream(sys.stdout).write_bytes(with_json_escapes(text))


def print_utf8(text: str) -> None:
    """Print a text to standard output as UTF-8, regardless of the stream's encoding."""
    output_stream(sys.stdout).write_bytes(escape_controls(text).encode(errors="backslashreplace"))


def print_result(text: str, *, end: str = "\n") -> None:
    """Print a text to standard output and flush."""
    write(sys.stdout, text + end)


def show_page(page: Page) -> None:
    """Print a page of Markdown: rendered on a terminal, unchanged in a pipe."""
    if sys.stdout.isatty():
        from kosmo_kernel.cli.page import print_page

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


def print_notes(notes: Iterable[Note]) -> None:
    """Print notes about a run to standard error; warnings begin with a label."""
    from kosmo_kernel.render.display import WARNING

    for note in notes:
        if note.is_warning:
            sys.stdout.flush()
            write_label(sys.stderr, f"{WARNING} ", "yellow")
        print_note(redact(note.text))


def write(stream: TextIO, text: str) -> None:
    """Write a text to `stream` and flush."""
    stream.write(text)
    stream.flush()


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; what is no regular file, such as a pipe, gets the content directly.

    Parameters:
        path: the file, which may exist.
        content: its new content.

    Raises:
        FileWriteError: it cannot be written; it is unchanged.
    """
    with writing(path, "It is unchanged." if path.is_file() else ""):
        _write_file(path, content)


def _write_file(path: Path, content: bytes) -> None:
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    target = path.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        with suppress(FileNotFoundError):
            part.chmod(stat.S_IMODE(target.stat().st_mode))
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def write_label(stream: TextIO, text: str, colour: str) -> None:
    """Write a text to `stream`, bold and in a colour if it is a terminal and colours are not disabled."""
    from kosmo_kernel.render.display import has_colours

    if has_colours(stream):
        styled(stream).write(click.style(escape_controls(text), fg=colour, bold=True))
    else:
        stream.write(text)
