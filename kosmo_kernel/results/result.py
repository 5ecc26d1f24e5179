"""What a run gave: its values, its output, and the calls it made."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kosmo_kernel.accounts import DEFAULT, DEMO
from kosmo_kernel.client.planned_call import PlannedCall
from kosmo_kernel.client.progress import ProgressSnapshot
from kosmo_kernel.render.display import Display
from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from kosmo_kernel.render.frames import KosmoFrame

MAX_UNREAD_NOTES = 3  # lines below a table about what could not be read


@dataclass(slots=True)
class CallRecord:
    """One `app.*` call that a run made.

    Parameters:
        path: `integrations.heroku.list_apps`.
        account: its alias.
        duration_ms: how long it took from when it was begun.
        status: `ok` or `error`; `dropped` when nobody waited for the answer any more.
        rows: how many records came, or None for none.
        requests: how many HTTP requests were answered, those that were refused included.
        error: the message, when it failed.
    """

    path: str
    account: str
    duration_ms: float
    status: str
    rows: int | None = None
    requests: int = 0
    error: str | None = None


@dataclass(slots=True)
class Result:
    """What a run gave.

    Parameters:
        values: everything the chunk returned (its last expression counts as returned), each one of None, bool,
            int, float, str, list, dict, `records.Record`, `records.Records`, `docs.Page` (a text shown as Markdown)
            or `lua.values.Opaque` (a function, coroutine or namespace, of which only the text is known).
        hidden: the chunk ended in `;` or has no value, so that a notebook shows none.
        output: what it printed, standard output and standard error in order.
        calls: what it asked for, in the order in which it was begun.
        seconds: how long it ran, waiting included.
        memory: bytes of Lua heap at the end.
        account: what `heroku.<function>` meant.
        notes: warnings for people, one line each; what could not be read comes last.
        displays: what it showed beside its values, in order.
        cost: what its calls cost, or None when it made none.
        planned: what it would have sent, when it was a dry run.
        outputs: the Lua variables that were asked for, by name; their values are of the same types.
        started: when it started, in UTC.
        failures: what it could not read and collected instead, of a list argument or of `parallel.map`.
        unread: those of the notes that tell of it.
        permission_bypassed: something was done that the permissions ask about or deny, since that was forced.
    """

    values: list[Any] = field(default_factory=list)
    hidden: bool = False
    output: str = ""
    calls: list[CallRecord] = field(default_factory=list)
    seconds: float = 0.0
    memory: int = 0
    account: str = DEFAULT
    notes: list[str] = field(default_factory=list)
    displays: list[Display] = field(default_factory=list)
    cost: ProgressSnapshot | None = None
    planned: list[PlannedCall] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    permission_bypassed: bool = False
    started: datetime | None = None

    @property
    def value(self) -> Any:
        """The first value, or None."""
        return self.values[0] if self.values else None

    def split_notes(self, *, tables: bool) -> tuple[str, list[str]]:
        """What is to be said: below the first table of the values, and beside them, a line each.

        Parameters:
            tables: the values are shown, and lists of records as tables that can have a line below.
        """
        if tables and self.unread and any(isinstance(value, Records) for value in self.values):
            return self._note(), [note for note in self.notes if note not in self.unread]
        return "", self.notes

    def _note(self) -> str:
        more = len(self.unread) - MAX_UNREAD_NOTES
        return "; ".join(
            [*self.unread[:MAX_UNREAD_NOTES], *([f"{more:,} more lists with failures"] if more > 0 else [])]
        )

    def attrs(self) -> dict[str, Any]:
        """What a frame of these values remembers beside its function: account, time, calls, what could not be read.

        JSON values; nothing of calls where nothing was called. Calls of a function with an account are one entry. What
        the demo says is fiction and has no time, so the same notebook has the same outputs every day.
        """
        groups: dict[tuple[str, str], list[CallRecord]] = {}
        for call in self.calls:
            groups.setdefault((call.path.removeprefix("integrations."), call.account), []).append(call)
        note = {"note": self._note()} if self.unread else {}
        if not groups:
            return dict(note)
        accounts = list(dict.fromkeys(account for _, account in groups))
        found: dict[str, Any] = {"account": accounts[0] if len(accounts) == 1 else accounts}
        if self.started and accounts != [DEMO]:
            found["time"] = self.started.strftime("%Y-%m-%dT%H:%M:%SZ")
        found["calls"] = [
            {
                "function": function,
                "account": account,
                "calls": len(calls),
                "rows": sum(call.rows or 0 for call in calls),
                "requests": sum(call.requests for call in calls),
            }
            for (function, account), calls in groups.items()
        ]
        return found | note

    def frame(self) -> KosmoFrame:
        """The value as a pandas DataFrame.

        Raises:
            TypeError: the value is no list of records.
        """
        from kosmo_kernel.render.frames import frame_of

        if not isinstance(self.value, Records):
            raise TypeError(f"a frame is made of a list of records, and the value is a {type(self.value).__name__}")
        return frame_of(self.value, self.attrs())
