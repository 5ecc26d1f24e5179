"""Where the token of an account is looked for, first found first taken.

    default     HEROKU_API_KEY; added as `default`; the Heroku CLI's entry in the keyring; ~/.netrc
    another     HEROKU_API_KEY_<ALIAS>; added

(The variable's name is the integration's.) That a step is there is known without reading a secret: names are asked for
at every start and with every key that is pressed, and the keyring may take its time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from kosmo_kernel.accounts import sign_in, store
from kosmo_kernel.accounts.account import (
    ALIAS,
    DEFAULT,
    DEMO,
    RESERVED,
    Account,
    adding,
    canonical_reserved,
    variable_of,
)
from kosmo_kernel.accounts.addresses import address, is_own, netloc
from kosmo_kernel.catalogue import Integration, nearest
from kosmo_kernel.errors import CredentialsError, KosmoError, UnknownNameError
from kosmo_kernel.settings.aliases import normalize_alias
from kosmo_kernel.settings.env import env_flag


@dataclass(frozen=True, slots=True)
class Step:
    """A place that a token is in, or should be in.

    Parameters:
        kind: which step of the ladder.
        source: the place, in words.
        alias: the account's name, as it is spelled there.
        read: reads the token; None where there is none after all.
        who: whose account it is, where that is known without asking.
    """

    kind: Literal["environment", "keyring", "file", "cli", "netrc"]
    source: str
    alias: str
    read: Callable[[], str | None] = field(repr=False)
    who: str = ""


def find(integration: Integration, alias: str = DEFAULT, env: Mapping[str, str] | None = None) -> Account:
    """The account with this alias.

    Parameters:
        integration: the service.
        alias: `default`, or the name of an account in any case, with `-` and `_` meaning the same.
        env: environment variables; the process's own when None. (Not a default value: `help()` shows those.)

    Raises:
        CredentialsError: there is no default token, or a token or address that must not be used, or the place that a
            token is in cannot be read.
        SettingsError: a file of settings makes no sense.
        UnknownNameError: there is no such named account, or the service has no demo.
        ValueError: the alias is `demo`, which is not made from a token.
    """
    env = os.environ if env is None else env
    if canonical_reserved(alias) == DEMO and integration.demo:
        raise ValueError("the demo account is made by the session, not found")
    without: list[Step] = []
    for step in steps(integration, alias, env):
        token = step.read()
        if token:
            return Account(integration.name, step.alias, token, address(integration, env), step.source)
        without.append(step)
    if normalize_alias(alias) == DEFAULT:
        raise CredentialsError(_none(integration, without))
    raise _unknown(integration, alias, env)


def steps(integration: Integration, alias: str, env: Mapping[str, str] | None = None) -> Iterator[Step]:
    """The places that have a token of this account, first the one that is used. No secret is read.

    Parameters:
        integration: the service.
        alias: of the account, in any spelling.
        env: as for `find`.

    Raises:
        CredentialsError: the address is none that a token may be sent to, or `~/.netrc` makes no sense.
        SettingsError: a file of settings makes no sense.
    """
    env = os.environ if env is None else env
    name, variable = normalize_alias(alias), variable_of(integration, alias)
    if not ALIAS.fullmatch(alias) or name == DEMO or name in integration.names():
        return
    added = store.added(integration.name, env).get(name)
    spelling = added.alias if added else name
    if told := env.get(variable, "").strip():
        yield Step("environment", variable, spelling, lambda: told)
    if added:
        source = "the system keyring" if added.kept == "keyring" else str(store.secrets_file(env))
        yield Step(added.kept, source, spelling, partial(store.token_of, integration.name, added, env), added.who)
    if name == DEFAULT:
        yield from _of_others(integration, env)


def _of_others(integration: Integration, env: Mapping[str, str]) -> Iterator[Step]:
    """The places that other programs keep a token in, for the service's own address."""
    credentials = integration.credentials
    if credentials.signed_in is None and not credentials.netrc:
        return

    url = address(integration, env)
    place = credentials.signed_in
    if place and is_own(integration, url) and (person := sign_in.signed_in(place, env)):
        source = f"{place.title}'s entry in the system keyring"
        yield Step("cli", source, DEFAULT, partial(sign_in.token_of, place, person), person.name)
    if credentials.netrc:
        file = sign_in.netrc_file(env)
        if password := sign_in.netrc_password(file, netloc(url)):
            yield Step("netrc", str(file), DEFAULT, lambda: password)


def names(integration: Integration, env: Mapping[str, str] | None = None) -> list[str]:
    """The aliases that exist: `default` when it has a token, the named ones in order, `demo` where there is one.

    An account of an environment variable is listed with `_` (`my_team`), so that it is a Lua name; one that was added
    as it was spelled then. One that is called like a function of the service is not listed, since in Lua the name
    means the function. What is wrong with a file is not told here, but by `find` and `fault`.
    """
    env = os.environ if env is None else env
    prefix = f"{integration.credentials.env}_"
    taken = {*RESERVED, *integration.names()}
    suffixes = (key.removeprefix(prefix) for key, value in env.items() if key.startswith(prefix) and value.strip())
    named = {s.lower(): s.lower() for s in suffixes if s == normalize_alias(s).upper() and ALIAS.fullmatch(s)}
    first = []
    with suppress(KosmoError):
        named |= {name: one.alias for name, one in store.added(integration.name, env).items()}
    with suppress(KosmoError):
        first = [DEFAULT] if next(steps(integration, DEFAULT, env), None) else []
    listed = sorted(alias for name, alias in named.items() if name not in taken)
    return [*first, *listed, *([DEMO] if integration.demo else [])]


def listed(integration: Integration, alias: str, env: Mapping[str, str] | None = None) -> str | None:
    """An account's name as `names` has it, for any spelling of it; None where there is no such account."""
    return next((name for name in names(integration, env) if normalize_alias(name) == normalize_alias(alias)), None)


def fault(integration: Integration, env: Mapping[str, str] | None = None) -> KosmoError | None:
    """What keeps accounts from being listed: a file that makes no sense; None where nothing does.

    Parameters:
        integration: the service.
        env: as for `find`.
    """
    env = os.environ if env is None else env
    try:
        store.added(integration.name, env)
        next(steps(integration, DEFAULT, env), None)
    except KosmoError as error:
        return error
    return None


def demo_chosen(env: Mapping[str, str] | None = None) -> bool:
    """Whether `KOSMO_DEMO=1` makes the demo the default account.

    Raises:
        SettingsError: it is neither 1 nor 0. Whoever meant fiction must not be given their own account.
    """
    return bool(env_flag("KOSMO_DEMO", env))


def ways(integration: Integration) -> tuple[str, ...]:
    """The ways to have an account, one line each."""
    variable, signed_in = integration.credentials.env, integration.credentials.signed_in
    call = f"app.integrations.{integration.name}.{DEMO}.{integration.functions[0].name}()"
    demo = f"or use the demo, a fictional account: KOSMO_DEMO=1, `--demo`, or in Lua {call}"
    return (
        f"set the environment variable {variable}; for a named account {variable}_<ALIAS>",
        f"`{adding(integration.name, DEFAULT)}` keeps a token; with another name one of a named account",
        *([f"sign in with {signed_in.title}, whose token is then used"] if signed_in else []),
        *integration.credentials.how,
        *([demo] if integration.demo else []),
    )


def lua_path(integration: Integration, alias: str) -> str:
    """How an account is written in Lua: `app.integrations.heroku["my-team"]`."""
    from kosmo_kernel.values.lua_syntax import field as field_of

    return f"app.integrations.{integration.name}{field_of(alias)}"


def _none(integration: Integration, without: list[Step]) -> str:
    head = f"No credentials for {integration.title}: the account `{DEFAULT}` has no token. Ways to give one:"
    missed = [f"({one.who} is signed in, but there is no token in {one.source}.)" for one in without if one.who]
    return "\n".join([head, *(f"  - {way}" for way in ways(integration)), *missed])


def _unknown(integration: Integration, alias: str, env: Mapping[str, str]) -> UnknownNameError:
    there = names(integration, env)
    near = nearest(alias.replace("-", "_"), there)
    shown = repr(alias[:64])
    how = ""
    if alias.lower() == DEMO:
        how = " It has no demo: name one of its own accounts, or run without the demo."
    elif ALIAS.fullmatch(alias) and normalize_alias(alias) not in integration.names():
        how = (
            f" A named account has its token in the environment variable {variable_of(integration, alias)}, or is "
            f"added with `{adding(integration.name, alias.lower())}`."
        )
    exist = f"there {'are' if len(there) > 1 else 'is'} {', '.join(there) or 'none'}"
    return UnknownNameError(
        f"{integration.title} has no account {shown}; {exist}.{how}",
        tuple(lua_path(integration, name) for name in near),
    )
