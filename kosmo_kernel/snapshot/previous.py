"""Take over from an earlier snapshot what cannot have changed since, or what the user takes over knowingly.

The records of a list that were read with an item, such as the domains of an app, are taken over if the item's own
record is the same as then, they were seen within a bound, they could be read then, and nothing that was asked again
shows a change of the item: no list that fails for it now and did not then, and no difference in `EVIDENCE`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from kosmo_kernel import __version__
from kosmo_kernel.accounts.fingerprints import fingerprints
from kosmo_kernel.catalogue import Column
from kosmo_kernel.client.saved_tables import SEEN, SavedTables
from kosmo_kernel.errors import RefusedError, SettingsError
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.table import SINCE_WITHIN
from kosmo_kernel.snapshot.changes import EVIDENCE, LIST_CHANGES
from kosmo_kernel.snapshot.folder import Form, redacted
from kosmo_kernel.text.times import iso_time
from kosmo_kernel.values.records import Records

ALL = "all"  # in place of names of lists
# A record that was written so shortly before it was seen may have been written again within the same second.
_SETTLED = timedelta(minutes=1)
_WRITTEN = ("created_at", "updated_at", "released_at")
SEEN_COLUMN = Column(SEEN, "When it was seen; earlier than the snapshot if it was taken over", "timestamp")
# The fields of a failure of a whole list; that of one item has the item as well.
_FACTS = {
    *("table", "by", "type", "message", "status", "id", "request_id", "retryable", "function", "account"),
    *("operation", "permission"),
}
_USER = "current_user"
_Rows = list[dict[str, Any]]


class Look(NamedTuple):
    """The records of one item as they were seen."""

    rows: _Rows
    seen: str


class ItemList(NamedTuple):
    """A list that is read with each record of another list as an argument.

    Parameters:
        table: its table.
        param: the name of the argument.
        column: the column that has the item.
        parent: the table of the other list.
        item_of: returns the item of a record of the other list.
        fingerprints: its records have fingerprints of secrets.
    """

    table: str
    param: str
    column: str
    parent: str
    item_of: Callable[[Mapping[str, Any]], Any]
    fingerprints: bool


class Since(NamedTuple):
    """The earlier snapshot from which records are taken over.

    Parameters:
        folder: its folder.
        take_over: lists that are taken over for unchanged apps although they may have changed, or `all`.
        within: the age in seconds up to which something is taken over; that of the settings when None.
    """

    folder: Path
    take_over: Collection[str] = ()
    within: float | None = None


class PreviousSnapshot:
    """An earlier snapshot of the same account.

    Parameters:
        since: its folder, and what is taken over from there.
        form, account, integration: those of the new snapshot.
        now: the time of the new snapshot.
        change: redacts the secrets in a text.

    Attributes:
        begun: the time of the snapshot.

    Raises:
        SettingsError: the folder has no snapshot, or one that cannot be gone on from.
    """

    def __init__(
        self,
        since: Since,
        form: Form,
        account: str,
        integration: str,
        *,
        now: datetime,
        change: Callable[[str], str],
    ) -> None:
        self._saved = SavedTables(since.folder)
        self._folder, self._names, self._change = since.folder, frozenset(since.take_over), change
        self._check(account, integration, form)
        within = SINCE_WITHIN.resolve(since.within, config().get(*SINCE_WITHIN.config))
        oldest = datetime.fromtimestamp(max(0.0, now.timestamp() - within), UTC)
        self._bounds = iso_time(oldest), iso_time(now)
        self.begun: str = self._saved.manifest["begun"]
        self._looks: dict[str, dict[Any, Look]] = {}
        self._parents: dict[str, dict[Any, Any]] = {}
        self._now: dict[str, _Rows] = {}

    def _check(self, account: str, integration: str, form: Form) -> None:
        manifest, folder = self._saved.manifest, self._folder
        unread = [one for one in self._saved.failures if one["type"] != RefusedError.type]
        if manifest.get("integration") != integration or self._saved.account != account:
            raise SettingsError(
                f"{folder} is a snapshot of the account {self._saved.account}, and this one is of {account}. "
                "Name a snapshot of the same account."
            )
        if manifest.get("kosmo_kernel") != __version__:
            raise SettingsError(
                f"{folder} was taken with kosmo_kernel {manifest.get('kosmo_kernel')}, and this is {__version__}. "
                "Take a full snapshot once, without --since."
            )
        if unread:
            raise SettingsError(
                f"{folder} is incomplete: `{unread[0]['table']}` could not be read ({unread[0]['message']}). "
                "Name a complete snapshot, or take a full one without --since."
            )
        if form == "jsonl" and any(table.is_parquet for table in self._saved.tables.values()):
            raise SettingsError(
                f"{folder} is Parquet, which lacks the fields that Heroku left out. Take this one with "
                "--format parquet as well, or a full one without --since."
            )
        for name in self._saved.tables:
            self._saved.rows(name)  # a damaged file is an error now, and not one of whichever list is read then

    def check_names(self, by_item: Collection[str]) -> None:
        """Check that the lists to take over can be taken over.

        Parameters:
            by_item: the tables of the new snapshot that have one request for each record of another one.

        Raises:
            SettingsError: one cannot.
        """
        for name in sorted(self._names - {ALL, *by_item}):
            raise SettingsError(
                f"`{name}` cannot be taken over. A snapshot like this one can take over {', '.join(sorted(by_item))}; "
                "everything else is asked in lists of the whole account, or in more than one way. Nothing was sent."
            )

    def check_user(self, tables: Mapping[str, Records]) -> None:
        """Check that the account is still that of the same user.

        Raises:
            SettingsError: it is another one, or nobody knows.
        """
        if not {_USER} <= tables.keys() & self._saved.tables.keys():
            raise SettingsError(
                f"Whether {self._folder} is of the same user is not known, because `{_USER}` could not be read then or "
                "now. Take a full snapshot, without --since."
            )
        before = self._saved.rows(_USER)[0]
        if before["id"] != tables[_USER].rows[0]["id"]:
            raise SettingsError(
                f"{self._folder} is a snapshot of the account of {before.get('email')}, and the token is of "
                "another user now. Take a full snapshot, without --since."
            )

    def may_take_over(self, table: str, param: str) -> bool:
        """Return whether a list is taken over for items that have not changed."""
        changes = LIST_CHANGES.get(table)
        saved = self._saved.tables.get(table)
        if saved is None or saved.items != [param]:
            return False
        shown = bool(changes and changes.shown_by)
        return shown or table in self._names or ALL in self._names

    def looks(
        self, one: ItemList, tables: Mapping[str, Records], failures: Sequence[Mapping[str, Any]]
    ) -> dict[Any, Look]:
        """Return what is taken over of a list, by item.

        Parameters:
            one: the list.
            tables: the tables that were read now.
            failures: what could not be read now.
        """
        if not self.may_take_over(one.table, one.param) or one.parent not in self._saved.tables:
            return {}
        before, now = _refusals(self._saved.failures, one.param), _refusals(failures, one.param)
        if (one.table, None) in before or any(item is None for _, item in now - before):
            return {}
        moved = {item for _, item in now - before} | {item for table, item in before if table == one.table}
        for table in EVIDENCE:
            moved |= self._differing(table, one, tables)
        proof = LIST_CHANGES[one.table].shown_by if one.table in LIST_CHANGES else ""
        looks = self._looks_of(one)
        if proof and not self._names & {one.table, ALL}:
            if proof in self._names or not {proof} <= tables.keys() & self._saved.tables.keys():
                return {}
            moved |= {item for table, item in before | now if table == proof}
            shown = _by_item(self._rows_now(proof, tables[proof]), one.column)
            moved |= {item for item, rows in shown.items() if not _is_settled(rows, looks[item])}
        moved |= self._with_another_key(one)
        items = self._unchanged(one, tables[one.parent])
        first, last = self._bounds  # what a clock that was wrong dated later than now would never be too old
        return {item: looks[item] for item in items if item not in moved and first <= looks[item].seen <= last}

    def _unchanged(self, one: ItemList, parents: Records) -> Iterator[Any]:
        """Yield the items whose own record is the same as in the snapshot, and was not written just before it."""
        if one.parent not in self._parents:
            self._parents[one.parent] = {one.item_of(row): row for row in self._saved.rows(one.parent)}
        before, looks = self._parents[one.parent], self._looks_of(one)
        for row in self._rows_now(one.parent, parents):
            item = one.item_of(row)
            if item in before and _same(before[item], row) and _is_settled([row], looks[item]):
                yield item

    def _with_another_key(self, one: ItemList) -> set[Any]:
        """Return the items whose fingerprints cannot be compared with new ones, because they have another key."""
        if not one.fingerprints:
            return set()
        key_id = fingerprints(self._saved.account).key_id
        return {
            item
            for item, look in self._looks_of(one).items()
            if any(row["fingerprint"] and not row["fingerprint"].startswith(f"{key_id}:") for row in look.rows)
        }

    def _looks_of(self, one: ItemList) -> dict[Any, Look]:
        """Return what the snapshot has of each item of a list."""
        if one.table not in self._looks:
            empty = self._saved.manifest["tables"][one.table].get("none_of", {})
            dates = {item: seen for seen, items in empty.items() for item in items}
            looks: dict[Any, Look] = _Looks(self.begun, dates)
            for row in self._saved.rows(one.table, dated=True):
                seen = row.pop(SEEN, self.begun)
                look = looks[row[one.column]]
                looks[row[one.column]] = Look([*look.rows, row], min(look.seen, seen) if look.rows else seen)
            self._looks[one.table] = looks
        return self._looks[one.table]

    def _differing(self, table: str, one: ItemList, tables: Mapping[str, Records]) -> set[Any]:
        """Return the items of which a table that was asked again has other records than the snapshot."""
        if table == one.table or table not in tables or table not in self._saved.tables:
            return set()
        if self._saved.tables[table].items != [one.param]:
            return set()
        before = _by_item(self._saved.rows(table), one.column)
        now = _by_item(self._rows_now(table, tables[table]), one.column)
        return {item for item in before.keys() | now.keys() if not _same(before.get(item, []), now.get(item, []))}

    def _rows_now(self, table: str, records: Records) -> _Rows:
        """Return the records of a table as the new snapshot will have them."""
        if table not in self._now:
            self._now[table] = list(redacted(records, self._change)[0].rows)
        return self._now[table]


class _Looks(dict[Any, Look]):
    """Looks by item; one without records was seen when the snapshot was taken, unless it was taken over itself."""

    def __init__(self, begun: str, dates: Mapping[Any, str]) -> None:
        super().__init__()
        self._begun, self._dates = begun, dates

    def __missing__(self, item: Any) -> Look:
        return Look([], self._dates.get(item, self._begun))


def dated(
    tables: Mapping[str, Records], taken: Mapping[str, Mapping[Any, str]], columns: Mapping[str, str], begun: str
) -> dict[str, Records]:
    """Return tables whose records have the time at which they were seen.

    Parameters:
        tables: the tables.
        taken: the time of each item that was taken over, by table.
        columns: the column that has the item, by table.
        begun: the time of the other records.
    """
    result = {}
    for name, records in tables.items():
        times, item = taken.get(name, {}), columns.get(name, "")
        rows = [{**row, SEEN: times.get(row.get(item), begun) if times else begun} for row in records]
        result[name] = Records(rows, records.function, (*records.columns, SEEN_COLUMN), records.account)
    return result


def none_of(times: Mapping[Any, str], records: Records, column: str) -> dict[str, list[Any]]:
    """Return the items that were taken over and have no record, by the time at which that was seen."""
    with_records = {row[column] for row in records}
    empty: dict[str, list[Any]] = defaultdict(list)
    for item, seen in times.items():
        if item not in with_records:
            empty[seen].append(item)
    return dict(empty)


def _is_settled(rows: Sequence[Mapping[str, Any]], look: Look) -> bool:
    """Return whether records were written before others were seen, and not just then."""
    written = max(row.get(key) or "" for row in rows for key in _WRITTEN)
    settled = datetime.fromisoformat(look.seen) - _SETTLED
    return bool(written <= iso_time(settled))


def _by_item(rows: Sequence[dict[str, Any]], column: str) -> dict[Any, _Rows]:
    groups: dict[Any, _Rows] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return dict(groups)


def _refusals(failures: Sequence[Mapping[str, Any]], param: str) -> set[tuple[str, Any]]:
    """Return the tables and items that could not be read; None is the item if that is the whole list."""
    return {(one["table"], one.get(param)) for one in failures if param in one or one.keys() <= _FACTS}


def _same(before: Any, now: Any) -> bool:
    """Return whether two values are equal; Parquet has null where a key is missing."""
    return bool(before == now or _without_nulls(before) == _without_nulls(now))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        fields = {key: _without_nulls(field) for key, field in value.items()}
        return {key: field for key, field in fields.items() if field is not None} or None
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
