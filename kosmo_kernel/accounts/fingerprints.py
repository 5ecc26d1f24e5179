"""Keyed fingerprints of secrets: equal ones mean equal secrets, and nothing else can be learnt from them.

A fingerprint is the id of the key and an HMAC-SHA256 of 128 bits, `7f3a90bc:5d41…`. The key is derived from
`KOSMO_FINGERPRINT_KEY`, or else it is one that this machine made and keeps where it keeps tokens, or else one that
lasts for the process. That of the demo account is fixed, because its secrets are fiction and its documents show them.

Who has a fingerprint can try keys until one has its id. A key that a machine made is random, so that is hopeless; one
that somebody chose may be a word. So it goes through scrypt (RFC 7914), of which one try takes time and memory.
"""

from __future__ import annotations

import hmac
import json
import os
import threading
from functools import cache, lru_cache
from hashlib import scrypt, sha256
from typing import NamedTuple

from kosmo_kernel.accounts import store
from kosmo_kernel.accounts.account import is_demo
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.settings.table import FINGERPRINT_KEY

_ENTRY = "key of fingerprints"
_ID_DIGITS, _DIGITS = 8, 32  # hexadecimal, as the pattern `FINGERPRINT` has them
# The cost of one try: 32 MiB of memory and a quarter of a second of one core, one of the settings that OWASP's
# Password Storage Cheat Sheet recommends. A process pays it once. The salt is fixed, because the same key has to make
# the same fingerprints on all machines.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 1 << 15, 8, 3
_SCRYPT_MAX_BYTES = 64 << 20  # for OpenSSL, whose default is less than this needs
_SALT = b"kosmo_kernel fingerprints"
_deriving = threading.Lock()  # threads that need the same key at once derive it once
NOT_KEPT = (
    "Fingerprints can be compared within this process only, because their key cannot be kept on this machine. "
    f"Set {FINGERPRINT_KEY.variable} to compare them with those of other runs."
)


class Fingerprints(NamedTuple):
    """Makes fingerprints with one key."""

    key: bytes  # the key; it never leaves this process
    is_kept: bool = True  # whether later processes have the same key

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
    if is_demo(alias):
        return Fingerprints(b"the demo account is fiction")
    chosen = FINGERPRINT_KEY.from_env()
    if not chosen:
        return of_this_machine()
    with _deriving:
        return Fingerprints(_derived_key(chosen))


@lru_cache(maxsize=4)
def _derived_key(chosen: str) -> bytes:
    return scrypt(
        chosen.encode(),
        salt=_SALT,
        n=_SCRYPT_N,
        r=_SCRYPT_R,
        p=_SCRYPT_P,
        maxmem=_SCRYPT_MAX_BYTES,
        dklen=sha256().digest_size,
    )


@cache
def of_this_machine() -> Fingerprints:
    """Return the fingerprints with the key of this machine, which is made when it is first needed."""
    try:
        return Fingerprints(bytes.fromhex(store.kept_secret(_ENTRY, lambda: os.urandom(32).hex())))
    except (KosmoError, OSError, ValueError):
        return Fingerprints(os.urandom(32), is_kept=False)
