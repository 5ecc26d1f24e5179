"""Encode the messages that the parent and child processes exchange: frames over pipes.

A frame is a length (four bytes, big-endian) and a payload. A payload is the length of its header, the header (JSON),
and any number of texts; the header's `blobs` lists their lengths. The Python code of the child only moves payloads as
bytes; `request_handler.py` reads them in the parent and `transport.lua` in the child.
"""

from __future__ import annotations

import os
import struct

# Defined here because importing `typing` would slow the start of the child process.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

LENGTH = struct.Struct(">I")


def read_exactly(descriptor: int, size: int) -> bytes:
    """Read `size` bytes from a blocking descriptor; raise EOFError if the other side closed the pipe."""
    parts = []
    while size:
        part = os.read(descriptor, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class FrameReader:
    """A buffered reader of payloads, which must be the only reader of its blocking descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = b""  # bytes received beyond the last payload

    def read(self) -> bytes:
        """Read the next payload. A short payload, the usual case, takes one system call.

        Raises:
            EOFError: the other side closed the pipe.
        """
        buffer = self._buffer
        while len(buffer) < LENGTH.size:
            part = os.read(self._descriptor, 1 << 16)
            if not part:
                raise EOFError
            buffer += part
        end = LENGTH.size + LENGTH.unpack_from(buffer)[0]
        if len(buffer) < end:
            buffer += read_exactly(self._descriptor, end - len(buffer))
        self._buffer = buffer[end:]
        return buffer[LENGTH.size : end]


def write_frame(descriptor: int, payload: bytes) -> None:
    """Write one whole payload to a blocking descriptor."""
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
    """Return a payload made of a header, which `to_json` encodes, and texts."""
    if blobs:
        header = {**header, "blobs": [len(blob) for blob in blobs]}
    head = to_json(header)
    return b"".join((LENGTH.pack(len(head)), head, *blobs))


def unpack(payload: bytes, from_json: Callable[[bytes], Any] = _from_json) -> tuple[dict[str, Any], list[bytes]]:
    """Return the header of a payload, which `from_json` decodes, and its texts.

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
