"""`kosmo mcp:tools`, `mcp:schema`, `mcp:resources` and `mcp:prompts`: list what MCP servers offer.

The servers are started for this, so they must be trusted, and they end with the command. If KOSMO_REPLAY names a
cassette, the replies come from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from kosmo_kernel.catalogue import nearest
from kosmo_kernel.cli.arguments import JSON_PLACE, fields_of_json
from kosmo_kernel.cli.command import command
from kosmo_kernel.cli.completions import mcp_servers
from kosmo_kernel.cli.mcp_list import NONE
from kosmo_kernel.cli.output import document, print_note, print_result, print_rows
from kosmo_kernel.errors import KosmoError, UnknownNameError
from kosmo_kernel.mcp import Servers, Tool
from kosmo_kernel.run import SessionServers
from kosmo_kernel.run.recording import RecordingMode
from kosmo_kernel.safety.redaction import one_line

server_argument = click.argument("server", shell_complete=mcp_servers)


@command("mcp:tools", "kosmo mcp:tools", "kosmo mcp:tools time --json")
@click.argument("server", required=False, metavar="[SERVER]", shell_complete=mcp_servers)
def tools(*, server: str | None, as_json: bool) -> None:
    """List the tools of MCP servers.

    This starts SERVER, or all enabled servers. Servers that do not respond, or that you do not trust, are listed
    on standard error; the command fails only if no server responds. With --json: `tools`, and `failures` by server.
    """
    with _servers() as servers:
        configured = servers.configuration()
        chosen = [servers.find(server).name] if server else [n for n, one in configured.servers.items() if one.enabled]
        rows: list[dict[str, Any]] = []
        failures: dict[str, KosmoError] = {}
        for name in chosen:
            try:
                rows += [_row(tool, servers.called()[name]) for tool in servers.tools(name)]
            except KosmoError as error:
                failures[name] = error
    if failures and len(failures) == len(chosen):
        raise next(iter(failures.values()))
    if as_json:
        failure_facts = {name: error.facts() for name, error in failures.items()}
        document({"success": True, "tools": rows, "failures": failure_facts})
        return
    if rows:
        print_rows([(row["lua_path"].removeprefix("app.mcp."), _tool_summary(row)) for row in rows])
    elif not chosen:
        print_result(NONE)
    for fault in [*configured.faults, *(error.message for error in failures.values())]:
        print_note(fault)


@command("mcp:schema", "kosmo mcp:schema time.convert_time", json=False)
@click.argument("tool", metavar="SERVER.TOOL")
@click.option("--json", "as_json", is_flag=True, help="Print JSON also for an error; a schema is always JSON.")
def schema(*, tool: str, as_json: bool) -> None:
    """Print the arguments of a tool as JSON Schema.

    This starts the server.
    """
    with _servers() as servers:
        server, name = servers.split(tool)
        document(dict(servers.tool(server.name, name).schema))


@command("mcp:resources", "kosmo mcp:resources library", "kosmo mcp:resources library library://catalogue --json")
@server_argument
@click.argument("uri", required=False, metavar="[URI]")
def resources(*, server: str, uri: str | None, as_json: bool) -> None:
    """List the resources of an MCP server, or print one.

    This starts SERVER. With --json: `resources`, or `contents`, each with a `text` or a `blob` in base64.
    """
    with _servers() as servers:
        name = servers.find(server).name
        if uri is None:
            _print_list(name, "resources", servers.resources(name), as_json=as_json)
            return
        contents = servers.read_resource(name, uri)["contents"]
    if as_json:
        document({"success": True, "server": name, "uri": uri, "contents": contents})
        return
    for item in contents:
        print_result(item.get("text", f"({item.get('mimeType', 'binary')}: --json has it in base64)"))


@command("mcp:prompts", "kosmo mcp:prompts library", 'kosmo mcp:prompts library summarise \'{"book": "Emma"}\'')
@server_argument
@click.argument("prompt", required=False, metavar="[PROMPT]")
@click.argument("payload", required=False, metavar="[JSON]")
def prompts(*, server: str, prompt: str | None, payload: str | None, as_json: bool) -> None:
    """List the prompts of an MCP server, or print one.

    This starts SERVER. JSON is an object of named texts; - reads it from standard input. With --json: `prompts`, or
    the `messages` of one prompt.
    """
    arguments = dict(fields_of_json(payload)) if payload is not None else {}
    with _servers() as servers:
        name = servers.find(server).name
        listed = servers.prompts(name)
        if prompt is None:
            _print_list(name, "prompts", listed, as_json=as_json)
            return
        rendered = servers.prompt(name, prompt, _prompt_arguments(name, prompt, listed, arguments))
    if as_json:
        document({"success": True, "server": name, "prompt": prompt, **rendered})
        return
    for item in rendered["messages"]:
        text = item["content"].get("text", f"({item['content'].get('type')})")
        print_result(f"{item['role']}: {text}")


@contextmanager
def _servers() -> Iterator[Servers]:
    """Yield the servers, and stop them when the context ends."""
    session_servers = SessionServers("", lambda: False, RecordingMode().cassette)
    try:
        yield session_servers.get()
    finally:
        session_servers.close()


def _row(tool: Tool, lua_name: str) -> dict[str, Any]:
    """Return a tool as JSON data."""
    return {
        "server": tool.server,
        "name": tool.name,
        "function": tool.function,
        "lua_path": f"app.mcp.{lua_name}.{tool.lua}",
        "title": tool.title,
        "description": tool.description,
        "operation": tool.effect,
        "parameters": [{"name": name, "required": name in tool.required} for name in tool.properties],
        "schema": dict(tool.schema),
        "output_schema": dict(tool.output) if tool.output is not None else None,
    }


def _tool_summary(row: Mapping[str, Any]) -> str:
    first = str(row["description"] or row["title"]).strip().partition("\n")[0]
    return f"{one_line(first, most=120)}{'' if row['operation'] == 'read' else '  (may change something)'}"


def _print_list(server: str, kind: str, items: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print the `resources` or the `prompts` of a server."""
    if as_json:
        document({"success": True, "server": server, kind: items})
        return
    rows = []
    for item in items:
        label = _signature(item) if kind == "prompts" else item.get("uri") or item.get("uriTemplate", "")
        about = str(item.get("description") or item.get("title") or item.get("name") or "")
        rows.append((label, one_line(about, most=120)))
    if rows:
        print_rows(rows)
    else:
        print_result(f"{server} offers no {kind}.")


def _signature(prompt: Mapping[str, Any]) -> str:
    names = (argument["name"] + ("" if argument.get("required") else "?") for argument in prompt.get("arguments") or ())
    return f"{prompt['name']}({', '.join(names)})"


def _prompt_arguments(
    server: str, prompt: str, prompts: list[dict[str, Any]], arguments: dict[str, Any]
) -> dict[str, str]:
    """Return the arguments of a prompt, converted to strings.

    Raises:
        UnknownNameError: the server has no such prompt.
        click.UsageError: a required argument is missing.
    """
    by_name = {item["name"]: item for item in prompts}
    if prompt not in by_name:
        suggestions = nearest(prompt, by_name) or list(by_name)
        raise UnknownNameError(f"The MCP server `{server}` has no prompt `{prompt[:80]}`.", tuple(suggestions))
    required = [item["name"] for item in by_name[prompt].get("arguments") or () if item.get("required")]
    if missing := [name for name in required if arguments.get(name) is None]:
        raise click.UsageError(f"The prompt `{prompt}` needs {', '.join(missing)} in {JSON_PLACE}.")
    return {name: value if isinstance(value, str) else str(value) for name, value in arguments.items()}
