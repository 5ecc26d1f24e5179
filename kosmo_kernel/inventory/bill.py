"""Work out the monthly bill of an account: its processes at the prices of dyno sizes, and its add-ons.

Amounts are whole cents. They are what a month costs at most, at list prices: Heroku bills dynos by the second, and
720 hours are the most that a month is billed for. An add-on counts once, with the app that owns it, however many apps
use it. Eco is one price for all Eco dynos of an account together (Dev Center, "Eco Dyno Hours": a flat fee of a month).
One-off dynos have no price by the month and are not in it.

A price that is unknown is None and never zero: that of a contract, of a size that Heroku does not list, of an add-on
whose price the account may not see, and of a Private Space.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from kosmo_kernel.inventory.records import Row, at
from kosmo_kernel.inventory.source import AccountData, users_of_addons
from kosmo_kernel.text.times import iso_time

HOURS = 720  # of which a monthly price is the price (Dev Center, "Usage & Billing"; Heroku's command `ps:type`)
CENTS = 100  # of a dollar
IDLE_DAYS = 365  # without a release, after which dynos count as idle
LINE_COLUMNS = (
    *("kind", "app", "name", "plan", "quantity", "unit_usd", "usd_an_hour", "monthly_usd", "price", "idle"),
    *("team", "pipeline", "stage"),
)
BILLED = (
    "apps",
    "formation",
    "dyno_sizes",
    "account_addons",
    "spaces",
)  # the lists without which a bill is not complete
_ECO = "eco"
_WHOLE, _NONE = "(whole account)", "(none)"  # groups of lines that belong to no app, and of apps without a stage


@dataclass(frozen=True, slots=True)
class BillLine:
    """One position of a bill.

    Parameters:
        kind: what is billed: `dynos`, `add-on` or `private space`.
        name: the process type, or the name of the add-on or the space.
        plan: the dyno size, or the plan of the add-on.
        quantity: how many dynos or add-ons.
        unit_cents: what one costs a month; None if that is not known.
        cents: what all of them cost a month; None if that is not known.
        price: `known`, or why it is not: `contract`, `not shown`, `not listed`, `by hour`; `flat` where the Eco fee
            covers it.
        app: the app that it belongs to; None for what belongs to the whole account.
        team: the team of the app, or the e-mail address of its owner where there is none.
        pipeline: the pipeline that the app is in, or None.
        stage: its stage there, or None.
        idle: why it may be paid for nothing; empty if nothing says so.
    """

    kind: Literal["dynos", "add-on", "private space"]
    name: str
    plan: str
    quantity: int
    unit_cents: int | None
    cents: int | None
    price: str = "known"
    app: str | None = None
    team: str | None = None
    pipeline: str | None = None
    stage: str | None = None
    idle: str = ""

    def group(self, field: str) -> str:
        """Return the name of the group that the line is in by one of its fields."""
        return str(getattr(self, field) or (_WHOLE if self.app is None else _NONE))

    def as_row(self) -> dict[str, Any]:
        """Return the line as a row of a table, with dollars."""
        hour = None if self.unit_cents is None or self.kind != "dynos" else round(self.unit_cents / CENTS / HOURS, 4)
        amounts = {"unit_usd": dollars(self.unit_cents), "usd_an_hour": hour, "monthly_usd": dollars(self.cents)}
        values = asdict(self) | amounts
        return {name: values[name] for name in LINE_COLUMNS}


@dataclass(frozen=True, slots=True)
class BillGroup:
    """A part of a bill.

    Parameters:
        name: what its lines have in common.
        cents: what they cost a month, as far as it is known.
        lines: how many lines it has.
        unknown: how many of them have no known price.
    """

    name: str
    cents: int
    lines: int
    unknown: int

    @property
    def dollars(self) -> float | None:
        """Dollars a month of its lines; None if no price of them is known."""
        return None if self.unknown == self.lines else dollars(self.cents)

    def as_row(self, heading: str) -> dict[str, Any]:
        """Return the part as a row of a table, in which its name has a heading."""
        return {
            heading: self.name,
            "monthly_usd": self.dollars,
            "positions": self.lines,
            "without_price": self.unknown,
        }


@dataclass(frozen=True, slots=True)
class Bill:
    """The monthly bill of an account.

    Parameters:
        lines: its positions, the dearest first.
        complete: whether all that it is made of could be read.
    """

    lines: tuple[BillLine, ...]
    complete: bool = True

    @property
    def cents(self) -> int:
        """The sum of all known prices."""
        return total(self.lines)

    @property
    def unknown(self) -> list[BillLine]:
        """The lines without a known price."""
        return [line for line in self.lines if line.cents is None]

    @property
    def idle(self) -> list[BillLine]:
        """The lines that may be paid for nothing."""
        return [line for line in self.lines if line.idle]

    def by(self, field: str) -> list[BillGroup]:
        """Return the parts of the bill by a field of its lines, such as `team`, the dearest first."""
        groups: defaultdict[str, list[BillLine]] = defaultdict(list)
        for line in self.lines:
            groups[line.group(field)].append(line)
        parts = [
            BillGroup(name, total(lines), len(lines), sum(line.cents is None for line in lines))
            for name, lines in groups.items()
        ]
        return sorted(parts, key=lambda part: (-part.cents, part.name))

    def parts(self, field: str) -> list[dict[str, Any]]:
        """Return the parts of the bill by a field of its lines, as rows of a table."""
        return [part.as_row(field) for part in self.by(field)]

    def dollars(self, **groups: str) -> float:
        """Return the sum of all known prices, or of those in some groups such as `team="ops"`, in dollars."""
        lines = [line for line in self.lines if all(line.group(field) == name for field, name in groups.items())]
        return total(lines) / CENTS


def rows_of(lines: Iterable[BillLine], *columns: str) -> list[dict[str, Any]]:
    """Return lines as rows of a table, with some of their columns or all."""
    return [{name: row[name] for name in columns or row} for row in (line.as_row() for line in lines)]


def total(lines: Iterable[BillLine]) -> int:
    """Return the sum of the known prices of some lines, in cents."""
    return sum(line.cents or 0 for line in lines)


def bill_from(
    lists: Mapping[str, Sequence[dict[str, Any]]],
    *,
    now: str,
    unread: Iterable[Mapping[str, Any]] = (),
    idle_days: float = IDLE_DAYS,
) -> Bill:
    """Return the monthly bill of an account from lists of records, such as a script has read.

    Parameters:
        lists: the records by the name of their list, as for `bill_of`.
        now: the time of the data, `2026-11-20T09:00:00Z`.
        unread: what could not be read of `formation`, each with its `app_id`.
        idle_days: as for `bill_of`.
    """
    failures = [{**one, "table": "formation"} for one in unread]
    return bill_of(AccountData("", datetime.fromisoformat(now), lists, failures), idle_days=idle_days)


def bill_of(data: AccountData, *, idle_days: float = IDLE_DAYS) -> Bill:
    """Return the monthly bill of an account.

    Parameters:
        data: needs the lists `apps`, `formation`, `dyno_sizes`, `account_addons` and `spaces`; `pipelines` and
            `pipeline_couplings` for the stages, and `addon_attachments` for the apps that use an add-on.
        idle_days: dynos of an app without a release for so many days count as idle.
    """
    lines = [*_dynos(data, idle_days), *_addons(data), *_spaces(data)]
    lines.sort(key=lambda line: (-(line.cents or 0), line.kind, line.app or "", line.name))
    return Bill(tuple(lines), complete=data.is_whole(*BILLED))


class Prices:
    """The monthly prices of dyno sizes.

    Parameters:
        dyno_sizes: the records of `list_dyno_sizes`.
    """

    def __init__(self, dyno_sizes: Iterable[Row]) -> None:
        self._cents = {row["name"].lower(): monthly_cents(row.get("cost")) for row in dyno_sizes}

    def of_size(self, name: str) -> int | None:
        """Return the cents that one dyno of a size costs a month; for Eco, that all of them cost together."""
        return self._cents.get(name.lower())

    def of_dynos(self, size: str, quantity: int) -> int | None:
        """Return the cents that some dynos of one size cost a month."""
        cents = self.of_size(size)
        if not quantity:
            return 0
        return None if cents is None else cents * (1 if is_eco(size) else quantity)


def is_eco(size: str) -> bool:
    """Return whether dynos of a size share one price."""
    return size.lower() == _ECO


def _dynos(data: AccountData, idle_days: float) -> Iterator[BillLine]:
    """Yield a line for each process type with dynos, and one for the Eco fee."""
    prices = Prices(data.rows("dyno_sizes"))
    limit = iso_time(data.time - timedelta(days=idle_days))
    eco = 0
    for row in data.rows("formation"):
        size, count, name = row["size"], row["quantity"], data.app_name(row)
        if not count:
            continue
        if is_eco(size):
            eco += count
            yield BillLine("dynos", row["type"], size, count, 0, 0, "flat", *_place(data, name))
            continue
        app = data.apps.get(name, {})
        last = app.get("released_at") or app.get("created_at")
        idle = f"no release since {last[:10]}" if last and last < limit else ""
        cents = prices.of_dynos(size, count)
        price = "not listed" if cents is None else "known"
        yield BillLine("dynos", row["type"], size, count, prices.of_size(size), cents, price, *_place(data, name), idle)
    if eco:
        cents = prices.of_dynos(_ECO, eco)
        price = "not listed" if cents is None else "known"
        yield BillLine("dynos", "Eco, all dynos together", "Eco", 1, cents, cents, price)


def _addons(data: AccountData) -> Iterator[BillLine]:
    """Yield a line for each add-on, once."""
    running = {
        name: None if rows is None else any(row["quantity"] for row in rows)
        for name, rows in data.by_app("formation").items()
    }
    users, knows_users = users_of_addons(data), data.is_whole("addon_attachments")
    for row in {row["id"]: row for row in data.rows("account_addons")}.values():
        if row.get("state") == "deprovisioned":
            continue
        cents, owner = addon_cents(row), data.app_name(row)
        # An app whose processes are not known may run, and so may one of which nobody knows that it uses the add-on.
        is_idle = knows_users and cents != 0 and all(running.get(app, True) is False for app in users[row["id"]])
        idle = "no process runs" if is_idle else ""
        yield BillLine(
            "add-on", row["name"], at(row, "plan.name") or "", 1, cents, cents, _price(row), *_place(data, owner), idle
        )


def _spaces(data: AccountData) -> Iterator[BillLine]:
    """Yield a line for each Private Space, whose price Heroku's API does not have."""
    for row in data.rows("spaces"):
        plan = "Shield" if row.get("shield") else "Private"
        yield BillLine("private space", row["name"], plan, 1, None, None, "not shown", team=at(row, "team.name"))


def _place(data: AccountData, name: str) -> tuple[str, str | None, str | None, str | None]:
    """Return an app's name, its team or owner, and its pipeline and stage there."""
    app = data.apps.get(name)
    return (name, at(app, "team.name") or at(app, "owner.email"), *data.stages.get(name, (None, None)))


def addon_cents(row: Row) -> int | None:
    """Return the cents that an add-on costs a month; None if that is not known."""
    return None if at(row, "billed_price.contract") else monthly_cents(row.get("billed_price"))


def _price(row: Row) -> str:
    """Return whether the price of an add-on is known, or why it is not."""
    if addon_cents(row) is not None:
        return "known"
    unit = at(row, "billed_price.unit")
    return "contract" if at(row, "billed_price.contract") else f"by {unit}" if unit else "not shown"


def monthly_cents(price: Mapping[str, Any] | None) -> int | None:
    """Return the cents of a price by the month; None for another one, or none."""
    if not price or price.get("unit") != "month":
        return None
    return price.get("cents")


def dollars(cents: int | None) -> float | None:
    """Return cents as dollars."""
    return None if cents is None else cents / CENTS
