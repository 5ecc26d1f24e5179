"""The secrets of server entries: where they are stored, and where an entry has one in plaintext.

Entries refer to secrets by name. They are in the system's keyring, or in a file where there is none.

The file is `mcp-secrets.json` in the settings folder, readable only by its owner. A name is looked up in the keyring
first.

A plaintext secret, where a reference to one should be, is recognized by its format (see `redaction.py`), by its name,
as in `API_KEY: x`, `--api-key=x` and `?token=x`, or by the option before it, as in `--token x`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from kosmo_kernel.accounts import system_keyring
from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.mcp.references import PRIVATE, is_reference, referred
from kosmo_kernel.safety.intake import decode_json
from kosmo_kernel.safety.redaction import REDACTED, redact
from kosmo_kernel.settings.config_file import folder

FILE = "mcp-secrets.json"
PREFIX = "mcp-secret:"  # of names in the keyring, to keep them apart from accounts
_NAME = re.compile(r"key|token|secret|passw|credential|authorization|cookie", re.IGNORECASE)
# Only from the beginning of a word, so that a long one is searched once.
_WORD = re.compile(r"(?<![\w-])[\w-]*(?:key|token|secret|passw(?:or)?d)", re.IGNORECASE)
_ASSIGNMENT = re.compile(rf"({_WORD.pattern}[=:])([^\s&]+)", re.IGNORECASE)
_REFERENCE = re.compile(r"(\$\{[^{}]*+\})")  # `${secret:x}` matches the patterns above, but is not a secret
_PASSWORD = re.compile(r"""://[^\s/?#@:"'<>]*:([^\s/"'<>]+)@""")
# Ends of names that say what a value is, although another part of the name is that of a secret.
_NO_SECRET = re.compile(
    r"(?:^|[_-])(?:file|path|dir|folder|home|backend|provider|class|module|plugin|command|cmd|program|bin|helper|sock"
    r"|socket|address|host|port|url|uri|endpoint|name|profile|type|mode|method|region|format|timeout|ttl|enabled)$",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\s*+(?:(?:bearer|basic|token)\s*+)?", re.IGNORECASE)  # of a header, before its secret
# Characters with a special meaning to a shell or an interpreter.
_CODE = re.compile(r"""[\s;|&$`(){}<>"'\\*?!]""")


def secrets_file() -> Path:
    """Return the path of the file for secrets that are not in a keyring."""
    return folder() / FILE


def read(name: str) -> str | None:
    """Return a secret, or None if there is none of that name.

    Raises:
        CredentialsError: the keyring does not respond, or other users can read the file.
    """
    try:
        value = system_keyring.read(system_keyring.OWN, PREFIX + name)
    except system_keyring.NoKeyringError:
        value = None
    return value or _read_file().get(name)


def keep(name: str, value: str) -> str:
    """Store a secret, and replace an existing one of that name.

    Returns:
        Where it is stored, for display.

    Raises:
        CredentialsError: it can be stored neither in the keyring nor in the file.
    """
    try:
        drop(name)
        return system_keyring.keep(PREFIX + name, value)
    except system_keyring.NoKeyringError:
        _change_file(name, value)
        return str(secrets_file())


@contextmanager
def keeping(values: Mapping[str, str]) -> Iterator[None]:
    """Store secrets, and restore the previous ones when the `with` block raises.

    Raises:
        CredentialsError: as for `read`, `keep` and `drop`.
    """
    before: dict[str, str | None] = {}
    try:
        for name, value in values.items():
            before[name] = read(name)
            keep(name, value)
        yield
    except BaseException:
        for name, old in before.items():
            if old is None:
                drop(name)
            else:
                keep(name, old)
        raise


def drop(name: str) -> None:
    """Delete a secret, if it exists.

    Raises:
        CredentialsError: the keyring does not respond, or the file cannot be changed.
    """
    with suppress(system_keyring.NoKeyringError):  # then it can only be in the file
        system_keyring.drop(PREFIX + name)
    if name in _read_file():
        _change_file(name, None)


def _read_file() -> dict[str, str]:
    from kosmo_kernel.settings.private_files import read_secret

    text = read_secret(secrets_file())
    try:
        content = decode_json(text, str(secrets_file()), ValueError) if text.strip() else {}
        return {str(name): str(value) for name, value in content.items()}
    except (ValueError, AttributeError):
        raise CredentialsError(f"{secrets_file()} is damaged. Delete it, and give the secrets anew.") from None


def _change_file(name: str, value: str | None) -> None:
    from kosmo_kernel.settings.private_files import locked, write

    path = secrets_file()
    try:
        with locked(path.parent):
            secrets = {key: secret for key, secret in (_read_file() | {name: value}).items() if secret is not None}
            write(path, json.dumps(secrets, indent=2, sort_keys=True) + "\n")
    except OSError as fault:
        raise CredentialsError(f"{path} cannot be written: {fault.strerror}.") from None


# Plaintext secrets ------------------------------------------------------------------------------------------------


def is_private(name: str, value: str) -> bool:
    """Return whether the value of a variable or header is a plaintext secret."""
    pair = f"{name}: {value}"
    return bool(value) and not referred(value) and (bool(_NAME.search(name)) or redact(pair) != pair)


def redact_text(text: str) -> str:
    """Return a text with each secret replaced by `[redacted]`."""
    if is_reference(text):
        return text
    parts = _REFERENCE.split(text)
    parts[::2] = [redact(_ASSIGNMENT.sub(rf"\1{REDACTED}", part)) for part in parts[::2]]
    return "".join(parts)


def redact_value(name: str, value: str) -> str:
    """Return the value of a variable or a header for the user who decides whether a server may run.

    It is redacted if its name is that of a secret, except for references and for what may be a path or an address.
    """
    if is_reference(value):
        return value
    if not PRIVATE.search(name) or _NO_SECRET.search(name) or "://" in value or value.startswith((".", "/", "~")):
        return next(redact_words([value], code=True))
    parts = _REFERENCE.split(value)
    parts[::2] = [part if _SCHEME.fullmatch(part) else REDACTED for part in parts[::2]]
    return "".join(parts)


def redact_words(words: Iterable[str], *, code: bool = False) -> Iterator[str]:
    """Yield the words of a command, with each secret replaced by `[redacted]`.

    Parameters:
        words: the command and its arguments.
        code: keep words that may be code as well as a secret. Set it when a user decides whether the command may run:
            otherwise they would approve `sh -c 'KEY=1;rm …'` without seeing it.
    """
    previous = ""
    for word in words:
        if code and _has_code(previous, word):
            yield word
        elif _is_option_value(previous, word):
            yield REDACTED
        else:
            yield redact_text(word)
        previous = word


def secret_names(words: Iterable[str]) -> Iterator[str]:
    """Yield the name of each secret in the words of a command: an option, an assignment or the redacted word."""
    previous = ""
    for word in words:
        if (redacted := redact_text(word)) != word:
            assignment = _ASSIGNMENT.search(redacted)
            yield assignment[1] if assignment else redacted
        elif _is_option_value(previous, word):
            yield previous
        previous = word


def _is_option_value(previous: str, word: str) -> bool:
    """Return whether a word is the value of an option with a secret's name, as in `--token x`."""
    is_option = previous.startswith("-") and _WORD.fullmatch(previous.lstrip("-"))
    return bool(is_option) and not word.startswith("-") and not is_reference(word)


def _has_code(previous: str, word: str) -> bool:
    """Return whether a part of a word that would be redacted may be code or a file's path."""
    rest = "" if is_reference(word) else _REFERENCE.sub("", word)
    secrets = [match[2] for match in _ASSIGNMENT.finditer(rest)] + [match[1] for match in _PASSWORD.finditer(rest)]
    if _is_option_value(previous, word):
        secrets.append(rest)
    return any(_CODE.search(secret) or secret.startswith((".", "/", "~")) for secret in secrets)
