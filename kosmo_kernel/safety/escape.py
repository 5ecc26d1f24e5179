"""Escape untrusted text for Markdown and HTML: the gates for text without markup.

The result shows the same characters without any markup: no tag, link, image or emphasis in Markdown, no tag or
attribute in HTML, no formula in either.
"""

from __future__ import annotations

from html import escape
from typing import Self

from kosmo_kernel.safety import entities
from kosmo_kernel.safety.markup import Markdown, Markup, Plain


class Html(Markup):
    """HTML, for a page, an output of a notebook, or an HTML block of Markdown."""

    __slots__ = ()

    @classmethod
    def escape(cls, text: str) -> Self:
        """Return HTML that shows `text` between tags, in HTML and in an HTML block of Markdown.

        `html_attribute` is the gate for attributes.
        """
        return cls(entities.html(text))


def code_span(text: str) -> Markdown:
    """Return Markdown that shows `text` as code inside a line.

    Text that backticks do not protect everywhere, such as a `|` in a table or a `$` in JupyterLab, is put into a
    `<code>` element.
    """
    return Markdown(entities.code(text))


def fenced(text: str, language: str = "") -> Markdown:
    """Return a Markdown block that shows `text` as code, with a fence that no line of the text can close.

    Parameters:
        text: The code.
        language: The language for highlighting; never taken from untrusted input.
    """
    if language and not (language.isascii() and language.isalpha() and language.islower()):
        raise ValueError(f"{language!r} is no language of a fenced block")
    return Markdown(entities.block(text, language))


def html_code(text: str) -> Html:
    """Return HTML that shows `text` inside a `<pre>` or `<code>`, which MathJax skips."""
    return Html(escape(entities.clean(text)))


def html_attribute(text: str) -> Html:
    """Return `text` as an attribute value for either kind of quotes, in HTML or in Markdown."""
    return Html(entities.attribute(text))


def html_from_library(markup: str) -> Html:
    """Return HTML that a library made, which has escaped the text in it."""
    return Html(markup)


def html_block(markup: Html) -> Markdown:
    """Return HTML as a block of Markdown, or as a part of one."""
    return Markdown(markup)


def markdown_to_text(markdown: Markdown) -> Plain:
    """Return Markdown as text to be printed."""
    return Plain.escape(markdown)
