"""What a script shows beside its value, as every door shows it: a MIME bundle with a text in it.

A value is shown as a cell's value would be: a list of records as a table, a record as two columns, a page of the
reference as Markdown, everything else as the text that Lua's `print` gives. What comes as markup or as a picture is
made harmless first (`safety`). The text is for terminals, for programs, and for those who read nothing else.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kosmo_kernel import safety
from kosmo_kernel.docs import Page
from kosmo_kernel.render.text import pretty
from kosmo_kernel.values.records import Record, Records, encode

Bundle = dict[str, Any]

TEXT_MOST = 1 << 20  # characters of one value's text

VALUE, CLEAR = "value", "clear"
VALUES = {VALUE, "json"}  # forms of a value; the others are forms of bytes
PICTURES = {"gif", "jpeg", "png", "webp"}  # a form is the end of its MIME type
FORMS = VALUES | PICTURES | {CLEAR, "html", "latex", "markdown", "svg"}


@dataclass(frozen=True, slots=True)
class Display:
    """One thing that a script showed.

    Parameters:
        bundle: by MIME type, `text/plain` always among them; empty where everything shown so far is to go.
        value: what was shown, as `Result.values` has values; None where it was markup or a picture.
        id: by which it can be shown anew, or empty.
        update: whether it takes the place of what was shown under this id.
        wait: of what is to go: only once something new is there.
    """

    bundle: Bundle = field(default_factory=dict)
    value: Any = None
    id: str = ""
    update: bool = False
    wait: bool = False

    @property
    def clears(self) -> bool:
        """Whether this takes away what was shown."""
        return not self.bundle

    @property
    def size(self) -> int:
        """Characters of its bundle, about; data has those of its JSON, of which the text may show a part only."""
        return sum(len(part if isinstance(part, str) else encode(part)) for part in self.bundle.values())


def bundle_of(value: Any, *, rows: int | None = None, raw: bool = False, note: str = "") -> Bundle:
    """A value as a cell shows it, as far as a notebook can bear its text.

    Parameters:
        value: of a run.
        rows: how many rows of a table; `limits.rows_shown` when None.
        raw: text in place of tables.
        note: what is to be said below a table.
    """
    if isinstance(value, Page):
        return {"text/plain": _cut(str(value)), "text/markdown": value.for_notebook()}
    if isinstance(value, (Record, Records)) and not raw:
        from kosmo_kernel.render.tables import RecordView, table_of

        if isinstance(value, Records):
            table = table_of(value, rows, note)
            return {"text/plain": table.text(), "text/html": table.html()}
        view = RecordView(value)
        return {"text/plain": _cut(repr(view)), "text/html": view._repr_html_()}
    return {"text/plain": safety.sanitize_text("nil" if value is None else _text(value))}


def bundle_from(form: str, given: Any, clean: Callable[[str], str]) -> Bundle:
    """What a script gave, made fit to be shown.

    Parameters:
        form: one of `FORMS`, but not `clear`.
        given: a value; for markup its text in UTF-8, for a picture its bytes or their base64.
        clean: what every text passes that leaves.

    Raises:
        NotShownError: it cannot be made fit.
    """
    if form == VALUE:
        return bundle_of(given)
    if form == "json":
        return {"text/plain": clean(_text(given)), "application/json": _json(given)}
    if form in PICTURES:
        data, width, height = safety.sanitize_picture(form, given)
        size = f"[a picture of {width} by {height} pixels]"
        return {"text/plain": size, f"image/{form}": base64.b64encode(data).decode()}
    return _MARKUP[form](clean(given.decode(errors="replace")))


def _text(value: Any) -> str:
    """A value as Lua's `print` shows it; of a long text no more is written than is shown."""
    return _cut(pretty(value, TEXT_MOST))


def _cut(text: str) -> str:
    if len(text) <= TEXT_MOST:
        return text
    return f"{text[:TEXT_MOST]}\n… the text is cut here, after {TEXT_MOST:,} characters; the value has all of it"


def _html(text: str) -> Bundle:
    markup = safety.sanitize_html(text)
    return {"text/plain": safety.html_to_text(markup), "text/html": markup}


_MARKUP: dict[str, Callable[[str], Bundle]] = {
    "html": _html,
    "latex": lambda text: {"text/plain": text, "text/latex": safety.sanitize_latex(text)},
    "markdown": lambda text: {"text/plain": text, "text/markdown": safety.sanitize_markdown(text)},
    "svg": lambda text: {"text/plain": "[a drawing]", "text/html": safety.sanitize_svg(text)},
}


def _json(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Records):
        return list(value.rows)
    return str(value) if isinstance(value, str) else value
