"""The result of a run: its values, its output and its calls; the plan of a dry run, and the run as a JSON document.

The document is the output of `kosmo lua --json`, and the result of the MCP tool `lua_run`. It always has the
same eight keys, even if the run failed or did not start.

`kosmo run` runs a notebook in a child process, and reads the costs from a file. Each run of Lua that made a call adds a
line of JSON to it. It has only counts and names: no arguments, no answers, no tokens.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from kosmo_kernel.accounts import DEFAULT, is_demo
from kosmo_kernel.client.call import PlannedCall
from kosmo_kernel.progress.display import ProgressSnapshot
from kosmo_kernel.render.display import Display, Note
from kosmo_kernel.safety.decoder import DecodeError, decode
from kosmo_kernel.text import counted, iso_time, listed, parse_time
from kosmo_kernel.values import extended_json
from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from kosmo_kernel.archive.runs import EarlierAnswers
    from kosmo_kernel.render.frames import KosmoFrame

MAX_UNREAD_NOTES = 3  # notes on failed items below a table
MAX_ITEMS_NAMED = 5  # failed or deleted items named in a note


class CallRecord(Struct):
    """One `app.*` call of a run."""

    path: str  # the full name, such as `integrations.heroku.list_apps`
    account: str  # the account's alias
    duration_ms: float  # the time from its begin to its answer
    status: str  # `ok`, `error`, or `dropped` for a cancelled call
    rows: int | None = None  # the number of records, or None if the call returned no list
    requests: int = 0  # the number of HTTP requests answered, including those with an error status
    error: str | None = None  # the error message if the call failed
    argument: str = ""  # the argument that has a list; empty for none
    items: int = 0  # the number of its items
    failures: Sequence[Mapping[str, Any]] = ()  # what could not be read, each as in the failures of a run

    @property
    def list_name(self) -> str:
        """The name of the list that it asked for, such as `apps`; that of the record for one record."""
        return self.path.rpartition(".")[2].partition("_")[2]

    @property
    def is_missing(self) -> bool:
        """Return whether it could read nothing of its list."""
        is_of_item = any(self.argument in failure for failure in self.failures)
        return bool(self.failures) and not self.rows and (not is_of_item or len(self.failures) >= self.items)


class Result(Struct):
    """The result of a run."""

    # The return values of the chunk, or the value of its last expression. Each is None, a bool, int, float, str, list,
    # dict, `records.Record`, `records.Records`, `docs.Page` (a text shown as Markdown) or `values.records.Opaque` (a
    # function, coroutine or namespace, known only by its text).
    values: list[Any] = field(default_factory=list)
    # Whether a notebook shows no value, because the chunk ends in `;` or has none, or the plan is empty.
    hidden: bool = False
    output: str = ""  # the standard output and standard error, in order
    calls: list[CallRecord] = field(default_factory=list)  # the calls, in the order of their start
    seconds: float = 0.0  # the duration, including waiting
    memory: int = 0  # the size of the Lua heap at the end, in bytes
    account: str = DEFAULT  # the account of calls that name none, such as `heroku.list_apps()`
    notes: list[str] = field(default_factory=list)  # for the user, one line each; those in `unread` come last
    informative: list[str] = field(default_factory=list)  # the notes that are no warnings
    displays: list[Display] = field(default_factory=list)  # the outputs shown with `display`, in order
    # The progress at the end, with the totals of calls and requests; None without calls.
    cost: ProgressSnapshot | None = None
    dry_run: bool = False  # whether the calls were planned and not made
    planned: list[PlannedCall] = field(default_factory=list)  # the calls of a dry run
    # The collected failures of items of list arguments and of `parallel.map`.
    failures: list[dict[str, Any]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # the notes on these failures
    # The items of list arguments that were deleted while the run went on, and are left out: each a record with the
    # argument and the item.
    deleted: list[dict[str, Any]] = field(default_factory=list)
    # The requested Lua variables by name, with values of the same types.
    outputs: dict[str, Any] = field(default_factory=dict)
    # The number of answers that were taken over from earlier runs, and the time of the oldest.
    taken_over: dict[str, Any] = field(default_factory=dict)
    from_store: int = 0  # the number of answers to questions that the session had kept
    read_at: datetime | None = None  # when the oldest answer to a question was read; None without questions
    permission_bypassed: bool = False  # whether `--force` was given
    started: datetime | None = None  # the start time in UTC

    @property
    def value(self) -> Any:
        """The first value, or None."""
        return self.values[0] if self.values else None

    @property
    def complete(self) -> bool:
        """Return whether every call answered with all that it was asked for; not so after a dry run."""
        return not self.failures and not self.dry_run

    @property
    def values_to_show(self) -> list[Any]:
        """The values, or for a dry run the plan of its calls: its values are based on empty answers."""
        if not self.dry_run:
            return self.values
        return [plan_of(self.planned)] if self.planned else []

    def inform(self, note: str) -> None:
        """Add a note that is no warning, unless the result has it."""
        if note not in self.notes:
            self.notes.append(note)
            self.informative.append(note)

    @property
    def shown_notes(self) -> list[str]:
        """The notes, and what was looked at if the first value is a list without records."""
        is_empty = any(isinstance(value, Records) and not len(value) for value in self.values_to_show[:1])
        return [*self.notes, *([looked_at_note(self.calls)] if is_empty and lists_read(self.calls) else [])]

    def labelled_notes(self) -> list[Note]:
        """Return all notes."""
        return self._labelled(self.shown_notes)

    def _labelled(self, notes: Iterable[str]) -> list[Note]:
        return [Note(note, note in self.notes and note not in self.informative) for note in notes]

    def split_notes(self, *, tables: bool) -> tuple[str, list[Note]]:
        """Return the note to show below the first table of the values, and the other notes.

        Parameters:
            tables: whether the values are shown, with lists of records as tables that can have a note below.
        """
        if tables and self.unread and any(isinstance(value, Records) for value in self.values_to_show):
            return self._note(), self._labelled(note for note in self.shown_notes if note not in self.unread)
        return "", self.labelled_notes()

    def _note(self) -> str:
        more = len(self.unread) - MAX_UNREAD_NOTES
        return "; ".join(
            [*self.unread[:MAX_UNREAD_NOTES], *([f"{counted(more, 'more list')} with failures"] if more > 0 else [])]
        )

    def call_counts(self) -> list[dict[str, Any]]:
        """Return a `path` and `account`, with the number of `calls`, `failed` ones, `rows` and `requests`, of each."""
        groups: dict[tuple[str, str], dict[str, Any]] = {}
        for call in self.calls:
            empty = {"path": call.path, "account": call.account, "calls": 0, "failed": 0, "rows": 0, "requests": 0}
            group = groups.setdefault((call.path, call.account), empty)
            group["calls"] += 1
            group["failed"] += call.status != "ok"
            group["rows"] += call.rows or 0
            group["requests"] += call.requests
        return list(groups.values())

    def attrs(self) -> dict[str, Any]:
        """Return the `attrs` of a DataFrame of these values: account, time, calls, and a note on failed items.

        The values are JSON values. Calls of the same function and account are one entry; a run without calls has none.
        Runs with only the demo account have no time, so that a notebook has the same outputs every day.
        """
        counts = self.call_counts()
        note = {"note": self._note()} if self.unread else {}
        if not counts:
            return dict(note)
        accounts = list(dict.fromkeys(count["account"] for count in counts))
        attrs: dict[str, Any] = {"account": accounts[0] if len(accounts) == 1 else accounts}
        if self.started and not all(map(is_demo, accounts)):
            attrs["time"] = iso_time(self.started)
            if self.read_at:
                attrs["read_at"] = iso_time(self.read_at)
        attrs["calls"] = [
            {"function": count["path"].removeprefix("integrations.")}
            | {name: count[name] for name in ("account", "calls", "rows", "requests")}
            for count in counts
        ]
        return attrs | note

    def frame(self) -> KosmoFrame:
        """Return the value as a pandas DataFrame.

        Raises:
            TypeError: the value is no list of records.
        """
        from kosmo_kernel.render.frames import frame_of

        if not isinstance(self.value, Records):
            raise TypeError(f"a frame is made of a list of records, and the value is a {type(self.value).__name__}")
        return frame_of(self.value, self.attrs())


def deletion_notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a note for each kind of items that were deleted while a run went on: `1 app was deleted meanwhile: a`."""
    notes = []
    for argument in dict.fromkeys(next(iter(row)) for row in rows):
        items = [str(row[argument]) for row in rows if argument in row]
        were = "was" if len(items) == 1 else "were"
        thing = argument.removesuffix("_id")
        notes.append(f"{counted(len(items), thing)} {were} deleted meanwhile: {listed(items, MAX_ITEMS_NAMED)}")
    return notes


def plan_of(planned: Sequence[PlannedCall]) -> Records:
    """Return planned calls as records with `function`, `account`, `arguments` (if any has them), `method` and `url`."""
    with_arguments = any(call.arguments for call in planned)
    return Records(
        [
            {"function": call.function, "account": call.account}
            | ({"arguments": call.arguments} if with_arguments else {})
            | {"method": call.method, "url": call.url}
            for call in planned
        ]
    )


def dry_run_summary(planned: Sequence[PlannedCall]) -> str:
    """Return a line with the number of calls of a dry run and the limits of the table."""
    if not planned:
        return "A dry run: there is no call to make."
    calls = counted(sum(call.requests or 0 for call in planned), "call")
    unknown = dict.fromkeys((call.function, call.each) for call in planned if call.requests is None)
    further = "".join(f" `{name}` makes one more for each item of `{each}`." for name, each in unknown)
    return f"A dry run: {calls}, none made.{further} All answers were empty, so what depends on one is missing here."


SERVERS = "mcp."  # prefix of the full names of MCP servers' tools


def run_document(
    result: Result | None, error: str | None = None, facts: dict[str, Any] | None = None, *, dry_run: bool = False
) -> dict[str, Any]:
    """Return the document of a run.

    Parameters:
        result: the result of the run, a partial one if it failed; None if it did not start.
        error: the error message if it failed.
        facts: the attributes of the error.
        dry_run: list the planned calls of a dry run.
    """
    meta: dict[str, Any] = {
        "permission_bypassed": bool(result and result.permission_bypassed),
        "complete": error is None and result is not None and result.complete,
        "dry_run": dry_run,
    }
    values = result.values if result and error is None else []
    if result is not None:
        meta |= {"account": result.account, "notes": [*result.shown_notes, *_lost(values)]}
        meta |= {"failures": result.failures} if result.failures else {}
        meta |= {"deleted": result.deleted} if result.deleted else {}
        meta |= store_facts(result.from_store, result.read_at)
        meta |= result.taken_over
    if facts is not None:
        meta["error"] = facts
    return {
        "success": error is None,
        "output": result.output if result else "",
        "error": error,
        "result": values,
        "execution_time_ms": round(result.seconds * 1000, 1) if result else 0.0,
        "memory_usage": result.memory if result else 0,
        "integration_calls": _calls(result, dry_run=dry_run) if result else [],
        "meta": meta,
    }


def lists_read(calls: Iterable[CallRecord]) -> dict[str, int]:
    """Return the number of records of each list that calls read, by names such as `apps`."""
    counts: dict[str, int] = {}
    for call in calls:
        if call.rows is not None and call.path.rpartition(".")[2].startswith("list_"):
            name = call.list_name.replace("_", " ")
            counts[name] = max(call.rows, counts.get(name, 0))
    return counts


def texts_of_lists(counts: Mapping[str, int]) -> list[str]:
    """Return the number of records of each list as text: `19 apps`, `0 addons`."""
    return [counted(number, name.removesuffix("s")) for name, number in counts.items()]


def looked_at_note(calls: Iterable[CallRecord]) -> str:
    """Return a note on the lists that calls read."""
    return f"What was looked at: {', '.join(texts_of_lists(lists_read(calls)))}"


def store_facts(from_store: int, read_at: datetime | None) -> dict[str, Any]:
    """Return how many answers were kept from before, and when the oldest that a service gave was read."""
    if not from_store:
        return {}
    return {"from_store": from_store} | ({"read_at": iso_time(read_at)} if read_at else {})


def _lost(values: Sequence[Any]) -> list[str]:
    """Return a note on what is lost of the values in JSON, as a list of one or none."""
    if not any(map(extended_json.is_wide, values)):
        return []
    names = ["result"] if len(values) == 1 else [f"result[{number}]" for number in range(1, len(values) + 1)]
    losses = [
        loss
        for name, value in zip(names, values, strict=True)
        for loss in extended_json.describe_json_losses(value, name)
    ]
    if not losses:  # only integer keys, which become strings in JSON
        return []
    return [losses[0] + (f"; {len(losses) - 1:,} more of the kind." if len(losses) > 1 else ".")]


def _calls(result: Result, *, dry_run: bool) -> list[dict[str, Any]]:
    """Return the calls of a run; those of a dry run have their arguments, method and URL as well."""
    if not dry_run:
        return [_call(call) for call in result.calls]
    return [
        _call(CallRecord(_path(planned), planned.account, 0.0, "planned"))
        | {"arguments": planned.arguments, "method": planned.method, "url": planned.url}
        for planned in result.planned
    ]


def _call(call: CallRecord) -> dict[str, Any]:
    return {
        "path": call.path,
        "account": call.account,
        "durationMs": round(call.duration_ms, 1),
        "status": call.status,
        "rows": call.rows,
        "requests": call.requests,
    }


def _path(planned: PlannedCall) -> str:
    return planned.function if planned.function.startswith(SERVERS) else f"integrations.{planned.function}"


# The calls of a notebook ---------------------------------------------------------------------------


def note_calls(path: str, name: str, result: Result, taken_over: Mapping[str, Any]) -> None:
    """Append a line about a run to a file; a run without calls has no line.

    Parameters:
        path: the file.
        name: the name of the chunk.
        result: the result of the run; if the file cannot be written, a note is added to it.
        taken_over: `taken_over` with what this process has taken over from earlier runs so far; empty for nothing.
    """
    counts = result.call_counts()
    if not counts:
        return
    started = iso_time(result.started) if result.started else None
    line = {"time": started, "name": name, "seconds": round(result.seconds, 3), "calls": counts, **taken_over}
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{json.dumps(line)}\n".encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        result.notes.append(f"The calls of this run could not be noted for `kosmo run`: {error.strerror}.")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file: `time`, `name`, `seconds`, and `calls` with counts by function and account.

    A line has `taken_over` where the process took answers over from earlier runs.
    """
    return [line for line in _lines(path) if line is not None]


def count_incomplete_lines(path: Path) -> int:
    """Return the number of incomplete lines of a file, after a full disk or a killed process."""
    return _lines(path).count(None)


def totals(lines: Iterable[dict[str, Any]]) -> tuple[list[str], int, int]:
    """Return the accounts in some lines, and the total numbers of calls and of requests."""
    calls = [call for line in lines for call in line["calls"]]
    accounts = list(dict.fromkeys(call["account"] for call in calls))
    return accounts, sum(call["calls"] for call in calls), sum(call["requests"] for call in calls)


def answers_taken_over(lines: Iterable[dict[str, Any]]) -> EarlierAnswers | None:
    """Return what the process that wrote some lines took over from earlier runs, or None for nothing."""
    from kosmo_kernel.archive.runs import EarlierAnswers

    entries = [line["taken_over"] for line in lines if "taken_over" in line]
    return EarlierAnswers(entries[-1]["answers"], parse_time(entries[-1]["oldest"])) if entries else None


def accounts_used(lines: Iterable[dict[str, Any]]) -> dict[tuple[str, str], None]:
    """Return the accounts in some lines as pairs of service and alias, in the order of their first use."""
    calls = [call for line in lines for call in line["calls"]]
    return {(call["path"].removeprefix("integrations.").partition(".")[0], call["account"]): None for call in calls}


def _lines(path: Path) -> list[dict[str, Any] | None]:
    lines: list[dict[str, Any] | None] = []
    for line in path.read_bytes().splitlines():
        try:
            lines.append(decode(line))
        except DecodeError:
            lines.append(None)
    return lines
