"""The report of a run: its outcome, accounts, duration and cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kosmo_kernel.safety.escape import code_span
from kosmo_kernel.safety.markup import Markdown, Markup, Plain
from kosmo_kernel.text.quantities import counted

if TYPE_CHECKING:
    from kosmo_kernel.archive.runs import EarlierAnswers

M = TypeVar("M", bound=Markup)


@dataclass(slots=True)
class Report:
    """The outcome of a run."""

    output: Path  # the file of the executed copy
    parameters: dict[str, Any] = field(default_factory=dict)  # the values of the parameters that were given
    started: datetime = field(default_factory=lambda: datetime.now(UTC))  # the start time, in UTC
    seconds: float = 0.0  # the duration
    cells: int = 0  # the number of code cells that ran
    accounts: list[str] = field(default_factory=list)  # the aliases of the accounts that were used
    calls: int = 0  # the number of API calls that the cells made
    requests: int = 0  # the number of HTTP requests
    # The answers that were taken over from earlier runs, which are among the requests.
    taken_over: EarlierAnswers | None = None
    error: str | None = None  # the error message of the cell that failed, or None
    note: str = ""  # a line to add, such as that the responses were replayed
    # The aliases whose tokens could not be read, so that the outputs were not searched for them.
    unread: list[str] = field(default_factory=list)

    def text(self) -> Plain:
        """Return a line with the start time, the accounts, the cost and the outcome."""
        return self._format(Plain, Plain.escape)

    def markdown(self) -> Markdown:
        """Return the same line in Markdown."""
        return self._format(Markdown, code_span)

    def _format(self, form: type[M], code: Callable[[str], M]) -> M:
        scope = form("for the account {}").format(form(", ").join(map(code, self.accounts)))
        counts = ((self.cells, "cell"), (self.calls, "call"), (self.requests, "request"))
        cost = ", ".join(counted(count, noun) for count, noun in counts)
        cost += f", {self.taken_over}" if self.taken_over else ""
        started = f"{self.started:%Y-%m-%d at %H:%M}"
        line = form("Run on {} UTC {}: {}, {:.1f} s.")
        line = line.format(started, scope if self.accounts else "without a call", cost, self.seconds)
        if self.note:
            line += form(" {}").format(self.note)
        if self.unread:
            unread = form(", ").join(map(code, self.unread))
            line += form(" The token of {} could not be looked for in the outputs.").format(unread)
        if self.error is not None:
            line += form(" **It stopped at a failure.**")
        return line
