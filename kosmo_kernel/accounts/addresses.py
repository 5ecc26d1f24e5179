"""The address of a service's API, and the check of which addresses may receive a token.

Environment variables or `config.toml` can change the address, but only to the service's own domains, to this machine,
or to a host that the user allows in `config.toml`.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence

from kosmo_kernel.accounts.account import DEFAULT
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.http import account_variable
from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.text.nearest import normalize_alias
from kosmo_kernel.text.patterns import lazy_pattern

# Only addresses that all URL parsers read in the same way: no user, no backslash, no escape in the host.
_ADDRESS = lazy_pattern(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?P<port>:[0-9]{1,5})?(?P<path>/[A-Za-z0-9._~/-]*)?"
)
WRONG_FORM = "it is not of the form https://HOST[:PORT][/PATH] without user, password, query or odd characters"
_BARE_HOST = lazy_pattern(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")


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
    place = next((name for name in variables if os.environ.get(name, "").strip()), "")
    override = os.environ[place].strip() if place else (settings.get(*keys, "url") or "").strip()
    if not override:
        return integration.base_url.rstrip("/")
    place = place or f"`url` in {settings.place(*keys, 'url')}"
    allowed = settings.get(*keys, "allow_host") or []
    is_url = "://" in override or not _BARE_HOST.fullmatch(override)
    url = override if is_url else _from_domain(integration, override)
    fault = _address_fault(integration, url, [allowed] if isinstance(allowed, str) else allowed)
    if fault:
        raise CredentialsError(
            f"{place} is no address that a {integration.title} token may be sent to: {fault}. Allowed are "
            f"https addresses in {', '.join(integration.credentials.hosts)} and, with http as well, this machine "
            f"(http://127.0.0.1:PORT). Unset it for {integration.base_url}. A host of your own is allowed by "
            f"`allow_host` below [{'.'.join(keys)}] in {settings.path}."
        )
    return url.rstrip("/")


def form_fault(url: str) -> str | None:
    """Return why a text is neither an address nor a bare domain, or None. It may have a secret, so it is not quoted."""
    return None if _ADDRESS.fullmatch(url) or _ADDRESS.fullmatch(f"https://{url}") else WRONG_FORM


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
