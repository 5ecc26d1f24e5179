"""The command line `kosmo`: the table of its commands, its help and its exit codes.

`COMMANDS` has the name and summary of each command. The module of a command is imported when the command is used, so
that `kosmo --help` takes hardly longer than click itself. A command returns its exit code or raises an error; `outcome`
turns errors into a message or a JSON document and an exit code:

    0  done        1  failed        2  called wrongly        130  interrupted        141  standard output was closed

With `--json`, standard output is one JSON document in each of the first four cases.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from kosmo_kernel import __version__
from kosmo_kernel.cli import streams
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


SHORT = {name: f"integrations:{name}" for name in ("lua", "docs", "call", "search", "status", "doctor")}
FAMILIES = {  # what the names of several commands begin with, and their common line in the help
    "accounts": "Add, test and remove accounts",
    "integrations": "Configure integrations",
    "mcp": "Use MCP servers, and serve agents",
}
SECTIONS = {  # of the help
    "Lua and the services": tuple(SHORT),
    "Reports": ("check", "snapshot", "archive", "inventory", "run"),
    "Set up": (
        *("accounts:list", "accounts:add", "accounts:remove", "accounts:test", "integrations", "mcp"),
        *("install", "uninstall", "completion"),
    ),
    "Demo": ("demo", "demo:serve"),
}
COMMANDS = {
    "demo": CommandEntry("demo:demo", "Ask a fictional Heroku account, in Lua and in Python."),
    "demo:serve": CommandEntry("demo:serve", "Serve the demo account on a port, as Heroku's API."),
    "integrations:lua": CommandEntry("lua:lua", "Run a Lua script that calls Heroku."),
    "integrations:docs": CommandEntry("reference:docs", "Read the reference, or one page of it."),
    "integrations:list": CommandEntry("reference:list_", "List the integrations and their functions."),
    "integrations:call": CommandEntry("call:call", "Call one function, and show the result."),
    "integrations:heroku": CommandEntry("call:heroku", "Call one of Heroku's functions."),
    "integrations:status": CommandEntry("accounts:status", "Show all accounts and their remaining requests."),
    "integrations:search": CommandEntry("reference:search", "Find functions, tables, checks and guides by words."),
    "integrations:examples": CommandEntry("reference:examples", "Show how a function is called, in Lua and the shell."),
    "integrations:schema": CommandEntry("reference:schema", "Print a function's arguments as JSON Schema."),
    "integrations:fields": CommandEntry("reference:fields", "Show the settings of an account, and which are set."),
    "integrations:doctor": CommandEntry("doctor:doctor", "Check the setup, and say how to fix problems."),
    "integrations:configure": CommandEntry("configure:configure", "Set an integration's permissions and its address."),
    "run": CommandEntry("run:run", "Run a notebook with parameters, and write a copy."),
    "snapshot": CommandEntry("account_files:snapshot", "Save the lists of an account, to compare later."),
    "archive": CommandEntry("account_files:archive", "Show what an archive has, or export its lists."),
    "inventory": CommandEntry("account_files:inventory", "List all that an account has, to plan a move."),
    "check": CommandEntry("check:check", "Run checks, and fail if they find something."),
    "mcp:lua": CommandEntry("lua:mcp_lua", "Run a Lua script that calls MCP servers."),
    "mcp:list": CommandEntry("mcp:list_", "List the configured MCP servers."),
    "mcp:status": CommandEntry("mcp:status", "Say which MCP servers can be used, or why not."),
    "mcp:tools": CommandEntry("mcp_query:tools", "List the tools of MCP servers."),
    "mcp:schema": CommandEntry("mcp_query:schema", "Print the arguments of a tool as JSON Schema."),
    "mcp:call": CommandEntry("mcp_query:call", "Call one tool, and show the result."),
    "mcp:resources": CommandEntry("mcp_query:resources", "List the resources of an MCP server, or print one."),
    "mcp:prompts": CommandEntry("mcp_query:prompts", "List the prompts of an MCP server, or print one."),
    "mcp:add": CommandEntry("mcp_entries:add", "Configure an MCP server."),
    "mcp:remove": CommandEntry("mcp_entries:remove", "Remove an MCP server and its secrets."),
    "mcp:enable": CommandEntry("mcp_entries:enable", "Enable an MCP server that was disabled."),
    "mcp:disable": CommandEntry("mcp_entries:disable", "Disable an MCP server, and keep its configuration."),
    "mcp:configure": CommandEntry("configure:configure_server", "Set the permissions of an MCP server."),
    "mcp:trust": CommandEntry("mcp:trust", "Trust a server of this project."),
    "mcp:untrust": CommandEntry("mcp:untrust", "No longer trust a server of this project."),
    "mcp:import": CommandEntry("mcp_entries:import_", "Import the MCP servers of another client."),
    "mcp:export": CommandEntry("mcp_entries:export", "Print MCP servers without their secrets."),
    "mcp:doctor": CommandEntry("mcp:doctor", "Check the setup, and say how to fix problems."),
    "mcp:serve": CommandEntry("mcp:serve", "Serve Heroku and Lua to agents, over MCP."),
    "accounts:list": CommandEntry("accounts:list_", "List the accounts and the sources of their tokens."),
    "accounts:add": CommandEntry("accounts:add", "Add an account, so that scripts can name it."),
    "accounts:remove": CommandEntry("accounts:remove", "Remove an account and its token."),
    "accounts:test": CommandEntry("accounts:test", "Try the token of one account, or of all."),
    "install": CommandEntry("kernelspec:install", "Add the kernel Lua (Kosmo) to Jupyter."),
    "uninstall": CommandEntry("kernelspec:uninstall", "Remove the kernel Lua (Kosmo) from Jupyter."),
    "completion": CommandEntry("completion:completion", "Print the completion script for a shell."),
}


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
        return [*SHORT, *COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, or None."""
        return command_named(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; suggest similar names for an unknown one, which click does not do."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and command_named(name) is None:
            raise click.UsageError(f"There is no command `{name}`.{_nearest(name)}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that match, without importing a command."""
        from click.shell_completion import CompletionItem

        names = [name for name in (*SHORT, *COMMANDS) if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=_summary(name)) for name in names]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, and then the options, without importing a command."""
        width = max(len(name) for names in SECTIONS.values() for name in names)
        for heading, names in SECTIONS.items():
            _write_section(formatter, heading, names, width)
        click.Command.format_options(self, ctx, formatter)


class Family(click.Command):
    """Stands for the commands whose names begin with its own, and has their list as its help."""

    def __init__(self, name: str) -> None:
        accepts_all = {"ignore_unknown_options": True, "allow_extra_args": True}
        super().__init__(name, help=f"{FAMILIES[name]}.", context_settings=accepts_all)
        self.commands = [full for full in COMMANDS if full.startswith(f"{name}:")]

    def invoke(self, ctx: click.Context) -> NoReturn:
        """Raise an error that has the nearest commands, also of `mcp list` in place of `mcp:list`."""
        words = [str(self.name), *(word for word in ctx.args[:1] if not word.startswith("-"))]
        raise click.UsageError(f"There is no command `{' '.join(words)}`.{_nearest(':'.join(words))}", ctx)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write how the commands are called."""
        formatter.write_usage(f"{ctx.command_path}:COMMAND", "[OPTIONS] …")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands."""
        _write_section(formatter, "Commands", self.commands, 0)


def _write_section(formatter: click.HelpFormatter, heading: str, names: Sequence[str], width: int) -> None:
    with formatter.section(heading):
        formatter.write_dl([(name.ljust(width), _summary(name)) for name in names])


def _summary(name: str) -> str:
    """Return the line of a command in the help, or that of a family."""
    if name in FAMILIES:
        return f"{FAMILIES[name]}: `kosmo {name} --help`"
    return COMMANDS[SHORT.get(name, name)].summary


def command_named(name: str) -> click.Command | None:
    """Import and return the command of this name or short name; None if there is none.

    The command `integrations:<name>` of an installed integration needs no entry in `COMMANDS`.
    """
    entry = COMMANDS.get(SHORT.get(name, name))
    if entry is None:
        return Family(name) if name in FAMILIES else _integration_command(name)
    from kosmo_kernel.settings.installation import import_msgspec

    import_msgspec()
    module, attribute = entry.target.split(":")
    command: click.Command = getattr(import_module(f"kosmo_kernel.cli.{module}"), attribute)
    return command


def _integration_command(name: str) -> click.Command | None:
    family, _, integration = name.partition(":")
    if family != "integrations" or not integration:
        return None
    from kosmo_kernel.cli.call import calls_of, integration_named

    return calls_of(integration) if integration_named(integration) else None


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
    if streams.COMPLETION_VARIABLE in os.environ:  # a shell requests completions, which `kosmo.main` prints
        from kosmo_kernel.cli.completion import register

        register()
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


def _nearest(name: str) -> str:
    from kosmo_kernel.text import nearest

    similar: Any = [n for n in COMMANDS if n.startswith(f"{name}:")] or nearest(name, [*SHORT, *COMMANDS])
    return f" Did you mean: {', '.join(similar)}" if similar else ""
