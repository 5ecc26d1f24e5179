"""`kosmo accounts:add`, `:list`, `:remove` and `:test`: which tokens there are, where each is, and whether it is good.

A token is typed where nobody sees it, or comes from standard input; never from an argument, which others on the machine
can read and the shell keeps. None of these commands shows one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from kosmo_kernel import accounts
from kosmo_kernel.accounts import DEFAULT, USUAL, Account, store
from kosmo_kernel.accounts.status import UNAUTHORIZED, AccountStatus, all_accounts
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.cli.command import Command
from kosmo_kernel.cli.completions import accounts_of
from kosmo_kernel.cli.identity import TokenOwner, who
from kosmo_kernel.cli.options import as_json
from kosmo_kernel.cli.output import document, note, print_rows, say
from kosmo_kernel.cli.reference import integration_of
from kosmo_kernel.cli.shell_interface import DONE, FAILED
from kosmo_kernel.errors import CredentialsError, InvalidArgumentsError, KosmoError, RefusedError, UnknownNameError
from kosmo_kernel.integrations import everything
from kosmo_kernel.settings.aliases import normalize_alias

STDIN = "-"
NOT_HERE = (
    "A token is not given as an argument: others on this machine can see it there, and the shell keeps it in its "
    "history. If that was one, revoke it. Leave it out and you are asked for it, or give - and it is read from "
    "standard input."
)
service = click.option("--integration", default=USUAL, show_default=True, metavar="NAME", help="Whose account it is.")


@click.command(
    "accounts:add",
    cls=Command,
    epilog="""\b
Examples:
  kosmo accounts:add production
  heroku authorizations:create -s read,identity --short | kosmo accounts:add production -
""",
)
@click.argument("alias")
@click.argument("words", nargs=-1, metavar="[-]")
@click.option("--stdin", is_flag=True, help="Read the token from standard input, as - does.")
@click.option("--replace", is_flag=True, help="Give an account that there is another token.")
@click.option(
    "--file", "in_file", is_flag=True, help="Keep the token in a file that only you can read, not in the keyring."
)
@service
@as_json
def add(
    *, alias: str, words: tuple[str, ...], stdin: bool, replace: bool, in_file: bool, integration: str, as_json: bool
) -> None:
    """Keep an account, so that scripts can name it.

    ALIAS is the account's name in Lua: app.integrations.heroku.ALIAS. The account `default` is the one that is asked
    where a script names none.

    The token is asked for, and what is typed is not shown; with - it is read from standard input. It is tried before it
    is kept, in the system keyring or, where there is none, in a file that only you can read.
    """
    if any(word != STDIN for word in words):
        raise click.UsageError(NOT_HERE)
    found = integration_of(integration)
    name = store.check_alias(found, alias)
    before = store.added(found.name, os.environ).get(normalize_alias(name))
    if before and not replace:
        raise InvalidArgumentsError(store.taken(before))
    token, source = read_token(f"Token of {found.name}.{name}", from_stdin=stdin or bool(words))
    whose, kept = keep(found, name, token, source, in_file=in_file, replace=replace)
    where, shadow = _where(kept), _shadow(found, name)
    if as_json:
        facts = {"who": whose.text or None, "scopes": list(whose.scopes), "kept": kept.kept, "where": where}
        document(
            {"success": True, "integration": found.name, "account": kept.alias, **facts, "hidden_by": shadow or None}
        )
        return
    is_ = f" is {whose.text}" if whose.text else ""
    say(f"{found.name}.{kept.alias}{is_}. Its token is kept in {where}{f'; {whose.scope}' if whose.scope else ''}.")
    if kept.kept == "file" and not in_file:
        note("There is no system keyring here. The file can be read by you alone, and is not encrypted.")
    if shadow:
        note(f"{shadow} is set here and comes first. Unset it to use this token.")


@click.command("accounts:list", cls=Command, epilog="\b\nExample:\n  kosmo accounts:list")
@as_json
def list_(*, as_json: bool) -> None:
    """List the accounts, and where each has its token.

    No service is asked, and no token is read or shown. With --json: `accounts`, each with its `integration`, its name
    `account`, `token` (where it is), `who` (as it was told when it was kept), `url` and `error`.
    """
    found = all_accounts()
    if as_json:
        document({"success": True, "accounts": [_listed(one) for one in found]})
    else:
        print_rows([(f"{one.integration.name}.{one.alias}", _told(one)) for one in found])


@click.command("accounts:remove", cls=Command, epilog="\b\nExample:\n  kosmo accounts:remove production")
@click.argument("alias", shell_complete=accounts_of())
@service
@as_json
def remove(*, alias: str, integration: str, as_json: bool) -> None:
    """Forget an account, and its token.

    What `kosmo accounts:add` keeps can be removed. The token itself stays good: revoke it where it was made.
    """
    found = integration_of(integration)
    try:
        gone = store.remove(found, alias, os.environ)
    except UnknownNameError as error:
        raise _why_not(found, alias, error) from None
    if as_json:
        document({"success": True, "integration": found.name, "account": gone.alias, "kept": gone.kept})
    else:
        say(f"{found.name}.{gone.alias} is forgotten. Its token is still good: revoke it where it was made.")


@click.command(
    "accounts:test",
    cls=Command,
    epilog="\b\nExamples:\n  kosmo accounts:test\n  kosmo accounts:test production --json",
)
@click.argument("alias", required=False, shell_complete=accounts_of())
@click.option("--integration", metavar="NAME", help=f"Of this integration only.  [default: all; {USUAL} with ALIAS]")
@as_json
def test(*, alias: str | None, integration: str | None, as_json: bool) -> int:
    """Try the token of an account, or those of all.

    Each is sent to its service once, which says whose it is and what it is for. Exits with 1 when one is not accepted.
    """
    if alias and accounts.canonical_reserved(alias) == accounts.DEMO:
        raise InvalidArgumentsError("The demo account is fiction, and has no token to try.")
    asked = [integration_of(integration or USUAL)] if alias or integration else everything()
    rows = [_tried(one, name) for one in asked for name in ([alias] if alias else _own(one))]
    if not rows:
        accounts.find(asked[0])  # which says how to have one
    failed = [row for row in rows if not row["success"]]
    if as_json:
        error = "; ".join(row["error"] for row in failed) or None
        document({"success": not failed, "error": error, "accounts": rows})
    else:
        print_rows([(f"{row['integration']}.{row['account']}", _outcome(row)) for row in rows])
    return FAILED if failed else DONE


def read_token(prompt: str, *, from_stdin: bool) -> tuple[str, str]:
    """A token, and where it came from in words.

    Parameters:
        prompt: what to ask a person at a terminal, who does not see what they type.
        from_stdin: read it from standard input, to its end.

    Raises:
        click.UsageError: there is no terminal, and it is not to be read from standard input.
        CredentialsError: nothing was given.
    """
    is_terminal = bool(sys.stdin and sys.stdin.isatty())
    if not from_stdin and not is_terminal:
        raise click.UsageError(
            "Nobody can be asked for the token here: standard input is no terminal. Add - to read it."
        )
    if is_terminal:
        source, token = (
            "the prompt",
            str(click.prompt(prompt, hide_input=True, err=True, default="", show_default=False)),
        )
    else:
        source, token = "standard input", sys.stdin.buffer.read().decode(errors="replace") if sys.stdin else ""
    if not token.strip():
        raise CredentialsError(f"There is no token in {source}. Nothing was kept.")
    return token.strip(), source


def keep(
    integration: Integration, alias: str, token: str, source: str, *, in_file: bool = False, replace: bool = False
) -> tuple[TokenOwner, store.Added]:
    """Try a token, and keep it when it is good.

    Parameters:
        integration: whose token it is.
        alias: a name that `store.check_alias` gave.
        token: the secret.
        source: where it came from, in words.
        in_file: keep it in a file, although there may be a keyring.
        replace: there may be an account of that name, which gets this token.

    Raises:
        KosmoError: it is not good, or cannot be kept. Nothing was kept.
    """
    try:
        whose = who(
            integration, Account(integration.name, alias, token, accounts.address(integration, os.environ), source)
        )
        kept = store.add(integration, alias, token, os.environ, who=whose.text, in_file=in_file, replace=replace)
    except KosmoError as error:
        error.message += "" if "Nothing was kept" in error.message else " Nothing was kept."
        raise
    return whose, kept


def _where(kept: store.Added) -> str:
    return "the system keyring" if kept.kept == "keyring" else str(store.secrets_file(os.environ))


def _shadow(integration: Integration, alias: str) -> str:
    """The environment variable that comes before an account that was added; empty for none."""
    first = next(accounts.steps(integration, alias))
    return first.source if first.kind == "environment" else ""


def _listed(one: AccountStatus) -> dict[str, Any]:
    return {
        "integration": one.integration.name,
        "account": one.alias,
        "token": None if one.problem else one.token,
        "who": one.who or None,
        "url": one.url,
        "error": one.problem or None,
    }


def _told(one: AccountStatus) -> str:
    """An account in one line: where its token is, and what else is known of it."""
    if one.problem:
        return " ".join(one.problem.split())
    return f"{one.token}{f', of {one.who}' if one.who else ''}"


def _own(integration: Integration) -> Sequence[str]:
    return [name for name in accounts.names(integration) if name != accounts.DEMO]


def _tried(integration: Integration, alias: str) -> dict[str, Any]:
    """One account, and what its service says of its token."""
    row: dict[str, Any] = {"integration": integration.name, "account": accounts.listed(integration, alias) or alias}
    row |= {
        "success": False,
        "error": None,
        "token": None,
        "who": None,
        "scopes": [],
        "left": None,
        "duration_ms": None,
    }
    try:
        account = accounts.find(integration, alias)
        row["token"] = f"in {account.source}"
        found = who(integration, account)
    except UnknownNameError:
        raise
    except KosmoError as error:
        refused = isinstance(error, RefusedError) and error.status == UNAUTHORIZED
        said = f"{integration.title} refuses the token {row['token']} ({UNAUTHORIZED}): it is wrong, revoked or expired"
        return row | {"error": f"{said}." if refused else error.message}
    facts = {"who": found.text or None, "scopes": list(found.scopes), "left": found.left}
    return row | {"success": True, **facts, "duration_ms": round(found.ms, 1)}


def _outcome(row: dict[str, Any]) -> str:
    if not row["success"]:
        return " ".join(str(row["error"]).split())
    scope = f"; its scope is {', '.join(row['scopes'])}" if row["scopes"] else ""
    return f"good, {row['token']}: {row['who'] or 'accepted'}{scope} ({row['duration_ms']:,.0f} ms)"


def _why_not(integration: Integration, alias: str, error: UnknownNameError) -> KosmoError:
    """Why an account cannot be removed: it is somebody else's to remove, or is not there."""
    if accounts.canonical_reserved(alias) == accounts.DEMO:
        return InvalidArgumentsError("The demo account is fiction, and always there.")
    step = next(accounts.steps(integration, alias), None)
    if step is None:
        from kosmo_kernel.catalogue import nearest

        there = [one.alias for one in store.added(integration.name, os.environ).values()]
        return UnknownNameError(error.message, tuple(nearest(alias, there)))
    name = DEFAULT if accounts.canonical_reserved(alias) == DEFAULT else step.alias
    advice = f"unset {step.source}" if step.kind == "environment" else "take it away where it was put"
    return InvalidArgumentsError(
        f"The token of {integration.name}.{name} is in {step.source}, and was not added here. To be rid of it, "
        f"{advice}."
    )
