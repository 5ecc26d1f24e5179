"""The tables of an inventory: which there are, and their rows, which the Lua of each makes of lists that were read.

The calls of this Lua are answered from the lists, without a request. A table whose lists could not be read is left out,
since an empty one would be an answer. Cells that need such a list are missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pkgutil import resolve_name
from typing import Any

from msgspec.structs import replace

from kosmo_kernel import integrations
from kosmo_kernel.accounts import DEMO
from kosmo_kernel.calls.provider import ServiceCall
from kosmo_kernel.calls.recording import RecordingMode
from kosmo_kernel.calls.services import Services
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.inventory import InventoryFacts, Row
from kosmo_kernel.client.call import CallHandle, CallRequest, Reply
from kosmo_kernel.questions.discovery import find_table, source_with_tables
from kosmo_kernel.questions.question import Question
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.snapshot.lists import table_of
from kosmo_kernel.values.records import FAILURE_FIELDS, Records, columns_with_item

# The service --------------------------------------------------------------------------------------------

Tables = Mapping[str, Sequence[dict[str, Any]]]
_LIST = re.compile(r"\blist_\w+")


@cache
def service() -> Integration:
    """Return the service: the first built-in one that has facts about an inventory."""
    return next(integration for integration in integrations.BUILT_IN if integration.inventory)


@cache
def facts() -> InventoryFacts:
    """Return what an inventory of the service has."""
    content: InventoryFacts = resolve_name(service().inventory)
    return content


def kinds(names: Sequence[str] = ()) -> list[Question]:
    """Return the tables of an inventory, in the order of its page, or some of them."""
    return [find_table(service().name, name) for name in names or facts().tables]


def tables_of_lists() -> list[str]:
    """Return the names of the tables that are made of lists alone."""
    return [name for name in facts().tables if name not in facts().more_tables]


@cache
def lists() -> tuple[str, ...]:
    """Return the lists that an inventory reads: those that the Lua of its tables calls, in the order of the service.

    Those of tables that ask the service for more than lists are not among them.
    """
    names = set(_LIST.findall(source_with_tables("".join(kind.source for kind in kinds(tables_of_lists())))))
    functions = (function for function in service().functions if function.name in names and not function.local)
    return tuple(map(table_of, functions))


# Answers from lists -------------------------------------------------------------------------------------

_APP = "app_id"
_NOT_READ: Row = {"type": "refused", "message": "This list could not be read."}


class ListServices(Services):
    """Services that answer from lists of one account, whatever account a script names."""

    sends = False

    def __init__(self, today: date, lists: Tables, failures: Sequence[Row], app_name: Callable[[Row], str]) -> None:
        super().__init__(RecordingMode(DEMO), lambda: today)
        self._lists, self._failures = lists, failures  # by the name of the table, and as `AccountLists` has them
        self._app_name = app_name  # returns the name of the app that a record belongs to
        self._records: dict[tuple[str, str, frozenset[Any]], Records] = {}

    def has(self, name: str) -> bool:
        """Return whether the list of a function was read, by the function's name."""
        return name.removeprefix("list_") in self._lists

    def bind(self, request: CallRequest, account: str) -> ServiceCall:
        """Return a call with the items of its list as they are: nothing is sent, so any name of an app is good."""
        endpoint = self._endpoint(request.path, request.account, account)
        arguments = dict(request.by_name or {})
        collect = arguments.pop("errors", None) is not None
        argument, items = next(iter(arguments.items()), ("", ()))
        param = next((param for param in endpoint.function.params if param.name == argument), None)
        calls = [{argument: param.value_of_record(item)} for item in items] if param else [{}]
        return replace(endpoint, calls=calls, count=len(calls), fan_out_argument=argument, collect=collect)

    def begin(self, bound_call: ServiceCall, handle: CallHandle) -> None:
        """Pass the records of a list to the handle, and with `collect` what could not be read of it."""
        table = table_of(bound_call.function)
        if bound_call.function.local:
            super().begin(bound_call, handle)
            return
        handle.done(bound_call.count)
        failures = [failure for failure in self._failures if failure["table"] == table]
        if table not in self._lists and not failures:
            failures = [_NOT_READ]
        argument = bound_call.fan_out_argument
        failed = [self._failure(failure, argument) for failure in failures]
        items = frozenset(call[argument] for call in bound_call.calls) if argument else frozenset()
        key = table, argument, items
        records = self._records.get(key)
        if records is None:  # the tables ask for the same few lists again and again
            rows = self._of_items(bound_call, items) if argument else self._rows(table)
            columns = columns_with_item(bound_call.function, argument) if argument else None
            records = self._records[key] = Records(rows, bound_call.function, columns)
        handle.on_result(Reply([records, Records(failed)], rows=len(records), failures=failed))

    def _rows(self, table: str) -> Sequence[dict[str, Any]]:
        """Return the records of a list, each with the name of its app if that can be told from its id."""
        return [self._with_app(row) for row in self._lists.get(table, ())]

    def _with_app(self, row: dict[str, Any]) -> dict[str, Any]:
        app = row.get("app") or {}
        name = app.get("name") or (self._app_name(row) if _APP in row or app else "")
        return row if not name or app.get("name") else {**row, "app": {**app, "name": name}}

    def _of_items(self, bound_call: ServiceCall, items: frozenset[Any]) -> Sequence[dict[str, Any]]:
        """Return the records of the items of a list argument, in which the first column has the item."""
        argument, rows = bound_call.fan_out_argument, self._rows(table_of(bound_call.function))
        column = bound_call.function.item_column(argument)
        name = column.name if column else argument
        if argument == _APP:
            rows = [{**row, name: self._app_name(row)} for row in rows]
        return [row for row in rows if row.get(name) is None or row[name] in items]

    def _failure(self, failure: Row, argument: str) -> dict[str, Any]:
        facts: Mapping[str, Any] = {column.name: failure.get(column.name) for column in FAILURE_FIELDS}
        item = failure.get(argument) if argument else None
        if item is None:
            return dict(facts)
        return {argument: self._app_name({_APP: item}) if argument == _APP else item, **facts}


# Tables -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InventoryTable:
    """A table with its rows."""

    kind: Question
    rows: Sequence[Mapping[str, Any]]


def make_tables(services: ListServices, now: datetime) -> list[InventoryTable]:
    """Return the tables that can be made of the lists of services, at the time of the data; it closes the services."""
    tables = []
    with closing(services), Session(DEMO, shared=services) as session:
        for kind in kinds(tables_of_lists()):
            if any(map(services.has, kind.needs)):
                chunk = f'return {kind.service}.tables.{kind.name}({{ errors = "collect" }})'
                rows = session.execute(chunk, Options(name=kind.name, now=now)).value
                tables.append(InventoryTable(kind, rows.rows if isinstance(rows, Records) else ()))
    return tables
