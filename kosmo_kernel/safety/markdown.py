"""Render Markdown as sanitized HTML: no raw HTML, no images, and links to the web only.

markdown-it parses CommonMark with tables, and nh3 cleans what it renders, so that no front end parses the source of
somebody else. Raw HTML is shown as text, an image becomes a link, and formulas become MathML (`tex.py`), in which
nothing can be linked or styled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from kosmo_kernel.safety.escape import Html
from kosmo_kernel.safety.html import clean
from kosmo_kernel.safety.no_math import box, without_delimiters
from kosmo_kernel.safety.tex import formula
from kosmo_kernel.safety.text import check_length, sanitize_text

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

# The characters around the number of a formula, while nh3 cleans the text around it. No text contains them.
_START, _END = "\ufdd0", "\ufdd1"
_NO_STAND_INS = str.maketrans(dict.fromkeys((_START, _END), ""))
_STAND_IN = re.compile(f"{_START}([0-9]+){_END}")
# A formula on one or more lines. After one dollar there is no blank, and after the last no digit, as in Pandoc.
_FORMULA = re.compile(r"\$\$(?P<block>[^$]+)\$\$|\$(?P<inline>[^\s$](?:[^$\n]*[^\s$])?)\$(?!\d)")


def sanitize_markdown(given: str) -> Html:
    """Return HTML that shows Markdown: text, tables, code, formulas and links.

    Raises:
        UnsafeContentError: it is too long, or nested too deep.
    """
    check_length(given, "Markdown")
    formulas: list[Html] = []
    page = _parser().render(sanitize_text(given).translate(_NO_STAND_INS), {"formulas": formulas})
    markup = clean(page)
    markup = without_delimiters(box(markup)) if "$" in markup or "\\" in markup else markup
    return markup.sub(_STAND_IN, lambda found: formulas[int(found[1])]) if formulas else markup


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "formula", _read_formula)
    renderer: Any = parser.renderer  # whose type does not say that it has rules
    renderer.rules |= {"image": _image, "td_open": _cell, "th_open": _cell}
    return parser


def _read_formula(state: StateInline, silent: bool) -> bool:
    """Read a formula where one begins; its MathML is kept in the environment until the text is clean."""
    found = _FORMULA.match(state.src, state.pos, state.posMax) if state.src[state.pos] == "$" else None
    if found is None:
        return False
    if not silent:
        formulas: list[Html] = state.env["formulas"]
        token = state.push("text", "", 0)
        token.content = f"{_START}{len(formulas)}{_END}"
        formulas.append(formula(found["block"] or found["inline"], is_block=found["block"] is not None))
    state.pos = found.end()
    return True


def _image(tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Return a link to a picture, because showing it would ask its server."""
    return _link(str(tokens[index].attrs.get("src", "")), tokens[index].content or "image")


def _link(address: str, text: str) -> str:
    from markdown_it.common.utils import escapeHtml

    return f'<a href="{escapeHtml(address)}">{escapeHtml(text)}</a>'


def _cell(tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Return the beginning of a cell with its alignment as an attribute; styles are dropped."""
    side = str(tokens[index].attrs.get("style", "")).removeprefix("text-align:")
    return f'<{tokens[index].tag} align="{side}">' if side else f"<{tokens[index].tag}>"
