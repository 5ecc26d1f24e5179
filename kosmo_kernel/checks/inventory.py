"""An inventory: all tables of an account, which `inventory_folder.py` writes into one folder.

No value of a config var and no other secret is in it.

What could not be read is named, on the page and in the summary: the calls of the tables tell it. A record that lacks a
key by which tables name, count or place it is left out of its list, and named, too; sums that would have it are bounds.
An amount of the bill is what a month costs at most, at list prices. A price that is unknown is None and never zero.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property, partial
from itertools import repeat
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from kosmo_kernel import integrations
from kosmo_kernel.calls.output import NO_FRONTEND, Frontend
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.integration import usual_scope
from kosmo_kernel.catalogue.inventory import InventoryFacts, KeyFigure, Row
from kosmo_kernel.checks.report import QuestionReport, QuestionResult
from kosmo_kernel.checks.run import functions_of, run_questions
from kosmo_kernel.errors import NotRecordedError, StoppedError
from kosmo_kernel.questions.discovery import find_table, table_names
from kosmo_kernel.safety.redaction import in_texts, redact
from kosmo_kernel.values.records import MISSING, Records

if TYPE_CHECKING:
    from kosmo_kernel.archive.runs import EarlierAnswers
    from kosmo_kernel.results import CallRecord
    from kosmo_kernel.session import Session

CENTS = 100  # of a dollar
_WHOLE, _NONE = "(whole account)", "(none)"  # groups of lines that belong to no app, and of apps without a stage
_NOT_IN_SNAPSHOT = "The snapshot does not have this list; `kosmo snapshot --all` takes every list."
_REFUSALS = {401: "the token is not valid", 403: "the token may not read it", 404: "not found"}


@cache
def service() -> Integration:
    """Return the service: the first built-in one that has facts about an inventory."""
    return next(integration for integration in integrations.BUILT_IN if integration.inventory)


@cache
def facts() -> InventoryFacts:
    """Return what an inventory of the service has."""
    content: InventoryFacts = resolve_name(service().inventory)
    return content


# The bill -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BillGroup:
    """A part of a bill."""

    name: str  # what its lines have in common
    cents: int  # what they cost a month, as far as it is known
    lines: int
    unknown: int  # lines without a known price

    def as_row(self, heading: str) -> dict[str, Any]:
        """Return the part as a row of a table, in which its name has a heading."""
        dollars = None if self.unknown and not self.cents else self.cents / CENTS
        return {heading: self.name, "monthly_usd": dollars, "positions": self.lines, "without_price": self.unknown}


@dataclass(frozen=True, slots=True)
class Bill:
    """The monthly bill of an account."""

    lines: Sequence[Row]  # the rows of the table of costs, the dearest first
    complete: bool = True  # whether all that it is made of could be read

    @property
    def cents(self) -> int:
        """The sum of all known prices."""
        return sum(line["cents"] or 0 for line in self.lines)

    @property
    def unknown(self) -> list[Row]:
        """The lines without a known price."""
        return [line for line in self.lines if line["cents"] is None]

    @property
    def idle(self) -> list[Row]:
        """The lines that may be paid for nothing."""
        return [line for line in self.lines if line["idle"]]

    @property
    def idle_cents(self) -> int:
        """The sum of their known prices."""
        return Bill(self.idle).cents

    def by(self, field: str) -> list[BillGroup]:
        """Return the parts of the bill by a field of its lines, such as `team`, the dearest first."""
        groups: defaultdict[str, list[Row]] = defaultdict(list)
        for line in self.lines:
            groups[str(line[field] or (_WHOLE if line["app"] == _WHOLE else _NONE))].append(line)
        bills = ((name, Bill(lines)) for name, lines in groups.items())
        parts = [BillGroup(name, bill.cents, len(bill.lines), len(bill.unknown)) for name, bill in bills]
        return sorted(parts, key=lambda part: (-part.cents, part.name))


# The tables ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that makes a move hard."""

    name: str  # its heading
    reason: str  # what it means for a move
    count: int | None  # how many there are; None if it could not be read
    items: Sequence[str]  # what they are called, each once
    table: str  # the table that has more about them
    at_least: bool = False  # whether a part of what is counted could not be read


@dataclass(frozen=True, slots=True)
class Unread:
    """A list that could not be read, or a part of it."""

    name: str  # of the list; of a table that could not be made although its lists were read
    reason: str
    items: Sequence[str]  # the apps, teams or spaces of which it could not be read; none for the whole list


@dataclass(frozen=True)
class Inventory:
    """The tables of one account at one time."""

    report: QuestionReport  # the outcome of the tables
    requests: int  # the number of HTTP requests that they took
    origin: Path | None = None  # the archive of the snapshot that they are made of; None for the network
    taken_over: EarlierAnswers | None = None  # the answers that were taken over from earlier runs

    @property
    def account(self) -> str:
        """The alias of the account."""
        return self.report.account

    @property
    def time(self) -> datetime:
        """The time of the data."""
        return self.report.now

    @property
    def complete(self) -> bool:
        """True if everything could be read, with all apps of the account's teams."""
        return not self.unread

    @cached_property
    def tables(self) -> dict[str, QuestionResult]:
        """The tables that could be made, by name, in the order of the page."""
        results = {result.question.name: result for result in self.report.results if result.records is not None}
        return {name: results[name] for name in _names() if name in results}

    def has(self, table: str) -> bool:
        """Return whether a table could be made."""
        return table in self.tables

    def rows(self, table: str) -> Sequence[Row]:
        """Return the rows of a table; none if it could not be made."""
        return self.tables[table].records or () if table in self.tables else ()

    @cached_property
    def bill(self) -> Bill:
        """The monthly cost of the things of the account."""
        return Bill(self.rows(facts().bill), complete=self.is_whole(*facts().billed))

    @property
    def key_figures(self) -> list[KeyFigure]:
        """The key figures of the account."""
        return [*facts().key_figures(self)]

    @property
    def next_days(self) -> Sequence[Row]:
        """The next days on which the service does something by itself, each with its `apps`."""
        return facts().next_days(self)

    @property
    def obstacles(self) -> list[Obstacle]:
        """What makes a move hard, also what there is none of."""
        obstacles = []
        for kind in facts().obstacles:
            rows = [row for row in self.rows(facts().obstacle_table) if row["obstacle"] == kind.name]
            texts = [row["what"] if row["count"] == 1 else f"{row['what']} ({row['count']:,})" for row in rows]
            count = sum(row["count"] for row in rows) if self.read_lists >= set(kind.lists) else None
            at_least = count is not None and not self.is_whole(*kind.lists)
            obstacles.append(Obstacle(kind.name, kind.reason, count, texts, kind.table, at_least))
        return obstacles

    # What could not be read

    @property
    def calls(self) -> Iterator[CallRecord]:
        """The calls of all tables."""
        return (call for result in self.report.results for call in result.calls)

    @cached_property
    def failures(self) -> dict[str, list[Row]]:
        """What calls could not read, by the name of the list; several questions make the same calls."""
        failures: defaultdict[str, Counter[tuple[tuple[str, Any], ...]]] = defaultdict(Counter)
        for call in self.calls:
            if call.failures:
                failures[call.list_name] |= Counter(tuple(failure.items()) for failure in call.failures)
        return {name: [dict(facts) for facts in counts.elements()] for name, counts in failures.items()}

    @cached_property
    def read_lists(self) -> set[str]:
        """The names of the lists that were read, or a part of each."""
        return {call.list_name for call in self.calls if call.status == "ok" and not call.is_missing}

    def is_whole(self, *lists: str) -> bool:
        """Return whether each of these lists was read, with all of its records and those of the list of its items."""
        incomplete = {*self.failures, *(["apps"] if facts().out_of_reach(self) else [])}
        return all(
            name in self.read_lists and name not in incomplete and self.failures.keys().isdisjoint(self._parents[name])
            for name in lists
        )

    @cached_property
    def _parents(self) -> dict[str, set[str]]:
        """The lists of the items that each list was read for."""
        parents: defaultdict[str, set[str]] = defaultdict(set)
        for call in self.calls:
            if call.argument:
                function = service().function(call.path.rpartition(".")[2])
                [param] = (param for param in function.params if param.name == call.argument)
                lister = service().lister(param)
                parents[call.list_name].add(lister.name.removeprefix("list_") if lister else "")
        return parents

    @cached_property
    def unread(self) -> list[Unread]:
        """What could not be read, with the same reason once for each list."""
        rows = [row for result in self.tables.values() for row in result.records or ()]
        names = {row["id"]: str(row["name"]) for row in rows if row.get("id") and row.get("name")}
        groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for name, failures in self.failures.items():
            for failure in failures:
                argument, item = next(iter(failure.items()))
                parts = [] if argument == "type" else [names.get(item, str(item))]
                parts += [failure["record"]] if failure.get("record") else []
                groups[name, self._reason(name, failure)] += [": ".join(parts)] if parts else []
        if apps := facts().out_of_reach(self):
            groups["apps", "apps of its teams that the account has no access to"] = apps
        of_calls = {
            f"{failure['status'] or ''} {failure['id'] or failure['type']}"
            for failures in self.failures.values()
            for failure in failures
        }
        for name, result in self.tables.items():
            for row in result.records or ():
                texts = [text for text in facts().not_told(row).split("; ") if text.rpartition(": ")[2] not in of_calls]
                if reason := "; ".join(filter(None, texts)):
                    groups[name, reason].append(str(row.get("name") or row.get("what")))
        for result in self.report.results:
            needs = {need.partition("_")[2] for need in result.question.needs}
            is_for_want_of_lists = needs and needs.isdisjoint(self.read_lists) and not self.report.interrupted
            if result.records is None and not result.setup and not is_for_want_of_lists:
                groups[result.question.name, result.reason] = []
        return [Unread(name, reason, items) for (name, reason), items in groups.items()]

    def _reason(self, name: str, failure: Row) -> str:
        """Return why a list could not be read, without the name of the item that the message may have."""
        status = failure["status"]
        if failure["type"] == NotRecordedError.type and self.origin:
            return _NOT_IN_SNAPSHOT
        if status is None:
            return str(failure["message"])
        lists = (function for function in service().functions if function.name.partition("_")[2] == name)
        scopes = {link.scope for function in lists for link in function.links}
        # A token that can read other lists may lack the scope of this one.
        scope = "" if usual_scope(service()) in scopes else min(scopes, default="")
        reason = f"{_REFUSALS.get(status, failure['id'] or 'error')} ({status})"
        return f"{reason}; that takes the scope {scope}" if status == 403 and scope else reason


def _names() -> list[str]:
    """Return the names of all tables, in the order of the page."""
    return list(dict.fromkeys([*facts().tables, *table_names(service().name)]))


def from_account(session: Session, frontend: Frontend = NO_FRONTEND) -> Inventory:
    """Make all tables of the session's account, or of the archive that answers in its place.

    Raises:
        StoppedError: it was interrupted before the first table was made.
        KosmoError: the first list could not be read, without which there is no inventory.
    """
    first = session.call(f"{service().name}.{facts().first_list}", {})  # the tables take it from the store
    tables = [find_table(service().name, name) for name in _names()]
    few_lists_first = sorted(tables, key=lambda table: len(functions_of(table)))  # so that Ctrl-C leaves many
    report = run_questions(few_lists_first, session=session, frontend=frontend, find_gaps=find_gaps)
    if report.interrupted and not any(result.records is not None for result in report.results):
        raise StoppedError("Interrupted.")
    change = partial(redact, tokens=session.tokens())
    requests = sum(call.requests for call in first.calls) + (report.cost.requests if report.cost else 0)
    inventory = Inventory(report, requests, session.recording.snapshot, session.recording.taken_over)
    for call in inventory.calls:
        call.failures = in_texts(list(call.failures), change)
    return inventory


def find_gaps(function: Function, records: Records, argument: str) -> tuple[list[dict[str, Any]], set[int]]:
    """Return a failure for each record that lacks a key, and the positions of those that are left out.

    Parameters:
        function: the function of a list.
        records: its records.
        argument: the argument that has a list; empty for none.
    """
    table = function.name.removeprefix("list_")
    required, expected = facts().required.get(table, ()), facts().expected.get(table, ())
    lacking: defaultdict[int, list[str]] = defaultdict(list)
    for path in (*required, *expected):
        keys = tuple(path.split("."))
        values = records.column(keys)
        if not MISSING.isdisjoint(map(type, values)):
            # Of an object that is null, no key is expected.
            parents = repeat(True) if path in required else records.column(keys[:1])
            for index, (value, concerned) in enumerate(zip(values, parents, strict=False)):
                if type(value) in MISSING and type(concerned) not in MISSING:
                    lacking[index].append(path)
    failures = []
    left_out = {index for index, paths in lacking.items() if not set(paths).isdisjoint(required)}
    item = function.item_column(argument) if argument else None
    for index, paths in lacking.items():
        names = (records.column(tuple(path.split(".")))[index] for path in facts().names)
        name = next((str(name) for name in names if type(name) not in MISSING), "a record without a name")
        keys_text = " and ".join(f"`{path}`" for path in paths if path in required or index not in left_out)
        message = f"records without {keys_text}{' are left out' if index in left_out else ''}"
        failure = {"type": "incomplete_record", "status": None, "id": None, "message": message, "request_id": None}
        failures.append({**({argument: records[index][item.name]} if item else {}), **failure, "record": name})
    return failures, left_out
