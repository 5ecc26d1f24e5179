"""The command line `kosmo`: the table of its commands, its help and its exit codes.

`COMMANDS` has the name and summary of each command. The module of a command is imported when the command is used, so
that `kosmo --help` takes hardly longer than click itself. A command returns its exit code or raises an error; `outcome`
turns errors into a message or a JSON document and an exit code:

    0  done        1  failed        2  called wrongly        130  interrupted        141  standard output was closed

With `--json`, standard output is one JSON document in each of the first four cases.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from kosmo_kernel import __version__
from kosmo_kernel.cli import dropped, streams
from kosmo_kernel.errors import KosmoError, StoppedError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# New objects between two garbage collections. With Python's default, collecting while modules are imported takes as
# long as starting Python.
GC_THRESHOLD = 50_000


class CommandEntry(NamedTuple):
    """The location of a command, and its line in the help."""

    target: str  # `module:attribute` below `kosmo_kernel.cli`
    summary: str  # with which the command's own help begins


SECTIONS = {  # of the help
    "Ask Heroku": ("lua", "call", "docs", "search"),
    "Reports": ("check", "inventory", "snapshot", "archive", "run"),
    "Set up": ("status", "doctor", "accounts:add", "accounts:remove", "install", "uninstall", "demo", "demo:serve"),
    "MCP servers, and agents": ("mcp:lua", "mcp:list", "mcp:trust", "mcp:serve"),
}
COMMANDS = {
    "lua": CommandEntry("lua:lua", "Run a Lua script that calls Heroku."),
    "call": CommandEntry("call:call", "Call one function, and show the result."),
    "docs": CommandEntry("reference:docs", "Read the reference, or one page of it."),
    "search": CommandEntry("reference:search", "Find functions, tables, checks and guides by words."),
    "check": CommandEntry("check:check", "Run checks, and fail if they find something."),
    "inventory": CommandEntry("account_files:inventory", "List all that an account has, to plan a move."),
    "snapshot": CommandEntry("account_files:snapshot", "Save the lists of an account, to compare later."),
    "archive": CommandEntry("account_files:archive", "Show what an archive has, or export its lists."),
    "run": CommandEntry("run:run", "Run a notebook with parameters, and write a copy."),
    "status": CommandEntry("accounts:status", "List the accounts, and try their tokens."),
    "doctor": CommandEntry("doctor:doctor", "Check the setup, and say how to fix problems."),
    "accounts:add": CommandEntry("accounts:add", "Add an account, so that scripts can name it."),
    "accounts:remove": CommandEntry("accounts:remove", "Remove an account and its token."),
    "install": CommandEntry("kernelspec:install", "Add the kernel Lua (Kosmo) to Jupyter."),
    "uninstall": CommandEntry("kernelspec:uninstall", "Remove the kernel Lua (Kosmo) from Jupyter."),
    "demo": CommandEntry("demo:demo", "Ask a fictional account one question, in Lua and Python."),
    "demo:serve": CommandEntry("demo:serve", "Serve the demo account on a port, as Heroku's API."),
    "mcp:lua": CommandEntry("lua:mcp_lua", "Run a Lua script that calls MCP servers."),
    "mcp:list": CommandEntry("mcp_servers:list_", "List the MCP servers, their tools and their problems."),
    "mcp:trust": CommandEntry("mcp_servers:trust", "Trust a server of this project."),
    "mcp:serve": CommandEntry("mcp:serve", "Serve Heroku and Lua to agents, over MCP."),
}
OTHER_NAMES = {f"integrations:{name}": name for name in ("lua", "docs", "search", "call", "status", "doctor")}


class Kosmo(click.Group):
    """The group of all commands, each imported when it is used."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            KosmoError: a pipe other than standard output and standard error broke. click would exit without a message.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise KosmoError(f"The connection to another program broke off: {error.strerror or error}.") from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, or None."""
        return command_named(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command.

        Raises:
            click.UsageError: there is none; the error names the line that works, or similar commands.
        """
        if not ctx.resilient_parsing and (mistake := _mistake(*args[:2])):
            raise click.UsageError(mistake, ctx)
        name, *others = args
        return super().resolve_command(ctx, [OTHER_NAMES.get(name, name), *others])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that match, without importing a command."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=entry.summary) for name, entry in COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, and then the options, without importing a command."""
        width = max(map(len, COMMANDS))
        for heading, names in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), COMMANDS[name].summary) for name in names])
        click.Command.format_options(self, ctx, formatter)


def command_named(name: str) -> click.Command | None:
    """Import and return the command of this name, or of another name of it; None if there is none."""
    entry = COMMANDS.get(OTHER_NAMES.get(name, name))
    if entry is None:
        return None
    from kosmo_kernel.settings.installation import import_msgspec

    import_msgspec()
    module, attribute = entry.target.split(":")
    command: click.Command = getattr(import_module(f"kosmo_kernel.cli.{module}"), attribute)
    return command


def _mistake(name: str, argument: str = "") -> str:
    """Return what is wrong with the first words of a line, and the line that works; empty if a command is called."""
    names, joined = {*COMMANDS, *OTHER_NAMES}, f"{name}:{argument}"
    if joined in names:
        return f"There is no command `{name} {argument}`. Use: kosmo {OTHER_NAMES.get(joined, joined)}"
    for typed in (name, f"{name} {argument}", joined):
        if typed in dropped.COMMANDS:
            return f"`kosmo {typed}` was dropped. {dropped.COMMANDS[typed]}"
    if name in names or name.startswith("-"):
        return ""
    from kosmo_kernel.cli.call import is_function, is_table
    from kosmo_kernel.integrations import load_all
    from kosmo_kernel.text import nearest

    services = [integration.name for integration in load_all()]
    for function in (name, *(f"{service}.{typed}" for service in services for typed in (name, f"list_{name}"))):
        if is_function(function):
            return f"There is no command `{name}`. Use: kosmo call {function}"
    if name in ("table", "tables") or is_table(name):
        table = (argument or "NAME") if name.startswith("table") else name
        return f"There is no command `{name}`. Use: kosmo inventory --table {table}"
    family = [full for full in COMMANDS if full.startswith(f"{name}:")]
    similar = family or list(dict.fromkeys(OTHER_NAMES.get(full, full) for full in nearest(name, names)))
    return f"There is no command `{name}`." + (f" Did you mean: {', '.join(similar)}" if similar else "")


@click.group(
    cls=Kosmo,
    subcommand_metavar="COMMAND [OPTIONS] …",
    options_metavar="",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\n`kosmo COMMAND --help` shows the options of a command, and examples.\n"
    "Exit codes: 0 done, 1 failed, 2 called wrongly, 130 interrupted, 141 closed.",
)
@click.version_option(__version__, prog_name="kosmo", message="%(prog)s %(version)s")
def kosmo() -> None:
    """Run Lua scripts that call Heroku, in notebooks and from the shell."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Parameters:
        argv: the arguments without the program's name; by default those of this process.
    """
    from kosmo_kernel.safety import forbid_core_dumps  # only where a command has a process to itself

    gc.set_threshold(GC_THRESHOLD)
    forbid_core_dumps()
    code = outcome(list(sys.argv[1:] if argv is None else argv) or ["--help"])
    gc.freeze()  # Python would look for garbage once more among all that was imported, which takes up to a second
    sys.exit(code)


def outcome(argv: list[str]) -> int:
    """Run one command line.

    Returns:
        The exit code.
    """
    streams.replace_streams()
    try:
        code: int | None = kosmo.main(argv, prog_name="kosmo", standalone_mode=False)
        sys.stdout.flush()
    except streams.ClosedStreamError:  # `kosmo … | head`
        streams.discard_unwritten()
        return streams.CLOSED
    except click.Abort:
        return _fail(argv, StoppedError("Interrupted."))
    except (click.ClickException, KosmoError) as error:
        return _fail(argv, error)
    except OSError as error:  # a full disk or a port in use, where a traceback would not help
        return _fail(argv, KosmoError(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"))
    except Exception as error:  # a bug: the traceback goes to standard error, for a report
        if "--json" in _command_arguments(argv):
            _fail(argv, error)
        raise
    return code or streams.SUCCESS


def _fail(argv: list[str], error: Exception) -> int:
    """Print an error as a message, or as a JSON document with `--json`.

    Returns:
        The exit code.
    """
    from kosmo_kernel.cli.command import Command, print_error

    command: click.Command | None = None
    with suppress(KosmoError):  # the error that is printed already: the command cannot be created
        command = command_named(argv[0])
    failed = command if isinstance(command, Command) else Command("kosmo")
    try:
        if "--json" in _command_arguments(argv):
            failed.fail(error)
        else:
            sys.stdout.flush()
            print_error(error)
    except streams.ClosedStreamError:
        streams.discard_unwritten()
        return streams.CLOSED
    except OSError:  # the disk is full
        streams.discard_unwritten()
        with suppress(OSError):  # standard error may go to the same disk
            print_error(error)
    if isinstance(error, StoppedError):
        return streams.INTERRUPTED
    return streams.USAGE_ERROR if isinstance(error, click.UsageError) else failed.exit_code(error)


def _command_arguments(argv: list[str]) -> list[str]:
    """Return the arguments of the command, without those of a script after `--`."""
    return argv[: argv.index("--")] if "--" in argv else argv
