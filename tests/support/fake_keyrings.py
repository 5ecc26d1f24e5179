"""Keyrings for tests: one that works, and the ways in which one does not."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from keyring.backend import KeyringBackend, SchemeSelectable
from keyring.backends import SecretService
from keyring.errors import KeyringLocked

from kosmo_kernel.accounts import store

FILE = "FAKE_KEYRING"  # the variable with the file of `OnDisk`


class Remembering(SchemeSelectable, KeyringBackend):
    """Keeps secrets in memory, by their attributes, and notes what it is asked."""

    priority: float = 9

    def __init__(self) -> None:
        self.secrets: dict[frozenset[tuple[str, str]], str] = {}
        self.asked: list[str] = []

    def _key(self, service: str, username: str) -> frozenset[tuple[str, str]]:
        return frozenset(self._query(service, username).items())

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append(username)
        return self.secrets.get(self._key(service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.secrets[self._key(service, username)] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.secrets[self._key(service, username)]


class Locked(Remembering):
    """Nobody unlocks it."""

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append(username)
        raise KeyringLocked("Failed to unlock the collection!")

    def set_password(self, service: str, username: str, password: str) -> None:
        self.asked.append(username)
        raise KeyringLocked(f"Failed to unlock the collection for {password}!")


class Silent(Remembering):
    """Never answers, as a service on D-Bus that hangs, until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append(username)
        self.released.wait(30)
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        self.get_password(service, username)


class Collection:
    """The store behind the Secret Service: items with attributes, found by any of them."""

    def __init__(self, items: list[tuple[dict[str, str], str]]) -> None:
        self.items = items
        self.connection = self

    def close(self) -> None:
        """As a connection."""

    def search_items(self, attributes: dict[str, str]) -> Iterator[Item]:
        return (Item(secret) for own, secret in self.items if attributes.items() <= own.items())


class Item:
    """One secret of the Secret Service."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def is_locked(self) -> bool:
        return False

    def get_secret(self) -> bytes:
        return self.secret.encode()


class Service(SecretService.Keyring):
    """The library's own backend for Linux desktops, on such a collection."""

    priority = 5

    def __init__(self, items: list[tuple[dict[str, str], str]]) -> None:
        self.items = items

    def get_preferred_collection(self) -> Collection:
        return Collection(self.items)


class Plain(Remembering):
    """Keeps secrets in a plain file, as some backends do that their library does not recommend."""

    priority = 0.5


class OnDisk(KeyringBackend):
    """Keeps secrets in the file that an environment variable names, for a command that is a process of its own."""

    priority: float = 9
    name: ClassVar[str] = "OnDisk"

    def _all(self) -> dict[str, str]:
        path = Path(os.environ[FILE])
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return found

    def _write(self, secrets: dict[str, str]) -> None:
        Path(os.environ[FILE]).write_text(json.dumps(secrets), encoding="utf-8")

    def get_password(self, service: str, username: str) -> str | None:
        return self._all().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write({**self._all(), f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        secrets = self._all()
        del secrets[f"{service}/{username}"]
        self._write(secrets)


def use(monkeypatch: pytest.MonkeyPatch, ring: KeyringBackend) -> None:
    """Have this process use a keyring, and know nothing of another one."""
    monkeypatch.setattr("keyring.core._keyring_backend", ring)
    monkeypatch.setattr(store, "_cache", {})
    monkeypatch.setattr(store, "_failure", None)
