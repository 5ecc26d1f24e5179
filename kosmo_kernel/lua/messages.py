"""Payloads as the parent writes and reads them: `wire.py` with the JSON library that its children do without.

Half of what a short question takes in the parent would be Python's own JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kosmo_kernel.lua import wire
from kosmo_kernel.lua.host_limits import count_values
from kosmo_kernel.values.records import encode


def pack(header: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> bytes:
    """A payload from its header and texts."""
    return wire.pack(header, blobs, _written)


def unpack(payload: bytes, most: int) -> tuple[dict[str, Any], list[bytes]]:
    """Header and texts of a payload.

    Parameters:
        payload: the bytes.
        most: how many values its header may have.

    Raises:
        ValueError: the bytes are not a payload, or its header has more values.
    """
    if len(payload) > most:  # a value takes a byte at least
        start = wire.LENGTH.size
        end = start + wire.LENGTH.unpack_from(payload)[0]
        if end - start > most and count_values(payload[start:end], most) > most:
            raise ValueError("a header of more values than any script can cause")
    return wire.unpack(payload, msgspec.json.decode)


def _written(header: Mapping[str, Any]) -> bytes:
    try:
        return encode(header)
    except UnicodeEncodeError:  # the name of a file that is not UTF-8, say: escapes carry half a pair
        return json.dumps(header).encode()
