"""Split Lua text, complete or still being typed, into tokens.

One regular expression finds them. Nothing is an error: a string without its end stops at the end of its line, and a
character that Lua does not know is a `mark`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from kosmo_kernel.text import lazy_pattern
from kosmo_kernel.values.lua_literals import KEYWORDS

Kind = Literal["name", "keyword", "string", "comment", "number", "mark"]

_TOKEN = lazy_pattern(
    r"""
    (?P<name> [^\W\d]\w* )
  | (?P<comment> --\[(?P<dashes>=*)\[ [\s\S]*? (?: (?P<comment_end> \](?P=dashes)\] ) | \Z ) | --.* )
  | (?P<string> " (?: [^"\\\n] | \\(?: z\s* | [\s\S] | \Z ) )*+ (?P<double>")?
              | ' (?: [^'\\\n] | \\(?: z\s* | [\s\S] | \Z ) )*+ (?P<single>')?
              | \[(?P<level>=*)\[ [\s\S]*? (?: (?P<long> \](?P=level)\] ) | \Z ) )
  | (?P<number> 0[xX] (?: [pP][+-] | \w | \.(?!\.) )* | \.?\d (?: [eE][+-] | \w | \.(?!\.) )* )
  | (?P<mark> \.{1,3} | [=~<>/]= | << | >> | // | :: | \S )
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of Lua text."""

    kind: Kind
    text: str  # as written; a string without its quotes
    start: int  # in characters of the text
    end: int
    closed: bool = True  # False for a string or comment whose end is missing


def tokens_of(code: str, begin: int = 0) -> Iterator[Token]:
    """Yield the tokens of a Lua text, without whitespace, from the end of a token on."""
    for match in _TOKEN.finditer(code, begin):
        kind, text, (start, end) = match.lastgroup, match[0], match.span()
        closed = True
        if kind == "name":
            kind = "keyword" if text in KEYWORDS else "name"
        elif kind == "string":
            width = 2 + len(match["level"]) if match["level"] is not None else 1
            closed = bool(match["double"] or match["single"] or match["long"])
            text = text[width : -width if closed else None]
        elif kind == "comment":  # typing at the end of the text can extend it unless it has an end of its own
            closed = end < len(code) or match["comment_end"] is not None
        yield Token(kind, text, start, end, closed)  # type: ignore[arg-type] # the names of the groups


def masked(code: str) -> str:
    r"""Return a text with the characters inside its strings and comments replaced by `\x01`; line ends stay."""
    pieces, end = [], 0
    for token in tokens_of(code):
        if token.kind in ("string", "comment"):
            opening, closing = (2, 0) if token.kind == "comment" else (1, int(token.closed))
            pieces.append(code[end : token.start + opening])
            pieces.append(re.sub(r"[^\n]", "\x01", code[token.start + opening : token.end - closing]))
            end = token.end - closing
    return "".join((*pieces, code[end:]))
