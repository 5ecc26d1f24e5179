"""Options that several commands share, defined once so that their names and help agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from kosmo_kernel.cli.completions import files
from kosmo_kernel.settings.table import LIMITS, RECORD, REPLAY, Setting
from kosmo_kernel.settings.value_types import Number, Value

_Out = TypeVar("_Out")

FORMATS = ("table", "csv", "json", "jsonl", "markdown")  # values of `--format`, implemented in values.py
EXCEL_CSV = "csv for Excel"  # what `--format csv --excel-safe` passes to values.py


class FormatOption(click.Option):
    """The option `--format`, whose value is `EXCEL_CSV` with `--excel-safe`."""

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Return the value of the option.

        Raises:
            click.UsageError: `--excel-safe` is given with another format, or without one.
        """
        value, rest = super().handle_parse_result(ctx, opts, args)
        if opts.get("excel_safe"):
            if value != "csv":
                raise click.UsageError("--excel-safe is about spreadsheets. Give it with --format csv.", ctx)
            value = ctx.params[str(self.name)] = EXCEL_CSV
        return value, rest


FORMAT: dict[str, Any] = {  # arguments of `click.option`
    "type": click.Choice(FORMATS),
    "metavar": "F",
    "help": f"Print the result as {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.",
}
EXCEL_SAFE: dict[str, Any] = {
    "is_flag": True,
    "expose_value": False,  # it is part of the value of `--format`
    "help": "In csv, write an apostrophe before texts that a spreadsheet would run as formulas.",
}
AS_JSON: dict[str, Any] = {"is_flag": True, "help": "Print one JSON document, also for an error."}
as_json = click.option("--json", "as_json", **AS_JSON)


def format_options(command: Callable[..., _Out]) -> Callable[..., _Out]:
    """Add the options `--format` and `--excel-safe` to a command; the function gets both as `form`."""
    command = click.option("--excel-safe", **EXCEL_SAFE)(command)
    return click.option("--format", "form", cls=FormatOption, **FORMAT)(command)


def not_blank(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Return the value unchanged; a callback for click options.

    A blank value is an error, because it usually comes from a shell variable that is not set and must not select the
    default.

    Raises:
        click.UsageError: the value is blank.
    """
    if value is not None and not value.strip():
        raise click.BadParameter("it is blank.")
    return value


def check_formats(*, as_json: bool, form: str | None) -> None:
    """Raise an error if both `--json` and `--format` are given."""
    if as_json and form:
        raise click.UsageError("--json is a document of its own. Give either --json or --format.")


class ValueType(click.ParamType[Any]):
    """The type of an option that has the values of a setting."""

    name = "value"

    def __init__(self, value: Value) -> None:
        self._value = value

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert a text to a value; a default value is only checked.

        Raises:
            click.UsageError: it is invalid.
        """
        try:
            return self._value.parse(value) if isinstance(value, str) else self._value.check(value)
        except ValueError as error:
            self.fail(f"it takes {error}, got {value!r}.", param, ctx)


PORT = ValueType(Number("the number of a port", maximum=65535, is_whole=True))


def setting_option(setting: Setting, **attrs: Any) -> Callable[[Callable[..., _Out]], Callable[..., _Out]]:
    """Return the option of a setting, as `click.option` does."""
    attrs |= {"type": ValueType(setting.value), "metavar": setting.value.metavar, "help": setting.help}
    return click.option(setting.command, **attrs)


def limit_options(command: Callable[..., _Out]) -> Callable[..., _Out]:
    """Add the options that limit a run to a command: `timeout`, `cpu_limit` and `memory_limit`."""
    for setting in reversed(LIMITS):
        command = setting_option(setting)(command)
    return command


def recording_options(command: Callable[..., _Out]) -> Callable[..., _Out]:
    """Add the options that record responses to a cassette, or replay one, to a command: `record` and `replay`."""
    for setting in (REPLAY, RECORD):
        command = setting_option(setting, shell_complete=files)(command)
    return command
