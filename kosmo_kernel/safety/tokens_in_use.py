"""The tokens that this process uses, which no error repeats, wherever somebody has typed one.

A token in Heroku's older format is a UUID, as ids are, so only its value tells it from an id. The values are those of
environment variables with names such as `HEROKU_API_KEY`, and the tokens of the accounts that are in use. A keyring is
not read for an error.
"""

from __future__ import annotations

import os
import re
from typing import Protocol
from weakref import WeakSet

from kosmo_kernel.text.patterns import lazy_pattern

MIN_SECRET_LENGTH = 12  # the shortest secret to search for, in characters; a shorter one would match ordinary words
SECRET_NAME = lazy_pattern(r"token|secret|passw|api_?key|fingerprint_key|credential", re.IGNORECASE)


class TokenHolder(Protocol):
    """An object that uses a token, such as an account.

    Attributes:
        token: the token.
    """

    @property
    def token(self) -> str:
        """The token."""
        ...


_holders: WeakSet[TokenHolder] = WeakSet()


def use(holder: TokenHolder) -> None:
    """Count the token of a holder among those in use, as long as the holder exists."""
    _holders.add(holder)


def environment_secrets() -> tuple[str, ...]:
    """Return the secrets in environment variables, by the names of the variables."""
    return tuple(
        value for name, value in os.environ.items() if len(value) >= MIN_SECRET_LENGTH and SECRET_NAME.search(name)
    )


def tokens_in(text: str) -> list[str]:
    """Return the tokens in use that a text has. The path of a file that exists is none."""
    held = (holder.token for holder in list(_holders) if len(holder.token) >= MIN_SECRET_LENGTH)
    found = [token for token in held if token in text]
    return found + [value for value in environment_secrets() if value in text and not os.path.exists(value)]
