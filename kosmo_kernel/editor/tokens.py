"""Lua text as tokens, with where each starts and whether it ends.

Pygments' lexer does the work, with rules in front of its own for what an editor needs: names and brackets one
by one (Pygments has `string.format` in one piece, runs `([[` together and then takes the long string for
code), and strings and comments that are still being typed. Whoever types changes one place, so what
stands on the lines above the first change is not read again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, NamedTuple

from kosmo_kernel.values.lua_syntax import KEYWORDS

if TYPE_CHECKING:
    from pygments.lexer import RegexLexer

_QUOTES = ("'", '"')
_MARKS = r"[(){},;\]+*%^#&|]|\.{1,3}|==?|::?|\[(?!=*\[)|-(?!-)|//?|~=?|<[<=]?|>[>=]?"
_SPACED = ("Name", "Punctuation")  # what the lexer gives with the blanks in front of it

Kind = Literal["name", "keyword", "string", "comment", "number", "mark"]


class Token(NamedTuple):
    """A piece of Lua text.

    Parameters:
        kind: what it is; a `mark` is an operator, a bracket or a separator.
        text: as it is written; a string's without its quotes.
        start: where it begins, in characters of the text.
        end: where it stops.
        closed: False for a string or comment whose end is missing.
    """

    kind: Kind
    text: str
    start: int
    end: int
    closed: bool = True


def tokens_of(code: str) -> list[Token]:
    """The tokens of a Lua text, space left out. No text is an error: what is not Lua is a `mark`."""
    global _latest  # noqa: PLW0603 - replaced as a whole, so any thread may
    before, known = _latest
    if code == before:
        return known.copy()
    cut = code.rfind("\n", 0, _alike(before, code)) + 1
    kept = bisect_left(known, cut, key=attrgetter("end"))
    if kept < len(known):
        cut = min(cut, known[kept].start)  # it goes on over the end of its line
    if not kept:
        cut = 0
    found = known[:kept]
    found += _read(code, cut)
    _latest = code, found
    return found


def first_token(code: str) -> Token | None:
    """The first of the tokens; nothing of the text is remembered."""
    return next(_read(code, 0), None)


_latest: tuple[str, list[Token]] = ("", [])


def _alike(one: str, other: str) -> int:
    """How many characters two texts have in common at their start."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low


def _read(code: str, begin: int) -> Iterator[Token]:
    """The tokens from a place on where one can begin."""
    opened: tuple[int, str] | None = None  # where a string in quotes began, and its quote
    lexer = _lexer()
    for place, kind, text in lexer.get_tokens_unprocessed(code[begin:], ("base",) if begin else ("root",)):
        start = begin + place
        if opened is not None:
            if text == opened[1] or text == "\n":
                closed = text != "\n"
                yield Token("string", code[opened[0] + 1 : start], opened[0], start + closed, closed)
                opened = None
        elif kind[0] in _SPACED:
            word = text.lstrip()
            end = start + len(text)
            kind_of: Kind = "mark" if kind[0] != "Name" else "keyword" if word in KEYWORDS else "name"
            yield Token(kind_of, word, end - len(word), end)
        elif text.isspace():
            continue
        elif text in _QUOTES:
            opened = start, text
        elif kind[0] == "Comment":
            yield Token("comment", text, start, start + len(text), _is_over(text, code, start))
        elif kind[:2] == ("Literal", "String"):
            yield _in_long_brackets(text, start)
        else:
            yield Token("number" if kind[0] == "Literal" else "mark", text, start, start + len(text))
    if opened is not None:
        yield Token("string", code[opened[0] + 1 :], opened[0], len(code), closed=False)


def _is_over(comment: str, code: str, start: int) -> bool:
    """Whether nothing more could be written into a comment where the text ends."""
    return start + len(comment) < len(code) or (comment.startswith("--[") and comment.endswith("]"))


def _in_long_brackets(text: str, start: int) -> Token:
    width = text.index("[", 1) + 1
    closed = text.endswith("]" + text[1 : width - 1] + "]", width)
    return Token("string", text[width : -width if closed else None], start, start + len(text), closed)


@cache
def _lexer() -> RegexLexer:
    from pygments.lexer import RegexLexer, combined, inherit
    from pygments.lexers.scripting import LuaLexer
    from pygments.token import Comment, Name, Punctuation, String, Whitespace

    class EditedLua(LuaLexer):
        tokens = {
            # What there is most of comes first, with the blanks in front of it: each rule that is tried costs time.
            "base": [
                (r"\s*+[^\W\d]\w*", Name),
                (rf"\s*+(?:{_MARKS})", Punctuation),
                (r"\s+", Whitespace),
                ("'", String.Single, combined("stringescape", "sqs")),
                ('"', String.Double, combined("stringescape", "dqs")),
                (r"--\[(=*)\[[\s\S]*?(?:\]\1\]|\Z)", Comment.Multiline),
                (r"--.*", Comment.Single),
                (r"\[(=*)\[[\s\S]*?(?:\]\1\]|\Z)", String),
                inherit,
            ],
            "sqs": [(r"\n", Whitespace, "#pop"), (r"[^\\'\n]+", String.Single), inherit],
            "dqs": [(r"\n", Whitespace, "#pop"), (r'[^\\"\n]+', String.Double), inherit],
        }
        # Without what Pygments' class adds: names cut at their dots, which here never are in one piece.
        get_tokens_unprocessed = RegexLexer.get_tokens_unprocessed

    return EditedLua()  # type: ignore[no-untyped-call] # Pygments' has no types
