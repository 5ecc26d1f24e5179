"""An account: a token, the address that it is sent to, and a name (its alias).

Aliases are compared case-insensitively, with `-` equal to `_`: names of environment variables and of Lua have no `-`.

Environment variables or `config.toml` can change the address, but only to the service's own domains, to this machine,
or to a host that the user allows in `config.toml`.

The account `demo` is fictional, and so are those that exist where it is the default account, such as `staging`. Within
the package, and wherever an account is shown, the latter are called `demo.staging`. An alias of the user has no dot, so
that neither can be taken for the other. `staging` means `demo.staging` where the default account is fictional, and the
user's own account elsewhere; `demo.staging` means the fictional account everywhere.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Sequence
from typing import NoReturn

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.http import OtherHost, account_variable
from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.safety.redaction import Secret, redact
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.text import lazy_pattern, normalize_alias

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
# Only addresses that all URL parsers read in the same way: no user, no backslash, no escape in the host.
_ADDRESS = lazy_pattern(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?P<port>:[0-9]{1,5})?(?P<path>/[A-Za-z0-9._~/-]*)?"
)
WRONG_FORM = "it is not of the form https://HOST[:PORT][/PATH] without user, password, query or odd characters"
_BARE_HOST = lazy_pattern(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_HOST_NAME = lazy_pattern(r"[A-Za-z0-9.-]+")
_PREFIX = f"{DEMO}."


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

    __slots__ = ("alias", "integration", "source", "token", "url")

    def __init__(self, integration: str, alias: str, token: str, url: str, source: str) -> None:
        if not _TOKEN.fullmatch(token):
            raise CredentialsError(
                f"The token in {source} has spaces, control characters or letters outside ASCII in it "
                "(or is empty). Copy it again, whole and alone on its line."
            )
        self.integration, self.alias, self.url, self.source = integration, alias, url, source
        self.token = Secret(token)

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(self, name):
            raise AttributeError(f"the {name} of an account cannot be changed")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        fields = (f"{name}={getattr(self, name)!r}" for name in ("integration", "alias", "url", "source"))
        return f"Account({', '.join(fields)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Account) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, ...]:
        return self.integration, self.alias, self.token.reveal(), self.url, self.source

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


def address(integration: Integration, alias: str = DEFAULT) -> str:
    """Return the address of the service's API for an account, without a trailing slash.

    A variable of `credentials.url_env` overrides it, or else the integration's `url` in `config.toml`. For a named
    account, a variable that ends in its name comes first: `HEROKU_API_URL_STAGING`. The value is an address, or a bare
    domain as for Heroku's CLI (`HEROKU_HOST=example.com` means `https://api.example.com`).

    Raises:
        CredentialsError: the address must not receive a token.
        SettingsError, UnknownNameError: `config.toml` is invalid.
    """
    keys = ("integrations", integration.name)
    settings = config()
    variables = integration.credentials.url_env
    if normalize_alias(alias) != DEFAULT:
        variables = (*(account_variable(name, alias) for name in variables[:1]), *variables)
    source = next((name for name in variables if os.environ.get(name, "").strip()), "")
    override = os.environ[source].strip() if source else (settings.get(*keys, "url") or "").strip()
    if not override:
        return integration.base_url.rstrip("/")
    source = source or f"`url` in {settings.place(*keys, 'url')}"
    allowed = settings.get(*keys, "allow_host") or []
    is_url = "://" in override or not _BARE_HOST.fullmatch(override)
    url = override if is_url else _from_domain(integration, override)
    fault = _address_fault(integration, url, [allowed] if isinstance(allowed, str) else allowed)
    if fault:
        raise CredentialsError(
            f"{source} is no address that a {integration.title} token may be sent to: {fault}. Allowed are "
            f"https addresses in {', '.join(integration.credentials.hosts)} and, with http as well, this machine "
            f"(http://127.0.0.1:PORT). Unset it for {integration.base_url}. A host of your own is allowed by "
            f"`allow_host` below [{'.'.join(keys)}] in {settings.path}."
        )
    return url.rstrip("/")


def other_address(integration: Integration, host: OtherHost, url: str, alias: str = DEFAULT) -> str:
    """Return the address of another host of a service, for an account whose API is at an address.

    The variable of the host names it, as for Heroku's CLI; for a named account one that ends in its name comes first.

    Raises:
        CredentialsError: the address must not receive a token, or the API is elsewhere and nothing names the host.
    """
    names = [host.env] if normalize_alias(alias) == DEFAULT else [account_variable(host.env, alias), host.env]
    source = next((name for name in names if os.environ.get(name, "").strip()), "")
    if not source and is_own(integration, url):
        return host.url
    if not source:
        raise CredentialsError(
            f"{integration.title}'s API is taken from {netloc(url)}, and nothing says where its other host is, which "
            f"{host.url} is otherwise. Set {host.env} to a host name; scheme and port are those of {netloc(url)}."
        )
    name, match = os.environ[source].strip(), _ADDRESS.fullmatch(url)
    other = f"{match['scheme']}://{name}{match['port'] or ''}" if match else ""
    fault = _address_fault(integration, other, ()) if _HOST_NAME.fullmatch(name) else "it is no host name"
    if fault:
        raise CredentialsError(
            f"{source} is no host that a {integration.title} token may be sent to: {fault}. It is the name of a host "
            f"without scheme and port, in {', '.join(integration.credentials.hosts)} or this machine. Unset it for "
            f"{host.url}."
        )
    return other


def is_own(integration: Integration, url: str) -> bool:
    """Return whether an address is in the service's own domains; this machine and allowed hosts are not."""
    match = _ADDRESS.fullmatch(url)
    return match is not None and _is_in(integration, match["host"].lower())


def netloc(url: str) -> str:
    """Return the host of an address, with its port if it has one."""
    match = _ADDRESS.fullmatch(url)
    return (match["host"] + (match["port"] or "")).lower() if match else ""


def is_loopback(url: str) -> bool:
    """Return whether an address is on this machine, so that requests do not cross a network."""
    match = _ADDRESS.fullmatch(url)
    return match is not None and _is_this_machine(match["host"])


def _is_this_machine(host: str) -> bool:
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _from_domain(integration: Integration, domain: str) -> str:
    """Return the API's default address with another domain; the subdomain is kept, `api.` for Heroku."""
    scheme, _, rest = integration.base_url.partition("://")
    host, slash, path = rest.partition("/")
    own = next((d for d in integration.credentials.hosts if host.endswith(f".{d}")), host)
    prefix = host.removesuffix(own)
    return f"{scheme}://{domain if domain.startswith(prefix) else prefix + domain}{slash}{path}"


def _address_fault(integration: Integration, url: str, allowed: Sequence[str]) -> str | None:
    """Return why an address must not receive a token, or None. The address may have a secret, so it is not quoted."""
    match = _ADDRESS.fullmatch(url)
    if match is None:
        return WRONG_FORM
    host = match["host"].lower()
    if _is_this_machine(host):
        return None
    if match["scheme"] != "https":
        return "plain http would show the token to the network"
    if not _is_in(integration, host) and not {host, netloc(url)}.intersection(map(str.lower, allowed)):
        return f"it leads to {host}"
    return None


def _is_in(integration: Integration, host: str) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in integration.credentials.hosts)


def is_demo(alias: str) -> bool:
    """Return whether the account of an alias is fictional."""
    return alias.lower() == DEMO or alias.lower().startswith(_PREFIX)


def demo_places(integration: Integration) -> dict[str, str]:
    """Return where the fictional accounts of a service are, as `Integration.demo`, by their full names."""
    others = {f"{_PREFIX}{name}": entry for name, entry in integration.demo_accounts.items()}
    return {DEMO: integration.demo} | others if integration.demo else {}


def account_in_use(alias: str | None, default: str, services: Iterable[Integration]) -> str:
    """Return the full name of the account that an alias means.

    Parameters:
        alias: the alias; the default account if None or `default`.
        default: the default account.
        services: the services whose fictional accounts there are.
    """
    alias = canonical_reserved(alias or DEFAULT)
    if alias == DEFAULT:
        return canonical_reserved(default)
    fictional = f"{_PREFIX}{normalize_alias(alias)}"
    if is_demo(default) and any(fictional in demo_places(service) for service in services):
        return fictional
    return alias
