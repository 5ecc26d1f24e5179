"""What a run came to, in one line and in figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class Report:
    """What a run came to.

    Parameters:
        output: the copy.
        parameters: those that were given.
        started: in UTC.
        seconds: how long it took.
        cells: how many code cells ran.
        accounts: the aliases that were asked.
        calls: how many calls the cells made.
        requests: and requests.
        error: what the cell that failed said, or None.
        note: what else is to be told, in a line: that answers were replayed.
    """

    output: Path
    parameters: dict[str, Any] = field(default_factory=dict)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    cells: int = 0
    accounts: list[str] = field(default_factory=list)
    calls: int = 0
    requests: int = 0
    error: str | None = None
    note: str = ""

    def text(self) -> str:
        """One line: when, for which accounts, what it cost, how it ended."""
        asked = (
            f"for the account {', '.join(f'`{name}`' for name in self.accounts)}" if self.accounts else "without a call"
        )
        counts = ((self.cells, "cell"), (self.calls, "call"), (self.requests, "request"))
        cost = ", ".join(f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in counts)
        end = (f" {self.note}" if self.note else "") + ("" if self.error is None else " **It stopped at a failure.**")
        return f"Run on {self.started:%Y-%m-%d at %H:%M} UTC {asked}: {cost}, {self.seconds:.1f} s.{end}"
