"""Patterns that are compiled when they are first used."""

from __future__ import annotations

import re

import pytest

from kosmo_kernel.text.patterns import lazy_pattern


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
