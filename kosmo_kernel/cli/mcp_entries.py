"""`kosmo mcp:add`, `:remove`, `:enable` and `:disable`: the entries of MCP servers in the user's file or the project's.

A secret is never taken from an argument: it is asked for, or read from standard input, goes into the keyring, and the
entry refers to it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

from kosmo_kernel.cli.accounts import read_token
from kosmo_kernel.cli.command import Command
from kosmo_kernel.cli.mcp_files import change, check_name, entry_of, place, project, put, servers
from kosmo_kernel.cli.options import NumberInRange, as_json
from kosmo_kernel.cli.output import document, say
from kosmo_kernel.errors import InvalidArgumentsError
from kosmo_kernel.mcp import configuration
from kosmo_kernel.mcp.entries import entry
from kosmo_kernel.mcp.secret_scan import found_in, is_private
from kosmo_kernel.mcp.trust import consent_lines

NOT_HERE = (
    "{what} looks like a secret, and is not taken from an argument: others on this machine can see it there, and the "
    "shell keeps it in its history. If it was one, revoke it. --secret NAME asks for a variable's value, --bearer for "
    "the token of a server with an address."
)
VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
name_argument = click.argument("name", shell_complete=servers)


@click.command(
    "mcp:add",
    cls=Command,
    epilog="""\b
Examples:
  kosmo mcp:add time -- mcp-server-time --local-timezone UTC
  kosmo mcp:add tracker --secret TRACKER_TOKEN -- npx -y tracker-mcp
  kosmo mcp:add library --url https://library.example.com/mcp --bearer
""",
)
@click.argument("name")
@click.argument("command", nargs=-1, metavar="[-- COMMAND [ARG]…]")
@click.option("--url", metavar="URL", help="The address of a server that has one, in place of a command.")
@click.option(
    "--env", "variables", multiple=True, metavar="NAME[=VALUE]", help="A variable; without VALUE that of your shell."
)
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header of every request.")
@click.option("--secret", "secret", metavar="NAME", help="A variable whose value is asked for and kept in the keyring.")
@click.option("--bearer", is_flag=True, help="A token that is asked for, kept in the keyring, and sent as Bearer.")
@click.option("--stdin", is_flag=True, help="Read that value from standard input.")
@click.option("--cwd", metavar="FOLDER", help="Where it is started, in place of the project's folder.")
@click.option("--timeout", type=NumberInRange(min=0, min_open=True), metavar="S", help="Seconds for each answer.")
@click.option("--replace", is_flag=True, help="In place of an entry of this name.")
@project
@as_json
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
    as_json: bool,
) -> None:
    """Configure an MCP server.

    NAME is what Lua calls it: app.mcp.NAME. The command stands behind --, or --url gives the address. Texts may refer
    to variables (${NAME}) and to secrets of the keyring (${secret:NAME}). Nothing is started.
    """
    check_name(name)
    _check_ways(command, url, secret, bearer=bearer)
    made: dict[str, Any] = {"url": url} if url else {"command": command[0], "args": list(command[1:])}
    sent = dict(_pair("--header", one) for one in headers)
    told = {"env": dict(map(_variable, variables)), "headers": sent, "cwd": cwd, "timeout": timeout}
    made |= {key: value for key, value in told.items() if value}
    path = place(of_project=project)
    _check(name, made, path)

    def keeping() -> AbstractContextManager[None]:
        return _keeping(name, made, secret, stdin=stdin) if secret or bearer else nullcontext()

    put(path, {name: made}, replace=replace, keeping=keeping)
    _tell(name, path, "added", as_json=as_json)


@click.command("mcp:remove", cls=Command, epilog="\b\nExample:\n  kosmo mcp:remove time")
@name_argument
@project
@as_json
def remove(*, name: str, project: bool, as_json: bool) -> None:
    """Forget an MCP server, and its secrets."""
    path = place(of_project=project)

    own: list[str] = []

    def edit(entries: dict[str, Any]) -> None:
        text = json.dumps(entry_of(entries, name, path), ensure_ascii=False)
        own.extend(re.findall(rf"\$\{{secret:({re.escape(name)}\.[^}}]+)\}}", text))
        del entries[name]

    change(path, edit)
    if own:
        from kosmo_kernel.mcp import secrets

        for secret in own:
            secrets.drop(secret)
    _tell(name, path, "removed", as_json=as_json)


@click.command("mcp:enable", cls=Command, epilog="\b\nExample:\n  kosmo mcp:enable time")
@name_argument
@project
@as_json
def enable(*, name: str, project: bool, as_json: bool) -> None:
    """Let an MCP server be used again."""
    _switch(name, on=True, of_project=project, as_json=as_json)


@click.command("mcp:disable", cls=Command, epilog="\b\nExample:\n  kosmo mcp:disable time --project")
@name_argument
@project
@as_json
def disable(*, name: str, project: bool, as_json: bool) -> None:
    """Keep an MCP server configured, and do not use it."""
    _switch(name, on=False, of_project=project, as_json=as_json)


def _switch(name: str, *, on: bool, of_project: bool, as_json: bool) -> None:
    path = place(of_project=of_project)

    def edit(entries: dict[str, Any]) -> None:
        given = entry_of(entries, name, path)
        if not isinstance(given, dict):
            raise InvalidArgumentsError(f"{path}: the entry of `{name}` must be an object.")
        given.pop("disabled", None)  # Cursor's word, which would go before ours
        given["enabled"] = on

    change(path, edit)
    _tell(name, path, "enabled" if on else "disabled", as_json=as_json)


def _check_ways(command: Sequence[str], url: str | None, secret: str | None, *, bearer: bool) -> None:
    """Nothing, when it is clear how a server is reached, and no secret stands there.

    Raises:
        click.UsageError: it is not.
    """
    if bool(command) == bool(url):
        raise click.UsageError("Give the command of the server behind --, or its address with --url.")
    if secret and bearer:
        raise click.UsageError("--secret and --bearer ask for one value each. Add the other one by hand.")
    if secret and not VARIABLE.fullmatch(secret):
        raise click.UsageError("--secret takes the name of a variable; its value is asked for.")
    if bearer and not url:
        raise click.UsageError("--bearer goes with --url.")
    for told in found_in([*command, url or ""]):
        raise click.UsageError(NOT_HERE.format(what=f"`{told}`"))


def _check(name: str, made: dict[str, Any], path: Path) -> None:
    """Nothing, when an entry describes a server.

    Raises:
        InvalidArgumentsError: it does not.
    """
    found = entry(name, made, "user", path, path.parent)
    if found.fault:
        raise InvalidArgumentsError(f"That is no MCP server: {found.fault}.")


def _variable(given: str) -> tuple[str, str]:
    name, equals, _ = given.partition("=")
    return _pair("--env", given) if equals else (name.strip(), f"${{{name.strip()}}}")


def _pair(option: str, given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    name = name.strip()
    if not equals or not name:
        raise click.UsageError(f"{option} takes NAME=VALUE.")
    if is_private(name, value):
        raise click.UsageError(NOT_HERE.format(what=f"The value of `{name}`"))
    return name, value


def _keeping(name: str, made: dict[str, Any], variable: str | None, *, stdin: bool) -> AbstractContextManager[None]:
    """Ask for the one secret of a server, and have the entry refer to it; what keeps it."""
    from kosmo_kernel.mcp import secrets

    kept = f"{name}.{variable or 'token'}"
    value, _ = read_token(f"{variable or 'Token'} of {name}", from_stdin=stdin)
    if variable:
        made["env"] = made.get("env", {}) | {variable: f"${{secret:{kept}}}"}
    else:
        made["headers"] = made.get("headers", {}) | {"Authorization": f"Bearer ${{secret:{kept}}}"}
    return secrets.keeping({kept: value})


def _tell(name: str, path: Path, done: str, *, as_json: bool) -> None:
    """Say what was done, and what is left to do."""
    found = configuration()
    server = found.servers.get(name)
    left: Iterable[str] = ()
    if server and server.path != path:
        left = [f"{server.path} has one of this name as well, which is the one that counts."]
    elif server and server.of_project and server.enabled:
        left = [f"`kosmo mcp:trust {name}` before it is used: it comes with the project."]
    if as_json:
        document({"success": True, "server": name, "done": done, "file": str(path), "notes": list(left)})
        return
    say(f"The MCP server {name} is {done}: {path}")
    if server and done == "added":
        sys.stdout.writelines(f"  {line}\n" for line in consent_lines(server))
    for line in left:
        say(line)
