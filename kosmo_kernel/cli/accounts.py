"""`kosmo status`, `accounts:add` and `accounts:remove`: accounts and their tokens.

A token is read from a prompt without echo, or from standard input. It is never accepted as an argument, which other
users of the machine can see and the shell keeps in its history. None of these commands prints a token.

Who owns a token is found out by calling the integration's function that takes no argument and returns one record, such
as Heroku's account. A token may be good and yet have too few scopes for that: then its owner is unknown.
"""

from __future__ import annotations

from contextlib import closing
from http import HTTPStatus
from typing import Any, NamedTuple

import click

from kosmo_kernel import accounts, integrations
from kosmo_kernel.accounts import DEFAULT, Account, store
from kosmo_kernel.accounts.discovery import AccountStatus, with_remaining
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.cli.command import CommandResult, NoteLine, command
from kosmo_kernel.cli.reference import PROVIDER, integration_of, state
from kosmo_kernel.cli.streams import input_is_terminal, whole_input
from kosmo_kernel.errors import CredentialsError, InvalidArgumentsError, KosmoError, RefusedError, UnknownNameError
from kosmo_kernel.text import counted, normalize_alias

TIMEOUT_SECONDS = 10.0  # for the response to the question who owns a token
STDIN = "-"
NOT_AS_ARGUMENT = (
    "A token is not given as an argument: others on this machine can see it there, and the shell keeps it in its "
    "history. If that was one, revoke it. Leave it out and you are asked for it, or give - and it is read from "
    "standard input."
)
integration_option = click.option(
    "--integration",
    default=integrations.DEFAULT.name,
    show_default=True,
    metavar="NAME",
    help="The integration of the account.",
)


class TokenOwner(NamedTuple):
    """The owner of a token, as its service describes them."""

    text: str = ""  # a name, an address or both; empty if the integration has no function that returns them
    scopes: tuple[str, ...] = ()  # the scopes of the token, if the service reports them


def token_owner(integration: Integration, account: Account) -> TokenOwner:
    """Return the owner of an account's token.

    Raises:
        ApiError: the service responded with an error, or not in time.
    """
    from kosmo_kernel.client.client import Client

    function = next((f for f in integration.functions if f.returns == "record" and not f.params), None)
    if function is None:
        return TokenOwner()
    record: Any = {}
    with closing(Client(integration, account, timeout=TIMEOUT_SECONDS, retries=0)) as client:
        try:
            record = client.fetch(function, {}).data
        except RefusedError as error:  # of a token that is accepted, but must not read this
            if error.status != HTTPStatus.FORBIDDEN or not client.scopes:
                raise
    names = [str(record[label]) for label in integration.labels if record.get(label)]
    text = f"{names[0]} ({', '.join(names[1:])})" if len(names) > 1 else "".join(names)
    return TokenOwner(text, client.scopes)


@command(
    "accounts:add",
    "kosmo accounts:add production",
    "heroku authorizations:create -s read,identity --short | kosmo accounts:add production -",
)
@click.argument("alias")
@click.argument("words", nargs=-1, metavar="[-]")
@click.option("--replace", is_flag=True, help="Replace the token of an existing account.")
@click.option(
    "--file", "in_file", is_flag=True, help="Store the token in a file that only you can read, not in the keyring."
)
@integration_option
def add(*, alias: str, words: tuple[str, ...], replace: bool, in_file: bool, integration: str) -> CommandResult:
    """Add an account, so that scripts can name it.

    ALIAS is the account's name in Lua: app.integrations.heroku.ALIAS. A script that names no account uses the account
    `default`.

    The command asks for the token without showing it; with - it reads the token from standard input. The token is
    tried, and then stored in the system keyring. If there is no keyring, it is stored in a file that only you can read.
    """
    if any(word != STDIN for word in words):
        raise click.UsageError(NOT_AS_ARGUMENT)
    service = integration_of(integration)
    name = store.check_alias(service, alias)
    existing = store.stored_accounts(service.name).get(normalize_alias(name))
    if existing and not replace:
        raise InvalidArgumentsError(store.name_in_use_message(existing))
    token, source = read_token(f"Token of {service.name}.{name}", from_stdin=bool(words))
    owner, account = keep(service, name, token, source, in_file=in_file, replace=replace)
    where = "the system keyring" if account.location == "keyring" else str(store.secrets_file())
    first = next(accounts.token_sources(service, name))
    shadow = first.source if first.kind == "environment" else ""  # a variable comes before what was stored
    whose = f" is {owner.text}" if owner.text else ""
    scope = f"; its scope is {', '.join(owner.scopes)}" if owner.scopes else ""
    notes = [_what_is_beyond(service, owner.scopes)]
    if account.location == "file" and not in_file:
        notes.append("There is no system keyring here. The file can be read by you alone, and is not encrypted.")
    if shadow:
        notes.append(f"{shadow} is set here and comes first. Unset it to use this token.")
    facts = {"who": owner.text or None, "scopes": list(owner.scopes), "kept": account.location, "where": where}
    return CommandResult(
        {"integration": service.name, "account": account.alias, **facts, "hidden_by": shadow or None},
        f"{service.name}.{account.alias}{whose}. Its token is kept in {where}{scope}.",
        *(NoteLine(note) for note in notes if note),
    )


def _what_is_beyond(integration: Integration, scopes: tuple[str, ...]) -> str:
    """Return how many functions and checks a token with some scopes is not enough for; empty for none."""
    from kosmo_kernel.catalogue.integration import beyond_scopes
    from kosmo_kernel.questions.discovery import checks_beyond

    functions, checks = beyond_scopes(integration, scopes), checks_beyond(integration, scopes)
    if not functions:
        return ""
    numbers = [counted(sum(map(len, functions.values())), "function")]
    numbers += [counted(sum(map(len, checks.values())), "check")] if checks else []
    return (
        f"It is not enough for {' and '.join(numbers)}, which need {' or '.join(functions)}: `kosmo docs "
        "accounts` has them by scope."
    )


@command("status", "kosmo status", "kosmo status --json")
def status() -> CommandResult:
    """List the accounts, and try their tokens.

    Each account has a line: where its token comes from, and how many requests are left. The token is tried with a
    request that does not count; if it is rejected, the line says so. No token is shown.

    With --json: `providers` by name. `configured` means that the default account has a token, and `active` that
    functions can be called without naming an account; `functions` is their number. `budgets` has for each account the
    requests `left`, its `capacity`, and an `error` if they are unknown. `accounts` has, for each account, its
    `integration`, its name `account`, `token` (where it is), `who` (the owner, if known without a request), its
    `scopes`, `url` and `error`.
    """
    from kosmo_kernel.session import Session

    facts, rows = [], []
    budgets: dict[str, dict[str, Any]] = {integration.name: {} for integration in integrations.load_all()}
    with Session() as session:
        for account in with_remaining(session.budget_left):
            service, error = account.integration.name, account.problem or None
            scopes = session.scopes(service, account.alias)
            budgets[service][account.alias] = {"left": account.remaining, "capacity": account.capacity, "error": error}
            facts.append(
                {
                    "integration": service,
                    "account": account.alias,
                    "token": None if account.token == error else account.token,
                    "who": account.who or None,
                    "scopes": list(scopes),
                    "url": account.url,
                    "error": error,
                }
            )
            rows.append((f"{service}.{account.alias}", account_line(account, scopes)))
    providers = {
        i.name: state(i) | PROVIDER | {"functions": len(i.functions), "budgets": budgets[i.name]}
        for i in integrations.load_all()
    }
    return CommandResult({"providers": providers, "accounts": facts}, rows)


def account_line(account: AccountStatus, scopes: tuple[str, ...]) -> str:
    """Return what is known about an account, in one line."""
    if account.problem:
        return account.text
    parts = [f"{account.token}, of {account.who}" if account.who else account.token]
    if account.capacity is not None:  # it was tried
        parts += ["accepted", *([f"scope {', '.join(scopes)}"] if scopes else []), f"{account.text} requests left"]
    return "; ".join(parts)


@command("accounts:remove", "kosmo accounts:remove production")
@click.argument("alias")
@integration_option
def remove(*, alias: str, integration: str) -> CommandResult:
    """Remove an account and its token.

    This works for accounts that were added with `kosmo accounts:add`. The token itself stays valid until you revoke it
    at the service. The integration need not be installed any more.
    """
    name = integration.lower()
    if store.stored_accounts(name) and name not in (service.name for service in integrations.load_all()):
        removed = store.remove(name, alias)
    else:
        service = integration_of(integration)
        name = service.name
        try:
            removed = store.remove(name, alias, title=service.title)
        except UnknownNameError as error:
            raise _removal_error(service, alias, error) from None
    return CommandResult(
        {"integration": name, "account": removed.alias, "kept": removed.location},
        f"{name}.{removed.alias} is forgotten. Its token is still good: revoke it where it was made.",
    )


def read_token(prompt: str, *, from_stdin: bool) -> tuple[str, str]:
    """Read a token; return it with the name of its source.

    Parameters:
        prompt: the text of the prompt on a terminal, where the input is not echoed.
        from_stdin: read the token from standard input, to its end, if that is not a terminal.

    Raises:
        click.UsageError: standard input is not a terminal, and `from_stdin` is false.
        CredentialsError: the token is blank.
    """
    asks = input_is_terminal()
    if not from_stdin and not asks:
        raise click.UsageError(
            "Nobody can be asked for the token here: standard input is no terminal. Add - to read it."
        )
    source = "the prompt" if asks else "standard input"
    if asks:
        token = str(click.prompt(prompt, hide_input=True, err=True, default="", show_default=False))
    else:
        token = whole_input().decode(errors="replace")
    if not token.strip():
        raise CredentialsError(f"There is no token in {source}. Nothing was kept.")
    return token.strip(), source


def keep(
    integration: Integration, alias: str, token: str, source: str, **options: bool
) -> tuple[TokenOwner, store.StoredAccount]:
    """Try a token with one request, and store it if the service accepts it.

    Parameters:
        integration: the integration that the token is for.
        alias: the account's name, as returned by `store.check_alias`.
        token: the secret.
        source: the source of the token, for messages.
        options: `in_file` and `replace`, as for `store.add`.

    Returns:
        The owner of the token, and the stored account.

    Raises:
        KosmoError: the token is refused or cannot be stored. Nothing was stored.
    """
    from kosmo_kernel.client.secrets import MIN_TOKEN_LENGTH  # with the client, which asks below

    if len(token) < MIN_TOKEN_LENGTH:
        raise CredentialsError(
            f"The token in {source} has fewer than {MIN_TOKEN_LENGTH} characters. It would be found in ordinary words, "
            "and redacted in all output. Nothing was kept."
        )
    try:
        address = accounts.address(integration, alias)
        owner = token_owner(integration, Account(integration.name, alias, token, address, source))
        return owner, store.add(integration, alias, token, who=owner.text, **options)
    except KosmoError as error:
        error.advice = f"{error.advice} Nothing was kept.".lstrip()
        raise


def _removal_error(integration: Integration, alias: str, error: UnknownNameError) -> KosmoError:
    """Return the error for an account that was not added: it is fiction, is kept elsewhere, or does not exist."""
    if accounts.canonical_reserved(alias) == accounts.DEMO:
        return InvalidArgumentsError("The demo account is fiction, and always there.")
    candidate = next(accounts.token_sources(integration, alias), None)
    if candidate is None:
        return error
    name = DEFAULT if accounts.canonical_reserved(alias) == DEFAULT else candidate.alias
    advice = f"unset {candidate.source}" if candidate.kind == "environment" else "take it away where it was put"
    return InvalidArgumentsError(
        f"The token of {integration.name}.{name} is in {candidate.source}, and was not added here. To be rid of it, "
        f"{advice}."
    )
