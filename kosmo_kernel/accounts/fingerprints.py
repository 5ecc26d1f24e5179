"""Keyed fingerprints of secrets: equal ones mean equal secrets, and nothing else can be learnt from them.

A fingerprint is the id of the key and an HMAC-SHA256 of 128 bits, `7f3a90bc:5d41…`. The key is `KOSMO_FINGERPRINT_KEY`,
or else one that this machine made and keeps where it keeps tokens, or else one that lasts for the process. That of the
demo account is fixed, because its secrets are fiction and its documents show them.
"""

from __future__ import annotations

import hmac
import json
import os
import re
from functools import cache
from hashlib import sha256
from typing import NamedTuple

from kosmo_kernel.accounts import store
from kosmo_kernel.accounts.account import DEMO
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.settings.table import FINGERPRINT_KEY

_ENTRY = "key of fingerprints"
_ID_DIGITS, _DIGITS = 8, 32  # hexadecimal
FINGERPRINT = re.compile(rf"[0-9a-f]{{{_ID_DIGITS}}}:[0-9a-f]{{{_DIGITS}}}")
NOT_KEPT = (
    "Fingerprints can be compared within this process only, because their key cannot be kept on this machine. "
    f"Set {FINGERPRINT_KEY.variable} to compare them with those of other runs."
)


class Fingerprints(NamedTuple):
    """Makes fingerprints with one key.

    Parameters:
        key: the key; it never leaves this process.
        is_kept: whether later processes have the same key.
    """

    key: bytes
    is_kept: bool = True

    def __repr__(self) -> str:
        return f"Fingerprints(is_kept={self.is_kept})"

    def of(self, secret: object) -> str:
        """Return the fingerprint of a secret, a text or any other JSON value."""
        if isinstance(secret, str):
            value = b"secret " + secret.encode(errors="surrogatepass")
        else:
            value = b"JSON " + json.dumps(secret, sort_keys=True).encode()
        return f"{self.key_id}:{self._digest(value)[:_DIGITS]}"

    @property
    def key_id(self) -> str:
        """The id of the key, which every fingerprint begins with."""
        return self._digest(b"id of the key")[:_ID_DIGITS]

    def _digest(self, text: bytes) -> str:
        return hmac.new(self.key, text, sha256).hexdigest()


def fingerprints(alias: str) -> Fingerprints:
    """Return what makes the fingerprints of an account's secrets.

    Raises:
        SettingsError: `KOSMO_FINGERPRINT_KEY` is invalid.
    """
    if alias == DEMO:
        return Fingerprints(b"the demo account is fiction")
    chosen = FINGERPRINT_KEY.from_env()
    return Fingerprints(sha256(chosen.encode()).digest()) if chosen else _of_this_machine()


@cache
def _of_this_machine() -> Fingerprints:
    try:
        return Fingerprints(bytes.fromhex(store.kept_secret(_ENTRY, lambda: os.urandom(32).hex())))
    except (KosmoError, OSError, ValueError):
        return Fingerprints(os.urandom(32), is_kept=False)
