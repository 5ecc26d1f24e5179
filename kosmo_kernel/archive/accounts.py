"""Whose account was asked: the row of an account, which tells later runs whether they are of the same user.

A token is not stored. A keyed hash of it is, with a random key for each row. Services make tokens at random, with more
than a hundred bits, so a hash shows nothing about its token but whether another one is the same.
"""

from __future__ import annotations

import hmac
import os
import sqlite3
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, NamedTuple

from kosmo_kernel.accounts import Account
from kosmo_kernel.archive.file import Archive
from kosmo_kernel.archive.requests import MCP
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.settings.table import RESUME
from kosmo_kernel.text.nearest import normalize_alias

_SALT_BYTES = 16
MAX_ACCOUNTS = 10_000
_INSERT = "INSERT INTO kosmo_accounts (service, name, address, salt, owner) VALUES (?, ?, ?, ?, ?)"


class AskedAccount(NamedTuple):
    """The row of an account, or of an MCP server."""

    number: int
    service: str
    name: str
    address: str
    salt: bytes
    owner: bytes

    @property
    def key(self) -> tuple[str, str]:
        """The service and the account, under which it is looked up."""
        return self.service, self.name if self.service == MCP else normalize_alias(self.name)

    def is_of(self, account: Account) -> bool:
        """Return whether the account has the same token and address."""
        return self.address == _address(account) and hmac.compare_digest(self.owner, _owner(self.salt, account))


def read_accounts(archive: Archive) -> list[AskedAccount]:
    """Return the accounts and MCP servers of an archive.

    Raises:
        SettingsError: a row makes no sense, or there are too many.
    """
    rows = archive.rows(
        "SELECT id, service, name, address, salt, owner FROM kosmo_accounts ORDER BY id LIMIT ?", (MAX_ACCOUNTS + 1,)
    )
    if len(rows) > MAX_ACCOUNTS or not all(map(_is_valid, rows)):
        raise archive.damaged("its accounts make no sense")
    return [AskedAccount(*row) for row in rows]


def account_row(
    archive: Archive, connection: sqlite3.Connection, service: str, name: str, account: Account | None
) -> int:
    """Return the number of an account, or of an MCP server without one, which is added within a transaction."""
    for known in read_accounts(archive):
        if (known.service, known.name) == (service, name) and (account is None or known.is_of(account)):
            return known.number
    salt = os.urandom(_SALT_BYTES) if account else b""
    values = (service, name, _address(account), salt, _owner(salt, account) if account else b"")
    added = connection.execute(_INSERT, values)
    return int(added.lastrowid or 0)


def check_owner(archive: Archive, known: Iterable[AskedAccount], account: Account) -> None:
    """Check that answers of an account are those of the same user.

    Parameters:
        archive: the archive.
        known: its accounts whose answers are taken.
        account: the account that is asked now.

    Raises:
        SettingsError: they are of another token, or of another address.
    """
    key = account.integration, normalize_alias(account.alias)
    for one in known:
        if one.key != key or one.is_of(account):
            continue
        if one.address != _address(account):
            other = f"at {one.address}, and this run asks {_address(account)}"
        else:
            other = "with another token, perhaps of another user"
        raise SettingsError(
            f"{archive.file} has answers of the account `{one.name}` {other}. They are not taken, and nothing was "
            f"sent. Name another file, or record anew without `{RESUME.command}`."
        )


def _address(account: Account | None) -> str:
    return redact(account.url) if account else ""


def _owner(salt: bytes, account: Account) -> bytes:
    return hmac.digest(salt, account.token.encode(errors="surrogatepass"), sha256)


def _is_valid(row: tuple[Any, ...]) -> bool:
    number, *texts, salt, owner = row
    is_text = all(isinstance(text, str) for text in texts)
    return isinstance(number, int) and is_text and isinstance(salt, bytes) and isinstance(owner, bytes)
