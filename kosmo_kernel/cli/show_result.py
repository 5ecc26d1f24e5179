"""Print the values that a run returned: as text for people, or in the format of `--format`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from kosmo_kernel.cli.output import print_note
from kosmo_kernel.cli.values import show_values
from kosmo_kernel.results.dry_run import replace_values_with_plan
from kosmo_kernel.results.result import Result


def show_result(result: Result, form: str | None = None) -> None:
    """Print the values of a run to standard output and its notes to standard error.

    Parameters:
        result: the result of the run.
        form: the value of `--format`. With a format, values hidden by a trailing `;` are printed as well.
    """
    below, notes = result.split_notes(tables=not (form or result.hidden) and sys.stdout.isatty())
    if form or not result.hidden:
        write_values(result.values, form, below)
    for text in notes:
        print_note(text)


def show_plan(result: Result, form: str | None = None) -> None:
    """Print the plan of a dry run that failed in place of its values, and a note that counts its calls."""
    plan_note = replace_values_with_plan(result)
    write_values(result.values, form)
    print_note(plan_note)


def write_values(values: Sequence[Any], form: str | None, below: str = "") -> None:
    """Write values in the format of `--format`, or as text for people without one.

    Parameters:
        values: the values of a `session.Result`.
        form: the value of `--format`.
        below: a note for the terminal, as for `show_values`.
    """
    if form:
        from kosmo_kernel.cli.formats import write_values

        write_values(values, form)
    else:
        show_values(values, below)
