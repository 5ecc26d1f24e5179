"""The report of a run: its outcome, accounts, duration and cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kosmo_kernel.client.progress import counted
from kosmo_kernel.safety.escape import code_span, markdown_text


@dataclass(slots=True)
class Report:
    """The outcome of a run.

    Parameters:
        output: the file of the executed copy.
        parameters: the values of the parameters that were given.
        started: the start time, in UTC.
        seconds: the duration.
        cells: the number of code cells that ran.
        accounts: the aliases of the accounts that were used.
        calls: the number of API calls that the cells made.
        requests: the number of HTTP requests.
        error: the error message of the cell that failed, or None.
        note: a line to add, such as that the responses were replayed.
        unread: the aliases whose tokens could not be read, so that the outputs were not searched for them.
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
        """Return a line with the start time, the accounts, the cost and the outcome."""
        return self._format(str, str)

    def markdown(self) -> str:
        """Return the same line in Markdown."""
        return self._format(code_span, markdown_text)

    def _format(self, code: Callable[[str], str], words: Callable[[str], str]) -> str:
        scope = f"for the account {', '.join(map(code, self.accounts))}" if self.accounts else "without a call"
        counts = ((self.cells, "cell"), (self.calls, "call"), (self.requests, "request"))
        cost = ", ".join(counted(count, noun) for count, noun in counts)
        end = f" {words(self.note)}" if self.note else ""
        if self.unread:
            end += f" The token of {', '.join(map(code, self.unread))} could not be looked for in the outputs."
        if self.error is not None:
            end += " **It stopped at a failure.**"
        return f"Run on {self.started:%Y-%m-%d at %H:%M} UTC {scope}: {cost}, {self.seconds:.1f} s.{end}"
