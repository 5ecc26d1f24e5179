r"""Render Markdown and LaTeX as sanitized HTML: no raw HTML, no images, and links to the web only.

markdown-it parses CommonMark with tables, and nh3 cleans what it renders, so that no front end parses the source of
somebody else. Raw HTML is shown as text, and an image becomes a link.

Formulas become MathML, which browsers draw themselves. A front end that typesets LaTeX runs its commands, some of which
link, style, name, load or define others. latex2mathml knows the commands that draw, and nh3 keeps only the MathML on
the lists of `html.py`. A formula that the library cannot read, or any if it is not installed, is shown as its source.

These are tasks of the reader, apart from those of HTML, because their libraries take longer to import than all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import tostring

from kosmo_kernel.safety.html import clean
from kosmo_kernel.safety.markup import Html, html_code, not_typeset
from kosmo_kernel.safety.text import UnsafeContentError, check_length, sanitize_text
from kosmo_kernel.text import lazy_pattern

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

MAX_LATEX_LENGTH = 1 << 16  # characters of LaTeX, for which a browser takes seconds

# The formulas of a text, with the delimiters that front ends look for.
_DELIMITED = lazy_pattern(r"(\$\$[^$]+\$\$|\$[^$]+\$|\\\[(?:[^\\]|\\[^][])*+\\\]|\\\((?:[^\\]|\\[^()])*+\\\))")
# A formula on one or more lines of Markdown. After one dollar there is no blank, and after the last no digit, as in
# Pandoc.
_FORMULA = lazy_pattern(r"\$\$[^$]+\$\$|\$[^\s$](?:[^$\n]*[^\s$])?\$(?!\d)")


def prepare() -> None:
    """Use each sanitizer once, because they import libraries when they are called."""
    markdown(b"# a `b`\n\n| a |\n|:--|\n| $a$ ![b](c) |")


def markdown(data: bytes) -> bytes:
    """Return the HTML that shows Markdown: a task of the reader."""
    return sanitize_markdown(data.decode()).encode()


def latex(data: bytes) -> bytes:
    """Return the HTML that shows LaTeX: a task of the reader."""
    return sanitize_latex(data.decode()).encode()


def sanitize_markdown(source: str) -> Html:
    """Return HTML that shows Markdown: text, tables, code, formulas and links.

    Raises:
        UnsafeContentError: it is too long, or nested too deep.
    """
    check_length(source, "Markdown")
    return not_typeset(clean(_parser().render(sanitize_text(source)), formulas=True))


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
    match = _FORMULA.match(state.src, state.pos, state.posMax) if state.src[state.pos] == "$" else None
    if match is None:
        return False
    if not silent:
        state.push("html_inline", "", 0).content = formula(match[0])
    state.pos = match.end()
    return True


def _image(tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Return a link to a picture, because showing it would ask its server."""
    address, text = str(tokens[index].attrs.get("src", "")), tokens[index].content or "image"
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def _cell(tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Return the beginning of a cell with its alignment as an attribute; styles are dropped."""
    side = str(tokens[index].attrs.get("style", "")).removeprefix("text-align:")
    return f'<{tokens[index].tag} align="{side}">' if side else f"<{tokens[index].tag}>"


def sanitize_latex(source: str) -> Html:
    r"""Return HTML that shows the formulas of a text, those between `$`, `$$`, `\(` or `\[`, or else all of it as one.

    Raises:
        UnsafeContentError: it is too long, or nested too deep.
    """
    check_length(source, "LaTeX", MAX_LATEX_LENGTH)
    parts = _DELIMITED.split(sanitize_text(source))
    if len(parts) == 1:
        return clean(formula(f"$${parts[0]}$$"), formulas=True)
    blocks = (formula(part) if at % 2 else Html.escape(part) for at, part in enumerate(parts))
    return clean("".join(blocks), formulas=True)


def formula(source: str) -> str:
    """Return a formula as HTML that is still to be cleaned: as MathML, or its source if that cannot be read.

    Parameters:
        source: LaTeX between delimiters.

    Raises:
        UnsafeContentError: it is nested too deep.
    """
    is_block = source.startswith(("$$", "\\["))
    length = 1 + (is_block or source.startswith("\\"))
    inner = source[length:-length]
    try:
        from latex2mathml.converter import convert_to_element

        element = convert_to_element(inner, display="block" if is_block else "inline")
        return tostring(element, encoding="unicode").replace("&amp;", "&")  # its texts are HTML already
    except RecursionError:
        raise UnsafeContentError("formulas that are nested so deep are not shown") from None
    except Exception:  # noqa: BLE001 - the library raises whatever comes up for a formula with mistakes
        return f"<code>{html_code(inner.strip())}</code>"
