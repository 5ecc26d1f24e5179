r"""Redact the token that a service quotes in its answers, where they arrive: before Lua, tables, caches and cassettes.

The token is found by value, in the bytes of a body before it is decoded, because that takes about a hundredth of the
time of decoding: a rare letter of it is searched first, ten times as fast as the whole token. A body with the token is
decoded, changed and encoded again, so that it stays valid JSON. JSON may write any character as an escape (`\u002d`),
so a body in which one of the token's characters is an escape is decoded as well.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import msgspec

from kosmo_kernel.safety.redaction import REDACTED, in_texts, unescaped
from kosmo_kernel.values.records import decode

MIN_TOKEN_LENGTH = 8  # characters; a shorter text also stands in answers as a word. Heroku's tokens have 36 or more
_ESCAPE = b"\\u00"  # the beginning of an escape of an ASCII character
_RARE = b"KQXJWYVUGBPFMLHR"  # capitals, the rarest in JSON first
MAX_LETTERS = 64  # occurrences of the rare letter to look at


class TokenRedactor:
    """Replaces the token of one account by `[redacted]` in the bodies of responses.

    Parameters:
        token: the token; one of fewer than `MIN_TOKEN_LENGTH` characters is not searched.
    """

    def __init__(self, token: str) -> None:
        texts = dict.fromkeys((token, quote(token, safe=""))) if len(token) >= MIN_TOKEN_LENGTH else {}
        self._texts = tuple(texts)
        escaped = {text.replace("\\", "\\\\").replace('"', '\\"') for text in texts}
        escaped |= {text.replace("/", "\\/") for text in escaped}
        self._spellings = tuple(dict.fromkeys(text.encode() for text in (*texts, *sorted(escaped))))
        self._searches = tuple((spelling, *_rare_letter(spelling)) for spelling in self._spellings)
        codes = "|".join(sorted({f"{ord(character):02x}" for text in texts for character in text}))
        self._escapes = re.compile(rf"\\u00(?:{codes or '(?!)'})".encode(), re.IGNORECASE)

    def redact(self, body: bytes) -> bytes:
        """Return a body, JSON or anything else, without the token."""
        for spelling, letter, offset in self._searches:
            if _occurs(body, spelling, letter, offset):
                return self._redacted(body)
        # The first test is the fastest, and nearly all bodies end here.
        if b"\\" in body and _ESCAPE in body and self._escapes.search(body):
            return self._redacted(body)
        return self._redacted(body) if b"\0" in body[:4] else body  # as of UTF-16, which no service should send

    def _redacted(self, body: bytes) -> bytes:
        try:
            value = decode(body)
        except (ValueError, RecursionError):  # an error page, or a truncated answer
            for spelling in self._spellings:
                body = body.replace(spelling, REDACTED.encode())
            plain = unescaped(body.replace(b"\0", b"").decode(errors="replace"))
            return REDACTED.encode() if self._replaced(plain) != plain else body
        redacted = in_texts(value, self._replaced)
        # A field that is given twice is in the body, and not in the value.
        is_unchanged = redacted == value and not any(spelling in body for spelling in self._spellings)
        return body if is_unchanged else msgspec.json.encode(redacted)

    def _replaced(self, text: str) -> str:
        for token in self._texts:
            text = text.replace(token, REDACTED)
        return text


def _rare_letter(spelling: bytes) -> tuple[bytes, int]:
    """Return the letter of a token that is rarest in JSON, and its place; empty if the token has only common ones."""
    code = next((code for code in _RARE if code in spelling), None)
    return (b"", 0) if code is None else (bytes((code,)), spelling.index(code))


def _occurs(body: bytes, spelling: bytes, letter: bytes, offset: int) -> bool:
    """Return whether a token occurs in a body.

    Parameters:
        body: the body.
        spelling: the token.
        letter: its rare letter, if it has one.
        offset: the first place of that letter in the token.
    """
    place = body.find(letter) if letter else 0
    for _ in range(MAX_LETTERS if letter else 0):
        if place < 0:
            return False
        if place >= offset and body.startswith(spelling, place - offset):
            return True
        place = body.find(letter, place + 1)
    return spelling in body
