"""Take the secrets out of what a service sent, before it is recorded, cached or handed on.

`clean` changes the records of one response in place: values of secret columns become `[redacted]`, an address keeps its
host in a field of its own or loses its user, password and query, and of records, and objects in records, that hold
secrets only the fields that have a column are kept. Of names with secret values only the names remain, each with a
keyed fingerprint of its value; the values go no further than `_fingerprints`. What is clean already stays as it is, as
a replayed recording is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from kosmo_kernel.accounts.fingerprints import FINGERPRINT
from kosmo_kernel.catalogue import Column, Function
from kosmo_kernel.catalogue.model import Fields, ListField
from kosmo_kernel.safety.redaction import REDACTED

# A service's own word for an error. Errors about things that hold secrets repeat nothing else.
ERROR_WORD = re.compile(r"[a-z]+(?:_[a-z]+){0,5}")
_HOST = re.compile(r"[a-z0-9.-]{1,253}")
_ANY = re.compile(".*", re.DOTALL)


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
    rows = value if isinstance(value, list) else [value]
    for path, fields in function.known_fields:
        for row in rows:
            _keep_known_in_part(row, path, fields)
    for (*parents, key), column in function.secret_paths:
        for row in rows:
            _hide(row, parents, key, column)
    return value


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


def _keep_known_in_part(record: Any, path: Sequence[str], fields: Fields) -> None:
    """Remove the fields without a column from an object in a record, which `path` leads to, or from the record."""
    above: Any = None
    part = record
    for key in path:
        above, part = part, part.get(key) if isinstance(part, dict) else None
    if isinstance(part, dict):
        _keep_known(part, fields)
    elif part is not None and path:
        above[path[-1]] = REDACTED


def _keep_known(record: dict[str, Any], fields: Fields) -> None:
    """Remove the fields without a column from a record, and what stands in place of a simple value."""
    for key, value in list(record.items()):
        if key not in fields:
            del record[key]
            continue
        known = fields[key]
        if isinstance(known, dict):
            if isinstance(value, dict):
                _keep_known(value, known)
            elif value is not None:
                record[key] = REDACTED
        elif isinstance(known, ListField) and isinstance(value, list):
            record[key] = [_known_item(item, known.items) for item in value]
        elif isinstance(value, (dict, list)):
            record[key] = REDACTED


def _known_item(item: Any, fields: Fields | None) -> Any:
    if isinstance(item, dict) and fields is not None:
        _keep_known(item, fields)
        return item
    return REDACTED if isinstance(item, (dict, list)) else item


def _hide(value: Any, parents: Sequence[str], key: str, column: Column) -> None:
    if isinstance(value, list):
        for item in value:
            _hide(item, parents, key, column)
    elif isinstance(value, dict):
        if parents:
            _hide(value.get(parents[0]), parents[1:], key, column)
        elif (secret := value.get(key)) is not None and secret != REDACTED:
            value[key] = _bare(secret) if column.bare else REDACTED
            if column.host:
                value[column.host] = _host(secret)


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
