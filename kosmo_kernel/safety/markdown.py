"""Render Markdown as sanitized HTML: no raw HTML, no images, and links to the web only.

markdown-it parses CommonMark with tables, and nh3 cleans what it renders, so that no front end parses the source of
somebody else. Raw HTML is shown as text, an image becomes a link, and formulas become MathML (`tex.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from kosmo_kernel.safety.escape import Html
from kosmo_kernel.safety.html import clean
from kosmo_kernel.safety.no_math import not_typeset
from kosmo_kernel.safety.tex import formula
from kosmo_kernel.safety.text import check_length, sanitize_text
from kosmo_kernel.text.patterns import lazy_pattern

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

# A formula on one or more lines. After one dollar there is no blank, and after the last no digit, as in Pandoc.
_FORMULA = lazy_pattern(r"\$\$[^$]+\$\$|\$[^\s$](?:[^$\n]*[^\s$])?\$(?!\d)")


def sanitize_markdown(given: str) -> Html:
    """Return HTML that shows Markdown: text, tables, code, formulas and links.

    Raises:
        UnsafeContentError: it is too long, or nested too deep.
    """
    check_length(given, "Markdown")
    return not_typeset(clean(_parser().render(sanitize_text(given)), formulas=True))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "formula", _read_formula)
    renderer: Any = parser.renderer  # whose type does not say that it has rules
    renderer.rules |= {"image": _image, "td_open": _cell, "th_open": _cell}
    return parser


def _read_formula(state: StateInline, silent: bool) -> bool:
    """Read a formula where one begins."""
    found = _FORMULA.match(state.src, state.pos, state.posMax) if state.src[state.pos] == "$" else None
    if found is None:
        return False
    if not silent:
        state.push("html_inline", "", 0).content = formula(found[0])
    state.pos = found.end()
    return True


def _image(tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Return a link to a picture, because showing it would ask its server."""
    address, text = str(tokens[index].attrs.get("src", "")), tokens[index].content or "image"
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def _cell(tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Return the beginning of a cell with its alignment as an attribute; styles are dropped."""
    side = str(tokens[index].attrs.get("style", "")).removeprefix("text-align:")
    return f'<{tokens[index].tag} align="{side}">' if side else f"<{tokens[index].tag}>"
