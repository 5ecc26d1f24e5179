"""Compute the first part of an inventory: key figures, what makes a move hard, and what could not be read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from kosmo_kernel import integrations
from kosmo_kernel.integrations.heroku.scopes import READ
from kosmo_kernel.inventory.bill import BILLED, CENTS, Bill, total
from kosmo_kernel.inventory.records import Row
from kosmo_kernel.inventory.source import AccountData
from kosmo_kernel.inventory.tables import BILL, SERVICE, make_tables
from kosmo_kernel.snapshot.lists import table_of
from kosmo_kernel.text.paths import value_at
from kosmo_kernel.text.quantities import counted
from kosmo_kernel.text.times import iso_time

PEOPLE = ("collaborators", "team_members", "space_members", "enterprise_account_members")  # the lists of people


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """A number of the whole account.

    Parameters:
        name: what is counted.
        value: the number; None if it could not be read.
        detail: what a reader asks next.
        unit: `usd` for money.
        at_least: a part of what is counted could not be read.
    """

    name: str
    value: float | None
    detail: str = ""
    unit: str = ""
    at_least: bool = False

    @property
    def number(self) -> str:
        """The number as text, without the remark that it is a bound."""
        if self.value is None:
            return "not read"
        return f"${self.value:,.0f}" if self.unit == "usd" else f"{self.value:,}"

    @property
    def text(self) -> str:
        """The number as text."""
        return f"at least {self.number}" if self.at_least else self.number


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that makes a move hard.

    Parameters:
        name: its heading.
        why: what it means for a move.
        count: how many there are; None if it could not be read.
        items: what they are called, each once.
        table: the table that has more about them.
        at_least: a part of what is counted could not be read.
    """

    name: str
    why: str
    count: int | None
    items: Sequence[str]
    table: str
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """A list that could not be read, or a part of it.

    Parameters:
        table: the name of the list.
        reason: why.
        items: the apps, teams or spaces of which it could not be read; none for the whole list.
    """

    table: str
    reason: str
    items: Sequence[str]


def bill_of(data: AccountData) -> Bill:
    """Return the monthly bill of an account."""
    return Bill(data.answer(BILL), complete=data.is_whole(*BILLED))


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
    failures = [{**one, "table": "formation"} for one in unread]
    data = AccountData("", datetime.fromisoformat(now), lists, failures)
    [table] = make_tables(data.services(), data.time, [BILL], idle_days=idle_days)
    return Bill(table.rows, complete=data.is_whole(*BILLED))


def key_figures(data: AccountData) -> list[KeyFigure]:
    """Return the key figures of an account."""
    return [_apps(data), _processes(data), _cost(data), _databases(data), _domains(data), _people(data)]


def obstacles(data: AccountData) -> list[Obstacle]:
    """Return what makes a move hard, also what there is none of."""
    return [_obstacle(kind, data) for kind in _OBSTACLES]


def _obstacle(kind: _ObstacleKind, data: AccountData) -> Obstacle:
    if not data.tables.keys() >= set(kind.lists):
        return Obstacle(kind.name, kind.why, None, (), kind.table)
    items = kind.items(data)
    texts = [item if count == 1 else f"{item} ({count:,})" for item, count in items.items()]
    return Obstacle(kind.name, kind.why, sum(items.values()), texts, kind.table, not data.is_whole(*kind.lists))


_ITEMS = ("record", "app_id", "team", "space", "enterprise", "pipeline_id")  # what a failure is of, the narrowest first


def unread(data: AccountData) -> list[Unread]:
    """Return what could not be read, with the same reason once for each list."""
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for one in data.failures:
        item = next((one[key] for key in _ITEMS if one.get(key)), None)
        groups[one["table"], _reason(one)] += [str(item)] if item else []
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
    lists = (function for function in integrations.find(SERVICE).functions if table_of(function) == table)
    scopes = {link.scope for function in lists for link in function.links}
    return "" if READ in scopes else min(scopes, default="")


def _apps(data: AccountData) -> KeyFigure:
    apps = data.rows("apps")
    teams = {name for app in apps if (name := value_at(app, "team.name"))}
    personal = sum(value_at(app, "team.name") is None for app in apps)
    detail = [f"in {counted(len(teams), 'team')}"] if teams else []
    detail += [f"{personal:,} personal"] if personal else []
    return KeyFigure("Apps", len(apps), ", ".join(detail), at_least=not data.is_whole("apps", "team_apps"))


def _processes(data: AccountData) -> KeyFigure:
    if "formation" not in data.tables:
        return KeyFigure("Processes", None)
    rows = data.rows("formation")
    dynos, idle = sum(row["quantity"] for row in rows), sum(row["quantity"] == 0 for row in rows)
    detail = [counted(dynos, "dyno"), f"{idle:,} scaled to zero"]
    return _figure("Processes", len(rows), detail, data, "formation")


def _cost(data: AccountData) -> KeyFigure:
    if not {"formation", "account_addons"} & data.tables.keys():
        return KeyFigure("Monthly cost", None, unit="usd")
    bill = bill_of(data)
    detail = [f"${total(bill.idle) / CENTS:,.0f} of it idle"] if bill.idle else []
    detail += [f"{len(bill.unknown):,} without a known price"] if bill.unknown else []
    return _figure("Monthly cost", bill.cents / CENTS, detail, data, *BILLED, unit="usd")


def _databases(data: AccountData) -> KeyFigure:
    if "account_addons" not in data.tables:
        return KeyFigure("Databases", None)
    services = Counter(row["service"] for row in data.answer("addons") if row["database"])
    detail = ", ".join(f"{count:,} {service}" for service, count in services.most_common(3))
    return _figure("Databases", services.total(), [detail] if detail else [], data, "account_addons")


def _domains(data: AccountData) -> KeyFigure:
    if "domains" not in data.tables:
        return KeyFigure("Domains", None)
    count = sum(row["kind"] == "custom" for row in data.rows("domains"))
    ends = sorted(end for row in data.rows("sni_endpoints") if (end := value_at(row, "ssl_cert.expires_at")))
    coming = [end for end in ends if end >= iso_time(data.time)]
    detail = [counted(len(ends) - len(coming), "expired certificate")] if len(coming) < len(ends) else []
    if coming:
        which = "next certificate" if data.is_whole("sni_endpoints") else "next certificate that could be read"
        detail.append(f"{which} ends {_day(coming[0])}")
    return KeyFigure("Domains", count, ", ".join(detail), at_least=not data.is_whole("domains"))


def _day(time: str) -> str:
    """Return the day of a time in words."""
    return f"{datetime.fromisoformat(time):%d %B %Y}".lstrip("0")


def _people(data: AccountData) -> KeyFigure:
    if not {"collaborators", "team_members"} & data.tables.keys():
        return KeyFigure("People", None)
    everybody = data.answer("people")
    # Who is in no team, only all members of all teams can tell.
    outside = sum(not person["teams"] for person in everybody) if data.is_whole("team_members") else 0
    without = sum(person["two_factor"] is False for person in everybody)
    detail = [f"{outside:,} in no team"] if outside else []
    detail += [f"{without:,} without a second factor"] if without else []
    return _figure("People", len(everybody), detail, data, *PEOPLE)


def _figure(
    name: str, value: float, detail: Sequence[str], data: AccountData, *lists: str, unit: str = ""
) -> KeyFigure:
    """Return a figure and its details, which are bounds if one of their lists has gaps."""
    at_least = not data.is_whole(*lists)
    texts = [f"at least {text}" if at_least else text for text in detail]
    return KeyFigure(name, value, ", ".join(texts), unit, at_least)


def _shared(data: AccountData) -> dict[str, int]:
    """Return the add-ons that several apps use, with the apps."""
    users = {row["name"]: list(row["used_by"]) for row in data.answer("addons")}
    for row in data.answer("addon_attachments"):  # of an app that the account cannot see as well
        apps = users.setdefault(row["addon"], [])
        apps += [row["app"]] * (row["app"] not in apps)
    return {f"{name}: {', '.join(users[name])}": 1 for name in sorted(users) if len(users[name]) > 1}


def _only_on_heroku(data: AccountData) -> dict[str, int]:
    """Return how many add-ons there are of each service of Heroku's own."""
    return dict(Counter(row["service"] for row in data.answer("addons") if row["only_on_heroku"]).most_common())


def _review_apps(data: AccountData) -> dict[str, int]:
    return dict.fromkeys(sorted(data.review_apps), 1)


def _spaces(data: AccountData) -> dict[str, int]:
    return dict.fromkeys(sorted(row["name"] for row in data.rows("spaces")), 1)


def _managed(data: AccountData) -> dict[str, int]:
    """Return the domains whose certificates Heroku makes and renews."""
    acm = {row["name"] for row in data.answer("apps") if row["acm"]}
    domains = [
        row["hostname"]
        for row in data.answer("domains")
        if row["certificate"] and row["acm_status"] and row["app"] in acm
    ]
    return dict.fromkeys(sorted(domains), 1)


class _ObstacleKind(NamedTuple):
    """One thing that makes a move hard, the lists that show it, and a function that returns its cases."""

    name: str
    why: str
    table: str
    lists: tuple[str, ...]
    items: Callable[[AccountData], Mapping[str, int]]


_OBSTACLES = (
    _ObstacleKind(
        "Shared add-ons",
        "Several apps use one add-on: these apps move together, or their data has to be divided.",
        "addons",
        ("account_addons", "addon_attachments"),
        _shared,
    ),
    _ObstacleKind(
        "Add-ons that only Heroku has",
        "Heroku itself offers them. Each needs a replacement, and its data has to be carried over.",
        "addons",
        ("account_addons",),
        _only_on_heroku,
    ),
    _ObstacleKind(
        "Review apps",
        "Heroku makes an app for each pull request. A new platform has something else for it, or nothing.",
        "review_apps",
        ("pipeline_couplings", "review_apps"),
        _review_apps,
    ),
    _ObstacleKind(
        "Private Spaces",
        "Networks with addresses, peerings and rules that others may rely on.",
        "spaces",
        ("spaces",),
        _spaces,
    ),
    _ObstacleKind(
        "Domains with a certificate from Heroku",
        "Automated Certificate Management (ACM) ends with the move. Each needs another certificate on that day.",
        "domains",
        ("domains",),
        _managed,
    ),
)


def as_json(data: AccountData) -> Mapping[str, Any]:
    """Return the key figures, the bill, the obstacles and what could not be read as JSON values."""
    bill, figures, hard = bill_of(data), key_figures(data), obstacles(data)
    return {
        "key_figures": {figure.name.lower(): figure.value for figure in figures},
        "at_least": [
            *(one.name.lower() for one in figures if one.at_least),
            *(one.name.lower() for one in hard if one.at_least),
        ],
        "bill": {
            "monthly_usd": bill.cents / CENTS,
            "complete": bill.complete,
            "idle_usd": total(bill.idle) / CENTS,
            **{f"by_{field}": bill.parts(field) for field in ("kind", "team", "stage", "app")},
            "without_price": [line["name"] for line in bill.unknown],
        },
        "move": {one.name.lower(): one.count for one in hard},
        "unread": [{"list": one.table, "reason": one.reason, "items": list(one.items)} for one in unread(data)],
    }
