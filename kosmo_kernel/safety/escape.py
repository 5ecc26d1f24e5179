r"""Escape untrusted text for Markdown and HTML.

Text is escaped where it is put into a page. The result shows the same characters without any markup: no tag, link,
image or emphasis in Markdown, no tag or attribute in HTML, no formula in either.

Formulas are parsed separately: JupyterLab extracts them from the Markdown source, and MathJax searches the rendered
page. So `$` and the backslash become entities, which are not delimiters in the source, each in an element of its own,
because MathJax finds no formula across elements. Control characters and direction marks are removed, because they
would affect the surrounding text.
"""

from __future__ import annotations

import re
from html import escape
from typing import Self

from kosmo_kernel.safety.markup import Markup
from kosmo_kernel.safety.text import sanitize_text as printable

# Marks that change the direction of the text after them, the byte order mark, and the backspace.
_INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff\x08]")
_LINE_END = re.compile(r"\r\n|[\r\n\u2028\u2029]")
_BACKTICKS = re.compile("`+")
_LANGUAGE = re.compile(r"[a-z]*")

# Delimiters of formulas, and a backslash that may be part of one or escape a `$`.
_TEX = re.compile(r"\$|\\(?=[A-Za-z\\$()\[\]]|\Z)")
# Characters with a meaning in Markdown: anywhere, at the edge of a word, before certain characters, or at a line start.
_MARKDOWN = re.compile(
    r"""
      [&<>`\[\]|$\\*~@]
    | (?<![^\W_])_ | _(?![^\W_])                # not an underscore between letters
    | :(?=//|[a-z_+][\w+-]*:)                   # a URL, an emoji
    | (?<=www)\.
    | \A[ \t#=+:-] | \#(?=[ \t]*\Z)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LIST_NUMBER = re.compile(r"\A([0-9]{1,9})([.)])")
_ENTITIES = {
    "$": "&#36;",
    "\\": "&#92;",
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "`": "&#96;",
    "[": "&#91;",
    "]": "&#93;",
    "|": "&#124;",
    " ": "&#32;",
    "\t": "&#9;",
}
# Text that is safe between single backticks, also in a table, and even if a renderer does not read them as code.
_SIMPLE = r"(?:[\w.,;=(){}/%+'\"?!#\[-]|:(?!/)|\](?![(:\[]))+"
_SIMPLE_CODE = re.compile(rf"(?!.*www\.){_SIMPLE}(?: {_SIMPLE})*", re.IGNORECASE)
_TEX_ENTITY = re.compile(r"&#36;|&#92;(?=[A-Za-z()]|&#(?:36|91|92|93);|\Z)")
_ATTRIBUTE = re.compile(r"""[&<>"'`$\\|\x00-\x1f\u2028\u2029]""")


class Html(Markup):
    """HTML, for a page, an output of a notebook, or an HTML block of Markdown."""

    __slots__ = ()

    @classmethod
    def escape(cls, text: str) -> Self:
        """Return HTML that shows `text` between tags; `html_attribute` is the gate for attributes."""
        escaped = escape(clean(text), quote=False)
        return cls(_TEX.sub(_isolated, escaped) if "$" in escaped or "\\" in escaped else escaped)


def markdown_text(text: str) -> str:
    """Return Markdown that shows `text` in a paragraph, a heading, a list item or a table cell.

    The result is one line: a line end becomes a `<br>`.
    """
    return _line(clean(text), _TEX_ENTITY)


def code_span(text: str) -> str:
    """Return Markdown that shows `text` as code inside a line.

    Text that backticks do not protect everywhere, such as a `|` in a table or a `$` in JupyterLab, is put into a
    `<code>` element.
    """
    code = clean(text)
    if _SIMPLE_CODE.fullmatch(code):
        return f"`{code}`"
    return f"<code>{_line(code)}</code>"  # which MathJax skips


def fenced(text: str, language: str = "") -> str:
    """Return a Markdown block that shows `text` as code, with a fence that no line of the text can close.

    Parameters:
        text: The code.
        language: The language for highlighting; never taken from untrusted input.
    """
    if not _LANGUAGE.fullmatch(language):
        raise ValueError(f"{language!r} is no language of a fenced block")
    code = _LINE_END.sub("\n", clean(text))
    fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(code)), default=0))
    return f"{fence}{language}\n{code}\n{fence}"


def html_text(text: str) -> Html:
    """Return HTML that shows `text` between tags, in HTML and in an HTML block of Markdown."""
    return Html.escape(text)


def html_code(text: str) -> Html:
    """Return HTML that shows `text` inside a `<pre>` or `<code>`, which MathJax skips."""
    return Html(escape(clean(text)))


def html_attribute(text: str) -> Html:
    """Return `text` as an attribute value for either kind of quotes, in HTML or in Markdown."""
    return Html(_ATTRIBUTE.sub(lambda match: f"&#{ord(match[0])};", clean(text)))


def html_from_library(markup: str) -> Html:
    """Return HTML that a library made, which has escaped the text in it."""
    return Html(markup)


def clean(text: str) -> str:
    """Return `text` without control characters and direction marks."""
    return text if text.isprintable() else _INVISIBLE.sub("", printable(text))


def _line(text: str, isolated: re.Pattern[str] | None = None) -> str:
    """Return one line of Markdown that shows `text`; matches of `isolated` in the result go into their own elements."""
    escaped = _LIST_NUMBER.sub(r"\1\\\2", _MARKDOWN.sub(_as_text, text))
    if isolated is not None and "&#" in escaped:
        escaped = isolated.sub(_isolated, escaped)
    return _LINE_END.sub("<br>", escaped) if _LINE_END.search(escaped) else escaped


def _isolated(match: re.Match[str]) -> str:
    return f"<span>{_ENTITIES.get(match[0], match[0])}</span>"


def _as_text(match: re.Match[str]) -> str:
    return _ENTITIES.get(match[0], f"\\{match[0]}")
