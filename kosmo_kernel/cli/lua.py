"""`kosmo lua`: run Lua from a file, from the command line or from standard input.

By default, the output of the script is shown live and its return values follow. With `--format`, standard output has
only the return values. With `--json`, it has one document with the same eight keys, whether the run succeeds, fails or
never begins.
"""

from __future__ import annotations

import os
import shlex
from functools import partial
from typing import Any

import click

from kosmo_kernel.cli import options
from kosmo_kernel.cli.command import Command, document, epilog_of
from kosmo_kernel.cli.lua_run import stopped_by_ctrl_c, terminal_frontend
from kosmo_kernel.cli.streams import SUCCESS, input_is_terminal, whole_input
from kosmo_kernel.cli.values import show_failed_plan, show_result
from kosmo_kernel.errors import KosmoError, LuaSyntaxError
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.results import run_document
from kosmo_kernel.safety.intake import MAX_DOCUMENT_BYTES
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.text import lazy_pattern

INLINE = "(command line)"  # chunk name, as Lua's own interpreter names the text of -e
STDIN = "stdin"
_FILE_NAME = lazy_pattern(r"[\w./~-]+")  # what is none may be Lua


class LuaCommand(Command):
    """A command that runs Lua, with script arguments after `--` and the keys of `run_document` for failures."""

    dry_run = False  # whether the current call has --dry-run

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Store the arguments after `--` for the script; click would take the first of them for FILE."""
        if "--" in args:
            index = args.index("--")
            ctx.meta["arguments"] = tuple(args[index + 1 :])
            args = args[:index]
        rest = super().parse_args(ctx, args)
        self.dry_run = bool(ctx.params.get("dry_run"))
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the parts of the usage line, including the arguments after `--`."""
        return [*super().collect_usage_pieces(ctx), "[-- ARG…]"]

    def failure(self, message: str, facts: dict[str, Any], error: Exception) -> dict[str, Any]:
        """Return the eight keys of a failed run."""
        result = error.result if isinstance(error, KosmoError) else None
        return run_document(result, message, facts | {"line": getattr(error, "line", None)}, dry_run=self.dry_run)


@click.command(
    "lua",
    cls=LuaCommand,
    epilog=epilog_of(
        "kosmo lua --demo -e 'heroku.list_apps()'",
        "kosmo lua audit.lua --json -- my-app",
        "kosmo lua audit.lua --format csv > audit.csv",
    ),
)
@click.argument("file", required=False, metavar="[FILE or -]", type=options.FILE)
@click.option("-e", "--eval", "code", metavar="CODE", help="Run CODE instead of a file.")
@options.json_option
@options.format_options
@options.account_options("The account of calls that name none, such as heroku.list_apps().")
@click.option("-n", "--dry-run", is_flag=True, help="List the calls of the script without making them.")
@options.recording_options
@click.option("--force", is_flag=True, help="Use tools of MCP servers that may change something without asking.")
@options.limit_options
def lua(**values: Any) -> int:
    """Run a Lua script that calls Heroku.

    FILE is a Lua file; - is standard input. The output of the script is printed at once, and its result at the end: a
    list of records is a table on a terminal, and CSV in a pipe.

    The script gets the ARGs in `...`. `io.read` reads standard input if that is no terminal; with -e and -, also on a
    terminal.

    With --format, only the result is printed on standard output; the output of the script goes to standard error. In
    csv, the first line has the names of the columns, and an empty line separates tables. In json, several values are
    printed as one list.

    With --record FILE --resume, a script that was killed goes on: what was answered is not asked again.
    """
    return run_lua(**values)


def run_lua(
    *,
    file: str | None,
    code: str | None,
    as_json: bool,
    layout: options.Layout,
    dry_run: bool,
    force: bool,
    recording: options.Recording | None = None,
    account: str | None = None,
    **session_options: Any,
) -> int:
    """Run a script of the current command, and return the exit code.

    Parameters:
        file, code, as_json, layout, dry_run, force, recording, account: the options of `lua`.
        session_options: the limits, and further arguments of the session.

    Raises:
        click.UsageError: options exclude one another, or there is no script.
        KosmoError: the run failed.
    """
    recording = recording or options.Recording()
    if recording.record is not None and dry_run:
        raise click.UsageError("--record and --dry-run exclude one another.")
    source, name = read_source(file, code)
    session = recording.session(account, **session_options)
    arguments = click.get_current_context().meta.get("arguments", ())
    run_options = Options(name, arguments, dry_run=dry_run, force=force)
    # With `-` in place of FILE, the script itself comes from standard input, and with `-e` what `io.read` reads.
    reads_input = code is not None if file == "-" else not input_is_terminal()
    terminal = terminal_frontend(session, aside=bool(layout), quiet=as_json, reads=reads_input)
    try:
        with session, stopped_by_ctrl_c(session), terminal as frontend:
            result = session.execute(source, run_options, frontend)
    except KosmoError as error:
        if not as_json:
            show_failed_plan(error.result, layout)
        raise
    if as_json:
        document(run_document(result, dry_run=dry_run))
    else:
        show_result(result, layout)
    return recording.finished(SUCCESS)


def read_source(file: str | None, code: str | None) -> tuple[str, str]:
    """Read the Lua to run; return it with the name of its chunk.

    Parameters:
        file: the path of a file, `-` for standard input, or None.
        code: the text of `-e`, or None.

    Raises:
        click.UsageError: there is no source, there are two, or the source is blank or cannot be read.
        LuaSyntaxError: the source is not UTF-8.
    """
    if code is not None and file not in (None, "-"):
        raise click.UsageError("-e and FILE are two sources. Give one of them; what the script gets goes behind --.")
    if code is None and file is None:
        raise click.UsageError("There is no Lua to run. Give a file, - for standard input, or -e CODE.")
    if code is not None:
        name, data = INLINE, os.fsencode(code)
    elif file == "-":
        name, data = STDIN, whole_input()
    else:
        name, data = file or "", _read_bytes(file or "")
    try:
        source = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        error = LuaSyntaxError(f"{name}:{line}: this is not UTF-8 text.")
        error.line, error.chunk = line, name
        raise error from None
    if not source.strip():
        raise click.UsageError(f"There is no Lua to run: {name} is blank.")
    # A first line such as `#!/usr/bin/env kosmo` is made a comment. Nothing else is: `#list` is an expression.
    return (f"--{source}" if code is None and source.startswith("#!") else source), name


def _read_bytes(file: str) -> bytes:
    try:
        with open(file, "rb") as script:  # a pipe is read too, as `kosmo lua <(COMMAND)` needs
            content = script.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        is_lua = isinstance(error, FileNotFoundError) and not _FILE_NAME.fullmatch(file)
        command = f"{click.get_current_context().command_path} -e {shlex.quote(file)}"
        advice = f" If it is Lua, use: {command}" if is_lua else ""
        raise click.UsageError(f"`{escape_control(file)}` cannot be read: {error.strerror}.{advice}") from None
    if len(content) > MAX_DOCUMENT_BYTES:
        raise click.UsageError(f"`{escape_control(file)}` has more than {MAX_DOCUMENT_BYTES:,} bytes.")
    return content


# `lua` without services: it looks for no account and no token, and answers of MCP servers are not recorded.
mcp_lua = LuaCommand(
    "mcp:lua",
    callback=options.format_options(partial(run_lua, services=False)),
    params=[param for param in lua.params if param.name not in ("account", "demo", "record", "resume", "archive")],
    help="Run a Lua script that calls MCP servers.\n\nFILE is a Lua file; - is standard input. `app.mcp.SERVER.TOOL` "
    "calls a tool. The first call starts the server, which ends with the script.\n\nThe script cannot call Heroku, and "
    "the command uses no account and no token: `kosmo lua` calls both. The other options work as there.",
    epilog=epilog_of(
        "kosmo mcp:lua -e 'return mcp.servers()'",
        "kosmo mcp:lua -e 'return app.mcp.time.get_current_time({ timezone = \"Etc/UTC\" })' --json",
        "kosmo mcp:lua triage.lua --dry-run -- my-project",
    ),
)
