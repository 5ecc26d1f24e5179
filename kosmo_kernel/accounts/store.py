"""Store the accounts that are added with `kosmo accounts:add`.

`accounts.json` lists them, so that their names are known without reading a secret. The token is in the system keyring
or, if there is none or the user prefers it, in `secrets.json` beside it, which only its owner can read. Each addition
has a unique entry name in the keyring, so that an entry of `accounts.json` never leads to a token of another time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from kosmo_kernel.accounts import system_keyring
from kosmo_kernel.accounts.account import ALIAS, DEMO, NOT_AN_ALIAS, add_command, looks_like_token
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.errors import CredentialsError, InvalidArgumentsError, SettingsError, UnknownNameError
from kosmo_kernel.questions import TABLES as NAMESPACE
from kosmo_kernel.safety.intake import decode_json, read_file_if_any
from kosmo_kernel.settings.config_file import folder
from kosmo_kernel.settings.private_files import locked, read_secret, write
from kosmo_kernel.text import normalize_alias

INDEX, SECRETS = "accounts.json", "secrets.json"
Location = Literal["keyring", "file"]


class StoredAccount(Struct, frozen=True):
    """An added account."""

    alias: str  # the account's alias, in lower case
    location: Location  # where its token is stored
    entry: str  # the name of the token there
    who: str = ""  # the owner of the account, according to the service when it was added


def stored_accounts(integration: str) -> dict[str, StoredAccount]:
    """Return the added accounts of an integration by normalized alias.

    Raises:
        SettingsError: the file that lists them is invalid or cannot be read.
    """
    return {normalize_alias(a.alias): a for a in _index(folder() / INDEX).get(integration, {}).values()}


def token_of(integration: str, account: StoredAccount) -> str:
    """Return the token of an added account.

    Raises:
        CredentialsError: it is no longer where it was stored, or that place cannot or must not be read.
    """
    title, again = f"The token of the account `{account.alias}`", f"{add_command(integration, account.alias)} --replace"
    if account.location == "file":
        source, token = str(secrets_file()), _secrets(secrets_file()).get(account.entry)
    else:
        try:
            source, token = "the system keyring", system_keyring.read(system_keyring.OWN, account.entry)
        except system_keyring.NoKeyringError:
            raise CredentialsError(
                f"{title} is in a system keyring, and there is none here. Run this where it was added, or add it anew: "
                f"{again}"
            ) from None
        except CredentialsError as error:
            raise CredentialsError(f"{title} cannot be read. {error.message}") from None
    if not token:
        raise CredentialsError(f"{title} is not in {source} any more. Add it anew: {again}")
    return token


def secrets_file() -> Path:
    """Return the path of the file with the tokens that are in no keyring."""
    return folder() / SECRETS


def kept_secret(entry: str, make: Callable[[], str]) -> str:
    """Return a secret of this machine that belongs to no account; it is made and stored at the first call.

    Raises:
        CredentialsError: the keyring is locked, fails or does not respond.
        SettingsError: a file is invalid, or another program holds the lock.
        OSError: a file cannot be written.
    """

    def read(version: str) -> str | None:
        with suppress(system_keyring.NoKeyringError):
            return system_keyring.read(system_keyring.OWN, entry, version)
        return _secrets(secrets_file()).get(entry)

    if secret := read(""):
        return secret
    with locked(folder()):
        secret = read("locked")  # another process may have stored it meanwhile
        if not secret:
            secret = make()
            _store(entry, secret)
    return secret


def check_alias(integration: Integration, alias: str) -> str:
    """Return an alias as it is stored, in lower case, after checking that it can name an account.

    Raises:
        InvalidArgumentsError: it cannot name an account.
    """
    if looks_like_token(alias):
        raise InvalidArgumentsError(NOT_AN_ALIAS)
    if not ALIAS.fullmatch(alias):
        raise InvalidArgumentsError(
            f"{alias[:64]!r} cannot be the name of an account: a name is up to 64 letters, digits, `-` and `_`, and "
            "begins with a letter or a digit."
        )
    name = alias.lower()
    if name == DEMO:
        raise InvalidArgumentsError(f"`{DEMO}` is the name of the fictional account. Choose another one.")
    if normalize_alias(name) in integration.names():
        raise InvalidArgumentsError(
            f"`{name}` is a function of {integration.title}, which is what the name means in Lua. Choose another one."
        )
    if normalize_alias(name) == NAMESPACE:
        raise InvalidArgumentsError(
            f"`{name}` holds the shared tables of {integration.title}, which is what the name means in Lua. Choose "
            "another one."
        )
    return name


def add(
    integration: Integration, alias: str, token: str, *, who: str = "", in_file: bool = False, replace: bool = False
) -> StoredAccount:
    """Store an account, with an alias that `check_alias` returned.

    Parameters:
        who: the owner of the account.
        in_file: store the token in a file, even if there is a keyring.
        replace: replace an account with the same name.

    Raises:
        InvalidArgumentsError: there is an account with that name, and `replace` is False.
        CredentialsError: the keyring is locked, fails or does not respond. Nothing was stored.
        SettingsError: a file is invalid, or another program holds the lock. Nothing was stored.
        OSError: a file cannot be written. The stored accounts are unchanged.
    """
    with locked(folder()):
        before = stored_accounts(integration.name).get(normalize_alias(alias))
        if before and not replace:
            raise InvalidArgumentsError(name_in_use_message(before))
        entry = f"{integration.name} {alias} {os.urandom(4).hex()}"
        account = StoredAccount(alias, _store(entry, token, in_file=in_file), entry, who)
        try:
            _change_index(integration.name, before, account)
        except BaseException:
            _forget(account)
            raise
        if before:
            with suppress(CredentialsError):  # nothing refers to the old token any more
                _forget(before)
    return account


def remove(integration: Integration, alias: str) -> StoredAccount:
    """Remove an added account and its token, and return its entry.

    Raises:
        UnknownNameError: no account with that name was added.
        CredentialsError: its token cannot be removed. Nothing was changed.
        SettingsError: a file is invalid, or another program holds the lock. Nothing was changed.
        OSError: a file cannot be written.
    """
    with locked(folder()):
        before = stored_accounts(integration.name).get(normalize_alias(alias))
        if before is None:
            if looks_like_token(alias):
                raise UnknownNameError(NOT_AN_ALIAS)
            raise UnknownNameError(f"No account `{alias[:64]}` of {integration.title} was added.")
        _forget(before)
        _change_index(integration.name, before, None)
    return before


def name_in_use_message(before: StoredAccount) -> str:
    """Return the error message for a name that an account already has."""
    whose = f" of {before.who}" if before.who else ""
    return f"There is an account `{before.alias}`{whose} already. To give it another token, add --replace."


def _store(entry: str, secret: str, *, in_file: bool = False) -> Location:
    """Store a secret in the keyring or, if there is none, in the file; return where."""
    with suppress(system_keyring.NoKeyringError):
        if not in_file:
            system_keyring.keep(entry, secret)
            return "keyring"
    _change_secrets({entry: secret})
    return "file"


def _forget(account: StoredAccount) -> None:
    """Remove a token from where it is stored."""
    if account.location == "file":
        _change_secrets({account.entry: None})
        return
    with suppress(system_keyring.NoKeyringError):  # without a keyring, the token cannot be read either
        system_keyring.drop(account.entry)


def _change_index(integration: str, before: StoredAccount | None, after: StoredAccount | None) -> None:
    path = folder() / INDEX
    index = _index(path)
    entries = index.setdefault(integration, {})
    if before:
        entries.pop(before.alias, None)
    if after:
        entries[after.alias] = after
    document = {
        name: {a.alias: {"kept": a.location, "entry": a.entry, "who": a.who} for a in accounts.values()}
        for name, accounts in index.items()
    }
    write(path, _text(document))


def _change_secrets(changes: Mapping[str, str | None]) -> None:
    path = secrets_file()
    secrets = {**_secrets(path), **changes}
    write(path, _text({entry: token for entry, token in secrets.items() if token}))


def _index(path: Path) -> dict[str, dict[str, StoredAccount]]:
    content = read_file_if_any(path, SettingsError)
    if content is None:
        return {}
    read: Any = _json(path, content)
    try:
        return {
            integration: {
                alias: StoredAccount(alias, facts["kept"], str(facts["entry"]), str(facts.get("who", "")))
                for alias, facts in accounts.items()
                if facts["kept"] in ("keyring", "file")
            }
            for integration, accounts in read.items()
        }
    except (LookupError, TypeError, AttributeError):
        raise SettingsError(f"{path}, which lists the accounts, makes no sense. {_HOW_TO_REPAIR}") from None


def _secrets(path: Path) -> dict[str, str]:
    read = _json(path, read_secret(path) or "{}")
    if not isinstance(read, dict) or not all(isinstance(token, str) for token in read.values()):
        raise SettingsError(f"{path}, which has the tokens of accounts, makes no sense. {_HOW_TO_REPAIR}")
    return read


def _json(path: Path, text: str | bytes) -> Any:
    return decode_json(text, str(path), lambda reason: SettingsError(f"{reason} {_HOW_TO_REPAIR}"))


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


_HOW_TO_REPAIR = "Mend it or take it away, and add the accounts anew with `kosmo accounts:add`."
