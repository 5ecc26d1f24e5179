"""Sanitize HTML: no scripts, styles, ids, requests or formulas.

nh3 parses as a browser does, and keeps only the tags and attributes of the lists here. It may take long and need much
memory for a text that is made for that, so this runs in the reader (`kosmo_kernel/reader/`).
"""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from typing import TYPE_CHECKING

from kosmo_kernel.safety.markup import Html, not_typeset
from kosmo_kernel.safety.text import MAX_MARKUP_LENGTH, UnsafeContentError, check_length, sanitize_text
from kosmo_kernel.text import lazy_pattern

if TYPE_CHECKING:
    import nh3

MAX_DEPTH = 100  # elements in each other, which a browser lays out recursively
MAX_SANITIZED_LENGTH = 8 * MAX_MARKUP_LENGTH  # a parser repeats open tags, and escapes make a text longer

TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "del", "details"),
    *("dfn", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img"),
    *("ins", "kbd", "li", "mark", "meter", "ol", "p", "pre", "progress", "q", "s", "samp", "small", "span", "strong"),
    *("sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "u", "ul", "var", "wbr"),
}
_VOID = {"br", "col", "hr", "img", "wbr"}
_DROPPED_WHOLE = {
    *("iframe", "math", "noembed", "noframes", "noscript", "object", "script", "style", "svg", "template", "textarea"),
    *("title", "xmp"),
}
ATTRIBUTES = {
    **{tag: {"title"} for tag in TAGS},
    "a": {"href", "title"},
    "details": {"open"},
    "img": {"alt", "height", "src", "title", "width"},
    "li": {"value"},
    "meter": {"high", "low", "max", "min", "optimum", "title", "value"},
    "ol": {"reversed", "start", "type"},
    "progress": {"max", "title", "value"},
    "td": {"align", "colspan", "rowspan", "title"},
    "th": {"align", "colspan", "rowspan", "scope", "title"},
    "time": {"datetime", "title"},
}
_LINK = lazy_pattern("<a( [^>]*)?>")
_LINK_ATTRIBUTES = ' target="_blank" rel="noopener noreferrer"'
_IN_A_FORMULA = str.maketrans({"$": "%24", "\\": "%5C"})  # in an address
# What an attribute may be; the others are texts. None can have a `<`, a `>` or a formula in it.
_VALUES = {
    "href": lazy_pattern(r"https?://[^\s<>]++", re.IGNORECASE),
    "src": lazy_pattern(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]++={0,2}"),
    **dict.fromkeys(("width", "height", "colspan", "rowspan"), lazy_pattern(r"\d{1,4}")),
}
_TEXT = lazy_pattern(r"[^<>$\\`]*+")
_TAG = lazy_pattern(r"<(/?)([a-z][a-z0-9]*)[^>]*>")
_LINE_END_TAGS = lazy_pattern(
    r"<(?:br|hr|/p|/div|/tr|/li|/h[1-6]|/pre|/dt|/dd|/summary|/caption|/figcaption|/table)\b[^>]*>"
)
_CELL_END_TAGS = lazy_pattern(r"</t[dh]>(?=\s*<t[dh]\b)")
_ANY_TAG = lazy_pattern(r"<[^>]*>")


def prepare() -> None:
    """Use the sanitizer once, because it imports its library when it is called."""
    html(b"<b>a</b>")


def html(data: bytes) -> bytes:
    """Return sanitized HTML and its text, with a NUL between them, which neither has: a task of the reader."""
    markup = sanitize_html(data.decode())
    return f"{markup}\0{html_to_text(markup)}".encode()


def sanitize_html(source: str) -> Html:
    """Return HTML that runs no scripts, makes no requests and does not affect the page around it.

    It keeps text, headings, lists, tables, `<details>`, embedded pictures (`data:`), and links to the web, which open
    in a new tab. What looks like a formula is not typeset.

    Raises:
        UnsafeContentError: it is too long, or nested too deep.
    """
    check_length(source, "HTML")
    return not_typeset(clean(source))


def clean(source: str) -> Html:
    """Return HTML of any length without what is not on the lists; a front end may still typeset LaTeX in it.

    Raises:
        UnsafeContentError: the result is too long, or nested too deep.
    """
    markup = _cleaner().clean(sanitize_text(source))
    check_length(markup, "sanitized HTML", MAX_SANITIZED_LENGTH)
    _check_depth(markup)
    return Html(_LINK.sub(rf"<a\1{_LINK_ATTRIBUTES}>", markup))


@cache
def _cleaner() -> nh3.Cleaner:
    import nh3

    return nh3.Cleaner(
        tags=TAGS,
        clean_content_tags=_DROPPED_WHOLE,
        attributes=ATTRIBUTES,
        attribute_filter=_allowed,
        link_rel=None,  # nh3 would put it at varying positions
        url_schemes={"http", "https", "data"},
    )


def html_to_text(markup: Html) -> str:
    """Return the result of `sanitize_html` as text, with a tab between two cells."""
    broken = _LINE_END_TAGS.sub("\n", _CELL_END_TAGS.sub("\t", markup))
    lines = [line.rstrip() for line in sanitize_text(unescape(_ANY_TAG.sub("", broken))).strip().split("\n")]
    return "\n".join(line for line, before in zip(lines, ["", *lines], strict=False) if line or before)


def _allowed(tag: str, name: str, value: str) -> str | None:
    """Return the value to keep for an attribute, or None to drop it."""
    value = value.translate(_IN_A_FORMULA) if name == "href" else value
    return value if _VALUES.get(name, _TEXT).fullmatch(value) else None


def _check_depth(markup: str) -> None:
    depth = 0
    for closing, name in _TAG.findall(markup):
        depth += -1 if closing else name not in _VOID
        if depth > MAX_DEPTH:
            raise UnsafeContentError(f"HTML with more than {MAX_DEPTH} elements in each other is not shown")
