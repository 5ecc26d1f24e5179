r"""Escape text that somebody else wrote, for each format in which a page shows it.

A text is escaped where it is put into a page. What comes out shows the same characters and means nothing: no tag, link,
image or emphasis in Markdown, no tag or attribute in HTML, no formula in either.

Two readers come before and after those of Markdown and HTML. JupyterLab takes formulas out of the Markdown source, and
MathJax looks for them in the finished page. So `$` and the backslash are entities, which no formula in the source has,
and each stands in an element of its own, because MathJax finds no formula across elements. Control characters and marks
that turn the direction of text are left out, because they would act on what stands around the text.
"""

from __future__ import annotations

import re
from html import escape

from kosmo_kernel.safety.text import sanitize_text as printable

# Marks that change the direction of what follows them, and the mark of byte order.
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff\x08]")
_LINE_END = re.compile(r"\r\n|[\r\n\u2028\u2029]")
_TICKS = re.compile("`+")
_LANGUAGE = re.compile(r"[a-z]*")

# What begins or ends a formula, with what may follow, or keeps a `$` from that.
_TEX = re.compile(r"\$|\\(?=[A-Za-z\\$()\[\]]|\Z)")
# What means something in Markdown: anywhere, inside a word or not, in front of something, or as the first of a line.
_MARKDOWN = re.compile(
    r"""
      [&<>`\[\]|$\\*~@]
    | (?<![^\W_])_ | _(?![^\W_])                # an underscore between letters is a letter
    | :(?=//|[a-z_+][\w+-]*:)                   # an address, an emoji
    | (?<=www)\.
    | \A[ \t#=+:-] | \#(?=[ \t]*\Z)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NUMBERED = re.compile(r"\A([0-9]{1,9})([.)])")
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
# What can stand between single backticks, in a table as well, and means nothing if the backticks are read otherwise.
_SIMPLE = r"(?:[\w.,;=(){}/%+'\"?!#\[-]|:(?!/)|\](?![(:\[]))+"
_SIMPLE_CODE = re.compile(rf"(?!.*www\.){_SIMPLE}(?: {_SIMPLE})*", re.IGNORECASE)
_TEX_ENTITY = re.compile(r"&#36;|&#92;(?=[A-Za-z()]|&#(?:36|91|92|93);|\Z)")
_ATTRIBUTE = re.compile(r"""[&<>"'`$\\|\x00-\x1f\u2028\u2029]""")


def markdown_text(text: str) -> str:
    """Return Markdown that shows `text` in a paragraph, a heading, a list item or a cell of a table.

    The result is one line: an end of a line is a `<br>`.
    """
    return _line(_seen(text), _TEX_ENTITY)


def code_span(text: str) -> str:
    """Return Markdown that shows `text` as code inside a line.

    What backticks cannot hold everywhere, such as a `|` in a table or a `$` in JupyterLab, is in a `<code>` element.
    """
    seen = _seen(text)
    if _SIMPLE_CODE.fullmatch(seen):
        return f"`{seen}`"
    return f"<code>{_line(seen)}</code>"  # where MathJax does not look


def fenced(text: str, language: str = "") -> str:
    """Return a block of Markdown that shows `text` as code, behind a fence that no line of the text can end.

    Args:
        text: The code.
        language: What colours it: a word of ours, never one that somebody else chose.
    """
    if not _LANGUAGE.fullmatch(language):
        raise ValueError(f"{language!r} is no language of a fenced block")
    code = _LINE_END.sub("\n", _seen(text))
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(code)), default=0))
    return f"{fence}{language}\n{code}\n{fence}"


def html_text(text: str) -> str:
    """Return HTML that shows `text` between tags, in HTML and in a block of HTML that stands in Markdown."""
    written = escape(_seen(text), quote=False)
    return _TEX.sub(_isolated, written) if "$" in written or "\\" in written else written


def html_code(text: str) -> str:
    """Return HTML that shows `text` between the tags of a `<pre>` or `<code>`, in which MathJax looks for nothing."""
    return escape(_seen(text))


def html_attribute(text: str) -> str:
    """Return `text` as the value of an attribute between quotes of either kind, wherever the tag stands."""
    return _ATTRIBUTE.sub(lambda found: f"&#{ord(found[0])};", _seen(text))


def _seen(text: str) -> str:
    """Return `text` without control characters and what turns the direction of other text."""
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub("", printable(text))


def _line(text: str, isolated: re.Pattern[str] | None = None) -> str:
    """Return Markdown of one line that shows `text`, with what a pattern finds in the result in elements of its own."""
    written = _NUMBERED.sub(r"\1\\\2", _MARKDOWN.sub(_as_text, text))
    if isolated is not None and "&#" in written:
        written = isolated.sub(_isolated, written)
    return _LINE_END.sub("<br>", written) if _LINE_END.search(written) else written


def _isolated(found: re.Match[str]) -> str:
    return f"<span>{_ENTITIES.get(found[0], found[0])}</span>"


def _as_text(found: re.Match[str]) -> str:
    return _ENTITIES.get(found[0], f"\\{found[0]}")
