"""Which hostile outputs do no harm in a place although it shows them as they are, and why.

All others have to do harm there, so that their harmless forms show something. A place is a page with outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from hostile_outputs import Case
from hostile_payloads import DELIMITERS

JUPYTERLAB, NBCONVERT, KOSMO_RUN = "JupyterLab", "a page of nbconvert", "a page of kosmo run"

_STARTS = tuple(start for start, _ in DELIMITERS.values())
_ESCAPED = (r"\(", r"\[")
# What MathJax 2 and 3 do not do, both with the extension `Safe`, as Jupyter and nbconvert have it.
_SAFE = {
    *("link that runs", "style that loads", "style that covers", "class", "id", "box", "box with a cursor"),
    *("box that covers", "token in capitals", "token that covers", "token with a class", "token with an id"),
    *("token with a link", "frame with a style", "stroke with a style", "colour with a style", "formula in a tag"),
    *("HTML in a formula", "HTML in a formula by words"),
}
_UNKNOWN = {"made name", "provided command", "comment in a command"}
_UNKNOWN_TO_3 = _UNKNOWN | {"definition", "declared operator"}
_UNKNOWN_TO_2 = _UNKNOWN | {"declared pair", "declared pair of others", "formula in words"}


def _named(names: Collection[str]) -> Callable[[Case], bool]:
    return lambda case: case.name in names


def _is_formula(case: Case) -> bool:
    return case.text.startswith(_STARTS) and "fence" not in case.name


def _formulas(names: Collection[str]) -> Callable[[Case], bool]:
    return lambda case: _is_formula(case) and case.name.removeprefix("formula: ") in names


def _is_written(case: Case) -> bool:
    return case.raw.get("text/html", "").startswith("<pre>")


_EVERYWHERE = {
    "no browser of today reads it as a handler": _named({"handler in backticks", "handler behind a null"}),
    "Chromium without a window loads no icon": _named({"icon"}),
    "a browser parses it right; a filter that writes it again may not": _named(
        {"mathematics in a table", "mathematics in a form", "annotation", "choice"}
    ),
    "it is code, or a diagram for nobody": _named(
        {"fence in a foot note", "fence in entities", "fence in escapes", "HTML behind a fence", "formula at a fence"}
    ),
}
_TYPESET = {
    "preformatted text is not typeset": lambda case: _is_formula(case) and _is_written(case),
    "Markdown reads an escaped bracket": lambda case: case.text.startswith(_ESCAPED) and "text/markdown" in case.raw,
    "HTML has no use for two backslashes": lambda case: case.text.startswith(r"\\(") and "text/html" in case.raw,
    "MathJax takes it away": _formulas(_SAFE),
}
_OF_NBCONVERT = {
    "Python's parser reads the page and writes it again": _named(
        {"no script", "text area", "title", "style in a drawing"}
    ),
    "its Markdown escapes quotes": _named(
        {f"formula in {a}" for a in ("a link", "an address", "a title", "a definition")}
    ),
}
_OF_JUPYTERLAB = {
    "MathJax 3 does not know it": _formulas(_UNKNOWN_TO_3),
    "an output is clipped": _named({"absolute"}),
    "only a fence of one word is a diagram": _named({"fence with more words"}),
    "a table leaves out cells beyond its columns": lambda case: (
        (case.name, case.door) == ("end of a cell", "%kosmo status")
    ),
    "the tag never ends": _named({"unfinished tag"}),
}
_REASONS: dict[str, dict[str, Callable[[Case], bool]]] = {
    JUPYTERLAB: _EVERYWHERE | _TYPESET | _OF_JUPYTERLAB,
    NBCONVERT: _EVERYWHERE | _TYPESET | _OF_NBCONVERT | {"MathJax 2 does not know it": _formulas(_UNKNOWN_TO_2)},
    KOSMO_RUN: _EVERYWHERE
    | _OF_NBCONVERT
    | {
        "there is no MathJax": _is_formula,
        "a link that is none of the web is its text": _named(
            {"Markdown link that runs", "Markdown link in entities", "id of a link"}
        ),
    },
}


def reason(case: Case, place: str) -> str:
    """Return why a case does no harm in a place as it is, or an empty text if it has to do harm."""
    return next((why for why, holds in _REASONS[place].items() if holds(case)), "")
