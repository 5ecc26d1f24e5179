"""Records of an account beside its apps: pipelines, invitations, authorizations, keys, private spaces, and bills.

The stages of each pipeline drifted apart: other stacks, other config vars, other plans, and releases of another day.
The bills follow from the sizes of dynos and the plans of add-ons.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from kosmo_kernel.demo import ago
from kosmo_kernel.integrations.heroku.demo import app_records
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

# Pipelines ----------------------------------------------------------------------------------------------

# Of each pipeline: the team that owns it, since when, and its apps by stage.
_PIPELINES = {
    "addresses": (TEAM, "2023-02-20T10:00:00Z", {"address-checker": "production"}),
    "bookings": (TEAM, "2021-05-10T09:00:00Z", {"price-quotes": "staging", "booking-api": "production"}),
    "last-mile": (
        LABS,
        "2026-02-16T13:20:00Z",
        {"van-telemetry": "review", "fleet-radio": "staging", "route-planner": "production"},
    ),
    "parcel-tracker": (
        TEAM,
        "2018-06-01T08:00:00Z",
        {"parcel-tracker-staging": "staging", "parcel-tracker": "production"},
    ),
}
# Review apps that Heroku could not create: their pipelines, pull requests and branches; and how many days ago.
_WITHOUT_APP = (("parcel-tracker", 812, "new-map"),)
_DAYS_WITHOUT_APP = 33.4
_GENERATED = 4  # of so many apps in a row, a generated company has the first two in a pipeline
_WITH_REVIEW = 8  # and of so many pipelines, one has the third app as a review app


def apps_in(stage: str) -> set[str]:
    """Return the names of the apps of Larkmoor Parcels in a stage of a pipeline."""
    return {app for _, _, stages in _PIPELINES.values() for app, its_stage in stages.items() if its_stage == stage}


def pipelines(make: Maker) -> list[Record]:
    """Return the pipelines of the company that have an app that the account can reach."""
    return [
        {
            "created_at": since,
            "generation": reference("generation", "cedar"),
            **reference("pipeline", name),
            "owner": {"id": ident("team", team), "type": "team"},
            "updated_at": since,
        }
        for name, (team, since, stages) in _facts(make).items()
        if any(make.company.find(app) for app in stages)
    ]


def couplings(make: Maker, parent: Record | None = None) -> list[Record]:
    """Return which app is in which stage, of all pipelines, one pipeline, or the apps of one team."""
    records = []
    for name, (_, since, stages) in _facts(make).items():
        for app_name, stage in stages.items():
            app = make.company.find(app_name)
            if app and (parent is None or parent["id"] in (ident("pipeline", name), (app["team"] or {}).get("id"))):
                created = max(since, app["created_at"])
                records.append(
                    {
                        "app": {"id": app["id"]},
                        "created_at": created,
                        "id": ident("coupling", app_name),
                        "pipeline": {"id": ident("pipeline", name)},
                        "stage": stage,
                        "updated_at": created,
                    }
                )
    return records


def own_couplings(make: Maker) -> list[Record]:
    """Return the couplings of the apps that the account itself is a collaborator of."""
    joined = {app["id"] for app in make.company.apps if make.company.joined(app)}
    return [coupling for coupling in make.records("/pipeline-couplings") if coupling["app"]["id"] in joined]


def latest_builds(make: Maker, pipeline: Record) -> list[Record]:
    """Return the last build of each app in a pipeline."""
    latest = [build for app in apps_of(make, pipeline) for build in app_records.builds(make, app)[-1:]]
    return [{name: value for name, value in build.items() if name != "generation"} for build in latest]


def latest_releases(make: Maker, pipeline: Record) -> list[Record]:
    """Return the last release of each app in a pipeline."""
    return [release for app in apps_of(make, pipeline) for release in make.company.releases(app)[-1:]]


def apps_of(make: Maker, pipeline: Record) -> list[Record]:
    """Return the apps in a pipeline."""
    apps = [make.company.find(coupling["app"]["id"]) for coupling in couplings(make, pipeline)]
    return [app for app in apps if app]


def promotions(make: Maker) -> list[Record]:
    """Return the last promotion in each pipeline, which Heroku tells one by one."""
    records = []
    for pipeline in pipelines(make):
        released = latest_releases(make, pipeline)
        if len(released) > 1:
            source = {"app": released[0]["app"], "release": released[0]}
            values = {"id": ident("promotion", pipeline["name"]), "pipeline": pipeline, "status": "completed"}
            since = released[-1]["created_at"]
            records.append(make("pipeline-promotion", pipeline["name"], **values, source=source, created_at=since))
    return records


def promotion_targets(make: Maker, promotion: Record) -> list[Record]:
    """Return where a promotion led: the production app of its pipeline."""
    released = latest_releases(make, promotion["pipeline"])[-1]
    values = {"app": released["app"], "release": released, "error_message": None, "status": "succeeded"}
    return [make("pipeline-promotion-target", promotion["id"], pipeline_promotion=promotion, **values)]


def pipeline_stack(make: Maker, pipeline: Record) -> Record:
    """Return the stack that new apps of a pipeline get: that of its last stage."""
    return {"stack": next((app["stack"] for app in reversed(apps_of(make, pipeline))), None)}


def review_apps(make: Maker, pipeline: Record | None = None) -> list[Record]:
    """Return the review apps of a pipeline, or of all."""
    records = []
    for coupling in make.records("/pipeline-couplings"):
        app = make.company.find(coupling["app"]["id"])
        if app and coupling["stage"] == "review":
            number, branch = app_records.REVIEW.get(app["name"], (int(app["id"][-2:], 16) + 1, f"try-{app['name']}"))
            records.append(_review_app(make, coupling["pipeline"], app, number, branch))
    for name, number, branch in _WITHOUT_APP:
        if name in _facts(make):
            records.append(_review_app(make, {"id": ident("pipeline", name)}, None, number, branch))
    return [record for record in records if pipeline is None or record["pipeline"]["id"] == pipeline["id"]]


def _review_app(make: Maker, pipeline: Record, app: Record | None, number: int, branch: str) -> Record:
    """Return a review app; one whose setup failed, or that has no app, is in error."""
    failed = app is None or app["name"] in app_records.REVIEW
    values = {"branch": branch, "pr_number": number, "pipeline": pipeline, "status": "errored" if failed else "created"}
    setup = {"id": ident("app-setup", app["name"])} if app and failed else None
    values |= {"app": app, "app_setup": setup, "creator": user(STAFF[2]), "message": None}
    values |= {"error_status": "app-setup-failed" if failed else None, "fork_repo": None, "wait_for_ci": False}
    since = app["created_at"] if app else ago(_DAYS_WITHOUT_APP)
    return make("review-app", app["name"] if app else f"{pipeline['id']}/{number}", created_at=since, **values)


def review_app_config(make: Maker, pipeline: Record) -> Record:
    """Return how a pipeline makes review apps."""
    target = {"id": ident("region", "eu"), "type": "region"}
    values = {"pipeline_id": pipeline["id"], "deploy_target": target, "base_name": pipeline["name"]}
    return make("review-app-config", pipeline["name"], stale_days=5, destroy_stale_apps=False, **values)


def _facts(make: Maker) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Return the pipelines of the company by name; a generated one has pairs of neighbours."""
    if make.company.find_any("parcel-tracker"):
        return _PIPELINES
    apps, pipelines = make.company.every_app, {}
    for first in range(1, len(apps) - 1, _GENERATED):
        staging, production, *others = apps[first : first + 3]
        stages = {staging["name"]: "staging", production["name"]: "production"}
        if first % (_GENERATED * _WITH_REVIEW) == 1:
            stages |= {app["name"]: "review" for app in others}
        since = max(staging["created_at"], production["created_at"])
        pipelines[f"{staging['name'][:24]}-flow"] = (TEAM, since, stages)
    return pipelines


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


def delinquency(_make: Maker, team: Record | None = None) -> Record:
    """Return when the account or a team is suspended and deleted; one team has a bill that is not paid."""
    days = {"scheduled_deletion_time": -41, "scheduled_suspension_time": -11}
    is_late = team is not None and team["name"] == LABS
    return {name: ago(ahead) if is_late else None for name, ahead in days.items()}


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
                    "dynos": [
                        {
                            "id": dyno["id"],
                            "number": number,
                            "private_ip": f"10.0.{number}.{int(dyno['id'][-2:], 16)}",
                            "hostname": f"{number}.{dyno['type']}.app.local",
                        }
                        for number, dyno in enumerate(dynos, 1)
                        if dyno["type"] == process["type"]
                    ],
                }
                for process in make.company.formation(app)
            ]
            domains = [domain["hostname"] for domain in make.company.resources_of(app).domains]
            apps.append({"id": app["id"], "domains": domains, "formation": formation})
    return {"version": 1, "apps": apps}


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
    return [
        make("invoice", month, charges_total=cents, total=cents, state=_PAID, **values)
        for month, values in _invoiced(make)
    ]


def team_invoices(make: Maker, team: Record) -> list[Record]:
    """Return the invoices of a team; the last one is not paid yet."""
    usage = _usage(make, team, "month")
    dynos, addons, data = (round(usage[name] * 100) for name in ("dynos", "addons", "data"))
    sums = {"platform_total": dynos, "addons_total": addons, "database_total": data}
    sums |= dict.fromkeys(("charges_total", "total"), dynos + addons + data)
    records = []
    for month, values in _invoiced(make):
        is_last = values["number"] == _MONTHS
        state = {"state": _OPEN, "payment_status": "Pending"} if is_last else {"state": _PAID, "payment_status": "Paid"}
        id_ = ident("invoice", f"{team['name']}/{values['number']}")
        records.append(make("team-invoice", f"{team['name']}/{month}", id=id_, **values, **sums, **state))
    return records


def _invoiced(make: Maker) -> Iterator[tuple[str, Record]]:
    """Yield the months that have been invoiced, with the fields that invoices of the account and of teams have."""
    for number, month in enumerate(make.months(_MONTHS), 1):
        period = {"period_start": f"{month}-01", "period_end": f"{month}-28"}
        yield month, {"number": number, **period, "credits_total": 0, "created_at": ago(19 + 30 * (_MONTHS - number))}


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
