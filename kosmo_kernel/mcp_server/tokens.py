"""An estimate of the tokens of a text. Models count differently, and none of their tokenizers is needed for a bound."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

# A word with its blank, up to three digits, a run of signs, a space that is none between words, any other character.
_PIECE = re.compile(
    r"(?P<word>[A-Z]?[a-z\xdf-\xf6\xf8-\xff]+|[A-Z\xc0-\xd6\xd8-\xde]+)|\d{1,3}|(?P<signs>[!-/:-@\[-^`{-~]+)"
    r"|\n\s*|[ \t]{2,}|\t|[^\x00-\x7f]|_"
)
_LETTERS, _SIGNS = 6, 3  # of a token
CHARACTERS_PER_TOKEN = 4  # in prose
_ATTEMPTS = 5
_MIN_WIDTH = 400  # characters, for all lines of our own
_MARGIN = 24, 25  # of what would fit, since other parts of a text may have more tokens

Answer = TypeVar("Answer")


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text has: rather too many than too few."""
    tokens = 0
    for piece in _PIECE.finditer(text):
        kind, length = piece.lastgroup, piece.end() - piece.start()
        size = {"word": _LETTERS, "signs": _SIGNS}.get(kind or "", length)
        tokens += -(-length // size)
    return tokens


def within(max_tokens: int, make: Callable[[int], Answer], text_of: Callable[[Answer], str]) -> Answer:
    """Return what `make` makes within a number of characters, such that its text has at most `max_tokens` tokens.

    Parameters:
        max_tokens: the bound.
        make: makes an answer within a number of characters.
        text_of: returns the text of an answer.
    """
    width = max_tokens * CHARACTERS_PER_TOKEN
    for _ in range(_ATTEMPTS):
        answer = make(width)
        text = text_of(answer)
        if len(text.encode(errors="surrogatepass")) <= max_tokens or (tokens := estimated_tokens(text)) <= max_tokens:
            break  # no token has less than a byte
        width = max(min(width, len(text)) * max_tokens * _MARGIN[0] // (tokens * _MARGIN[1]), _MIN_WIDTH)
    return answer
