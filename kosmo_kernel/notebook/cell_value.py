"""What the two notebook doors share: a cell's value, how a failure reads, and how far it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kosmo_kernel.client.progress import LINE_STYLE, ProgressDisplay, ProgressSnapshot
from kosmo_kernel.settings.cell_options import Options

if TYPE_CHECKING:
    from kosmo_kernel.render.display import Display


class Values(tuple[Any, ...]):
    """Several values of one cell: a tuple that shows them one below the other, tables as tables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))

    def _repr_html_(self) -> str | None:
        if not any(hasattr(value, "_repr_html_") for value in self):
            return None
        from kosmo_kernel.safety.escape import html_code

        return "\n".join(
            value._repr_html_() if hasattr(value, "_repr_html_") else f"<pre>{html_code(repr(value))}</pre>"
            for value in self
        )


class NotebookProgress(ProgressDisplay):
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

    def _update(self, state: ProgressSnapshot) -> None:
        if self._only_last and not state.over:
            return
        from kosmo_kernel.render.display import Display

        bundle = {"text/plain": state.text(), "text/html": state.html()}
        self._show(Display(bundle, id=self._id, update=self._there))
        self._there = True


def small_note(text: str) -> Display:
    """A line beside what a cell shows, as small as that of its progress."""
    from kosmo_kernel.render.display import Display
    from kosmo_kernel.safety.escape import html_text
    from kosmo_kernel.safety.no_math import CLASSES

    return Display(
        {"text/plain": text, "text/html": f'<div style="{LINE_STYLE}" class="{CLASSES}">{html_text(text)}</div>'}
    )


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


def _shown(value: Any, options: Options, attrs: Mapping[str, Any] | None) -> Any:
    import msgspec

    from kosmo_kernel.values.records import Record, Records

    if isinstance(value, Records):
        if options.raw:
            return msgspec.to_builtins(value.rows)  # copies: others may have the same objects
        from kosmo_kernel.render.frames import frame_of

        frame = frame_of(value, attrs)
        if options.limit is not None:
            frame.displaylimit = options.limit
        return frame
    if isinstance(value, Record):
        if options.raw:
            return msgspec.to_builtins(dict(value))
        from kosmo_kernel.render.tables import RecordView

        return RecordView(value)
    return value
