"""Read all lists of an account that the catalogue has.

Lists without arguments are read first, then the lists that need one call for each record of those. A list that fails is
reported as a failure; the lists that were read are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.errors import KosmoError, StoppedError
from kosmo_kernel.results.result import Result
from kosmo_kernel.run.options import Frontend
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records, columns_with_item


class AccountLists:
    """Reads the lists of one account, one after the other.

    Attributes:
        tables: the records of each list, by table name.
        failures: what could not be read, each with its `table` and the facts of the error.
        notes: notes for the user.
        requests: the number of HTTP requests.
        interrupted: whether an interrupt ended the reading.
    """

    def __init__(self, session: Session, integration: Integration, frontend: Frontend) -> None:
        self._session, self._integration, self._frontend = session, integration, frontend
        self.tables: dict[str, Records] = {}
        self.failures: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.requests = 0
        self.interrupted = False

    def read(self) -> None:
        """Read all lists. Lists that could not be read are added to `failures`.

        Raises:
            KosmoError: a list failed before any was read.
        """
        lists = [
            function for function in self._integration.functions if function.returns == "list" and function.in_snapshot
        ]
        for function in sorted(lists, key=lambda function: bool(function.params)):
            try:
                for arguments in self._arguments(function):
                    self._call(function, arguments)
            except KosmoError as error:
                if not self.tables:
                    raise
                self._add_notes_and_requests(error.result)
                self.failures.append({"table": table_of(function)} | error.facts())
                self.interrupted = isinstance(error, StoppedError)
                if self.interrupted:
                    self._add_skipped(lists)
                    return

    def _arguments(self, function: Function) -> Iterator[dict[str, Any]]:
        """Yield the arguments to read a list with: none, or the names of all parent records."""
        if not function.params:
            yield {}
            return
        fan_out = function.fan_out
        if fan_out is not None:
            parents = next(
                records for records in self.tables.values() if records.function and not records.function.params
            )
            names = [next(row[name] for name in fan_out.each if row.get(name)) for row in parents]
            yield {fan_out.name: names, "errors": "collect"}

    def _call(self, function: Function, arguments: dict[str, Any]) -> None:
        name, fan_out = table_of(function), function.fan_out
        if fan_out is not None and arguments.get(fan_out.name) == []:
            self.tables[name] = Records([], function, columns_with_item(function))
            return
        full_name = f"{self._integration.name}.{function.name}"
        result = self._session.call(full_name, arguments, frontend=self._frontend)
        self._add_notes_and_requests(result)
        self.failures += [{"table": name} | failure for failure in result.failures]
        self.tables[name] = result.values[0]

    def _add_notes_and_requests(self, result: Result | None) -> None:
        if result is not None:
            self.notes += result.notes
            self.requests += sum(call.requests for call in result.calls)

    def _add_skipped(self, lists: list[Function]) -> None:
        handled = {failure["table"] for failure in self.failures} | self.tables.keys()
        for function in lists:
            if table_of(function) not in handled:
                facts = {"type": StoppedError.type, "message": "It was not begun."}
                self.failures.append({"table": table_of(function)} | facts)


def table_of(function: Function) -> str:
    """Return the table name of a list function: `apps` for `list_apps`."""
    return function.name.removeprefix("list_")
