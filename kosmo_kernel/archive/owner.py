"""Whose an archive is: the user, and the address that was asked. They decide wherever a file meets an account."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kosmo_kernel.accounts import Account, is_demo, is_loopback
from kosmo_kernel.accounts.account import netloc
from kosmo_kernel.archive.runs import SALT_BYTES, token_digest
from kosmo_kernel.errors import SettingsError

if TYPE_CHECKING:
    from kosmo_kernel.archive.snapshots import SavedSnapshot

_HERE = "this machine"  # the address of a look-alike, which has another port each time


class Owner(NamedTuple):
    """The user of an account. What is not known is empty."""

    account: str  # the alias
    user: str = ""  # the id
    address: str = ""  # of the service, see `address_of`
    email: str = ""

    @classmethod
    def of_snapshot(cls, saved: SavedSnapshot) -> Owner:
        """Return the owner of a snapshot."""
        about = saved.manifest
        users = saved.records("current_user").rows if "current_user" in saved else []
        email = next((user["email"] for user in users if isinstance(user.get("email"), str)), "")
        return cls(about.account, about.user, about.address, email)

    def difference(self, other: Owner) -> str:
        """Return how another account is of another user or address, as part of a sentence; empty if it is not."""
        if is_demo(self.account) != is_demo(other.account):
            return f"`{self.account}`, and this is `{other.account}`"
        if self.user and other.user and self.user != other.user:
            return f"{self.name}, and `{other.account}` is {other.name}"
        if self.address and other.address and self.address != other.address:
            return f"`{self.account}` at {self.address}, and `{other.account}` is at {other.address}"
        return ""

    @property
    def name(self) -> str:
        """What a message calls the user."""
        return self.email or f"the user {self.user}"


def address_of(url: str) -> str:
    """Return what identifies the service at a URL: its host, and one name for all that is on this machine."""
    return _HERE if is_loopback(url) else netloc(url)


def token_hash(account: Account, earlier: str = "") -> str:
    """Return a hash of an account's token as text, with its salt: that of an earlier hash, or else a new one."""
    salt = earlier.partition(":")[0] or os.urandom(SALT_BYTES).hex()
    return f"{salt}:{token_digest(account, salt.encode()).hex()}"


def token_note(file: Path, saved: str, current: str) -> str:
    """Return a sentence that says that a snapshot was taken with another token; empty if not, or if that is not known.

    Parameters:
        file: the archive of the snapshot.
        saved: the hash of the token that it was taken with, see `token_hash`.
        current: that of the token in use. Hashes with different salts cannot be compared.
    """
    if not saved or saved == current or saved.partition(":")[0] != current.partition(":")[0]:
        return ""
    return (
        f"The snapshot in {file} was taken with another token of the same user, which may see more or less than this "
        "one."
    )


def check_owner(file: Path, saved: Owner, other: Owner, advice: str) -> None:
    """Check that a snapshot is of the same user as another one or an account, as far as both are known.

    Parameters:
        file: the archive of the snapshot.
        saved: whose it is.
        other: whose the other one is.
        advice: what to do otherwise, as sentences.

    Raises:
        SettingsError: it is not; with both named.
    """
    if difference := saved.difference(other):
        raise SettingsError(f"{file} is a snapshot of {difference}. {advice}")
