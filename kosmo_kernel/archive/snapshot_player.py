"""Answer requests from a snapshot in place of the network.

A list is the saved one of its address, one below an item of another list the part of it that was read with that item,
and a record is the one of the list above it. What could not be read when the snapshot was taken is the same
error again. What the snapshot does not have is an error too, and never an empty list.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from kosmo_kernel.accounts import Account
from kosmo_kernel.archive.snapshots import SavedSnapshot
from kosmo_kernel.catalogue import PLACE, Function, Integration, Link, Param
from kosmo_kernel.catalogue.http import PageRequest, Response
from kosmo_kernel.client.bulk import records_of_items
from kosmo_kernel.client.transport import Transport
from kosmo_kernel.errors import API_ERRORS, KosmoError, NotRecordedError, api_error
from kosmo_kernel.text.paths import value_at
from kosmo_kernel.text.quantities import iso_time

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


class SnapshotPlayer:
    """Answer requests from a snapshot. Thread-safe.

    Parameters:
        file: the archive, of which the newest snapshot answers.

    Attributes:
        file: the same.
        recorded: the time of the snapshot.
        account: the account of the snapshot.

    Raises:
        SettingsError: the file is no archive, has no snapshot, or was changed.
    """

    live = False

    def __init__(self, file: Path) -> None:
        self.file = file
        self._saved = SavedSnapshot(file)
        self.recorded, self.account = self._saved.time, self._saved.account
        self._lock = threading.Lock()
        self._tables: dict[str, _Rows] = {}
        self._parts: dict[SavedPart, ItemRecords] = {}
        self._lists: dict[str, SavedPart] = {}  # by the shape of their addresses

    def transport(self, integration: Integration, account: Account, _connections: Transport) -> Transport:
        """Return a transport that answers from the snapshot."""
        return _SnapshotTransport(self, integration, account)

    def accounts(self, integration: str) -> list[str]:
        """Return the name of the account of the snapshot."""
        return [self.account] if integration == self._saved.manifest.integration else []

    def no_account(self, alias: str) -> str:
        """Return the error message for another account."""
        return f"{self.file} is a snapshot of the account {self.account}; it has no account `{alias}`."

    def servers(self) -> dict[str, dict[str, Any]]:
        """Return the MCP servers: a snapshot has none."""
        return {}

    def result(self, key: Any, _method: str) -> dict[str, Any]:
        """Raise the error for a request to an MCP server.

        Raises:
            NotRecordedError: always.
        """
        raise self.no_server(key.account)

    def no_server(self, name: str) -> NotRecordedError:
        """Return the error for an MCP server."""
        return NotRecordedError(f"{self.file} is a snapshot, which has no MCP server `{name}`. Nothing was started.")

    def summary(self) -> str:
        """Return the line that says that a snapshot answered."""
        taken = iso_time(self.recorded)
        return f"Answered from the snapshot {self.file} of the account {self.account}, taken {taken}. Nothing was sent."

    def close(self) -> None:
        """Do nothing; a `Cassette` has this method."""

    def answer(self, integration: Integration, function: Function, path: str) -> Any:
        """Return the records of a list, or a record, at the path of a request.

        Raises:
            ApiError: it could not be read when the snapshot was taken.
            NotRecordedError: the snapshot does not have it.
            SettingsError: the archive was changed.
        """
        link, values = _matching_link(function, path)
        with self._lock:
            self._lists = self._lists or dict(self._saved_lists(integration))
            if known := self._lists.get(_shape(link.path)):
                rows = self._rows(known, function, values)
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
                if not about.by and not link.places:
                    yield _shape(link.path), SavedPart(name, None)
                elif len(link.places) == 1 and link.places[0] in about.by:
                    yield _shape(link.path), SavedPart(name, _param(function, link.places[0]))

    def _table(self, name: str) -> _Rows:
        if name not in self._tables:
            self._tables[name] = self._saved.records(name).rows
        return self._tables[name]

    def _rows(self, known: SavedPart, function: Function, values: Mapping[str, str]) -> _Rows:
        """Return the records of a saved list, or of its part that was read with one item."""
        if known.param is None:
            return self._table(known.table)
        if known not in self._parts:
            self._parts[known] = self._part(known.table, known.param)
        part, value = self._parts[known], values[known.param.name]
        if value not in part.keys:
            raise self._missing(function, known.param.name, value)
        key = part.keys[value]
        failure = part.failures.get(key) or (part.failures.get(None) if key not in part.rows else None)
        if failure:
            raise self._failure(function, failure)
        return part.rows.get(key, [])

    def _part(self, table: str, param: Param) -> ItemRecords:
        """Return the records of a table by the items of the list that an argument identifies."""
        keys: dict[str, Any] = {}
        parent = self._lists.get(_shape(param.listed_at))
        for row in self._table(parent.table) if parent else ():
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

    def _rows_of_whole_lists(self, function: Function, link: Link, values: Mapping[str, str]) -> _Rows:
        """Return the records of an item from lists of the whole account; see `bulk.py`."""
        whole = link.bulk
        if whole is None:
            raise self._missing(function)
        paths = [whole.list_items.links[-1].path, whole.path]
        paths += [whole.shared_links.links[-1].path] if whole.shared_links else []
        saved = [known for path in paths if (known := self._lists.get(_shape(path)))]
        if len(saved) < len(paths):
            raise self._missing(function)
        [name] = link.places
        lists = [self._table(known.table) for known in saved]
        [rows] = records_of_items(whole, _param(function, name).each, [values[name]], lists)
        if rows is None:
            raise self._missing(function, name, values[name])
        return rows

    def _record(self, function: Function, link: Link, values: Mapping[str, str]) -> dict[str, Any]:
        """Return a record of the saved list above its address."""
        above, _, last = link.path.rpartition("/")
        known = self._lists.get(_shape(above))
        if known is None or not PLACE.fullmatch(last):
            raise self._missing(function)
        name = last.strip("{}")
        fields = dict.fromkeys((*_param(function, name).each, "name", "id"))
        for row in self._rows(known, function, values):
            if values[name] in (str(value_at(row, field)) for field in fields):
                return row
        raise self._missing(function, name, values[name])

    # Errors ------------------------------------------------------------------------------------------

    def _missing(self, function: Function, item: str = "", value: str = "") -> KosmoError:
        """Return the error for a list or record that the snapshot does not have, or for an item of another list."""
        table = function.name.removeprefix("list_")
        failure = next((one for one in self._saved.manifest.failures if one["table"] == table), None)
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
        taken = iso_time(self.recorded)
        return NotRecordedError(
            f"{what} It is a snapshot of {taken}, and nothing was sent.",
            where=function.name,
            advice=advice,
        )


class _SnapshotTransport:
    """A transport that answers from a snapshot."""

    closed = False

    def __init__(self, player: SnapshotPlayer, integration: Integration, account: Account) -> None:
        self._player, self._integration, self._account = player, integration, account

    def request(self, url: str, headers: Mapping[str, str], function: Function) -> Any:
        page = PageRequest(headers=dict(headers))
        return function, url.removeprefix(self._account.url), page

    def sends(self, request: Any) -> bool:
        return False

    def send(self, request: Any, check: Callable[[], None]) -> Response:
        check()
        function, path, page = request
        data = self._player.answer(self._integration, function, path)
        if function.newest and page != self._integration.pages.first:
            # A service may order by a time that its records do not have, such as when a build was started.
            field = function.newest if all(function.newest in row for row in data) else _CREATED
            data = sorted(data, key=lambda row: row[field], reverse=True)
        return Response(200, {}, msgspec.json.encode(data))

    def close(self) -> None:
        self.closed = True


def _shape(path: str) -> str:
    """Return a path without the names of its placeholders, which differ between functions."""
    return str(PLACE.sub("{}", path))


def _matching_link(function: Function, path: str) -> tuple[Link, dict[str, str]]:
    """Return the link of a function that a path was made from, and the values of its placeholders."""
    for link in function.links:
        pattern = "".join(
            f"(?P<{part.strip('{}')}>[^/]+)" if PLACE.fullmatch(part) else re.escape(part)
            for part in re.split(r"(\{[a-z0-9_]+\})", link.path)
        )
        if match := re.fullmatch(pattern, path.partition("?")[0]):
            return link, {name: unquote(value) for name, value in match.groupdict().items()}
    raise ValueError(f"{function.name} has no address {path}")


def _param(function: Function, name: str) -> Param:
    return next(param for param in function.params if param.name == name)
