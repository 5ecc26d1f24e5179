"""An account: a token, the address that it is sent to, and a name (its alias).

Aliases are compared case-insensitively, with `-` equal to `_`: names of environment variables and of Lua have no `-`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.safety.tokens_in_use import use
from kosmo_kernel.settings.aliases import normalize_alias
from kosmo_kernel.settings.table import DEFAULT_INTEGRATION

DEFAULT = "default"
DEMO = "demo"
RESERVED = (DEFAULT, DEMO)

ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_UUID = re.compile(r"[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}", re.IGNORECASE)  # the format of older tokens
NOT_AN_ALIAS = (  # the message for a token where an alias belongs
    "That is a token, and not the name of an account. What stands in a command can be seen by others and stays in the "
    "shell's history: revoke it, make a new one, and give it when `kosmo accounts:add ALIAS` asks for it."
)
# Visible ASCII, which is safe in an HTTP header. Tokens have had four formats so far, so no format is required.
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Account:
    """A token with the address that it may be sent to. It cannot be pickled, and its `repr` does not show the token.

    Raises:
        CredentialsError: the token cannot be sent in a header. The message does not show it.
    """

    integration: str  # the service's name, such as `heroku`
    alias: str  # `default`, `demo` or a name that the user chose
    token: str = field(repr=False)  # the secret
    url: str  # the address of the API, without a trailing slash
    source: str  # a description of the place where the token was found

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.token):
            raise CredentialsError(
                f"The token in {self.source} has spaces, control characters or letters outside ASCII in it "
                "(or is empty). Copy it again, whole and alone on its line."
            )
        use(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"the account `{self.alias}` holds a token and is never written or sent anywhere")


def looks_like_token(alias: str) -> bool:
    """Return whether a text that should be an alias has the format of a token. It must not be repeated then."""
    return redact(alias) != alias or bool(_UUID.search(alias))


def add_command(integration: str, alias: str) -> str:
    """Return the command that adds an account."""
    more = "" if integration == DEFAULT_INTEGRATION else f" --integration {integration}"
    return f"kosmo accounts:add {alias}{more}"


def canonical_reserved(alias: str) -> str:
    """Return `default` and `demo` in lower case, and other aliases unchanged."""
    return alias.lower() if alias.lower() in RESERVED else alias


def variable_of(integration: Integration, alias: str) -> str:
    """Return the environment variable for an account's token: `HEROKU_API_KEY_MY_TEAM` for `my-team`."""
    own = integration.credentials
    return own.env if normalize_alias(alias) == DEFAULT else own.variable(alias)
