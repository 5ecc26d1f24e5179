"""Answers made to fill the memory or to confuse a decoder: each is one error, or records, and takes little memory."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hostile_json import MAX_PEAK_BYTES, hostile_record
from scripted_api import Asking, Script, said

from kosmo_kernel.client.transport import MAX_BODY_VALUES
from kosmo_kernel.errors import ApiError

MANY_MAX_PEAK_BYTES = 1 << 30


def hostile(rng: random.Random) -> tuple[int, bytes, dict[str, str]]:
    """Return a status, a body and headers."""
    text = b"[" + hostile_record(rng) + b"]"
    if rng.random() < 0.5:
        return rng.choice([200, 404, 500]), text, {}
    packed = gzip.compress(text, 1)
    return 200, rng.choice([packed, packed[:-9], gzip.compress(packed)]), {"Content_Encoding": "gzip"}


@pytest.mark.claim("budget-answers")
@pytest.mark.parametrize("count", [60, pytest.param(2_000, marks=pytest.mark.full)])
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
                errors.append(error.with_traceback(None))  # whose frames have the body
        assert tracemalloc.get_traced_memory()[1] < MAX_PEAK_BYTES
    finally:
        tracemalloc.stop()
    assert len(errors) > count // 2
    assert all(error.__cause__ is None and len(error.message) < 2_000 for error in errors)


# Keep 32 answers that are asked for at once, and print the peak of memory in KiB.
MANY = f"""
import resource, sys, threading
sys.path.insert(0, {str(Path(__file__).parents[1] / "support")!r})
from scripted_api import Asking, Script, said
asking, kept = Asking(Script(said(200, eval(sys.argv[1])))), []
threads = [threading.Thread(target=lambda: kept.append(asking.fetch())) for _ in range(32)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(kept), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
LARGEST = {
    "objects": f"""b'[{{"v":[' + b'{{"a":1}},' * {MAX_BODY_VALUES // 2 - 5} + b'0]}}]'""",
    "texts": """b'[{"v":"' + b'x' * 8_000_000 + b'"}]'""",
    "texts with emojis": """b'[{"v":"' + b'x' * 3_000_000 + b'\\xf0\\x9f\\x98\\x80"}]'""",
}


@pytest.mark.claim("budget-answers")
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory has another unit")
@pytest.mark.parametrize("body", LARGEST.values(), ids=LARGEST)
def test_32_of_the_largest_answers_at_once_take_less_than_a_gigabyte(body: str) -> None:
    done = subprocess.run([sys.executable, "-c", MANY, body], capture_output=True, text=True, check=True)
    count, peak = map(int, done.stdout.split())
    assert count == 32
    assert peak << 10 < MANY_MAX_PEAK_BYTES
