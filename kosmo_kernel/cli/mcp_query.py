"""The commands that start MCP servers: `kosmo mcp:call`, `mcp:tools`, `mcp:schema`, `mcp:resources` and `mcp:prompts`.

The servers are started for the command, so they must be trusted, and they end with it. The permissions decide whether a
tool is called and whether a resource or a prompt is read, as for scripts. If KOSMO_REPLAY names a recording, the
replies come from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import click

from kosmo_kernel.cli.arguments import fields_of_json, split_pair
from kosmo_kernel.cli.call import CallCommand
from kosmo_kernel.cli.command import Aside, CommandResult, command, document
from kosmo_kernel.cli.mcp import NONE
from kosmo_kernel.cli.options import Layout, format_options
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError
from kosmo_kernel.mcp import Servers, Tool
from kosmo_kernel.mcp.calls import declared_kinds
from kosmo_kernel.results import Result
from kosmo_kernel.run.provider import SessionServers
from kosmo_kernel.run.recording import RecordingMode
from kosmo_kernel.safety.redaction import one_line

server_argument = click.argument("server")
force_option = click.option("--force", is_flag=True, help="Ignore the permissions.")


@command("mcp:tools", "kosmo mcp:tools", "kosmo mcp:tools time --json")
@click.argument("server", required=False, metavar="[SERVER]")
def tools(*, server: str | None) -> CommandResult:
    """List the tools of MCP servers.

    This starts SERVER, or all enabled servers. Servers that do not respond, or that you do not trust, are listed
    on standard error; the command fails only if no server responds. With --json: `tools`, and `failures` by server.
    """
    with _servers() as servers:
        configured = servers.configuration()
        enabled = [entry.name for entry in configured.servers.values() if entry.enabled]
        chosen = [servers.find(server).name] if server else enabled
        rows: list[dict[str, Any]] = []
        failures: dict[str, KosmoError] = {}
        for name in chosen:
            try:
                rows += [_row(tool, servers.called()[name]) for tool in servers.tools(name)]
            except KosmoError as error:
                failures[name] = error
    if failures and len(failures) == len(chosen):
        raise next(iter(failures.values()))
    facts = {"tools": rows, "failures": {name: error.facts() for name, error in failures.items()}}
    lines = [(row["lua_path"].removeprefix("app.mcp."), _tool_summary(row)) for row in rows]
    faults = [*configured.faults, *(error.message for error in failures.values())]
    return CommandResult(facts, lines if chosen else NONE, *map(Aside, faults))


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
@force_option
def resources(*, server: str, uri: str | None, force: bool) -> CommandResult:
    """List the resources of an MCP server, or print one.

    This starts SERVER. Unless your permissions allow it, you are asked before URI is sent. With --json: `resources`,
    or `contents`, each with a `text` or a `blob` in base64.
    """
    if uri is None:
        return _listed(server, "resources")
    name, resource = _send_request("read_resource", server, {"uri": uri}, force=force)
    contents = resource["contents"]
    texts = (item.get("text", f"({item.get('mimeType', 'binary')}: --json has it in base64)") for item in contents)
    return CommandResult({"server": name, "uri": uri, "contents": contents}, *texts)


@command("mcp:prompts", "kosmo mcp:prompts library", 'kosmo mcp:prompts library summarise \'{"book": "Emma"}\'')
@server_argument
@click.argument("prompt", required=False, metavar="[PROMPT]")
@click.argument("payload", required=False, metavar="[JSON]")
@force_option
def prompts(*, server: str, prompt: str | None, payload: str | None, force: bool) -> CommandResult:
    """List the prompts of an MCP server, or print one.

    This starts SERVER. JSON is an object of named texts; - reads it from standard input. Unless your permissions
    allow it, you are asked before it is sent. With --json: `prompts`, or the `messages` of one prompt.
    """
    arguments = dict(fields_of_json(payload)) if payload is not None else {}
    if prompt is None:
        return _listed(server, "prompts")
    name, rendered = _send_request("get_prompt", server, {"name": prompt, "arguments": arguments}, force=force)
    texts = []
    for message in rendered["messages"]:
        kind = message["content"].get("type")
        texts.append(f"{message['role']}: {message['content'].get('text', f'({kind})')}")
    return CommandResult({"server": name, "prompt": prompt, **rendered}, *texts)


@contextmanager
def _servers() -> Iterator[Servers]:
    """Yield the servers, and stop them when the context ends."""
    session_servers = SessionServers("", lambda: False, RecordingMode().cassette)
    try:
        yield session_servers.get()
    finally:
        session_servers.close()


def _send_request(verb: str, server: str, request: Mapping[str, Any], *, force: bool) -> tuple[str, dict[str, Any]]:
    """Send a request to a server if the permissions allow it; return the server's name and its answer."""
    from kosmo_kernel.cli.lua_run import terminal_frontend
    from kosmo_kernel.run.options import RunOptions
    from kosmo_kernel.session import Session

    with Session(services=False) as session:
        name = session.servers.get().find(server).name
        with terminal_frontend(session, aside=True) as frontend:
            try:
                answer = session.ask_server(verb, {"server": name, **request}, RunOptions(force=force), frontend)
            except InvalidArgumentsError as error:
                raise click.UsageError(error.message) from None
    return name, answer.value


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


def _listed(server: str, kind: str) -> CommandResult:
    """Return the `resources` or the `prompts` of a server."""
    with _servers() as servers:
        name = servers.find(server).name
        items = servers.ask(name, f"{kind}/list")[kind]
    rows = []
    for item in items:
        label = _signature(item) if kind == "prompts" else item.get("uri") or item.get("uriTemplate", "")
        about = str(item.get("description") or item.get("title") or item.get("name") or "")
        rows.append((label, one_line(about, most=120)))
    return CommandResult({"server": name, kind: items}, rows or f"{name} offers no {kind}.")


def _signature(prompt: Mapping[str, Any]) -> str:
    names = (argument["name"] + ("" if argument.get("required") else "?") for argument in prompt.get("arguments") or ())
    return f"{prompt['name']}({', '.join(names)})"


# Calls ------------------------------------------------------------------------------------------------------------


class ToolCallCommand(CallCommand):
    """The command that calls a tool."""

    tool: Tool | None = None  # the tool of the current call, once its server has described it
    server: str | None = None  # server name of the current call, once it is resolved

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, and keep the name of the tool and `--dry-run` for the document of a failure."""
        self.function_name = self.tool = self.server = None
        rest = super().parse_args(ctx, args)
        self.function_name, self.dry_run = ctx.params.get("tool"), bool(ctx.params.get("dry_run"))
        return rest

    def meta(self, result: Result | None) -> dict[str, Any]:
        """Return the metadata of the current call."""
        metadata: dict[str, Any] = {
            "dry_run": self.dry_run,
            "operation": self.tool.effect if self.tool else None,
            "permission_bypassed": bool(result and result.permission_bypassed),
            "server": self.server,
        }
        if result and result.planned:
            metadata["planned"] = [{"arguments": call.arguments, "url": call.url} for call in result.planned]
        return metadata | ({"notes": result.notes} if result else {})

    def resolve(self, servers: Servers, path: str) -> None:
        """Find the tool of the current call, which starts its server unless the call is a dry run.

        Raises:
            KosmoError: the tool does not exist, or its server may not be started or fails to start.
        """
        server, name = servers.split(path)
        servers.may_use(server.name)
        self.server, self.function_name = server.name, f"mcp.{server.name}.{name}"
        if not self.dry_run:
            self.tool = servers.tool(server.name, name)
            self.function_name = self.tool.function


@command(
    "mcp:call",
    "kosmo mcp:call time.get_current_time --arg timezone=Etc/UTC",
    'kosmo mcp:call time.get_current_time \'{"timezone": "Etc/UTC"}\' --json',
    cls=ToolCallCommand,
)
@click.argument("tool", metavar="SERVER.TOOL")
@click.argument("payload", required=False, metavar="[JSON]")
@click.option(
    "--arg", "pairs", multiple=True, metavar="NAME=VALUE", help="An argument; write values other than texts as JSON."
)
@click.option("-n", "--dry-run", is_flag=True, help="Show the call without making it; no server is started.")
@force_option
@format_options
@click.pass_context
def call(
    ctx: click.Context,
    *,
    tool: str,
    payload: str | None,
    pairs: tuple[str, ...],
    dry_run: bool,
    force: bool,
    layout: Layout,
    as_json: bool,
) -> None:
    """Call one tool, and show the result.

    This starts the server. JSON is an object of named arguments; - reads it from standard input. Unless the server
    declares the tool as read-only, you are asked first.

    With --json: `function`, `success`, `data`, `error`, `meta` and `duration_ms`.
    """
    fields = dict(fields_of_json(payload)) if payload is not None else {}
    options: dict[str, str] = {}
    for name, text in map(split_pair, pairs):
        if name in fields or name in options:
            raise click.UsageError(f"`{name}` is given twice.")
        options[name] = text
    caller = cast("ToolCallCommand", ctx.command)

    from kosmo_kernel.session import Session

    with Session(services=False) as session:
        caller.resolve(session.servers.get(), tool)
        arguments = fields | {name: _typed(caller.tool, name, text) for name, text in options.items()}
        result = caller.make_call(session, caller.function_name or tool, arguments, force=force)
    caller.show(result, caller.meta(result), layout, as_json=as_json)


def _typed(tool: Tool | None, name: str, text: str) -> Any:
    """Return the value of an `--arg`: a string if the tool accepts one or is unknown, otherwise JSON if it is valid."""
    if tool is None or "string" in declared_kinds(tool.properties.get(name, {})):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text  # does not match the schema, which the validation of the arguments reports
