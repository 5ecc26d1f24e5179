"""The system keyring: macOS Keychain, the Secret Service of Linux desktops, Windows Credential Manager.

The `keyring` library may block forever: on a D-Bus service that does not respond, or until the user unlocks the keyring
(https://github.com/jaraco/keyring/pull/735). So all of it, even the import, runs in a thread of its own with a timeout.
Secrets are cached for the lifetime of the process, under a key that changes with the secret. After a failure, further
accesses fail at once for `RETRY_AFTER_SECONDS`.

A null backend (`keyring --disable`), or one that stores secrets in a plain file, counts as no keyring: `store.py` keeps
such a file itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.safety.redaction import one_line

_T = TypeVar("_T")

TIMEOUT_SECONDS = 30.0  # long enough to type a password
RETRY_AFTER_SECONDS = 30.0  # after a failure, before the keyring is used again
OWN = "kosmo_kernel"  # the service name of this package's entries
RECOMMENDED = 1  # minimum priority of the backends that the keyring library recommends

_lock = threading.Lock()
_secrets: dict[tuple[str, str, str], str | None] = {}
_failure: tuple[float, str] | None = None  # time of the last failure, and the error message


class NoKeyringError(Exception):
    """There is no usable keyring."""


def read(service: str, name: str, version: str = "", attributes: Mapping[str, str] | None = None) -> str | None:
    """Return a secret, or None if there is no such entry.

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
        if key not in _secrets:
            _secrets[key] = _with_timeout(lambda: _get(service, name, attributes))
        return _secrets[key]


def keep(name: str, secret: str) -> str:
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
        ring.set_password(OWN, name, secret)
        if ring.get_password(OWN, name) != secret:  # some backends fail silently
            raise NoKeyringError
        return str(ring.name)

    with _lock:
        keyring_name = _with_timeout(work)
        _secrets[OWN, name, ""] = secret
        return keyring_name


def drop(name: str) -> None:
    """Remove a secret of this package from the keyring; a missing one is no error.

    Raises:
        NoKeyringError: there is no keyring.
        CredentialsError: it is locked, fails or does not respond.
    """

    def work() -> None:
        ring = _ring()
        if ring.get_password(OWN, name) is not None:
            ring.delete_password(OWN, name)

    with _lock:
        _with_timeout(work)
        _secrets.pop((OWN, name, ""), None)


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

    whole = _ring()
    for ring in getattr(whole, "backends", [whole]):  # a chainer backend has several
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
    outcome: SimpleQueue[tuple[list[_T], Exception | None]] = SimpleQueue()

    def run() -> None:
        try:
            outcome.put(([work()], None))
        except Exception as error:  # noqa: BLE001 - backends raise errors of their systems; reported below
            outcome.put(([], error))

    threading.Thread(target=run, name="system keyring", daemon=True).start()
    try:
        results, error = outcome.get(timeout=TIMEOUT_SECONDS)
    except Empty:
        results, error = [], TimeoutError(f"it has not answered for {TIMEOUT_SECONDS:g} s")
    if isinstance(error, NoKeyringError):
        raise NoKeyringError
    if error is not None:
        locked = type(error).__name__ == "KeyringLocked"
        why = one_line(str(error)) or type(error).__name__
        message = (
            f"The system keyring {'is locked' if locked else 'does not work'}: {why.rstrip('.!')}. Unlock it and try "
            "again. Where nobody can, give the token in an environment variable, or keep it in a file with "
            "`kosmo accounts:add ALIAS --file`."
        )
        _failure = (time.monotonic(), message)
        raise CredentialsError(message)
    _failure = None
    return results[0]
