"""Read the lists of an account that the catalogue has, those of a snapshot or all of them, and take snapshots.

Lists without arguments are read first. The others need one call for each record of another list, such as the dynos of
each app, and follow when that list was read. In between, the number of these calls is known, and the user gets an
estimate. A list that fails is reported as a failure; the lists that were read are kept. A list of which nothing could
be read is a failure and no empty table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from kosmo_kernel import __version__, integrations
from kosmo_kernel.archive.owner import token_note
from kosmo_kernel.archive.snapshots import Manifest, ReadList, SavedList, add, check_target
from kosmo_kernel.calls.output import NO_FRONTEND, Frontend
from kosmo_kernel.catalogue import Column, Function, Integration, Link, Param
from kosmo_kernel.errors import ApiError, FileWriteError, KosmoError, RefusedError, StoppedError
from kosmo_kernel.results import Result, deletion_notes
from kosmo_kernel.safety.redaction import in_texts, redact, would_change
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.text import counted, iso_time, value_at
from kosmo_kernel.values.records import Records, columns_of

# Requests for the items of one list if the service has lists for all of them at once; see `client/fan_out.py`.
_BULK_FROM, _BULK_REQUESTS = 8, 3
_ENCODER = msgspec.json.Encoder()

_GENERATION = {"telemetry_drains": "fir"}  # tables that only apps and spaces of one generation of the platform have
_NOT_YET = "provisioning"  # the state of an add-on whose service does not know it yet


class Way(NamedTuple):
    """A way to read a list: with an item of another list as an argument."""

    param: Param  # the argument
    parent: str  # the table that has the items
    link: Link  # the link of one item
    generation: str = ""  # the generation of the platform that an item must have; empty for any
    shared: str = ""  # the table that has further items, which others share with the account


class ListPlan(NamedTuple):
    """One way to read a list."""

    function: Function  # the list
    ways: tuple[Way, ...]  # the arguments that are tried one after the other; empty for one call without arguments

    @property
    def parents(self) -> set[str]:
        """The tables that have to be read before."""
        return {table for way in self.ways for table in (way.parent, way.shared) if table}


class AccountLists:
    """Reads the lists of one account, one after the other.

    Parameters:
        session: the session whose account is read.
        integration: the service.
        frontend: gets messages for the user on `stderr`, and the progress of each list.
        every: read all lists, and not only those that the catalogue has in a snapshot.
        only: read the lists of these tables instead, each with these arguments, or with all that it takes if none is
            named.

    Attributes:
        tables: the records of each list, by table name.
        items: the arguments that each table was read with.
        failures: what could not be read, each with its `table` and the facts of the error.
        deleted: the items that were deleted while the lists were read, each a record with the argument and the item.
            They are in no table that is read by item, nor in the list of all items.
        left_out: what was not tried, each with its `table` and `why`.
        notes: notes for the user.
        requests: the number of HTTP requests.
        interrupted: whether an interrupt ended the reading.
    """

    def __init__(
        self,
        session: Session,
        integration: Integration,
        frontend: Frontend,
        *,
        every: bool = False,
        only: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        self._session, self._integration, self._frontend, self._only = session, integration, frontend, only
        self._reading = session.services().reading(fresh=True)  # each list is asked once
        self._unread: list[ListPlan] = []  # those that need another list
        self._counts: dict[tuple[str, str], int] = {}  # the number of items to ask of each table, by argument
        self._says_estimate = every = every or bool(only)
        self._lists = {
            table_of(function): function
            for function in integration.functions
            if _is_saved(function, every=every) and (not only or table_of(function) in only)
        }
        self.tables: dict[str, Records] = {}
        self.items: dict[str, list[str]] = {}
        self.failures: list[dict[str, Any]] = []
        self.deleted: list[dict[str, Any]] = []
        self.left_out: list[dict[str, str]] = []
        self.notes: list[str] = []
        self.requests = 0
        self.interrupted = False
        self._is_over = False  # no further list is begun

    def read(self) -> None:
        """Read all lists. Lists that could not be read are added to `failures`.

        Raises:
            FileWriteError: the recording cannot be written.
            KosmoError: a list failed before any was read.
        """
        plans = [plan for function in self._lists.values() if (plan := self._plan(function))]
        order = [plan for plan in plans if not plan.ways]
        self._read_all(order)
        rest = self._unread = [plan for plan in plans if plan.ways]
        if self._says_estimate and not self._is_over:
            self._say_estimate(rest)
        while rest and not self._is_over:
            unread = {table_of(plan.function) for plan in rest}
            ready = [plan for plan in rest if not plan.parents & unread] or rest
            order += ready
            self._read_all(ready)
            rest = [plan for plan in rest if plan not in ready]
        if self._is_over:
            self._add_skipped(plans)
        names = [table_of(plan.function) for plan in order]
        self.tables = {name: self.tables[name] for name in names if name in self.tables}
        self._drop_deleted()

    @property
    def is_complete(self) -> bool:
        """Return whether all was answered. That there is nothing of one item (404) is an answer, and is kept."""
        return all(
            failure.get("status") == HTTPStatus.NOT_FOUND
            and any(param.name in failure for param in self._lists[failure["table"]].params)
            for failure in self.failures
        )

    def _drop_deleted(self) -> None:
        """Remove the records of deleted items, which were read before the deletion, and note the items."""
        self.notes += deletion_notes(self.deleted)
        for argument in dict.fromkeys(next(iter(row)) for row in self.deleted):
            names = {row[argument] for row in self.deleted if argument in row}
            items = self._integration.deletable[argument][0]
            [rows] = (self.tables[table] for table, function in self._lists.items() if function.name == items)
            ids = {row["id"] for row in rows if row["id"] in names or row.get("name") in names}
            for table, records in self.tables.items():
                column = self._lists[table].item_column(argument) if argument in self.items.get(table, ()) else None
                item = column.name if column else ""
                is_there = [row.get("id") not in ids and row.get(item) not in names for row in records]
                if not all(is_there):
                    self.tables[table] = records.take([n for n, stays in enumerate(is_there) if stays])

    def _plan(self, function: Function) -> ListPlan | None:
        """Return how a list is read; None if it cannot be, and then `left_out` has the reason."""
        needed = [param.name for param in function.params if param.required and param.query]
        if needed:
            self._leave_out(function, needed)
            return None
        if any(not link.placeholders for link in function.links):
            return ListPlan(function, ())
        ways = [way for link in function.links for way in self._ways(function, link)]
        for link in function.links:
            if not self._only and not any(way.param.name in link.placeholders for way in ways):
                self._leave_out(function, link.placeholders)
        return ListPlan(function, tuple(ways)) if ways else None

    def _ways(self, function: Function, link: Link) -> Iterator[Way]:
        if len(link.placeholders) == 1:
            param = next(param for param in function.params if param.name == link.placeholders[0])
            arguments = self._only.get(table_of(function)) or (param.name,)
            parent = self._integration.lister(param) if param.name in arguments else None
            if parent and table_of(parent) in self._lists.keys() - {table_of(function)}:
                shared = self._shared(param) if link.choice else ""
                yield Way(param, table_of(parent), link, _GENERATION.get(table_of(function), ""), shared)

    def _shared(self, param: Param) -> str:
        """Return the table that has what others share of what a parameter identifies; empty if none is read."""
        tables = (table for table, function in self._lists.items() if function.lists_shared(param.listed_at))
        return next(tables, "")

    def _leave_out(self, function: Function, names: Sequence[str]) -> None:
        arguments = " and ".join(f"`{name}`" for name in names)
        self.left_out.append(
            {"table": table_of(function), "why": f"It is left out where it takes {arguments}, which no list has."}
        )

    def _read_all(self, plans: Sequence[ListPlan]) -> None:
        for plan in plans:
            self._unread = [unread for unread in self._unread if unread is not plan]
            try:
                self._read(plan)
            except KosmoError as error:
                if not self.tables or isinstance(error, FileWriteError):  # the recording cannot go on
                    raise
                self._add_notes_and_requests(error.result)
                self.failures.append({"table": table_of(plan.function)} | error.facts())
                self.interrupted = isinstance(error, StoppedError)
                self._is_over = self.interrupted or (isinstance(error, ApiError) and error.is_outage)
                if self._is_over:
                    return

    def _read(self, plan: ListPlan) -> None:
        """Read a list in each of its ways, and keep the records unless there are none for want of access."""
        function, table = plan.function, table_of(plan.function)
        if not plan.ways:
            self._check_scope(function.link({}))
            value = self._call(function, {}).values[0]
            records = value if isinstance(value, Records) else Records([value], function)
            self.tables[table], self.items[table] = records, []
            return
        rows: list[dict[str, Any]] = []
        failures: list[dict[str, Any]] = []
        items_read = 0
        for number, way in enumerate(plan.ways, 1):
            try:
                items = self._items(way)
                if items:
                    self._check_scope(way.link)
            except RefusedError as error:  # the records of the other ways are kept
                failures.append({"table": table, "by": way.param.name} | error.facts())
                items_read += 1
                continue
            if not items:
                continue
            later = [(plan, other) for other in plan.ways[number:]]
            later += [(unread, other) for unread in self._unread for other in unread.ways]
            result = self._call(function, {way.param.name: items, "errors": "collect"}, later)
            failures += [{"table": table} | failure for failure in result.failures]
            _add_once(rows, result.values[0], function.item_column(way.param.name))
            items_read += len(items)
        self.failures += failures
        if len(failures) < items_read or not items_read:
            names = list(dict.fromkeys(way.param.name for way in plan.ways))
            self.tables[table], self.items[table] = Records(rows, function, columns_of(function, names)), names

    def _items(self, way: Way) -> list[Any]:
        """Return what identifies the records of the list that a way needs.

        Raises:
            RefusedError: that list could not be read.
        """
        parents = self.tables.get(way.parent)
        if parents is None:
            raise RefusedError(f"It needs the list `{way.parent}`, which could not be read.")
        rows = [row for row in parents if _has_generation(row, way.generation)]
        if way.link.choice:
            rows = [*{row["id"]: row for row in (*rows, *self.tables.get(way.shared, ()))}.values()]
            choices = [(row, str(value_at(row, way.param.choice))) for row in rows if row.get("state") != _NOT_YET]
            return [row for row, choice in choices if re.fullmatch(way.link.choice, choice)]
        values = map(way.param.value_of_record, rows)
        return list(dict.fromkeys(value for value in values if not isinstance(value, dict)))

    def _check_scope(self, link: Link | None) -> None:
        """Check that the token has the scope that a link needs, as far as both are known, before any request.

        Raises:
            RefusedError: it has not.
        """
        granted = self._session.scopes(self._integration.name, self._session.account)
        if link and self._integration.credentials.lacks(link.scope, granted):
            text = f"It needs a token with the scope {link.scope}; this one has {', '.join(granted)}."
            raise RefusedError(text, status=HTTPStatus.FORBIDDEN)

    def _call(
        self, function: Function, arguments: dict[str, Any], later: Sequence[tuple[ListPlan, Way]] = ()
    ) -> Result:
        """Make a call, whose progress includes the time of the ways to come as far as their items are known."""
        full_name = f"{self._integration.name}.{function.name}"
        requests = sum(self._requests(plan, way) for plan, way in later if way.parent in self.tables)
        options = Options(later=requests, reading=self._reading)
        result = self._session.call(full_name, arguments, options, self._frontend)
        self._add_notes_and_requests(result)
        return result

    def _add_notes_and_requests(self, result: Result | None) -> None:
        if result is not None:
            own = deletion_notes(result.deleted)
            self.notes += [note for note in result.notes if note not in own]
            self.deleted += [row for row in result.deleted if row not in self.deleted]
            self.requests += sum(call.requests for call in result.calls)

    def _add_skipped(self, plans: Sequence[ListPlan]) -> None:
        handled = {failure["table"] for failure in self.failures} | self.tables.keys()
        tables = [table for plan in plans if (table := table_of(plan.function)) not in handled]
        facts = {"type": StoppedError.type, "message": "It was not begun."}
        self.failures += [{"table": table} | facts for table in tables]

    # The estimate ----------------------------------------------------------------------------------------

    def _say_estimate(self, plans: Sequence[ListPlan]) -> None:
        """Tell the user how many requests the remaining lists take, and how long they have to wait for the budget."""
        if self._frontend.output:
            self._frontend.output("stderr", f"{counted(len(self.tables), 'list')} read. {self._estimate(plans)}\n")

    def _estimate(self, plans: Sequence[ListPlan]) -> str:
        unread = {table_of(plan.function) for plan in plans}
        later = [plan for plan in plans if plan.parents & unread]
        now = sum(self._requests(plan, way) for plan in plans for way in plan.ways if way.parent in self.tables)
        text = f"{len(plans):,} more take about {counted(now, 'request')}"
        if later:
            parents = sorted({parent for plan in later for parent in plan.parents & unread})
            text += f", and {counted(len(later), 'list')} one for each record of {' and '.join(parents)}"
        budget = self._integration.budget
        try:
            remaining = self._session.budget_left(self._integration.name, self._session.account)
        except ApiError:  # the lists themselves will fail
            remaining = None
        if budget is None or remaining is None:
            return f"{text}."
        minutes = max(0, now - remaining) / budget.refill_per_minute
        waiting = f"about {counted(max(1, round(minutes)), 'minute')} of waiting" if minutes else "no waiting"
        return f"{text}: {waiting}, as {remaining:,} are left and {budget.refill_per_minute:g} come back a minute."

    def _requests(self, plan: ListPlan, way: Way) -> int:
        key = table_of(plan.function), way.param.name
        if key not in self._counts:
            self._counts[key] = len(self._items(way))
        count = self._counts[key]
        return min(count, _BULK_REQUESTS) if way.link.bulk and count >= _BULK_FROM else count


def _has_generation(row: dict[str, Any], required: str) -> bool:
    """Return whether an app or a space is of a generation of the platform, or may be."""
    generation = row.get("generation")
    return not (required and generation and generation.get("name", required) != required)


def _add_once(rows: list[dict[str, Any]], more: Sequence[dict[str, Any]], item: Column | None) -> None:
    """Add records that were read in another way; one that is there already gets the item that it was read with."""
    earlier = {row["id"]: row for row in rows if "id" in row}
    for row in more:
        same = earlier.get(row.get("id"))
        if same is None or item is None or item.name in same:
            rows.append(row)
        else:
            same[item.name] = row[item.name]


def _is_saved(function: Function, *, every: bool) -> bool:
    """Return whether a snapshot has a function: a list, the user, or with `every` a record that is in no list."""
    is_list = function.returns == "list"
    in_any = function.in_snapshot and (is_list or not function.params)
    return bool(function.links) and (in_any or (every and (is_list or function.in_whole_snapshot)))


def table_of(function: Function) -> str:
    """Return the table name of a function: `apps` for `list_apps`, `current_user` for `get_current_user`."""
    return function.name.partition("_")[2]


def redacted(records: Records, change: Callable[[str], str]) -> ReadList:
    """Return records without secrets, and the JSON text of each.

    Most lists have no secret, so the text of a whole list is checked first, and its records are only processed one by
    one if redaction would change that text.
    """
    lines = _ENCODER.encode_lines(records.rows).decode()
    texts = lines.removesuffix("\n").split("\n") if lines else []
    if not would_change(lines, change):
        return ReadList(records, texts)
    pairs = zip(records.rows, texts, strict=True)
    rows = [in_texts(row, change) if would_change(text, change) else row for row, text in pairs]
    clean = Records(rows, records.function, records.columns, records.account)
    return ReadList(clean, [_ENCODER.encode(row).decode() for row in rows])


# Snapshots ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class SnapshotReport:
    """The outcome of taking a snapshot."""

    manifest: Manifest  # what was read, and what could not be
    snapshots: int  # how many the archive has now
    interrupted: bool = False  # Ctrl-C ended it
    notes: list[str] = field(default_factory=list)  # for the user, one line each


def take(
    session: Session,
    file: Path,
    *,
    every: bool = False,
    integration: str = integrations.BUILT_IN[0].name,
    frontend: Frontend = NO_FRONTEND,
) -> SnapshotReport:
    """Read lists of the session's account and add them to an archive as a snapshot.

    Parameters:
        session: the session whose account is read; its Lua process is not started.
        file: the archive, which is created if it is missing. Its snapshots are kept, only while a recording goes on an
            incomplete last one is replaced.
        every: read all lists that the token can read, and not only those that audits and comparisons read.
        integration: the service whose lists are read.
        frontend: gets messages for the user on `stderr`, such as the estimate of `every`, and the progress of each
            list.

    Returns:
        The report, which may be of an incomplete snapshot.

    Raises:
        SettingsError: the file is no archive, has snapshots of another account, or cannot be created. No request was
            sent, unless the account has another user now. Nothing was added.
        KosmoError: no list could be read.
        FileWriteError: the archive cannot be written; it is as before.
    """
    last = check_target(file, session.account)
    service = integrations.find(integration)
    started = session.recording.now()
    lists = AccountLists(session, service, frontend, every=every)
    lists.read()
    change = partial(redact, tokens=session.tokens())  # a session knows its tokens only once it has used them
    content = {
        "integration": service.name,
        "account": session.account,
        "begun": iso_time(started),
        "ended": iso_time(datetime.now(UTC)),
        "complete": lists.is_complete,
        "requests": lists.requests,
        "failures": lists.failures,
        "left_out": lists.left_out,
        "deleted": lists.deleted,
        "figures": _figures(lists, service.team_address),
        "user": _user(lists.tables),
        "address": session.address(service.name),
        "token": session.token_hash(service.name, last.token if last else ""),
        "kosmo_kernel": __version__,
    }
    about = {
        name: SavedList(f"{service.name}.{records.function.name if records.function else name}", len(records), by)
        for name, records in lists.tables.items()
        for by in [lists.items[name]]
    }
    manifest = Manifest(tables=about, **in_texts(content, change))
    read = {name: redacted(records, change) for name, records in lists.tables.items()}
    count = add(file, manifest, read, replaces=session.recording.resumes)
    notes = [token_note(file, last.token, manifest.token)] if last else []
    return SnapshotReport(manifest, count, lists.interrupted, list(filter(None, dict.fromkeys(notes + lists.notes))))


def _figures(lists: AccountLists, team_address: str) -> dict[str, int]:
    """Return the numbers of apps, dynos, and people who own an app or have a seat, where their lists are whole."""
    parts = {failure["table"] for failure in lists.failures}
    whole = {name: records for name, records in lists.tables.items() if name not in parts}
    figures: dict[str, int] = {name: len(whole[name]) for name in ("apps", "dynos") if name in whole}
    if {"apps", "collaborators"} <= whole.keys():
        emails = {*whole["apps"].column(("owner", "email")), *whole["collaborators"].column(("user", "email"))}
        people = [email for email in emails if isinstance(email, str)]
        figures["people"] = sum(not team_address or not email.endswith(team_address) for email in people)
    return figures


def _user(tables: Mapping[str, Records]) -> str:
    """Return the id of the account's user, who is in every snapshot; empty if it could not be read."""
    records = (rows for rows in tables.values() if rows.function and rows.function.returns == "record")
    users = (rows[0].get("id") for rows in records if rows.function and rows.function.in_snapshot)
    return str(next(users, None) or "")
