"""Read what an inventory is made of: lists of the account, from the network or from a snapshot.

Both give the same `AccountData`, so that everything after this is one path. Texts are redacted here, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmo_kernel import integrations
from kosmo_kernel.accounts import is_demo
from kosmo_kernel.archive.snapshots import read
from kosmo_kernel.demo.times import NOW
from kosmo_kernel.inventory.list_services import ListServices
from kosmo_kernel.inventory.records import Row, Tables, usable
from kosmo_kernel.inventory.tables import SERVICE, InventoryTable, make_tables
from kosmo_kernel.run.options import NO_FRONTEND, Frontend
from kosmo_kernel.safety.redaction import in_texts, redact
from kosmo_kernel.session import Session
from kosmo_kernel.snapshot.lists import AccountLists, redacted

if TYPE_CHECKING:
    from kosmo_kernel.archive.runs import EarlierAnswers

# The lists that an inventory reads; those below have one request for each record of a list above.
LISTS = (
    *("apps", "dyno_sizes", "account_addons", "addon_attachments", "pipelines", "pipeline_couplings", "teams"),
    *("spaces", "enterprise_accounts"),
    *("formation", "buildpack_installations", "domains", "sni_endpoints", "config_vars", "log_drains"),
    *("telemetry_drains", "app_webhooks", "collaborators"),
    *("review_apps", "team_apps", "team_members", "team_invitations", "space_members", "enterprise_account_members"),
)
# The lists with the arguments that are enough: those of an app have the drains of its add-ons as well.
_ONLY: Mapping[str, Sequence[str]] = {**dict.fromkeys(LISTS, ()), "log_drains": ("app_id",)}
_ADDONS, _ADDONS_BY_APP = "account_addons", "addons"
_NOT_IN_SNAPSHOT = "The snapshot does not have this list; `kosmo snapshot --all` takes every list."


@dataclass(frozen=True)
class AccountData:
    """The lists of one account at one time.

    Parameters:
        account: its alias.
        time: when it was read.
        tables: the records of each list that could be read.
        failures: what could not be read, each with its `table`, the item if it was one of many, and the reason.
        origin: the archive of the snapshot that it is from; None for the network.
        requests: the number of HTTP requests that reading it took.
        taken_over: the answers that were taken over from earlier runs.
        notes: notes for the user.
        interrupted: whether Ctrl-C ended the reading.
    """

    account: str
    time: datetime
    tables: Tables
    failures: Sequence[Row] = ()
    origin: Path | None = None
    requests: int = 0
    taken_over: EarlierAnswers | None = None
    notes: Sequence[str] = ()
    interrupted: bool = False

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
    def review_apps(self) -> frozenset[str]:
        """The names of the apps that were made for a pull request."""
        return frozenset(row["name"] for row in self.answer("apps") if row["review_app"])


def from_account(session: Session, frontend: Frontend = NO_FRONTEND) -> AccountData:
    """Read the lists of the session's account.

    Raises:
        KosmoError: no list could be read.
    """
    lists = AccountLists(session, integrations.find(SERVICE), frontend, only=_ONLY)
    started = session.time_of_data()
    lists.read()
    change = partial(redact, tokens=session.tokens())
    return AccountData(
        account=session.account,
        time=started,
        tables={name: redacted(records, change).records.rows for name, records in lists.tables.items()},
        failures=in_texts(lists.failures, change),
        requests=lists.requests,
        taken_over=session.recording.taken_over,
        notes=list(dict.fromkeys(lists.notes)),
        interrupted=lists.interrupted,
    )


def from_snapshot(file: Path) -> AccountData:
    """Read the lists of the newest snapshot of an archive.

    Raises:
        SettingsError: the file has no snapshot, or a part of it was changed.
    """
    saved = read(file)
    tables = {name: redacted(saved.records(name), redact).records.rows for name in LISTS if name in saved}
    if (
        _ADDONS not in tables and _ADDONS_BY_APP in saved
    ):  # a snapshot for audits has them under each app that uses them
        rows = redacted(saved.records(_ADDONS_BY_APP), redact).records.rows
        tables[_ADDONS] = list({row["id"]: row for row in rows}.values())
    failures = [one for one in saved.manifest.failures if one["table"] in {*LISTS, _ADDONS_BY_APP}]
    named = {one["table"] for one in failures}
    absent = [name for name in LISTS if name not in tables and name not in named]
    return AccountData(
        account=saved.account,
        time=datetime.fromisoformat(NOW) if is_demo(saved.account) else saved.time,
        tables=tables,
        failures=[
            *in_texts(failures, redact),
            *({"table": name, "type": "not_in_snapshot", "message": _NOT_IN_SNAPSHOT} for name in absent),
        ],
        origin=saved.file,
    )
