"""Where a service's API is, and which addresses may be given a token: an address is where a token is sent.

Environment variables may change it, or `config.toml`, but only to the service's own domains, to this machine, or to a
host that the user allows in `config.toml`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.settings.config_file import config

# Nothing that two readers of addresses could read differently: no user, no backslash, no escape in the host.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?P<port>:[0-9]{1,5})?(?P<path>/[A-Za-z0-9._~/-]*)?"
)
_BARE_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")


def address(integration: Integration, env: Mapping[str, str]) -> str:
    """Where the service's API is, without a slash at the end.

    A variable of `credentials.url_env` changes it, or the integration's `url` in `config.toml`: an address is taken as
    it is, a bare domain as Heroku's CLI takes it (`HEROKU_HOST=example.com` means `https://api.example.com`).

    Raises:
        CredentialsError: an address that must not be given a token.
        SettingsError, UnknownNameError: a mistake in `config.toml`.
    """
    keys = ("integrations", integration.name)
    settings = config(env)
    place = next((name for name in integration.credentials.url_env if env.get(name, "").strip()), "")
    told = env[place].strip() if place else (settings.get(*keys, "url") or "").strip()
    if not told:
        return integration.base_url.rstrip("/")
    place = place or f"`url` in {settings.place(*keys, 'url')}"
    allowed = settings.get(*keys, "allow_host") or []
    url = told if "://" in told or not _BARE_HOST.fullmatch(told) else _from_domain(integration, told)
    fault = _address_fault(integration, url, [allowed] if isinstance(allowed, str) else allowed)
    if fault:
        raise CredentialsError(
            f"{place} is no address that a {integration.title} token may be sent to: {fault}. Allowed are "
            f"https addresses in {', '.join(integration.credentials.hosts)} and, with http as well, this machine "
            f"(http://127.0.0.1:PORT). Unset it for {integration.base_url}. A host of your own is allowed by "
            f"`allow_host` below [{'.'.join(keys)}] in {settings.path}."
        )
    return url.rstrip("/")


def is_own(integration: Integration, url: str) -> bool:
    """Whether an address is one of the service's own, and not this machine or a host that the user allows."""
    found = _ADDRESS.fullmatch(url)
    return found is not None and _is_in(integration, found["host"].lower())


def netloc(url: str) -> str:
    """The host of an address, with its port where it has one."""
    found = _ADDRESS.fullmatch(url)
    return (found["host"] + (found["port"] or "")).lower() if found else ""


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine, so that nothing sent there crosses a network."""
    found = _ADDRESS.fullmatch(url)
    return found is not None and _is_this_machine(found["host"])


def _is_this_machine(host: str) -> bool:
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _from_domain(integration: Integration, domain: str) -> str:
    """The API's usual address with another domain: what stands before the domain stays, `api.` for Heroku."""
    scheme, _, rest = integration.base_url.partition("://")
    host, slash, path = rest.partition("/")
    own = next((d for d in integration.credentials.hosts if host.endswith(f".{d}")), host)
    before = host.removesuffix(own)
    return f"{scheme}://{domain if domain.startswith(before) else before + domain}{slash}{path}"


def _address_fault(integration: Integration, url: str, allowed: Sequence[str]) -> str | None:
    """Why an address must not be given a token; None when it may. It is not quoted: it may hold a secret."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        return "it is not of the form https://HOST[:PORT][/PATH] without user, password, query or odd characters"
    host = found["host"].lower()
    if _is_this_machine(host):
        return None
    if found["scheme"] != "https":
        return "plain http would show the token to the network"
    if not _is_in(integration, host) and not {host, netloc(url)}.intersection(map(str.lower, allowed)):
        return f"it leads to {host}"
    return None


def _is_in(integration: Integration, host: str) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in integration.credentials.hosts)
