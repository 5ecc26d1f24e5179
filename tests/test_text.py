"""Widths of texts on a terminal, and patterns that are compiled when they are first used."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.safety.text import escape_hidden
from kosmo_kernel.text import cut_to, display_width, folded, lazy_pattern, padded

NEWER = [range(0x2630, 0x2638), range(0x268A, 0x2690), range(0x4DC0, 0x4E00), range(0x1D300, 0x1D377)]  # wide lately
FILLERS = "\u3164\uffa0"

texts = st.text(st.sampled_from("ab -./@漢字e\u0301😀…"), max_size=40)


def characters() -> list[str]:
    """Return characters that a table can show: all of the first blocks, and one in 16 of those after them."""
    every = (
        chr(code)
        for code in (*range(0x20, 0x3400), *range(0x3400, sys.maxunicode + 1, 16))
        if not any(code in those for those in NEWER)
    )
    return [one for one in every if unicodedata.category(one) not in {"Cc", "Cn", "Cs", "Co", "Zl", "Zp"}]


def test_a_character_is_as_wide_as_rich_takes_it_to_be() -> None:
    cells = pytest.importorskip("rich.cells")
    is_older = cells.cell_len("\xad") == 0  # and knows other widths of these
    differ = [
        hex(ord(character))
        for character in characters()
        if display_width(f"a{character}") != cells.cell_len(f"a{character}")
        and not (is_older and (unicodedata.category(character) == "Cf" or character in FILLERS))
    ]
    assert differ == []


@given(texts, st.integers(2, 20))
def test_no_text_is_wider_than_its_room_and_folding_loses_nothing_but_blanks(text: str, width: int) -> None:
    assert display_width(cut_to(text, width)) <= width
    assert cut_to(text, display_width(text)) == text
    lines = folded(text, width)
    assert max(map(display_width, (line.rstrip() for line in lines))) <= width
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert display_width(padded(cut_to(text, width), width)) == width


def test_a_text_is_folded_between_words_or_else_after_a_sign() -> None:
    assert folded("some words in a row", 10) == ["some words", "in a row"]
    assert folded("heroku-postgresql:essential-0", 17) == ["heroku-", "postgresql:", "essential-0"]
    assert folded("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert folded("", 10) == [""]


def test_a_number_is_padded_on_its_left() -> None:
    assert (padded("12", 5, right=True), padded("漢", 4), padded("longer", 3)) == ("   12", "漢  ", "longer")
    assert display_width(escape_hidden("\u202e")) == len("\\u202e")


def test_a_lazy_pattern_is_used_like_a_compiled_one() -> None:
    pattern = lazy_pattern(r"(\w)b", re.IGNORECASE)

    assert pattern.pattern == r"(\w)b"
    assert pattern.sub(r"\1", "xB ab") == "x a"
    assert [match[1] for match in pattern.finditer("xB ab")] == ["x", "a"]
    assert lazy_pattern(rb"\d+").findall(b"1 23") == [b"1", b"23"]


def test_a_lazy_pattern_is_compiled_at_its_first_use() -> None:
    invalid = lazy_pattern("(")

    for _ in range(2):
        with pytest.raises(re.error):
            invalid.search("")
