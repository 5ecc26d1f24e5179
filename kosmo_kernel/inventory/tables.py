"""The tables of an inventory: their names, titles and columns, and the functions that make their rows.

A table that stands on a list that could not be read is left out, since an empty one would be an answer. Cells that
stand on such a list are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kosmo_kernel.inventory import access, addons, apps, domains, pipelines
from kosmo_kernel.inventory.bill import LINE_COLUMNS, bill_of
from kosmo_kernel.inventory.source import AccountData

Rows = Iterator[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class TableKind:
    """One table.

    Parameters:
        name: the name of its files.
        title: its heading on the page.
        about: a sentence on what is in it.
        source: the lists that it stands on; one of them is enough.
        columns: its columns, in order.
        on_page: the columns that the page has.
        rows: returns its rows.
        order: the columns by which they are sorted; none keeps the order of `rows`.
    """

    name: str
    title: str
    about: str
    source: tuple[str, ...]
    columns: tuple[str, ...]
    on_page: tuple[str, ...]
    rows: Callable[[AccountData], Rows]
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InventoryTable:
    """A table with its rows."""

    kind: TableKind
    rows: Sequence[Mapping[str, Any]]


def _bill_rows(data: AccountData) -> Rows:
    """Yield a row for each line of the bill, the dearest first."""
    return (line.as_row() for line in bill_of(data).lines)


KINDS = (
    TableKind(
        "apps",
        "Apps",
        "Every app that the account can reach, with what it runs and what it costs a month.",
        ("apps",),
        apps.APP_COLUMNS,
        ("name", "team", "region", "stack", "pipeline", "stage", "dynos", "addons", "custom_domains", "monthly_usd"),
        apps.app_rows,
        ("name",),
    ),
    TableKind(
        "formation",
        "Processes",
        "Every process type, those scaled to zero as well.",
        ("formation",),
        apps.PROCESS_COLUMNS,
        ("app", "process", "quantity", "size", "command", "monthly_usd"),
        apps.process_rows,
        ("app", "process"),
    ),
    TableKind(
        "bill",
        "Bill",
        "What a month costs at most at list prices, the dearest first. An add-on is there once, with its own app.",
        ("formation", "account_addons"),
        LINE_COLUMNS,
        ("kind", "app", "name", "plan", "quantity", "monthly_usd", "price", "idle", "team", "stage"),
        _bill_rows,
    ),
    TableKind(
        "dyno_sizes",
        "Dyno sizes",
        "The sizes that are in use, with their price. Eco dynos of one owner share one price.",
        ("dyno_sizes", "formation"),
        apps.SIZE_COLUMNS,
        ("size", "memory_gb", "process_types", "dynos", "usd_per_dyno", "monthly_usd"),
        apps.size_rows,
    ),
    TableKind(
        "addons",
        "Add-ons",
        "Every add-on once, under the app that owns it, with the apps that use it.",
        ("account_addons",),
        addons.ADDON_COLUMNS,
        ("name", "plan", "owner_app", "used_by", "state", "monthly_usd"),
        addons.addon_rows,
        ("owner_app", "name"),
    ),
    TableKind(
        "addon_attachments",
        "Add-on attachments",
        "Which app uses which add-on, and under what name.",
        ("addon_attachments",),
        addons.ATTACHMENT_COLUMNS,
        ("addon", "app", "attachment", "owner_app", "shared"),
        addons.attachment_rows,
        ("addon", "app", "attachment"),
    ),
    TableKind(
        "domains",
        "Domains",
        "Every domain, with the last day of its certificate.",
        ("domains",),
        domains.DOMAIN_COLUMNS,
        ("hostname", "app", "kind", "dns_target", "acm_status", "certificate_last_day"),
        domains.domain_rows,
        ("app", "kind", "hostname"),
    ),
    TableKind(
        "certificates",
        "Certificates",
        "Every certificate (SNI endpoint), with its last day.",
        ("sni_endpoints",),
        domains.CERTIFICATE_COLUMNS,
        ("name", "app", "domains", "issuer", "managed_by_heroku", "last_day"),
        domains.certificate_rows,
        ("last_day", "name"),
    ),
    TableKind(
        "config_vars",
        "Config vars",
        "The names of config vars. Values are not in this inventory; equal fingerprints mean equal values.",
        ("config_vars",),
        apps.CONFIG_VAR_COLUMNS,
        ("app", "name", "from_addon"),
        apps.config_var_rows,
        ("app", "name"),
    ),
    TableKind(
        "drains",
        "Log and telemetry drains",
        "Where logs and telemetry go. Addresses are secrets, so only the host is here.",
        ("log_drains", "telemetry_drains"),
        domains.DRAIN_COLUMNS,
        ("owner", "kind", "host", "addon"),
        domains.drain_rows,
        ("owner", "kind", "host"),
    ),
    TableKind(
        "pipelines",
        "Pipelines",
        "Every pipeline, with the number of apps in each stage.",
        ("pipelines",),
        pipelines.PIPELINE_COLUMNS,
        ("name", "owner", "review", "development", "staging", "production"),
        pipelines.pipeline_rows,
        ("name",),
    ),
    TableKind(
        "pipeline_stages",
        "Pipeline stages",
        "The app in each stage of each pipeline.",
        ("pipeline_couplings",),
        pipelines.STAGE_COLUMNS,
        ("pipeline", "stage", "app"),
        pipelines.stage_rows,
        ("pipeline", "stage", "app"),
    ),
    TableKind(
        "review_apps",
        "Review apps",
        "The apps of open pull requests.",
        ("review_apps",),
        pipelines.REVIEW_COLUMNS,
        ("pipeline", "branch", "pull_request", "app", "status", "created_at"),
        pipelines.review_rows,
        ("pipeline", "created_at"),
    ),
    TableKind(
        "teams",
        "Teams",
        "The teams that the account is in.",
        ("teams",),
        access.TEAM_COLUMNS,
        ("name", "type", "enterprise_account", "apps", "members", "invitations", "own_role"),
        access.team_rows,
        ("name",),
    ),
    TableKind(
        "team_members",
        "Team members",
        "The members of each team, and who is invited.",
        ("team_members", "team_invitations"),
        access.MEMBER_COLUMNS,
        ("team", "email", "name", "role", "state", "two_factor", "single_sign_on"),
        access.member_rows,
        ("team", "state", "email"),
    ),
    TableKind(
        "people",
        "People",
        "Everybody who may do something, once, with their teams and the number of apps that they can reach.",
        access.PEOPLE,
        access.PERSON_COLUMNS,
        ("email", "name", "teams", "apps", "apps_managed", "seats", "two_factor", "single_sign_on"),
        access.person_rows,
    ),
    TableKind(
        "access",
        "Access to apps",
        "Who can reach which app and by what: an admin of a team reaches all of its apps, with a seat or without.",
        ("collaborators",),
        access.ACCESS_COLUMNS,
        ("app", "email", "by", "permissions", "seat"),
        access.access_rows,
        ("app", "email"),
    ),
    TableKind(
        "spaces",
        "Private spaces",
        "Every Private Space, with its network and the number of its apps.",
        ("spaces",),
        access.SPACE_COLUMNS,
        ("name", "team", "region", "generation", "shield", "cidr", "apps", "members"),
        access.space_rows,
        ("name",),
    ),
    TableKind(
        "space_access",
        "Access to Private Spaces",
        "Who may do what in each Private Space.",
        ("space_members",),
        access.SPACE_ACCESS_COLUMNS,
        ("space", "email", "permissions"),
        access.space_access_rows,
        ("space", "email"),
    ),
)


BOUNDS = {
    "apps": "apps_at_least",
    "apps_managed": "apps_at_least",
}  # the columns that say of others that they are bounds


def tables_of(data: AccountData) -> list[InventoryTable]:
    """Return the tables that can be made of what was read."""
    return [_table(kind, data) for kind in KINDS if any(name in data.tables for name in kind.source)]


def _table(kind: TableKind, data: AccountData) -> InventoryTable:
    rows = list(kind.rows(data))
    if kind.order:
        rows.sort(key=lambda row: [str(row[name] or "") for name in kind.order])
    return InventoryTable(kind, rows)
