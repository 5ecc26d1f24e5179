"""Options that several commands share, defined once so that their names and help agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kosmo_kernel.cli.completions import files
from kosmo_kernel.settings.limits import MIN_MEMORY_BYTES, Limits

_Out = TypeVar("_Out")

FORMATS = ("table", "csv", "json", "jsonl", "markdown")  # values of `--format`, implemented in values.py
FORMAT: dict[str, Any] = {  # arguments of `click.option`
    "type": click.Choice(FORMATS),
    "metavar": "F",
    "help": f"Print the result as {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.",
}
AS_JSON: dict[str, Any] = {"is_flag": True, "help": "Print one JSON document, also for an error."}
as_json = click.option("--json", "as_json", **AS_JSON)


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


class NumberInRange(click.FloatRange):
    """A finite number in a range; click's own `FloatRange` accepts `nan` and `inf`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert a text to a number and check its range.

        Raises:
            click.UsageError: the text is not a number, or the number is outside of the range.
        """
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"{value} is not a number.", param, ctx)
        checked: float = super().convert(number, param, ctx)
        return checked


class IntegerInRange(click.IntRange):
    """A whole number in a range, with a clear message for other texts; click's is "not a valid integer range"."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Convert a text to a number and check its range.

        Raises:
            click.UsageError: the text is not a number, or the number is outside of the range.
        """
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value} is not a whole number.", param, ctx)
        checked: int = super().convert(number, param, ctx)
        return checked


def limit_options(command: Callable[..., _Out]) -> Callable[..., _Out]:
    """Add the options that limit a run to a command: `timeout`, `cpu_limit` and `memory_limit`."""
    seconds = NumberInRange(min=0, min_open=True)
    for option in (
        click.option(
            "--memory-limit",
            type=IntegerInRange(min=MIN_MEMORY_BYTES),
            metavar="BYTES",
            help=f"Bytes of memory for Lua's values.  [default: {Limits().memory}]",
        ),
        click.option(
            "--cpu-limit",
            type=seconds,
            metavar="S",
            help=f"Seconds of Lua's own running time; waiting does not count.  [default: {Limits().cpu:g}]",
        ),
        click.option("--timeout", type=seconds, metavar="S", help="Stop a run after S seconds.  [default: never]"),
    ):
        command = option(command)
    return command


def recording_options(command: Callable[..., _Out]) -> Callable[..., _Out]:
    """Add the options that record responses to a cassette, or replay one, to a command: `record` and `replay`."""
    for name, help_ in (
        ("--replay", "Use the responses in such a FILE; send nothing."),
        ("--record", "Save all responses in FILE, without secrets."),
    ):
        command = click.option(name, metavar="FILE", help=help_, shell_complete=files)(command)
    return command
