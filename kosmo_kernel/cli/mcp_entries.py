"""The commands that edit the files which configure MCP servers: the user's file, and the project's `.mcp.json`.

Everything else in a file is preserved: other keys, unknown keys of entries, their order and the indentation. A file
that cannot be read, or that has comments, which would be lost, is not written at all.

Secrets are never accepted as arguments. They are read from a prompt or from standard input and stored in the keyring,
and the entry refers to them. `mcp:import` stores plaintext secrets there, too, and `mcp:export` refers to environment
variables in their place, which the recipient sets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import click

from kosmo_kernel.cli.accounts import read_token
from kosmo_kernel.cli.command import CommandResult, command, document, print_note
from kosmo_kernel.cli.mcp import server_argument
from kosmo_kernel.cli.options import ValueType
from kosmo_kernel.cli.streams import whole_input
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError, UnknownNameError
from kosmo_kernel.mcp import Server, configuration, secrets
from kosmo_kernel.mcp.config import (
    DEFAULT_TIMEOUT,
    KEYS,
    PROJECT,
    SPELLINGS,
    entries_of,
    entry,
    listed_entries,
    project_root,
    user_file,
)
from kosmo_kernel.mcp.secrets import PRIVATE, is_private, redact_text, redact_words, referred, secret_names
from kosmo_kernel.mcp.trust import consent_lines
from kosmo_kernel.reader.documents import parse_jsonc
from kosmo_kernel.safety.intake import decode_json, decode_text, read_file_if_any
from kosmo_kernel.safety.redaction import REDACTED, one_line, redact
from kosmo_kernel.settings.private_files import locked, write
from kosmo_kernel.settings.table import TIMEOUT
from kosmo_kernel.text import nearest

NOT_AS_ARGUMENT = (
    "{what} looks like a secret, and is not taken from an argument: others on this machine can see it there, and the "
    "shell keeps it in its history. If it was one, revoke it. --secret NAME asks for a variable's value, --bearer for "
    "the token of a server with an address."
)
VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
OURS = "project"  # the source in `PROJECT` whose file these commands write
INDENT = re.compile(r'\n([ \t]+)"')
NAME = re.compile(r"[\w@][\w@./ -]{0,63}")
STDIN = "-"
ENV = "--env"
VALUE_KEYS = {key for key in (*SPELLINGS, *SPELLINGS.values()) if SPELLINGS.get(key, key) in ("env", "headers")}
REFERENCE = re.compile(r"\$\{(?:secret|KOSMO_SECRET):[^{}]*+\}|^@secret:.*$")
_REDACTED = re.compile(re.escape(REDACTED))

project = click.option("--project", is_flag=True, help="Use the project's .mcp.json instead of your own file.")


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
    ENV,
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
    environment = dict(_pair(ENV, text) for text in variables)
    header_values = dict(_pair("--header", text) for text in headers)
    fields = {"env": environment, "headers": header_values, "cwd": cwd, "timeout": timeout}
    new_entry |= {key: value for key, value in fields.items() if value}
    path = config_path(of_project=project)
    if fault := entry(name, new_entry, "user", path, path.parent).fault:
        raise InvalidArgumentsError(f"That is no MCP server: {fault}.")

    def new_secrets() -> dict[str, str]:
        return _ask_secret(name, new_entry, secret, stdin=stdin) if secret or bearer else {}

    add_entries(path, {name: new_entry}, new_secrets, replace=replace)
    return report(name, path, "added")


@command("mcp:remove", "kosmo mcp:remove time")
@server_argument
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


@command("mcp:enable", "kosmo mcp:enable time")
@server_argument
@project
def enable(*, name: str, project: bool) -> CommandResult:
    """Enable an MCP server that was disabled."""
    return _switch(name, on=True, of_project=project)


@command("mcp:disable", "kosmo mcp:disable time --project")
@server_argument
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


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    name = name.strip()
    if redact(name) != name:
        raise click.UsageError(NOT_AS_ARGUMENT.format(what=f"The name in {option}"))
    if option == ENV and not equals and VARIABLE.fullmatch(name):
        return name, f"${{{name}}}"
    if not equals or not name:
        also = ", or the name of a variable of your own environment" if option == ENV else ""
        raise click.UsageError(f"{option} takes NAME=VALUE{also}.")
    if is_private(name, value):
        raise click.UsageError(NOT_AS_ARGUMENT.format(what=f"The value of `{name}`"))
    return name, value


def _ask_secret(name: str, fields: dict[str, Any], variable: str | None, *, stdin: bool) -> dict[str, str]:
    """Ask for the secret of a server and add a reference to its entry; return the secret by its name."""
    secret_name = f"{name}.{variable or 'token'}"
    value, _ = read_token(f"{variable or 'Token'} of {name}", from_stdin=stdin)
    reference = f"${{secret:{secret_name}}}"
    key, added = ("env", {variable: reference}) if variable else ("headers", {"Authorization": f"Bearer {reference}"})
    fields[key] = fields.get(key, {}) | added
    return {secret_name: value}


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


# Import and export ------------------------------------------------------------------------------------------------


@command("mcp:import", "kosmo mcp:import ~/.cursor/mcp.json", "kosmo mcp:import - --project < mcp.json")
@click.argument("file", metavar="FILE or -")
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
    new_secrets: dict[str, str] = {}
    new_entries = {name: {**fields, **_without_secrets(name, fields, new_secrets)} for name, fields in entries.items()}
    add_entries(path, new_entries, lambda: new_secrets, replace=replace)
    notes = [f"`kosmo mcp:trust {name}` before it is used." for name in entries] if project else []
    facts = {"file": str(path), "servers": list(entries), "secrets_kept": list(new_secrets), "notes": notes}
    now, lines = configuration(), []
    for name in entries:
        lines += [name, *(f"  {line}" for line in (consent_lines(now.servers[name]) if name in now.servers else ()))]
    secrets_line = [f"Kept as secrets: {', '.join(new_secrets)}"] if new_secrets else []
    return CommandResult(facts, *lines, f"{len(entries)} imported: {path}", *secrets_line, *notes)


@command("mcp:export", "kosmo mcp:export > servers.json", "kosmo mcp:export time tracker --json")
@click.argument("names", nargs=-1, metavar="[NAME]…")
def export(*, names: tuple[str, ...], as_json: bool) -> None:
    """Print MCP servers without their secrets.

    Prints all configured servers, or those with these NAMEs. Each secret is replaced by a variable, ${NAME}, which is
    listed on standard error. With --json the variables are in `needs`, beside `mcpServers`.
    """
    configured = configuration()
    usable = [server for server in configured.servers.values() if not server.fault]
    chosen = [configured.find(name) for name in names] if names else usable
    for server in chosen:
        server.check_entry()
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


def _entries(file: str) -> dict[str, Any]:
    """Return the entries of a file, or of standard input.

    Raises:
        SettingsError: the file does not exist, cannot be read or has no entries.
    """
    if file == STDIN:
        file = "Standard input"
        _, entries = listed_entries(file, parse_jsonc(file, whole_input().decode("utf-8", "replace")))
    elif Path(file).is_file():
        _, entries = entries_of(Path(file))
    else:
        raise SettingsError(f"There is no file {file}.")
    if not entries:
        keys = ", ".join(f"`{key}`" for key in KEYS[:-1])
        raise SettingsError(f"{file} has no MCP servers: neither {keys} nor `{KEYS[-1]}`.")
    return entries


def _without_secrets(name: str, fields: Mapping[str, Any], new_secrets: dict[str, str]) -> dict[str, Any]:
    """Return the variables and headers of an entry with references to likely secrets; add these to `new_secrets`."""
    replaced: dict[str, Any] = {key: dict(fields[key]) for key in VALUE_KEYS if isinstance(fields.get(key), dict)}
    for values in replaced.values():
        for variable, value in values.items():
            if isinstance(value, str) and is_private(variable, value):
                secret = f"{name}.{variable}"
                new_secrets[secret] = value
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
    exported |= {"timeout": server.timeout} if server.timeout != DEFAULT_TIMEOUT else {}
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


# Files ------------------------------------------------------------------------------------------------------------


def config_path(*, of_project: bool) -> Path:
    """Return the path of the file to change."""
    return project_root(Path.cwd()) / PROJECT[OURS] if of_project else user_file()


def change(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change the entries of a file, and create the file if it is missing.

    Parameters:
        path: the path of the file.
        edit: a callback that changes the entries by server name in place; if it raises, the file stays unchanged.

    Raises:
        SettingsError, FileWriteError: the file cannot be read or written, or would lose comments.
    """
    with locked(user_file().parent):  # no lock file in the folder of `path`, which may be a repository
        text, table, key, entries = _read(path)
        edit(entries)
        match = INDENT.search(text)
        write(path, json.dumps(table | {key: entries}, indent=match[1] if match else 2, ensure_ascii=False) + "\n")


def add_entries(
    path: Path, new_entries: Mapping[str, Any], new_secrets: Callable[[], Mapping[str, str]], *, replace: bool
) -> None:
    """Add entries to a file, and store their secrets, which are discarded if the file cannot be changed.

    Parameters:
        path: the path of the file.
        new_entries: the entries by server name.
        new_secrets: returns the secrets by name. It is called after the checks and before any change, and may ask.
        replace: replace existing entries of these names.

    Raises:
        InvalidArgumentsError: the file has entries of these names.
        SettingsError, FileWriteError: the file cannot be read or written, or would lose comments.
    """

    def check(entries: Mapping[str, Any]) -> None:
        if existing := [name for name in new_entries if name in entries and not replace]:
            names = ", ".join(existing)
            raise InvalidArgumentsError(f"{path} has {names} already. --replace takes the place. Nothing was changed.")

    def edit(entries: dict[str, Any]) -> None:
        check(entries)
        entries.update(new_entries)

    *_, entries = _read(path)
    check(entries)
    with secrets.keeping(new_secrets()):
        change(path, edit)


def _read(path: Path) -> tuple[str, dict[str, Any], str, dict[str, Any]]:
    """Return the text of a file, its parsed content, the key under which it lists servers, and their entries."""
    try:
        text = decode_text(read_file_if_any(path, SettingsError) or b"", path, SettingsError)
        table = parse_jsonc(str(path), text) if text.strip() else {}
        key, entries = listed_entries(str(path), table)
    except SettingsError as fault:
        raise SettingsError(f"{fault.message} Nothing was changed: mend it first.") from None
    try:
        decode_json(text if text.strip() else "{}", str(path), ValueError)
    except ValueError:
        raise SettingsError(
            f"{path} has comments, or commas too many, which would be lost. Nothing was changed: do it by hand."
        ) from None
    return text, table, key or KEYS[0], entries


def entry_of(entries: dict[str, Any], name: str, path: Path) -> Any:
    """Return the entry of a server in a file.

    Raises:
        UnknownNameError: the file has no such entry; the error names the file that has it, or similar names.
    """
    if name in entries:
        return entries[name]
    server = configuration().servers.get(name)
    if server is None:
        raise UnknownNameError(f"{path} has no MCP server `{name}`.", tuple(nearest(name, entries)))
    way = {OURS: "Add --project.", "user": "Leave out --project."}.get(server.source, "Change it there.")
    raise UnknownNameError(f"{path} has no MCP server `{name}`; it stands in {server.path}. {way}")


def check_name(name: str) -> None:
    """Check the name of a new server.

    Raises:
        InvalidArgumentsError: the name is not valid.
    """
    if not NAME.fullmatch(name) or redact(name) != name:
        raise InvalidArgumentsError(
            f"`{one_line(name, most=70)}` cannot be the name of a server: that has letters, digits, spaces and "
            "`_ - . @ /`, 64 at most, and begins with a letter or a digit."
        )
