r"""Keep front ends from reading what is no mathematics as formulas.

JupyterLab and nbconvert typeset every output that is HTML or Markdown: MathJax draws what stands between two `$`, and
some of its commands style the page or ask other hosts for pictures. MathJax 2 leaves out elements of the class
`tex2jax_ignore`, MathJax 3 and 4 those of `mathjax_ignore`. Where a class is lost, delimiters in elements of their own
are none: MathJax and KaTeX look for both in the text between two tags.
"""

from __future__ import annotations

import re

_LINE_END = "\n"
CLASSES = "tex2jax_ignore mathjax_ignore"

_TEXT = re.compile(r">([^<>]*[$\\][^<>]*)")
_DELIMITER = re.compile(r"\$|\\(?=[()\[\]]|begin|(?:eq)?ref)")
_CODE = re.compile(r"^(?P<fence>`{3,})[^`\n]*\n.*?^(?P=fence)$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_MARKDOWN_DELIMITER = re.compile(r"\$|\\\\(?=[(\[])|\\(?=begin|(?:eq)?ref)")


def box(markup: str) -> str:
    """Return an HTML element that holds `markup` and is not typeset."""
    return f'<div class="{CLASSES}">{markup}</div>'


def without_delimiters(markup: str) -> str:
    """Return HTML that looks and reads the same, with the delimiters of formulas in elements of their own.

    Parameters:
        markup: HTML that starts with a tag, with `<` and `>` nowhere but around tags.
    """
    if "$" not in markup and "\\" not in markup:
        return markup
    return _TEXT.sub(_text, markup)


def markdown(page: str) -> str:
    """Return a page of Markdown as an element that is not typeset, without delimiters outside of code."""
    if not any(mark in page for mark in "$\\&"):  # an entity may stand for a delimiter
        return page
    written, at = [], 0
    for code in _CODE.finditer(page):
        written += [_MARKDOWN_DELIMITER.sub(_entity, page[at : code.start()]), code[0]]
        at = code.end()
    written.append(_MARKDOWN_DELIMITER.sub(_entity, page[at:]))
    return f'<div class="{CLASSES}">\n\n{"".join(written).strip(_LINE_END)}\n\n</div>\n'


def _text(found: re.Match[str]) -> str:
    text = found[1]
    if text.count("$") == 1 and len(_DELIMITER.findall(text)) == 1:  # a price is no formula
        return found[0]
    return ">" + _DELIMITER.sub(r"<span>\g<0></span>", text)


def _entity(found: re.Match[str]) -> str:
    return "&#36;" if found[0] == "$" else "&#92;"
