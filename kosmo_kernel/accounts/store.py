"""Store the accounts that are added with `kosmo accounts:add`.

`accounts.json` lists them, so that their names are known without reading a secret. The token is in the system keyring
or, if there is none or the user prefers it, in `secrets.json` beside it, which only its owner can read. Each addition
has a unique entry name in the keyring, so that an entry of `accounts.json` never leads to a token of another time.

The system keyring is macOS Keychain, the Secret Service of Linux desktops, or Windows Credential Manager. The `keyring`
library may block forever: on a D-Bus service that does not respond, or until the user unlocks the keyring
(https://github.com/jaraco/keyring/pull/735). So all of it, even the import, runs in a thread of its own with a timeout.
Secrets are cached for the lifetime of the process, under a key that changes with the secret. After a failure, further
accesses fail at once for `RETRY_AFTER_SECONDS`. A null backend (`keyring --disable`), or one that stores secrets in a
plain file, counts as no keyring.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeVar

from msgspec import Struct

from kosmo_kernel.accounts.account import ALIAS, DEMO, NOT_AN_ALIAS, add_command, looks_like_token
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.errors import CredentialsError, InvalidArgumentsError, SettingsError, UnknownNameError
from kosmo_kernel.questions import TABLES as NAMESPACE
from kosmo_kernel.safety.decoder import decode_json
from kosmo_kernel.safety.intake import read_file_if_any
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.settings.config_file import folder
from kosmo_kernel.settings.private_files import locked, read_secret, write
from kosmo_kernel.text import nearest, normalize_alias

INDEX, SECRETS = "accounts.json", "secrets.json"
Location = Literal["keyring", "file"]
_HOW_TO_REPAIR = "Mend it or take it away, and add the accounts anew with `kosmo accounts:add`."
_T = TypeVar("_T")

TIMEOUT_SECONDS = 30.0  # of an access to the keyring; long enough to type a password
RETRY_AFTER_SECONDS = 30.0  # after a failure, before the keyring is used again
KEYRING_SERVICE = "kosmo_kernel"  # the service name of this package's entries
RECOMMENDED = 1  # minimum priority of the backends that the keyring library recommends

_lock = threading.Lock()
_cache: dict[tuple[str, str, str], str | None] = {}
_failure: tuple[float, str] | None = None  # time of the last failure, and the error message


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
    return {normalize_alias(a.alias): a for a in _index().get(integration, {}).values()}


def token_of(integration: str, account: StoredAccount) -> str:
    """Return the token of an added account.

    Raises:
        CredentialsError: it is no longer where it was stored, or that place cannot or must not be read.
    """
    title, again = f"The token of the account `{account.alias}`", f"{add_command(integration, account.alias)} --replace"
    if account.location == "file":
        source, token = str(secrets_file()), _secrets().get(account.entry)
    else:
        try:
            source, token = "the system keyring", read_keyring(KEYRING_SERVICE, account.entry)
        except NoKeyringError:
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
        with suppress(NoKeyringError):
            return read_keyring(KEYRING_SERVICE, entry, version)
        return _secrets().get(entry)

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


def remove(integration: str, alias: str, *, title: str = "") -> StoredAccount:
    """Remove an added account and its token, and return its entry.

    Parameters:
        integration: the name of the integration, which need not be installed any more.
        alias: the alias of the account.
        title: the name of the integration in messages; `integration` if empty.

    Raises:
        UnknownNameError: no account with that name was added.
        CredentialsError: its token cannot be removed. Nothing was changed.
        SettingsError: a file is invalid, or another program holds the lock. Nothing was changed.
        OSError: a file cannot be written.
    """
    with locked(folder()):
        added = stored_accounts(integration)
        before = added.get(normalize_alias(alias))
        if before is None:
            if looks_like_token(alias):
                raise UnknownNameError(NOT_AN_ALIAS)
            similar = tuple(nearest(alias, [account.alias for account in added.values()]))
            raise UnknownNameError(f"No account `{alias[:64]}` of {title or integration} was added.", similar)
        _forget(before)
        _change_index(integration, before, None)
    return before


def name_in_use_message(before: StoredAccount) -> str:
    """Return the error message for a name that an account already has."""
    whose = f" of {before.who}" if before.who else ""
    return f"There is an account `{before.alias}`{whose} already. To give it another token, add --replace."


def _store(entry: str, secret: str, *, in_file: bool = False) -> Location:
    """Store a secret in the keyring or, if there is none, in the file; return where."""
    with suppress(NoKeyringError):
        if not in_file:
            keep_in_keyring(entry, secret)
            return "keyring"
    _change_secrets({entry: secret})
    return "file"


def _forget(account: StoredAccount) -> None:
    """Remove a token from where it is stored."""
    if account.location == "file":
        _change_secrets({account.entry: None})
        return
    with suppress(NoKeyringError):  # without a keyring, the token cannot be read either
        drop_from_keyring(account.entry)


def _change_index(integration: str, before: StoredAccount | None, after: StoredAccount | None) -> None:
    index = _index()
    entries = index.setdefault(integration, {})
    if before:
        entries.pop(before.alias, None)
    if after:
        entries[after.alias] = after
    document = {
        name: {a.alias: {"kept": a.location, "entry": a.entry, "who": a.who} for a in accounts.values()}
        for name, accounts in index.items()
    }
    write(folder() / INDEX, _text(document))


def _change_secrets(changes: Mapping[str, str | None]) -> None:
    secrets = {**_secrets(), **changes}
    write(secrets_file(), _text({entry: token for entry, token in secrets.items() if token}))


def _index() -> dict[str, dict[str, StoredAccount]]:
    path = folder() / INDEX
    content = read_file_if_any(path, SettingsError)
    read: Any = {} if content is None else _json(path, content)
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


def _secrets() -> dict[str, str]:
    path = secrets_file()
    read = _json(path, read_secret(path) or "{}")
    if not isinstance(read, dict) or not all(isinstance(token, str) for token in read.values()):
        raise SettingsError(f"{path}, which has the tokens of accounts, makes no sense. {_HOW_TO_REPAIR}")
    return read


def _json(path: Path, text: str | bytes) -> Any:
    return decode_json(text, str(path), lambda reason: SettingsError(f"{reason} {_HOW_TO_REPAIR}"))


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


class NoKeyringError(Exception):
    """There is no usable keyring."""


def read_keyring(service: str, name: str, version: str = "", attributes: Mapping[str, str] | None = None) -> str | None:
    """Return a secret from the keyring, or None if there is no such entry.

    Parameters:
        service: the service name of the entry.
        name: the user name of the entry.
        version: a text that changes when another program may have changed the secret.
        attributes: the names of the Secret Service attributes in an entry of another program.

    Raises:
        NoKeyringError: there is no keyring.
        CredentialsError: it is locked, fails or does not respond.
    """
    key = (service, name, version)
    with _lock:  # so that the user is prompted only once for several threads
        if key not in _cache:
            _cache[key] = _with_timeout(lambda: _get(service, name, attributes))
        return _cache[key]


def keep_in_keyring(name: str, secret: str) -> str:
    """Store a secret of this package in the keyring.

    Parameters:
        name: the name of the entry, which must be new.
        secret: the secret, which must not be empty.

    Returns:
        The display name of the keyring.

    Raises:
        NoKeyringError: there is no keyring.
        CredentialsError: it is locked, fails or does not respond.
    """

    def work() -> str:
        ring = _ring()
        ring.set_password(KEYRING_SERVICE, name, secret)
        if ring.get_password(KEYRING_SERVICE, name) != secret:  # some backends fail silently
            raise NoKeyringError
        return str(ring.name)

    with _lock:
        keyring_name = _with_timeout(work)
        _cache[KEYRING_SERVICE, name, ""] = secret
        return keyring_name


def drop_from_keyring(name: str) -> None:
    """Remove a secret of this package from the keyring; a missing one is no error.

    Raises:
        NoKeyringError: there is no keyring.
        CredentialsError: it is locked, fails or does not respond.
    """

    def work() -> None:
        ring = _ring()
        if ring.get_password(KEYRING_SERVICE, name) is not None:
            ring.delete_password(KEYRING_SERVICE, name)

    with _lock:
        _with_timeout(work)
        _cache.pop((KEYRING_SERVICE, name, ""), None)


def _ring() -> Any:
    """Return the backend in use."""
    import keyring
    from keyring.backends import fail, null

    ring = keyring.get_keyring()
    if isinstance(ring, (fail.Keyring, null.Keyring)) or ring.priority < RECOMMENDED:
        raise NoKeyringError
    return ring


def _get(service: str, name: str, attributes: Mapping[str, str] | None) -> str | None:
    from keyring.backend import SchemeSelectable

    chain = _ring()
    for ring in getattr(chain, "backends", [chain]):  # a chainer backend has several
        backend: Any = ring
        if attributes and isinstance(ring, SchemeSelectable):
            schemes = {**ring.schemes, service: dict(attributes)}
            backend = ring.with_properties(schemes=schemes, scheme=service)  # type: ignore[attr-defined]  # backends have it
        secret: str | None = backend.get_password(service, name)
        if secret is not None:
            return secret.strip()
    return None


def _with_timeout(work: Callable[[], _T]) -> _T:
    """Run some work with the keyring in a thread, and return its result unless it takes too long."""
    global _failure  # noqa: PLW0603 - the state of the one keyring of this process
    if _failure and time.monotonic() - _failure[0] < RETRY_AFTER_SECONDS:
        raise CredentialsError(_failure[1])
    outcome: SimpleQueue[_T | Exception] = SimpleQueue()

    def run() -> None:
        try:
            outcome.put(work())
        except Exception as error:  # noqa: BLE001 - backends raise errors of their systems; reported below
            outcome.put(error)

    threading.Thread(target=run, name="system keyring", daemon=True).start()
    try:
        result = outcome.get(timeout=TIMEOUT_SECONDS)
    except Empty:
        result = TimeoutError(f"it has not answered for {TIMEOUT_SECONDS:g} s")
    if isinstance(result, NoKeyringError):
        raise NoKeyringError
    if isinstance(result, Exception):
        locked = type(result).__name__ == "KeyringLocked"
        reason = one_line(str(result)) or type(result).__name__
        message = (
            f"The system keyring {'is locked' if locked else 'does not work'}: {reason.rstrip('.!')}. Unlock it and "
            "try again. Where nobody can, give the token in an environment variable, or keep it in a file with "
            "`kosmo accounts:add ALIAS --file`."
        )
        _failure = (time.monotonic(), message)
        raise CredentialsError(message)
    _failure = None
    return result
