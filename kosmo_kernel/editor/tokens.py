"""Split Lua text into tokens with their positions, and mark those whose end is missing.

Pygments' lexer does the work, with additional rules for what an editor needs: names and brackets as separate tokens
(Pygments keeps `string.format` in one piece, joins `([[` and then takes the long string for code), and strings and
comments that are still being typed. Typing changes one place at a time, so the lines above the first change are not
tokenized again.
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
_SPACED = ("Name", "Punctuation")  # token types that include the blanks before them

Kind = Literal["name", "keyword", "string", "comment", "number", "mark"]


class Token(NamedTuple):
    """A piece of Lua text.

    Parameters:
        kind: its kind; a `mark` is an operator, a bracket or a separator.
        text: as written; a string without its quotes.
        start: where it begins, in characters of the text.
        end: where it ends.
        closed: False for a string or comment whose end is missing.
    """

    kind: Kind
    text: str
    start: int
    end: int
    closed: bool = True


def tokens_of(code: str) -> list[Token]:
    """Return the tokens of a Lua text, without whitespace. Invalid code is not an error: it becomes a `mark`."""
    global _latest  # noqa: PLW0603 - one assignment replaces it as a whole, which is safe in any thread
    previous_code, previous_tokens = _latest
    if code == previous_code:
        return previous_tokens.copy()
    cut = code.rfind("\n", 0, _common_prefix_length(previous_code, code)) + 1
    kept = bisect_left(previous_tokens, cut, key=attrgetter("end"))
    if kept < len(previous_tokens):
        cut = min(cut, previous_tokens[kept].start)  # the token continues on the next line
    if not kept:
        cut = 0
    tokens = previous_tokens[:kept]
    tokens += _read(code, cut)
    _latest = code, tokens
    return tokens


def first_token(code: str) -> Token | None:
    """Return the first token of a text, or None, without caching anything."""
    return next(_read(code, 0), None)


_latest: tuple[str, list[Token]] = ("", [])


def _common_prefix_length(first: str, second: str) -> int:
    """Return the length of the common prefix of two texts."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first.startswith(second[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low


def _read(code: str, begin: int) -> Iterator[Token]:
    """Yield the tokens from a position on where a token can begin."""
    opened: tuple[int, str] | None = None  # the start of a quoted string, and its quote
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
            yield Token("comment", text, start, start + len(text), _is_complete(text, code, start))
        elif kind[:2] == ("Literal", "String"):
            yield _in_long_brackets(text, start)
        else:
            yield Token("number" if kind[0] == "Literal" else "mark", text, start, start + len(text))
    if opened is not None:
        yield Token("string", code[opened[0] + 1 :], opened[0], len(code), closed=False)


def _is_complete(comment: str, code: str, start: int) -> bool:
    """Return whether a comment has ended, so that typing at the end of the text cannot extend it."""
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
            # The most frequent tokens come first, including the blanks before them: each rule tried costs time.
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
        # Skip LuaLexer's own method, which splits names at dots: here they are never in one piece.
        get_tokens_unprocessed = RegexLexer.get_tokens_unprocessed

    return EditedLua()  # type: ignore[no-untyped-call] # Pygments' lexers have no type hints
