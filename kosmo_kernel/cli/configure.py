"""`kosmo integrations:configure` and `mcp:configure`: change or show permissions and addresses in `config.toml`.

The options have the names of KosmoKrator's command. A secret is only accepted in the JSON on standard input, and is
stored as by `kosmo accounts:add`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from kosmo_kernel import accounts
from kosmo_kernel.accounts import DEFAULT, looks_like_token, store
from kosmo_kernel.accounts.account import form_fault
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.cli.accounts import keep
from kosmo_kernel.cli.command import CommandResult, command
from kosmo_kernel.cli.options import account_option, all_of
from kosmo_kernel.cli.reference import SUPPORTED, integration_of
from kosmo_kernel.cli.streams import whole_input
from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError
from kosmo_kernel.safety.redaction import in_texts, redact
from kosmo_kernel.settings.config_file import change, config
from kosmo_kernel.settings.permissions import EFFECTS, Target, permission, section_of_server
from kosmo_kernel.settings.private_files import write as write_private
from kosmo_kernel.settings.table import POLICIES, Keys
from kosmo_kernel.text import nearest

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


permission_options = all_of(
    click.option("--read", type=click.Choice(POLICIES), help="Whether scripts may read."),
    click.option("--write", type=click.Choice(POLICIES), help="Whether scripts may change something."),
)


@command(
    "integrations:configure",
    "kosmo integrations:configure heroku --write deny",
    "kosmo integrations:configure heroku -a staging --permissions read:ask",
    "kosmo integrations:configure heroku --set allow_host=heroku.example.com --json",
)
@click.argument("provider", metavar="INTEGRATION")
@account_option("Permissions of this account only.")
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
    *("--enable", "--global", "usual"),
    is_flag=True,
    expose_value=False,
    help="No effect; accepted for compatibility with older scripts.",
)
@click.option("--disable", is_flag=True, hidden=True, help="Refused; the error says what to do instead.")
@click.option("--project", is_flag=True, hidden=True, help="Likewise.")
@click.option("--show", is_flag=True, help="Only show the values, as without options.")
def configure(
    *, provider: str, account: str | None, stdin_json: bool, disable: bool, project: bool, show: bool, **options: Any
) -> CommandResult:
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
    payload = _payload() if stdin_json else {}
    if account is None and "account" in payload:
        account = _text("account", payload["account"])
    fields = payload.get("set", {}) | payload.get("credentials", {})
    token = _text(SECRET, fields.pop(SECRET)) if SECRET in fields else None
    fields |= map(_pair, options["pairs"])
    policies = payload.get("permissions", {}) | _policies(options)
    dropped = [*payload.get("unset", []), *options["unset"]]
    changes = _changes(integration, account, fields, policies, dropped)
    if show and (changes or token or dropped):
        raise click.UsageError("--show changes nothing. Leave it out, or the others.")
    alias = store.check_alias(integration, account or DEFAULT) if token or SECRET in dropped else ""
    before = config()
    if changes:
        change(changes)
    try:
        if token:
            keep(integration, alias, token, "standard input", replace=True)
        if SECRET in dropped:
            store.remove(integration, alias)
    except BaseException:
        if changes and before.text:
            write_private(before.path, before.text)
        elif changes:
            before.path.unlink()
        raise
    listed = accounts.canonical_name(integration, account or DEFAULT)
    settings = {key: in_texts(config().get("integrations", integration.name, key), redact) for key in FIELDS}
    facts = {
        "provider": integration.name,
        "account": account and (listed or account),
        "scope": "global",
        "enabled": True,
        "configured": listed is not None,
        **SUPPORTED,
        "settings": settings,
        "credentials_set": [*([SECRET] if token else []), *fields],
        "credentials_unset": dropped,
    }
    rows = [(key, _setting_text(value)) for key, value in settings.items() if value]
    return _result(facts, Target(account or DEFAULT, integration.name), rows, changed=bool(changes or token or dropped))


@command(
    "mcp:configure",
    "kosmo mcp:configure time --read allow",
    "kosmo mcp:configure tracker --read allow --write deny --json",
    "kosmo mcp:configure tracker --unset write",
)
@click.argument("name", metavar="SERVER")
@permission_options
@click.option("--unset", type=click.Choice(EFFECTS), multiple=True, help="Remove a permission that was set.")
def configure_server(*, name: str, unset: tuple[str, ...], **policies: str | None) -> CommandResult:
    """Set the permissions of an MCP server.

    Without options the command shows the current ones. A tool reads if the server declares it as read-only; every
    other one may change something. A permission is allow, deny or ask. With ask, you are asked before the first call of
    a tool; if nobody can be asked, the call fails. --read allow also allows what you would be asked about once in a
    session because the server may pass it on. A project can only make permissions stricter, in [tool.kosmo_kernel] of
    its pyproject.toml. The server is not started.

    With --json: `server`, `permissions`, `said_by` with the line that sets each permission, and their `file`.
    """
    from kosmo_kernel.mcp import configuration

    server = configuration().find(name)
    changes = {effect: policy for effect, policy in policies.items() if policy}
    if both := [effect for effect in unset if effect in changes]:
        raise click.UsageError(f"--{both[0]} sets it and --unset {both[0]} removes it. Give one of them.")
    changes |= dict.fromkeys(unset)  # type: ignore[arg-type] # None deletes a key
    if changes:
        section = section_of_server(server.name)
        change({(*section, effect): policy for effect, policy in changes.items()})
    return _result({"server": server.name}, Target(server.name), changed=bool(changes))


def _result(
    facts: Mapping[str, Any], target: Target, settings: Sequence[tuple[str, str]] = (), *, changed: bool
) -> CommandResult:
    """Return the permissions that hold now, and whether something was changed."""
    rules = {effect: permission(target, effect) for effect in EFFECTS}
    file = config()
    facts = {
        **facts,
        "file": str(file.path),
        "permissions": {effect: rule.policy for effect, rule in rules.items()},
        "said_by": {effect: rule.location or None for effect, rule in rules.items()},
    }
    rows = [(effect, rule.policy + (f" ({rule.location})" if rule.location else "")) for effect, rule in rules.items()]
    summary = f"Done. {file.path} says:" if file.text else "Done."
    return CommandResult(facts, *([summary] if changed else []), [*rows, *settings])


def _setting_text(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


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
    key, equals, value = (part.strip() for part in pair.partition("="))
    if key.lower() in SECRETS:
        raise click.UsageError(
            f"`{key}` is a secret, and is not taken from an argument: others on this machine can see it there. If that "
            "was one, revoke it. `kosmo accounts:add ALIAS` asks for it, and --stdin-json reads it."
        )
    if not equals or not value:
        raise click.UsageError("--set takes NAME=VALUE.")
    return key, value


def _policies(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of `--permissions`, such as `read:allow,write:ask`, and of `--read` and `--write`."""
    text = options["permissions"]
    parts = (part.partition(":") for part in text.split(",")) if text is not None else ()
    policies = {effect.strip(): policy.strip() for effect, _, policy in parts}
    return policies | {effect: options[effect] for effect in EFFECTS if options[effect]}


def _changes(
    integration: Integration,
    account: str | None,
    fields: Mapping[str, Any],
    policies: Mapping[str, Any],
    dropped: Iterable[str],
) -> dict[Keys, Any]:
    """Return the changes to make in the file.

    Raises:
        UnknownNameError: a name is unknown; the error has similar names.
        InvalidArgumentsError: a value is not valid.
    """
    removable = (*FIELDS, *EFFECTS, SECRET)
    for names, available in ((dropped, removable), (fields, (*FIELDS, SECRET)), (policies, EFFECTS)):
        for name in names:
            if name not in available:
                near = nearest(name, available, most=1)
                hint = "" if near else f" There are {', '.join(available)}."
                raise UnknownNameError(f"There is no `{name[:40]}` to set.{hint}", tuple(near))
    for effect, policy in policies.items():
        if policy not in POLICIES:
            raise InvalidArgumentsError(f"`{effect}` takes {', '.join(POLICIES)}, got {str(policy)[:40]!r}.")
    root: Keys = ("integrations", integration.name)
    section: Keys = (*root, *(("accounts", _account_key(integration, account)) if account else ()), "permissions")
    places = {**{name: (*root, name) for name in FIELDS}, **{effect: (*section, effect) for effect in EFFECTS}}
    values = dict.fromkeys(name for name in dropped if name != SECRET)
    values |= {name: _address(name, value) for name, value in fields.items()} | dict(policies)
    return {places[name]: value for name, value in values.items()}


def _address(key: str, value: Any) -> str | list[str]:
    """Return an address or hosts without a user, password or token in them, which would be stored and printed.

    Raises:
        InvalidArgumentsError: there is one, or it is no address. It is not quoted.
    """
    hosts = [host.strip() for host in str(value).split(",")]
    for text in hosts:
        if fault := form_fault(text) or ("it looks like a token" if looks_like_token(text) else None):
            raise InvalidArgumentsError(
                f"`{key}` is no address: {fault}. Nothing was stored. If there was a token in it, revoke it, because "
                "others can see the arguments of a command; `kosmo accounts:add ALIAS` asks for a token."
            )
    return hosts if key == "allow_host" and len(hosts) > 1 else _text(key, value)


def _account_key(integration: Integration, alias: str) -> str:
    """Return the name of an account as it is written in the file."""
    if accounts.canonical_reserved(alias) == accounts.DEMO:
        return accounts.DEMO
    return accounts.canonical_name(integration, alias) or store.check_alias(integration, alias)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgumentsError(f"`{key}` takes a text.")
    return value.strip()
