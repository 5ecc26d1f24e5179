"""Compute the first part of an inventory: key figures, what makes a move hard, and what could not be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kosmo_kernel.catalogue.integration import usual_scope
from kosmo_kernel.catalogue.inventory import KeyFigure, ObstacleKind, Row
from kosmo_kernel.inventory.source import CENTS, AccountData, Bill
from kosmo_kernel.inventory.tables import facts, make_tables, service
from kosmo_kernel.snapshot.lists import table_of


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that makes a move hard."""

    name: str  # its heading
    why: str  # what it means for a move
    count: int | None  # how many there are; None if it could not be read
    items: Sequence[str]  # what they are called, each once
    table: str  # the table that has more about them
    at_least: bool = False  # whether a part of what is counted could not be read


@dataclass(frozen=True, slots=True)
class Unread:
    """A list that could not be read, or a part of it."""

    table: str  # the name of the list
    reason: str
    items: Sequence[str]  # the apps, teams or spaces of which it could not be read; none for the whole list


def bill_from(
    lists: Mapping[str, Sequence[dict[str, Any]]],
    *,
    now: str,
    unread: Iterable[Mapping[str, Any]] = (),
    idle_days: float,
) -> Bill:
    """Return the monthly bill of an account from lists of records, such as a script has read.

    Parameters:
        lists: the records by the name of their list.
        now: the time of the data, `2026-11-20T09:00:00Z`.
        unread: what could not be read of `formation`, each with its `app_id`.
        idle_days: dynos of an app without a release for so many days count as idle.
    """
    failures = [{**failure, "table": "formation"} for failure in unread]
    data = AccountData("", datetime.fromisoformat(now), lists, failures)
    [table] = make_tables(data.services(), data.time, [facts().bill], idle_days=idle_days)
    return Bill(table.rows, complete=data.is_whole(*facts().billed))


def key_figures(data: AccountData) -> list[KeyFigure]:
    """Return the key figures of an account."""
    return [*facts().key_figures(data)]


def obstacles(data: AccountData) -> list[Obstacle]:
    """Return what makes a move hard, also what there is none of."""
    return [_obstacle(kind, data) for kind in facts().obstacles]


def _obstacle(kind: ObstacleKind, data: AccountData) -> Obstacle:
    if not data.tables.keys() >= set(kind.lists):
        return Obstacle(kind.name, kind.why, None, (), kind.table)
    items = kind.items(data)
    texts = [item if count == 1 else f"{item} ({count:,})" for item, count in items.items()]
    return Obstacle(kind.name, kind.why, sum(items.values()), texts, kind.table, not data.is_whole(*kind.lists))


def unread(data: AccountData) -> list[Unread]:
    """Return what could not be read, with the same reason once for each list."""
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for failure in data.failures:
        item = next((failure[key] for key in ("record", *facts().items) if failure.get(key)), None)
        groups[failure["table"], _reason(failure)] += [str(item)] if item else []
    if apps := data.unreachable_apps:
        groups["apps", "apps of its teams that the account has no access to"] = apps
    return [Unread(table, reason, items) for (table, reason), items in groups.items()]


def _reason(failure: Row) -> str:
    """Return why something could not be read, without the name of the item that the message may have."""
    status = failure.get("status")
    if status is None:
        return str(failure["message"])
    words = {401: "the token is not valid", 403: "the token may not read it", 404: "not found"}
    reason = f"{words.get(status, failure.get('id') or 'error')} ({status})"
    return (
        f"{reason}; that takes the scope {scope}" if status == 403 and (scope := _scope(failure["table"])) else reason
    )


def _scope(table: str) -> str:
    """Return the scope that a list takes, if a token that could read other lists may lack it."""
    lists = (function for function in service().functions if table_of(function) == table)
    scopes = {link.scope for function in lists for link in function.links}
    return "" if usual_scope(service()) in scopes else min(scopes, default="")


def as_json(data: AccountData) -> Mapping[str, Any]:
    """Return the key figures, the bill, the obstacles and what could not be read as JSON values."""
    bill, figures, hard = data.bill, key_figures(data), obstacles(data)
    return {
        "key_figures": {figure.name.lower(): figure.value for figure in figures},
        "at_least": [
            *(item.name.lower() for item in figures if item.at_least),
            *(item.name.lower() for item in hard if item.at_least),
        ],
        "bill": {
            "monthly_usd": bill.cents / CENTS,
            "complete": bill.complete,
            "idle_usd": bill.idle_cents / CENTS,
            **{f"by_{field}": bill.parts(field) for field in ("kind", "team", "stage", "app")},
            "without_price": [line["name"] for line in bill.unknown],
        },
        "move": {item.name.lower(): item.count for item in hard},
        "unread": [{"list": item.table, "reason": item.reason, "items": list(item.items)} for item in unread(data)],
    }
