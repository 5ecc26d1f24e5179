"""What the two notebook doors share: a cell's value, how a failure reads, and how far it is."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from kosmo_kernel.progress import LINE, Line, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kosmo_kernel.display import Display
    from kosmo_kernel.errors import KosmoError
    from kosmo_kernel.options import Options

# What could move a terminal's cursor or change its state; new lines and tabs are text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
MESSAGE_MOST = 100_000  # characters of a message that are shown
_BLANK = re.compile(r"\s*\d+\s*")  # a line of an excerpt with nothing on it
_MARKED = re.compile(r"\s*-+>")
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"  # no colour: the page behind it is red in one theme and dark red in another


class Values(tuple[Any, ...]):
    """Several values of one cell: a tuple that shows them one below the other, tables as tables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))

    def _repr_html_(self) -> str | None:
        if not any(hasattr(value, "_repr_html_") for value in self):
            return None
        from kosmo_kernel.harmless.escape import html_code  # noqa: PLC0415 - most cells have one value

        return "\n".join(
            value._repr_html_() if hasattr(value, "_repr_html_") else f"<pre>{html_code(repr(value))}</pre>"
            for value in self
        )


class CellLine(Line):
    """The line of a cell's progress: one display that is updated in place, and stays when the cell is done.

    Parameters:
        show: shows something below the cell, or in place of what has the same id.
        only_last: leave out all states but the last, where what is shown is kept and not seen.
    """

    def __init__(self, show: Callable[[Display], None], *, only_last: bool = False) -> None:
        super().__init__(self._update)
        self._show = show
        self._only_last = only_last
        self._id = f"kosmo-{os.urandom(8).hex()}"
        self._there = False

    def cleared(self) -> None:
        """Show the next state as something new."""
        self._there = False

    def _update(self, state: Snapshot) -> None:
        if self._only_last and not state.over:
            return
        from kosmo_kernel.display import Display  # noqa: PLC0415 - most cells are done before there is progress to show

        bundle = {"text/plain": state.text(), "text/html": state.html()}
        self._show(Display(bundle, id=self._id, update=self._there))
        self._there = True


def quiet(text: str) -> Display:
    """A line beside what a cell shows, as small as that of its progress."""
    from kosmo_kernel.display import Display  # noqa: PLC0415 - rare
    from kosmo_kernel.harmless.escape import html_text  # noqa: PLC0415 - likewise
    from kosmo_kernel.no_math import CLASSES  # noqa: PLC0415 - likewise

    return Display({"text/plain": text, "text/html": f'<div style="{LINE}" class="{CLASSES}">{html_text(text)}</div>'})


def value_of(values: Sequence[Any], options: Options, attrs: Mapping[str, Any] | None = None) -> Any:
    """What a cell gives, as Python has it: lists of records as frames, a record as its view, the rest as it is.

    Parameters:
        values: what the run returned.
        options: `raw` asks for lists and dicts, `limit` for so many rows on the screen.
        attrs: what a frame remembers beside its function; `Result.attrs` has it. Its note is the first frame's.

    Returns:
        None without a value, the value of one, a tuple of several.
    """
    shown = []
    for value in values:
        shown.append(_shown(value, options, attrs))
        if attrs and "note" in attrs and hasattr(shown[-1], "displaylimit"):
            attrs = {name: one for name, one in attrs.items() if name != "note"}
    return Values(shown) if len(shown) > 1 else next(iter(shown), None)


def error_lines(error: KosmoError, *, colour: bool = False) -> list[str]:
    """How a failure reads below a cell: its kind and message, then the Lua around the place, that line marked.

    Parameters:
        error: what failed.
        colour: with ANSI colours, as notebooks show them.
    """
    bold, plain = (_BOLD, _PLAIN) if colour else ("", "")
    excerpt = _printable(error.excerpt).split("\n") if error.excerpt else []
    while excerpt and _BLANK.fullmatch(excerpt[0]):
        del excerpt[0]
    while excerpt and _BLANK.fullmatch(excerpt[-1]):
        del excerpt[-1]
    message = error.message if len(error.message) <= MESSAGE_MOST else error.message[: MESSAGE_MOST - 1] + "…"
    lines = f"{bold}{type(error).__name__}{plain}: {_printable(message)}".split("\n")
    lines += [f"{bold}{line}{plain}" if _MARKED.match(line) else line for line in excerpt]
    return lines


def _shown(value: Any, options: Options, attrs: Mapping[str, Any] | None) -> Any:
    import msgspec  # noqa: PLC0415 - the options are read before anything has run

    from kosmo_kernel.records import Record, Records  # noqa: PLC0415 - likewise

    if isinstance(value, Records):
        if options.raw:
            return msgspec.to_builtins(value.rows)  # copies: others may have the same objects
        from kosmo_kernel.frames import frame_of  # noqa: PLC0415 - pandas, not before the first table

        frame = frame_of(value, attrs)
        if options.limit is not None:
            frame.displaylimit = options.limit
        return frame
    if isinstance(value, Record):
        if options.raw:
            return msgspec.to_builtins(dict(value))
        from kosmo_kernel.tables import RecordView  # noqa: PLC0415 - not before the first record

        return RecordView(value)
    return value


def _printable(text: str) -> str:
    """A text that stays where it is put: control characters as escapes."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)
