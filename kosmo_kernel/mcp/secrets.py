"""Secrets that entries refer to by name: in the system's keyring, or where there is none in a file of ours.

The file is `mcp-secrets.json` in our settings folder, which only its owner may read. A name is looked for in the
keyring first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from kosmo_kernel.accounts import system_keyring
from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.settings import config_file

FILE = "mcp-secrets.json"
PREFIX = "mcp-secret:"  # in the keyring, so that no name is taken for an account's


def secrets_file() -> Path:
    """The file with the secrets that are in no keyring."""
    return config_file.folder() / FILE


def read(name: str) -> str | None:
    """A secret; None where there is none of that name.

    Raises:
        CredentialsError: the keyring does not answer, or others may read the file.
    """
    try:
        found = system_keyring.read(system_keyring.OWN, PREFIX + name)
    except system_keyring.NoKeyringError:
        found = None
    return found or _in_file().get(name)


def keep(name: str, value: str) -> str:
    """Keep a secret, in place of another one of that name.

    Returns:
        Where it is now, for people.

    Raises:
        CredentialsError: neither the keyring nor the file takes it.
    """
    try:
        drop(name)
        return system_keyring.keep(PREFIX + name, value)
    except system_keyring.NoKeyringError:
        _change_file(name, value)
        return str(secrets_file())


@contextmanager
def keeping(values: Mapping[str, str]) -> Iterator[None]:
    """Keep secrets for what the `with` block does. When that fails there are those that were there before.

    Raises:
        CredentialsError: as `read`, `keep` and `drop`.
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
    """Keep a secret no more; one that is not kept is no error.

    Raises:
        CredentialsError: the keyring does not answer, or the file cannot be changed.
    """
    with suppress(system_keyring.NoKeyringError):  # then it can only be in the file
        system_keyring.drop(PREFIX + name)
    if name in _in_file():
        _change_file(name, None)


def _in_file() -> dict[str, str]:
    from kosmo_kernel.settings.private_files import read_secret

    text = read_secret(secrets_file())
    try:
        given = json.loads(text) if text.strip() else {}
        return {str(name): str(value) for name, value in given.items()}
    except (ValueError, AttributeError):
        raise CredentialsError(f"{secrets_file()} is damaged. Delete it, and give the secrets anew.") from None


def _change_file(name: str, value: str | None) -> None:
    from kosmo_kernel.settings.private_files import locked, write

    path = secrets_file()
    try:
        with locked(path.parent):
            after = {one: kept for one, kept in (_in_file() | {name: value}).items() if kept is not None}
            write(path, json.dumps(after, indent=2, sort_keys=True) + "\n")
    except OSError as fault:
        raise CredentialsError(f"{path} cannot be written: {fault.strerror}.") from None
