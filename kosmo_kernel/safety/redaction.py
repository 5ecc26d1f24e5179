"""Redact secrets in text before it is shown, logged or put into an error.

Secrets are found by value, as the tokens that the caller knows, and by form: tokens with a prefix (Heroku's `HRKU-…`,
and those of the services whose tokens usually stand in config vars), private keys, the password or token in a URL, and
the value after `Authorization`, `Bearer` or `Basic`. `redact_forms` leaves out the last, whose words may be part of any
text. A plain UUID is kept unless it is a known token, because records have UUIDs as ids. Command-line arguments
(`--password x`) are kept too: without the program's name they look like code, a placeholder or a number as often as
like a secret.

No error repeats a token that this process uses, wherever somebody has typed it. A token in Heroku's older format is a
UUID, as ids are, so only its value tells it from an id. The values are those of environment variables with names such
as `HEROKU_API_KEY`, and the tokens of the accounts that are in use. A keyring is not read for an error.

Most texts have no secret, so each search starts with a fixed string, which Python finds at memory speed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakSet

from kosmo_kernel.safety.text import shortened
from kosmo_kernel.text import lazy_pattern

REDACTED = "[redacted]"
MIN_SECRET_LENGTH = 12  # the shortest secret to search for, in characters; a shorter one would match ordinary words
SECRET_NAME = lazy_pattern(r"token|secret|passw|api_?key|fingerprint_key|credential", re.IGNORECASE)

# JSON escapes and the characters they stand for; `unescaped` handles that of the backslash separately.
_JSON_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\b": "\b", "\\f": "\f", '\\"': '"', "\\/": "/"}
_UNICODE_ESCAPE = lazy_pattern(r"\\u([0-9a-fA-F]{4})")
_UNRESERVED = lazy_pattern(r"[\w.~-]*", re.ASCII)
# Tokens by their form: words of which one occurs in each, in lower case, and the pattern. A group is kept.
_FORMS = (
    # In any case and with `_`, because names of accounts and of their variables are derived from what was typed.
    (("hrku",), lazy_pattern(r"()HRKU[-_][\w-]{8,}", re.IGNORECASE)),
    (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        lazy_pattern(r"()(?<![A-Za-z0-9])(?:gh[oprsu]_[\w.-]{35,}\w|github_pat_\w{40,})", re.ASCII),
    ),
    (
        ("xox", "xapp-"),
        lazy_pattern(r"()(?<![A-Za-z0-9])(?:xox[abceoprs](?:\.xox[bp])?-[\w-]{10,}|xapp-\d-[\w-]{20,})", re.ASCII),
    ),
    (("hooks.slack.com/",), lazy_pattern(r"(hooks\.slack\.com/(?:services|workflows|triggers)/)[\w/-]{20,}", re.ASCII)),
    (
        ("k_live_", "k_test_", "whsec_"),
        lazy_pattern(r"()(?<![A-Za-z0-9])(?:[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[\w+/-]{24,}=*)", re.ASCII),
    ),
    (("akia", "asia"), lazy_pattern(r"()(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])")),
    (
        ("secret_access_key", "secretaccesskey"),
        lazy_pattern(
            r"(secret_?access_?key[\"'`]?\s{0,8}[:=]\s{0,8}[\"'`]?)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])", re.IGNORECASE
        ),
    ),
    (
        ("private key",),
        lazy_pattern(
            r"()-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[^-]|-(?!----END ))*+(?:-----END [A-Z0-9 ]{0,80}-----)?"
        ),
    ),
)
_URL_USER = lazy_pattern(r"""://[^\s/"'<>]*@""")  # a URL with anything before its `@`
# `user:password@` in a URL. Without quotes and angle brackets, so that a match ends within a quoted URL.
_PASSWORD = lazy_pattern(r"""(://[^\s/?#@:"'<>]*:)[^\s/"'<>]+@""")
# A lone user name before the `@` of a web URL is a token, because a person would have a password as well.
_URL_TOKEN = lazy_pattern(r"""://[^\s/?#@:"'<>]++(?=:?@)""")
_WEB_SCHEMES = ("http", "https")
# The value of a header in `Authorization: Bearer x`, `"authorization": "x"` or `(b'Authorization', b'x')`.
# A placeholder in angle brackets, as in documentation, does not match, and neither does what follows the name of a
# record or a function, as in `get_oauth_authorization: …`.
_HEADER = lazy_pattern(
    r"""((?>(?<!oauth[_\s-])authorization(?:["'`]?\s{0,8}[:=]|["'`]\s{0,8},)\s{0,8}"""
    r"""(?:b(?=["']))?["'`]?(?:(?:bearer|basic|token)\s{1,8})?))"""
    r"""(?!(?:bearer|basic|token)(?:\W|\Z))[\w.~+/-]+=*""",
    re.IGNORECASE,
)
# The scheme is also an everyday word ("the bearer of", "a Basic dyno"), so the next word must look like a secret:
# long or with a digit after `Bearer`, base64 of `user:password` after `Basic`.
_BEARER = lazy_pattern(r"(\bbearer\s{1,8})(?:(?=[a-z.~+/_-]*\d)[\w.~+/-]{8,}|[\w.~+/-]{20,})=*", re.IGNORECASE)
_SPACED_BASIC = lazy_pattern(r"basic\s")
_BASIC = lazy_pattern(r"(\bbasic\s{1,8})([a-z0-9+/]{8,}={0,2})(?![\w-])", re.IGNORECASE)


def redact(text: str, tokens: Iterable[str] = ()) -> str:
    """Return the text with every secret in it replaced by `[redacted]`.

    Parameters:
        tokens: secrets known by value; they are found literally and percent-encoded.
    """
    for token in sorted({t for t in tokens if t}, key=len, reverse=True) if tokens else ():
        text = text.replace(token, REDACTED)
        if not _UNRESERVED.fullmatch(token):
            from urllib.parse import quote

            text = text.replace(quote(token, safe=""), REDACTED)
    text = redact_forms(text)
    lower = text.lower()
    if "authorization" in lower:
        text = _HEADER.sub(rf"\1{REDACTED}", text)
    if "bearer" in lower:
        text = _BEARER.sub(rf"\1{REDACTED}", text)
    if "basic" in lower and _SPACED_BASIC.search(lower):
        text = _BASIC.sub(_redact_basic, text)
    return text


def redact_forms(text: str) -> str:
    """Return the text with every token that is known by its form, and every password in a URL, as `[redacted]`."""
    if len(text) > MIN_SECRET_LENGTH:
        lower = text.lower()
        for words, pattern in _FORMS:
            if any(word in lower for word in words):
                text = pattern.sub(rf"\1{REDACTED}", text)
    if "://" in text and "@" in text and _URL_USER.search(text):
        text = _URL_TOKEN.sub(_redact_url_token, _PASSWORD.sub(rf"\1{REDACTED}@", text))
    return text


def redact_error(text: str) -> str:
    """Return the text of an error without secrets and without the tokens that are in use."""
    return redact(text, tokens_in(text))


def in_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return a copy of a JSON value with each text in it changed, including the names of fields.

    Parameters:
        value: any value; subclasses of dict, such as those of nbformat, are kept.
        change: returns the replacement for a text.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [in_texts(item, change) for item in value]
    if isinstance(value, dict):
        fields: dict[Any, Any] = {}
        for key, item in value.items():
            name = change(key) if isinstance(key, str) else key  # values from Lua may have integer keys
            while name in fields:  # two redacted names may be equal now; keep both
                name = f"{name}_"
            fields[name] = in_texts(item, change)
        return type(value)(fields)
    return value


def would_change(written: str, change: Callable[[str], str]) -> bool:
    """Return whether `in_texts` would change a value, judged by its JSON, which is much faster.

    Parameters:
        written: the JSON; it is unescaped first, because an escape may separate a secret from its name.
        change: as for `in_texts`.
    """
    text = unescaped(written) if "\\" in written else written
    return change(text) != text


def one_line(text: str, tokens: Iterable[str] = (), most: int = 400) -> str:
    """Return untrusted text for a message: on one line, redacted, without control characters, cut after `most`."""
    printable = "".join(c if c.isprintable() else " " for c in redact(text, tokens))
    return shortened(" ".join(printable.split()), most)


def unescaped(written: str) -> str:
    """Return JSON text with its escapes replaced, one kind after another, which is fast even if there are many."""
    text = written.replace("\\\\", "\0")  # a character that JSON text cannot have
    for escape, character in _JSON_ESCAPES.items():
        text = text.replace(escape, character)
    if "\\u00" in text:
        for code in range(32):
            text = text.replace(f"\\u{code:04x}", chr(code or 1))
    if "\\u" in text:
        text = _UNICODE_ESCAPE.sub(lambda code: chr(int(code[1], 16)), text)
    return text.replace("\0", "\\")


def _redact_url_token(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - len("https")) : match.start()]
    return f"://{REDACTED}" if before.lower().endswith(_WEB_SCHEMES) else match.group()


def _redact_basic(match: re.Match[str]) -> str:
    import base64
    import binascii

    scheme, value = match.groups()
    try:
        login = base64.b64decode(value + "=" * (-len(value) % 4))
    except binascii.Error:
        return match.group()
    return f"{scheme}{REDACTED}" if b":" in login else match.group()


# Tokens in use ----------------------------------------------------------------------------------------------------


class Secret:
    """A token in use, which only `reveal` shows. No error repeats it as long as this object exists.

    Its text is no attribute, so what shows the local variables of a frame with their attributes does not show it.
    """

    __slots__ = ("__weakref__", "reveal")

    def __init__(self, text: str) -> None:
        self.reveal: Callable[[], str] = lambda: text
        _secrets.add(self)

    def __repr__(self) -> str:
        return REDACTED


_secrets: WeakSet[Secret] = WeakSet()


def environment_secrets() -> tuple[str, ...]:
    """Return the secrets in environment variables, by the names of the variables."""
    return tuple(
        value for name, value in os.environ.items() if len(value) >= MIN_SECRET_LENGTH and SECRET_NAME.search(name)
    )


def tokens_in(text: str) -> list[str]:
    """Return the tokens in use that a text has. The path of a file that exists is none."""
    tokens = [token for secret in list(_secrets) if len(token := secret.reveal()) >= MIN_SECRET_LENGTH]
    from_environment = (value for value in environment_secrets() if value in text and not os.path.exists(value))
    return [*(token for token in tokens if token in text), *from_environment]
