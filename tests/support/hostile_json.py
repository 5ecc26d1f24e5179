"""JSON that is made to fill the memory or to confuse a decoder: deep, wide, long, cut off, or with odd texts.

The standard library is enough, because a server of the tests uses it, too.
"""

from __future__ import annotations

import gzip
import random

MAX_PEAK_BYTES = 400 << 20  # that the process which reads one of them may take
DEPTHS = (1, 90, 101, 700, 50_000)
WIDTHS = (1, 100, 10_000, 490_000, 1_500_000)
LENGTHS = (1, 1_000, 1 << 20, 7 << 20, 9 << 20)
TEXTS = (r"\ud800", r"\udc00", r"\u002d", "\\", r"\u00", "\0", "-", "", r"\ud83d\ude00", "😀", "\x1b]0;x\x07", "\u202e")
NUMBERS = ("9" * 19, "9" * 400, "9" * 5000, "-" + "9" * 30, "1e999", "-0", "1.5", "NaN", "1")
VALUES = ("[]", "{}", "1", '""', "1.5", "null")


def hostile_value(rng: random.Random) -> str:
    """Return a value as JSON, or what is nearly JSON."""
    match rng.randrange(4):
        case 0:
            opening, closing = rng.choice([("[", "]"), ('{"a":', "}")])
            depth = rng.choice(DEPTHS)
            return opening * depth + "1" + closing * depth
        case 1:
            value = rng.choice(VALUES)
            return f"[{f'{value},' * rng.choice(WIDTHS)}{value}]"
        case 2:
            return f'"{"x" * rng.choice(LENGTHS)}{rng.choice(TEXTS)}"'
        case _:
            return rng.choice(NUMBERS)


def hostile_record(rng: random.Random) -> bytes:
    """Return a record with such a value: whole, cut off, or in another encoding."""
    text = f'{{"id":"{rng.choice(TEXTS)}","v":{hostile_value(rng)}}}'
    data = text.encode()
    return rng.choice([*[data] * 6, data[: rng.randrange(len(data))], b"\xff\xfe" + data, text.encode("utf-16")])


def hostile_response(rng: random.Random) -> tuple[bytes, bytes, bytes]:
    """Return a status, a header and a body of a response of such records."""
    text = b"[" + hostile_record(rng) + b"]"
    if rng.random() < 0.5:
        return rng.choice([b"200 OK", b"404 Not Found", b"500 Internal Server Error"]), b"", text
    packed = gzip.compress(text, 1)
    return b"200 OK", b"Content-Encoding: gzip\r\n", rng.choice([packed, packed[:-9], gzip.compress(packed)])
