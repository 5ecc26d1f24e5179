"""Test what a Lua kernel knows of the inputs of its session."""

from __future__ import annotations

from typing import Any

import pytest

from kosmo_kernel.kernel.history import MAX_CELLS, MAX_CHARACTERS, MAX_OUTPUTS, History


def typed(*cells: str) -> History:
    history = History()
    for number, code in enumerate(cells, start=1):
        history.add(number, code)
    return history


def find(
    history: History, kind: str, session: object = 0, start: int = 0, stop: int | None = None, **fields: Any
) -> Any:
    """Return what a history has for a request."""
    return history.find({"hist_access_type": kind, "session": session, "start": start, "stop": stop, **fields})


def test_the_last_cells_are_found_oldest_first() -> None:
    one = typed("a = 1", "a", "b")
    assert find(one, "tail", n=2) == [(1, 2, "a"), (1, 3, "b")]
    assert find(one, "tail", n=9) == find(one, "tail") == [(1, 1, "a = 1"), (1, 2, "a"), (1, 3, "b")]


def test_a_range_is_of_this_session() -> None:
    one = typed("a", "b", "c")
    assert find(one, "range", 0) == find(one, "range", 1) == [(1, 1, "a"), (1, 2, "b"), (1, 3, "c")]
    assert find(one, "range", 0, 2, 3) == [(1, 2, "b")]
    assert find(one, "range", -1) == find(one, "range", 7) == find(typed(), "range") == []


def test_a_request_that_makes_no_sense_leaves_the_history_as_it_was() -> None:
    one = typed("a")
    with pytest.raises(ValueError, match="'the last one'"):
        find(one, "range", "the last one")  # a front end can send anything
    assert find(one, "range", 10**30) == find(one, "range", 0, 10**30) == []
    assert find(one, "range", 0) == [(1, 1, "a")]


def test_a_search_matches_whole_texts_as_a_glob() -> None:
    one = typed("a = 1", "b", "ab", "a = 1", "A")
    assert find(one, "search", pattern="a*") == [(1, 1, "a = 1"), (1, 3, "ab"), (1, 4, "a = 1")]
    assert find(one, "search", pattern="?") == [(1, 2, "b"), (1, 5, "A")]
    assert find(one, "search", pattern="a*", n=1) == [(1, 4, "a = 1")]
    assert find(one, "search") == find(one, "tail")


def test_of_equal_texts_a_unique_search_finds_the_latest() -> None:
    one = typed("a", "b", "a", "c")
    assert find(one, "search", pattern="[ab]", unique=True) == [(1, 2, "b"), (1, 3, "a")]
    assert find(one, "search", pattern="*", unique=True, n=2) == [(1, 3, "a"), (1, 4, "c")]


def test_outputs_are_told_where_they_are_asked_for_and_old_ones_make_room() -> None:
    one = typed(*map(str, range(MAX_OUTPUTS + 50)))
    for number in range(2, MAX_OUTPUTS + 50):
        one.show(number, "x")
    outputs = [text for _, _, (_, text) in find(one, "range", output=True)]
    assert outputs == [None] * 49 + ["x"] * MAX_OUTPUTS + [None]


def test_old_cells_make_room() -> None:
    assert [number for _, number, _ in find(typed(*["a"] * (MAX_CELLS + 2)), "tail")] == list(range(3, MAX_CELLS + 3))
    long = "x" * (MAX_CHARACTERS // 2)
    assert [number for _, number, _ in find(typed("a", long, long), "tail")] == [2, 3]
    assert find(typed("a", long * 3), "tail") == []


@pytest.mark.claim("history-no-token")
def test_secrets_are_not_told() -> None:
    one = typed("key = 'HRKU-12345678-abcd'", "half \ud800")
    assert [text for *_, text in find(one, "tail")] == ["key = '[redacted]'", "half ?"]
