"""Answer requests from a recording or a snapshot in place of the network. What these do not have is an error.

Requests of a recording are matched by account, method, path, query and page headers, those to MCP servers by server,
method and arguments, so their order does not matter. A repeated request gets the next recorded response, and then the
last one again.

Of a snapshot a list is the saved one of its address, one below an item of another list the part of it that was read
with that item, and a record is the one of the list above it. What could not be read when the snapshot was taken is the
same error again. What the snapshot does not have is an error too, and never an empty list.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

import msgspec

from kosmo_kernel.accounts import Account
from kosmo_kernel.archive.answers import StoredAnswer, StoredAnswers
from kosmo_kernel.archive.file import open_archive
from kosmo_kernel.archive.runs import MCP, SERVERS, RequestKey, Run, read_accounts, read_runs
from kosmo_kernel.archive.snapshots import SavedSnapshot
from kosmo_kernel.catalogue import PLACE, Function, Integration, Link, Param
from kosmo_kernel.catalogue.http import PageRequest, Response
from kosmo_kernel.client.call import Cassette, Transport
from kosmo_kernel.client.fan_out import records_of_items
from kosmo_kernel.errors import API_ERRORS, KosmoError, NotRecordedError, SettingsError, api_error
from kosmo_kernel.text.nearest import normalize_alias
from kosmo_kernel.text.paths import value_at
from kosmo_kernel.text.quantities import counted, iso_time


class Playback(Cassette, Protocol):
    """Saved answers in place of the network: a `Player`, or a `SnapshotPlayer`."""

    file: Path  # the file or folder that has them
    recorded: datetime  # the time of the data
    account: str  # the account of calls that name none

    def accounts(self, integration: str) -> list[str]:
        """Return the names of the accounts of a service."""
        ...

    def no_account(self, alias: str) -> str:
        """Return the error message for an account that there is not."""
        ...

    def servers(self) -> dict[str, dict[str, Any]]:
        """Return the MCP servers by name, each with its recorded configuration, if any."""
        ...

    def result(self, key: RequestKey, method: str) -> dict[str, Any]:
        """Return the recorded result of a request to an MCP server.

        Raises:
            NotRecordedError: the request was not recorded.
            ApiError: the request led to an error.
        """
        ...

    def no_server(self, name: str) -> NotRecordedError:
        """Return the error for an MCP server that there is not."""
        ...


class Player:
    """Answer requests from a recording. Thread-safe.

    Parameters:
        file: the path of the archive.

    Attributes:
        file: the same.
        recorded: the time of the recording.
        account: the account of calls that named none in the recorded run.

    Raises:
        SettingsError: the file cannot be read, or is no archive with a recording.
    """

    live = False

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._archive = open_archive(file)
        try:
            runs = self._runs()
            self.recorded, self.account = runs[0].begun, runs[-1].account
            known = read_accounts(self._archive)
            self._answers = StoredAnswers(self._archive, known, "1")
            self._accounts = [(one.service, one.name) for one in known if one.service != MCP]
            self._servers = self._read_servers([one.name for one in known if one.service == MCP])
        except BaseException:
            self._archive.close()
            raise

    def transport(self, integration: Integration, account: Account, _connections: Transport) -> Transport:
        """Return a transport that answers from the recording."""
        return _ReplayingTransport(self, integration, account)

    def accounts(self, integration: str) -> list[str]:
        """Return the names of the recorded accounts and of the run's account, sorted."""
        recorded = {normalize_alias(name): name for service, name in self._accounts if service == integration}
        return sorted({normalize_alias(self.account): self.account, **recorded}.values())

    def no_account(self, alias: str) -> str:
        """Return the error message for an account that is not in the recording."""
        services = dict.fromkeys(service for service, _ in self._accounts) or ("",)
        has = dict.fromkeys(known for service in services for known in self.accounts(service))
        return f"{self.file} was recorded without the account `{alias}`; it has {', '.join(has)}."

    def answer(self, key: RequestKey) -> Response:
        """Return the recorded response to a request.

        Raises:
            NotRecordedError: the request was not recorded.
            NoResponseError: the request got no response.
            TruncatedResponseError: the response ended early.
            SettingsError: the response is damaged.
        """
        return self._answers.read(key, self._next(key).response)

    def servers(self) -> dict[str, dict[str, Any]]:
        """Return the MCP servers of the recorded run by name, each with its recorded configuration, if any."""
        return self._servers

    def result(self, key: RequestKey, method: str) -> dict[str, Any]:
        """Return the recorded result of a request to an MCP server.

        Raises:
            NotRecordedError: the request was not recorded.
            ApiError: the request led to an error.
            SettingsError: the result is damaged.
        """
        return self._answers.read(key, partial(self._next(key).result, method))

    def no_server(self, name: str) -> NotRecordedError:
        """Return the error for an MCP server that is not in the recording."""
        has = f"it has {', '.join(self._servers)}" if self._servers else "it has none"
        return NotRecordedError(
            f"{self.file} was recorded without the MCP server `{name}`; {has}. Nothing was started. {self._again}"
        )

    def summary(self) -> str:
        """Return the line that says that the run was replayed."""
        return f"Replayed from {self.file}, recorded {iso_time(self.recorded)}. Nothing was sent."

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def _runs(self) -> list[Run]:
        runs = read_runs(self._archive)
        if not runs:
            raise SettingsError(f"{self.file} has no recorded run. {self._again}")
        return runs

    def _next(self, key: RequestKey) -> StoredAnswer:
        with self._lock:
            taken = self._answers.next(key, repeats=True)
        if taken is not None:
            return taken.answer
        [[count]] = self._archive.rows("SELECT count(*) FROM kosmo_answers WHERE request != ?", (SERVERS,))
        raise NotRecordedError(
            f"{key} is not in {self.file}, which has {counted(count, 'request')} of {iso_time(self.recorded)}. "
            f"Nothing was sent. {self._again}"
        )

    def _read_servers(self, names: list[str]) -> dict[str, dict[str, Any]]:
        servers: dict[str, dict[str, Any]] = {}
        key = RequestKey.of_server("", SERVERS, {})
        while taken := self._answers.next(key):
            result = self._answers.read(key, partial(taken.answer.result, SERVERS))
            for one in result["servers"]:
                servers[one["name"]] = servers.get(one["name"], {}) | one
        for name in filter(None, names):
            servers.setdefault(name, {})["asked"] = True
        return servers

    @property
    def _again(self) -> str:
        return f"To record it anew, give the same command `--record {self.file}` in place of `--replay`."


class _ReplayingTransport:
    """A transport that answers from a recording."""

    closed = False

    def __init__(self, player: Player, integration: Integration, account: Account) -> None:
        self._player, self._integration, self._account = player, integration, account

    def request(self, url: str, headers: Mapping[str, str], function: Function) -> Any:
        return RequestKey.of_call(self._integration, self._account, url, headers)

    def sends(self, request: Any) -> bool:
        return False

    def send(self, request: Any, check: Callable[[], None]) -> Response:
        check()
        return self._player.answer(request)

    def close(self) -> None:
        self.closed = True


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
