r"""Render formulas as MathML, which browsers draw themselves.

A front end that typesets LaTeX runs its commands, some of which link, style, name, load or define others. latex2mathml
knows the commands that draw, and makes a tree of MathML; only the elements and attributes of the lists here are
written. A formula that it cannot read, or any if it is not installed, is shown as its source.
"""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from typing import TYPE_CHECKING

from kosmo_kernel.safety.escape import Html, html_attribute, html_code
from kosmo_kernel.safety.text import UnsafeContentError, check_length, sanitize_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

MAX_LENGTH = 1 << 16  # characters of LaTeX, for which a browser takes seconds
MAX_DEPTH = 100  # elements in each other

_ELEMENTS = {
    *("math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom", "mprescripts"),
    *("mroot", "mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr"),
    *("munder", "munderover", "none"),
}
_WORD = re.compile(r"[a-z-]{1,20}(?: [a-z-]{1,20}){0,60}")
_LENGTH = re.compile(r"\d{0,2}(?:\.\d{1,4})?(?:em|ex|pt|px|mu)?(?: \d{0,2}(?:\.\d{1,4})?(?:em|ex|pt|px|mu)?){0,60}")
_ATTRIBUTES = {
    **dict.fromkeys(
        ("columnalign", "columnlines", "display", "displaystyle", "fence", "form", "linebreak", "mathvariant"), _WORD
    ),
    **dict.fromkeys(("movablelimits", "notation", "rowlines", "separator", "stretchy", "symmetric"), _WORD),
    **dict.fromkeys(
        ("columnspacing", "linethickness", "lspace", "maxsize", "minsize", "rowspacing", "rspace", "width"), _LENGTH
    ),
    "scriptlevel": re.compile(r"[0-3]"),
}
# The formulas of a text, between the delimiters that front ends look for.
_FORMULA = re.compile(
    r"\$\$(?P<block>[^$]+)\$\$|\$(?P<inline>[^$]+)\$"
    r"|\\\[(?P<bracketed>(?:[^\\]|\\[^\]])*+)\\\]|\\\((?P<parenthesized>(?:[^\\]|\\[^)])*+)\\\)"
)


def sanitize_latex(given: str) -> Html:
    r"""Return HTML that shows the formulas of a text, those between `$`, `$$`, `\(` or `\[`, or else all of it as one.

    Raises:
        UnsafeContentError: it is too long, or nested too deep.
    """
    check_length(given, "LaTeX", MAX_LENGTH)
    text = sanitize_text(given)
    parts: list[str] = []
    end = 0
    for found in _FORMULA.finditer(text):
        source = found[found.lastgroup or 0]
        parts += [text[end : found.start()], formula(source, is_block=found.lastgroup in {"block", "bracketed"})]
        end = found.end()
    return Html().join([*parts, text[end:]]) if parts else formula(text, is_block=True)


def formula(source: str, *, is_block: bool) -> Html:
    """Return one formula as MathML, or as its source if that cannot be read.

    Parameters:
        source: LaTeX without delimiters.
        is_block: whether it has lines of its own.

    Raises:
        UnsafeContentError: it is nested too deep.
    """
    convert = _converter()
    if convert:
        try:
            return _written(convert(source, display="block" if is_block else "inline"), MAX_DEPTH)
        except RecursionError:
            raise UnsafeContentError("formulas that are nested so deep are not shown") from None
        except UnsafeContentError:
            raise
        except Exception:  # noqa: BLE001, S110 - the library raises whatever comes up for a formula with mistakes
            pass
    return Html("<code>{}</code>").format(html_code(source.strip()))


@cache
def _converter() -> Callable[..., Element] | None:
    try:
        from latex2mathml.converter import convert_to_element
    except ImportError:
        return None
    return convert_to_element


def _written(element: Element, depth: int) -> Html:
    """Return an element as HTML, with only what is on the lists."""
    if depth == 0:
        raise UnsafeContentError(f"formulas with more than {MAX_DEPTH} elements in each other are not shown")
    tag = element.tag if element.tag in _ELEMENTS else "mrow"
    attributes = Html().join(
        Html(' {}="{}"').format(Html(name), html_attribute(value))
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES and _ATTRIBUTES[name].fullmatch(value)
    )
    inner = [unescape(element.text or "")]
    for child in element:
        inner += [_written(child, depth - 1), unescape(child.tail or "")]
    return Html("<{}{}>{}</{}>").format(Html(tag), attributes, Html().join(inner), Html(tag))
