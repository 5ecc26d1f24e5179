"""Search for the token of an account, in this order.

    default     HEROKU_API_KEY; added as `default`; the Heroku CLI's entry in the keyring; ~/.netrc
    others      HEROKU_API_KEY_<ALIAS>; added

(The integration defines the name of the variable.) The places are listed without reading a secret, because account
names are needed at every start and every keystroke, and the keyring can be slow. The first place with a token is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Literal

from msgspec import Struct

from kosmo_kernel.accounts import sign_in, store
from kosmo_kernel.accounts.account import (
    ALIAS,
    DEFAULT,
    DEMO,
    NOT_AN_ALIAS,
    RESERVED,
    Account,
    add_command,
    looks_like_token,
    variable_of,
)
from kosmo_kernel.accounts.addresses import address, is_own, netloc
from kosmo_kernel.accounts.demo_accounts import demo_places, is_demo
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.errors import CredentialsError, KosmoError, UnknownNameError
from kosmo_kernel.questions.shipped import TABLES as NAMESPACE
from kosmo_kernel.safety.core_dumps import limit_core_dumps
from kosmo_kernel.settings.table import DEMO_ACCOUNT
from kosmo_kernel.text.nearest import nearest, normalize_alias


class Step(Struct, frozen=True):
    """A place of the search that has a token, or should have one."""

    kind: Literal["environment", "keyring", "file", "cli", "netrc"]  # the kind of place
    source: str  # a description of the place
    alias: str  # the account's alias, as it is spelled there
    read: Callable[[], str | None]  # returns the token, or None if there is none after all
    who: str = ""  # the owner of the account, if known without a request


def find(integration: Integration, alias: str = DEFAULT) -> Account:
    """Return the account with an alias.

    Parameters:
        integration: the service.
        alias: `default` or the name of an account, case-insensitive, with `-` equal to `_`.

    Raises:
        CredentialsError: there is no default token, the token or the address must not be used, or the place of the
            token cannot be read.
        SettingsError: a settings file is invalid.
        UnknownNameError: there is no such named account, or the service has no demo.
        ValueError: the alias is that of a fictional account, which is not made from a token.
    """
    if alias.lower() in demo_places(integration):
        raise ValueError("a fictional account is made by the session, not found")
    without: list[Step] = []
    for step in steps(integration, alias):
        token = step.read()
        if token:
            limit_core_dumps()
            return Account(integration.name, step.alias, token, address(integration, alias), step.source)
        without.append(step)
    if normalize_alias(alias) == DEFAULT:
        raise CredentialsError(_none(integration, without))
    raise _unknown(integration, alias)


def steps(integration: Integration, alias: str) -> Iterator[Step]:
    """Yield the places that have a token of an account, in the order of the search. No secret is read.

    Raises:
        CredentialsError: the address must not receive a token, or `~/.netrc` is invalid.
        SettingsError: a settings file is invalid.
    """
    name, variable = normalize_alias(alias), variable_of(integration, alias)
    if not ALIAS.fullmatch(alias) or name == DEMO or name in integration.names():
        return
    added = store.stored_accounts(integration.name).get(name)
    spelling = added.alias if added else name
    if token := os.environ.get(variable, "").strip():
        yield Step("environment", variable, spelling, lambda: token)
    if added:
        source = "the system keyring" if added.location == "keyring" else str(store.secrets_file())
        yield Step(added.location, source, spelling, partial(store.token_of, integration.name, added), added.who)
    if name == DEFAULT:
        yield from _other_programs(integration)


def _other_programs(integration: Integration) -> Iterator[Step]:
    """Yield the places where other programs keep a token for the service."""
    credentials = integration.credentials
    if credentials.signed_in is None and not credentials.netrc:
        return

    url = address(integration)
    place = credentials.signed_in
    if place and is_own(integration, url) and (person := sign_in.signed_in(place)):
        source = f"{place.title}'s entry in the system keyring"
        yield Step("cli", source, DEFAULT, partial(sign_in.token_of, place, person), person.name)
    if credentials.netrc:
        file = sign_in.netrc_file()
        if password := sign_in.netrc_password(file, netloc(url)):
            yield Step("netrc", str(file), DEFAULT, lambda: password)


def names(integration: Integration, default: str = DEFAULT) -> list[str]:
    """Return the existing aliases: `default` if it has a token, the named ones sorted, and `demo` if there is one.

    Where the default account is fictional, the named ones include those of `Integration.demo_accounts`.

    An account from an environment variable is listed with `_` (`my_team`), so that it is a Lua name; an added account
    is listed as it was spelled. An account with the name of one of the service's functions is not listed, because in
    Lua the name refers to the function. Invalid files are ignored here; `find` and `fault` report them.
    """
    prefix = f"{integration.credentials.env}_"
    taken = {*RESERVED, NAMESPACE, *integration.names()}
    variables = (name for name, value in os.environ.items() if value.strip())
    suffixes = (name.removeprefix(prefix) for name in variables if name.startswith(prefix))
    named = {s.lower(): s.lower() for s in suffixes if s == normalize_alias(s).upper() and ALIAS.fullmatch(s)}
    first = []
    with suppress(KosmoError):
        named |= {name: one.alias for name, one in store.stored_accounts(integration.name).items()}
    with suppress(KosmoError):
        first = [DEFAULT] if next(steps(integration, DEFAULT), None) else []
    if is_demo(default):
        named |= {name: name for name in integration.demo_accounts}
    listed = sorted(alias for name, alias in named.items() if name not in taken)
    return [*first, *listed, *([DEMO] if integration.demo else [])]


def canonical_name(integration: Integration, alias: str) -> str | None:
    """Return an account's name as in `names`, from any spelling of it; None if there is no such account."""
    return next((name for name in names(integration) if normalize_alias(name) == normalize_alias(alias)), None)


def fault(integration: Integration) -> KosmoError | None:
    """Return the error of an invalid file that prevents accounts from being listed, or None."""
    try:
        store.stored_accounts(integration.name)
        next(steps(integration, DEFAULT), None)
    except KosmoError as error:
        return error
    return None


def demo_chosen() -> bool:
    """Return whether `KOSMO_DEMO=1` makes the demo the default account.

    Raises:
        SettingsError: it is neither 1 nor 0. A typo must not select the user's own account.
    """
    return bool(DEMO_ACCOUNT.from_env())


def ways(integration: Integration) -> tuple[str, ...]:
    """Return the ways to set up an account, one line each."""
    variable, signed_in = integration.credentials.env, integration.credentials.signed_in
    call = f"{integration.name}.{DEMO}.{integration.functions[0].name}()"
    demo = f"or use the demo, a fictional account: KOSMO_DEMO=1, `--demo`, or in Lua {call}"
    return (
        f"set the environment variable {variable}; for a named account {variable}_<ALIAS>",
        f"`{add_command(integration.name, DEFAULT)}` keeps a token; with another name one of a named account",
        *([f"sign in with {signed_in.title}, whose token is then used"] if signed_in else []),
        *integration.credentials.token_help,
        *([demo] if integration.demo else []),
    )


def how_to_add(integration: Integration, alias: str) -> str:
    """Return how an account of this name would be set up, as a sentence; empty if no account can have the name."""
    if not ALIAS.fullmatch(alias) or normalize_alias(alias) in integration.names():
        return ""
    return (
        f"A named account has its token in the environment variable {variable_of(integration, alias)}, or is added "
        f"with `{add_command(integration.name, alias.lower())}`."
    )


def lua_path(integration: Integration, alias: str) -> str:
    """Return the Lua expression for an account: `app.integrations.heroku["my-team"]`."""
    from kosmo_kernel.values import lua_literals

    return f"app.integrations.{integration.name}{lua_literals.field(alias)}"


def _none(integration: Integration, without: list[Step]) -> str:
    head = f"No credentials for {integration.title}: the account `{DEFAULT}` has no token. Ways to give one:"
    empty = [f"({one.who} is signed in, but there is no token in {one.source}.)" for one in without if one.who]
    return "\n".join([head, *(f"  - {way}" for way in ways(integration)), *empty])


def _unknown(integration: Integration, alias: str) -> UnknownNameError:
    if looks_like_token(alias):
        return UnknownNameError(NOT_AN_ALIAS)
    there = names(integration)
    near = nearest(alias.replace("-", "_"), there)
    shown = repr(alias[:64])
    how = ""
    if alias.lower() == DEMO:
        how = " It has no demo: name one of its own accounts, or run without the demo."
    elif sentence := how_to_add(integration, alias):
        how = f" {sentence}"
    exist = f"there {'are' if len(there) > 1 else 'is'} {', '.join(there) or 'none'}"
    return UnknownNameError(
        f"{integration.title} has no account {shown}; {exist}.{how}",
        tuple(lua_path(integration, name) for name in near),
    )
