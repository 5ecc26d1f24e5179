"""What a run came to, in one line and in figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kosmo_kernel.safety.escape import code_span, markdown_text


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
        unread: the aliases whose tokens could not be looked for in the outputs.
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
    unread: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return one line: when, for which accounts, what it cost, how it ended."""
        return self._told(str, str)

    def markdown(self) -> str:
        """Return the same line in Markdown."""
        return self._told(code_span, markdown_text)

    def _told(self, code: Callable[[str], str], words: Callable[[str], str]) -> str:
        asked = f"for the account {', '.join(map(code, self.accounts))}" if self.accounts else "without a call"
        counts = ((self.cells, "cell"), (self.calls, "call"), (self.requests, "request"))
        cost = ", ".join(f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in counts)
        end = f" {words(self.note)}" if self.note else ""
        if self.unread:
            end += f" The token of {', '.join(map(code, self.unread))} could not be looked for in the outputs."
        if self.error is not None:
            end += " **It stopped at a failure.**"
        return f"Run on {self.started:%Y-%m-%d at %H:%M} UTC {asked}: {cost}, {self.seconds:.1f} s.{end}"
