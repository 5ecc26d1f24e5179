r"""Take the secrets out of what a service sent, before it is recorded or handed on.

`TokenRedactor` takes out the account's own token, by value, in the bytes of a body, which is not decoded for it: a rare
letter of it is searched first, ten times as fast as the whole token. JSON may write any character as an escape
(`\u002d`), so a body in which one of the token's characters is an escape is searched for the token in any spelling.

`clean` changes the records of one response in place: values of secret columns become `[redacted]`, an address keeps its
host in a field of its own or loses its user, password and query, and of records, and objects in records, that hold
secrets only the fields that have a column are kept. Of names with secret values only the names remain, each with a
keyed fingerprint of its value; the values go no further than `_fingerprints`. What is clean already stays as it is, as
a replayed recording is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, urlsplit

from kosmo_kernel.catalogue import Function
from kosmo_kernel.catalogue.model import FieldRule
from kosmo_kernel.safety.redaction import REDACTED
from kosmo_kernel.text import FINGERPRINT, lazy_pattern

# A service's own word for an error. Errors about things that hold secrets repeat nothing else.
ERROR_WORD = lazy_pattern(r"[a-z]+(?:_[a-z]+){0,5}")
_HOST = lazy_pattern(r"[a-z0-9.-]{1,253}")
_ANY = lazy_pattern(".*", re.DOTALL)


def clean(function: Function, value: Any, fingerprint: Callable[[object], str]) -> Any:
    """Return what a function's response has, without secrets.

    Parameters:
        function: the function.
        value: the decoded body of a successful response; changed in place.
        fingerprint: returns the fingerprint of a secret.
    """
    if function.fingerprints:
        return _fingerprints(value, fingerprint)
    if not (function.is_quotable or isinstance(value, dict)):
        value = [row if isinstance(row, dict) else REDACTED for row in value] if isinstance(value, list) else REDACTED
    rules = function.rules
    if rules.is_guarded or rules.fields:
        for row in value if isinstance(value, list) else [value]:
            if isinstance(row, dict):
                _clean(row, rules)
    return value


def form_of(function: Function) -> str:
    """Return how answers are read and redacted: functions of one form have the same answer at an address."""
    fields = vars(function)
    if "form" not in fields:
        rules = blake2b(repr(_rule_data(function.rules)).encode(), digest_size=16).hexdigest()
        arranged = function.name if function.arranged else ""
        fields["form"] = f"{function.returns} {function.fingerprints:d} {function.is_quotable:d} {arranged} {rules}"
    form: str = fields["form"]
    return form


def _rule_data(rule: FieldRule) -> tuple[Any, ...]:
    """Return a rule without texts for people, so that equal rules are equal data."""
    secret = rule.secret and (rule.secret.host, rule.secret.bare)
    return rule.is_list, rule.is_guarded, secret, [(key, _rule_data(each)) for key, each in sorted(rule.fields.items())]


def quotable_headers(function: Function, headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers that may be repeated: no address or warning where errors do not quote the service."""
    if function.is_quotable:
        return headers
    return {
        name: value
        for name, value in headers.items()
        if name != "location" and not (function.guarded and "warning" in name)
    }


def without_secrets(text: str, function: Function) -> str:
    """Return a body that is no JSON, perhaps because it is truncated, with the values of secret fields redacted."""
    names = "|".join(map(re.escape, sorted({column.path[-1] for column in function.secrets}))) or "(?!)"
    return re.sub(rf'("(?:{names})"\s*:\s*)"(?:[^"\\]|\\.)*"?', rf'\1"{REDACTED}"', text, flags=re.DOTALL)


def _fingerprints(value: Any, fingerprint: Callable[[object], str]) -> Any:
    if isinstance(value, Mapping):
        return [
            {"name": name, "fingerprint": None if secret is None else fingerprint(secret)}
            for name, secret in value.items()
        ]
    rows = value if isinstance(value, list) else []  # as a recording has it
    return [
        {"name": _text(row.get("name"), _ANY), "fingerprint": _text(row.get("fingerprint"), FINGERPRINT)}
        for row in rows
        if isinstance(row, dict)
    ]


def _text(value: object, pattern: re.Pattern[str]) -> str | None:
    """Return a value if it is a text of that form."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _clean(record: dict[str, Any], rules: FieldRule) -> None:
    """Hide the secrets of a record, and remove what has no column from the objects that hold secrets."""
    for key in list(record) if rules.is_guarded else rules.fields:
        rule, value = rules.fields.get(key), record.get(key)
        if rule is None:
            del record[key]
        elif value is None or value == REDACTED:
            pass
        elif rule.secret is not None:
            record[key] = _bare(value) if rule.secret.bare else REDACTED
            if rule.secret.host:
                record[rule.secret.host] = _host(value)
        elif isinstance(value, dict) and rule.fields:
            _clean(value, rule)
        elif isinstance(value, list) and (rule.is_list or not rule.is_guarded):
            record[key] = [_clean_item(item, rule) for item in value]
        elif rule.is_guarded and (isinstance(value, (dict, list)) or (rule.fields and not rule.is_list)):
            record[key] = REDACTED  # something else than the catalogue says


def _clean_item(item: Any, rule: FieldRule) -> Any:
    if isinstance(item, dict) and rule.fields:
        _clean(item, rule)
    elif rule.is_guarded and isinstance(item, (dict, list)):
        return REDACTED
    elif isinstance(item, list):
        return [_clean_item(inner, rule) for inner in item]
    return item


def _host(address: object) -> str | None:
    try:
        host = urlsplit(str(address)).hostname or ""
    except ValueError:
        return None
    return host if _HOST.fullmatch(host) else None


def _bare(address: object) -> str:
    """Return an address without user, password and query; a text that is no address as it is."""
    text = str(address)
    if "://" not in text:
        return REDACTED if "@" in text and ":" in text.partition("@")[0] else text
    scheme, _, rest = re.split(r"[?#]", text, maxsplit=1)[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


MIN_TOKEN_LENGTH = 8  # characters; a shorter text also stands in answers as a word. Heroku's tokens have 36 or more
_RARE = b"KQXJWYVUGBPFMLHR"  # capitals, the rarest in JSON first
MAX_LETTERS = 64  # occurrences of the rare letter to look at
_HIDDEN = REDACTED.encode()
_ESCAPED = '"\\/'  # characters that JSON may write with a backslash alone


class TokenRedactor:
    """Replaces the token of one account by `[redacted]` in the bodies of responses.

    Parameters:
        token: the token; one of fewer than `MIN_TOKEN_LENGTH` characters is not searched.
    """

    def __init__(self, token: str) -> None:
        texts = dict.fromkeys((token, quote(token, safe=""))) if len(token) >= MIN_TOKEN_LENGTH else {}
        self._searches = tuple((text.encode(), *_rare_letter(text.encode())) for text in texts)
        # An escape that a spelling of the token may have, and the token with each letter in any of its spellings.
        escapes = {escape for text in texts for letter in text for escape in _escapes(letter)}
        self._escapes = re.compile(("|".join(sorted(escapes)) or "(?!)").encode())
        spellings = (
            "".join(f"(?:{'|'.join((*_escapes(letter), re.escape(letter)))})" for letter in text) for text in texts
        )
        self._escaped = re.compile(rf"(?<!\\)((?:\\\\)*+)(?:{'|'.join(spellings) or '(?!)'})".encode())

    def redact(self, body: bytes) -> bytes:
        """Return a body, JSON or anything else, without the token. JSON stays JSON."""
        if b"\0" in body[:4]:  # as of UTF-16, which no service should send, and which is no JSON
            text = body.replace(b"\0", b"")
            return body if (redacted := self.redact(text)) == text else redacted
        for text, letter, offset in self._searches:
            if _occurs(body, text, letter, offset):
                body = body.replace(text, _HIDDEN)
        if b"\\" in body and self._escapes.search(body):
            body = self._escaped.sub(rb"\1" + _HIDDEN, body)
        return body


def _escapes(letter: str) -> Iterator[str]:
    """Yield patterns of the escapes that JSON has for a letter."""
    yield rf"\\u(?i:{ord(letter):04x})"
    if letter in _ESCAPED:
        yield rf"\\{re.escape(letter)}"


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
    position = body.find(letter) if letter else 0
    for _ in range(MAX_LETTERS if letter else 0):
        if position < 0:
            return False
        if position >= offset and body.startswith(spelling, position - offset):
            return True
        position = body.find(letter, position + 1)
    return spelling in body
