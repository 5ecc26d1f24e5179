"""Render nested Lua values as a collapsible outline of HTML `<details>` elements, which need no script.

A value that fits on a line is written as `print` shows it. A larger one gets a heading with its size and its parts
below; the upper two levels are open if they are small. Text is escaped here. Where a site removes styles, a collapsible
list is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kosmo_kernel.render.style import style
from kosmo_kernel.render.text import WIDTH, escape_control, pretty
from kosmo_kernel.safety.escape import Html, box, without_delimiters
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.text.quantities import counted

PARTS = 100  # items shown of one list or object
MAX_PARTS = 2000  # items in a whole outline
OPEN, OPEN_MOST = 2, 20  # levels that are initially open, and the items of an open value on the second
MAX_DEPTH = 12
TEXT_MOST = 2000  # characters shown of one string

_BOX = Html('<div class="kosmo-outline" style="max-height:32em;overflow:auto">{}{}</div>')
_NOTHING = Html()
_OPEN, _CLOSED, _END = Html("<details open><summary>"), Html("<details><summary>"), Html("</ul></details>")
_SIZE = Html("<span>{}</span></summary><ul>")
_ITEM, _ITEM_END = Html("<li>"), Html("</li>")
_KEY, _INDEX = Html("<b>{}</b>: "), Html("<i>{}</i> ")
_MORE = Html("<li><i>… {:,} more</i></li>")


def outline(value: Any) -> Html:
    """Return the outline of a list or an object, or an empty text for a value that fits on one line.

    Parameters:
        value: JSON values, with `lua.values.Opaque` for Lua values that JSON does not have.
    """
    if not isinstance(value, (Mapping, list)) or _one_line(value) is not None:
        return _NOTHING
    drawn = _Outline()
    drawn.add(_NOTHING, value, 0)
    return box(_BOX.format(style(), without_delimiters(_NOTHING.join(drawn.pieces))))


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
        if line is not None or level >= MAX_DEPTH:
            self.pieces += (label, Html.escape("…" if line is None else line))
            return
        size = counted(len(value), "field" if isinstance(value, Mapping) else "element")
        is_open = level < OPEN and (level == 0 or len(value) <= OPEN_MOST)
        self.pieces += (_OPEN if is_open else _CLOSED, label, _SIZE.format(size))
        items = value.items() if isinstance(value, Mapping) else enumerate(value, start=1)
        template = _KEY if isinstance(value, Mapping) else _INDEX
        for place, (key, inner) in enumerate(items):
            if place == PARTS or self._remaining <= 0:
                self.pieces.append(_MORE.format(len(value) - place))
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
    return template.format(escape_control(shortened(key, TEXT_MOST)) if isinstance(key, str) else f"[{key}]")


def _one_line(value: Any) -> str | None:
    """Return a value as `print` shows it inside a table, or None if that takes more than one line."""
    if not isinstance(value, (Mapping, list)):
        long = isinstance(value, str) and len(value) > TEXT_MOST
        # Put into a list, because a string on its own is printed without quotes.
        text = pretty([value[:TEXT_MOST] if long else value]).removeprefix("[").removesuffix("]").strip()
        return text + "…" if long else text
    text = pretty(value, WIDTH)
    return None if "\n" in text or len(text) > WIDTH else text
