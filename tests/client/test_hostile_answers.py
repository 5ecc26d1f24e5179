"""Answers made to fill the memory or to confuse a decoder: each is one error, or records, and takes little memory."""

from __future__ import annotations

import gzip
import random
import tracemalloc

import pytest
from scripted_api import Asking, Script, said

from kosmo_kernel.errors import ApiError

MAX_PEAK_BYTES = 400 << 20
HALVES = [r"\ud800", r"\udc00", r"\u002d", "\\", r"\u00", "\0", "-", ""]
NUMBERS = ["9" * 19, "9" * 400, "-" + "9" * 30, "1e999", "-0", "1.5", "NaN", "1"]


def hostile(rng: random.Random) -> tuple[int, bytes, dict[str, str]]:
    """Return a status, a body and headers."""
    depth, width = rng.choice([1, 90, 101, 700, 50_000]), rng.choice([1, 100, 10_000, 400_000])
    opening, closing = rng.choice([("[", "]"), ('{"a":', "}")])
    value = rng.choice([opening * depth + "1" + closing * depth, f"[{'[],' * width}[]]", rng.choice(NUMBERS)])
    text = f'[{{"id":"{rng.choice(HALVES)}","v":{value}}}]'.encode()
    text = rng.choice(
        [text, text, text[: rng.randrange(len(text))], b"\xff\xfe" + text, text.decode().encode("utf-16")]
    )
    if rng.random() < 0.5:
        return rng.choice([200, 404, 500]), text, {}
    packed = gzip.compress(text, 9)
    return 200, rng.choice([packed, packed[:-9], gzip.compress(packed)]), {"Content_Encoding": "gzip"}


@pytest.mark.parametrize("count", [100, pytest.param(2_000, marks=pytest.mark.full)])
def test_a_hostile_answer_is_one_error_or_records_and_takes_little_memory(count: int) -> None:
    rng = random.Random(54)
    errors: list[ApiError] = []
    tracemalloc.start()
    try:
        for _ in range(count):
            status, body, headers = hostile(rng)
            asking = Asking(Script(said(status, body, **headers)))
            try:
                assert isinstance(asking.fetch().data, list)
            except ApiError as error:
                errors.append(error)
        assert tracemalloc.get_traced_memory()[1] < MAX_PEAK_BYTES
    finally:
        tracemalloc.stop()
    assert len(errors) > count // 2
    assert all(error.__cause__ is None and len(error.message) < 2_000 for error in errors)
