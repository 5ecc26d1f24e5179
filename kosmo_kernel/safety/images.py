"""Check pictures in PNG, JPEG, GIF, WebP and SVG before they are shown.

Browsers run no code in them, but a few bytes can make a browser use unlimited time and memory. So each picture must
have the declared format, and its size is read from its headers, including those of its frames and scans. Nothing is
decoded here.

In an `<img>` a browser runs no scripts of an SVG and loads nothing for it. The remaining risk is that a short SVG
expands without limit: by entities, or by `use` elements that refer to other `use` elements. So it is parsed once, and
the elements it draws are counted, in the reader.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable
from typing import Any

from kosmo_kernel.safety.markup import Html
from kosmo_kernel.safety.text import UnsafeContentError, check_length

MAX_BYTES = 8 << 20  # bytes of a picture, or of its base64
PIXELS_MOST = 100_000_000  # pixels of a picture, at most
MAX_PIXELS_OF_ALL_FRAMES = 1_000_000_000  # pixels of all frames together
SCANS_MOST = 100  # scans of a JPEG, at most; a scan of a few bytes is drawn over the whole picture
MAX_CHUNKS = 10_000  # chunks of a WebP
MAX_ELEMENTS_DRAWN = 100_000  # elements of an SVG, each counted as often as it is drawn
MAX_DEPTH = 100  # nested elements, and nested uses
MAX_ELEMENTS_COUNTED = 20 * MAX_ELEMENTS_DRAWN  # elements, each counted once per enclosing element with an id

_NAMESPACE = "http://www.w3.org/2000/svg"
_TOO_MANY = f"this SVG draws more than {MAX_ELEMENTS_DRAWN:,} elements, or has too many in each other"
_LINKS = {"href", "http://www.w3.org/1999/xlink href"}

_PNG, _PNG_SIZE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", 16
_JPEG, _JPEG_SCAN, _JPEG_MARKER = b"\xff\xd8\xff", b"\xff\xda", 0xFF
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers of the frame headers, which have the size
_GIFS, _GIF_EXTENSION, _GIF_FRAME = (b"GIF87a", b"GIF89a"), 0x21, 0x2C


def sanitize_picture(kind: str, content: bytes) -> tuple[bytes, int, int]:
    """Return the bytes of a picture, and its width and height in pixels.

    Parameters:
        kind: the declared format, a MIME subtype: `png`, `jpeg`, `gif` or `webp`.
        content: the bytes, or their base64.

    Raises:
        UnsafeContentError: it has another format, or is too large.
    """
    name, size_of = _READERS[kind]
    if len(content) > MAX_BYTES:
        raise UnsafeContentError(f"a picture of {len(content):,} bytes is too large")
    data, size = content, _size(size_of, content)
    if size is None:
        data = _from_base64(content)
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
            x, y, frame_width, frame_height, flags = struct.unpack_from("<HHHHB", data, offset + 1)
            width, height = max(width, x + frame_width), max(height, y + frame_height)
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


# SVG -------------------------------------------------------------------------------------------------------------


def prepare() -> None:
    """Import what the task needs, which the reader calls before it locks itself in."""
    svg(b"<svg/>")


def svg(data: bytes) -> bytes:
    """Return the HTML element that shows an SVG: a task of the reader."""
    return sanitize_svg(data.decode()).encode()


def sanitize_svg(content: str) -> Html:
    """Return an HTML element that shows an SVG as an image.

    Raises:
        UnsafeContentError: it is no SVG, is too long, has a document type, or draws too much.
    """
    check_length(content, "SVG")
    content = content.strip()
    if not _check_svg(content.encode(errors="replace")):
        content = content.replace("<svg", f'<svg xmlns="{_NAMESPACE}"', 1)
    data = content.encode(errors="replace")
    return Html(f'<img alt="" src="data:image/svg+xml;base64,{base64.b64encode(data).decode()}">')


def _check_svg(data: bytes) -> bool:
    """Check an SVG; return whether it declares its namespace, without which browsers do not render it."""
    from xml.parsers import expat

    reader = _Drawing()
    parser = expat.ParserCreate("UTF-8", " ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UnsafeContentError(f"this is no SVG: {expat.ErrorString(error.code)} in line {error.lineno}") from None
    reader.check()
    return reader.is_named


class _Drawing:
    """Counts the elements that an SVG draws. An element with an id can be used again, with all its children."""

    def __init__(self) -> None:
        self._open: list[str] = []  # ids of the enclosing elements, empty for those without one
        self._uses: dict[str, list[str]] = {"": []}  # id ("" for the whole SVG) -> the ids used inside
        self._sizes: dict[str, int] = {"": 0}  # id ("" for the whole SVG) -> the number of elements inside
        self._counted = 0
        self.is_named = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open:
            self.is_named = name == f"{_NAMESPACE} svg"
            if not self.is_named and name != "svg":
                raise UnsafeContentError(f"this is no SVG: it starts with <{name.rpartition(' ')[2]}>")
        element_id = attributes.get("id", "")
        self._open.append(element_id)
        target = next((value for key, value in attributes.items() if key in _LINKS), "")
        scopes = {"", *self._open}
        self._counted += len(scopes)
        if self._sizes[""] > MAX_ELEMENTS_DRAWN or self._counted > MAX_ELEMENTS_COUNTED:  # more take seconds to count
            raise UnsafeContentError(_TOO_MANY)
        for scope in scopes:
            self._sizes[scope] = self._sizes.get(scope, 0) + 1
            if target.startswith("#"):
                self._uses.setdefault(scope, []).append(target[1:])
        if len(self._open) > MAX_DEPTH:
            raise UnsafeContentError(f"an SVG of more than {MAX_DEPTH} elements in each other is too deep")

    def end(self, _name: str) -> None:
        self._open.pop()

    def doctype(self, *_anything: Any) -> None:
        raise UnsafeContentError("an SVG with a document type is not shown; leave the <!DOCTYPE> out")

    def check(self) -> None:
        """Count the elements drawn, including uses.

        Raises:
            UnsafeContentError: there are too many, or an element uses itself.
        """
        drawn: dict[str, int] = {}

        def count(name: str, ancestors: frozenset[str]) -> int:
            if name in ancestors or len(ancestors) > MAX_DEPTH:
                raise UnsafeContentError("this SVG uses itself")
            if name not in drawn:
                within = ancestors | {name}
                uses = self._uses.get(name, ())
                drawn[name] = self._sizes.get(name, 0) + sum(count(target, within) for target in uses)
                if drawn[name] > MAX_ELEMENTS_DRAWN:
                    raise UnsafeContentError(_TOO_MANY)
            return drawn[name]

        count("", frozenset())
