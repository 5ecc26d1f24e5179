"""Render Markdown as sanitized HTML: no raw HTML, no images, and links to the web only.

markdown-it parses CommonMark with tables, and nh3 cleans what it renders, so that no front end parses the source of
somebody else. Raw HTML and formulas are shown as text, and an image becomes a link. It is a task of the reader, apart
from that of HTML, because its library takes longer to import than all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from kosmo_kernel.safety.html import clean
from kosmo_kernel.safety.markup import Html, not_typeset
from kosmo_kernel.safety.text import UnsafeContentError, check_length, sanitize_text
from kosmo_kernel.text import lazy_pattern

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_LINES = 20_000  # as the output of a run has; more would take seconds, and then be shown by no browser
# Where markdown-it tries its rules in a line. By itself it also does so at `$` and other signs that only extensions
# use, which made a text of formulas take three times as long.
_BEGINNING_OF_INLINE = lazy_pattern(r"[\n!&*<\[\\\]_`~]")


def prepare() -> None:
    """Use the sanitizer once, because it imports its libraries when it is called."""
    markdown(b"# a `b`\n\n| a |\n|:--|\n| ![b](c) |")


def markdown(data: bytes) -> bytes:
    """Return the HTML that shows Markdown: a task of the reader."""
    return sanitize_markdown(data.decode()).encode()


def sanitize_markdown(source: str) -> Html:
    """Return HTML that shows Markdown: text, tables, code and links.

    Raises:
        UnsafeContentError: it is too long, has too many lines, or is nested too deep.
    """
    check_length(source, "Markdown")
    if source.count("\n") > MAX_LINES:
        raise UnsafeContentError(f"Markdown has more than {MAX_LINES:,} lines")
    return not_typeset(clean(_parser().render(sanitize_text(source))))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    inline: Any = parser.inline  # whose type may have no such field
    inline.terminator_re = _BEGINNING_OF_INLINE
    renderer: Any = parser.renderer  # whose type does not say that it has rules
    renderer.rules |= {"image": _image, "td_open": _cell, "th_open": _cell}
    return parser


def _image(tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Return a link to a picture, because showing it would ask its server."""
    address, text = str(tokens[index].attrs.get("src", "")), tokens[index].content or "image"
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def _cell(tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Return the beginning of a cell with its alignment as an attribute; styles are dropped."""
    side = str(tokens[index].attrs.get("style", "")).removeprefix("text-align:")
    return f'<{tokens[index].tag} align="{side}">' if side else f"<{tokens[index].tag}>"
