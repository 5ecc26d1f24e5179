"""`kosmo call heroku.FN`: call one function, without Lua.

A line has the options of the command and those of its function, which are made from the catalogue (`arguments.py`).
The result is shown like the value of a script or written in a `--format`. The JSON document of a call has the
same six keys whether the call succeeds, fails or is never made.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import click

from kosmo_kernel.calls.corrected_calls import corrected_call
from kosmo_kernel.catalogue import Function, Integration, missing_function
from kosmo_kernel.cli import options
from kosmo_kernel.cli.arguments import combine_arguments, flags, function_options, typed
from kosmo_kernel.cli.command import Command, command, document, epilog_of
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, UnknownNameError
from kosmo_kernel.integrations import find, load_all, loaded
from kosmo_kernel.questions.discovery import tables_by_service
from kosmo_kernel.text import nearest

if TYPE_CHECKING:
    from kosmo_kernel.results import Result
    from kosmo_kernel.session import Session


MAX_LISTED = 10  # functions in the help, where a service does not say which most questions need
_LUA_PREFIXES = ("app", "integrations")  # prefixes of the full name in Lua, which may be written here as well
# Options with a value that may precede the function.
_OPTIONS_WITH_VALUE = ("-a", "--account", "--columns", "--format", "--from")


class NamedFunction(NamedTuple):
    """The function that a line calls."""

    integration: Integration
    alias: str | None  # the account in its name, if there is one
    function: Function

    @property
    def full_name(self) -> str:
        """Its name, with that of its integration."""
        return f"{self.integration.name}.{self.function.name}"


class CallCommand(Command):
    """The command, which has the options of the function that a line calls."""

    target: NamedFunction | None = None
    function_name: str | None = None  # the full name of the function, or the argument until it is resolved
    dry_run = False  # whether the line has --dry-run
    _options: Sequence[click.Option] = ()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the function, and parse the line with its options.

        Raises:
            UnknownNameError: there is no such function; the error has similar names.
        """
        self.target, self.function_name, self.dry_run, self._options = None, None, False, ()
        if (index := _function_index(args)) is not None:
            self.function_name = args[index]
            self.target = function_named(args[index])
            self.function_name = self.target.full_name
            self._options = [
                *function_options(self.target.function),
                *_all_options(self.target.integration, self.target.function),
            ]
            ctx.info_name = f"{ctx.info_name} {args[index]}"
            args = [*args[:index], *args[index + 1 :]]
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters, with those of the function."""
        words, *others = super().get_params(ctx)
        if self.target and not self.target.integration.demo:
            others = [param for param in others if param.name != "demo"]
        return [words, *self._options, *others]

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the parts of the usage line, which begins with the function."""
        return [*(() if self.target else ["FUNCTION"]), *super().collect_usage_pieces(ctx)]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the function does, or the help of the command."""
        if self.target is None:
            super().format_help_text(ctx, formatter)
            return
        params = self.target.function.params
        first = f"VALUE is that of --{params[0].name.replace('_', '-')}. " if params else ""
        about = (
            f"{first}JSON is an object of named arguments; - reads it from standard input. `kosmo docs "
            f"{self.target.full_name}` describes the result."
        )
        for text in (f"{self.target.function.summary}.", about):
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(text)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options and, without a function, the functions that most questions need."""
        super().format_options(ctx, formatter)
        for integration in () if self.target else load_all():
            names = integration.most_used or tuple(f.name for f in islice(integration.functions, MAX_LISTED))
            others = len(integration.functions) - len(names)
            with formatter.section(integration.title):
                formatter.write_dl(
                    [(f"{integration.name}.{name}", integration.function(name).summary) for name in names]
                )
                if others:
                    formatter.write_paragraph()
                    formatter.write_text(
                        f"`kosmo docs {integration.name}` lists {others:,} others, and `kosmo search WORDS` finds them."
                    )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, those of the function if there is one."""
        if self.target:
            function, demo = self.target.function, " --demo" if self.target.integration.demo else ""
            line, needed = " ".join([ctx.command_path, *flags(function)]), function.simplest_call
            payload = {p.name: typed(p, p.example) for p in needed} if all(p.example for p in needed) else {}
            second = f"{ctx.command_path} '{json.dumps(payload)}'" if payload else line
            with formatter.indentation():
                formatter.write_paragraph()
                formatter.write_text(epilog_of(f"{line}{demo} --format csv", f"{second} --json"))
        else:
            super().format_epilog(ctx, formatter)

    def meta(self, result: Result | None) -> dict[str, Any]:
        """Return the metadata of the current call."""
        metadata: dict[str, Any] = {"dry_run": self.dry_run, "permission_bypassed": False, "complete": False}
        if result is None:
            return metadata
        metadata["complete"] = result.complete
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
        return metadata | {"notes": result.shown_notes}

    def failure(self, message: str, facts: dict[str, Any], error: Exception) -> dict[str, Any]:
        """Return the document of a failed call."""
        result = error.result if isinstance(error, KosmoError) else None
        meta = self.meta(result) | {"complete": False, "error": facts}
        return self.call_document(result, meta, error=message)

    def make_call(self, session: Session, name: str, arguments: Mapping[str, Any]) -> Result:
        """Make a call with progress and notes on standard error."""
        from kosmo_kernel.cli.lua_run import terminal_frontend
        from kosmo_kernel.settings.cell_options import Options

        with terminal_frontend(session, aside=True) as frontend:
            return session.call(name, arguments, Options(dry_run=self.dry_run), frontend)

    def call_document(
        self, result: Result | None, meta: dict[str, Any], *, data: Any = None, error: str | None = None
    ) -> dict[str, Any]:
        """Return the document of a call."""
        return {
            "function": self.function_name,
            "success": error is None,
            "data": data,
            "error": error,
            "meta": meta,
            "duration_ms": round(result.seconds * 1000, 1) if result else 0.0,
        }


def _function_index(args: Sequence[str]) -> int | None:
    """Return the index of the function among the arguments; None if there is none."""
    first, expects_value = None, False
    for index, arg in enumerate(args):
        if not expects_value and not arg.startswith("-"):
            first = index if first is None else first
            # What follows an option may be its value, as in `--app-id my-app heroku.get_app`.
            if index == 0 or not args[index - 1].startswith("--") or is_function(arg):
                return index
        expects_value = not expects_value and arg in _OPTIONS_WITH_VALUE
    return first


def is_function(name: str) -> bool:
    """Return whether there is a function of this name."""
    try:
        function_named(name)
    except UnknownNameError:
        return False
    return True


def is_table(name: str) -> bool:
    """Return whether there is a table of this name, `costs` or `heroku.tables.costs`."""
    service, _, table = name.rpartition(".tables.")
    return any(
        table in names and service in ("", owner, f"app.integrations.{owner}")
        for owner, names in tables_by_service().items()
    )


def _no_function(name: str, table: str) -> UnknownNameError:
    return UnknownNameError(f"`{name}` is a table and no function.", reason=f"Use: kosmo inventory --table {table}")


def function_named(name: str) -> NamedFunction:
    """Return the function of a name, as it is written in Lua.

    Raises:
        UnknownNameError: there is no such function; the error has similar names.
        SettingsError: the integration is installed but cannot be loaded.
    """
    steps = name.split(".")
    while len(steps) > 1 and steps[0] in _LUA_PREFIXES:
        del steps[0]
    if len(steps) == 1:  # a full name without dots, such as `heroku_list_apps`
        # `load_all` comes last, because it searches for packages.
        services = (service for integrations in (loaded, load_all) for service in integrations())
        steps = [next((i.name for i in services if name.startswith(f"{i.name}_") and name in i.names()), ""), name]
    first, *alias, last = steps
    integration = None
    with suppress(UnknownNameError):
        integration = find(first)
    if integration is not None and len(alias) <= 1:
        if last in integration.names():
            return NamedFunction(integration, alias[0] if alias else None, integration.names()[last])
        if is_table(name):
            raise _no_function(name, last)
        reason, near = missing_function(integration, last)
        similar = [f"{integration.name}.{function}" for function in near]
        raise UnknownNameError(f"There is no function `{name}`. {reason}".rstrip(), tuple(similar))
    names = [f"{service.name}.{function.name}" for service in load_all() for function in service.table.summaries()]
    similar = [full_name for full_name in names if full_name.split(".")[-1] in (last, f"list_{last}")]
    if not similar and is_table(name):
        raise _no_function(name, last)
    similar = similar or nearest(last if integration else f"{first}.{last}", names)
    usual = [f"{service.name}.{function}" for service in load_all() for function in service.most_used]
    raise UnknownNameError(f"There is no function `{name}`.", tuple(similar or usual or names[:MAX_LISTED]))


@command(
    "call",
    "kosmo call heroku.list_apps --demo",
    "kosmo call heroku.list_dynos app_id=my-app --demo --format csv",
    'kosmo call heroku.list_dynos \'{"app_id": ["my-app"]}\' --demo --json',
    cls=CallCommand,
    context_settings={"token_normalize_func": lambda token: token.replace("_", "-")},
)
@click.argument("words", nargs=-1, metavar="[VALUE, JSON or NAME=VALUE]...")
@options.account_option("The account to use.")
@options.on_demo
@click.option("-n", "--dry-run", is_flag=True, help="Check and show the call without making it.")
@options.from_option
@options.format_options
@click.pass_context
def call(
    ctx: click.Context,
    /,
    *,
    words: tuple[str, ...],
    account: str | None,
    demo: bool = False,
    dry_run: bool,
    archive: str | None,
    layout: options.Layout,
    as_json: bool,
    **values: Any,
) -> None:
    """Call one function, and show the result.

    FUNCTION is written as in Lua: heroku.list_dynos, heroku.production.list_dynos (with an account) or
    app.integrations.heroku.list_dynos. Pass its arguments as NAME=VALUE, as options, as a JSON object, or in several of
    these ways; the first one also as VALUE alone. `kosmo call FUNCTION --help` lists the options of the function.

    With --json: `function`, `success`, `data`, `error`, `meta` and `duration_ms`.
    """
    command = cast("CallCommand", ctx.command)
    if command.target is None:
        raise click.UsageError("Missing argument 'FUNCTION'.")
    command.dry_run = dry_run
    (integration, alias, function), full_name = command.target, command.target.full_name
    account = options.one_account(alias, account, demo=demo)
    _check_columns(function, layout.columns)
    every = [
        (param, listing)
        for param in function.params
        if values.pop(f"all_{param.name}", False) and (listing := integration.listing(param))
    ]
    arguments = combine_arguments(function, values, words)
    if len(every) > 1:
        both = " and ".join(_all_flag(listing) for _, listing in every)
        raise click.UsageError(f"Only one argument can be a list: give one of {both}.")
    for param, listing in every:
        if param.name in arguments:
            raise click.UsageError(f"`{param.name}` has a value, and {_all_flag(listing)} is given. Give one of them.")

    from kosmo_kernel.cli.values import show_call
    from kosmo_kernel.session import Session

    try:
        with Session(account, from_archive=archive) as session:
            for param, listing in every:
                result = command.make_call(session, f"{integration.name}.{listing.name}", {})
                if not dry_run:  # otherwise nobody knows the items yet
                    arguments[param.name] = [param.value_of_record(record) for record in result.value]
            if not (every and dry_run):
                result = command.make_call(session, full_name, arguments)
    except InvalidArgumentsError as error:
        error.advice = _advice(integration, function, error, arguments)
        raise click.UsageError(error.message) from None
    if as_json:
        meta = {"operation": "read"} | command.meta(result)
        document(command.call_document(result, meta, data=None if dry_run else result.value))
    else:
        show_call(result, layout)


def _advice(
    integration: Integration, function: Function, error: InvalidArgumentsError, arguments: Mapping[str, Any]
) -> str:
    """Return the line to type in place of a call with an argument that belongs elsewhere; empty if there is none."""
    line = f"Use: kosmo call {integration.name}"
    if "account" in error.unknown:
        return f"{line}.{function.name} -a {shlex.quote(str(arguments['account']))}"
    if other := integration.list_below(function, error.unknown):
        name, list_function = other
        return f"{line}.{list_function.name} {name}={shlex.quote(str(arguments[name]))}"
    if error.unknown and (test := corrected_call(integration.name, function, arguments)).startswith("list."):
        return f"Use: kosmo lua -e {shlex.quote(f'return {test}')}"
    return ""


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
