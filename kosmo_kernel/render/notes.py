"""Show the notes about a run: in notebooks as an output of its own, elsewhere as lines of text.

A note that warns begins with a word and, where there are colours, is amber, so that nobody takes it for an error.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TextIO

from kosmo_kernel.render.display import Bundle
from kosmo_kernel.safety.markup import Plain

if TYPE_CHECKING:
    from kosmo_kernel.safety.escape import Html

WARNING = "Warning:"
_YELLOW = "\x1b[1;33m{}\x1b[0m"


class Note(NamedTuple):
    """A line about a run, for the user."""

    text: str  # of the note
    is_warning: bool  # whether something may be wrong; False for a note that only informs

    def __str__(self) -> str:
        return f"{WARNING} {self.text}" if self.is_warning else self.text


def bundle_of_notes(notes: Sequence[Note]) -> Bundle:
    """Return notes as an output of a notebook."""
    from kosmo_kernel.render.style import style
    from kosmo_kernel.safety.escape import Html

    warning, other = Html("<p class='kosmo-warning'><b>{}</b> {}</p>"), Html("<p>{}</p>")
    texts = [_with_code(note.text) for note in notes]
    lines = [
        warning.format(WARNING, text) if note.is_warning else other.format(text)
        for note, text in zip(notes, texts, strict=True)
    ]
    return {
        "text/plain": Plain("\n").join(str(note) for note in notes),
        "text/html": style() + Html("<div class='kosmo-notes'>{}</div>").format(Html("").join(lines)),
    }


def _with_code(text: str) -> Html:
    """Return the HTML of a note, in which code is between backticks."""
    from kosmo_kernel.safety.escape import Html, html_code

    parts = text.split("`")
    is_paired = len(parts) % 2 == 1
    code = Html("<code>{}</code>")
    return Html("" if is_paired else "`").join(
        code.format(html_code(part)) if is_paired and index % 2 else part for index, part in enumerate(parts)
    )


def write_notes(notes: Sequence[Note], stream: TextIO) -> None:
    """Write notes to a stream, one line each."""
    label = _YELLOW.format(WARNING) if has_colours(stream) else WARNING
    stream.writelines(f"{label} {note.text}\n" if note.is_warning else f"{note.text}\n" for note in notes)


def has_colours(stream: TextIO) -> bool:
    """Return whether text for a stream may have colours: it is a terminal, and its user did not disable them."""
    no_colour = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"  # https://no-color.org
    return stream.isatty() and not no_colour
