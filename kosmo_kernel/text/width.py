"""Measure, cut, pad and fold texts by the columns that they take on a terminal.

Letters of East Asia and emoji take two columns, marks that join the letter before them none. Control characters have no
width of their own: escape them first.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import accumulate, chain

from kosmo_kernel.text.patterns import lazy_pattern

CUT = "…"  # in place of the rest of a text

_JOINING = {"Mn", "Me", "Mc", "Cf"}  # categories of marks and of format characters
# Format characters that terminals show: the soft hyphen, and signs that stand before a number or a name.
_VISIBLE = frozenset("\xad\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# Vowels and final consonants that join the syllable before them, fillers, and the colours of emoji.
_ALSO_JOINING = lazy_pattern("[\u1160-\u11ff\ud7b0-\ud7fb\u3164\uffa0\U0001f3fb-\U0001f3ff]")
# What stays on one line where there is room for it, with what separates it from the next: a word, or a part of one.
_WORD = lazy_pattern(r"\S*\s*")
_PIECE = lazy_pattern(r"[^\s@:/._-]*[\s@:/._-]*")


def display_width(text: str) -> int:
    """Return how many columns a text takes."""
    return len(text) if text.isascii() else sum(map(_width_of, text))


def cut_to(text: str, width: int) -> str:
    """Return a text cut to at most `width` columns, reading no more of it than needed."""
    if text.isascii():
        return text if len(text) <= width else text[: max(width - 1, 0)] + CUT
    end = 0
    for index, columns in enumerate(accumulate(map(_width_of, text)), start=1):
        if columns > width:
            return text[:end] + CUT
        if columns < width:
            end = index
    return text


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return a text with blanks up to `width` columns, before it if it stands at the right; a wider one unchanged."""
    blank = " " * (width - display_width(text))
    return blank + text if right else text + blank


def folded(text: str, width: int) -> list[str]:
    """Return a text in lines of at most `width` columns, broken between words, and in long ones after signs."""
    lines = [""]
    words = ([word] if display_width(word.rstrip()) <= width else _PIECE.findall(word) for word in _WORD.findall(text))
    for piece in chain.from_iterable(words):
        if display_width(lines[-1]) + display_width(piece.rstrip()) <= width:
            lines[-1] += piece
            continue
        lines = [*map(str.rstrip, lines), *_chunks(piece, width)]
        if not lines[0]:
            del lines[0]
    return lines


def _chunks(text: str, width: int) -> list[str]:
    """Return a text in parts of at most `width` columns, and of one character at least."""
    parts, columns = [""], 0
    for character in text:
        columns += _width_of(character)
        if columns > width and parts[-1]:
            parts.append("")
            columns = _width_of(character)
        parts[-1] += character
    return parts


@lru_cache(maxsize=4096)
def _width_of(character: str) -> int:
    category = unicodedata.category(character)
    if (category in _JOINING and character not in _VISIBLE) or _ALSO_JOINING.match(character):
        return 0
    is_wide = unicodedata.east_asian_width(character) in "WF"
    return 2 if is_wide and category != "Cn" else 1  # what has no character yet counts as narrow
