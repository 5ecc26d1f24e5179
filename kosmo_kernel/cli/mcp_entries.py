"""`kosmo mcp:add` and `:remove`: edit the MCP servers in the user's file or the project's; `:trust` and `:untrust`.

Secrets are never accepted as arguments. They are read from a prompt or from standard input and stored in the keyring,
and the entry refers to them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

from kosmo_kernel.cli.accounts import read_token
from kosmo_kernel.cli.command import CommandResult, command
from kosmo_kernel.cli.mcp_files import add_entries, change, check_name, config_path, entry_of, project
from kosmo_kernel.cli.options import ValueType, mcp_servers
from kosmo_kernel.cli.output import print_note, print_result
from kosmo_kernel.cli.streams import input_is_terminal
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError, UntrustedError
from kosmo_kernel.mcp import Trust, configuration, secrets
from kosmo_kernel.mcp.entries import entry
from kosmo_kernel.mcp.secret_scan import is_private, secret_names
from kosmo_kernel.mcp.trust import consent_lines, fingerprint
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.safety.text import escape_hidden
from kosmo_kernel.settings.table import TIMEOUT

NOT_AS_ARGUMENT = (
    "{what} looks like a secret, and is not taken from an argument: others on this machine can see it there, and the "
    "shell keeps it in its history. If it was one, revoke it. --secret NAME asks for a variable's value, --bearer for "
    "the token of a server with an address."
)
CHANGED = "It is not what you trusted before."
VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
name_argument = click.argument("name", shell_complete=mcp_servers)


@command(
    "mcp:add",
    "kosmo mcp:add time -- mcp-server-time --local-timezone UTC",
    "kosmo mcp:add tracker --secret TRACKER_TOKEN -- npx -y tracker-mcp",
    "kosmo mcp:add library --url https://library.example.com/mcp --bearer",
)
@click.argument("name")
@click.argument("command", nargs=-1, metavar="[-- COMMAND [ARG]…]")
@click.option("--url", metavar="URL", help="The address of the server, instead of a command.")
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="An environment variable; without VALUE, its value comes from your own environment.",
)
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header of every request.")
@click.option(
    "--secret",
    "secret",
    metavar="NAME",
    help="An environment variable with a secret; asks for the value, and stores it in the keyring.",
)
@click.option("--bearer", is_flag=True, help="Ask for a token, store it in the keyring, and send it as Bearer.")
@click.option("--stdin", is_flag=True, help="Read the value of --secret or --bearer from standard input.")
@click.option("--cwd", metavar="FOLDER", help="The working directory of the server, instead of the project's folder.")
@click.option("--timeout", type=ValueType(TIMEOUT.value), metavar="S", help="Seconds to wait for each response.")
@click.option("--replace", is_flag=True, help="Replace an existing entry of this name.")
@project
def add(
    *,
    name: str,
    command: tuple[str, ...],
    url: str | None,
    variables: tuple[str, ...],
    headers: tuple[str, ...],
    secret: str | None,
    bearer: bool,
    stdin: bool,
    cwd: str | None,
    timeout: float | None,
    replace: bool,
    project: bool,
) -> CommandResult:
    """Configure an MCP server.

    NAME is its name in Lua: app.mcp.NAME. Write its command after --, or its address with --url. Both can contain
    variables (${NAME}) and secrets from the keyring (${secret:NAME}). The server is not started.
    """
    check_name(name)
    _check_options(command, url, secret, bearer=bearer)
    new_entry: dict[str, Any] = {"url": url} if url else {"command": command[0], "args": list(command[1:])}
    header_values = dict(_pair("--header", text) for text in headers)
    fields = {"env": dict(map(_variable, variables)), "headers": header_values, "cwd": cwd, "timeout": timeout}
    new_entry |= {key: value for key, value in fields.items() if value}
    path = config_path(of_project=project)
    if fault := entry(name, new_entry, "user", path, path.parent).fault:
        raise InvalidArgumentsError(f"That is no MCP server: {fault}.")

    def keeping() -> AbstractContextManager[None]:
        return _ask_secret(name, new_entry, secret, stdin=stdin) if secret or bearer else nullcontext()

    add_entries(path, {name: new_entry}, replace=replace, keeping=keeping)
    return report(name, path, "added")


@command("mcp:remove", "kosmo mcp:remove time")
@name_argument
@project
def remove(*, name: str, project: bool) -> CommandResult:
    """Remove an MCP server and its secrets."""
    path = config_path(of_project=project)
    secret_names: list[str] = []

    def edit(entries: dict[str, Any]) -> None:
        text = json.dumps(entry_of(entries, name, path), ensure_ascii=False)
        secret_names.extend(re.findall(rf"\$\{{secret:({re.escape(name)}\.[^}}]+)\}}", text))
        del entries[name]

    change(path, edit)
    for secret in secret_names:
        secrets.drop(secret)
    return report(name, path, "removed")


@command("mcp:trust", "kosmo mcp:trust time", "kosmo mcp:trust time --yes --json")
@name_argument
@click.option("-y", "--yes", is_flag=True, help="Trust it without a question; check the entry first.")
def trust(*, name: str, yes: bool, as_json: bool) -> int:
    """Trust a server of this project.

    The command shows the server's command and arguments, or its address, and its variables and headers, and asks you.
    Secrets are not shown. If any of this changes later, also a secret, the server is not started until you trust it
    again. Nothing is started now.
    """
    server, trust_store = configuration().find(name), Trust()
    if server.fault:
        raise SettingsError(f"{server.path}: the MCP server `{name}`: {server.fault}.")
    before, lines = trust_store.status(server), consent_lines(server)
    if before != "trusted":
        heading = escape_hidden(f"The MCP server {name}, from {server.path}:")
        changed = [CHANGED] if before == "changed" else []
        for line in (heading, *(f"  {line}" for line in lines), *changed):
            (print_note if as_json else print_result)(line)
        if not yes:
            if not (input_is_terminal() and sys.stderr.isatty()):
                raise click.UsageError("Nobody can be asked here. If you agree to what is shown, add --yes.")
            yes = click.confirm("Start it when it is asked something?", default=False, err=True)
        if not yes:
            raise UntrustedError(f"`{name}` is not trusted. Nothing was changed.")
        trust_store.trust(server)
    facts = {"server": name, "trust": "trusted", "file": str(server.path), "shown": lines}
    text = f"{name} {'was' if before == 'trusted' else 'is'} trusted."
    if not server.of_project:
        text = f"{name} is in your own file, {server.path}, and needs no trust."
    return CommandResult({**facts, "fingerprint": fingerprint(server)}, text).print(as_json=as_json)


@command("mcp:untrust", "kosmo mcp:untrust time")
@name_argument
def untrust(*, name: str) -> CommandResult:
    """No longer trust a server of this project.

    The server is not started again until you trust it again.
    """
    server = configuration().find(name)
    if not server.of_project:
        raise SettingsError(f"{name} is in your own file, {server.path}, and needs no trust. `kosmo mcp:disable` it.")
    changed = Trust().untrust(server)
    text = f"{name} is trusted no more." if changed else f"{name} was not trusted."
    return CommandResult({"server": name, "trust": "untrusted", "changed": changed}, text)


def _check_options(command: Sequence[str], url: str | None, secret: str | None, *, bearer: bool) -> None:
    """Check that the options give one way to reach the server, and contain no secret.

    Raises:
        click.UsageError: the options exclude one another, or one of them looks like a secret.
    """
    if bool(command) == bool(url):
        raise click.UsageError("Give the command of the server behind --, or its address with --url.")
    if secret and bearer:
        raise click.UsageError("--secret and --bearer ask for one value each. Add the other one by hand.")
    if secret and not VARIABLE.fullmatch(secret):
        raise click.UsageError("--secret takes the name of a variable; its value is asked for.")
    if bearer and not url:
        raise click.UsageError("--bearer goes with --url.")
    for secret_text in secret_names([*command, url or ""]):
        raise click.UsageError(NOT_AS_ARGUMENT.format(what=f"`{secret_text}`"))


def _variable(text: str) -> tuple[str, str]:
    if "=" in text:
        return _pair("--env", text)
    name = text.strip()
    if redact(name) != name:
        raise click.UsageError(NOT_AS_ARGUMENT.format(what="The name of a variable"))
    if not VARIABLE.fullmatch(name):
        raise click.UsageError("--env takes NAME=VALUE, or the name of a variable of your own environment.")
    return name, f"${{{name}}}"


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise click.UsageError(f"{option} takes NAME=VALUE.")
    if redact(name) != name:
        raise click.UsageError(NOT_AS_ARGUMENT.format(what=f"The name in {option}"))
    if is_private(name, value):
        raise click.UsageError(NOT_AS_ARGUMENT.format(what=f"The value of `{name}`"))
    return name, value


def _ask_secret(
    name: str, fields: dict[str, Any], variable: str | None, *, stdin: bool
) -> AbstractContextManager[None]:
    """Ask for the secret of a server and add a reference to its entry; return the context that stores the secret."""
    secret_name = f"{name}.{variable or 'token'}"
    value, _ = read_token(f"{variable or 'Token'} of {name}", from_stdin=stdin)
    if variable:
        fields["env"] = fields.get("env", {}) | {variable: f"${{secret:{secret_name}}}"}
    else:
        fields["headers"] = fields.get("headers", {}) | {"Authorization": f"Bearer ${{secret:{secret_name}}}"}
    return secrets.keeping({secret_name: value})


def report(name: str, path: Path, action: str) -> CommandResult:
    """Return what was done with an entry of a file, and what the user still has to do."""
    server = configuration().servers.get(name)
    notes: list[str] = []
    if server and server.path != path:
        notes = [f"{server.path} has one of this name as well, which is the one that counts."]
    elif server and server.of_project and server.enabled:
        notes = [f"`kosmo mcp:trust {name}` before it is used: it comes with the project."]
    lines = [f"  {line}" for line in consent_lines(server)] if server and action == "added" else []
    facts = {"server": name, "done": action, "file": str(path), "notes": notes}
    return CommandResult(facts, f"The MCP server {name} is {action}: {path}", *lines, *notes)
