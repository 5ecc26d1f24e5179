"""Check pictures in PNG, JPEG, GIF and WebP before they are shown.

Browsers run no code in them, but a few bytes can make a browser use unlimited time and memory. So each picture must
have the declared format, and its size is read from its headers, including those of its frames and scans. Nothing is
decoded here.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable

from kosmo_kernel.safety.text import UnsafeContentError

MAX_BYTES = 8 << 20  # bytes of a picture, or of its base64
PIXELS_MOST = 100_000_000  # pixels of a picture, at most
MAX_PIXELS_OF_ALL_FRAMES = 1_000_000_000  # pixels of all frames together
SCANS_MOST = 100  # scans of a JPEG, at most; a scan of a few bytes is drawn over the whole picture
MAX_CHUNKS = 10_000  # chunks of a WebP

_PNG, _PNG_SIZE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", 16
_JPEG, _JPEG_SCAN, _JPEG_MARKER = b"\xff\xd8\xff", b"\xff\xda", 0xFF
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers of the frame headers, which have the size
_GIFS, _GIF_EXTENSION, _GIF_FRAME = (b"GIF87a", b"GIF89a"), 0x21, 0x2C


def sanitize_picture(kind: str, given: bytes) -> tuple[bytes, int, int]:
    """Return the bytes of a picture, and its width and height in pixels.

    Parameters:
        kind: the declared format, a MIME subtype: `png`, `jpeg`, `gif` or `webp`.
        given: the bytes, or their base64.

    Raises:
        UnsafeContentError: it has another format, or is too large.
    """
    name, size_of = _READERS[kind]
    if len(given) > MAX_BYTES:
        raise UnsafeContentError(f"a picture of {len(given):,} bytes is too large")
    data, size = given, _size(size_of, given)
    if size is None:
        data = _from_base64(given)
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
        return None  # the data end before the size


def _from_base64(data: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return b""


# Each function returns width and height in pixels from the headers, or None if the bytes have another format.


def _size_of_png(data: bytes) -> tuple[int, int] | None:
    return struct.unpack_from(">II", data, _PNG_SIZE) if data.startswith(_PNG) else None


def _size_of_jpeg(data: bytes) -> tuple[int, int] | None:
    """Read segments by ITU-T T.81, annex B, each with a marker and a length, up to the one with the size."""
    if not data.startswith(_JPEG):
        return None
    if data.count(_JPEG_SCAN) > SCANS_MOST:
        raise UnsafeContentError(f"a JPEG of more than {SCANS_MOST} scans is too much to draw")
    offset = 2
    while data[offset] == _JPEG_MARKER:
        marker = data[offset + 1]
        if marker == _JPEG_MARKER:  # a fill byte
            offset += 1
            continue
        length, _, height, width = struct.unpack_from(">HBHH", data, offset + 2)
        if marker in _JPEG_SIZES:
            return (width, height) if width and height else None
        if length < 2 or data[offset : offset + 2] == _JPEG_SCAN:
            return None
        offset += 2 + length
    return None


def _size_of_gif(data: bytes) -> tuple[int, int] | None:
    """Read blocks by the GIF 89a specification. A frame may exceed the declared size, which then grows with it."""
    if not data.startswith(_GIFS):
        return None
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    offset, pixels = 13 + _gif_colours(flags), 0
    while offset < len(data):
        kind = data[offset]
        if kind == _GIF_EXTENSION:
            offset += 2
        elif kind == _GIF_FRAME and offset + 10 <= len(data):
            left, top, frame_width, frame_height, flags = struct.unpack_from("<HHHHB", data, offset + 1)
            width, height = max(width, left + frame_width), max(height, top + frame_height)
            pixels += frame_width * frame_height
            offset += 11 + _gif_colours(flags)
        else:
            break  # the trailer
        while offset < len(data) and data[offset]:
            offset += 1 + data[offset]
        offset += 1
    _check_pixels(pixels)
    return (width, height) if width and height else None


def _gif_colours(flags: int) -> int:
    """Return the size of a colour table in bytes."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _size_of_webp(data: bytes) -> tuple[int, int] | None:
    """Read chunks by RFC 9649: the first has the size, and each `ANMF` chunk that of its frame."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    size: tuple[int, int] | None = None
    offset, pixels = 12, 0
    for _ in range(MAX_CHUNKS):
        kind, length = data[offset : offset + 4], int.from_bytes(data[offset + 4 : offset + 8], "little")
        body = data[offset + 8 : offset + 24]
        if not size:
            size = _size_of_webp_chunk(kind, body)
            if not size:
                return None
        if kind == b"ANMF":
            pixels += _pair(body[6:12], 3)[0] * _pair(body[6:12], 3)[1]
        offset += 8 + length + length % 2
        if offset >= len(data):
            _check_pixels(pixels)
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
    """Return width and height, which are stored minus one."""
    return int.from_bytes(data[:size], "little") + 1, int.from_bytes(data[size:], "little") + 1


def _check_pixels(pixels: int) -> None:
    if pixels > MAX_PIXELS_OF_ALL_FRAMES:
        raise UnsafeContentError(f"the frames of this picture have {pixels:,} pixels, which is too much to draw")


# By MIME subtype: the name in messages, and the function that reads the size.
_READERS: dict[str, tuple[str, Callable[[bytes], tuple[int, int] | None]]] = {
    "png": ("PNG", _size_of_png),
    "jpeg": ("JPEG", _size_of_jpeg),
    "gif": ("GIF", _size_of_gif),
    "webp": ("WebP", _size_of_webp),
}
