"""The output of a dry run: a table of the calls that a script would make, and a line about its limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kosmo_kernel.text.quantities import counted

if TYPE_CHECKING:
    from kosmo_kernel.client.call import PlannedCall
    from kosmo_kernel.values.records import Records


def plan_of(planned: Sequence[PlannedCall]) -> Records:
    """Return planned calls as records with `function`, `account`, `arguments` (if any has them), `method` and `url`."""
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
    """Return a line with the number of calls of a dry run and the limits of the table."""
    if not planned:
        return "A dry run: there is no call to make."
    calls = counted(sum(call.requests or 0 for call in planned), "call")
    unknown = dict.fromkeys((call.function, call.each) for call in planned if call.requests is None)
    further = "".join(f" `{name}` makes one more for each item of `{each}`." for name, each in unknown)
    return f"A dry run: {calls}, none made.{further} All answers were empty, so what depends on one is missing here."
