"""`kosmo mcp:doctor`: what is configured, what is wrong, and what to do about it. No server is started for that."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

import click

from kosmo_kernel.catalogue import nearest
from kosmo_kernel.cli.checks import Finding
from kosmo_kernel.cli.command import Command
from kosmo_kernel.cli.doctor import print_findings, sound, summary
from kosmo_kernel.cli.mcp_files import servers
from kosmo_kernel.cli.mcp_list import NONE
from kosmo_kernel.cli.options import as_json
from kosmo_kernel.cli.output import document, say
from kosmo_kernel.cli.shell_interface import DONE, FAILED
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.mcp import Configuration, Server, Trust, configuration
from kosmo_kernel.mcp.references import fill_in
from kosmo_kernel.mcp.servers import EXTRA
from kosmo_kernel.settings.permissions import same_name, servers_named

SDK = "mcp"


@click.command("mcp:doctor", cls=Command, epilog="\b\nExamples:\n  kosmo mcp:doctor\n  kosmo mcp:doctor time --json")
@click.argument("name", required=False, metavar="[SERVER]", shell_complete=servers)
@as_json
def doctor(*, name: str | None, as_json: bool) -> int:
    """Say what is set up, what is wrong, and what to do.

    Looks at the SDK, at the files, at permissions, and of each SERVER at its entry, its program, the variables and
    secrets that it refers to, and trust. None is started, and no secret is shown. Exits with 1 when something is
    broken.
    """
    there = configuration()
    chosen = [there.find(name)] if name else list(there.servers.values())
    groups: list[tuple[str, Iterable[Finding]]] = [("The SDK", _sdk()), ("Files", _files(there))]
    groups += [("Permissions", found)] if (found := list(_permissions(list(there.servers)))) else []
    groups += [(f"The server {one.name}", _server(one)) for one in chosen]
    if as_json:
        findings = [finding for _, group in groups for finding in group]
        document({"success": sound(findings), "findings": [asdict(one) for one in findings]})
    else:
        findings = list(print_findings(groups))
        say(f"\n{summary(findings)}")
    return DONE if sound(findings) else FAILED


def _sdk() -> Iterator[Finding]:
    try:
        yield Finding("sdk.mcp", "ok", version(SDK))
    except PackageNotFoundError:
        yield Finding("sdk.mcp", "broken", "It is not installed.", f"{sys.executable} -m pip install '{EXTRA}'")


def _files(there: Configuration) -> Iterator[Finding]:
    for one in there.sources:
        if one.fault:
            yield Finding(f"files.{one.source}", "broken", one.fault, f"Mend {one.path}; its servers are not known.")
        elif one.servers:
            yield Finding(f"files.{one.source}", "ok", f"{one.path}: {', '.join(one.servers)}")
    if not there.servers and not there.faults:
        yield Finding("files.servers", "warning", "No MCP server is configured.", NONE.partition(". ")[2])


def _permissions(names: list[str]) -> Iterator[Finding]:
    """Permissions for a server whose name is probably a misspelt one: they hold for none."""
    try:
        written = servers_named()
    except KosmoError as error:
        yield Finding("permissions.files", "broken", error.message)
        return
    for name, place in written.items():
        near = [] if any(same_name(name, one) for one in names) else nearest(name, names, most=1)
        if near:
            told = f"There is no MCP server `{name}`, and what {place} says of it holds for none."
            yield Finding(f"permissions.{name}", "warning", told, f"Write `{near[0]}` there, if that is meant.")


def _server(server: Server) -> Iterator[Finding]:
    """What can be known of a server without starting it."""
    group = server.name
    if server.fault:
        yield Finding(f"{group}.entry", "broken", f"{server.fault}.", f"Mend its entry in {server.path}.")
        return
    also = f", in place of one in {server.replaces}" if server.replaces else ""
    yield Finding(f"{group}.entry", "ok", f"{server.kind}, from {server.path}{also}")
    if not server.enabled:
        yield Finding(f"{group}.enabled", "ok", f"It is switched off. `kosmo mcp:enable {server.name}` switches it on.")
        return
    yield _trust(server)
    yield from _filled(server)


def _trust(server: Server) -> Finding:
    name = f"{server.name}.trust"
    try:
        standing = Trust().status(server)
    except KosmoError as error:
        return Finding(name, "broken", error.message)
    if standing == "trusted":
        return Finding(name, "ok", "You agreed to it." if server.of_project else "It is in your own file.")
    why = "is not trusted yet" if standing == "untrusted" else "has changed since you trusted it"
    return Finding(name, "warning", f"It comes with the project, and {why}.", f"kosmo mcp:trust {server.name}")


def _filled(server: Server) -> Iterator[Finding]:
    """Whether what its entry refers to is there, and so is its program."""
    from kosmo_kernel.mcp import secrets

    try:
        filled = fill_in(server, secrets.read)
    except KosmoError as error:
        yield Finding(f"{server.name}.values", "broken", error.message)  # which says what to do
        return
    if server.kind == "http":
        return
    name = f"{server.name}.program"
    place = shutil.which(filled.command, path=filled.env.get("PATH", os.defpath))
    if place is None and os.path.dirname(filled.command):
        place = shutil.which(str(filled.cwd / filled.command))
    if place:
        yield Finding(name, "ok", place)
    else:
        told = f"There is no program `{server.command}` on the path."
        yield Finding(name, "broken", told, f"Install it, or write its whole path into {server.path}.")
