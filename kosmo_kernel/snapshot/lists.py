"""The lists of an account: those of the catalogue, read to their end or named as missing.

First the ones that need no argument, then for each of their records the others. What was read is kept either way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.client.progress import ProgressSnapshot as Progress
from kosmo_kernel.errors import KosmoError, StoppedError
from kosmo_kernel.results.result import Result
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records, columns_with_item


class AccountLists:
    """The lists of one account, one after the other."""

    def __init__(
        self,
        session: Session,
        integration: Integration,
        tell: Callable[[str, str], None] | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._session, self._integration = session, integration
        self._tell, self._on_progress = tell, on_progress
        self.tables: dict[str, Records] = {}
        self.failures: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.requests = 0
        self.interrupted = False

    def read(self) -> None:
        """Read them. What was not read is in `failures`.

        Raises:
            KosmoError: the first of them failed.
        """
        lists = [one for one in self._integration.functions if one.returns == "list"]
        for function in sorted(lists, key=lambda one: bool(one.params)):
            try:
                for arguments in self._arguments(function):
                    self._call(function, arguments)
            except KosmoError as error:
                if not self.tables:
                    raise
                self._note(error.result)
                self.failures.append({"table": table_of(function)} | error.facts())
                self.interrupted = isinstance(error, StoppedError)
                if self.interrupted:
                    self._not_begun(lists)
                    return

    def _arguments(self, function: Function) -> Iterator[dict[str, Any]]:
        """What a list has to be asked with: nothing, or the names of all records that it is one of."""
        if not function.params:
            yield {}
            return
        many = function.fan_out
        if many is not None:
            asked = next(
                records for records in self.tables.values() if records.function and not records.function.params
            )
            names = [next(row[name] for name in many.each if row.get(name)) for row in asked]
            yield {many.name: names, "errors": "collect"}

    def _call(self, function: Function, arguments: dict[str, Any]) -> None:
        name, many = table_of(function), function.fan_out
        if many is not None and arguments.get(many.name) == []:
            self.tables[name] = Records([], function, columns_with_item(function))
            return
        result = self._session.call(
            f"{self._integration.name}.{function.name}",
            arguments,
            on_output=self._tell,
            on_progress=self._on_progress,
        )
        self._note(result)
        self.failures += [{"table": name} | failure for failure in result.failures]
        self.tables[name] = result.values[0]

    def _note(self, result: Result | None) -> None:
        if result is not None:
            self.notes += result.notes
            self.requests += sum(call.requests for call in result.calls)

    def _not_begun(self, lists: list[Function]) -> None:
        named = {failure["table"] for failure in self.failures} | self.tables.keys()
        for function in lists:
            if table_of(function) not in named:
                facts = {"type": StoppedError.type, "message": "It was not begun."}
                self.failures.append({"table": table_of(function)} | facts)


def table_of(function: Function) -> str:
    """The name of a function's list in a snapshot: `list_apps` is `apps`."""
    return function.name.removeprefix("list_")
