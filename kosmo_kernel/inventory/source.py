"""What an inventory is made of: lists of the account, from the network or from a snapshot, and its bill.

Both sources give the same `AccountData`, so that everything after this is one path. Texts are redacted here, once.

A service sends the keys by which an inventory names, counts or places records with every record. One without such a
key, or with null in its place, is not guessed at: it is named among what could not be read, the tables go on without
it, and sums that would have it are bounds.

An amount of the bill is what a month costs at most, at list prices. A price that is unknown is None and never zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from kosmo_kernel.accounts import is_demo
from kosmo_kernel.archive.snapshots import SavedSnapshot
from kosmo_kernel.calls.output import NO_FRONTEND, Frontend
from kosmo_kernel.catalogue.integration import usual_scope
from kosmo_kernel.catalogue.inventory import KeyFigure, ObstacleKind, Row
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.inventory.tables import (
    InventoryTable,
    ListServices,
    Tables,
    facts,
    kinds,
    lists,
    make_tables,
    service,
)
from kosmo_kernel.safety.redaction import in_texts, redact
from kosmo_kernel.session import Session
from kosmo_kernel.snapshot.lists import AccountLists, redacted, table_of
from kosmo_kernel.text import value_at

if TYPE_CHECKING:
    from kosmo_kernel.archive.runs import EarlierAnswers

# Records without a key ----------------------------------------------------------------------------------


def usable(tables: Tables) -> tuple[Tables, list[Row]]:
    """Return the lists without the records that lack a key, and a failure for each record that lacks one."""
    usable_rows: dict[str, Sequence[dict[str, Any]]] = {}
    failures: list[Row] = []
    for table, rows in tables.items():
        lacking = [_lacking(row, facts().required.get(table, ())) for row in rows]
        failures += [
            _failure(table, row, f"records without {_quoted(keys)} are left out")
            for row, keys in zip(rows, lacking, strict=True)
            if keys
        ]
        expected = facts().expected.get(table, ())  # of an object that is null, none is
        complete = [row for row, keys in zip(rows, lacking, strict=True) if not keys] if any(lacking) else rows
        failures += [
            _failure(table, row, f"records without {_quoted(keys)}")
            for row in complete
            if (keys := [path for path in _lacking(row, expected) if value_at(row, path.partition(".")[0])])
        ]
        usable_rows[table] = complete
    return usable_rows, failures


def _lacking(row: Row, paths: Sequence[str]) -> list[str]:
    return [path for path in paths if value_at(row, path) is None]


def _quoted(paths: Sequence[str]) -> str:
    return " and ".join(f"`{path}`" for path in paths)


def _failure(table: str, row: Row, message: str) -> Row:
    """Return what says that a record lacks a key: what it is called, and the app, the team or the space it is of."""
    places = {key: value for key, paths in facts().parents.items() if isinstance(value := _first(row, paths), str)}
    names = [*places.values(), *([str(name)] if (name := _first(row, facts().names)) else [])]
    record = ": ".join(names) or "a record without a name"
    return {"table": table, "type": "incomplete_record", "message": message, "record": record} | places


def _first(row: Row, paths: Sequence[str]) -> Any:
    """Return the value at the first of some paths that has one, or None."""
    return next((value for path in paths if (value := value_at(row, path)) is not None), None)


# The bill -----------------------------------------------------------------------------------------------

CENTS = 100  # of a dollar
_WHOLE, _NONE = "(whole account)", "(none)"  # groups of lines that belong to no app, and of apps without a stage


@dataclass(frozen=True, slots=True)
class BillGroup:
    """A part of a bill."""

    name: str  # what its lines have in common
    cents: int  # what they cost a month, as far as it is known
    lines: int
    unknown: int  # lines without a known price

    @property
    def dollars(self) -> float | None:
        """Dollars a month of its lines; None if the known ones cost nothing and there are others."""
        return None if self.unknown and not self.cents else self.cents / CENTS

    def as_row(self, heading: str) -> dict[str, Any]:
        """Return the part as a row of a table, in which its name has a heading."""
        return {
            heading: self.name,
            "monthly_usd": self.dollars,
            "positions": self.lines,
            "without_price": self.unknown,
        }


@dataclass(frozen=True, slots=True)
class Bill:
    """The monthly bill of an account."""

    lines: Sequence[Row]  # the rows of the table of costs, the dearest first
    complete: bool = True  # whether all that it is made of could be read

    @property
    def cents(self) -> int:
        """The sum of all known prices."""
        return total(self.lines)

    @property
    def unknown(self) -> list[Row]:
        """The lines without a known price."""
        return [line for line in self.lines if line["monthly_usd"] is None]

    @property
    def idle(self) -> list[Row]:
        """The lines that may be paid for nothing."""
        return [line for line in self.lines if line["idle"]]

    @property
    def idle_cents(self) -> int:
        """The sum of their known prices."""
        return total(self.idle)

    def by(self, field: str) -> list[BillGroup]:
        """Return the parts of the bill by a field of its lines, such as `team`, the dearest first."""
        groups: defaultdict[str, list[Row]] = defaultdict(list)
        for line in self.lines:
            groups[_group(line, field)].append(line)
        parts = [
            BillGroup(name, total(lines), len(lines), sum(line["monthly_usd"] is None for line in lines))
            for name, lines in groups.items()
        ]
        return sorted(parts, key=lambda part: (-part.cents, part.name))

    def parts(self, field: str) -> list[dict[str, Any]]:
        """Return the parts of the bill by a field of its lines, as rows of a table."""
        return [part.as_row(field) for part in self.by(field)]


def total(lines: Iterable[Row]) -> int:
    """Return the sum of the known prices of some lines, in cents."""
    return sum(round((line["monthly_usd"] or 0) * CENTS) for line in lines)


def _group(line: Row, field: str) -> str:
    """Return the name of the group that a line is in by one of its fields."""
    return str(line[field] or (_WHOLE if line["app"] == _WHOLE else _NONE))


# The lists ----------------------------------------------------------------------------------------------

_NOT_IN_SNAPSHOT = "The snapshot does not have this list; `kosmo snapshot --all` takes every list."


@dataclass(frozen=True)
class AccountData:
    """The lists of one account at one time."""

    account: str  # its alias
    time: datetime  # when it was read
    tables: Tables  # the records of each list that could be read
    failures: Sequence[Row] = ()  # what could not be read, each with its `table`, the item of a list argument, and why
    more_tables: Sequence[InventoryTable] = ()  # the tables that need more than these lists
    origin: Path | None = None  # the archive of the snapshot that it is from; None for the network
    requests: int = 0  # the number of HTTP requests that reading it took
    taken_over: EarlierAnswers | None = None  # the answers that were taken over from earlier runs
    notes: Sequence[str] = ()  # for the user
    interrupted: bool = False  # whether Ctrl-C ended the reading

    def __post_init__(self) -> None:
        """Set the records aside that lack a key, so that nothing after this meets one."""
        tables, failures = usable(self.tables)
        object.__setattr__(self, "tables", tables)
        new = [failure for failure in failures if failure not in self.failures]
        object.__setattr__(self, "failures", [*self.failures, *new])

    @property
    def complete(self) -> bool:
        """True if every list could be read, with all apps of the account's teams."""
        return not (self.failures or self.unreachable_apps)

    @property
    def unreachable_apps(self) -> list[str]:
        """The names of the apps that a team has and the account has no access to."""
        left_out = {failure.get("record") for failure in self.failures if failure["table"] == "apps"}
        missing = (row for row in self.rows("team_apps") if row["id"] not in self.apps)
        return sorted(row["name"] for row in missing if not left_out & {row["id"], row["name"]})

    def is_whole(self, *tables: str) -> bool:
        """Return whether each of these lists was read, with all of its records."""
        partial = {failure["table"] for failure in self.failures} | ({"apps"} if self.unreachable_apps else set())
        return all(table in self.tables and table not in partial for table in tables)

    def has(self, *tables: str) -> bool:
        """Return whether one of these lists was read."""
        return any(table in self.tables for table in tables)

    def rows(self, table: str) -> Sequence[dict[str, Any]]:
        """Return the records of a list; none if it could not be read."""
        return self.tables.get(table, ())

    @cached_property
    def apps(self) -> dict[str, dict[str, Any]]:
        """The apps by name and by id."""
        return {key: app for app in self.rows("apps") for key in (app["id"], app["name"])}

    def app_name(self, row: Row) -> str:
        """Return the name of the app that a record belongs to; its id if the account cannot see the app."""
        app = row.get("app") or {}
        identity = str(app.get("id") or row.get("app_id") or "")
        reachable = self.apps.get(identity)
        return str(reachable["name"] if reachable else app.get("name") or row.get("app_id") or identity)

    @cached_property
    def inventory_tables(self) -> list[InventoryTable]:
        """The tables of an inventory that can be made of the lists, and those that needed more."""
        return [*make_tables(self.services(), self.time), *self.more_tables]

    def services(self) -> ListServices:
        """Return services that answer from the lists."""
        return ListServices(self.time.date(), self.tables, self.failures, self.app_name)

    def answer(self, table: str) -> Sequence[Row]:
        """Return the rows of a table of the inventory; none if its lists could not be read."""
        return next((rows.rows for rows in self.inventory_tables if rows.kind.name == table), ())

    @cached_property
    def bill(self) -> Bill:
        """The monthly cost of the things of the account."""
        return Bill(self.answer(facts().bill), complete=self.is_whole(*facts().billed))


def from_account(session: Session, frontend: Frontend = NO_FRONTEND) -> AccountData:
    """Read the lists of the session's account.

    Raises:
        KosmoError: no list could be read.
    """
    only = {**dict.fromkeys(lists(), ()), **facts().arguments}
    account = AccountLists(session, service(), frontend, only=only)
    started = session.time_of_data()
    account.read()
    change = partial(redact, tokens=session.tokens())
    data = AccountData(
        account=session.account,
        time=started,
        tables={name: redacted(records, change).records.rows for name, records in account.tables.items()},
        failures=in_texts(account.failures, change),
        requests=account.requests,
        taken_over=session.recording.taken_over,
        notes=list(dict.fromkeys(account.notes)),
        interrupted=account.interrupted,
    )
    return data if data.interrupted else with_more_tables(data, session, frontend)


def with_more_tables(data: AccountData, session: Session, frontend: Frontend = NO_FRONTEND) -> AccountData:
    """Return the data of an account with the tables that need more than its lists.

    Parameters:
        data: the lists of the account.
        session: a session whose account, or whose archive, is asked.
        frontend: gets the progress.
    """
    failures: dict[str, Row] = {}
    questions = []
    for kind in kinds(facts().more_tables):
        if lacking := [table for need in kind.needs if (table := need.removeprefix("list_")) not in data.tables]:
            message = f"It needs the list `{lacking[0]}`, which could not be read."
            failures[kind.name] = {"table": kind.name, "type": "unread", "message": message}
        else:
            questions.append(kind)
    report = run_questions(questions, now=data.time, frontend=frontend, session=session)
    change = partial(redact, tokens=session.tokens())
    tables = []
    for result in report.results:
        name = result.question.name
        if result.records is None:
            failures[name] = {"table": name, "type": "unread", "message": result.reason}
            continue
        rows = redacted(result.records, change).records.rows
        if whole := next((failure for failure in result.unread if not _item(failure)), None):
            failures[name] = {"table": name, **whole}
        tables.append(InventoryTable(result.question, rows))
        for row in rows:
            item = str(row.get("name") or row.get("what"))
            if (reason := facts().not_told(row)) and item not in failures:
                failures[item] = {"table": name, "type": "unread", "message": reason, "record": item}
    return replace(
        data,
        more_tables=tables,
        failures=[*data.failures, *in_texts(list(failures.values()), change)],
        requests=data.requests + (report.cost.requests if report.cost else 0),
        notes=list(dict.fromkeys([*data.notes, *report.notes])),
        interrupted=report.interrupted,
    )


def from_snapshot(file: Path) -> AccountData:
    """Read the lists of the newest snapshot of an archive.

    Raises:
        SettingsError: the file has no snapshot, or a part of it was changed.
    """
    saved = SavedSnapshot(file)
    names = lists()
    tables = {name: redacted(saved.records(name), redact).records.rows for name in names if name in saved}
    for name, other in facts().by_item.items():
        if name not in tables and other in saved:
            rows = redacted(saved.records(other), redact).records.rows
            tables[name] = list({row["id"]: row for row in rows}.values())
    expected = {*names, *facts().by_item.values()}
    failures = [failure for failure in saved.manifest.failures if failure["table"] in expected]
    failed = {failure["table"] for failure in failures}
    absent = [name for name in names if name not in tables and name not in failed]
    data = AccountData(
        account=saved.account,
        time=datetime.fromisoformat(resolve_name(service().demo_now)) if is_demo(saved.account) else saved.time,
        tables=tables,
        failures=[
            *in_texts(failures, redact),
            *({"table": name, "type": "not_in_snapshot", "message": _NOT_IN_SNAPSHOT} for name in absent),
        ],
        origin=saved.file,
    )
    with Session(from_archive=file) as session:
        return with_more_tables(data, session)


# Key figures, what makes a move hard, what could not be read --------------------------------------------


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

    table: str  # the name of the list
    reason: str
    items: Sequence[str]  # the apps, teams or spaces of which it could not be read; none for the whole list


def key_figures(data: AccountData) -> list[KeyFigure]:
    """Return the key figures of an account."""
    return [*facts().key_figures(data)]


def next_days(data: AccountData) -> Sequence[Row]:
    """Return the next days on which the service does something by itself, each with its `apps`."""
    return facts().next_days(data)


def obstacles(data: AccountData) -> list[Obstacle]:
    """Return what makes a move hard, also what there is none of."""
    return [_obstacle(kind, data) for kind in facts().obstacles]


def _obstacle(kind: ObstacleKind, data: AccountData) -> Obstacle:
    if not data.tables.keys() >= set(kind.lists):
        return Obstacle(kind.name, kind.reason, None, (), kind.table)
    rows = [row for row in data.answer(facts().obstacle_table) if row["obstacle"] == kind.name]
    texts = [row["what"] if row["count"] == 1 else f"{row['what']} ({row['count']:,})" for row in rows]
    count = sum(row["count"] for row in rows)
    return Obstacle(kind.name, kind.reason, count, texts, kind.table, not data.is_whole(*kind.lists))


def unread(data: AccountData) -> list[Unread]:
    """Return what could not be read, with the same reason once for each list."""
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for failure in data.failures:
        item = _item(failure)
        groups[failure["table"], _reason(failure)] += [str(item)] if item else []
    if apps := data.unreachable_apps:
        groups["apps", "apps of its teams that the account has no access to"] = apps
    return [Unread(table, reason, items) for (table, reason), items in groups.items()]


def _item(failure: Row) -> Any:
    """Return what could not be read of a list; None if it is the whole list."""
    return next((failure[key] for key in ("record", *facts().items) if failure.get(key)), None)


def _reason(failure: Row) -> str:
    """Return why something could not be read, without the name of the item that the message may have."""
    status = failure.get("status")
    if status is None:
        return str(failure["message"])
    words = {401: "the token is not valid", 403: "the token may not read it", 404: "not found"}
    reason = f"{words.get(status, failure.get('id') or 'error')} ({status})"
    return (
        f"{reason}; that takes the scope {scope}" if status == 403 and (scope := _scope(failure["table"])) else reason
    )


def _scope(table: str) -> str:
    """Return the scope that a list takes, if a token that could read other lists may lack it."""
    lists = (function for function in service().functions if table_of(function) == table)
    scopes = {link.scope for function in lists for link in function.links}
    return "" if usual_scope(service()) in scopes else min(scopes, default="")


def as_json(data: AccountData) -> Mapping[str, Any]:
    """Return the key figures, the bill, the obstacles and what could not be read as JSON values."""
    bill, figures, hard = data.bill, key_figures(data), obstacles(data)
    return {
        "key_figures": {figure.name.lower(): figure.value for figure in figures},
        "at_least": [
            *(item.name.lower() for item in figures if item.at_least),
            *(item.name.lower() for item in hard if item.at_least),
        ],
        "bill": {
            "monthly_usd": bill.cents / CENTS,
            "complete": bill.complete,
            "idle_usd": bill.idle_cents / CENTS,
            **{f"by_{field}": bill.parts(field) for field in ("kind", "team", "stage", "app")},
            "without_price": [line["name"] for line in bill.unknown],
        },
        "next_days": [*next_days(data)],
        "move": {item.name.lower(): item.count for item in hard},
        "unread": [{"list": item.table, "reason": item.reason, "items": list(item.items)} for item in unread(data)],
    }
