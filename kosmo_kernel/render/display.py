"""Make the MIME bundles of the values of a cell, and of what a script displays, the same for every front end.

A list of records becomes a table, a record two columns, a page of the reference Markdown, and any other value the text
that Lua's `print` gives; the Lua kernel adds an outline to a larger one. Markup and pictures are sanitized first
(`safety`). Every bundle has a `text/plain`, for terminals and programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from msgspec import Struct, field

from kosmo_kernel.render.blocks import ValueKind, as_shown, blocks_of, kind_of
from kosmo_kernel.render.text import first_lines, is_longer, pretty
from kosmo_kernel.safety.markup import Plain
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.values.records import encode, to_builtins

if TYPE_CHECKING:
    from kosmo_kernel.safety.escape import Html
    from kosmo_kernel.safety.markup import Markdown

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
    },
    total=False,
)

TEXT_MOST = 1 << 16  # characters of the text of one value, at most
WHOLE = "the value"  # what has the whole of a text that was cut, where it has no name

VALUE, CLEAR = "value", "clear"
VALUES = {VALUE, "json"}  # forms that take a value; the others take bytes
PICTURES: dict[str, Literal["image/gif", "image/jpeg", "image/png", "image/webp"]] = {
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
FORMS = VALUES | PICTURES.keys() | {CLEAR, "html", "latex", "markdown", "svg"}
_DEFAULTS = Options()


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


def bundles_of(values: Iterable[Any], options: Options, note: str = "", kept: str = WHOLE) -> list[Bundle]:
    """Return a bundle for each block of values; those of adjacent texts are joined by tabs.

    Parameters:
        values: the values of a run.
        options: `raw` turns tables into text, `limit` sets the number of rows.
        note: a text to show below the first table.
        kept: the name under which the first value is kept whole, `Out[3]`.
    """
    bundles: list[Bundle] = []
    for kind, value in blocks_of(values):
        name = WHOLE if bundles else kept
        if kind is ValueKind.TEXT:
            bundles.append({"text/plain": Plain("\t").join(_line_text(one, name) for one in value)})
        elif kind is ValueKind.OUTPUT:
            bundles.append(value._repr_mimebundle_())
        else:
            bundle = bundle_of(value, options, note, name)
            note = "" if kind is ValueKind.TABLE else note
            bundles.append(bundle if options.raw else with_outline(bundle, value))
    return bundles


def with_outline(bundle: Bundle, value: Any) -> Bundle:
    """Add an HTML outline to a bundle that has only text, if the value is large enough for one."""
    from kosmo_kernel.render.tree import outline

    html = outline(value) if bundle.keys() == {"text/plain"} else None
    return {**bundle, "text/html": html} if html else bundle


def bundle_of(value: Any, options: Options = _DEFAULTS, note: str = "", kept: str = WHOLE) -> Bundle:
    """Return one value as a cell shows it, with at most `TEXT_MOST` characters of text; see `bundles_of`."""
    shown = value if options.raw else as_shown(value)
    kind = kind_of(shown)
    if kind is ValueKind.PAGE:
        return {
            "text/plain": Plain.escape(first_lines(str(value), TEXT_MOST, kept)),
            "text/markdown": value.for_notebook(),
        }
    if options.raw or kind not in (ValueKind.TABLE, ValueKind.RECORD):
        return {"text/plain": _line_text(value, kept)}
    from kosmo_kernel.render.tables import RecordView, table_of

    if kind is ValueKind.TABLE:
        table = table_of(shown, options.limit, note)
        return {"text/plain": Plain.escape(table.text()), "text/html": table.html()}
    view = RecordView(shown)
    return {"text/plain": Plain.escape(first_lines(repr(view), TEXT_MOST, kept)), "text/html": view._repr_html_()}


def bundle_from(form: str, given: Any, clean: Callable[[str], str]) -> Bundle:
    """Return the sanitized bundle of content that a script displays.

    Parameters:
        form: one of `FORMS` except `clear`.
        given: a value; for markup its text in UTF-8, for a picture its bytes or their base64.
        clean: redacts secrets in every text of the bundle.

    Raises:
        UnsafeContentError: it cannot be made safe.
        LimitError: that takes too much time or memory.
        StoppedError: the run must stop.
    """
    if form == VALUE:
        return bundle_of(given)
    if form == "json":
        return {"text/plain": Plain.escape(clean(text_of(given))), "application/json": to_builtins(given)}
    if form in PICTURES:
        import base64

        from kosmo_kernel.safety.images import sanitize_picture

        data, width, height = sanitize_picture(form, given)
        bundle: Bundle = {"text/plain": Plain("[a picture of {} by {} pixels]").format(width, height)}
        bundle[PICTURES[form]] = base64.b64encode(data).decode()
        return bundle
    return _bundle_of_markup(form, clean(given.decode(errors="replace")))


def text_of(value: Any, kept: str = WHOLE) -> str:
    """Return a value as Lua's `print` shows it, written no further than it is shown; see `bundles_of`."""
    if isinstance(value, str):
        return first_lines(value, TEXT_MOST, kept)
    text = pretty(value, TEXT_MOST)
    if len(text) <= TEXT_MOST and is_longer(value, TEXT_MOST):  # long lists in it were cut
        return f"{text}\n… {kept} has all of it"
    return first_lines(text, TEXT_MOST, kept, is_beginning=True)


def _line_text(value: Any, kept: str) -> Plain:
    """Return the text of a value in the output of a cell, where nil is not JSON's null."""
    return Plain.escape("nil" if value is None else text_of(value, kept))


def _bundle_of_markup(form: str, text: str) -> Bundle:
    from kosmo_kernel.reader import markup

    if form == "html":
        cleaned, words = markup.html(text)
        return {"text/plain": Plain.escape(words), "text/html": cleaned}
    if form == "svg":
        return {"text/plain": Plain("[a drawing]"), "text/html": markup.svg(text)}
    clean = markup.latex if form == "latex" else markup.markdown
    return {"text/plain": Plain.escape(text), "text/html": clean(text)}
