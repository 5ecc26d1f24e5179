"""The bills of the company: the usage of teams by day and month, and invoices.

All of it follows from the sizes of dynos and the plans of add-ons.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from kosmo_kernel.demo.heroku_error import HerokuError
from kosmo_kernel.demo.models import Record, ident
from kosmo_kernel.demo.record_maker import Maker
from kosmo_kernel.demo.times import ago

_MONTHS = 3  # so many have been invoiced
_DAYS = 30  # of a month, as a share of its price
_PAID, _OPEN = 1, 0
_FIRST_DAY = date(2016, 1, 1)


def team_monthly(make: Maker, team: Record, start: str, end: str) -> list[Record]:
    """Return what a team used in each month from `start` to `end`."""
    return _monthly(make, _usage(make, team), start, end)


def team_daily(make: Maker, team: Record, start: str, end: str) -> list[Record]:
    """Return what a team used on each day from `start` to `end`."""
    return _daily(make, _usage(make, team, 1 / _DAYS), start, end)


def enterprise_monthly(make: Maker, account: Record, start: str, end: str) -> list[Record]:
    """Return what all teams used in each month from `start` to `end`."""
    teams = [_usage(make, team) | {"connect": 0} for team in make.company.teams]
    return _monthly(make, _total(account, teams), start, end)


def enterprise_daily(make: Maker, account: Record, start: str, end: str) -> list[Record]:
    """Return what all teams used on each day from `start` to `end`."""
    teams = [_usage(make, team, 1 / _DAYS) for team in make.company.teams]
    return _daily(make, _total(account, teams), start, end)


def invoices(make: Maker) -> list[Record]:
    """Return the invoices of the account, for the apps that it owns itself."""
    own = [app for app in make.company.every_app if app["owner"]["id"] == make.company.account["id"]]
    cents = sum(sum(_cents(make, app)) for app in own)
    found = []
    for number, month in enumerate(make.months(_MONTHS), 1):
        given = {"number": number, "period_start": f"{month}-01", "period_end": f"{month}-28", "state": _PAID}
        given |= {"charges_total": cents, "credits_total": 0, "total": cents, "created_at": _closed(number)}
        found.append(make("invoice", month, **given))
    return found


def team_invoices(make: Maker, team: Record) -> list[Record]:
    """Return the invoices of a team; the last one is not paid yet."""
    usage = _usage(make, team)
    dynos, addons, data = (round(usage[name] * 100) for name in ("dynos", "addons", "data"))
    found = []
    for number, month in enumerate(make.months(_MONTHS), 1):
        is_last = number == _MONTHS
        given = {"number": number, "period_start": f"{month}-01", "period_end": f"{month}-28"}
        given |= {"platform_total": dynos, "addons_total": addons, "database_total": data, "credits_total": 0}
        given |= {"charges_total": dynos + addons + data, "total": dynos + addons + data}
        given |= {"state": _OPEN if is_last else _PAID, "payment_status": "Pending" if is_last else "Paid"}
        given |= {"id": ident("invoice", f"{team['name']}/{number}"), "created_at": _closed(number)}
        found.append(make("team-invoice", f"{team['name']}/{month}", **given))
    return found


def _closed(number: int) -> str:
    return ago(19 + 30 * (_MONTHS - number))


def _monthly(make: Maker, usage: Record, start: str, end: str) -> list[Record]:
    return [usage | {"month": month, "connect": 0} for month in _period(make, start, end, "%Y-%m")]


def _daily(make: Maker, usage: Record, start: str, end: str) -> list[Record]:
    return [usage | {"date": day} for day in _period(make, start, end, "%Y-%m-%d")]


def _usage(make: Maker, team: Record, share: float = 1) -> Record:
    """Return what the apps of a team cost, in dollars, as far as a share of a month."""
    apps = []
    for app in make.company.owned_by(team, make.company.every_app):
        dynos, addons, data = (round(cents / 100 * share, 2) for cents in _cents(make, app))
        apps.append({"addons": addons, "app_name": app["name"], "data": data, "dynos": dynos, "partner": 0})
    return _total(team, apps, "apps")


def _total(owner: Record, parts: list[Record], name: str = "teams") -> Record:
    sums = {kind: round(sum(one[kind] for one in parts), 2) for kind in ("addons", "data", "dynos", "partner")}
    return {**sums, "id": owner["id"], "name": owner["name"], "space": 0, name: parts}


def _cents(make: Maker, app: Record) -> tuple[int, int, int]:
    """Return what an app costs a month: its dynos, its add-ons of other makers, and its data."""
    prices = {size["name"]: size["cost"]["cents"] for size in make.records("/dyno-sizes")}
    dynos = sum(one["quantity"] * prices.get(one["size"], 0) for one in make.company.formation(app))
    addons = data = 0
    for addon in make.company.resources_of(app).addons:
        cents = (addon["billed_price"] or {"cents": 0})["cents"]
        is_data = addon["addon_service"]["name"] in ("heroku-postgresql", "heroku-redis", "heroku-kafka")
        data, addons = data + cents * is_data, addons + cents * (not is_data)
    return dynos, addons, data


def _period(make: Maker, start: str, end: str, form: str) -> list[str]:
    """Return the days or months of a period, none of them ahead of today."""
    try:
        first, last = (datetime.strptime(text, form).date() for text in (start, end or start))  # noqa: DTZ007 - a day
    except ValueError:
        raise HerokuError(422, "invalid_params", f"A date has to look like {make.today:{form}}.") from None
    first, last = max(first, _FIRST_DAY), min(last, make.today.date())
    days = (first + timedelta(n) for n in range((last - first).days + 1))
    return list(dict.fromkeys(date.strftime(one, form) for one in days))
