"""An account: a token, the address that it is sent to, and a name (its alias).

Aliases are compared case-insensitively, with `-` equal to `_`: names of environment variables and of Lua have no `-`.
"""

from __future__ import annotations

import re
from typing import NoReturn

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.safety.redaction import redact, use
from kosmo_kernel.text.nearest import normalize_alias
from kosmo_kernel.text.patterns import lazy_pattern

DEFAULT = "default"
DEMO = "demo"
RESERVED = (DEFAULT, DEMO)

ALIAS = lazy_pattern(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_UUID = lazy_pattern(r"[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}", re.IGNORECASE)  # the format of older tokens
NOT_AN_ALIAS = (  # the message for a token where an alias belongs
    "That is a token, and not the name of an account. What stands in a command can be seen by others and stays in the "
    "shell's history: revoke it, make a new one, and give it when `kosmo accounts:add ALIAS` asks for it."
)
# Visible ASCII, which is safe in an HTTP header. Tokens have had four formats so far, so no format is required.
_TOKEN = lazy_pattern(r"[\x21-\x7e]+")


class Account:
    """A token with the address that it may be sent to. It cannot be pickled, and its `repr` does not show the token.

    Parameters:
        integration: the service's name, such as `heroku`.
        alias: `default`, `demo` or a name that the user chose.
        token: the secret.
        url: the address of the API, without a trailing slash.
        source: a description of the place where the token was found.

    Raises:
        CredentialsError: the token cannot be sent in a header. The message does not show it.
    """

    __slots__ = ("__weakref__", "alias", "integration", "source", "token", "url")

    def __init__(self, integration: str, alias: str, token: str, url: str, source: str) -> None:
        if not _TOKEN.fullmatch(token):
            raise CredentialsError(
                f"The token in {source} has spaces, control characters or letters outside ASCII in it "
                "(or is empty). Copy it again, whole and alone on its line."
            )
        self.integration, self.alias, self.token, self.url, self.source = integration, alias, token, url, source
        use(self)

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(self, name):
            raise AttributeError(f"the {name} of an account cannot be changed")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in ("integration", "alias", "url", "source"))
        return f"Account({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Account) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str, ...]:
        return self.integration, self.alias, self.token, self.url, self.source

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"the account `{self.alias}` holds a token and is never written or sent anywhere")


def looks_like_token(alias: str) -> bool:
    """Return whether a text that should be an alias has the format of a token. It must not be repeated then."""
    return redact(alias) != alias or bool(_UUID.search(alias))


def add_command(integration: str, alias: str) -> str:
    """Return the command that adds an account."""
    from kosmo_kernel import integrations

    more = "" if integration == integrations.DEFAULT.name else f" --integration {integration}"
    return f"kosmo accounts:add {alias}{more}"


def canonical_reserved(alias: str) -> str:
    """Return `default` and `demo` in lower case, and other aliases unchanged."""
    return alias.lower() if alias.lower() in RESERVED else alias


def variable_of(integration: Integration, alias: str) -> str:
    """Return the environment variable for an account's token: `HEROKU_API_KEY_MY_TEAM` for `my-team`."""
    own = integration.credentials
    return own.env if normalize_alias(alias) == DEFAULT else own.variable(alias)
