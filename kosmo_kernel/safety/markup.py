"""The types of text that may be shown, and the gates that make them of untrusted text.

A plain `str` is untrusted: it may be from a script, a service, a server or a file. Untrusted text has no type of its
own besides, because then a text without the type, which somebody forgot to mark, would be trusted, and every string of
an answer would have to be wrapped.

What is shown is built of a type for each format, such as `Html`. A value of such a type comes from a literal, from a
gate of `safety`, or from values of the same type; the operations below pass any other text through the gate of the
format. Whatever they do not cover (slices, `replace`, f-strings …) gives a plain `str`, which is untrusted again, and
mypy refuses it where the type is required. markupsafe, which does the same for HTML, keeps its type in slices and in
most methods of `str`, and has no formats besides HTML.

What a gate returns shows the same characters without any markup: no tag, link, image or emphasis in Markdown, no tag or
attribute in HTML, no formula in either. Characters that have a meaning become entities, which stand for the characters
themselves. Control characters and direction marks are removed, because they would affect the surrounding text.

JupyterLab and nbconvert typeset all HTML outputs: JupyterLab extracts formulas from the Markdown source, and MathJax
searches the rendered page for text between two `$`; some of its commands style the page or load pictures from other
hosts. An entity is no delimiter in the source. MathJax 2 skips elements of the class `tex2jax_ignore`, MathJax 3 and 4
those of `mathjax_ignore`. In case a class is stripped, each delimiter is also put into its own element: MathJax and
KaTeX look for both delimiters of a formula in the text between two tags.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Self, SupportsIndex

from kosmo_kernel.safety.text import HIDDEN, sanitize_text, with_escapes
from kosmo_kernel.text import lazy_pattern

_HARMLESS = (int, float)  # in every format

_INVISIBLE = lazy_pattern(f"[{HIDDEN}\x08]")
_LINE_END = lazy_pattern(r"\r\n|[\r\n\u2028\u2029]")
_DELIMITER = lazy_pattern("&#(?:36|92);")  # of a formula, or a part of one, as an entity
_DELIMITER_IN_HTML = lazy_pattern(r"\$|\\(?=[()\[\]]|begin|(?:eq)?ref)")
_TEXT_IN_HTML = lazy_pattern(r">([^<>]*[$\\][^<>]*)")
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
_NOT_IN_CSS = lazy_pattern(r"[^\w ,.()-]", re.ASCII)
_ATTRIBUTE = lazy_pattern(r"""[&<>"'`$\\|\x00-\x1f\u2028\u2029]""")


class Markup(str):
    """Text of one format. Outside of `safety`, only a literal is passed to the constructor of a subclass."""

    __slots__ = ()

    @classmethod
    def escape(cls, text: str) -> Self:
        """Return text that shows `text`, whatever is in it: the gate of the format."""
        raise NotImplementedError

    def format(self, *values: object, **fields: object) -> Self:
        """Return this template filled in: values of this type and numbers as they are, everything else escaped."""
        if fields:
            fields = {name: self._format_value(value) for name, value in fields.items()}
        return type(self)(str.format(self, *map(self._format_value, values), **fields))

    def part(self, start: int | None = None, stop: int | None = None) -> Self:
        """Return a part of this text, which stays trusted: the caller knows that it is no half of an escape."""
        return type(self)(str(self)[start:stop])

    @classmethod
    def whole(cls, match: re.Match[str], group: int | str = 0) -> Self:
        """Return a group of a match in a text of this type."""
        if not isinstance(match.string, cls):
            raise TypeError(f"the text that was searched is no {cls.__name__}")
        return cls(match[group])

    def sub(self, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str]) -> Self:
        """Return this text with the matches of a pattern replaced; what is of another type is escaped."""
        return type(self)(pattern.sub(lambda match: self._part(replace(match)), self))

    def lines(self) -> list[Self]:
        """Return the lines of this text, without their ends."""
        return [type(self)(line) for line in self.split("\n")]

    def trimmed(self) -> Self:
        """Return this text without line ends at its edges."""
        return type(self)(self.strip("\n"))

    def join(self, parts: Iterable[str], /) -> Self:
        """Return the parts with this text between them; those of another type are escaped."""
        own = type(self)
        return own(str.join(self, [part if type(part) is own else self._part(part) for part in parts]))

    def __add__(self, other: str, /) -> Self:
        return type(self)(str.__add__(self, self._part(other)))

    def __radd__(self, other: str, /) -> Self:
        return type(self)(str.__add__(self._part(other), self))

    def __mul__(self, times: SupportsIndex, /) -> Self:
        return type(self)(str.__mul__(self, times))

    def __mod__(self, _values: Any, /) -> Self:
        raise TypeError("fill in a template of markup by `format`")

    def _part(self, part: str) -> str:
        return part if isinstance(part, type(self)) else self.escape(part)

    def _format_value(self, value: object) -> object:
        return value if isinstance(value, (type(self), *_HARMLESS)) else self.escape(str(value))


class Plain(Markup):
    """Text without control characters that could do something to a terminal."""

    __slots__ = ()

    @classmethod
    def escape(cls, text: str) -> Self:
        """Return `text` without escape sequences and control characters."""
        return cls(sanitize_text(text))


class Terminal(Markup):
    """Text of an error for a terminal or a notebook, with no escape sequences but those of literals."""

    __slots__ = ()

    @classmethod
    def escape(cls, text: str) -> Self:
        """Return text that shows the control characters of `text` as escapes."""
        return cls(with_escapes(text))


class Markdown(Markup):
    """Markdown, for a page or an output of a notebook."""

    __slots__ = ()

    @classmethod
    def escape(cls, text: str) -> Self:
        """Return Markdown that shows `text` in a paragraph, a heading, a list item or a table cell.

        The result is one line: a line end becomes a `<br>`.
        """
        return cls(_DELIMITER.sub(_ISOLATED, _line(clean(text))))


class Html(Markup):
    """HTML, for a page, an output of a notebook, or an HTML block of Markdown."""

    __slots__ = ()

    @classmethod
    def escape(cls, text: str) -> Self:
        """Return HTML that shows `text` between tags, in HTML and in an HTML block of Markdown.

        `html_attribute` is the gate for attributes.
        """
        from html import escape  # loads the names of all characters, and most cells have no HTML of their own

        escaped = escape(clean(text), quote=False).replace("$", "&#36;").replace("\\", "&#92;")
        return cls(_DELIMITER.sub(_ISOLATED, escaped))


# Gates ----------------------------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Return `text` without control characters and direction marks."""
    return text if text.isascii() and text.isprintable() else _INVISIBLE.sub("", sanitize_text(text))


def _line(text: str) -> str:
    return _LINE_END.sub("<br>", _MARKDOWN.sub(_as_text, text))


def _as_text(match: re.Match[str]) -> str:
    escaped = f"\\{match[0]}" if match[0] in "#*+-.:=@_~" else _NAMED.get(match[0])
    return escaped or f"&#{ord(match[0])};"


def markdown_of_package(text: str) -> Markdown:
    """Return Markdown by the authors of this package or of an installed integration: the catalogue, the guides."""
    return Markdown(text)


def code_span(text: str) -> Markdown:
    """Return Markdown that shows `text` as code inside a line.

    Text that backticks do not protect everywhere, such as a `|` in a table or a `$` in JupyterLab, is put into a
    `<code>` element.
    """
    cleaned = clean(text)
    if _SIMPLE_CODE.fullmatch(cleaned):
        return Markdown(f"`{cleaned}`")
    return Markdown(f"<code>{_line(cleaned)}</code>")  # which MathJax skips


def fenced(text: str, language: str = "") -> Markdown:
    """Return a Markdown block that shows `text` as code, with a fence that no line of the text can close.

    Parameters:
        text: The code.
        language: The language for highlighting; never taken from untrusted input.
    """
    if language and not (language.isascii() and language.isalpha() and language.islower()):
        raise ValueError(f"{language!r} is no language of a fenced block")
    cleaned = _LINE_END.sub("\n", clean(text))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", cleaned)), default=0))
    return Markdown(f"{fence}{language}\n{cleaned}\n{fence}")


def html_code(text: str) -> Html:
    """Return HTML that shows `text` inside a `<pre>` or `<code>`, which MathJax skips."""
    from html import escape  # loads the names of all characters, and most cells have no HTML

    return Html(escape(clean(text)))


def html_attribute(text: str) -> Html:
    """Return `text` as an attribute value for either kind of quotes, in HTML or in Markdown."""
    return Html(_ATTRIBUTE.sub(_as_text, clean(text)))


def css_string(text: str) -> str:
    """Return `text` as a string of CSS, which `html_attribute` makes a part of a style attribute."""
    escaped = _NOT_IN_CSS.sub(lambda match: f"\\{ord(match[0]):x} ", clean(text))
    return f"'{escaped}'"


def html_of_notebook(text: str) -> Html:
    """Return what nbconvert made of a notebook: the HTML of its outputs is that of its author, and of the gates."""
    return Html(text)


def html_of_drawing(svg: str) -> Html:
    """Return a drawing that matplotlib wrote, which escapes the texts in it."""
    return Html(svg)


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

CLASSES = Html("tex2jax_ignore mathjax_ignore")


def box(markup: Html) -> Html:
    """Return `markup` in an HTML element that is not typeset."""
    return Html(f'<div class="{CLASSES}">{markup}</div>')


def not_typeset(markup: Html) -> Html:
    """Return HTML of somebody else in which nothing is typeset."""
    return without_delimiters(box(markup)) if "$" in markup or "\\" in markup else markup


def without_delimiters(markup: Html) -> Html:
    """Return HTML, which begins with a tag and has no `<` in texts, with each delimiter in its own element."""
    return Html(_TEXT_IN_HTML.sub(_text, markup)) if "$" in markup or "\\" in markup else markup


def _text(match: re.Match[str]) -> str:
    text = match[1]
    # A single `$`, as in a price, starts no formula.
    if text.count("$") == 1 and len(_DELIMITER_IN_HTML.findall(text)) == 1:
        return match[0]
    return ">" + _DELIMITER_IN_HTML.sub(_ISOLATED, text)
