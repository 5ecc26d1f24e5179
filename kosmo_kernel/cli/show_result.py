"""Print what a run returned: for people, or in the form of `--format`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from kosmo_kernel.cli.output import note
from kosmo_kernel.cli.values import show_values
from kosmo_kernel.results.result import Result


def show_result(result: Result, form: str | None = None) -> None:
    """Print what a run returned, and what there is to say about it beside.

    Parameters:
        result: of the run.
        form: of `--format`, which writes what `;` would hide as well.
    """
    below, beside = result.split_notes(tables=not (form or result.hidden) and sys.stdout.isatty())
    if form or not result.hidden:
        write_in(result.values, form, below)
    for line in beside:
        note(line)


def write_in(values: Sequence[Any], form: str | None, below: str = "") -> None:
    """Write values in the form of `--format`, or for people where there is none.

    Parameters:
        values: as `session.Result` has them.
        form: of `--format`.
        below: as for `show_values`.
    """
    if form:
        from kosmo_kernel.cli.formats import write_values

        write_values(values, form)
    else:
        show_values(values, below)
