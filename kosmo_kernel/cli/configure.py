"""`kosmo integrations:configure`: change or show the settings of an integration in `config.toml`.

The options have the names of KosmoKrator's command. A secret is only accepted in the JSON on standard input, and is
stored as by `kosmo accounts:add`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from kosmo_kernel import accounts
from kosmo_kernel.accounts import DEFAULT, looks_like_token, store
from kosmo_kernel.accounts.addresses import form_fault
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.cli.account_options import about_account
from kosmo_kernel.cli.accounts import keep
from kosmo_kernel.cli.command import command
from kosmo_kernel.cli.completions import integration_names
from kosmo_kernel.cli.output import document, print_result, print_rows
from kosmo_kernel.cli.permissions import permission_facts, permission_options, permission_rows
from kosmo_kernel.cli.reference import SUPPORTED, integration_of
from kosmo_kernel.cli.standard_input import whole_input
from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError
from kosmo_kernel.safety.redaction import in_texts, redact
from kosmo_kernel.settings.config_file import change, config
from kosmo_kernel.settings.permissions import EFFECTS, Target
from kosmo_kernel.settings.table import POLICIES, Keys
from kosmo_kernel.text.nearest import nearest

SECRET = "api_key"  # noqa: S105 - the name of the field, as in KosmoKrator
FIELDS = ("url", "allow_host")  # fields that are not secret and are written to the file
SECRETS = (SECRET, "api_token", "key", "password", "secret", "token")  # names that users may try for it
PAYLOAD = {  # the keys of the JSON on standard input, and the types of their values
    "account": str,
    "set": dict,
    "credentials": dict,
    "unset": list,
    "permissions": dict,
    "enabled": bool,
    "scope": str,
}
TYPE_NAMES = {str: "a text", dict: "an object", list: "a list", bool: "true or false"}
# Messages for options of KosmoKrator's command that have another equivalent here.
NO_SWITCH = "An integration that has an account is on. What keeps scripts from it is --read deny --write deny."
NO_PROJECT = (
    "What is set here holds for all projects. What one of them adds stands in its pyproject.toml, in "
    "[tool.kosmo_kernel]."
)


@command(
    "integrations:configure",
    "kosmo integrations:configure heroku --write deny",
    "kosmo integrations:configure heroku --account production --permissions read:ask,write:deny",
    "kosmo integrations:configure heroku --set allow_host=heroku.example.com --json",
)
@click.argument("provider", metavar="INTEGRATION", shell_complete=integration_names)
@click.option("-a", "--account", **about_account("Permissions of this account only."))
@permission_options
@click.option("--permissions", metavar="read:P,write:P", help="Both in one option.")
@click.option(
    "--set", "pairs", metavar="K=V", multiple=True, help="Set url or allow_host; separate several hosts by commas."
)
@click.option(
    "--unset", metavar="K", multiple=True, help="Remove url, allow_host, read, write or an account's api_key."
)
@click.option("--stdin-json", is_flag=True, help="Also read values and secrets from standard input (see above).")
@click.option(
    "--enable", "--global", "usual", is_flag=True, help="No effect; accepted for compatibility with older scripts."
)
@click.option("--disable", is_flag=True, hidden=True, help="Refused; the error says what to do instead.")
@click.option("--project", is_flag=True, hidden=True, help="Likewise.")
@click.option("--show", is_flag=True, help="Only show the values, as without options.")
def configure(
    *,
    provider: str,
    account: str | None,
    read: str | None,
    write: str | None,
    permissions: str | None,
    pairs: tuple[str, ...],
    unset: tuple[str, ...],
    stdin_json: bool,
    usual: bool,
    disable: bool,
    project: bool,
    show: bool,
    as_json: bool,
) -> None:
    """Set an integration's permissions and its address.

    Without options the command shows the current values. A permission is allow, deny or ask. With ask, you are asked
    before the first call of a function; if nobody can be asked, the call fails. A project can only make permissions
    stricter, in [tool.kosmo_kernel] of its pyproject.toml.

    With --stdin-json, standard input is an object with any of `account`, `set` (or `credentials`), `unset` and
    `permissions`; options take precedence. `{"set": {"api_key": "…"}}` stores a token, as `kosmo accounts:add` does.

    With --json: `permissions`, `said_by` with the line that sets each permission, `settings`, and their `file`.
    """
    if disable or project:
        raise click.UsageError(NO_SWITCH if disable else NO_PROJECT)
    integration = integration_of(provider)
    input_json = _payload() if stdin_json else {}
    if account is None and "account" in input_json:
        account = _text("account", input_json["account"])
    fields = {**input_json.get("set", {}), **input_json.get("credentials", {})}
    secret = _text(SECRET, fields.pop(SECRET)) if SECRET in fields else None
    fields |= dict(_pair(pair) for pair in pairs)
    options = {effect: option for effect, option in (("read", read), ("write", write)) if option}
    wanted = {**input_json.get("permissions", {}), **_permissions(permissions), **options}
    dropped = [*input_json.get("unset", []), *unset]
    changes = _changes(integration, account, fields, wanted, dropped)
    if show and (changes or secret or dropped):
        raise click.UsageError("--show changes nothing. Leave it out, or the others.")
    name = store.check_alias(integration, account or DEFAULT) if secret or SECRET in dropped else ""
    with _applied(changes):
        if secret:
            keep(integration, name, secret, "standard input", replace=True)
        if SECRET in dropped:
            store.remove(integration, name)
    changed_fields = [*([SECRET] if secret else []), *fields]
    facts = _facts(integration, account) | {"credentials_set": changed_fields, "credentials_unset": dropped}
    if as_json:
        document(facts)
        return
    if changes or secret or dropped:
        print_result(f"Done. {config().path} says:" if config().text else "Done.")
    _print(facts)


def _payload() -> dict[str, Any]:
    """Read and check the JSON object on standard input.

    Raises:
        click.UsageError: the input is not JSON or does not have the expected keys and types. The message does not
            quote it, because it may contain secrets.
    """
    try:
        payload = json.loads(whole_input())
    except (ValueError, RecursionError):
        raise click.UsageError("Standard input is no JSON. --stdin-json takes one object.") from None
    if not isinstance(payload, dict):
        raise click.UsageError("Standard input is no JSON object. --stdin-json takes one.")
    for key, value in payload.items():
        if key not in PAYLOAD:
            raise click.UsageError(f"The JSON on standard input has an unknown key. It takes {', '.join(PAYLOAD)}.")
        if not isinstance(value, PAYLOAD[key]):
            raise click.UsageError(f"`{key}` in the JSON on standard input must be {TYPE_NAMES[PAYLOAD[key]]}.")
    if not payload.get("enabled", True) or payload.get("scope", "global") != "global":
        raise click.UsageError(NO_PROJECT if payload.get("enabled", True) else NO_SWITCH)
    return payload


def _pair(pair: str) -> tuple[str, str]:
    """Return the name and the value of a `--set`.

    Raises:
        click.UsageError: the value is missing, or the name is that of a secret.
    """
    key, equals, value = pair.partition("=")
    key = key.strip()
    if key.lower() in SECRETS:
        raise click.UsageError(
            f"`{key}` is a secret, and is not taken from an argument: others on this machine can see it there. If that "
            "was one, revoke it. `kosmo accounts:add ALIAS` asks for it, and --stdin-json reads it."
        )
    if not equals or not value.strip():
        raise click.UsageError("--set takes NAME=VALUE.")
    return key, value.strip()


def _permissions(text: str | None) -> dict[str, str]:
    """Parse the value of `--permissions`, such as `read:allow,write:ask`."""
    policies = {}
    for part in text.split(",") if text is not None else ():
        effect, _, value = (word.strip() for word in part.partition(":"))
        policies[effect] = value
    return policies


def _changes(
    integration: Integration,
    account: str | None,
    fields: Mapping[str, Any],
    wanted: Mapping[str, Any],
    dropped: Iterable[str],
) -> dict[Keys, Any]:
    """Return the changes to make in the file.

    Raises:
        UnknownNameError: a name is unknown; the error has similar names.
        InvalidArgumentsError: a value is not valid.
    """
    root: Keys = ("integrations", integration.name)
    section: Keys = (*root, *(("accounts", _account_key(integration, account)) if account else ()), "permissions")
    changes: dict[Keys, Any] = {}
    for key in dropped:
        if key in EFFECTS:
            changes[*section, key] = None
        elif key in FIELDS:
            changes[*root, key] = None
        elif key != SECRET:
            raise _unknown(key, (*FIELDS, *EFFECTS, SECRET))
    for key, value in fields.items():
        if key not in FIELDS:
            raise _unknown(key, (*FIELDS, SECRET))
        hosts = [host.strip() for host in str(value).split(",")]
        _check_addresses(key, hosts)
        changes[*root, key] = hosts if key == "allow_host" and len(hosts) > 1 else _text(key, value)
    for effect, value in wanted.items():
        if effect not in EFFECTS:
            raise _unknown(effect, EFFECTS)
        if value not in POLICIES:
            raise InvalidArgumentsError(f"`{effect}` takes {', '.join(POLICIES)}, got {str(value)[:40]!r}.")
        changes[*section, effect] = value
    return changes


def _check_addresses(key: str, texts: Iterable[str]) -> None:
    """Check that addresses have no user, password or token in them, which would be stored and printed.

    Raises:
        InvalidArgumentsError: one of them has, or is no address. It is not quoted.
    """
    for text in texts:
        fault = form_fault(text) or ("it looks like a token" if looks_like_token(text) else None)
        if fault:
            raise InvalidArgumentsError(
                f"`{key}` is no address: {fault}. Nothing was stored. If there was a token in it, revoke it, because "
                "others can see the arguments of a command; `kosmo accounts:add ALIAS` asks for a token."
            )


@contextmanager
def _applied(changes: Mapping[Keys, Any]) -> Iterator[None]:
    """Change the file, and restore it if the body of the context raises an error."""
    settings = config()
    existed, previous = settings.path.exists(), {keys: settings.get(*keys) for keys in changes}
    if changes:
        change(changes)
    try:
        yield
    except BaseException:
        if changes:
            path = change(previous)
            if not existed and not config().table:
                path.unlink()
        raise


def _account_key(integration: Integration, alias: str) -> str:
    """Return the name of an account as it is written in the file."""
    if accounts.canonical_reserved(alias) == accounts.DEMO:
        return accounts.DEMO
    return accounts.canonical_name(integration, alias) or store.check_alias(integration, alias)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgumentsError(f"`{key}` takes a text.")
    return value.strip()


def _unknown(key: str, known: Iterable[str]) -> UnknownNameError:
    names = list(known)
    similar = nearest(key, names, most=1)
    hint = "" if similar else f" There are {', '.join(names)}."
    return UnknownNameError(f"There is no `{key[:40]}` to set.{hint}", tuple(similar))


def _facts(integration: Integration, account: str | None) -> dict[str, Any]:
    """Return the effective settings of an integration, or of one of its accounts."""
    alias, settings = account or DEFAULT, config()
    listed = accounts.canonical_name(integration, alias)
    return {
        "success": True,
        "provider": integration.name,
        "account": account and (listed or account),
        "scope": "global",
        "file": str(settings.path),
        "enabled": True,
        "configured": listed is not None,
        **SUPPORTED,
        **permission_facts(Target(alias, integration.name)),
        "settings": {key: in_texts(settings.get("integrations", integration.name, key), redact) for key in FIELDS},
    }


def _print(facts: Mapping[str, Any]) -> None:
    rows = permission_rows(facts)
    for key, value in facts["settings"].items():
        if value is not None:
            rows.append((key, ", ".join(value) if isinstance(value, list) else value))
    print_rows(rows)
