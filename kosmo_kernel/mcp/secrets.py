"""Storage of the secrets that server entries refer to by name: the system's keyring, or a file where there is none.

The file is `mcp-secrets.json` in the settings folder, readable only by its owner. A name is looked up in the keyring
first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from kosmo_kernel.accounts import system_keyring
from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.safety.intake import decode_json
from kosmo_kernel.settings.config_file import folder

FILE = "mcp-secrets.json"
PREFIX = "mcp-secret:"  # of names in the keyring, to keep them apart from accounts


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
