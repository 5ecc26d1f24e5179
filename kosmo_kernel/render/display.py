"""Make the MIME bundles of the values of a cell, and of what a script displays, the same for every front end.

A list of records becomes a table, a record two columns, a page of the reference Markdown, and any other value the text
that Lua's `print` gives; the Lua kernel adds an outline to a larger one. Markup and pictures are sanitized first
(`safety`). Every bundle has a `text/plain`, for terminals and programs.

Notes about a run are an output of their own in a notebook, and lines of text elsewhere. A note that warns begins with a
word and, where there are colours, is amber, so that nobody takes it for an error.

The outline of nested values consists of `<details>` elements, which need no script. A value that fits on a line is
written as `print` shows it; a larger one gets a heading with its size and its parts below, and the upper two levels are
open if they are small. Where a site removes styles, a collapsible list is left.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from itertools import groupby
from types import NoneType
from typing import Any, Literal, NamedTuple, TextIO, TypedDict

from msgspec import Struct, field

from kosmo_kernel.pages import Page, with_code
from kosmo_kernel.pages.design import style
from kosmo_kernel.render.text import WIDTH, escape_control, first_lines, is_longer, pretty
from kosmo_kernel.safety.markup import Html, Markdown, Plain, box, html_code, without_delimiters
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.settings.notebook_run import notebook_run
from kosmo_kernel.text import counted
from kosmo_kernel.values.records import Record, Records, encode, to_builtins

Bundle = TypedDict(
    "Bundle",
    {
        "text/plain": "Plain",
        "text/html": "Html",
        "text/markdown": "Markdown",
        "application/json": Any,
        "image/gif": str,
        "image/jpeg": str,
        "image/png": str,
        "image/webp": str,
        "application/vnd.kosmo.page+json": Any,
    },
    total=False,
)

TEXT_MOST = 1 << 16  # characters of the text of one value, at most
FULL_VALUE = "the value"  # what has the whole of a text that was cut, where it has no name

KEY, VALUE = "key", "value"  # the columns of an object of numbers
CLEAR = "clear"
VALUES = {VALUE, "json"}  # forms that take a value; the others take bytes
PICTURES: dict[str, Literal["image/gif", "image/jpeg", "image/png", "image/webp"]] = {
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
FORMS = VALUES | PICTURES.keys() | {CLEAR, "html", "markdown", "svg"}
_DEFAULTS = Options()
WARNING = "Warning:"
_YELLOW = "\x1b[1;33m{}\x1b[0m"
PARTS = 100  # items shown of one list or object
MAX_PARTS = 2000  # items in a whole outline
_OPEN_LEVELS, _OPEN_ITEMS = 2, 20  # levels that are initially open, and the items of an open value on the second
_MAX_LEVELS = 12
_MAX_STRING = 2000  # characters shown of one string

_NOTES = Html("<div class='kosmo-notes'>{}</div>")
_WARNING_LINE, _LINE = Html("<p class='kosmo-warning'><b>{}</b> {}</p>"), Html("<p>{}</p>")
_CODE = Html("<code>{}</code>")
_OUTLINE = Html('<div class="kosmo-outline" style="max-height:32em;overflow:auto">{}{}</div>')
_NOTHING = Html()
_OPEN, _CLOSED, _END = Html("<details open><summary>"), Html("<details><summary>"), Html("</ul></details>")
_SIZE = Html("<span>{}</span></summary><ul>")
_ITEM, _ITEM_END = Html("<li>"), Html("</li>")
_KEY, _INDEX = Html("<b>{}</b>: "), Html("<i>{}</i> ")
_MORE = Html("<li><i>… {:,} more</i></li>")


class DisplayRequest(NamedTuple):
    """Output that a script displays."""

    form: str  # its format, one of `display.FORMS`
    content: Any  # the value, or the bytes of markup or of a picture
    id: str = ""  # the name under which it can be updated; empty when it has none
    update: bool = False  # whether it replaces earlier output with the same `id`
    wait: bool = False  # for `clear`, whether to wait for the next output before clearing
    # Bytes that the child sent; a value takes several times as much in Python. Records that the parent already has
    # count as 0.
    size: int = 0


class Display(Struct, frozen=True):
    """One output that a script displayed."""

    # The output by MIME type, always with `text/plain`; empty to clear all output so far.
    bundle: Bundle = field(default_factory=Bundle)
    value: Any = None  # the displayed value, in the form of `Result.values`; None for markup or a picture
    id: str = ""  # identifies the output for later updates, or empty
    update: bool = False  # whether it replaces the output with the same id
    wait: bool = False  # whether to clear only when the next output arrives

    @property
    def clears(self) -> bool:
        """Return whether this clears the output so far."""
        return not self.bundle

    @property
    def size(self) -> int:
        """The approximate number of characters in the bundle; data counts as its JSON."""
        return sum(len(part if isinstance(part, str) else encode(part)) for part in self.bundle.values())


class ValueKind(Enum):
    """The kinds of values, which are shown in different ways."""

    PAGE = auto()  # a page of the reference, as Markdown
    TABLE = auto()  # a list of records, or an object of numbers as a table of its keys and values
    RECORD = auto()  # one record, or an object of texts and numbers, as a line for each field
    MAP = auto()  # another object
    LIST = auto()  # another list
    OUTPUT = auto()  # an object of a notebook that renders itself
    TEXT = auto()  # any other value, as the text that Lua's `print` gives


_KINDS = (
    (Page, ValueKind.PAGE),
    (Records, ValueKind.TABLE),
    (Record, ValueKind.RECORD),
    (dict, ValueKind.MAP),
    (list, ValueKind.LIST),
)
TEXTS = frozenset({ValueKind.TEXT})
_PLAIN = frozenset({str, int, float, bool, NoneType})
_NUMBERS = frozenset({int, float})


def kind_of(value: Any) -> ValueKind:
    """Return the kind of a value."""
    for kind_type, kind in _KINDS:
        if isinstance(value, kind_type):
            return kind
    return ValueKind.OUTPUT if hasattr(value, "_repr_mimebundle_") else ValueKind.TEXT


def as_shown(value: Any) -> Any:
    """Return a value as it is shown: an object of plain values as records, every other value unchanged.

    An object of numbers, such as counts by name, becomes a table of its keys and values, and one that has texts too
    becomes one record.
    """
    if not isinstance(value, dict) or isinstance(value, Record) or not value:
        return value
    types = set(map(type, value.values()))
    if types <= _NUMBERS:
        return Records([{KEY: key, VALUE: number} for key, number in value.items()])
    return Record(value) if types <= _PLAIN else value


def blocks_of(values: Iterable[Any], texts: Collection[ValueKind] = TEXTS) -> Iterator[tuple[ValueKind, Any]]:
    """Yield the blocks of some values: each value with its kind, or a list of adjacent texts, which share a line.

    Parameters:
        values: the values of a run.
        texts: the kinds that count as texts.
    """
    kinds = {kind: ValueKind.TEXT if kind in texts else kind for kind in ValueKind}
    for kind, group in groupby(values, lambda value: kinds[kind_of(value)]):
        if kind is ValueKind.TEXT:
            yield kind, list(group)
        else:
            yield from ((kind, value) for value in group)


def bundles_of(values: Iterable[Any], options: Options, note: str = "", full_value: str = FULL_VALUE) -> list[Bundle]:
    """Return a bundle for each block of values; those of adjacent texts are joined by tabs.

    Parameters:
        values: the values of a run.
        options: `raw` turns tables into text, `limit` sets the number of rows.
        note: a text to show below the first table.
        full_value: what has the whole of the first value: `Out[3]`.
    """
    bundles: list[Bundle] = []
    for kind, value in blocks_of(values):
        name = FULL_VALUE if bundles else full_value
        if kind is ValueKind.TEXT:
            bundles.append({"text/plain": Plain("\t").join(_line_text(text, name) for text in value)})
        elif kind is ValueKind.OUTPUT:
            bundles.append(value._repr_mimebundle_())
        else:
            bundle = bundle_of(value, options, note, name)
            note = "" if kind is ValueKind.TABLE else note
            bundles.append(bundle if options.raw else with_outline(bundle, value))
    return bundles


def with_outline(bundle: Bundle, value: Any) -> Bundle:
    """Add an HTML outline to a bundle that has only text, if the value is large enough for one."""
    html = outline(value) if bundle.keys() == {"text/plain"} else None
    return {**bundle, "text/html": html} if html else bundle


def bundle_of(value: Any, options: Options = _DEFAULTS, note: str = "", full_value: str = FULL_VALUE) -> Bundle:
    """Return one value as a cell shows it, with at most `TEXT_MOST` characters of text; see `bundles_of`."""
    records = value if options.raw else as_shown(value)
    kind = kind_of(records)
    if kind is ValueKind.PAGE:
        return {
            "text/plain": Plain.escape(first_lines(str(value), TEXT_MOST, full_value)),
            "text/markdown": value.for_notebook(),
        }
    if options.raw or kind not in (ValueKind.TABLE, ValueKind.RECORD):
        return {"text/plain": _line_text(value, full_value)}
    from kosmo_kernel.render.tables import RecordView, table_of

    if kind is ValueKind.TABLE:
        table = table_of(records, options.limit, note)
        bundle: Bundle = {"text/plain": Plain.escape(table.text()), "text/html": table.html()}
    else:
        view = RecordView(records)
        text = Plain.escape(first_lines(repr(view), TEXT_MOST, full_value))
        bundle, table = {"text/plain": text, "text/html": view._repr_html_()}, view.table()
    if notebook_run():
        bundle["application/vnd.kosmo.page+json"] = table.data()
    return bundle


def bundle_from(form: str, content: Any, clean: Callable[[str], str]) -> Bundle:
    """Return the sanitized bundle of content that a script displays.

    Parameters:
        form: one of `FORMS` except `clear`.
        content: a value; for markup its text in UTF-8, for a picture its bytes or their base64.
        clean: redacts secrets in every text of the bundle.

    Raises:
        UnsafeContentError: it cannot be made safe.
        LimitError: that takes too much time or memory.
        StoppedError: the run must stop.
    """
    if form == VALUE:
        return bundle_of(content)
    if form == "json":
        return {"text/plain": Plain.escape(clean(text_of(content))), "application/json": to_builtins(content)}
    if form in PICTURES:
        import base64

        from kosmo_kernel.safety.images import sanitize_picture

        data, width, height = sanitize_picture(form, content)
        bundle: Bundle = {"text/plain": Plain("[a picture of {} by {} pixels]").format(width, height)}
        bundle[PICTURES[form]] = base64.b64encode(data).decode()
        return bundle
    return _bundle_of_markup(form, clean(content.decode(errors="replace")))


def text_of(value: Any, full_value: str = FULL_VALUE) -> str:
    """Return a value as Lua's `print` shows it, written no further than it is shown; see `bundles_of`."""
    if isinstance(value, str):
        return first_lines(value, TEXT_MOST, full_value)
    text = pretty(value, TEXT_MOST)
    if len(text) <= TEXT_MOST and is_longer(value, TEXT_MOST):  # long lists in it were cut
        return f"{text}\n… {full_value} has all of it"
    return first_lines(text, TEXT_MOST, full_value, is_beginning=True)


def _line_text(value: Any, full_value: str) -> Plain:
    """Return the text of a value in the output of a cell, where nil is not JSON's null."""
    return Plain.escape("nil" if value is None else text_of(value, full_value))


def _bundle_of_markup(form: str, text: str) -> Bundle:
    from kosmo_kernel.reader import documents

    if form == "html":
        cleaned, readable = documents.displayed_html(text)
        return {"text/plain": Plain.escape(readable), "text/html": cleaned}
    words = Plain("[a drawing]") if form == "svg" else Plain.escape(text)
    return {"text/plain": words, "text/html": documents.displayed(form, text)}


class Note(NamedTuple):
    """A line about a run, for the user."""

    text: str  # of the note
    is_warning: bool  # whether something may be wrong; False for a note that only informs

    def __str__(self) -> str:
        return f"{WARNING} {self.text}" if self.is_warning else self.text


def bundle_of_notes(notes: Sequence[Note]) -> Bundle:
    """Return notes as an output of a notebook."""
    lines = [
        _WARNING_LINE.format(WARNING, _with_code(text)) if is_warning else _LINE.format(_with_code(text))
        for text, is_warning in notes
    ]
    return {
        "text/plain": Plain("\n").join(map(str, notes)),
        "text/html": style() + _NOTES.format(_NOTHING.join(lines)),
    }


def _with_code(text: str) -> Html:
    return with_code(Html, lambda code: _CODE.format(html_code(code)), text)


def write_notes(notes: Sequence[Note], stream: TextIO) -> None:
    """Write notes to a stream, one line each."""
    label = _YELLOW.format(WARNING) if has_colours(stream) else WARNING
    stream.writelines(f"{label} {note.text}\n" if note.is_warning else f"{note.text}\n" for note in notes)


def has_colours(stream: TextIO) -> bool:
    """Return whether text for a stream may have colours: it is a terminal, and its user did not disable them."""
    no_colour = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"  # https://no-color.org
    return stream.isatty() and not no_colour


def outline(value: Any) -> Html:
    """Return the outline of a list or an object, or an empty text for a value that fits on one line.

    Parameters:
        value: JSON values, with `values.records.Opaque` for Lua values that JSON does not have.
    """
    if not isinstance(value, (Mapping, list)) or _one_line(value) is not None:
        return _NOTHING
    drawn = _Outline()
    drawn.add(_NOTHING, value, 0)
    return box(_OUTLINE.format(style(), without_delimiters(_NOTHING.join(drawn.pieces))))


class _Outline:
    """Writes one outline in pieces and counts its parts."""

    def __init__(self) -> None:
        self.pieces: list[Html] = []
        self._remaining = MAX_PARTS
        self._labels: dict[Any, Html] = {}  # of items, many of which have the same

    def add(self, label: Html, value: Any, level: int) -> None:
        """Add a value after its label."""
        self._remaining -= 1
        line = _one_line(value)
        if line is not None or level >= _MAX_LEVELS:
            self.pieces += (label, Html.escape("…" if line is None else line))
            return
        size = counted(len(value), "field" if isinstance(value, Mapping) else "element")
        is_open = level < _OPEN_LEVELS and (level == 0 or len(value) <= _OPEN_ITEMS)
        self.pieces += (_OPEN if is_open else _CLOSED, label, _SIZE.format(size))
        items = value.items() if isinstance(value, Mapping) else enumerate(value, start=1)
        template = _KEY if isinstance(value, Mapping) else _INDEX
        for count, (key, inner) in enumerate(items):
            if count == PARTS or self._remaining <= 0:
                self.pieces.append(_MORE.format(len(value) - count))
                break
            self.pieces.append(_ITEM)
            name = template, type(key), key
            if name not in self._labels:
                self._labels[name] = _label(template, key)
            self.add(self._labels[name], inner, level + 1)
            self.pieces.append(_ITEM_END)
        self.pieces.append(_END)


def _label(template: Html, key: object) -> Html:
    """Return the label of an item: its key in an object, or its place in a list."""
    if template is _INDEX:
        return template.format(key)
    return template.format(escape_control(shortened(key, _MAX_STRING)) if isinstance(key, str) else f"[{key}]")


def _one_line(value: Any) -> str | None:
    """Return a value as `print` shows it inside a table, or None if that takes more than one line."""
    if not isinstance(value, (Mapping, list)):
        rest = isinstance(value, str) and value[_MAX_STRING:]
        # Put into a list, because a string on its own is printed without quotes.
        text = pretty([value[:_MAX_STRING] if rest else value]).removeprefix("[").removesuffix("]").strip()
        return text + "…" if rest else text
    text = pretty(value, WIDTH)
    return None if "\n" in text or len(text) > WIDTH else text
