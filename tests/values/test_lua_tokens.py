"""Test that a text is split where Lua splits it, and that nothing in it is lost, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.values.lua_literals import KEYWORDS
from kosmo_kernel.values.lua_tokens import masked, tokens_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f([[te\"xt]], 'a')", ["f", "(", 'te"xt', ",", "a", ")"]),
        ("a.b[c[1]]", ["a", ".", "b", "[", "c", "[", "1", "]", "]"]),
        ("x .. y -- rest", ["x", "..", "y", "-- rest"]),
        ("[==[ a ]] ]==] z", [" a ]] ", "z"]),
        ('"a\\"b" .. \'"\'', ['a\\"b', "..", '"']),
        ("string.format(x)", ["string", ".", "format", "(", "x", ")"]),
        ("function M.f:g() end", ["function", "M", ".", "f", ":", "g", "(", ")", "end"]),
        ("0x1F + 1.5e3", ["0x1F", "+", "1.5e3"]),
        ("--[[ two\nlines ]] x", ["--[[ two\nlines ]]", "x"]),
    ],
)
def test_a_text_is_cut_where_lua_cuts_it(text: str, expected: list[str]) -> None:
    assert [token.text for token in tokens_of(text)] == expected


@pytest.mark.parametrize("text", ["'open", '"open', "[[open", "[=[ open ]]", "--[[open", "-- open", "'open\\'", "[=["])
def test_what_is_still_being_typed_is_open(text: str) -> None:
    assert [token.closed for token in tokens_of(text)] == [False]


@pytest.mark.parametrize("text", ["'a'", "[[a]]", "[==[]==]", "--[[a]]", "''"])
def test_what_has_its_end_is_closed(text: str) -> None:
    assert [token.closed for token in tokens_of(text)] == [True]


def test_keywords_are_no_names() -> None:
    assert {token.kind for token in tokens_of(" ".join(KEYWORDS))} == {"keyword"}


PIECES = (
    "'",
    '"',
    "[[",
    "]]",
    "--",
    "--[[",
    "--[=[",
    "]=]",
    "\n",
    "\\",
    "a",
    "é🙂",
    "end",
    "1.5",
    "..",
    "[",
    " ",
    "#!x",
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@given(TEXTS)
def test_tokens_are_in_order_and_only_blanks_are_between_them(text: str) -> None:
    end = 0
    for token in tokens_of(text):
        assert token.start >= end
        assert not text[end : token.start].strip()
        assert token.text in text[token.start : token.end]
        end = token.end
    assert not text[end:].strip()


@given(TEXTS)
def test_a_masked_text_has_its_lines_and_its_code(text: str) -> None:
    hidden = masked(text)
    assert [len(line) for line in hidden.split("\n")] == [len(line) for line in text.split("\n")]
    code = [token for token in tokens_of(text) if token.kind not in ("string", "comment")]
    assert [hidden[token.start : token.end] for token in code] == [token.text for token in code]


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("x = 'a' -- b", "x = '\x01' --\x01\x01"),
        ('f("a\\"b", [[c]])', 'f("\x01\x01\x01\x01", [\x01\x01\x01])'),
        ("x = 'a\ny = 1", "x = '\x01\ny = 1"),
    ],
)
def test_strings_and_comments_are_masked(text: str, hidden: str) -> None:
    assert masked(text) == hidden
