"""Search for the token of an account, in this order; and list all accounts with their remaining requests.

    default     HEROKU_API_KEY; added as `default`; the Heroku CLI's entry in the keyring; ~/.netrc
    others      HEROKU_API_KEY_<ALIAS>; added

(The integration defines the name of the variable.) The places are listed without reading a secret, because account
names are needed at every start and every keystroke, and the keyring can be slow. The first place with a token is used.

The service's own command line keeps its token in the system keyring under the user's name, and that name in a file, so
whether a user is signed in is known without access to the keyring. Older versions use `~/.netrc`, as do current ones
without a keyring.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec import Struct

from kosmo_kernel.accounts import account, store
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.http import CliLogin
from kosmo_kernel.errors import ApiError, CredentialsError, KosmoError, RefusedError, UnknownNameError
from kosmo_kernel.questions import TABLES as NAMESPACE
from kosmo_kernel.safety import limit_core_dumps
from kosmo_kernel.safety.decoder import decode_json
from kosmo_kernel.safety.intake import decode_text, read_file, read_file_if_any
from kosmo_kernel.settings.table import DEMO_ACCOUNT
from kosmo_kernel.text import lazy_pattern, nearest, normalize_alias

NETRC = "NETRC"
_MACHINE = lazy_pattern(r"\s*machine\s+(\S+)(.*)")
_PASSWORD = lazy_pattern(r"(?:^|\s)password\s+(\S+)")
_ENDS = lazy_pattern(r"\s*(?:machine|default|macdef)\b")
UNAUTHORIZED = 401


class TokenSource(Struct, frozen=True):
    """Where an account has a token, or should have one."""

    kind: Literal["environment", "keyring", "file", "cli", "netrc"]  # the kind of place
    source: str  # a description of the place
    alias: str  # the account's alias, as it is spelled there
    read: Callable[[], str | None]  # returns the token, or None if there is none after all
    who: str = ""  # the owner of the account, if known without a request


def find(integration: Integration, alias: str = account.DEFAULT) -> account.Account:
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
    if alias.lower() in account.demo_places(integration):
        raise ValueError("a fictional account is made by the session, not found")
    without: list[TokenSource] = []
    for candidate in token_sources(integration, alias):
        token = candidate.read()
        if token:
            limit_core_dumps()
            return account.Account(
                integration.name, candidate.alias, token, account.address(integration, alias), candidate.source
            )
        without.append(candidate)
    if normalize_alias(alias) == account.DEFAULT:
        head = (
            f"No credentials for {integration.title}: the account `{account.DEFAULT}` has no token. Ways to give one:"
        )
        empty = [
            f"({candidate.who} is signed in, but there is no token in {candidate.source}.)"
            for candidate in without
            if candidate.who
        ]
        raise CredentialsError("\n".join([head, *(f"  - {hint}" for hint in ways(integration)), *empty]))
    raise _unknown(integration, alias)


def token_sources(integration: Integration, alias: str) -> Iterator[TokenSource]:
    """Yield the places that have a token of an account, in the order of the search. No secret is read.

    Raises:
        CredentialsError: the address must not receive a token, or `~/.netrc` is invalid.
        SettingsError: a settings file is invalid.
    """
    name, variable = normalize_alias(alias), account.variable_of(integration, alias)
    if not account.ALIAS.fullmatch(alias) or name == account.DEMO or name in integration.names():
        return
    added = store.stored_accounts(integration.name).get(name)
    spelling = added.alias if added else name
    if token := os.environ.get(variable, "").strip():
        yield TokenSource("environment", variable, spelling, lambda: token)
    if added:
        source = "the system keyring" if added.location == "keyring" else str(store.secrets_file())
        yield TokenSource(added.location, source, spelling, partial(store.token_of, integration.name, added), added.who)
    if name == account.DEFAULT:
        yield from _other_programs(integration)


def _other_programs(integration: Integration) -> Iterator[TokenSource]:
    """Yield the places where other programs keep a token for the service."""
    credentials = integration.credentials
    if credentials.signed_in is None and not credentials.netrc:
        return

    url = account.address(integration)
    login = credentials.signed_in
    if login and account.is_own(integration, url) and (person := signed_in(login)):
        source = f"{login.title}'s entry in the system keyring"
        yield TokenSource("cli", source, account.DEFAULT, partial(_token_of_user, login, person), person.name)
    if credentials.netrc:
        file = netrc_file()
        if password := netrc_password(file, account.netloc(url)):
            yield TokenSource("netrc", str(file), account.DEFAULT, lambda: password)


def names(integration: Integration, default: str = account.DEFAULT) -> list[str]:
    """Return the existing aliases: `default` if it has a token, the named ones sorted, and `demo` if there is one.

    Where the default account is fictional, the named ones include those of `Integration.demo_accounts`.

    An account from an environment variable is listed with `_` (`my_team`), so that it is a Lua name; an added account
    is listed as it was spelled. An account with the name of one of the service's functions is not listed, because in
    Lua the name refers to the function. Invalid files are ignored here; `find` and `fault` report them.
    """
    prefix = f"{integration.credentials.env}_"
    unavailable = {*account.RESERVED, NAMESPACE, *integration.names()}
    variables = (name for name, value in os.environ.items() if value.strip())
    suffixes = (name.removeprefix(prefix) for name in variables if name.startswith(prefix))
    aliases = {s.lower(): s.lower() for s in suffixes if s == normalize_alias(s).upper() and account.ALIAS.fullmatch(s)}
    first = []
    with suppress(KosmoError):
        aliases |= {name: stored.alias for name, stored in store.stored_accounts(integration.name).items()}
    with suppress(KosmoError):
        first = [account.DEFAULT] if next(token_sources(integration, account.DEFAULT), None) else []
    if account.is_demo(default):
        aliases |= {name: name for name in integration.demo_accounts}
    listed = sorted(alias for name, alias in aliases.items() if name not in unavailable)
    return [*first, *listed, *([account.DEMO] if integration.demo else [])]


def fault(integration: Integration) -> KosmoError | None:
    """Return the error of an invalid file that prevents accounts from being listed, or None."""
    try:
        store.stored_accounts(integration.name)
        next(token_sources(integration, account.DEFAULT), None)
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
    add = account.add_command(integration.name, account.DEFAULT)
    call = f"{integration.name}.{account.DEMO}.{integration.functions[0].name}()"
    demo = f"or use the demo, a fictional account: KOSMO_DEMO=1, `--demo`, or in Lua {call}"
    return (
        f"set the environment variable {variable}; for a named account {variable}_<ALIAS>",
        f"`{add}` keeps a token; with another name one of a named account",
        *([f"sign in with {signed_in.title}, whose token is then used"] if signed_in else []),
        *integration.credentials.token_help,
        *([demo] if integration.demo else []),
    )


def how_to_add(integration: Integration, alias: str) -> str:
    """Return how an account of this name would be set up, as a sentence; empty if no account can have the name."""
    if not account.ALIAS.fullmatch(alias) or normalize_alias(alias) in integration.names():
        return ""
    return (
        f"A named account has its token in the environment variable {account.variable_of(integration, alias)}, or is "
        f"added with `{account.add_command(integration.name, alias.lower())}`."
    )


def lua_path(integration: Integration, alias: str) -> str:
    """Return the Lua expression for an account: `app.integrations.heroku["my-team"]`."""
    from kosmo_kernel.values import lua_literals

    return f"app.integrations.{integration.name}{lua_literals.field(alias)}"


def _unknown(integration: Integration, alias: str) -> UnknownNameError:
    if account.looks_like_token(alias):
        return UnknownNameError(account.NOT_AN_ALIAS)
    there = names(integration)
    near = nearest(alias.replace("-", "_"), there)
    how = ""
    if alias.lower() == account.DEMO:
        how = " It has no demo: name one of its own accounts, or run without the demo."
    elif sentence := how_to_add(integration, alias):
        how = f" {sentence}"
    exist = f"there {'are' if len(there) > 1 else 'is'} {', '.join(there) or 'none'}"
    return UnknownNameError(
        f"{integration.title} has no account {alias[:64]!r}; {exist}.{how}",
        tuple(lua_path(integration, name) for name in near),
    )


class CliUser(NamedTuple):
    """A user who is signed in with a service's own command line."""

    name: str  # the user's name, an e-mail address
    version: str  # a text that changes with each sign-in


def signed_in(login: CliLogin) -> CliUser | None:
    """Return the user who is signed in; None if there is none, or if the command line does not use the keyring."""
    if os.name == "nt" or os.environ.get(login.off_env, "").lower() == "true":
        return None  # the keyring library cannot read the command line's entries on Windows
    own = os.environ.get(login.folder_env, "").strip()
    data = os.environ.get("XDG_DATA_HOME", "").strip() or os.path.expanduser("~/.local/share")
    file = Path(own, Path(login.state).name) if own else Path(data, login.state)
    try:
        changed = file.stat().st_mtime_ns  # before reading, so that the version is never newer than the name
        name = decode_json(read_file(file, ValueError), str(file), ValueError)[login.user_key]
    except OSError:  # of `stat`; the command line treats this as not signed in
        return None
    except (ValueError, LookupError, TypeError):  # treated as not signed in, too
        return None
    return CliUser(name, str(changed)) if isinstance(name, str) and name else None


def _token_of_user(login: CliLogin, person: CliUser) -> str | None:
    """Return the token of a signed-in user; None if the keyring has none, or there is no keyring.

    Raises:
        CredentialsError: the keyring is locked, fails or does not answer.
    """
    try:
        return store.read_keyring(login.service, person.name, person.version, login.attributes) or None
    except store.NoKeyringError:
        return None
    except CredentialsError as error:
        raise CredentialsError(f"{person.name} is signed in with {login.title}. {error.message}") from None


def netrc_file() -> Path:
    """Return the path of the netrc file, which may not exist."""
    path = os.environ.get(NETRC, "").strip()
    return Path(os.path.expanduser(path or ("~/_netrc" if os.name == "nt" else "~/.netrc")))


def netrc_password(file: Path, host: str) -> str | None:
    """Return the password of a host in a netrc file, or None if there is none.

    Heroku's command line writes files that Python's `netrc` module rejects. In that case the host's lines are searched
    for a password, as the command line does.

    Raises:
        CredentialsError: the file cannot be read or is invalid. No part of it is in the message.
    """
    content = read_file_if_any(file, CredentialsError)
    if content is None or host not in (text := decode_text(content, file, CredentialsError)):
        return None
    import netrc

    try:
        entry = netrc.netrc(str(file)).hosts.get(host)
    except netrc.NetrcParseError as fault:
        tolerant = _password_in(text, host)
        if tolerant is None:
            raise CredentialsError(
                f"{file}:{fault.lineno}: this makes no sense in a netrc file, so no token was taken from it. An entry "
                f"is `machine {host}`, then `login` and `password` with a word each."
            ) from None
        return tolerant
    return (entry[2] or None) if entry else None


def _password_in(text: str, host: str) -> str | None:
    """Return the password in the first entry of a host, by a search of its lines."""
    lines = iter(text.splitlines())
    for line in lines:
        machine = _MACHINE.match(line)
        if machine is None or machine[1] != host:
            continue
        entry = [machine[2]]
        for next_line in lines:
            if _ENDS.match(next_line) or not next_line.strip():
                break
            entry.append(next_line)
        passwords = (_PASSWORD.search(part) for part in entry if not part.lstrip().startswith("#"))
        return next((password[1] for password in passwords if password), None)
    return None


class AccountStatus(Struct):
    """The status of one account."""

    integration: Integration  # the service
    alias: str  # the account's alias
    token: str  # a description of where its token is, or why it cannot be used
    url: str | None = None  # the address to which the token is sent, or None
    remaining: int | None = None  # the remaining request budget, or None if unknown
    problem: str = ""  # why the account cannot be used, or empty
    who: str = ""  # the owner of the account if known without a request, or empty

    @property
    def capacity(self) -> int | None:
        """The maximum request budget of the account; None if its service has no limit."""
        return self.integration.budget.capacity if self.integration.budget and not account.is_demo(self.alias) else None

    @property
    def text(self) -> str:
        """The remaining request budget, or why it is unknown, in one line."""
        if self.problem:
            return " ".join(self.problem.split())
        if self.capacity is None:
            return "without limit"
        return "unknown" if self.remaining is None else f"{self.remaining:,} of {self.capacity:,}"


def all_accounts() -> list[AccountStatus]:
    """Return all accounts of all integrations, without requests; an invalid file is the default account's problem."""
    from kosmo_kernel.integrations import load_all

    statuses = []
    for integration in load_all():
        if error := fault(integration):  # then the default account is not among the names
            statuses.append(AccountStatus(integration, account.DEFAULT, error.message, problem=error.message))
        statuses += [_status(integration, alias) for alias in names(integration)]
    return statuses


def with_remaining(budget_left: Callable[[str, str], int | None]) -> list[AccountStatus]:
    """Return all accounts of all integrations with their remaining request budgets, except for demo accounts.

    Parameters:
        budget_left: returns the remaining budget of an integration's account. Its error becomes the `problem`.
    """
    statuses = all_accounts()
    for status in statuses:
        if status.capacity is None or status.problem:
            continue
        try:
            status.remaining = budget_left(status.integration.name, status.alias)
        except RefusedError as error:
            refused = f"{status.integration.title} refuses the token {status.token} ({error.status})"
            status.problem = refused if error.status == UNAUTHORIZED else error.text
        except ApiError as error:
            status.problem = error.text  # without the call, which is internal, and the account, which is in the row
        except KosmoError as error:
            status.problem = error.message
    return statuses


def _status(integration: Integration, alias: str) -> AccountStatus:
    if alias == account.DEMO:
        return AccountStatus(integration, alias, "needs none: everything in it is fiction")
    try:
        candidate = next(token_sources(integration, alias), None)
        if candidate is None:
            raise CredentialsError(f"`{alias}` is no name of an account, or was taken away meanwhile.")
        if candidate.kind == "environment":
            find(integration, alias)  # checks the token, which may be any text
        url = account.address(integration, alias)
    except KosmoError as error:
        return AccountStatus(integration, alias, error.message, problem=error.message)
    return AccountStatus(integration, alias, f"in {candidate.source}", url, who=candidate.who)
