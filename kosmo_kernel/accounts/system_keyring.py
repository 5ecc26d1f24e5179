"""The system's keyring: the Keychain of macOS, the Secret Service of Linux desktops, the Credential Manager of Windows.

The library behind it may wait for ever: for a service on D-Bus that does not answer, and for a person who is asked to
unlock it (https://github.com/jaraco/keyring/pull/735). So everything happens in a thread of its own, even the import,
and who waits for that gives up after a while and says so. What was read is kept for as long as this process lives,
under a name that changes when its secret does; after a failure nobody waits a second time for a while.

A backend that only pretends (`keyring --disable`), or that keeps secrets in a plain file, counts as none: we keep such
a file ourselves (`store.py`).
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

TIMEOUT_SECONDS = 30.0  # seconds; a person may have to type a password
RETRY_AFTER_SECONDS = 30.0  # seconds after a failure in which it is not tried again
OWN = "kosmo_kernel"  # the service that our entries have
RECOMMENDED = 1  # the priority from which on a backend is what its library recommends

_lock = threading.Lock()
_kept: dict[tuple[str, str, str], str | None] = {}
_failure: tuple[float, str] | None = None  # when it last failed, and what is to be said


class NoKeyringError(Exception):
    """There is no keyring that keeps secrets."""


def read(service: str, name: str, version: str = "", attributes: Mapping[str, str] | None = None) -> str | None:
    """A secret; None where there is no such entry.

    Parameters:
        service: of the entry.
        name: of the entry.
        version: changes when somebody else may have changed the secret.
        attributes: what the Secret Service calls name and service where another program made the entry.

    Raises:
        NoKeyringError: there is no keyring.
        CredentialsError: it is locked, fails or does not answer.
    """
    key = (service, name, version)
    with _lock:  # so that a person is asked once, however many threads want to know
        if key not in _kept:
            _kept[key] = _within(lambda: _get(service, name, attributes))
        return _kept[key]


def keep(name: str, secret: str) -> str:
    """Put a secret of ours into the keyring.

    Parameters:
        name: of the entry, which must be new.
        secret: what to keep; it is not empty.

    Returns:
        The name of the keyring, for people.

    Raises:
        NoKeyringError: there is no keyring.
        CredentialsError: it is locked, fails or does not answer.
    """

    def work() -> str:
        ring = _ring()
        ring.set_password(OWN, name, secret)
        if ring.get_password(OWN, name) != secret:  # some say nothing when they cannot
            raise NoKeyringError
        return str(ring.name)

    with _lock:
        kept = _within(work)
        _kept[OWN, name, ""] = secret
        return kept


def drop(name: str) -> None:
    """Take a secret of ours out of the keyring; one that is gone already is no error.

    Raises:
        NoKeyringError: there is no keyring.
        CredentialsError: it is locked, fails or does not answer.
    """

    def work() -> None:
        ring = _ring()
        if ring.get_password(OWN, name) is not None:
            ring.delete_password(OWN, name)

    with _lock:
        _within(work)
        _kept.pop((OWN, name, ""), None)


def _ring() -> Any:
    """The backend in use."""
    import keyring
    from keyring.backends import fail, null

    ring = keyring.get_keyring()
    if isinstance(ring, (fail.Keyring, null.Keyring)) or ring.priority < RECOMMENDED:
        raise NoKeyringError
    return ring


def _get(service: str, name: str, attributes: Mapping[str, str] | None) -> str | None:
    from keyring.backend import SchemeSelectable

    whole = _ring()
    for ring in getattr(whole, "backends", [whole]):  # of one that asks several in turn
        asked: Any = ring
        if attributes and isinstance(ring, SchemeSelectable):
            schemes = {**ring.schemes, service: dict(attributes)}
            asked = ring.with_properties(schemes=schemes, scheme=service)  # type: ignore[attr-defined]  # a backend too
        found: str | None = asked.get_password(service, name)
        if found is not None:
            return found.strip()
    return None


def _within(work: Callable[[], _T]) -> _T:
    """What some work with the keyring gives, unless that takes too long."""
    global _failure  # noqa: PLW0603 - there is one keyring, and it failed or it did not
    if _failure and time.monotonic() - _failure[0] < RETRY_AFTER_SECONDS:
        raise CredentialsError(_failure[1])
    done: SimpleQueue[tuple[list[_T], Exception | None]] = SimpleQueue()

    def run() -> None:
        try:
            done.put(([work()], None))
        except Exception as error:  # noqa: BLE001 - backends raise what their systems do; it is told below
            done.put(([], error))

    threading.Thread(target=run, name="system keyring", daemon=True).start()
    try:
        found, error = done.get(timeout=TIMEOUT_SECONDS)
    except Empty:
        found, error = [], TimeoutError(f"it has not answered for {TIMEOUT_SECONDS:g} s")
    if isinstance(error, NoKeyringError):
        raise NoKeyringError
    if error is not None:
        locked = type(error).__name__ == "KeyringLocked"
        why = one_line(str(error)) or type(error).__name__
        said = (
            f"The system keyring {'is locked' if locked else 'does not work'}: {why.rstrip('.!')}. Unlock it and try "
            "again. Where nobody can, give the token in an environment variable, or keep it in a file with "
            "`kosmo accounts:add ALIAS --file`."
        )
        _failure = (time.monotonic(), said)
        raise CredentialsError(said)
    _failure = None
    return found[0]
