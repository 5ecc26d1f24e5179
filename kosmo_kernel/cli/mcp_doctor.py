"""`kosmo mcp:doctor`: check the configuration of MCP servers without starting one, and ask our own server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import click

from kosmo_kernel.cli.command import command
from kosmo_kernel.cli.doctor import report
from kosmo_kernel.cli.doctor_checks import DoctorFinding
from kosmo_kernel.cli.mcp_list import ADVICE, why_untrusted
from kosmo_kernel.cli.mcp_serve import own_command
from kosmo_kernel.cli.options import mcp_servers
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.mcp import Configuration, Server, Trust, configuration, secrets
from kosmo_kernel.mcp.references import fill_in
from kosmo_kernel.settings.installation import install_command
from kosmo_kernel.settings.permissions import same_name, servers_named
from kosmo_kernel.text.nearest import nearest
from kosmo_kernel.text.quantities import counted

SDK = "mcp"


@command("mcp:doctor", "kosmo mcp:doctor", "kosmo mcp:doctor time --json")
@click.argument("name", required=False, metavar="[SERVER]", shell_complete=mcp_servers)
def doctor(*, name: str | None, as_json: bool) -> int:
    """Check the setup, and say how to fix problems.

    The command checks the SDK, the files and the permissions. For SERVER (by default for all servers), it checks the
    entry with its variables and secrets, the program, and whether you trust it. It starts none of these servers and
    shows no secret. Exits with 1 if something is broken.

    Without SERVER, it also starts `kosmo mcp:serve` and asks it as an agent's client does. It reports how many tokens
    (of four characters each) the list of tools and an answer take, and how long a client waits; with --json as `serve`.
    """
    configured = configuration()
    chosen = [configured.find(name)] if name else list(configured.servers.values())
    groups: list[tuple[str, Iterable[DoctorFinding]]] = [("The SDK", _sdk()), ("Files", _files(configured))]
    groups += [("Permissions", permissions)] if (permissions := list(_permissions(list(configured.servers)))) else []
    groups += [(f"The server {server.name}", _server(server)) for server in chosen]
    measured: dict[str, Any] = {}
    groups += [] if name else [("Our own server, kosmo mcp:serve", _own_server(measured))]
    return report(groups, measured, as_json=as_json)


def _own_server(measured: dict[str, Any]) -> Iterator[DoctorFinding]:
    """Ask our own server as a client does; add what that took to `measured`."""
    if find_spec(SDK) is None:
        return  # a finding about the SDK says so
    try:
        from kosmo_kernel.mcp_server.measurement import EXAMPLE, measure
    except ImportError as error:  # of another version
        yield DoctorFinding("serve.start", "broken", f"The SDK cannot be used: {error}.", install_command(SDK))
        return
    try:
        measurement = measure([*own_command(), "mcp:serve"])
    except KosmoError as error:
        yield DoctorFinding("serve.start", "broken", error.message, "Run `kosmo mcp:serve` to see why.")
        return
    measured["serve"] = measurement._asdict()
    start = f"{measurement.start_ms:,.0f} ms until it can be asked, by MCP {measurement.protocol}"
    yield DoctorFinding("serve.start", "ok", start)
    tools = f"{counted(measurement.tools, 'tool')} and the instructions: {measurement.list_tokens:,} tokens"
    yield DoctorFinding("serve.tools", "ok", f"{tools}, {measurement.list_ms:,.0f} ms")
    times = f"{measurement.call_ms:,.0f} ms, then {measurement.next_call_ms:,.0f} ms"
    yield DoctorFinding("serve.answer", "ok", f"`{EXAMPLE}`: {measurement.answer_tokens:,} tokens, {times}")


def _sdk() -> Iterator[DoctorFinding]:
    try:
        yield DoctorFinding("sdk.mcp", "ok", version(SDK))
    except PackageNotFoundError:
        yield DoctorFinding("sdk.mcp", "broken", "It is not installed.", install_command(SDK))


def _files(configured: Configuration) -> Iterator[DoctorFinding]:
    for source in configured.sources:
        name = f"files.{source.source}"
        if source.fault:
            yield DoctorFinding(name, "broken", source.fault, f"Mend {source.path}; its servers are not known.")
        elif source.servers:
            yield DoctorFinding(name, "ok", f"{source.path}: {', '.join(source.servers)}")
    if not configured.servers and not configured.faults:
        yield DoctorFinding("files.servers", "warning", "No MCP server is configured.", ADVICE)


def _permissions(names: list[str]) -> Iterator[DoctorFinding]:
    """Check for permissions whose server does not exist but has a name similar to one that does."""
    try:
        configured = servers_named()
    except KosmoError as error:
        yield DoctorFinding("permissions.files", "broken", error.message)
        return
    for name, place in configured.items():
        similar = [] if any(same_name(name, server) for server in names) else nearest(name, names, most=1)
        if similar:
            message = f"There is no MCP server `{name}`, and what {place} says of it holds for none."
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
    yield _trust(server)
    yield from _references(server)


def _trust(server: Server) -> DoctorFinding:
    name = f"{server.name}.trust"
    try:
        status = Trust().status(server)
    except KosmoError as error:
        return DoctorFinding(name, "broken", error.message)
    if status == "trusted":
        return DoctorFinding(name, "ok", "You trust it." if server.of_project else "It is in your own file.")
    return DoctorFinding(name, "warning", f"{why_untrusted(status)}.", f"kosmo mcp:trust {server.name}")


def _references(server: Server) -> Iterator[DoctorFinding]:
    """Check that the variables, secrets and program of a server's entry exist."""
    try:
        resolved = fill_in(server, secrets.read)
    except KosmoError as error:
        yield DoctorFinding(f"{server.name}.values", "broken", error.message)  # the message says what to do
        return
    if server.kind == "http":
        return
    name = f"{server.name}.program"
    place = shutil.which(resolved.command, path=resolved.env.get("PATH", os.defpath))
    if place is None and os.path.dirname(resolved.command):
        place = shutil.which(str(resolved.cwd / resolved.command))
    if place:
        yield DoctorFinding(name, "ok", place)
    else:
        message = f"There is no program `{server.command}` on the path."
        yield DoctorFinding(name, "broken", message, f"Install it, or write its whole path into {server.path}.")
