r"""The characters that have a meaning in Markdown and HTML, and what stands for them.

Formulas are parsed separately: JupyterLab extracts them from the Markdown source, and MathJax searches the rendered
page. So `$` and the backslash become entities, which are not delimiters in the source, each in an element of its own,
because MathJax finds no formula across elements. Control characters and direction marks are removed, because they
would affect the surrounding text.
"""

from __future__ import annotations

import re
from html import escape

from kosmo_kernel.safety.text import HIDDEN
from kosmo_kernel.safety.text import sanitize_text as printable

_INVISIBLE = re.compile(f"[{HIDDEN}\x08]")
_LINE_END = re.compile(r"\r\n|[\r\n\u2028\u2029]")
_BACKTICKS = re.compile("`+")

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


def clean(text: str) -> str:
    """Return `text` without control characters and direction marks."""
    return text if text.isascii() and text.isprintable() else _INVISIBLE.sub("", printable(text))


def html(text: str) -> str:
    """Return HTML that shows a text between tags."""
    escaped = escape(clean(text), quote=False)
    return _TEX.sub(_isolated, escaped) if "$" in escaped or "\\" in escaped else escaped


def attribute(text: str) -> str:
    """Return a text as an attribute value for either kind of quotes."""
    return _ATTRIBUTE.sub(lambda match: f"&#{ord(match[0])};", clean(text))


def markdown(text: str) -> str:
    """Return one line of Markdown that shows a text; a line end becomes a `<br>`."""
    return _line(clean(text), _TEX_ENTITY)


def code(text: str) -> str:
    """Return Markdown that shows a text as code inside a line."""
    cleaned = clean(text)
    if _SIMPLE_CODE.fullmatch(cleaned):
        return f"`{cleaned}`"
    return f"<code>{_line(cleaned)}</code>"  # which MathJax skips


def block(text: str, language: str) -> str:
    """Return a fenced block of Markdown that shows a text as code."""
    cleaned = _LINE_END.sub("\n", clean(text))
    fence = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(cleaned)), default=0))
    return f"{fence}{language}\n{cleaned}\n{fence}"


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
