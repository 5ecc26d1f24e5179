"""Take secrets out of text, before it is shown, logged or put into an error.

A secret is found in two ways. By value: the tokens that the caller knows are in use. By shape: Heroku's
marked tokens (`HRKU-…`), what follows `Authorization`, `Bearer` or `Basic`, and the password of an
address, or what stands in its place. A plain UUID stays unless it is one of the given tokens, because
records are named by UUIDs. What a command is given (`--password x`) stays too: seen without its program it
looks like code, a placeholder or a number as often as like a secret.

Most texts hold no secret, so each search starts from a fixed string that Python finds at memory speed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

REDACTED = "[redacted]"

# Escapes in a text that JSON has, and what they stand for; that of a backslash comes first and last, see `_unescaped`.
_ESCAPED = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\b": "\b", "\\f": "\f", '\\"': '"', "\\/": "/"}
_CODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_SAME_IN_ADDRESS = re.compile(r"[\w.~-]*", re.ASCII)
_MARKED = re.compile(r"HRKU-[\w-]{8,}")
_SIGNED_IN = re.compile(r"""://[^\s/"'<>]*@""")  # an address with anything before its `@`
# `user:password@` in an address. No quotes or angle brackets, so that it ends where the text around it does.
_PASSWORD = re.compile(r"""(://[^\s/?#@:"'<>]*:)[^\s/"'<>]+@""")
# What stands alone before the `@` of a web address is a token: people who sign in to one have a password.
_LONE = re.compile(r"""://[^\s/?#@:"'<>]++(?=:?@)""")
_WEB = ("http", "https")
# The value of a header, as `Authorization: Bearer x`, `"authorization": "x"` or `(b'Authorization', b'x')`.
# A placeholder in angle brackets, as documentation has it, is no value.
_HEADER = re.compile(
    r"""((?>authorization["'`]?\s{0,8}[:=,]\s{0,8}(?:b(?=["']))?["'`]?(?:(?:bearer|basic|token)\s{1,8})?))"""
    r"""(?!(?:bearer|basic|token)(?:\W|\Z))[\w.~+/-]+=*""",
    re.IGNORECASE,
)
# The scheme alone is also an everyday word ("the bearer of", "a Basic dyno"), so what follows must look like
# a secret: long or with a digit after `Bearer`, base64 of `user:password` after `Basic`.
_BEARER = re.compile(r"(\bbearer\s{1,8})(?:(?=[a-z.~+/_-]*\d)[\w.~+/-]{8,}|[\w.~+/-]{20,})=*", re.IGNORECASE)
_SPACED_BASIC = re.compile(r"basic\s")
_BASIC = re.compile(r"(\bbasic\s{1,8})([a-z0-9+/]{8,}={0,2})(?![\w-])", re.IGNORECASE)


def redact(text: str, tokens: Iterable[str] = ()) -> str:
    """The text with every secret in it replaced by `[redacted]`.

    Parameters:
        text: anything that people or programs may get to see.
        tokens: secrets known by value; they are found as they are and as quoted in an address.
    """
    for token in sorted({t for t in tokens if t}, key=len, reverse=True) if tokens else ():
        text = text.replace(token, REDACTED)
        if not _SAME_IN_ADDRESS.fullmatch(token):
            text = text.replace(_in_address(token), REDACTED)
    if "HRKU-" in text:
        text = _MARKED.sub(REDACTED, text)
    if "://" in text and "@" in text and _SIGNED_IN.search(text):
        text = _LONE.sub(_without_name, _PASSWORD.sub(rf"\1{REDACTED}@", text))
    lower = text.lower()
    if "authorization" in lower:
        text = _HEADER.sub(rf"\1{REDACTED}", text)
    if "bearer" in lower:
        text = _BEARER.sub(rf"\1{REDACTED}", text)
    if "basic" in lower and _SPACED_BASIC.search(lower):
        text = _BASIC.sub(_without_login, text)
    return text


def in_texts(value: Any, change: Callable[[str], str], hidden: Collection[str] = ()) -> Any:
    """A value as JSON has it, with each text in it changed, names of fields as well.

    Parameters:
        value: any; dicts stay what they are, notebooks' own kind among them.
        change: gives the text in place of another one.
        hidden: names of fields whose values are secrets, whatever they are.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [in_texts(item, change, hidden) for item in value]
    if isinstance(value, dict):
        fields: dict[Any, Any] = {}
        for key, item in value.items():
            name = change(key) if isinstance(key, str) else key  # Lua has integers there
            while name in fields:  # two secrets are one text now, and nothing may be lost
                name = f"{name}_"
            fields[name] = REDACTED if key in hidden and item is not None else in_texts(item, change, hidden)
        return type(value)(fields)
    return value


def would_change(written: str, change: Callable[[str], str]) -> bool:
    """Whether a text in a value would be changed, seen from its JSON: a fraction of the work of looking at each.

    Parameters:
        written: the JSON; its escapes may stand between a secret and its name.
        change: as for `in_texts`.
    """
    seen = _unescaped(written) if "\\" in written else written
    return change(seen) != seen


def one_line(text: str, tokens: Iterable[str] = (), most: int = 400) -> str:
    """What a stranger wrote as it may stand in a message: no secrets, no control characters, not endless.

    Parameters:
        text: anything.
        tokens: as for `redact`.
        most: how many characters may be left.
    """
    seen = "".join(c if c.isprintable() else " " for c in redact(text, tokens))
    line = " ".join(seen.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _unescaped(written: str) -> str:
    """JSON with what its escapes stand for, each kind of escape at memory speed, since a text may be full of them."""
    text = written.replace("\\\\", "\0")  # which JSON never has as it is
    for escape, meant in _ESCAPED.items():
        text = text.replace(escape, meant)
    if "\\u00" in text:
        for code in range(32):
            text = text.replace(f"\\u{code:04x}", chr(code or 1))
    if "\\u" in text:
        text = _CODE.sub(lambda code: chr(int(code[1], 16)), text)
    return text.replace("\0", "\\")


def _in_address(token: str) -> str:
    from urllib.parse import quote

    return quote(token, safe="")


def _without_name(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - len("https")) : match.start()]
    return f"://{REDACTED}" if before.lower().endswith(_WEB) else match.group()


def _without_login(match: re.Match[str]) -> str:
    scheme, value = match.groups()
    try:
        login = base64.b64decode(value + "=" * (-len(value) % 4))
    except binascii.Error:
        return match.group()
    return f"{scheme}{REDACTED}" if b":" in login else match.group()
