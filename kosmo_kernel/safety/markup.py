"""The base class of the types of text that may be shown.

A plain `str` is untrusted: it may be from a script, a service, a server or a file. Untrusted text has no type of its
own besides, because then a text without the type, which somebody forgot to mark, would be trusted, and every string of
an answer would have to be wrapped.

What is shown is built of a type for each format, such as `Html`. A value of such a type comes from a literal, from a
gate of `safety`, or from values of the same type; the operations below pass any other text through the gate of the
format. Whatever they do not cover (slices, `replace`, f-strings …) gives a plain `str`, which is untrusted again, and
mypy refuses it where the type is required.

markupsafe, which does the same for HTML, keeps its type in slices and in most methods of `str`, and has no formats
besides HTML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Self, SupportsIndex

from kosmo_kernel.safety.text import sanitize_text, with_escapes

_HARMLESS = (int, float)  # in every format


class Markup(str):
    """Text of one format. Outside of `safety`, only a literal is passed to the constructor of a subclass."""

    __slots__ = ()

    @classmethod
    def escape(cls, text: str) -> Self:
        """Return text that shows `text`, whatever is in it: the gate of the format."""
        raise NotImplementedError

    def format(self, *values: object, **named: object) -> Self:
        """Return this template filled in: values of this type and numbers as they are, everything else escaped."""
        if named:
            named = {name: self._format_value(value) for name, value in named.items()}
        return type(self)(str.format(self, *map(self._format_value, values), **named))

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
        from kosmo_kernel.safety import entities  # compiles large patterns, which most commands do not need

        return cls(entities.markdown(text))


def markdown_of_package(text: str) -> Markdown:
    """Return Markdown by the authors of this package or of an installed integration: the catalogue, the guides."""
    return Markdown(text)
