r"""Keep front ends from typesetting ordinary text as formulas.

JupyterLab and nbconvert typeset all HTML outputs: MathJax renders text between two `$`, and some of its commands style
the page or load pictures from other hosts. MathJax 2 skips elements of the class `tex2jax_ignore`, MathJax 3 and 4
those of `mathjax_ignore`. In case a class is stripped, each delimiter is also put into its own element: MathJax and
KaTeX look for both delimiters of a formula in the text between two tags.
"""

from __future__ import annotations

import re

from kosmo_kernel.safety.escape import Html
from kosmo_kernel.text.patterns import lazy_pattern

CLASSES = Html("tex2jax_ignore mathjax_ignore")

_TEXT = lazy_pattern(r">([^<>]*[$\\][^<>]*)")
_DELIMITER = lazy_pattern(r"\$|\\(?=[()\[\]]|begin|(?:eq)?ref)")


def box(markup: Html) -> Html:
    """Return `markup` in an HTML element that is not typeset."""
    return Html(f'<div class="{CLASSES}">{markup}</div>')


def not_typeset(markup: Html) -> Html:
    """Return HTML of somebody else in which nothing is typeset."""
    return without_delimiters(box(markup)) if "$" in markup or "\\" in markup else markup


def without_delimiters(markup: Html) -> Html:
    """Return HTML, which begins with a tag and has no `<` in texts, with each delimiter in its own element."""
    return Html(_TEXT.sub(_text, markup)) if "$" in markup or "\\" in markup else markup


def _text(match: re.Match[str]) -> str:
    text = match[1]
    if text.count("$") == 1 and len(_DELIMITER.findall(text)) == 1:  # a single `$`, as in a price, starts no formula
        return match[0]
    return ">" + _DELIMITER.sub(r"<span>\g<0></span>", text)
