"""`kosmo mcp:import` and `mcp:export`: take over MCP servers from another client's file, and print them for one.

`mcp:enable` and `mcp:disable` switch an entry on and off.

Secrets are not copied. Plain-text secrets in an imported file go into the keyring. An exported file refers to
environment variables, which the recipient sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import click

from kosmo_kernel.cli.command import CommandResult, command
from kosmo_kernel.cli.mcp_entries import name_argument, report
from kosmo_kernel.cli.mcp_files import add_entries, change, check_name, config_path, entry_of, project
from kosmo_kernel.cli.options import files, mcp_servers
from kosmo_kernel.cli.output import document, print_note
from kosmo_kernel.cli.streams import whole_input
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError
from kosmo_kernel.mcp import Server, configuration, secrets
from kosmo_kernel.mcp.config import KEYS, entries_of
from kosmo_kernel.mcp.entries import HEADERS, TIMEOUT, VARIABLES, entry
from kosmo_kernel.mcp.references import PRIVATE, referred
from kosmo_kernel.mcp.secret_scan import is_private, redact_text, redact_words
from kosmo_kernel.mcp.trust import consent_lines
from kosmo_kernel.reader.documents import parse_jsonc
from kosmo_kernel.safety.redaction import REDACTED

STDIN = "-"
VALUE_KEYS = (*VARIABLES, *HEADERS)
REFERENCE = re.compile(r"\$\{(?:secret|KOSMO_SECRET):[^{}]*+\}|^@secret:.*$")
_REDACTED = re.compile(re.escape(REDACTED))


@command("mcp:import", "kosmo mcp:import ~/.cursor/mcp.json", "kosmo mcp:import - --project < mcp.json")
@click.argument("file", metavar="FILE or -", shell_complete=files)
@click.option("--replace", is_flag=True, help="Replace existing entries of the same names.")
@project
def import_(*, file: str, replace: bool, project: bool) -> CommandResult:
    """Import the MCP servers of another client.

    FILE is the JSON or TOML file of Claude, Codex, Cursor, Gemini, VS Code, Windsurf, Zed or another client. Values of
    variables and headers that look like secrets are stored in the keyring, and the entries refer to them. Servers in
    your own file need no trust, so check what is printed. Nothing is started.
    """
    entries = _entries(file)
    path = config_path(of_project=project)
    for name, fields in entries.items():
        check_name(name)
        if fault := entry(name, fields, "user", Path(file), Path.cwd()).fault:
            raise SettingsError(f"{file}: the MCP server `{name}`: {fault}. Nothing was imported.")
    kept: dict[str, str] = {}
    new_entries = {name: {**fields, **_without_secrets(name, fields, kept)} for name, fields in entries.items()}
    add_entries(path, new_entries, replace=replace, keeping=partial(secrets.keeping, kept))
    notes = [f"`kosmo mcp:trust {name}` before it is used." for name in entries] if project else []
    facts = {"file": str(path), "servers": list(entries), "secrets_kept": list(kept), "notes": notes}
    now, lines = configuration(), []
    for name in entries:
        lines += [name, *(f"  {line}" for line in (consent_lines(now.servers[name]) if name in now.servers else ()))]
    secrets_line = [f"Kept as secrets: {', '.join(kept)}"] if kept else []
    return CommandResult(facts, *lines, f"{len(entries)} imported: {path}", *secrets_line, *notes)


@command("mcp:export", "kosmo mcp:export > servers.json", "kosmo mcp:export time tracker --json")
@click.argument("names", nargs=-1, metavar="[NAME]…", shell_complete=mcp_servers)
def export(*, names: tuple[str, ...], as_json: bool) -> None:
    """Print MCP servers without their secrets.

    Prints all configured servers, or those with these NAMEs. Each secret is replaced by a variable, ${NAME}, which is
    listed on standard error. With --json the variables are in `needs`, beside `mcpServers`.
    """
    configured = configuration()
    usable = [server for server in configured.servers.values() if not server.fault]
    chosen = [configured.find(name) for name in names] if names else usable
    for server in chosen:
        if server.fault:
            raise SettingsError(f"{server.path}: the MCP server `{server.name}`: {server.fault}.")
    needs: dict[str, str | None] = {}
    portable = {server.name: _portable(server, needs) for server in chosen}
    if as_json:
        document({"success": True, "mcpServers": portable, "needs": list(needs)})
        return
    document({"mcpServers": portable})
    for fault in configured.faults:
        print_note(fault)
    if needs:
        print_note(f"Variables to set where this is used: {', '.join(needs)}")


@command("mcp:enable", "kosmo mcp:enable time")
@name_argument
@project
def enable(*, name: str, project: bool) -> CommandResult:
    """Enable an MCP server that was disabled."""
    return _switch(name, on=True, of_project=project)


@command("mcp:disable", "kosmo mcp:disable time --project")
@name_argument
@project
def disable(*, name: str, project: bool) -> CommandResult:
    """Disable an MCP server, and keep its configuration."""
    return _switch(name, on=False, of_project=project)


def _switch(name: str, *, on: bool, of_project: bool) -> CommandResult:
    path = config_path(of_project=of_project)

    def edit(entries: dict[str, Any]) -> None:
        fields = entry_of(entries, name, path)
        if not isinstance(fields, dict):
            raise InvalidArgumentsError(f"{path}: the entry of `{name}` must be an object.")
        fields.pop("disabled", None)  # Cursor's key, which would take precedence over `enabled`
        fields["enabled"] = on

    change(path, edit)
    return report(name, path, "enabled" if on else "disabled")


def _entries(file: str) -> dict[str, Any]:
    """Return the entries of a file, or of standard input.

    Raises:
        SettingsError: the file does not exist, cannot be read or has no entries.
    """
    if file == STDIN:
        data = parse_jsonc("standard input", whole_input().decode("utf-8", "replace"))
        listed = [data[key] for key in KEYS if isinstance(data.get(key), dict)] if isinstance(data, dict) else []
        entries: dict[str, Any] = listed[0] if listed else {}
    else:
        if not Path(file).is_file():
            raise SettingsError(f"There is no file {file}.")
        _, entries = entries_of(Path(file))
    if not entries:
        keys = ", ".join(f"`{key}`" for key in KEYS[:-1])
        where = "Standard input" if file == STDIN else file
        raise SettingsError(f"{where} has no MCP servers: neither {keys} nor `{KEYS[-1]}`.")
    return entries


def _without_secrets(name: str, fields: Mapping[str, Any], kept: dict[str, str]) -> dict[str, Any]:
    """Return the variables and headers of an entry; replace likely secrets by references and add them to `kept`."""
    replaced: dict[str, Any] = {key: dict(fields[key]) for key in VALUE_KEYS if isinstance(fields.get(key), dict)}
    for values in replaced.values():
        for variable, value in values.items():
            if isinstance(value, str) and is_private(variable, value):
                secret = f"{name}.{variable}"
                kept[secret] = value
                values[variable] = f"${{secret:{secret}}}"
    return replaced


def _portable(server: Server, needs: dict[str, str | None]) -> dict[str, Any]:
    """Return an entry with variables in place of secrets; add the variables, and their values if known, to `needs`."""
    prefix = re.sub(r"\W+", "_", server.name).upper().strip("_")
    if server.kind == "http":
        exported: dict[str, Any] = {"type": "http", "url": _with_variables(server.url, f"{prefix}_URL_SECRET", needs)}
    else:
        args = [_with_variables(word, f"{prefix}_SECRET", needs) for word in redact_words(server.args)]
        exported = {"command": server.command, "args": args}
    groups = (("env", server.env, ""), ("headers", server.headers, f"{prefix}_"))
    for key, values, header_prefix in groups:
        if values:
            exported[key] = dict(_pairs(values, header_prefix, needs))
    exported |= {"cwd": server.cwd} if server.cwd else {}
    exported |= {"timeout": server.timeout} if server.timeout != TIMEOUT else {}
    return exported | ({} if server.enabled else {"enabled": False})


def _pairs(values: Mapping[str, str], prefix: str, needs: dict[str, str | None]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        variable = prefix + re.sub(r"\W+", "_", name).upper()
        if not referred(value) and value and (PRIVATE.search(name) or is_private(name, value)):
            scheme, space, secret = value.rpartition(" ")
            yield name, f"{scheme}{space}{_variable(variable, needs, secret)}"
        else:
            yield name, _with_variables(value, variable, needs)


def _with_variables(text: str, name: str, needs: dict[str, str | None]) -> str:
    """Replace each likely secret and each reference to a secret in a text with a new variable, `name` or `name_2`."""
    redacted = REFERENCE.sub(REDACTED, redact_text(text))
    return _REDACTED.sub(lambda _: _variable(name, needs), redacted)


def _variable(name: str, needs: dict[str, str | None], secret: str | None = None) -> str:
    """Return a reference to the variable of a secret: `name`, or with a number where that stands for another secret."""
    for number in count(1):
        variable = name if number == 1 else f"{name}_{number}"
        if variable not in needs or (secret is not None and needs[variable] == secret):
            needs[variable] = secret
            break
    return f"${{{variable}}}"
