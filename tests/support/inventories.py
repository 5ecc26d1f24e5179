"""Inventories of altered accounts: really read, or changed afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any
from wsgiref.types import WSGIApplication

from altered_api import as_default_account
from msgspec.structs import replace

from kosmo_kernel.checks.inventory import Inventory, from_account
from kosmo_kernel.results import CallRecord
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

REFUSED = {"type": "refused", "status": 403, "id": "forbidden", "message": "Refused.", "request_id": None}


def read(api: WSGIApplication) -> Inventory:
    """Make the inventory of an account that an API serves."""
    with as_default_account(api), Session() as session:
        return from_account(session)


def changed(inventory: Inventory, **tables: Sequence[Mapping[str, Any]]) -> Inventory:
    """Return an inventory in which some tables have other rows."""
    results = [
        replace(result, records=Records([dict(row) for row in tables[name]])) if name in tables else result
        for result in inventory.report.results
        for name in [result.question.name]
    ]
    return dataclasses.replace(inventory, report=replace(inventory.report, results=results))


def with_gap(inventory: Inventory, *lists: str, item: str = "") -> Inventory:
    """Return an inventory that could not read some lists: of one item, or any of it."""
    [first, *others] = inventory.report.results
    gaps = []
    for name in lists:
        calls = (call for result in inventory.report.results for call in result.calls if call.list_name == name)
        argument = next((call.argument for call in calls if call.argument), "") if item else ""
        gap = CallRecord(f"integrations.heroku.list_{name}", "demo", 0.0, "ok", rows=1, argument=argument, items=2)
        gap.failures = [({argument: item} if argument else {}) | REFUSED]
        gaps.append(gap)
    first = replace(first, calls=[*first.calls, *gaps])
    return dataclasses.replace(inventory, report=replace(inventory.report, results=[first, *others]))
