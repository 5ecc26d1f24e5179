"""The inventory of a Heroku account: its tables, its key figures, and what makes a move to another platform hard.

It has what Terraform manages, with the identifiers that the provider heroku/heroku imports it by. What Terraform would
not manage is left out: review apps, which come and go with pull requests, and what Heroku or an add-on makes by itself,
such as the domain of each app below `herokuapp.com`, certificates that Heroku renews, an add-on's own drain and its
first attachment.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from kosmo_kernel.catalogue.inventory import (
    AccountTables,
    Import,
    InventoryFacts,
    KeyFigure,
    ObstacleKind,
    Row,
    Terraform,
)
from kosmo_kernel.text import counted, iso_time, value_at

_TEAM_ACCOUNT = "@herokumanager.com"  # ends the address that stands for a team where Heroku wants a person
PROVIDER = Path(__file__).with_name("provider.tf")
CENTS = 100  # of a dollar
BILLED = ("apps", "formation", "dyno_sizes", "account_addons", "spaces")
PEOPLE = ("collaborators", "team_members", "space_members", "enterprise_account_members")  # the lists of people
# The fields by which an inventory names, counts or places a record. Heroku sends them with every record.
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "apps": ("id", "name"),
    "dyno_sizes": ("name",),
    "account_addons": ("id", "name", "app.id"),
    "addon_attachments": ("id", "name", "app.id", "addon.id", "addon.name"),
    "pipelines": ("id", "name"),
    "pipeline_couplings": ("id", "app.id", "pipeline.id", "stage"),
    "teams": ("id", "name"),
    "spaces": ("id", "name"),
    "enterprise_accounts": ("name",),
    "formation": ("type", "size", "quantity"),
    "buildpack_installations": ("buildpack.name",),
    "app_webhooks": ("id",),
    "domains": ("id", "hostname", "kind"),
    "sni_endpoints": ("id", "name"),
    "config_vars": ("name",),
    "log_drains": ("id",),
    "telemetry_drains": ("id", "owner.id"),
    "collaborators": ("user.email",),
    "team_apps": ("id", "name"),
    "team_members": ("team", "email"),
    "team_invitations": ("team.name", "user.email"),
    "space_members": ("space.name", "user.email"),
    "enterprise_account_members": ("enterprise_account.name", "user.email"),
}


def key_figures(data: AccountTables) -> Iterable[KeyFigure]:
    """Yield the key figures of an account."""
    for figure in (_apps, _processes, _cost, _databases, _domains, _people):
        yield figure(data)


def _apps(data: AccountTables) -> KeyFigure:
    apps = data.rows("apps")
    teams = {name for app in apps if (name := value_at(app, "team.name"))}
    personal = sum(value_at(app, "team.name") is None for app in apps)
    detail = [f"in {counted(len(teams), 'team')}"] if teams else []
    detail += [f"{personal:,} personal"] if personal else []
    return KeyFigure("Apps", len(apps), ", ".join(detail), at_least=not data.is_whole("apps", "team_apps"))


def _processes(data: AccountTables) -> KeyFigure:
    if not data.has("formation"):
        return KeyFigure("Processes", None)
    rows = data.rows("formation")
    dynos, idle = sum(row["quantity"] for row in rows), sum(row["quantity"] == 0 for row in rows)
    detail = [counted(dynos, "dyno"), f"{idle:,} scaled to zero"]
    return _figure("Processes", len(rows), detail, data, "formation")


def _cost(data: AccountTables) -> KeyFigure:
    if not data.has("formation", "account_addons"):
        return KeyFigure("Monthly cost", None, unit="usd")
    bill = data.bill
    detail = [f"${bill.idle_cents / CENTS:,.0f} of it idle"] if bill.idle_cents else []
    detail += [f"{len(bill.unknown):,} without a known price"] if bill.unknown else []
    return _figure("Monthly cost", bill.cents / CENTS, detail, data, *BILLED, unit="usd")


def _databases(data: AccountTables) -> KeyFigure:
    if not data.has("account_addons"):
        return KeyFigure("Databases", None)
    services = Counter(row["service"] for row in data.answer("addons") if row["database"])
    detail = ", ".join(f"{count:,} {service}" for service, count in services.most_common(3))
    return _figure("Databases", services.total(), [detail] if detail else [], data, "account_addons")


def _domains(data: AccountTables) -> KeyFigure:
    if not data.has("domains"):
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


def _people(data: AccountTables) -> KeyFigure:
    if not data.has("collaborators", "team_members"):
        return KeyFigure("People", None)
    everybody = data.answer("people")
    # Who is in no team, only all members of all teams can tell.
    outside = sum(not person["teams"] for person in everybody) if data.is_whole("team_members") else 0
    without = sum(person["two_factor"] is False for person in everybody)
    detail = [f"{outside:,} in no team"] if outside else []
    detail += [f"{without:,} without a second factor"] if without else []
    return _figure("People", len(everybody), detail, data, *PEOPLE)


def _figure(
    name: str, value: float, detail: Sequence[str], data: AccountTables, *lists: str, unit: str = ""
) -> KeyFigure:
    """Return a figure and its details, which are bounds if one of their lists has gaps."""
    at_least = not data.is_whole(*lists)
    texts = [f"at least {text}" if at_least else text for text in detail]
    return KeyFigure(name, value, ", ".join(texts), unit, at_least)


def _shared(data: AccountTables) -> dict[str, int]:
    """Return the add-ons that several apps use, with the apps."""
    users = {row["name"]: list(row["used_by"]) for row in data.answer("addons")}
    for row in data.answer("addon_attachments"):  # of an app that the account cannot see as well
        apps = users.setdefault(row["addon"], [])
        apps += [row["app"]] * (row["app"] not in apps)
    return {f"{name}: {', '.join(users[name])}": 1 for name in sorted(users) if len(users[name]) > 1}


def _only_on_heroku(data: AccountTables) -> dict[str, int]:
    """Return how many add-ons there are of each service of Heroku's own."""
    return dict(Counter(row["service"] for row in data.answer("addons") if row["only_on_heroku"]).most_common())


def _review_apps(data: AccountTables) -> dict[str, int]:
    return dict.fromkeys(sorted(review_apps(data)), 1)


def _spaces(data: AccountTables) -> dict[str, int]:
    return dict.fromkeys(sorted(row["name"] for row in data.rows("spaces")), 1)


def _managed(data: AccountTables) -> dict[str, int]:
    """Return the domains whose certificates Heroku makes and renews."""
    acm = {row["name"] for row in data.answer("apps") if row["acm"]}
    domains = [
        row["hostname"]
        for row in data.answer("domains")
        if row["certificate"] and row["acm_status"] and row["app"] in acm
    ]
    return dict.fromkeys(sorted(domains), 1)


_OBSTACLES = (
    ObstacleKind(
        "Shared add-ons",
        "Several apps use one add-on: these apps move together, or their data has to be divided.",
        "addons",
        ("account_addons", "addon_attachments"),
        _shared,
    ),
    ObstacleKind(
        "Add-ons that only Heroku has",
        "Heroku itself offers them. Each needs a replacement, and its data has to be carried over.",
        "addons",
        ("account_addons",),
        _only_on_heroku,
    ),
    ObstacleKind(
        "Review apps",
        "Heroku makes an app for each pull request. A new platform has something else for it, or nothing.",
        "review_apps",
        ("pipeline_couplings", "review_apps"),
        _review_apps,
    ),
    ObstacleKind(
        "Private Spaces",
        "Networks with addresses, peerings and rules that others may rely on.",
        "spaces",
        ("spaces",),
        _spaces,
    ),
    ObstacleKind(
        "Domains with a certificate from Heroku",
        "Automated Certificate Management (ACM) ends with the move. Each needs another certificate on that day.",
        "domains",
        ("domains",),
        _managed,
    ),
)


# Days ---------------------------------------------------------------------------------------------------------------

MAX_DAYS = 3  # of those that Heroku decides


def next_days(data: AccountTables) -> list[dict[str, Any]]:
    """Return the next days on which Heroku does something by itself, the apps of one thing in one row."""
    columns = ("day", "days_left", "kind", "what")
    groups: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in data.answer("deadlines"):
        if row["forced"]:
            groups[tuple(row[name] for name in columns)].append(row)
    return [
        dict(zip(columns, key, strict=True))
        | {f"{name}s": list(dict.fromkeys(row[name] for row in rows if row[name])) for name in ("team", "app")}
        for key, rows in islice(groups.items(), MAX_DAYS)
    ]


def not_told(row: Row) -> str:
    """Return what could not be read of a database, or of a thing with a day; one that is being made has nothing yet."""
    return "" if row.get("state") == "provisioning" else row["unread"] or ""


# Terraform ----------------------------------------------------------------------------------------------------------


def review_apps(data: AccountTables) -> frozenset[str]:
    """Return the names of the apps that were made for a pull request."""
    return frozenset(row["name"] for row in data.answer("apps") if row["review_app"])


def left_out(data: AccountTables) -> str:
    """Return what is left out, in words."""
    return f"review apps ({len(review_apps(data)):,} of them), and what Heroku or an add-on makes by itself"


def imports(data: AccountTables) -> Iterator[Import]:
    """Yield the import of each resource of the account that Terraform can manage."""
    yield from _space_and_team_imports(data)
    yield from _app_imports(data)
    yield from _addon_imports(data)
    yield from _domain_and_drain_imports(data)
    yield from _pipeline_imports(data)


def _is_person(email: str) -> bool:
    return not email.lower().endswith(_TEAM_ACCOUNT)


def _space_and_team_imports(data: AccountTables) -> Iterator[Import]:
    for row in data.rows("spaces"):
        yield Import("heroku_space", row["name"], row["id"])
    for row in data.rows("space_members"):
        space, email = row["space"]["name"], row["user"]["email"]
        if _is_person(email):
            yield Import("heroku_space_app_access", f"{space}_{email}", f"{space}:{email}")
    for row in data.rows("team_members"):
        if row.get("role") != "collaborator":  # who is only a collaborator of apps is not a member
            yield Import("heroku_team_member", f"{row['team']}_{row['email']}", f"{row['team']}:{row['email']}")


def _app_imports(data: AccountTables) -> Iterator[Import]:
    skipped = review_apps(data)
    for row in data.rows("apps"):
        if row["name"] not in skipped:
            yield Import("heroku_app", row["name"], row["id"])
    for app, process in _of_lasting_apps(data, "formation"):
        yield Import("heroku_formation", f"{app}_{process['type']}", f"{app}:{process['type']}")
    for app, seat in _of_lasting_apps(data, "collaborators"):
        email = seat["user"]["email"]
        in_team = value_at(data.apps.get(app), "team.name") is not None
        if _is_person(email) and (seat.get("permissions") if in_team else seat.get("role") != "owner"):
            resource = "heroku_team_collaborator" if in_team else "heroku_collaborator"
            yield Import(resource, f"{app}_{email}", f"{app}:{email}")


def _addon_imports(data: AccountTables) -> Iterator[Import]:
    for _, row in _of_lasting_apps(data, "account_addons"):
        if row.get("state") != "deprovisioned":
            yield Import("heroku_addon", row["name"], row["id"])
    first = _first_attachments(data.rows("addon_attachments"))
    for app, row in _of_lasting_apps(data, "addon_attachments"):
        if row["id"] not in first:
            yield Import("heroku_addon_attachment", f"{app}_{row['name']}", row["id"])


def _domain_and_drain_imports(data: AccountTables) -> Iterator[Import]:
    managed = {row["id"] for row in data.answer("certificates") if row["managed_by_heroku"]}
    for app, row in _of_lasting_apps(data, "domains"):
        if row["kind"] == "custom":
            yield Import("heroku_domain", row["hostname"], f"{app}:{row['id']}")
    for app, row in _of_lasting_apps(data, "sni_endpoints"):
        if row["id"] not in managed:
            yield Import("heroku_ssl", f"{app}_{row['name']}", f"{app}:{row['id']}")
    for app, row in _of_lasting_apps(data, "log_drains"):
        if not row.get("addon"):
            yield Import("heroku_drain", f"{app}_{row.get('host') or 'drain'}", f"{app}:{row['id']}:sensitive")
    for row in data.rows("telemetry_drains"):
        yield Import("heroku_telemetry_drain", value_at(row, "exporter.host") or "drain", row["id"])


def _pipeline_imports(data: AccountTables) -> Iterator[Import]:
    names = {row["id"]: row["name"] for row in data.rows("pipelines")}
    for row in data.rows("pipelines"):
        yield Import("heroku_pipeline", row["name"], row["id"])
    for app, coupling in _of_lasting_apps(data, "pipeline_couplings"):
        pipeline = names.get(coupling["pipeline"]["id"], coupling["pipeline"]["id"])
        yield Import("heroku_pipeline_coupling", f"{pipeline}_{coupling['stage']}_{app}", coupling["id"])


def _of_lasting_apps(data: AccountTables, table: str) -> Iterator[tuple[str, Row]]:
    """Yield the records of a list with the names of their apps, without review apps."""
    skipped = review_apps(data)
    for row in data.rows(table):
        app = data.app_name(row)
        if app not in skipped:
            yield app, row


def _first_attachments(rows: Iterable[Row]) -> set[str]:
    """Return the ids of the attachments that came with an add-on: the oldest one to the app that owns it."""
    first: dict[str, Row] = {}
    for row in rows:
        if value_at(row, "addon.app.id") == value_at(row, "app.id"):
            addon = row["addon"]["id"]
            oldest = first.get(addon)
            if oldest is None or _age(row) < _age(oldest):
                first[addon] = row
    return {row["id"] for row in first.values()}


def _age(row: Row) -> tuple[str, str]:
    """Return what sorts attachments by their age; one without a time is the oldest."""
    return row.get("created_at") or "", row["name"]


INVENTORY = InventoryFacts(
    tables=(
        *("apps", "formation", "bill", "dyno_sizes", "buildpacks", "addons", "addon_attachments", "domains"),
        *("certificates", "config_vars", "drains", "webhooks", "pipelines", "pipeline_stages", "review_apps", "teams"),
        *("team_members", "people", "access", "spaces", "space_access", "databases", "maintenances", "deadlines"),
    ),
    more_tables=("databases", "maintenances", "deadlines"),
    not_told=not_told,
    bill="bill",
    billed=BILLED,
    arguments={"log_drains": ("app_id",)},  # the drains of an app are those of its add-ons as well
    by_item={"account_addons": "addons"},
    required=_REQUIRED,
    expected={"apps": ("owner.email",)},  # an object that is null may lack its keys
    names=("name", "hostname", "type", "email", "user.email", "owner.email", "id"),
    places={"app_id": ("app_id", "app.name", "app.id"), "team": ("team.name", "team"), "space": ("space.name",)},
    items=("app_id", "addon_id", "team", "space", "enterprise", "pipeline_id"),
    bounds={"apps": "apps_at_least", "apps_managed": "apps_at_least"},
    key_figures=key_figures,
    next_days=next_days,
    obstacles=_OBSTACLES,
    terraform=Terraform("heroku/heroku", PROVIDER.read_text(encoding="utf-8"), imports, left_out),
)
