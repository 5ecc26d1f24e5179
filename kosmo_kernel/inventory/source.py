"""Read what an inventory is made of: lists of the account, from the network or from a snapshot.

Both give the same `AccountData`, so that everything after this is one path. Texts are redacted here, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from kosmo_kernel.accounts import is_demo
from kosmo_kernel.archive.snapshots import read
from kosmo_kernel.catalogue.inventory import Row
from kosmo_kernel.inventory.bill import Bill
from kosmo_kernel.inventory.list_services import ListServices
from kosmo_kernel.inventory.records import Tables, usable
from kosmo_kernel.inventory.service import facts, lists, service
from kosmo_kernel.inventory.tables import InventoryTable, make_tables
from kosmo_kernel.run.options import NO_FRONTEND, Frontend
from kosmo_kernel.safety.redaction import in_texts, redact
from kosmo_kernel.session import Session
from kosmo_kernel.snapshot.lists import AccountLists, redacted

if TYPE_CHECKING:
    from kosmo_kernel.archive.runs import EarlierAnswers

_NOT_IN_SNAPSHOT = "The snapshot does not have this list; `kosmo snapshot --all` takes every list."


@dataclass(frozen=True)
class AccountData:
    """The lists of one account at one time."""

    account: str  # its alias
    time: datetime  # when it was read
    tables: Tables  # the records of each list that could be read
    failures: Sequence[Row] = ()  # what could not be read, each with its `table`, the item of a list argument, and why
    origin: Path | None = None  # the archive of the snapshot that it is from; None for the network
    requests: int = 0  # the number of HTTP requests that reading it took
    taken_over: EarlierAnswers | None = None  # the answers that were taken over from earlier runs
    notes: Sequence[str] = ()  # for the user
    interrupted: bool = False  # whether Ctrl-C ended the reading

    def __post_init__(self) -> None:
        """Set the records aside that lack a key, so that nothing after this meets one."""
        tables, failures = usable(self.tables)
        object.__setattr__(self, "tables", tables)
        object.__setattr__(self, "failures", [*self.failures, *(one for one in failures if one not in self.failures)])

    @property
    def complete(self) -> bool:
        """True if every list could be read, with all apps of the account's teams."""
        return not (self.failures or self.unreachable_apps)

    @property
    def unreachable_apps(self) -> list[str]:
        """The names of the apps that a team has and the account has no access to."""
        left_out = {one.get("record") for one in self.failures if one["table"] == "apps"}
        missing = (row for row in self.rows("team_apps") if row["id"] not in self.apps)
        return sorted(row["name"] for row in missing if not left_out & {row["id"], row["name"]})

    def is_whole(self, *tables: str) -> bool:
        """Return whether each of these lists was read, with all of its records."""
        partial = {one["table"] for one in self.failures} | ({"apps"} if self.unreachable_apps else set())
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
        known = str(app.get("id") or row.get("app_id") or "")
        return str(self.apps[known]["name"] if known in self.apps else app.get("name") or row.get("app_id") or known)

    @cached_property
    def inventory_tables(self) -> list[InventoryTable]:
        """The tables of an inventory that can be made of the lists."""
        return make_tables(self.services(), self.time)

    def services(self) -> ListServices:
        """Return services that answer from the lists."""
        return ListServices(self.time.date(), self.tables, self.failures, self.app_name)

    def answer(self, table: str) -> Sequence[Row]:
        """Return the rows of a table of the inventory; none if its lists could not be read."""
        return next((one.rows for one in self.inventory_tables if one.kind.name == table), ())

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
    return AccountData(
        account=session.account,
        time=started,
        tables={name: redacted(records, change).records.rows for name, records in account.tables.items()},
        failures=in_texts(account.failures, change),
        requests=account.requests,
        taken_over=session.recording.taken_over,
        notes=list(dict.fromkeys(account.notes)),
        interrupted=account.interrupted,
    )


def from_snapshot(file: Path) -> AccountData:
    """Read the lists of the newest snapshot of an archive.

    Raises:
        SettingsError: the file has no snapshot, or a part of it was changed.
    """
    saved = read(file)
    known = lists()
    tables = {name: redacted(saved.records(name), redact).records.rows for name in known if name in saved}
    for name, other in facts().by_item.items():
        if name not in tables and other in saved:
            rows = redacted(saved.records(other), redact).records.rows
            tables[name] = list({row["id"]: row for row in rows}.values())
    failures = [one for one in saved.manifest.failures if one["table"] in {*known, *facts().by_item.values()}]
    named = {one["table"] for one in failures}
    absent = [name for name in known if name not in tables and name not in named]
    return AccountData(
        account=saved.account,
        time=datetime.fromisoformat(resolve_name(service().demo_now)) if is_demo(saved.account) else saved.time,
        tables=tables,
        failures=[
            *in_texts(failures, redact),
            *({"table": name, "type": "not_in_snapshot", "message": _NOT_IN_SNAPSHOT} for name in absent),
        ],
        origin=saved.file,
    )
