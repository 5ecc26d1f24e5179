"""`kosmo integrations:call heroku.FN` and `kosmo integrations:heroku FN`: call one function, without Lua.

Each function is a subcommand, created from the catalogue when it is used; its options are the parameters of the
function (`arguments.py`). The result is shown like the value of a script or written in a `--format`. The JSON document
of a call, also of `mcp:call`, has the same six keys whether the call succeeds, fails or is never made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from kosmo_kernel.catalogue import Function, Integration, missing_function
from kosmo_kernel.cli import options
from kosmo_kernel.cli.arguments import combine_arguments, flags, function_options, typed
from kosmo_kernel.cli.command import AS_JSON, Command, document, epilog_of
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, UnknownNameError
from kosmo_kernel.integrations import find, load_all, loaded
from kosmo_kernel.text import nearest

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from kosmo_kernel.results import Result
    from kosmo_kernel.session import Session


MAX_LISTED = 10  # functions in the help, where a service does not say which most questions need
_LUA_PREFIXES = ("app", "integrations")  # prefixes of the full name in Lua, which may be written here as well
# Options with a value that may precede the function.
_OPTIONS_WITH_VALUE = ("-a", "--account", "--arg", "--columns", "--format")


class CallCommand(Command):
    """A command that makes one call.

    Attributes:
        dry_run: whether the current call is a dry run.
    """

    function_name: str | None = None  # the full name of what is called, or the argument until it is resolved
    dry_run = False

    def meta(self, result: Result | None) -> dict[str, Any]:
        """Return the metadata of the current call; `result` is None if it never began."""
        raise NotImplementedError

    def failure(self, message: str, facts: dict[str, Any], error: Exception) -> dict[str, Any]:
        """Return the document of a failed call."""
        result = error.result if isinstance(error, KosmoError) else None
        return self._document(result, self.meta(result) | {"error": facts}, error=message)

    def make_call(self, session: Session, function: str, arguments: Mapping[str, Any], *, force: bool) -> Result:
        """Make the call with progress, notes and questions on standard error."""
        from kosmo_kernel.cli.lua_run import terminal_frontend
        from kosmo_kernel.run.options import RunOptions

        with terminal_frontend(session, aside=True) as frontend:
            return session.call(function, arguments, RunOptions(dry_run=self.dry_run, force=force), frontend)

    def show(self, result: Result, meta: dict[str, Any], layout: options.Layout, *, as_json: bool) -> None:
        """Print the result: as a document, or in a layout."""
        if as_json:
            document(self._document(result, meta, data=None if self.dry_run else result.value))
            return
        from kosmo_kernel.cli.values import show_call

        show_call(result, layout)

    def _document(
        self, result: Result | None, meta: dict[str, Any], *, data: Any = None, error: str | None = None
    ) -> dict[str, Any]:
        return {
            "function": self.function_name,
            "success": error is None,
            "data": data,
            "error": error,
            "meta": meta,
            "duration_ms": round(result.seconds * 1000, 1) if result else 0.0,
        }


class FunctionGroup(CallCommand, click.Group):
    """A command whose subcommands are functions, each created when it is used.

    Parameters:
        name: the name of the command.
        integration: the integration whose functions are offered; None for the functions of all integrations, with full
            names such as `heroku.list_apps`.
    """

    def __init__(self, name: str, integration: str | None = None, *, about: str, **more: Any) -> None:
        super().__init__(
            name,
            invoke_without_command=True,
            params=[click.Option(["--json", "as_json"], **AS_JSON)],
            options_metavar="",
            help=f"{about}\n\nWith --json: `function`, `success`, `data`, `error`, `meta` and `duration_ms`.",
            **more,
        )
        self.integration = integration

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, and accept options before the function."""
        self.function_name, self.dry_run = None, False
        indexes = list(_positional_indexes(args))
        if indexes:
            index = next(filter(partial(self._is_function, args), indexes), indexes[0])
            args = [args[index], *args[:index], *args[index + 1 :]]
            self.function_name = args[0]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the functions, in the order of the reference."""
        return [name for name, _ in self._functions()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a function.

        Raises:
            UnknownNameError: there is no such function; the error has similar names.
        """
        try:
            integration, alias, function = self._resolve(cmd_name)
        except UnknownNameError:
            if ctx.resilient_parsing:
                return None
            raise
        self.function_name = f"{integration.name}.{function.name}"
        return _command(self, cmd_name, integration, function, alias)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the functions that most questions need, and how to find the others."""
        for prefix, integration in self._integrations():
            names = integration.most_used or tuple(f.name for f in islice(integration.functions, MAX_LISTED))
            others = len(integration.functions) - len(names)
            with formatter.section(integration.title):
                formatter.write_dl([(prefix + name, integration.function(name).summary) for name in names])
                if others:
                    formatter.write_paragraph()
                    formatter.write_text(
                        f"`kosmo docs {integration.name}` lists {others:,} others, and `kosmo search WORDS` finds them."
                    )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the functions and options that match."""
        return [
            *options.completions(self._functions(), incomplete),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def meta(self, result: Result | None) -> dict[str, Any]:
        """Return the metadata of the current call."""
        bypassed = bool(result and result.permission_bypassed)
        metadata: dict[str, Any] = {"dry_run": self.dry_run, "permission_bypassed": bypassed}
        if result is None:
            return metadata
        call = result.calls[0] if result.calls else None
        metadata |= {"account": call.account if call else result.account}
        if call:
            metadata |= {"rows": call.rows, "requests": call.requests}
        if result.failures:
            metadata["failures"] = result.failures
        if result.deleted:
            metadata["deleted"] = result.deleted
        if result.planned:
            metadata["planned"] = [{"arguments": p.arguments, "method": p.method, "url": p.url} for p in result.planned]
        return metadata | {"notes": result.notes}

    def _is_function(self, args: list[str], index: int) -> bool:
        """Return whether the argument at an index is the function, not the value of the option before it."""
        if index == 0 or not args[index - 1].startswith("--"):
            return True
        try:
            self._resolve(args[index])
        except UnknownNameError:
            return False
        return True

    def _integrations(self) -> list[tuple[str, Integration]]:
        """Return the integrations whose functions are offered, each with what stands before the functions' names."""
        if self.integration is not None:
            return [("", find(self.integration))]
        return [(f"{integration.name}.", integration) for integration in load_all()]

    def _functions(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the summary of each function."""
        for prefix, integration in self._integrations():
            yield from ((prefix + function.name, function.summary) for function in integration.table.summaries())

    def _resolve(self, name: str) -> tuple[Integration, str | None, Function]:
        """Resolve a name to the integration, the account that it names, if any, and the function.

        Raises:
            UnknownNameError: there is no such function; the error has similar names.
        """
        steps = name.split(".")
        while len(steps) > 1 and steps[0] in _LUA_PREFIXES:
            del steps[0]
        if self.integration is not None and steps[0] != self.integration:
            steps.insert(0, self.integration)
        first, *alias, last = [_integration_prefix(name), name] if len(steps) == 1 else steps
        integration = integration_named(first)
        if integration is not None and len(alias) <= 1:
            if last in integration.names():
                return integration, alias[0] if alias else None, integration.names()[last]
            why, near = missing_function(integration, last)
            prefix = "" if self.integration else f"{integration.name}."
            text = f"There is no function `{name}`. {why}".rstrip()
            raise UnknownNameError(text, tuple(prefix + similar for similar in near))
        names = [full_name for full_name, _ in self._functions()]
        requested = last if self.integration is not None or integration is None else f"{first}.{last}"
        similar = nearest(requested, names) or [full_name for full_name in names if full_name.split(".")[-1] == last]
        usual = [prefix + function for prefix, service in self._integrations() for function in service.most_used]
        raise UnknownNameError(f"There is no function `{name}`.", tuple(similar or usual or names[:MAX_LISTED]))


def integration_named(name: str) -> Integration | None:
    """Return the integration of this name; None if there is none.

    Raises:
        SettingsError: the integration is installed but cannot be loaded.
    """
    try:
        return find(name)
    except UnknownNameError:
        return None


def _integration_prefix(name: str) -> str:
    """Return the integration of a full name without dots, such as `heroku_list_apps`; empty if there is none."""
    # `load_all` comes last, because it searches for packages.
    services = (service for integrations in (loaded, load_all) for service in integrations())
    return next((i.name for i in services if name.startswith(f"{i.name}_") and name in i.names()), "")


def _positional_indexes(args: list[str]) -> Iterator[int]:
    """Yield the indexes of the arguments that are neither options nor values of an option in `_OPTIONS_WITH_VALUE`."""
    expects_value = False
    for index, arg in enumerate(args):
        if not expects_value and not arg.startswith("-"):
            yield index
        expects_value = not expects_value and arg in _OPTIONS_WITH_VALUE


def _command(
    group: FunctionGroup, name: str, integration: Integration, function: Function, alias: str | None
) -> click.Command:
    """Return the command of a function."""
    full_name, demo = f"{integration.name}.{function.name}", bool(integration.demo)
    first = f"VALUE is that of --{function.params[0].name.replace('_', '-')}. " if function.params else ""
    completer = options.listed_by(integration, function.params[0], alias) if function.params else None
    shared = options.all_of(
        click.option(
            "--arg",
            "pairs",
            multiple=True,
            metavar="NAME=VALUE",
            help="An argument, by its name.",
            shell_complete=options.pairs_of(integration, function.params, alias),
        ),
        options.account_option("The account to use.", integration),
        *([options.on_demo] if demo else []),
        click.option("-n", "--dry-run", is_flag=True, help="Check and show the call without making it."),
        click.option("--force", is_flag=True, help="Ignore the permissions."),
        options.json_option,
        options.format_options,
    )
    return click.command(
        name,
        params=[
            click.Argument(["payload"], required=False, metavar="[VALUE or JSON]", shell_complete=completer),
            *function_options(function, lambda param: options.listed_by(integration, param, alias)),
            *_all_options(integration, function),
        ],
        help=f"{function.summary}.\n\n{first}JSON is an object of named arguments; - reads it from "
        f"standard input. `kosmo integrations:docs {full_name}` describes the result.",
        short_help=function.summary,
        epilog=_examples(f"kosmo {group.name} {name}", function, demo=demo),
        context_settings={"token_normalize_func": lambda token: token.replace("_", "-")},
    )(shared(partial(_call, group, integration, function, alias)))


def _examples(command: str, function: Function, *, demo: bool) -> str:
    first = " ".join([command, *(["--demo"] if demo else []), *flags(function), "--format csv"])
    needed = function.simplest_call
    payload = {p.name: typed(p, p.example) for p in needed} if all(p.example for p in needed) else {}
    second = " ".join([command, *([f"'{json.dumps(payload)}'"] if payload else flags(function)), "--json"])
    return epilog_of(first, second)


def _call(group: FunctionGroup, integration: Integration, function: Function, alias: str | None, **values: Any) -> None:
    """Make the call and print its result."""
    take = values.pop  # what remains are the values of the options that the function has
    as_json, layout, force, pairs, payload = map(take, ("as_json", "layout", "force", "pairs", "payload"))
    group.dry_run, account = take("dry_run"), options.one_account(alias, take("account"), demo=take("demo", False))
    options.check_formats(as_json=as_json, layout=layout)
    _check_columns(function, layout.columns)
    every = [
        (param, listing)
        for param in function.params
        if take(f"all_{param.name}", False) and (listing := integration.listing(param))
    ]
    arguments = combine_arguments(function, values, pairs, payload)
    if len(every) > 1:
        both = " and ".join(_all_flag(listing) for _, listing in every)
        raise click.UsageError(f"Only one argument can be a list: give one of {both}.")
    for param, listing in every:
        if param.name in arguments:
            raise click.UsageError(f"`{param.name}` has a value, and {_all_flag(listing)} is given. Give one of them.")

    from kosmo_kernel.session import Session

    try:
        with Session(account) as session:
            for param, listing in every:
                items = group.make_call(session, f"{integration.name}.{listing.name}", {}, force=force)
                if group.dry_run:  # nobody knows the items yet
                    group.show(items, {"operation": function.effect} | group.meta(items), layout, as_json=as_json)
                    return
                arguments[param.name] = [param.value_of_record(record) for record in items.value]
            result = group.make_call(session, f"{integration.name}.{function.name}", arguments, force=force)
    except InvalidArgumentsError as error:
        error.advice = ""  # it is for Lua
        raise click.UsageError(error.message) from None
    group.show(result, {"operation": function.effect} | group.meta(result), layout, as_json=as_json)


def _all_options(integration: Integration, function: Function) -> Iterator[click.Option]:
    """Yield an option such as `--all-apps` for each parameter that takes a list which another function returns."""
    for param in function.params:
        if listing := integration.listing(param):
            text = f"Ask for all {listing.things}; {listing.name} is called first."
            yield click.Option([_all_flag(listing), f"all_{param.name}"], is_flag=True, help=text)


def _all_flag(listing: Function) -> str:
    return f"--all-{listing.things.replace(' ', '-')}"


def _check_columns(function: Function, names: Sequence[str]) -> None:
    """Check that a function has the columns of `--columns`.

    Raises:
        click.UsageError: it has no such column.
    """
    items = (function.item_column(param.name) for param in function.params if param.each)
    columns = [column.name for column in (*filter(None, items), *function.columns)]
    for name in names:
        if name not in columns:
            error = UnknownNameError(f"There is no column `{name}`.", tuple(nearest(name, columns)))
            raise click.UsageError(error.message)


@click.pass_context
def _require_function(ctx: click.Context, /, *, as_json: bool) -> None:
    """Reject `integrations:call` without a function."""
    if ctx.invoked_subcommand is None:
        raise click.UsageError("Missing argument 'FUNCTION'.", ctx)


call = FunctionGroup(
    "integrations:call",
    callback=_require_function,
    subcommand_metavar="FUNCTION [JSON] [OPTIONS]",
    about="Call one function, and show the result.\n\nFUNCTION is written as in Lua: heroku.list_dynos, "
    "heroku.production.list_dynos (with an account) or app.integrations.heroku.list_dynos. Pass its arguments as "
    "options, as --arg NAME=VALUE, as a JSON object, or in several of these ways. `kosmo integrations:call FUNCTION "
    "--help` lists the options.",
    epilog=epilog_of(
        "kosmo integrations:call heroku.list_apps --demo",
        'kosmo integrations:call heroku.list_dynos \'{"app_id": ["my-app"]}\' --demo --json',
    ),
)


@cache
def calls_of(name: str) -> FunctionGroup:
    """Return the command `integrations:<name>` of an integration, which must exist."""

    @click.pass_context
    def page(ctx: click.Context, /, *, as_json: bool) -> None:
        if ctx.invoked_subcommand is None:
            from kosmo_kernel.cli.reference import docs

            ctx.invoke(docs, page=name, as_json=as_json)

    integration = find(name)
    title, first = integration.title, integration.functions[0].name
    example = f"kosmo integrations:{name} {first}{' --demo' if integration.demo else ''}"
    return FunctionGroup(
        f"integrations:{name}",
        name,
        callback=page,
        subcommand_metavar="[FUNCTION] [JSON] [OPTIONS]",
        about=f"Call one of {title}'s functions.\n\nThe same as `kosmo integrations:call {name}.FUNCTION`. Without a "
        f"function, the command shows the page on {title}. `kosmo integrations:{name} FUNCTION --help` lists a "
        "function's options.",
        epilog=epilog_of(example, f"{example} --format csv"),
    )


heroku = calls_of("heroku")
