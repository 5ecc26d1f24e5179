r"""The characters that have a meaning in Markdown and HTML, as entities, which stand for the characters themselves.

Formulas are parsed separately: JupyterLab extracts them from the Markdown source, and MathJax searches the rendered
page. An entity is no delimiter in the source, and each `$` and backslash is in an element of its own, because MathJax
finds no formula across elements. Control characters and direction marks are removed, because they would affect the
surrounding text.
"""

from __future__ import annotations

import re
from html import escape

from kosmo_kernel.safety.text import HIDDEN
from kosmo_kernel.safety.text import sanitize_text as printable
from kosmo_kernel.text.patterns import lazy_pattern

_INVISIBLE = lazy_pattern(f"[{HIDDEN}\x08]")
_LINE_END = lazy_pattern(r"\r\n|[\r\n\u2028\u2029]")
_DELIMITER = lazy_pattern("&#(?:36|92);")  # of a formula, or a part of one
_ISOLATED = r"<span>\g<0></span>"
# Characters with a meaning in Markdown: anywhere, at the edge of a word, before certain characters, or at a line start.
_MARKDOWN = lazy_pattern(
    r"""
      [&<>`\[\]|$\\*~@]
    | (?<![^\W_])_ | _(?![^\W_])                # not an underscore between letters
    | :(?=//|[a-z_+][\w+-]*:)                   # a URL, an emoji
    | (?<=www)\.
    | \A[ \t#=+:-] | \#(?=[ \t]*\Z)
    | \A[0-9](?=[0-9]{0,8}[.)])                 # the number of a list's item
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Text that is safe between single backticks, also in a table, and even if a renderer does not read them as code.
_SIMPLE = r"(?:[\w.,;=(){}/%+'\"?!#\[-]|:(?!/)|\](?![(:\[]))+"
_SIMPLE_CODE = lazy_pattern(rf"(?!.*www\.){_SIMPLE}(?: {_SIMPLE})*", re.IGNORECASE)
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ATTRIBUTE = lazy_pattern(r"""[&<>"'`$\\|\x00-\x1f\u2028\u2029]""")


def clean(text: str) -> str:
    """Return `text` without control characters and direction marks."""
    return text if text.isascii() and text.isprintable() else _INVISIBLE.sub("", printable(text))


def html(text: str) -> str:
    """Return HTML that shows a text between tags."""
    escaped = escape(clean(text), quote=False).replace("$", "&#36;").replace("\\", "&#92;")
    return _DELIMITER.sub(_ISOLATED, escaped)


def attribute(text: str) -> str:
    """Return a text as an attribute value for either kind of quotes."""
    return _ATTRIBUTE.sub(_as_text, clean(text))


def markdown(text: str) -> str:
    """Return one line of Markdown that shows a text; a line end becomes a `<br>`."""
    return _DELIMITER.sub(_ISOLATED, _line(clean(text)))


def code(text: str) -> str:
    """Return Markdown that shows a text as code inside a line."""
    cleaned = clean(text)
    if _SIMPLE_CODE.fullmatch(cleaned):
        return f"`{cleaned}`"
    return f"<code>{_line(cleaned)}</code>"  # which MathJax skips


def block(text: str, language: str) -> str:
    """Return a fenced block of Markdown that shows a text as code."""
    cleaned = _LINE_END.sub("\n", clean(text))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", cleaned)), default=0))
    return f"{fence}{language}\n{cleaned}\n{fence}"


def _line(text: str) -> str:
    return _LINE_END.sub("<br>", _MARKDOWN.sub(_as_text, text))


def _as_text(match: re.Match[str]) -> str:
    escaped = f"\\{match[0]}" if match[0] in "#*+-.:=@_~" else _NAMED.get(match[0])
    return escaped or f"&#{ord(match[0])};"
