"""`kosmo mcp:import` and `mcp:export`: entries from another client's file, and ours for another client.

Neither carries a secret. What stands in the clear in a file that is imported goes into the keyring, and what is
exported refers to variables, which whoever takes the file sets.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path
from typing import Any

import click

from kosmo_kernel.cli.command import Command
from kosmo_kernel.cli.completions import files
from kosmo_kernel.cli.mcp_files import check_name, place, project, put, servers
from kosmo_kernel.cli.options import as_json
from kosmo_kernel.cli.output import document, note, say
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.mcp import Server, configuration
from kosmo_kernel.mcp.config import KEYS, entries_of
from kosmo_kernel.mcp.entries import TIMEOUT, entry
from kosmo_kernel.mcp.jsonc import read
from kosmo_kernel.mcp.references import PRIVATE, referred
from kosmo_kernel.mcp.secret_scan import hidden, hidden_words, is_private
from kosmo_kernel.mcp.trust import consent_lines
from kosmo_kernel.safety.redaction import REDACTED

STDIN = "-"
VALUE_KEYS = ("env", "environment", "headers")
REFERENCE = re.compile(r"\$\{(?:secret|KOSMO_SECRET):[^}]*\}|^@secret:.*$")
_HIDDEN = re.compile(re.escape(REDACTED))


@click.command(
    "mcp:import",
    cls=Command,
    epilog="\b\nExamples:\n  kosmo mcp:import ~/.cursor/mcp.json\n  kosmo mcp:import - --project < mcp.json",
)
@click.argument("file", metavar="FILE or -", shell_complete=files)
@click.option("--replace", is_flag=True, help="In place of entries of the same names.")
@project
@as_json
def import_(*, file: str, replace: bool, project: bool, as_json: bool) -> None:
    """Take over the MCP servers of another client.

    FILE has `mcpServers` or `servers`, as the files of VS Code, Cursor, Claude and others do. Values of variables and
    headers that look like secrets go into the keyring, and the entries refer to them. Servers in your own file need no
    trust, so look at what is printed. Nothing is started.
    """
    found = _entries(file)
    path = place(of_project=project)
    for name, given in found.items():
        check_name(name)
        if fault := entry(name, given, "user", Path(file), Path.cwd()).fault:
            raise SettingsError(f"{file}: the MCP server `{name}`: {fault}. Nothing was imported.")
    kept: dict[str, str] = {}
    made = {name: {**given, **_without_secrets(name, given, kept)} for name, given in found.items()}

    def keeping() -> AbstractContextManager[None]:
        from kosmo_kernel.mcp import secrets

        return secrets.keeping(kept)

    put(path, made, replace=replace, keeping=keeping)
    left = [f"`kosmo mcp:trust {name}` before it is used." for name in found] if project else []
    if as_json:
        document(
            {"success": True, "file": str(path), "servers": list(found), "secrets_kept": list(kept), "notes": left}
        )
        return
    now = configuration()
    for name in found:
        lines = consent_lines(now.servers[name]) if name in now.servers else []
        sys.stdout.writelines([f"{name}\n", *(f"  {line}\n" for line in lines)])
    say(f"{len(found)} imported: {path}")
    for line in [*([f"Kept as secrets: {', '.join(kept)}"] if kept else []), *left]:
        say(line)


@click.command(
    "mcp:export",
    cls=Command,
    epilog="\b\nExamples:\n  kosmo mcp:export > servers.json\n  kosmo mcp:export time tracker --json",
)
@click.argument("names", nargs=-1, metavar="[NAME]…", shell_complete=servers)
@as_json
def export(*, names: tuple[str, ...], as_json: bool) -> None:
    """Print MCP servers without their secrets.

    All that are configured, or those of these NAMEs. In place of each secret stands a variable, ${NAME}; standard error
    names them. With --json they are in `needs`, beside `mcpServers`.
    """
    there = configuration()
    chosen = [there.find(name) for name in names] if names else [one for one in there.servers.values() if not one.fault]
    for one in chosen:
        if one.fault:
            raise SettingsError(f"{one.path}: the MCP server `{one.name}`: {one.fault}.")
    needs: dict[str, None] = {}
    written = {one.name: _portable(one, needs) for one in chosen}
    if as_json:
        document({"success": True, "mcpServers": written, "needs": list(needs)})
        return
    document({"mcpServers": written})
    for fault in there.faults:
        note(fault)
    if needs:
        note(f"Variables to set where this is used: {', '.join(needs)}")


def _entries(file: str) -> dict[str, Any]:
    """The entries of a file, or of standard input.

    Raises:
        SettingsError: it cannot be read, or has none.
    """
    if file == STDIN:
        given = read((sys.stdin.buffer.read() if sys.stdin else b"").decode("utf-8", "replace"), "standard input")
        listed = [given[key] for key in KEYS if isinstance(given.get(key), dict)] if isinstance(given, dict) else []
        found: dict[str, Any] = listed[0] if listed else {}
    else:
        if not Path(file).is_file():
            raise SettingsError(f"There is no file {file}.")
        _, found = entries_of(Path(file))
    if not found:
        raise SettingsError(f"{'Standard input' if file == STDIN else file} has no `mcpServers`, nor `servers`.")
    return found


def _without_secrets(name: str, given: Mapping[str, Any], kept: dict[str, str]) -> dict[str, Any]:
    """The variables and headers of an entry, where what looks like a secret is one that is to be kept."""
    found: dict[str, Any] = {key: dict(given[key]) for key in VALUE_KEYS if isinstance(given.get(key), dict)}
    for values in found.values():
        for variable, value in values.items():
            if isinstance(value, str) and is_private(variable, value):
                secret = f"{name}.{variable}"
                kept[secret] = value
                values[variable] = f"${{secret:{secret}}}"
    return found


def _portable(server: Server, needs: dict[str, None]) -> dict[str, Any]:
    """An entry without secrets; the variables that stand for them are noted."""
    own = re.sub(r"\W+", "_", server.name).upper().strip("_")
    if server.kind == "http":
        made: dict[str, Any] = {"type": "http", "url": _without(server.url, _variables(f"{own}_URL_SECRET", needs))}
    else:
        made = {"command": server.command}
        variables = _variables(f"{own}_SECRET", needs)  # another one for each
        made["args"] = [_without(word, variables) for word in hidden_words(server.args)]
    given = (("env", server.env, ""), ("headers", server.headers, f"{own}_"))
    for key, values, prefix in given:
        if values:
            made[key] = dict(_pairs(values, prefix, needs))
    made |= {"cwd": server.cwd} if server.cwd else {}
    made |= {"timeout": server.timeout} if server.timeout != TIMEOUT else {}
    return made | ({} if server.enabled else {"enabled": False})


def _pairs(values: Mapping[str, str], prefix: str, needs: dict[str, None]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        variable = prefix + re.sub(r"\W+", "_", name).upper()
        if not referred(value) and value and (PRIVATE.search(name) or is_private(name, value)):
            scheme, space, _ = value.rpartition(" ")
            needs[variable] = None
            yield name, f"{scheme}{space}${{{variable}}}"
        else:
            yield name, _without(value, _variables(variable, needs))


def _without(text: str, variables: Iterator[str]) -> str:
    """A text with a variable in place of each `[redacted]`, and of each reference to a secret."""
    found = REFERENCE.sub(REDACTED, hidden(text))
    return _HIDDEN.sub(lambda _: next(variables), found)


def _variables(name: str, needs: dict[str, None]) -> Iterator[str]:
    """References to variables of which none was needed before: of this name, and then with a number."""
    for number in count(1):
        variable = name if number == 1 else f"{name}_{number}"
        needs[variable] = None
        yield f"${{{variable}}}"
