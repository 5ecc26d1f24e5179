"""`kosmo mcp:call`: call a tool of an MCP server, with its arguments as JSON or as `--arg NAME=VALUE`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

import click

from kosmo_kernel.cli.arguments import fields_of_json, split_pair
from kosmo_kernel.cli.call import CallCommand
from kosmo_kernel.cli.command import command
from kosmo_kernel.cli.options import Layout, check_formats, format_options
from kosmo_kernel.mcp import Servers, Tool
from kosmo_kernel.results.result import Result

SPACE = "mcp."


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
            metadata["planned"] = [{"arguments": one.arguments, "url": one.url} for one in result.planned]
        return metadata | ({"notes": result.notes} if result else {})


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
@click.option("--force", is_flag=True, help="Ignore the permissions.")
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
    check_formats(as_json=as_json, layout=layout)
    given = dict(fields_of_json(payload)) if payload is not None else {}
    named = list(map(split_pair, pairs))
    if duplicates := [name for place, (name, _) in enumerate(named) if name in given or name in dict(named[:place])]:
        raise click.UsageError(f"`{duplicates[0]}` is given twice.")
    caller = cast("ToolCallCommand", ctx.command)

    from kosmo_kernel.session import Session

    with Session(services=False) as session:
        caller.tool = _resolve(caller, session.servers.get(), tool, dry_run=dry_run)
        arguments = given | {name: _typed(caller.tool, name, text) for name, text in named}
        result = caller.make_call(session, caller.function_name or tool, arguments, force=force)
    caller.show(result, caller.meta(result), layout, as_json=as_json)


def _resolve(caller: ToolCallCommand, servers: Servers, path: str, *, dry_run: bool) -> Tool | None:
    """Return the tool, which starts its server; return None for a dry run.

    Raises:
        KosmoError: the tool does not exist, or its server may not be started or fails to start.
    """
    server, name = servers.split(path)
    servers.may_use(server.name)
    caller.server, caller.function_name = server.name, f"{SPACE}{server.name}.{name}"
    if dry_run:
        return None
    tool = servers.tool(server.name, name)
    caller.function_name = tool.function
    return tool


def _typed(tool: Tool | None, name: str, text: str) -> Any:
    """Return the value of an `--arg`: a string if the tool accepts one or is unknown, otherwise JSON if it is valid."""
    schema = tool.properties.get(name, {}) if tool else {}
    if tool is None or "string" in _type_names(schema):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text  # does not match the schema, which the validation of the arguments reports


def _type_names(schema: Mapping[str, Any]) -> set[str]:
    declared = schema.get("type")
    kinds: Iterable[Any] = declared if isinstance(declared, list) else [declared]
    names = {kind for kind in kinds if isinstance(kind, str)}
    for alternative in (*(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())):
        names |= _type_names(alternative) if isinstance(alternative, dict) else set()
    return names
