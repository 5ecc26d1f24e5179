"""How the two processes talk: frames over pipes.

A frame is its length (four bytes, big-endian) and a payload. A payload is the length of its header, the
header (JSON), and texts one after the other; the header's `blobs` gives their lengths. The child process
only moves payloads as bytes; what is in them is read by `request_handler.py` on one side and `transport.lua` on the
other.
"""

from __future__ import annotations

import os
import struct

# As the `typing` module has it, without its import: the child process starts with this file.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

LENGTH = struct.Struct(">I")


def read_exactly(descriptor: int, size: int) -> bytes:
    """Read `size` bytes from a blocking descriptor.

    Raises:
        EOFError: the other side closed the pipe.
    """
    parts = []
    while size:
        part = os.read(descriptor, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_frame(descriptor: int) -> bytes:
    """Read one payload from a blocking descriptor; EOFError at its end."""
    (size,) = LENGTH.unpack(read_exactly(descriptor, LENGTH.size))
    return read_exactly(descriptor, size) if size else b""


class FrameReader:
    """The payloads that come from a blocking descriptor, which nobody else reads."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""  # what came and was not asked for yet

    def read(self) -> bytes:
        """The next payload; EOFError at the end. A short one, as most are, costs one system call."""
        rest = self._rest
        while len(rest) < LENGTH.size:
            part = os.read(self._descriptor, 1 << 16)
            if not part:
                raise EOFError
            rest += part
        end = LENGTH.size + LENGTH.unpack_from(rest)[0]
        if len(rest) < end:
            rest += read_exactly(self._descriptor, end - len(rest))
        self._rest = rest[end:]
        return rest[LENGTH.size : end]


def write_frame(descriptor: int, payload: bytes) -> None:
    """Write one payload to a blocking descriptor, all of it."""
    view = memoryview(LENGTH.pack(len(payload)) + payload)
    while view:
        view = view[os.write(descriptor, view) :]


def _to_json(header: Mapping[str, Any]) -> bytes:
    import json

    return json.dumps(header, separators=(",", ":")).encode()


def _from_json(text: bytes) -> Any:
    import json

    return json.loads(text)


def pack(
    header: Mapping[str, Any], blobs: Sequence[bytes] = (), to_json: Callable[[Mapping[str, Any]], bytes] = _to_json
) -> bytes:
    """A payload from its header and texts."""
    if blobs:
        header = {**header, "blobs": [len(blob) for blob in blobs]}
    head = to_json(header)
    return b"".join((LENGTH.pack(len(head)), head, *blobs))


def unpack(payload: bytes, from_json: Callable[[bytes], Any] = _from_json) -> tuple[dict[str, Any], list[bytes]]:
    """Header and texts of a payload.

    Raises:
        ValueError: the bytes are not a payload.
    """
    if len(payload) < LENGTH.size:
        raise ValueError("a frame without a header")
    (size,) = LENGTH.unpack_from(payload)
    start = LENGTH.size + size
    header = from_json(payload[LENGTH.size : start])
    if not isinstance(header, dict):
        raise ValueError("a header that is no object")  # noqa: TRY004 - malformed bytes, whatever their type
    blobs = []
    for length in header.get("blobs", ()):
        if not isinstance(length, int) or length < 0 or start + length > len(payload):
            raise ValueError("a text longer than its frame")
        blobs.append(payload[start : start + length])
        start += length
    return header, blobs
