"""`kosmo integrations:lua`: run Lua from a file, from the command line or from standard input.

For people, what the script prints appears as it is printed and what it returns follows. With `--json` both are in one
document with eight keys, the same eight when the run failed or never began.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kosmo_kernel.cli.command import Command, Number
from kosmo_kernel.cli.output import document, note
from kosmo_kernel.cli.runs import LiveOutput, ended_by_ctrl_c, stopped_by_ctrl_c
from kosmo_kernel.cli.values import show_values
from kosmo_kernel.errors import KosmoError, LuaSyntaxError
from kosmo_kernel.limits import LEAST_MEMORY, Limits
from kosmo_kernel.plan import reveal
from kosmo_kernel.result import Call
from kosmo_kernel.session import Session
from kosmo_kernel.terminal_line import TerminalLine

if TYPE_CHECKING:
    from kosmo_kernel.session import Result

INLINE = "(command line)"  # what Lua's own interpreter calls the text of -e
STDIN = "stdin"
EXAMPLES = """\b
Examples:
  kosmo integrations:lua --demo -e 'app.integrations.heroku.list_apps()'
  kosmo integrations:lua audit.lua --json -- my-app
"""  # \b keeps click from filling the lines


class LuaCommand(Command):
    """A command that runs Lua: it takes the script's arguments behind `--`, and fails in its own envelope."""

    dry_run = False  # whether the call at hand asks for one

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what stands behind `--` for the script; otherwise its first word would be taken for the file."""
        if "--" in args:
            place = args.index("--")
            ctx.meta["arguments"] = tuple(args[place + 1 :])
            args = args[:place]
        rest = super().parse_args(ctx, args)
        self.dry_run = bool(ctx.params.get("dry_run"))
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The usage line, with what `parse_args` takes."""
        return [*super().collect_usage_pieces(ctx), "[-- ARG…]"]

    def failure(self, message: str, facts: dict[str, Any], error: Exception) -> dict[str, Any]:
        """The eight keys of a run that failed."""
        result = error.result if isinstance(error, KosmoError) else None
        return envelope(result, message, facts | {"line": getattr(error, "line", None)}, dry_run=self.dry_run)


@click.command("integrations:lua", cls=LuaCommand, epilog=EXAMPLES)
@click.argument("file", required=False, metavar="[FILE or -]")
@click.option("-e", "--eval", "code", metavar="CODE", help="Run CODE instead of a file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, whatever happens.")
@click.option("--account", metavar="A", help="The account that `heroku.<function>` asks.")
@click.option("--demo", is_flag=True, help="Ask the demo account, which is fiction.")
@click.option("-n", "--dry-run", is_flag=True, help="List the calls that the script would make, and make none.")
@click.option(
    "--timeout", type=Number(min=0, min_open=True), metavar="S", help="Stop after S seconds.  [default: never]"
)
@click.option(
    "--cpu-limit",
    type=Number(min=0, min_open=True),
    metavar="S",
    help=f"Seconds that Lua itself may run; waiting for answers does not count.  [default: {Limits().cpu:g}]",
)
@click.option(
    "--memory-limit",
    type=click.IntRange(min=LEAST_MEMORY),
    metavar="BYTES",
    help=f"Bytes that Lua's values may take.  [default: {Limits().memory}]",
)
@click.pass_context
def lua(
    ctx: click.Context,
    *,
    file: str | None,
    code: str | None,
    as_json: bool,
    account: str | None,
    demo: bool,
    dry_run: bool,
    timeout: float | None,
    cpu_limit: float | None,
    memory_limit: int | None,
) -> None:
    """Run Lua that asks Heroku.

    FILE is a Lua file, and - is standard input. What the script prints appears at once, and what it returns follows:
    a list of records as a table on a terminal, and as tab-separated values, complete, in a pipe.

    The script finds each ARG in `...`. With -e and -, `io.read` reads standard input.
    """
    if demo and account not in (None, "demo"):
        raise click.UsageError("--demo and --account name two accounts. Give one of them.")
    source, name = read_source(file, code)
    session = Session("demo" if demo else account, memory_limit=memory_limit, cpu_limit=cpu_limit, timeout=timeout)
    line = TerminalLine(sys.stderr)
    try:
        with session, stopped_by_ctrl_c(session), line, LiveOutput(session, line) as live:
            result = session.run(
                source,
                name=name,
                args=ctx.meta.get("arguments", ()),
                on_output=None if as_json else live,
                on_input=_read_stdin if file == "-" and code is not None else None,
                on_progress=line,
                dry_run=dry_run,
            )
    except KosmoError as error:
        if dry_run and not as_json and error.result is not None:
            told = reveal(error.result)
            show_values(error.result.values)
            note(told)
        raise
    if as_json:
        document(envelope(result, dry_run=dry_run))
        return
    if dry_run:
        result.notes.append(reveal(result))
    show(result)


def read_source(file: str | None, code: str | None) -> tuple[str, str]:
    """The Lua to run and the name of its chunk.

    Raises:
        click.UsageError: no source, two sources, a file that cannot be read, or nothing in it.
        LuaSyntaxError: a source that is not UTF-8.
    """
    if code is not None and file not in (None, "-"):
        raise click.UsageError("-e and FILE are two sources. Give one of them; what the script gets goes behind --.")
    if code is None and file is None:
        raise click.UsageError("There is no Lua to run. Give a file, - for standard input, or -e CODE.")
    if code is not None:
        name, data = INLINE, os.fsencode(code)
    elif file == "-":
        name, data = STDIN, sys.stdin.buffer.read() if sys.stdin else b""
    else:
        name, data = file or "", _bytes_of(file or "")
    try:
        source = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        error = LuaSyntaxError(f"{name}:{line}: this is not UTF-8 text.")
        error.line, error.chunk = line, name
        raise error from None
    if not source.strip():
        raise click.UsageError(f"There is no Lua to run: {name} is blank.")
    # `#!/usr/bin/env …`: Lua's own interpreter skips such a line too
    return (f"--{source}" if source.startswith("#") else source), name


def _bytes_of(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise click.UsageError(f"`{file}` cannot be read: {error.strerror}.") from None


def envelope(
    result: Result | None, error: str | None = None, facts: dict[str, Any] | None = None, *, dry_run: bool = False
) -> dict[str, Any]:
    """The eight keys of a run as a program reads it.

    Parameters:
        result: what the run gave, or what it had given when it failed; None when it never began.
        error: the message when it failed.
        facts: what is known of the error.
        dry_run: no call was made; those that would have been are listed.
    """
    meta: dict[str, Any] = {"permission_bypassed": False, "dry_run": dry_run}
    if result is not None:
        meta |= {"account": result.account, "notes": result.notes}
        meta |= {"failures": result.failures} if result.failures else {}
    if facts is not None:
        meta["error"] = facts
    return {
        "success": error is None,
        "output": result.output if result else "",
        "error": error,
        "result": result.values if result and error is None else [],
        "execution_time_ms": round(result.seconds * 1000, 1) if result else 0.0,
        "memory_usage": result.memory if result else 0,
        "integration_calls": _calls(result, dry_run=dry_run) if result else [],
        "meta": meta,
    }


def show(result: Result) -> None:
    """Print what a run returned, and what there is to say about it beside."""
    if not result.hidden:
        show_values(result.values)
    for line in result.notes:
        note(line)


def _calls(result: Result, *, dry_run: bool) -> list[dict[str, Any]]:
    """The calls of a run; what was only planned says with what and where it would have asked."""
    if not dry_run:
        return [_call(call) for call in result.calls]
    return [
        _call(Call(f"integrations.{planned.function}", planned.account, 0.0, "planned"))
        | {"arguments": planned.arguments, "method": planned.method, "url": planned.url}
        for planned in result.planned
    ]


def _call(call: Call) -> dict[str, Any]:
    return {
        "path": call.path,
        "account": call.account,
        "durationMs": round(call.duration_ms, 1),
        "status": call.status,
        "rows": call.rows,
        "requests": call.requests,
    }


def _read_stdin(form: str) -> str | None:
    """What `io.read` gets from standard input: a line without (`l`) or with (`L`) its end, or all of it (`a`)."""
    with ended_by_ctrl_c():
        data = sys.stdin.buffer.read() if form == "a" else sys.stdin.buffer.readline()
    text = data.decode(errors="replace")
    return (text.removesuffix("\n") if form == "l" else text) if data else None
