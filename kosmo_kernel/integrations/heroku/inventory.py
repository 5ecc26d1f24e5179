"""The inventory of a Heroku account: its tables, its key figures, and what makes a move to another platform hard."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from kosmo_kernel.catalogue.inventory import (
    AccountTables,
    InventoryFacts,
    KeyFigure,
    ObstacleKind,
    Row,
    Terraform,
)
from kosmo_kernel.text import counted

PROVIDER = Path(__file__).with_name("provider.tf")
CENTS = 100  # of a dollar
BILLED = ("apps", "formation", "dyno_sizes", "account_addons", "spaces")
PEOPLE = ("collaborators", "team_members", "space_members", "enterprise_account_members")  # the lists of people
# The fields by which an inventory names, counts or places a record. Heroku sends them with every record.
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "apps": ("id", "name"),
    "dyno_sizes": ("name",),
    "account_addons": ("id", "name", "app.id", "app.name"),
    "addon_attachments": ("id", "name", "app.id", "app.name", "addon.id", "addon.name"),
    "pipelines": ("id", "name"),
    "pipeline_couplings": ("id", "app.id", "pipeline.id", "stage"),
    "teams": ("id", "name"),
    "spaces": ("id", "name"),
    "enterprise_accounts": ("name",),
    "formation": ("app.name", "type", "size", "quantity"),
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
    if not data.has("apps"):
        return KeyFigure("Apps", None)
    teams = [app["team"] for app in data.rows("apps")]
    detail = [f"in {counted(len({*teams} - {None}), 'team')}"] if any(teams) else []
    detail += [f"{teams.count(None):,} personal"] if None in teams else []
    return KeyFigure("Apps", len(teams), ", ".join(detail), at_least=not data.is_whole("apps", "team_apps"))


def _processes(data: AccountTables) -> KeyFigure:
    if not data.has("formation"):
        return KeyFigure("Processes", None)
    quantities = [row["quantity"] for row in data.rows("formation")]
    detail = [counted(sum(quantities), "dyno"), f"{quantities.count(0):,} scaled to zero"]
    return _figure("Processes", len(quantities), detail, data, "formation")


def _cost(data: AccountTables) -> KeyFigure:
    if not data.has("costs"):
        return KeyFigure("Monthly cost", None, unit="usd")
    bill = data.bill
    detail = [f"${bill.idle_cents / CENTS:,.0f} of it idle"] if bill.idle_cents else []
    detail += [f"{len(bill.unknown):,} without a known price"] if bill.unknown else []
    return _figure("Monthly cost", bill.cents / CENTS, detail, data, *BILLED, unit="usd")


def _databases(data: AccountTables) -> KeyFigure:
    if not data.has("addons"):
        return KeyFigure("Databases", None)
    services = Counter(row["service"] for row in data.rows("addons") if row["database"])
    detail = ", ".join(f"{count:,} {service}" for service, count in services.most_common(3))
    return _figure("Databases", services.total(), [detail] if detail else [], data, "account_addons")


def _domains(data: AccountTables) -> KeyFigure:
    if not data.has("domains"):
        return KeyFigure("Domains", None)
    count = sum(row["kind"] == "custom" for row in data.rows("domains"))
    ends = sorted(row["last_day"] for row in data.rows("sni_endpoints") if row["last_day"])
    coming = [day for day in ends if day >= f"{data.time:%Y-%m-%d}"]
    detail = [counted(len(ends) - len(coming), "expired certificate")] if len(coming) < len(ends) else []
    if coming:
        which = "next certificate" if data.is_whole("sni_endpoints") else "next certificate that could be read"
        detail.append(f"{which} ends {f'{date.fromisoformat(coming[0]):%d %B %Y}'.lstrip('0')}")
    return KeyFigure("Domains", count, ", ".join(detail), at_least=not data.is_whole("domains"))


def _people(data: AccountTables) -> KeyFigure:
    if not data.has("people"):
        return KeyFigure("People", None)
    everybody = data.rows("people")
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


_OBSTACLES = (
    ObstacleKind(
        "Shared add-ons",
        "Several apps use one add-on: these apps move together, or their data has to be divided.",
        "addons",
        ("account_addons", "addon_attachments"),
    ),
    ObstacleKind(
        "Add-ons that only Heroku has",
        "Heroku itself offers them. Each needs a replacement, and its data has to be carried over.",
        "addons",
        ("account_addons",),
    ),
    ObstacleKind(
        "Review apps",
        "Heroku makes an app for each pull request. A new platform has something else for it, or nothing.",
        "review_apps",
        ("pipeline_couplings", "review_apps"),
    ),
    ObstacleKind(
        "Private Spaces",
        "Networks with addresses, peerings and rules that others may rely on.",
        "spaces",
        ("spaces",),
    ),
    ObstacleKind(
        "Domains with a certificate from Heroku",
        "Automated Certificate Management (ACM) ends with the move. Each needs another certificate on that day.",
        "domains",
        ("domains",),
    ),
)


# Days ---------------------------------------------------------------------------------------------------------------

MAX_DAYS = 3  # of those that Heroku decides


def next_days(data: AccountTables) -> list[dict[str, Any]]:
    """Return the next days on which Heroku does something by itself, the apps of one thing in one row."""
    columns = ("day", "days_left", "kind", "what")
    groups: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in data.rows("deadlines"):
        if row["forced"]:
            groups[tuple(row[name] for name in columns)].append(row)
    return [
        dict(zip(columns, key, strict=True))
        | {f"{name}s": list(dict.fromkeys(row[name] for row in rows if row[name])) for name in ("team", "app")}
        for key, rows in islice(groups.items(), MAX_DAYS)
    ]


def not_told(row: Row) -> str:
    """Return what could not be read of a database, or of a thing with a day; one that is being made has nothing yet."""
    return "" if row.get("state") == "provisioning" else row.get("unread") or ""


def out_of_reach(data: AccountTables) -> list[str]:
    """Return the names of the apps that a team has and the account has no access to."""
    return sorted({name for team in data.rows("teams") for name in team["out_of_reach"] or ()})


# Terraform ----------------------------------------------------------------------------------------------------------


def review_apps(data: AccountTables) -> frozenset[str]:
    """Return the names of the apps that were made for a pull request."""
    return frozenset(row["name"] for row in data.rows("apps") if row["review_app"])


def left_out(data: AccountTables) -> str:
    """Return what is left out, in words."""
    return f"review apps ({len(review_apps(data)):,} of them), and what Heroku or an add-on makes by itself"


INVENTORY = InventoryFacts(
    tables=(
        *("apps", "formation", "costs", "dyno_sizes", "buildpacks", "addons", "addon_attachments", "domains"),
        *("certificates", "sni_endpoints", "config_vars", "drains", "webhooks", "pipelines", "pipeline_stages"),
        *("review_apps", "teams", "team_members", "people", "access", "spaces", "space_access", "obstacles"),
        *("terraform_imports", "databases", "maintenances", "deadlines", "stages", "stacks"),
    ),
    first_list="list_apps",
    bill="costs",
    billed=BILLED,
    required=_REQUIRED,
    expected={"apps": ("owner.email",)},  # an object that is null may lack its keys
    names=("name", "hostname", "type", "email", "user.email", "owner.email", "id"),
    bounds={"apps": "apps_at_least", "apps_managed": "apps_at_least"},
    out_of_reach=out_of_reach,
    not_told=not_told,
    key_figures=key_figures,
    next_days=next_days,
    obstacles=_OBSTACLES,
    obstacle_table="obstacles",
    terraform=Terraform("heroku/heroku", PROVIDER.read_text(encoding="utf-8"), "terraform_imports", left_out),
)
