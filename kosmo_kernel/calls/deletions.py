"""Tell items that were deleted during a long run from those that never existed."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.client.call import CallHandle
from kosmo_kernel.client.client import Client
from kosmo_kernel.errors import RefusedError
from kosmo_kernel.text import normalize_alias

_Rows = Sequence[Mapping[str, Any]]
_List = tuple[str, str, str]  # the service, the argument, the account


class Deletions:
    """The items that were deleted while the runs of a session went on. Thread-safe.

    A long run lists apps, and then makes requests for each of them. Some, such as review apps, are deleted meanwhile.
    An item that a list of this session had, and that a request for the item itself does not find, is left out of a list
    argument. Any other failure is an error.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listed: dict[_List, set[Any]] = {}  # all names of the items that earlier lists had
        self._last: dict[_List, tuple[_Rows, Sequence[str]]] = {}  # the last list, not read yet; the fields with names
        self._deleted: dict[_List, set[Any]] = {}

    def add_list(
        self, integration: Integration, function: Function, account: str, rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Keep the answer of a function, if it is the list of all items. It is read when an item is not found."""
        for argument, (list_name, record_name) in integration.deletable.items():
            if function.name == list_name:
                [param] = (param for param in integration.function(record_name).params if param.name == argument)
                key = integration.name, argument, normalize_alias(account)
                with self._lock:
                    if key in self._last and self._last[key][0] is not rows:
                        self._read_last(key)
                    self._last[key] = rows, param.each

    def _read_last(self, key: _List) -> set[Any]:
        """Return the names of the items that the lists had, and forget the last list."""
        names = self._listed.setdefault(key, set())
        rows, fields = self._last.pop(key, ((), ()))
        names.update(row[field] for row in rows for field in fields if isinstance(row.get(field), str))
        return names

    def is_deleted(self, client: Client, argument: str, item: Any, handle: CallHandle) -> bool:
        """Return whether an item that a request does not find was listed before and does not exist any more.

        That takes a request for the item itself, unless an earlier one had this result.

        Raises:
            ApiError: the service does not say whether it exists.
            Cancelled: the run has ended.
        """
        key = client.integration.name, argument, normalize_alias(client.account.alias)
        with self._lock:  # also during the request, so that each item is looked up once
            if item not in self._read_last(key):
                return False
            deleted = self._deleted.setdefault(key, set())
            if item not in deleted and not self._exists(client, argument, item, handle):
                deleted.add(item)
            return item in deleted

    def _exists(self, client: Client, argument: str, item: Any, handle: CallHandle) -> bool:
        function = client.integration.function(client.integration.deletable[argument][1])
        try:
            client.fetch(function, {argument: item}, handle.progress, on_answer=handle.on_answer)
        except RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True
