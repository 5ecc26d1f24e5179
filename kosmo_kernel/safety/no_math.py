r"""Keep front ends from typesetting ordinary text as formulas.

JupyterLab and nbconvert typeset all HTML and Markdown outputs: MathJax renders text between two `$`, and some of its
commands style the page or load pictures from other hosts. MathJax 2 skips elements of the class `tex2jax_ignore`,
MathJax 3 and 4 those of `mathjax_ignore`. In case a class is stripped, each delimiter is also put into its own element:
MathJax and KaTeX look for both delimiters of a formula in the text between two tags.
"""

from __future__ import annotations

import re

from kosmo_kernel.safety.escape import Html
from kosmo_kernel.safety.markup import Markdown

_LINE_END = "\n"
CLASSES = Html("tex2jax_ignore mathjax_ignore")

_TEXT = re.compile(r">([^<>]*[$\\][^<>]*)")
_DELIMITER = re.compile(r"\$|\\(?=[()\[\]]|begin|(?:eq)?ref)")
_CODE = re.compile(r"^(?P<fence>`{3,})[^`\n]*\n.*?^(?P=fence)$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_MARKDOWN_DELIMITER = re.compile(r"\$|\\\\(?=[(\[])|\\(?=begin|(?:eq)?ref)")


def box(markup: Html) -> Html:
    """Return `markup` in an HTML element that is not typeset."""
    return Html(f'<div class="{CLASSES}">{markup}</div>')


def without_delimiters(markup: Html) -> Html:
    """Return equivalent HTML with each delimiter of formulas in its own element.

    Parameters:
        markup: HTML that starts with a tag and has `<` and `>` only around tags.
    """
    if "$" not in markup and "\\" not in markup:
        return markup
    return Html(_TEXT.sub(_text, markup))


def markdown(page: Markdown) -> Markdown:
    """Return a Markdown page in an element that is not typeset, with delimiters outside of code as entities."""
    if not any(mark in page for mark in "$\\&"):  # an entity may stand for a delimiter
        return page
    pieces, position = [], 0
    for code in _CODE.finditer(page):
        pieces += [_MARKDOWN_DELIMITER.sub(_entity, page[position : code.start()]), code[0]]
        position = code.end()
    pieces.append(_MARKDOWN_DELIMITER.sub(_entity, page[position:]))
    return Markdown(f'<div class="{CLASSES}">\n\n{"".join(pieces).strip(_LINE_END)}\n\n</div>\n')


def _text(match: re.Match[str]) -> str:
    text = match[1]
    if text.count("$") == 1 and len(_DELIMITER.findall(text)) == 1:  # a single `$`, as in a price, starts no formula
        return match[0]
    return ">" + _DELIMITER.sub(r"<span>\g<0></span>", text)


def _entity(match: re.Match[str]) -> str:
    return "&#36;" if match[0] == "$" else "&#92;"
