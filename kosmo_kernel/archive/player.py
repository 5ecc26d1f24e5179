"""Answer calls from a recording or a snapshot in place of the network. What these do not have is an error.

Calls of a recording are matched by account and address, so their order does not matter. A repeated call gets the next
recorded answer, and then the last one again.

Of a snapshot a list is the saved one of its address, one below an item of another list the part of it that was read
with that item, and a record is the one of the list above it. What could not be read when the snapshot was taken is the
same error again. What the snapshot does not have is an error too, and never an empty list.
"""

from __future__ import annotations

import itertools
import threading
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from kosmo_kernel.archive.answers import StoredAnswers
from kosmo_kernel.archive.file import open_archive
from kosmo_kernel.archive.runs import RequestKey, Run, read_accounts, read_runs
from kosmo_kernel.archive.snapshots import SavedSnapshot
from kosmo_kernel.catalogue import NEWEST, PLACE, SINCE, Function, Integration, Link, Param
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.client import ClientCall, looked_up
from kosmo_kernel.client.fan_out import records_of_items
from kosmo_kernel.client.pages import Since
from kosmo_kernel.errors import API_ERRORS, KosmoError, NotRecordedError, SettingsError, api_error
from kosmo_kernel.text import counted, iso_time, normalize_alias, value_at
from kosmo_kernel.values.records import PackedRows

_numbers = itertools.count(1)


class Playback(ABC):
    """Saved answers in place of the network: a `Player`, or a `SnapshotPlayer`. Thread-safe.

    Parameters:
        file: the path of the archive.

    Attributes:
        file: the same.
        recorded: the time of the data.
        token: stands in place of a token; each archive that was opened has another.
        account: the account of calls that name none.

    Raises:
        SettingsError: the file cannot be read, or is no archive with such data.
    """

    live = False
    recorded: datetime
    account: str

    def __init__(self, file: Path) -> None:
        self.file = file
        self.token = f"no-token-{next(_numbers)}"
        self._lock = threading.Lock()

    @abstractmethod
    def ask(self, call: ClientCall) -> Reply:
        """Return the saved answer to a call.

        Raises:
            NotRecordedError: there is none.
            ApiError: what became of the call then.
            SettingsError: the answer is damaged.
        """

    @abstractmethod
    def accounts(self, integration: str) -> list[str]:
        """Return the names of the accounts of a service."""

    @abstractmethod
    def no_account(self, alias: str) -> str:
        """Return the error message for an account that there is not."""

    @abstractmethod
    def summary(self) -> str:
        """Return the line that says that saved answers were used."""

    def close(self) -> None:  # noqa: B027 - a snapshot is not kept open
        """Close the file."""


class Player(Playback):
    """Answer calls from a recording; its time is that of the first run, its account that of the last one."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self._archive = open_archive(file)
        try:
            runs = self._runs()
            self.recorded, self.account = runs[0].begun, runs[-1].account
            rows = read_accounts(self._archive)
            self._answers = StoredAnswers(self._archive, rows, "1")
            self._accounts = [(row.service, row.name) for row in rows]
        except BaseException:
            self._archive.close()
            raise

    def accounts(self, integration: str) -> list[str]:
        """Return the names of the accounts of a service."""
        recorded = {normalize_alias(name): name for service, name in self._accounts if service == integration}
        return sorted({normalize_alias(self.account): self.account, **recorded}.values())

    def no_account(self, alias: str) -> str:
        """Return the error message for an account that there is not."""
        services = dict.fromkeys(service for service, _ in self._accounts) or ("",)
        has = dict.fromkeys(alias_of_service for service in services for alias_of_service in self.accounts(service))
        return f"{self.file} was recorded without the account `{alias}`; it has {', '.join(has)}."

    def ask(self, call: ClientCall) -> Reply:
        """Return the next answer to a call, and after the last one that one again."""
        with self._lock:
            answer = self._answers.next(call, repeats=True)
        if answer is not None:
            return self._answers.reply(call, answer)
        [[count]] = self._archive.rows("SELECT ifnull(sum(requests), 0) FROM kosmo_answers")
        has = f"{counted(count, 'request')} of {iso_time(self.recorded)}"
        raise NotRecordedError(
            f"{RequestKey.of(call)} is not in {self.file}, which has {has}. Nothing was sent. {self._again}"
        )

    def summary(self) -> str:
        """Return the line that says that saved answers were used."""
        return f"Answered from {self.file}, recorded {iso_time(self.recorded)}. Nothing was sent."

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def _runs(self) -> list[Run]:
        runs = read_runs(self._archive)
        if not runs:
            raise SettingsError(f"{self.file} has no recorded run. {self._again}")
        return runs

    @property
    def _again(self) -> str:
        return f"To record it anew, give the same command `--record {self.file}` in place of `--from`."


def playback_of(file: Path, taken_at: str = "") -> Playback:
    """Return what answers from an archive: its newest snapshot or, if it has none, its recording.

    Parameters:
        file: its path.
        taken_at: the beginning of the time of a snapshot; the newest one when empty.

    Raises:
        SettingsError: the file cannot be read, or has neither.
    """
    with closing(open_archive(file)) as archive:
        has_snapshots = archive.rows("SELECT 1 FROM kosmo_snapshots LIMIT 1")
    return SnapshotPlayer(file, taken_at) if has_snapshots or taken_at else Player(file)


_TAKE_ALL = "`kosmo snapshot --all` saves every list that the token can read."
_CREATED = "created_at"
_Rows = Sequence[dict[str, Any]]


class SavedPart(NamedTuple):
    """A table, and the argument with which it was read at one address; None for a list of the whole account."""

    table: str
    param: Param | None


class ItemRecords(NamedTuple):
    """The records of a table by the item of another list that they were read with."""

    keys: Mapping[str, Any]  # what identifies each item in the table, by each of the item's names
    rows: Mapping[Any, _Rows]  # the records by these keys, without the columns that have the items
    # The facts of the errors by these keys; None is the key of one that concerns all items without records.
    failures: Mapping[Any, Mapping[str, Any]]


class SnapshotPlayer(Playback):
    """Answer calls from a snapshot of an archive."""

    def __init__(self, file: Path, taken_at: str = "") -> None:
        super().__init__(file)
        self._saved = SavedSnapshot(file, taken_at)
        self.recorded, self.account = self._saved.time, self._saved.account
        self._tables: dict[str, _Rows] = {}
        self._parts: dict[SavedPart, ItemRecords] = {}
        self._lists: dict[str, SavedPart] = {}  # by the shape of their addresses

    def accounts(self, integration: str) -> list[str]:
        """Return the names of the accounts of a service."""
        return [self.account] if integration == self._saved.manifest.integration else []

    def no_account(self, alias: str) -> str:
        """Return the error message for an account that there is not."""
        return f"{self.file} is a snapshot of the account {self.account}; it has no account `{alias}`."

    def summary(self) -> str:
        """Return the line that says that saved answers were used."""
        time = iso_time(self.recorded)
        return f"Answered from the snapshot {self.file} of the account {self.account}, taken {time}. Nothing was sent."

    def ask(self, call: ClientCall) -> Reply:
        """Return the answer to a call. Nothing was sent for it, so it has no requests."""
        function = call.function
        arguments, _ = looked_up(
            function, call.arguments, lambda other, args: self.ask(call._replace(function=other, arguments=args))
        )
        with self._lock:
            self._saved.budget.check = call.progress.check
            data = self._data(call.client.integration, function, arguments)
        if isinstance(data, dict):
            return Reply([dict(data)])
        if arguments.get(NEWEST) or arguments.get(SINCE):
            # A service may order by a time that its records do not have, such as when a build was started.
            field = function.newest if all(function.newest in row for row in data) else _CREATED
            since = Since(arguments[SINCE]).includes if arguments.get(SINCE) else bool
            data = sorted(filter(since, data), key=lambda row: row[field], reverse=True)[: arguments.get(NEWEST)]
        return Reply([PackedRows.of(data)])

    def _data(self, integration: Integration, function: Function, arguments: Mapping[str, Any]) -> Any:
        """Return the records of a list, or a record, that a call asks for.

        Raises:
            ApiError: it could not be read when the snapshot was taken.
            NotRecordedError: the snapshot does not have it.
            SettingsError: the archive was changed.
        """
        link = function.link(arguments)
        if link is None:
            raise self._missing(function)
        values = {name: str(arguments[name]) for name in link.placeholders}
        self._lists = self._lists or dict(self._saved_lists(integration))
        if part := self._lists.get(_shape(link.path)):
            rows = self._rows(part, function, values)
            if function.returns == "record" and not rows:
                raise self._missing(function, *next(iter(values.items()), ()))
            return rows if function.returns == "list" else rows[0]
        if function.returns == "record":
            return self._record(function, link, values)
        return self._rows_of_whole_lists(function, link, values)

    def _saved_lists(self, integration: Integration) -> Iterator[tuple[str, SavedPart]]:
        """Yield the saved lists by the shape of their addresses."""
        for name, about in self._saved.manifest.tables.items():
            function = self._saved.function(name)
            if function is None or self._saved.manifest.integration != integration.name:
                continue
            for link in function.links:
                if not about.by and not link.placeholders:
                    yield _shape(link.path), SavedPart(name, None)
                elif len(link.placeholders) == 1 and link.placeholders[0] in about.by:
                    yield _shape(link.path), SavedPart(name, _param(function, link.placeholders[0]))

    def _table(self, name: str) -> _Rows:
        if name not in self._tables:
            self._tables[name] = self._saved.records(name).rows
        return self._tables[name]

    def _rows(self, saved_part: SavedPart, function: Function, values: Mapping[str, str]) -> _Rows:
        """Return the records of a saved list, or of its part that was read with one item."""
        if saved_part.param is None:
            return self._table(saved_part.table)
        if saved_part not in self._parts:
            self._parts[saved_part] = self._part(saved_part.table, saved_part.param)
        part, value = self._parts[saved_part], values[saved_part.param.name]
        if value not in part.keys:
            raise self._missing(function, saved_part.param.name, value)
        key = part.keys[value]
        failure = part.failures.get(key) or (part.failures.get(None) if key not in part.rows else None)
        if failure:
            raise self._failure(function, failure)
        return part.rows.get(key, [])

    def _part(self, table: str, param: Param) -> ItemRecords:
        """Return the records of a table by the items of the list that an argument identifies."""
        keys: dict[str, Any] = {}
        for row in self._possible_items(param):
            key = param.value_of_record(row)
            keys |= {str(name): key for field in param.each if (name := value_at(row, field)) is not None}
        function = self._saved.function(table)
        names = self._saved.manifest.tables[table].by or [param.name]
        columns = {name: column.name for name in names if function and (column := function.item_column(name))}
        rows: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
        for row in self._table(table):
            if (key := row.get(columns[param.name])) is not None:
                rows[key].append({field: value for field, value in row.items() if field not in columns.values()})
        failures = {
            failure.get(param.name): failure
            for failure in reversed(self._saved.manifest.failures)
            if failure["table"] == table and (param.name in failure or failure.get("by") == param.name)
        }
        return ItemRecords(keys, rows, failures)

    def _possible_items(self, param: Param) -> Iterator[dict[str, Any]]:
        """Yield the records that an argument may identify: those of its list, and those that others share."""
        parent = self._lists.get(_shape(param.listed_at))
        yield from self._table(parent.table) if parent else ()
        for name in self._saved.manifest.tables:
            function = self._saved.function(name)
            if function and function.lists_shared(param.listed_at):
                yield from self._table(name)

    def _rows_of_whole_lists(self, function: Function, link: Link, values: Mapping[str, str]) -> _Rows:
        """Return the records of an item from lists of the whole account; see `fan_out.py`."""
        whole = link.bulk
        if whole is None:
            raise self._missing(function)
        paths = [whole.list_items.links[-1].path, whole.path]
        paths += [whole.shared_links.links[-1].path] if whole.shared_links else []
        saved = [part for path in paths if (part := self._lists.get(_shape(path)))]
        if len(saved) < len(paths):
            raise self._missing(function)
        [name] = link.placeholders
        lists = [self._table(part.table) for part in saved]
        [rows] = records_of_items(whole, _param(function, name).each, [values[name]], lists)
        if rows is None:
            raise self._missing(function, name, values[name])
        return rows

    def _record(self, function: Function, link: Link, values: Mapping[str, str]) -> dict[str, Any]:
        """Return a record of the saved list above its address."""
        above, _, last = link.path.rpartition("/")
        part = self._lists.get(_shape(above))
        if part is None or not PLACE.fullmatch(last):
            raise self._missing(function)
        name = last.strip("{}")
        fields = dict.fromkeys((*_param(function, name).each, "name", "id"))
        for row in self._rows(part, function, values):
            if values[name] in (str(value_at(row, field)) for field in fields):
                return row
        raise self._missing(function, name, values[name])

    # Errors ------------------------------------------------------------------------------------------

    def _missing(self, function: Function, item: str = "", value: str = "") -> KosmoError:
        """Return the error for a list or record that the snapshot does not have, or for an item of another list."""
        table = function.name.removeprefix("list_")
        failure = next((failed for failed in self._saved.manifest.failures if failed["table"] == table), None)
        if item:
            what = f"{self.file} has nothing of `{item}` {value}."
        elif failure:
            return self._failure(function, failure)
        elif table in self._saved or function.returns == "record":
            what = f"{self.file} has nothing that answers this call."
        else:
            return self._error(function, self._saved.why_missing(table), _TAKE_ALL)
        return self._error(function, what)

    def _failure(self, function: Function, facts: Mapping[str, Any]) -> KosmoError:
        """Return the error that a failure was when the snapshot was taken."""
        if facts["type"] in API_ERRORS:
            return api_error(facts)
        what = f"{self.file} has no such list, which could not be read when it was taken: {facts['message']}"
        return self._error(function, what)

    def _error(self, function: Function, what: str, advice: str = "") -> NotRecordedError:
        time = iso_time(self.recorded)
        return NotRecordedError(
            f"{what} It is a snapshot of {time}, and nothing was sent.",
            where=function.name,
            advice=advice,
        )


def _shape(path: str) -> str:
    """Return a path without the names of its placeholders, which differ between functions."""
    return str(PLACE.sub("{}", path))


def _param(function: Function, name: str) -> Param:
    return next(param for param in function.params if param.name == name)
