"""A dry run: the calls that a script would make, as a table, and what that cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kosmo_kernel.client.planned_call import PlannedCall
    from kosmo_kernel.results.result import Result
    from kosmo_kernel.values.records import Records


def replace_values_with_plan(result: Result) -> str:
    """Put the calls of a dry run in the place of its values, which were made of nothing.

    Returns:
        The line that belongs to them.
    """
    result.values = [plan_of(result.planned)] if result.planned else []
    result.hidden = not result.planned
    return summary(result.planned)


def plan_of(planned: Sequence[PlannedCall]) -> Records:
    """The calls of a dry run, a record each: `function`, `account`, `arguments` (if there are any), `method`, `url`."""
    from kosmo_kernel.values.records import Records

    with_arguments = any(call.arguments for call in planned)
    return Records(
        [
            {"function": call.function, "account": call.account}
            | ({"arguments": call.arguments} if with_arguments else {})
            | {"method": call.method, "url": call.url}
            for call in planned
        ]
    )


def summary(planned: Sequence[PlannedCall]) -> str:
    """One line on what a dry run did, and on what is not in its table."""
    if not planned:
        return "A dry run: there is no call to make."
    calls = f"{len(planned):,} call{'' if len(planned) == 1 else 's'}"
    return f"A dry run: {calls}, none made. All answers were empty, so what depends on one is missing here."
