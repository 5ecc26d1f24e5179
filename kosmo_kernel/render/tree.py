"""A table of Lua's as an outline that folds: HTML's own `<details>`, so no script is needed to open a part of it.

What fits on a line stands on one, as `print` shows it. What is larger has a heading that says how much is in
it, and its parts below, the upper two levels open where that is not much. Text is escaped here. The style names only
our own element and takes its colours from the page, whether that is light or dark; where a site removes styles, a
list that folds is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kosmo_kernel.render import text as value_text
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.safety.escape import html_text
from kosmo_kernel.safety.no_math import box, without_delimiters

MAX_INLINE_LENGTH = 76  # characters of a part that needs no fold
PARTS = 100  # of one list or object
MAX_PARTS = 2000  # parts of a whole outline
OPEN, OPEN_MOST = 2, 20  # levels that are open from the start, and how much is in what is open on the second
MAX_DEPTH = 12
TEXT_MOST = 2000  # characters of one text

_PALE = "var(--jp-content-font-color2,var(--vscode-descriptionForeground,GrayText))"
_RULES = (
    "{font-family:var(--jp-code-font-family,var(--vscode-editor-font-family,monospace));font-size:13px}",
    "ul{list-style:none;margin:0;padding:0 0 0 1.2em}",
    "li{margin:0;padding:0 0 0 1.2em;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere}",
    "li:has(>details){padding:0}",
    "summary{cursor:pointer;line-height:1.5;display:list-item}",
    f":is(i,summary span){{font-style:normal;color:{_PALE}}}",
    "b{font-weight:600}",
)
_STYLE = "<style>" + "".join(f"div.kosmo-outline.kosmo-outline {rule}" for rule in _RULES) + "</style>"


def outline(value: Any) -> str:
    """The HTML of a list or an object; empty where its text is as good, which is for what fits on one line.

    Parameters:
        value: JSON values, and `lua.values.Opaque` for what is none.
    """
    if not isinstance(value, (Mapping, list)) or _on_a_line(value) is not None:
        return ""
    parts = without_delimiters("".join(_Outline().part("", value, 0)))
    return box(f'<div class="kosmo-outline" style="max-height:32em;overflow:auto">{_STYLE}{parts}</div>')


class _Outline:
    """One outline as it is written; counts its parts."""

    def __init__(self) -> None:
        self._left = MAX_PARTS

    def part(self, label: str, value: Any, level: int) -> Iterator[str]:
        """The HTML of a value behind its label, itself HTML."""
        self._left -= 1
        line = _on_a_line(value)
        if line is not None or level >= MAX_DEPTH:
            yield label + html_text("…" if line is None else line)
            return
        size = _counted(len(value), "field" if isinstance(value, Mapping) else "element")
        is_open = level < OPEN and (level == 0 or len(value) <= OPEN_MOST)
        yield f"<details{' open' if is_open else ''}><summary>{label}<span>{size}</span></summary><ul>"
        for place, (name, inner) in enumerate(_inside(value)):
            if place == PARTS or self._left <= 0:
                yield f"<li><i>… {len(value) - place:,} more</i></li>"
                break
            yield "<li>"
            yield from self.part(name, inner, level + 1)
            yield "</li>"
        yield "</ul></details>"


def _inside(value: Mapping[Any, Any] | Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """The labels, as HTML, and the values of what is in a list or an object."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            name = escape_control(_short(key)) if isinstance(key, str) else f"[{key}]"
            yield f"<b>{html_text(name)}</b>: ", inner
    else:
        for place, inner in enumerate(value, start=1):
            yield f"<i>{place}</i> ", inner


def _on_a_line(value: Any) -> str | None:
    """A value as `print` shows it inside a table, where that is a line; None for what must be folded."""
    if not isinstance(value, (Mapping, list)):
        long = isinstance(value, str) and len(value) > TEXT_MOST
        # In a list of its own, since alone a text has no quotes.
        text = value_text.pretty([value[:TEXT_MOST] if long else value]).removeprefix("[").removesuffix("]").strip()
        return text + "…" if long else text
    if not _may_fit(value):
        return None
    text = value_text.pretty(value)
    return None if "\n" in text or len(text) > MAX_INLINE_LENGTH else text


def _may_fit(value: Any) -> bool:
    """Whether a value could be a line; tells soon, however much is in it."""
    room, waiting = MAX_INLINE_LENGTH, [value]
    while waiting:
        one = waiting.pop()
        room -= len(one) if isinstance(one, str) else 1
        if isinstance(one, (Mapping, list)):
            if len(one) > room:
                return False
            waiting += one.values() if isinstance(one, Mapping) else one
            room -= sum(len(key) for key in one if isinstance(key, str)) if isinstance(one, Mapping) else 0
        if room < 0:
            return False
    return True


def _short(text: str) -> str:
    return text if len(text) <= TEXT_MOST else text[: TEXT_MOST - 1] + "…"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
