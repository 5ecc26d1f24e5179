"""Escape untrusted text for Markdown and HTML: the gates for text without markup.

The result shows the same characters without any markup: no tag, link, image or emphasis in Markdown, no tag or
attribute in HTML, no formula in either.

JupyterLab and nbconvert typeset all HTML outputs: MathJax renders text between two `$`, and some of its commands style
the page or load pictures from other hosts. MathJax 2 skips elements of the class `tex2jax_ignore`, MathJax 3 and 4
those of `mathjax_ignore`. In case a class is stripped, each delimiter is also put into its own element: MathJax and
KaTeX look for both delimiters of a formula in the text between two tags.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Self

from kosmo_kernel.safety.markup import (
    Markdown,
    Markup,
    Plain,
    attribute_entities,
    clean,
    html_entities,
    markdown_block,
    markdown_code,
)
from kosmo_kernel.text import lazy_pattern


class Html(Markup):
    """HTML, for a page, an output of a notebook, or an HTML block of Markdown."""

    __slots__ = ()

    @classmethod
    def escape(cls, text: str) -> Self:
        """Return HTML that shows `text` between tags, in HTML and in an HTML block of Markdown.

        `html_attribute` is the gate for attributes.
        """
        return cls(html_entities(text))


CLASSES = Html("tex2jax_ignore mathjax_ignore")

_TEXT = lazy_pattern(r">([^<>]*[$\\][^<>]*)")
_DELIMITER = lazy_pattern(r"\$|\\(?=[()\[\]]|begin|(?:eq)?ref)")


def code_span(text: str) -> Markdown:
    """Return Markdown that shows `text` as code inside a line.

    Text that backticks do not protect everywhere, such as a `|` in a table or a `$` in JupyterLab, is put into a
    `<code>` element.
    """
    return Markdown(markdown_code(text))


def fenced(text: str, language: str = "") -> Markdown:
    """Return a Markdown block that shows `text` as code, with a fence that no line of the text can close.

    Parameters:
        text: The code.
        language: The language for highlighting; never taken from untrusted input.
    """
    if language and not (language.isascii() and language.isalpha() and language.islower()):
        raise ValueError(f"{language!r} is no language of a fenced block")
    return Markdown(markdown_block(text, language))


def html_code(text: str) -> Html:
    """Return HTML that shows `text` inside a `<pre>` or `<code>`, which MathJax skips."""
    from html import escape  # loads the names of all characters, and most cells have no HTML

    return Html(escape(clean(text)))


def html_attribute(text: str) -> Html:
    """Return `text` as an attribute value for either kind of quotes, in HTML or in Markdown."""
    return Html(attribute_entities(text))


def html_from_library(markup: str) -> Html:
    """Return HTML that a library made, which has escaped the text in it."""
    return Html(markup)


@cache
def html_of_package(path: str) -> Html:
    """Return a file of this package that becomes a part of a page, such as a style sheet."""
    return Html(Path(__file__).parents[1].joinpath(path).read_text(encoding="utf-8"))


def html_block(markup: Html) -> Markdown:
    """Return HTML as a block of Markdown, or as a part of one."""
    return Markdown(markup)


def markdown_to_text(markdown: Markdown) -> Plain:
    """Return Markdown as text to be printed."""
    return Plain.escape(markdown)


# Ordinary text is not typeset as a formula ------------------------------------------------------------------------


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
