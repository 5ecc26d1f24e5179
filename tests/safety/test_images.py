"""A picture is shown where it is what it was given as, and draws no more than anybody has the time and memory for."""

from __future__ import annotations

import base64
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel.render.display import PICTURES, bundle_from
from kosmo_kernel.safety.images import MAX_BYTES, MAX_CHUNKS, SCANS_MOST, sanitize_picture
from kosmo_kernel.safety.text import UnsafeContentError

# Each of 3 by 2 pixels, as Pillow writes them; the second of each kind in its other form, or moving.
REAL = {
    "png": ["iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAAAAAC4HznGAAAAD0lEQVR4nGM4ceIEAxADABLIBLEaJ2FIAAAAAElFTkSuQmCC"],
    "jpeg": [
        (
            "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP////////////////////////////////////////////////////////////////////////"
            "//////////////wAALCAACAAMBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAv/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AT//Z"
        ),
        (
            "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP////////////////////////////////////////////////////////////////////////"
            "//////////////wgALCAACAAMBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAf/aAAgBAQAAAAF//8QAFBABAAAAAAAAAAAAAAAAAAAAAP/a"
            "AAgBAQABBQJ//8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQAGPwJ//8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPyF//9oACA"
            "EBAAAAEH//xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEBAAE/EH//2Q=="
        ),
    ],
    "gif": [
        "R0lGODdhAwACAIEAAMjIyAAAAAAAAAAAACwAAAAAAwACAAAIBgABCBwYEAA7",
        (
            "R0lGODdhAwACAIEAAMjIyAAAAAAAAAAAACwAAAAAAwACAAAIBgABCBwYEAAh+QQBAAABACwAAAAAAwACAIEKCgoAAAAAAAAAAAAIBgABCBwY"
            "EAA7"
        ),
    ],
    "webp": [
        "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoDAAIADMDOJaQAA3AA/uIgAAA=",
        "UklGRh4AAABXRUJQVlA4TBEAAAAvAkAAAAdQ5CIXuf+BiOh/AAA=",
        (
            "UklGRpoAAABXRUJQVlA4WAoAAAACAAAAAgAAAQAAQU5JTQYAAAAAAAAAAABBTk1GMAAAAAAAAAAAAAIAAAEAAAAAAAJWUDggGAAAADABAJ0B"
            "KgMAAgABQCYlpAADcAD+90IAAEFOTUY2AAAAAAAAAAAAAgAAAQAAAAAAAFZQOCAeAAAAVAEAnQEqAwACAAAAJiWcAARhgAD+/RHHpvJLwAAA"
        ),
    ],
}
EACH = [(kind, text) for kind, texts in REAL.items() for text in texts]
FRAME = struct.pack("<BHHHHB", 0x2C, 0, 0, 10_000, 10_000, 0) + b"\x02\x01\x00\x00"  # of a GIF
JPEG = base64.b64decode(REAL["jpeg"][0])


def gif(*pieces: bytes) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + b"".join(pieces)


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def canvas(width: int, height: int) -> tuple[bytes, bytes]:
    return b"VP8X", bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


@pytest.mark.parametrize(("kind", "text"), EACH)
def test_a_picture_is_taken_as_bytes_and_as_base64(kind: str, text: str) -> None:
    data = base64.b64decode(text)
    assert sanitize_picture(kind, data) == sanitize_picture(kind, text.encode()) == (data, 3, 2)
    shown = bundle_from(kind, text.encode(), str)
    assert shown == {"text/plain": "[a picture of 3 by 2 pixels]", f"image/{kind}": text}


@pytest.mark.claim("display-images")
@pytest.mark.parametrize(("kind", "text"), EACH)
def test_a_picture_is_shown_as_what_it_is_only(kind: str, text: str) -> None:
    for other in PICTURES.keys() - {kind}:
        with pytest.raises(UnsafeContentError, match="neither its bytes nor their base64"):
            sanitize_picture(other, text.encode())


@pytest.mark.parametrize("kind", sorted(PICTURES))
@pytest.mark.parametrize("data", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<script>", b"\xff" * 40])
def test_what_is_no_picture_is_not_shown(kind: str, data: bytes) -> None:
    with pytest.raises(UnsafeContentError, match="neither its bytes nor their base64"):
        sanitize_picture(kind, data)


LARGE = {
    "a PNG": ("png", b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 60_000, 60_000)),
    "a JPEG": ("jpeg", b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xff\xc2" + struct.pack(">HBHH", 11, 8, 60_000, 60_000)),
    "a GIF": ("gif", b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0, 0, 0)),
    "a frame beyond its GIF": ("gif", gif(struct.pack("<BHHHHB", 0x2C, 0, 0, 20_000, 20_000, 0))),
    "a frame far from its GIF": ("gif", gif(struct.pack("<BHHHHB", 0x2C, 60_000, 60_000, 1, 1, 0))),
    "a WebP": ("webp", webp(canvas(1 << 24, 1 << 24))),
    "a lossy WebP": ("webp", webp((b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 16_383, 16_383)))),
    "a lossless WebP": ("webp", webp((b"VP8L", b"\x2f" + ((16_382 << 14) + 16_382).to_bytes(4, "little")))),
}


@pytest.mark.claim("display-images")
@pytest.mark.parametrize("case", LARGE)
def test_a_picture_that_would_fill_the_memory_is_not_shown(case: str) -> None:
    with pytest.raises(UnsafeContentError, match=r"a picture of .* pixels is too large"):
        sanitize_picture(*LARGE[case])


@pytest.mark.parametrize("kind", sorted(PICTURES))
def test_a_picture_of_too_many_bytes_is_not_read(kind: str) -> None:
    with pytest.raises(UnsafeContentError, match="8,388,609 bytes is too large"):
        sanitize_picture(kind, bytes(MAX_BYTES + 1))


MUCH = {
    "a GIF": ("gif", gif(FRAME * 11), "1,100,000,000 pixels"),
    "a WebP": (
        "webp",
        webp(canvas(10_000, 10_000), *[(b"ANMF", bytes(6) + (9_999).to_bytes(3, "little") * 2 + bytes(4))] * 11),
        "1,100,000,000 pixels",
    ),
    "a JPEG": ("jpeg", JPEG + b"\xff\xda" * SCANS_MOST, "more than 100 scans"),
    "a WebP of crumbs": ("webp", webp(canvas(1, 1), *[(b"XMP ", b"")] * MAX_CHUNKS), "more than 10,000 chunks"),
}


@pytest.mark.parametrize("case", MUCH)
def test_a_picture_that_would_take_an_age_to_draw_is_not_shown(case: str) -> None:
    kind, data, why = MUCH[case]
    with pytest.raises(UnsafeContentError, match=why):
        sanitize_picture(kind, data)


@given(st.sampled_from(EACH), st.integers(0, 400), st.binary(max_size=12))
def test_a_damaged_picture_is_shown_with_a_size_or_is_not_shown(
    one: tuple[str, str], place: int, damage: bytes
) -> None:
    kind, text = one
    data = base64.b64decode(text)
    place %= len(data)
    for given_ in (data[:place], data[:place] + damage + data[place + len(damage) :]):
        with suppress(UnsafeContentError):
            assert sanitize_picture(kind, given_)[0] == given_
