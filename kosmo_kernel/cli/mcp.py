"""The commands that show MCP servers and start none, and the server for agents.

`kosmo mcp:list`, `:status`, `:trust`, `:untrust` and `:doctor`; `kosmo mcp:serve` runs `kosmo_kernel/mcp_server`.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from kosmo_kernel.cli.command import Aside, Command, CommandResult, command, document, print_note, print_result
from kosmo_kernel.cli.doctor import DoctorFinding, report
from kosmo_kernel.cli.options import ValueType, account_options, limit_options, setting_option
from kosmo_kernel.cli.streams import INTERRUPTED, SUCCESS, input_is_terminal
from kosmo_kernel.errors import KosmoError, SettingsError, UntrustedError
from kosmo_kernel.mcp import Configuration, Server, Servers, Trust, configuration, secrets
from kosmo_kernel.mcp.secrets import ResolvedServer, fill_in, redact_text, redact_words
from kosmo_kernel.mcp.trust import UNTRUSTED, command_line, consent_lines, fingerprint
from kosmo_kernel.safety.text import escape_hidden
from kosmo_kernel.settings.installation import install_command
from kosmo_kernel.settings.permissions import EFFECTS, permission, same_name, servers_named
from kosmo_kernel.settings.table import ANSWER_WITHIN, MAX_TOKENS, Number
from kosmo_kernel.text import nearest

ADVICE = "`kosmo mcp:add` configures one."
NONE = f"No MCP server is configured. {ADVICE}"
CHANGED = "It is not what you trusted before."
SDK = "mcp"

server_argument = click.argument("name")
server_or_all = click.argument("name", required=False, metavar="[SERVER]")


@command("mcp:list", "kosmo mcp:list", "kosmo mcp:list --all --json")
@click.option("--all", "everything", is_flag=True, help="Also list disabled servers.")
def list_(*, everything: bool) -> CommandResult:
    """List the configured MCP servers.

    No server is started. With --json: `servers` by name, and `sources`, the files that configure them. Values of
    variables and headers are never shown.
    """
    with Servers() as servers:
        configured, lua_names = servers.configuration(), servers.called()
        chosen = [server for server in configured.servers.values() if everything or server.enabled]
        rows = {server.name: _facts(server, lua_names[server.name], servers.trust) for server in chosen}
    sources = [
        {
            "source": source.source,
            "path": str(source.path),
            "schema": source.key or None,
            "servers": list(source.servers),
            "fault": source.fault or None,
        }
        for source in configured.sources
        if source.key or source.fault or source.path.exists()
    ]
    lines = [(each.name, f"{_description(each, rows[each.name]['trust'])}  ({each.source})") for each in chosen]
    off = len(configured.servers) - len(chosen)
    left_out = [f"{off} switched off: --all lists {'it' if off == 1 else 'them'} as well."] if off else []
    notes = map(Aside, (*left_out, *configured.faults))
    return CommandResult({"servers": rows, "sources": sources}, lines or NONE, *notes)


@command("mcp:status", "kosmo mcp:status", "kosmo mcp:status time --json")
@server_or_all
def status(*, name: str | None) -> CommandResult:
    """Say which MCP servers can be used, or why not.

    No server is started; `kosmo mcp:tools SERVER` starts one. With --json: `servers` by name, each with `ready` and
    other facts.
    """
    with Servers() as servers:
        configured, trust = servers.configuration(), servers.trust
        chosen = [servers.find(name)] if name else list(configured.servers.values())
        rows = {server.name: _readiness(server, trust.status(server)) for server in chosen}
    lines = [(server, row["what_to_do"] or "ready") for server, row in rows.items()]
    return CommandResult({"servers": rows}, lines or NONE, *map(Aside, configured.faults))


def _facts(server: Server, lua_name: str, trust: Trust) -> dict[str, Any]:
    """Return a server as JSON data without its secrets."""
    return {
        "name": server.name,
        "lua_path": f"app.mcp.{lua_name}",
        "type": server.kind,
        "enabled": server.enabled,
        "trust": trust.status(server),
        "source": server.source,
        "path": str(server.path),
        "replaces": str(server.replaces) if server.replaces else None,
        "command": server.command,
        "args": list(redact_words([server.command, *server.args]))[1:],
        "url": redact_text(server.url),
        "env": list(server.env),
        "headers": list(server.headers),
        "timeout": server.timeout,
        "permissions": _permissions(server),
        "fault": server.fault or None,
    }


def _readiness(server: Server, trust_status: str) -> dict[str, Any]:
    """Return whether a server may be used, and what to do if not."""
    advice = ""
    if server.fault:
        advice = f"{server.path}: {server.fault}."
    elif not server.enabled:
        advice = f"It is switched off: `kosmo mcp:enable {server.name}`."
    elif trust_status != "trusted":
        advice = f"It comes with the project, and {UNTRUSTED[trust_status]}: `kosmo mcp:trust {server.name}`."
    return {
        "ready": not advice,
        "enabled": server.enabled,
        "trust": trust_status,
        "permissions": _permissions(server),
        "fault": server.fault or None,
        "what_to_do": advice or None,
    }


def _permissions(server: Server) -> dict[str, str]:
    return {effect: permission(server.name, effect).policy for effect in EFFECTS}


def _description(server: Server, trust_status: str) -> str:
    if server.fault:
        return f"wrong: {server.fault}"
    prefix = {"trusted": "", "untrusted": "not trusted: ", "changed": "changed, not trusted: "}[trust_status]
    return f"{'' if server.enabled else 'off: '}{prefix}{command_line(server)}"


# Trust ------------------------------------------------------------------------------------------------------------


@command("mcp:trust", "kosmo mcp:trust time", "kosmo mcp:trust time --yes --json")
@server_argument
@click.option("-y", "--yes", is_flag=True, help="Trust it without a question; check the entry first.")
def trust(*, name: str, yes: bool, as_json: bool) -> int:
    """Trust a server of this project.

    The command shows the server's command and arguments, or its address, and its variables and headers, and asks you.
    Secrets are not shown. If any of this changes later, also a secret, the server is not started until you trust it
    again. Nothing is started now.
    """
    server, trust_store = configuration().find(name), Trust()
    server.check_entry()
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
@server_argument
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


# Diagnosis --------------------------------------------------------------------------------------------------------


@command("mcp:doctor", "kosmo mcp:doctor", "kosmo mcp:doctor time --json")
@server_or_all
def doctor(*, name: str | None, as_json: bool) -> int:
    """Check the setup, and say how to fix problems.

    The command checks the SDK, the files and the permissions. For SERVER (by default for all servers), it checks the
    entry with its variables and secrets, the program, and whether you trust it. It starts none of these servers and
    shows no secret. Exits with 1 if something is broken.
    """
    configured = configuration()
    chosen = [configured.find(name)] if name else list(configured.servers.values())
    groups: list[tuple[str, Iterable[DoctorFinding]]] = [("The SDK", _sdk()), ("Files", _files(configured))]
    groups += (
        [("Permissions", permissions)] if (permissions := list(_misspelt_permissions(list(configured.servers)))) else []
    )
    groups += [(f"The server {server.name}", _server(server)) for server in chosen]
    return report(groups, as_json=as_json)


def _sdk() -> Iterator[DoctorFinding]:
    try:
        yield DoctorFinding("sdk.mcp", "ok", version(SDK))
    except PackageNotFoundError:
        yield DoctorFinding("sdk.mcp", "broken", "It is not installed.", install_command(SDK))
        return
    try:
        for half in ("mcp", "mcp_server"):
            import_module(f"kosmo_kernel.{half}.sdk")
    except ImportError as error:  # of another version
        yield DoctorFinding("sdk.import", "broken", f"The SDK cannot be used: {error}.", install_command(SDK))


def _files(configured: Configuration) -> Iterator[DoctorFinding]:
    for source in configured.sources:
        name = f"files.{source.source}"
        if source.fault:
            yield DoctorFinding(name, "broken", source.fault, f"Mend {source.path}; its servers are not known.")
        elif source.servers:
            yield DoctorFinding(name, "ok", f"{source.path}: {', '.join(source.servers)}")
    if not configured.servers and not configured.faults:
        yield DoctorFinding("files.servers", "warning", "No MCP server is configured.", ADVICE)


def _misspelt_permissions(names: list[str]) -> Iterator[DoctorFinding]:
    """Check for permissions whose server does not exist but has a name similar to one that does."""
    try:
        configured = servers_named()
    except KosmoError as error:
        yield DoctorFinding("permissions.files", "broken", error.message)
        return
    for name, path in configured.items():
        similar = [] if any(same_name(name, server) for server in names) else nearest(name, names, most=1)
        if similar:
            message = f"There is no MCP server `{name}`, and what {path} says of it holds for none."
            yield DoctorFinding(
                f"permissions.{name}", "warning", message, f"Write `{similar[0]}` there, if that is meant."
            )


def _server(server: Server) -> Iterator[DoctorFinding]:
    """Check a server without starting it."""
    group = server.name
    if server.fault:
        yield DoctorFinding(f"{group}.entry", "broken", f"{server.fault}.", f"Mend its entry in {server.path}.")
        return
    also = f", in place of one in {server.replaces}" if server.replaces else ""
    yield DoctorFinding(f"{group}.entry", "ok", f"{server.kind}, from {server.path}{also}")
    if not server.enabled:
        yield DoctorFinding(
            f"{group}.enabled", "ok", f"It is switched off. `kosmo mcp:enable {server.name}` switches it on."
        )
        return
    name = f"{group}.trust"
    try:
        status = Trust().status(server)
        if status == "trusted":
            yield DoctorFinding(name, "ok", "You trust it." if server.of_project else "It is in your own file.")
        else:
            message = f"It comes with the project, and {UNTRUSTED[status]}."
            yield DoctorFinding(name, "warning", message, f"kosmo mcp:trust {group}")
        name = f"{group}.values"
        resolved = fill_in(server, secrets.read)
    except KosmoError as error:
        yield DoctorFinding(name, "broken", error.message)  # the message says what to do
        return
    if server.kind == "stdio":
        yield _program(server, resolved)


def _program(server: Server, resolved: ResolvedServer) -> DoctorFinding:
    """Check that the program of a server exists."""
    name = f"{server.name}.program"
    program = shutil.which(resolved.command, path=resolved.env.get("PATH", os.defpath))
    if program is None and os.path.dirname(resolved.command):
        program = shutil.which(str(resolved.cwd / resolved.command))
    if program:
        return DoctorFinding(name, "ok", program)
    message = f"There is no program `{server.command}` on the path."
    return DoctorFinding(name, "broken", message, f"Install it, or write its whole path into {server.path}.")


# The server for agents --------------------------------------------------------------------------------------------

PRINT_CONFIG = "--print-config"
NAME = "kosmo"
HOSTS = ("127.0.0.1", "localhost")
EXAMPLES = """\b
Examples:
  kosmo mcp:serve
  kosmo mcp:serve --demo --timeout 60
  kosmo mcp:serve --http 127.0.0.1:8722 --account production

\b
For an agent's configuration:
  kosmo mcp:serve --account production --print-config
"""


def _read_address(text: str) -> float:
    """Return the port of an address of this machine, or no number."""
    host, _, port = text.rpartition(":")
    return int(port) if host in HOSTS and port.isascii() and port.isdecimal() else math.nan


ADDRESS = Number(
    f"{HOSTS[0]}:PORT, because only this machine is served", maximum=65535, is_whole=True, read=_read_address
)


@click.command("mcp:serve", cls=Command, epilog=EXAMPLES)
@click.option(
    "--http",
    "port",
    type=ValueType(ADDRESS),
    metavar="HOST:PORT",
    help=f"Serve on this port of this machine, {HOSTS[0]}:8722; 0 chooses a free one.",
)
@account_options("The account for calls that name no account.")
@limit_options
@setting_option(MAX_TOKENS, default=None)
@setting_option(ANSWER_WITHIN, default=None)
@click.option("--allow-mcp", is_flag=True, help="Let Lua, and so the agent, use your other MCP servers (app.mcp).")
@click.option(
    PRINT_CONFIG, is_flag=True, help="Print the entry for the configuration of a client instead, with these options."
)
def serve(
    *,
    port: int | None,
    account: str | None,
    allow_mcp: bool,
    print_config: bool,
    max_tokens: int | None,
    answer_within: float | None,
    **limits: Any,
) -> int:
    """Serve Heroku and Lua to agents, over MCP.

    An agent starts this server and communicates with it over standard input and output. The server offers sandboxed Lua
    (lua_run) and the reference (lua_search_docs, lua_read_doc). Answers have at most 2,000 tokens unless the agent asks
    for another bound. Calls can name an account, and can lower the limits of Lua that are set here. The server cannot
    ask you, so a call for which your permissions say `ask` is an error.

    With --http, the first line of output is KOSMO_MCP_URL=…, and the second is KOSMO_MCP_TOKEN=…, which clients send as
    `Authorization: Bearer …`. The token is new each time unless KOSMO_MCP_TOKEN is set. Only clients on this machine
    can connect.

    Ctrl-C ends the server with exit code 130.
    """
    from kosmo_kernel.mcp_server import ServerOptions, over_http, over_stdio

    options = ServerOptions(
        account,
        limits,
        allow_mcp_servers=allow_mcp,
        max_tokens=max_tokens,
        answer_within=answer_within,
    )
    if print_config:
        if port is not None:
            raise click.UsageError(
                "--print-config is about a server that the agent starts itself. Give it without --http."
            )
        document({"mcpServers": {NAME: _entry(click.get_current_context())}})
        return SUCCESS
    if port is None:
        if input_is_terminal():
            print_note("Speaking MCP on standard input and output, which is for an agent to start. Ctrl-C ends it.")
        interrupted = over_stdio(options)
    else:
        interrupted = over_http(options, port, _ready)
    return INTERRUPTED if interrupted else SUCCESS


def _entry(context: click.Context) -> dict[str, Any]:
    """Return the entry that starts this server from any folder, also without the user's `PATH`, with these options."""
    args: list[str] = []
    for option in context.command.params:
        name = max(option.opts, key=len)
        is_typed = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if isinstance(option, click.Option) and is_typed and name != PRINT_CONFIG:
            args += [name] if option.is_flag else [name, str(context.params[option.name or ""])]
    program = shutil.which(sys.argv[0])
    if program and os.path.basename(program) == NAME:
        command = [str(Path(program).absolute())]
    else:
        command = [sys.executable, "-P", "-m", "kosmo_kernel"]  # -P: the folder may have something of that name
    return {"command": command[0], "args": [*command[1:], "mcp:serve", *args]}


def _ready(url: str, token: str | None) -> None:
    """Print the address of the server and its token."""
    print_result(f"KOSMO_MCP_URL={url}" + (f"\nKOSMO_MCP_TOKEN={token}" if token else ""))
    print_note("Serving MCP to this machine. Ctrl-C ends it.")
