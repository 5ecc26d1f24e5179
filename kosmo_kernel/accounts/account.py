"""An account: a token, the address that may be given it, and a name (its alias).

An alias is compared without regard to case, and `-` is `_`: environment variables have no `-`, and Lua names neither.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.settings.aliases import normalize_alias

DEFAULT = "default"
DEMO = "demo"
RESERVED = (DEFAULT, DEMO)
USUAL = "heroku"  # the integration that commands mean where none is named

ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# What an HTTP header can carry without changing its meaning. Tokens have had four shapes so far: none is asked for.
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Account:
    """A token with the address that it may be sent to. It is never pickled and its text never shows the token.

    Parameters:
        integration: the service's name, `heroku`.
        alias: `default`, `demo` or a name that the user chose.
        token: the secret.
        url: the address of the API, without a slash at the end.
        source: where the token was found, in words.

    Raises:
        CredentialsError: the token cannot be sent in a header. The message does not show it.
    """

    integration: str
    alias: str
    token: str = field(repr=False)
    url: str
    source: str

    def __post_init__(self) -> None:
        check_token(self.token, self.source)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"the account `{self.alias}` holds a token and is never written or sent anywhere")


def check_token(token: str, source: str) -> None:
    """Refuse a token that no header can carry.

    Parameters:
        token: the secret.
        source: where it was found, for the message.

    Raises:
        CredentialsError: it has something else in it than visible ASCII. The message does not show it.
    """
    if not _TOKEN.fullmatch(token):
        raise CredentialsError(
            f"The token in {source} has spaces, control characters or letters outside ASCII in it "
            "(or is empty). Copy it again, whole and alone on its line."
        )


def adding(integration: str, alias: str) -> str:
    """The command that keeps an account.

    Parameters:
        integration: the service's name.
        alias: of the account, or what stands for it.
    """
    return f"kosmo accounts:add {alias}" + ("" if integration == USUAL else f" --integration {integration}")


def canonical_reserved(alias: str) -> str:
    """An alias as it is compared: `default` and `demo` in small letters, others as they are written."""
    return alias.lower() if alias.lower() in RESERVED else alias


def variable_of(integration: Integration, alias: str) -> str:
    """The environment variable that may have an account's token: `HEROKU_API_KEY_MY_TEAM` that of `my-team`."""
    own = integration.credentials
    return own.env if normalize_alias(alias) == DEFAULT else own.variable(alias)
