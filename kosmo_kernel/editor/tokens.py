"""Lua text as tokens, with where each starts and whether it ends.

Pygments' lexer does the work, with rules in front of its own for what an editor needs: brackets one by
one (Pygments runs `([[` together and then takes the long string for code), and strings and comments that
are still being typed.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from kosmo_kernel.editor.library import KEYWORDS

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

_QUOTES = ("'", '"')

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
    found: list[Token] = []
    opened: tuple[int, str] | None = None  # where a string in quotes began, and its quote
    for start, kind, text in _lexer().get_tokens_unprocessed(code):
        if opened is None and text in _QUOTES:
            opened = start, text
        elif opened is None:
            found += _tokens(kind, text, start)
        elif text in (opened[1], "\n"):
            closed = text != "\n"
            found.append(Token("string", code[opened[0] + 1 : start], opened[0], start + closed, closed))
            opened = None
    if opened is not None:
        found.append(Token("string", code[opened[0] + 1 :], opened[0], len(code), closed=False))
    if found and found[-1].kind == "comment" and found[-1].end == len(code) and not found[-1].text.endswith("]"):
        found[-1] = found[-1]._replace(closed=False)  # more could still be written behind it
    return found


def _tokens(kind: _TokenType, text: str, start: int) -> list[Token]:
    """What one token of Pygments is here: one token, several, or none."""
    from pygments.token import Comment, Name, Number, String, is_token_subtype  # noqa: PLC0415 - see `_lexer`

    end = start + len(text)
    if text.isspace():
        return []
    if is_token_subtype(kind, Comment):
        return [Token("comment", text, start, end)]
    if is_token_subtype(kind, String):  # in long brackets
        width = text.index("[", 1) + 1
        closed = text.endswith("]" + text[1 : width - 1] + "]", width)
        return [Token("string", text[width : -width if closed else None], start, end, closed)]
    if is_token_subtype(kind, Number):
        return [Token("number", text, start, end)]
    if is_token_subtype(kind, Name) or text.isidentifier():
        return _words(text, start)
    return [Token("mark", text, start, end)]


def _words(text: str, start: int) -> list[Token]:
    """A name, or several with dots between: Pygments has `string.format` in one piece."""
    found: list[Token] = []
    for word in text.split("."):
        if found:
            found.append(Token("mark", ".", start - 1, start))
        found.append(Token("keyword" if word in KEYWORDS else "name", word, start, start + len(word)))
        start += len(word) + 1
    return found


@cache
def _lexer() -> Lexer:
    from pygments.lexer import inherit  # noqa: PLC0415 - Pygments takes 15 ms, and most runs complete nothing
    from pygments.lexers.scripting import LuaLexer  # noqa: PLC0415 - as above
    from pygments.token import Comment, Operator, Punctuation, String, Whitespace  # noqa: PLC0415 - as above

    class EditedLua(LuaLexer):
        tokens = {  # noqa: RUF012 - how Pygments takes its rules
            "base": [
                (r"\s+", Whitespace),
                (r"--\[(=*)\[[\s\S]*?(?:\]\1\]|\Z)", Comment.Multiline),
                (r"--.*", Comment.Single),
                (r"\[(=*)\[[\s\S]*?(?:\]\1\]|\Z)", String),
                (r"\.\.\.?", Operator),
                (r"::|[\[\]{}(),:;.]", Punctuation),
                inherit,
            ],
            "sqs": [(r"\n", Whitespace, "#pop"), (r"[^\\'\n]+", String.Single), inherit],
            "dqs": [(r"\n", Whitespace, "#pop"), (r'[^\\"\n]+', String.Double), inherit],
        }

    return EditedLua()  # type: ignore[no-untyped-call] # Pygments' has no types
