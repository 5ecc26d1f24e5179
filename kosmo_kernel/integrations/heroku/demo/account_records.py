"""Records of an account beside its apps: invitations, authorizations, keys, private spaces, and bills.

The bills follow from the sizes of dynos and the plans of add-ons.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from kosmo_kernel.demo import ago
from kosmo_kernel.integrations.heroku.demo.company_data import (
    ENTERPRISE,
    JUNO,
    LABS,
    OSKAR,
    PRIYA,
    SIGN_IN,
    STAFF,
    TEAM,
)
from kosmo_kernel.integrations.heroku.demo.http import HerokuError
from kosmo_kernel.integrations.heroku.demo.models import Person, Record, ident, reference
from kosmo_kernel.integrations.heroku.demo.record_maker import Maker, fictional, user

# Access -------------------------------------------------------------------------------------------------

# Invitations that nobody took: to which team, whom, in which role, by whom, how many days ago.
_INVITATIONS = (
    (TEAM, Person("noor.haddad@larkmoor.example"), "member", PRIYA, 6.3),
    (TEAM, Person("bruno@pixelbarn.example"), "admin", JUNO, 74.5),
    (LABS, Person("kit.fenwick@larkmoor.example"), "member", OSKAR, 19.1),
)
# Authorizations of the account: what for, their scopes, how many days ago, for how many seconds (None: for ever).
_AUTHORIZATIONS = (
    ("Deploys from the build service", ("write",), 770.2, None),
    ("Tom's laptop", ("global",), 611.4, None),
    ("Nightly inventory", ("read", "identity"), 31.0, 60 * 86400),
)


def enterprise_accounts(make: Maker) -> list[Record]:
    """Return the one enterprise account of the company."""
    values = {"identity_provider": SIGN_IN, "trial": False, "permissions": ["view", "create", "manage", "billing"]}
    return [make("enterprise-account", ENTERPRISE, **reference("enterprise-account", ENTERPRISE), **values)]


def audit_trail(make: Maker, account: Record) -> list[Record]:
    """Return what happened in the enterprise account lately."""
    events = []
    for n, (app, person) in enumerate(zip(make.company.every_app, STAFF, strict=False)):
        values = {"app": app, "actor": user(person), "owner": app["owner"], "team": app["team"] or {}}
        values |= {"type": "app", "action": "update", "data": {}, "created_at": max(ago(n + 0.5), app["created_at"])}
        events.append(make("audit-trail-event", f"{n}", enterprise_account=account, **values))
    return events


def archives(make: Maker, _account: Record) -> list[Record]:
    """Return the archives of the audit trail, one of each of the last months."""
    return [
        make("archive", month, year=int(month[:4]), month=month[5:], created_at=ago(10 + 30 * n), size=4096 + n)
        for n, month in enumerate(make.months(3))
    ]


def all_invitations(make: Maker) -> list[Record]:
    """Return the invitations to all teams."""
    return [invitation for team in make.company.teams for invitation in invitations(make, team)]


def invitations(make: Maker, team: Record) -> list[Record]:
    """Return the invitations to a team that nobody took."""
    return [
        make(
            "team-invitation",
            person.email,
            id=ident("invitation", person.email),
            team=team,
            role=role,
            user=user(person),
            invited_by=user(by),
            created_at=ago(days),
        )
        for name, person, role, by, days in _INVITATIONS
        if name == team["name"]
    ]


def member_apps(make: Maker, team: Record, member: Record) -> list[Record]:
    """Return the apps of a team that a member can reach: all of them for an administrator."""
    return [
        app
        for app in make.company.team_apps(team)
        if member["role"] == "admin" or make.company.joined(app, member["user"])
    ]


def permission_entities(make: Maker, team: Record) -> list[Record]:
    """Return who may do what in each app of a team."""
    return [
        {
            "id": app["id"],
            "name": app["name"],
            "team_id": team["id"],
            "type": "app",
            "users": [
                {
                    "id": seat["user"]["id"],
                    "email": seat["user"]["email"],
                    "permissions": [permission["name"] for permission in seat["permissions"]],
                }
                for seat in make.company.resources_of(app).collaborators
            ],
        }
        for app in make.company.team_apps(team)
    ]


def authorizations(make: Maker) -> list[Record]:
    """Return the authorizations of the account."""
    records = []
    for description, scopes, days, seconds in _AUTHORIZATIONS:
        token = {"id": ident("token", description), "expires_in": seconds, "token": fictional(description)}
        values = {"description": description, "scope": list(scopes), "access_token": token, "client": None}
        values |= {"grant": None, "refresh_token": None, "session": None, "user": user(JUNO), "created_at": ago(days)}
        records.append(make("oauth-authorization", description, **values))
    return records


def transfers(make: Maker) -> list[Record]:
    """Return the app that is to be handed over to the account, and waits: the agency's, or a colleague's."""
    foreign = (app for app in make.company.apps if app["team"] is None and app["owner"]["id"] != JUNO.id)
    app = make.company.find("wholesale-portal") or next(foreign, None)
    if app is None:
        return []
    values = {"owner": app["owner"], "recipient": user(JUNO), "state": "pending", "created_at": ago(40.6)}
    return [make("app-transfer", "1", app=app, **values)]


def keys(make: Maker) -> list[Record]:
    """Return the SSH keys of the account; one is of a computer that nobody has any more."""
    return [
        make("key", comment, comment=comment, email=JUNO.email, created_at=ago(days))
        for comment, days in {"juno@laptop": 77.0, "juno@old-laptop": 1420.3}.items()
    ]


def team_delinquency(_make: Maker, team: Record) -> Record:
    """Return when a team is suspended and deleted; one has a bill that is not paid."""
    is_late = team["name"] == LABS
    return {
        "scheduled_deletion_time": ago(-41) if is_late else None,
        "scheduled_suspension_time": ago(-11) if is_late else None,
    }


# Private spaces -----------------------------------------------------------------------------------------

_SPACES = {"larkmoor-fir": "2026-01-28T10:05:00Z", "larkmoor-secure": "2023-09-26T08:40:00Z"}
_PILOT = ("larkmoor-pilot", LABS, "virginia", "2026-03-09T15:20:00Z")  # nothing runs in it


def spaces(make: Maker) -> list[Record]:
    """Return the spaces, as the apps in them tell."""
    name, owner, region, since = _PILOT
    where = {"region": reference("region", region), "generation": reference("generation", "cedar"), "shield": False}
    by_name = {name: _space(make, name, since, reference("team", owner), **where)}
    for app in make.company.every_app:
        if app["space"] and app["space"]["name"] not in by_name:
            name = app["space"]["name"]
            where = {"region": app["region"], "generation": app["generation"], "shield": app["space"]["shield"]}
            by_name[name] = _space(make, name, _SPACES.get(name) or app["created_at"], app["team"], **where)
    return [by_name[name] for name in sorted(by_name)]


def _space(make: Maker, name: str, since: str, team: Record | None, **where: Any) -> Record:
    values = {"team": team, "organization": team, "state": "allocated", "created_at": since, **where}
    return make("space", name, **reference("space", name), cidr="10.0.0.0/16", data_cidr="172.23.0.0/20", **values)


def team_spaces(make: Maker, team: Record) -> list[Record]:
    """Return the spaces of a team."""
    return [space for space in make.records("/spaces") if space["team"]["id"] == team["id"]]


def members(make: Maker, space: Record) -> list[Record]:
    """Return the members of the team of a space, with what each may do there; its administrators create apps."""
    [team] = (team for team in make.company.teams if team["id"] == space["team"]["id"])
    creates = [{"name": "create_apps", "description": "Create apps in the space"}]
    return [
        {
            "created_at": max(member["created_at"], space["created_at"]),
            "id": ident("space-member", f"{space['name']}/{member['email']}"),
            "permissions": creates if member["role"] == "admin" else [],
            "space": reference("space", space["name"]),
            "updated_at": max(member["created_at"], space["created_at"]),
            "user": {"email": member["email"], "id": member["user"]["id"]},
        }
        for member in make.company.members(team)
        if member["role"] != "collaborator"
    ]


def topology(make: Maker, space: Record) -> Record:
    """Return where the dynos of a space run."""
    apps = []
    for app in make.company.every_app:
        if app["space"] and app["space"]["id"] == space["id"]:
            dynos = make.company.resources_of(app).dynos
            formation = [
                {
                    "id": process["id"],
                    "process_type": process["type"],
                    "dynos": [_place(n, dyno) for n, dyno in enumerate(dynos, 1) if dyno["type"] == process["type"]],
                }
                for process in make.company.formation(app)
            ]
            domains = [domain["hostname"] for domain in make.company.resources_of(app).domains]
            apps.append({"id": app["id"], "domains": domains, "formation": formation})
    return {"version": 1, "apps": apps}


def _place(number: int, dyno: Record) -> Record:
    address = f"10.0.{number}.{int(dyno['id'][-2:], 16)}"
    return {"id": dyno["id"], "number": number, "private_ip": address, "hostname": f"{number}.{dyno['type']}.app.local"}


# Bills --------------------------------------------------------------------------------------------------

_MONTHS = 3  # so many have been invoiced
_PAID, _OPEN = 1, 0
_FIRST_DAY = date(2016, 1, 1)


class _Unit(NamedTuple):
    """A unit of time for which usage is listed, by the field that names it."""

    form: str  # of its text
    share: float  # of the price of a month
    more: Record  # further fields


_UNITS = {"month": _Unit("%Y-%m", 1, {"connect": 0}), "date": _Unit("%Y-%m-%d", 1 / 30, {})}


def team_usage(make: Maker, team: Record, start: str, end: str, *, unit: str) -> list[Record]:
    """Return what a team used on each day or in each month from `start` to `end`."""
    return _in_period(make, _usage(make, team, unit), start, end, unit)


def enterprise_usage(make: Maker, account: Record, start: str, end: str, *, unit: str) -> list[Record]:
    """Return what all teams used on each day or in each month from `start` to `end`."""
    teams = [_usage(make, team, unit) | _UNITS[unit].more for team in make.company.teams]
    return _in_period(make, _total(account, teams, "teams"), start, end, unit)


def invoices(make: Maker) -> list[Record]:
    """Return the invoices of the account, for the apps that it owns itself."""
    own = [app for app in make.company.every_app if app["owner"]["id"] == make.company.account["id"]]
    cents = sum(sum(_cents(make, app)) for app in own)
    records = []
    for number, month in enumerate(make.months(_MONTHS), 1):
        values = {"number": number, "period_start": f"{month}-01", "period_end": f"{month}-28", "state": _PAID}
        values |= {"charges_total": cents, "credits_total": 0, "total": cents, "created_at": _closed(number)}
        records.append(make("invoice", month, **values))
    return records


def team_invoices(make: Maker, team: Record) -> list[Record]:
    """Return the invoices of a team; the last one is not paid yet."""
    usage = _usage(make, team, "month")
    dynos, addons, data = (round(usage[name] * 100) for name in ("dynos", "addons", "data"))
    records = []
    for number, month in enumerate(make.months(_MONTHS), 1):
        is_last = number == _MONTHS
        values = {"number": number, "period_start": f"{month}-01", "period_end": f"{month}-28"}
        values |= {"platform_total": dynos, "addons_total": addons, "database_total": data, "credits_total": 0}
        values |= {"charges_total": dynos + addons + data, "total": dynos + addons + data}
        values |= {"state": _OPEN if is_last else _PAID, "payment_status": "Pending" if is_last else "Paid"}
        values |= {"id": ident("invoice", f"{team['name']}/{number}"), "created_at": _closed(number)}
        records.append(make("team-invoice", f"{team['name']}/{month}", **values))
    return records


def _closed(number: int) -> str:
    return ago(19 + 30 * (_MONTHS - number))


def _in_period(make: Maker, usage: Record, start: str, end: str, unit: str) -> list[Record]:
    """Return the usage for each day or month of a period, none of them ahead of today."""
    form = _UNITS[unit].form
    try:
        first, last = (datetime.strptime(text, form).date() for text in (start, end or start))  # noqa: DTZ007 - a day
    except ValueError:
        raise HerokuError(422, "invalid_params", f"A date has to look like {make.today:{form}}.") from None
    first, last = max(first, _FIRST_DAY), min(last, make.today.date())
    days = (first + timedelta(n) for n in range((last - first).days + 1))
    return [usage | {unit: text} | _UNITS[unit].more for text in dict.fromkeys(day.strftime(form) for day in days)]


def _usage(make: Maker, team: Record, unit: str) -> Record:
    """Return what the apps of a team cost on a day or in a month, in dollars."""
    apps = []
    for app in make.company.owned_by(team, make.company.every_app):
        dynos, addons, data = (round(cents / 100 * _UNITS[unit].share, 2) for cents in _cents(make, app))
        apps.append({"addons": addons, "app_name": app["name"], "data": data, "dynos": dynos, "partner": 0})
    return _total(team, apps, "apps")


def _total(owner: Record, parts: list[Record], name: str) -> Record:
    sums = {kind: round(sum(part[kind] for part in parts), 2) for kind in ("addons", "data", "dynos", "partner")}
    return {**sums, "id": owner["id"], "name": owner["name"], "space": 0, name: parts}


def _cents(make: Maker, app: Record) -> tuple[int, int, int]:
    """Return what an app costs a month: its dynos, its add-ons of other makers, and its data."""
    prices = {size["name"]: size["cost"]["cents"] for size in make.records("/dyno-sizes")}
    dynos = sum(process["quantity"] * prices.get(process["size"], 0) for process in make.company.formation(app))
    addons = data = 0
    for addon in make.company.resources_of(app).addons:
        cents = (addon["billed_price"] or {"cents": 0})["cents"]
        is_data = addon["addon_service"]["name"] in ("heroku-postgresql", "heroku-redis", "heroku-kafka")
        data, addons = data + cents * is_data, addons + cents * (not is_data)
    return dynos, addons, data
