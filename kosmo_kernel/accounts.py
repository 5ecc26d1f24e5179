"""Which token goes to which address.

An account is a token, the address that may be given it, and a name (its alias). The token of the account
`default` is in the environment variable that the integration names, those of other accounts in
variables that end in `_<ALIAS>`. Another variable may change the address, but only to the
service's own domains or to this machine: an address is where a token is sent.

The account `demo` is fiction, of services that have one (`Integration.demo`); the session makes it, this module only
keeps its name free.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from kosmo_kernel.catalogue import nearest
from kosmo_kernel.errors import CredentialsError, UnknownNameError
from kosmo_kernel.switches import switched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kosmo_kernel.catalogue import Integration

DEFAULT = "default"
DEMO = "demo"
RESERVED = (DEFAULT, DEMO)

_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# What an HTTP header can carry without changing its meaning. Tokens have had four shapes so far: none is asked for.
_TOKEN = re.compile(r"[\x21-\x7e]+")
# Nothing that two readers of addresses could read differently: no user, no backslash, no escape in the host.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?P<port>:[0-9]{1,5})?(?P<path>/[A-Za-z0-9._~/-]*)?"
)
_BARE_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")


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
        if not _TOKEN.fullmatch(self.token):
            raise CredentialsError(
                f"The token in {self.source} has spaces, control characters or letters outside ASCII in it "
                "(or is empty). Copy it again, whole and alone on its line."
            )

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"the account `{self.alias}` holds a token and is never written or sent anywhere")


def find(integration: Integration, alias: str = DEFAULT, env: Mapping[str, str] | None = None) -> Account:
    """The account with this alias.

    Parameters:
        integration: the service.
        alias: `default`, or the name of an account in any case, with `-` and `_` meaning the same.
        env: environment variables; the process's own when None. (Not a default value: `help()` shows those.)

    Raises:
        CredentialsError: there is no default token, or a token or address that must not be used.
        UnknownNameError: there is no such named account, or the service has no demo.
        ValueError: the alias is `demo`, which is not made from a token.
    """
    env = os.environ if env is None else env
    if plain(alias) == DEMO and integration.demo:
        raise ValueError("the demo account is made by the session, not found")
    name = alias.lower().replace("-", "_")
    variable = integration.credentials.env
    if name != DEFAULT:
        if name == DEMO or name not in names(integration, env) or not _ALIAS.fullmatch(alias):
            raise _unknown(integration, alias, env)
        variable = f"{variable}_{name.upper()}"
    elif not env.get(variable, "").strip():
        raise CredentialsError(_none(integration))
    return Account(integration.name, name, env[variable].strip(), address(integration, env), variable)


def names(integration: Integration, env: Mapping[str, str] | None = None) -> list[str]:
    """The aliases that exist: `default` when it has a token, the named ones in order, `demo` where there is one.

    A named account is listed with `_` (`my_team`), so that it is a Lua name. One that is called like a
    function of the service is not listed, since in Lua the name means the function.
    """
    env = os.environ if env is None else env
    prefix = f"{integration.credentials.env}_"
    taken = {*RESERVED, *integration.names()}
    suffixes = (key.removeprefix(prefix) for key, value in env.items() if key.startswith(prefix) and value.strip())
    named = {s.lower() for s in suffixes if s == s.upper() and _ALIAS.fullmatch(s)} - taken
    first = [DEFAULT] if env.get(integration.credentials.env, "").strip() else []
    return [*first, *sorted(named), *([DEMO] if integration.demo else [])]


def plain(alias: str) -> str:
    """An alias as it is compared: `default` and `demo` in small letters, others as they are written."""
    return alias.lower() if alias.lower() in RESERVED else alias


def demo_chosen(env: Mapping[str, str] | None = None) -> bool:
    """Whether `KOSMO_DEMO=1` makes the demo the default account.

    Raises:
        SettingsError: it is neither 1 nor 0. Whoever meant fiction must not be given their own account.
    """
    return bool(switched("KOSMO_DEMO", env))


def address(integration: Integration, env: Mapping[str, str]) -> str:
    """Where the service's API is, without a slash at the end.

    A variable of `credentials.url_env` changes it: an address is taken as it is, a bare domain as Heroku's
    CLI takes it (`HEROKU_HOST=example.com` means `https://api.example.com`).

    Raises:
        CredentialsError: an address that must not be given a token.
    """
    variable = next((name for name in integration.credentials.url_env if env.get(name, "").strip()), None)
    if variable is None:
        return integration.base_url.rstrip("/")
    told = env[variable].strip()
    url = told if "://" in told or not _BARE_HOST.fullmatch(told) else _from_domain(integration, told)
    fault = _address_fault(integration, url)
    if fault:
        raise CredentialsError(
            f"{variable} is no address that a {integration.title} token may be sent to: {fault}. Allowed are "
            f"https addresses in {', '.join(integration.credentials.hosts)} and, with http as well, this machine "
            f"(http://127.0.0.1:PORT). Unset {variable} for {integration.base_url}."
        )
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine, so that nothing sent there crosses a network."""
    found = _ADDRESS.fullmatch(url)
    return found is not None and _is_this_machine(found["host"])


def _is_this_machine(host: str) -> bool:
    import ipaddress  # noqa: PLC0415 - a start without an address of its own does without

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


def _address_fault(integration: Integration, url: str) -> str | None:
    """Why an address must not be given a token; None when it may. It is not quoted: it may hold a secret."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        return "it is not of the form https://HOST[:PORT][/PATH] without user, password, query or odd characters"
    host = found["host"].lower()
    if _is_this_machine(host):
        return None
    if found["scheme"] != "https":
        return "plain http would show the token to the network"
    if not any(host == domain or host.endswith(f".{domain}") for domain in integration.credentials.hosts):
        return f"it leads to {host}"
    return None


def ways(integration: Integration) -> tuple[str, ...]:
    """The ways to have an account, one line each."""
    variable = integration.credentials.env
    call = f"app.integrations.{integration.name}.{DEMO}.{integration.functions[0].name}()"
    demo = f"or use the demo, a fictional account: KOSMO_DEMO=1, `--demo`, or in Lua {call}"
    return (
        f"set the environment variable {variable}; for a named account {variable}_<ALIAS>",
        *integration.credentials.how,
        *([demo] if integration.demo else []),
    )


def _none(integration: Integration) -> str:
    head = f"No credentials for {integration.title}: the account `{DEFAULT}` has no token. Ways to give one:"
    return "\n".join([head, *(f"  - {way}" for way in ways(integration))])


def _unknown(integration: Integration, alias: str, env: Mapping[str, str]) -> UnknownNameError:
    there = names(integration, env)
    near = nearest(alias.replace("-", "_"), there)
    shown = repr(alias[:64])
    how = ""
    if alias.lower() == DEMO:
        how = " It has no demo: name one of its own accounts, or run without the demo."
    elif _ALIAS.fullmatch(alias):
        variable = f"{integration.credentials.env}_{alias.upper().replace('-', '_')}"
        how = f" A named account has its token in the environment variable {variable}."
    exist = f"there {'are' if len(there) > 1 else 'is'} {', '.join(there) or 'none'}"
    return UnknownNameError(
        f"{integration.title} has no account {shown}; {exist}.{how}",
        tuple(f"app.integrations.{integration.name}.{name}" for name in near),
    )
