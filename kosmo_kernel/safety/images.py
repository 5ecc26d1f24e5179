"""Pictures made of pixels: PNG, JPEG, GIF and WebP.

A browser runs nothing of them. What it cannot be trusted with is to have the time and the memory for whatever a few
bytes ask it to draw. So each must be what it is given as, and how much it draws is read from its own headers, those of
its frames and scans as well. Nothing of it is decoded here.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable

from kosmo_kernel.safety.text import UnsafeContentError

MAX_BYTES = 8 << 20  # of a picture, or of its base64
PIXELS_MOST = 100_000_000  # of a picture
MAX_PIXELS_OF_ALL_FRAMES = 1_000_000_000  # and of all its frames together
SCANS_MOST = 100  # of a JPEG; each goes over the whole picture, and may take no more than a few bytes
MAX_CHUNKS = 10_000  # of a WebP

_PNG, _PNG_SIZE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", 16
_JPEG, _JPEG_SCAN, _JPEG_MARKER = b"\xff\xd8\xff", b"\xff\xda", 0xFF
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers of what says its size
_GIFS, _GIF_EXTENSION, _GIF_FRAME = (b"GIF87a", b"GIF89a"), 0x21, 0x2C


def sanitize_png(given: bytes) -> bytes:
    """The bytes of a PNG, from them or from their base64.

    Raises:
        NotShownError: they are none, or the picture is too large.
    """
    return sanitize_picture("png", given)[0]


def sanitize_picture(kind: str, given: bytes) -> tuple[bytes, int, int]:
    """The bytes of a picture, from them or from their base64, and its width and height in pixels.

    Parameters:
        kind: as what it was given, the end of a MIME type: `png`, `jpeg`, `gif` or `webp`.
        given: the bytes, or their base64.

    Raises:
        NotShownError: it is none, or is too large.
    """
    name, size_of = _READERS[kind]
    if len(given) > MAX_BYTES:
        raise UnsafeContentError(f"a picture of {len(given):,} bytes is too large")
    data, size = given, _size(size_of, given)
    if size is None:
        data = _decoded(given)
        size = _size(size_of, data)
    if size is None:
        raise UnsafeContentError(f"this is no {name}, neither its bytes nor their base64")
    if size[0] * size[1] > PIXELS_MOST:
        raise UnsafeContentError(f"a picture of {size[0]:,} by {size[1]:,} pixels is too large")
    return data, *size


def _size(size_of: Callable[[bytes], tuple[int, int] | None], data: bytes) -> tuple[int, int] | None:
    try:
        return size_of(data)
    except (IndexError, struct.error):
        return None  # it ends before it has said that


def _decoded(given: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(given.split()), validate=True)
    except binascii.Error:
        return b""


# Each gives width and height in pixels, as a picture says them, or None where the bytes are no such picture.


def _size_of_png(data: bytes) -> tuple[int, int] | None:
    return struct.unpack_from(">II", data, _PNG_SIZE) if data.startswith(_PNG) else None


def _size_of_jpeg(data: bytes) -> tuple[int, int] | None:
    """By ITU-T T.81, annex B: segments, each with a marker and its length, until one says the size."""
    if not data.startswith(_JPEG):
        return None
    if data.count(_JPEG_SCAN) > SCANS_MOST:
        raise UnsafeContentError(f"a JPEG of more than {SCANS_MOST} scans is too much to draw")
    at = 2
    while data[at] == _JPEG_MARKER:
        marker = data[at + 1]
        if marker == _JPEG_MARKER:  # one more in front of it fills up
            at += 1
            continue
        length, _, height, width = struct.unpack_from(">HBHH", data, at + 2)
        if marker in _JPEG_SIZES:
            return (width, height) if width and height else None
        if length < 2 or data[at : at + 2] == _JPEG_SCAN:
            return None
        at += 2 + length
    return None


def _size_of_gif(data: bytes) -> tuple[int, int] | None:
    """By the specification of GIF 89a. A frame may reach beyond the size that the picture says, and then counts."""
    if not data.startswith(_GIFS):
        return None
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at, drawn = 13 + _gif_colours(flags), 0
    while at < len(data):
        kind = data[at]
        if kind == _GIF_EXTENSION:
            at += 2
        elif kind == _GIF_FRAME and at + 10 <= len(data):
            left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
            width, height, drawn = max(width, left + wide), max(height, top + high), drawn + wide * high
            at += 11 + _gif_colours(flags)
        else:
            break  # its end
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    _few_enough(drawn)
    return (width, height) if width and height else None


def _gif_colours(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _size_of_webp(data: bytes) -> tuple[int, int] | None:
    """By RFC 9649: chunks, of which the first says the size, and each of an animation that of its frame."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    size: tuple[int, int] | None = None
    at, drawn = 12, 0
    for _ in range(MAX_CHUNKS):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 24]
        if not size:
            size = _size_of_webp_chunk(kind, body)
            if not size:
                return None
        if kind == b"ANMF":
            drawn += _pair(body[6:12], 3)[0] * _pair(body[6:12], 3)[1]
        at += 8 + length + length % 2
        if at >= len(data):
            _few_enough(drawn)
            return size
    raise UnsafeContentError(f"a WebP of more than {MAX_CHUNKS:,} chunks is too much to draw")


def _size_of_webp_chunk(kind: bytes, body: bytes) -> tuple[int, int] | None:
    if kind == b"VP8X" and len(body) >= 10:
        return _pair(body[4:10], 3)
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return (width & 0x3FFF, height & 0x3FFF) if width & 0x3FFF and height & 0x3FFF else None
    return None


def _pair(data: bytes, size: int) -> tuple[int, int]:
    """Width and height, each one less than it is."""
    return int.from_bytes(data[:size], "little") + 1, int.from_bytes(data[size:], "little") + 1


def _few_enough(drawn: int) -> None:
    if drawn > MAX_PIXELS_OF_ALL_FRAMES:
        raise UnsafeContentError(f"the frames of this picture have {drawn:,} pixels, which is too much to draw")


# By the end of their MIME type: what people call them, and what reads their size.
_READERS: dict[str, tuple[str, Callable[[bytes], tuple[int, int] | None]]] = {
    "png": ("PNG", _size_of_png),
    "jpeg": ("JPEG", _size_of_jpeg),
    "gif": ("GIF", _size_of_gif),
    "webp": ("WebP", _size_of_webp),
}
