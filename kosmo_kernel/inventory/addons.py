"""The tables of add-ons and of the apps that use them, and what kind of add-on a service is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kosmo_kernel.inventory.bill import addon_cents, dollars
from kosmo_kernel.inventory.records import Row, at
from kosmo_kernel.inventory.source import AccountData, users_of_addons

ADDON_COLUMNS = (
    *("name", "service", "plan", "owner_app", "team", "used_by", "apps_using", "shared", "state", "monthly_usd"),
    *("price", "database", "only_on_heroku", "config_vars", "created_at", "id"),
)
ATTACHMENT_COLUMNS = ("addon", "app", "attachment", "owner_app", "shared", "namespace", "created_at", "id")

# Add-ons by Heroku itself, whose names do not begin with `heroku-`.
_HEROKUS_OWN = {"deployhooks", "scheduler", "ssl"}
_DATABASE = re.compile(
    r"postgres|mysql|maria|jawsdb|cleardb|mssql|redis|valkey|kafka|mongo|couch|cassandra|elastic|opensearch|bonsai"
    r"|searchbox|neo4j|graphene|memcach|timescale|influx|crunchy|stackhero|dynamo|qdrant|pinecone|clickhouse|database"
)


def is_database(service: str) -> bool:
    """Return whether an add-on service keeps data that a move has to carry, judged by its name."""
    return _DATABASE.search(service) is not None


def is_only_on_heroku(service: str) -> bool:
    """Return whether Heroku itself offers an add-on service, so that it cannot be had anywhere else."""
    return service.startswith("heroku-") or service in _HEROKUS_OWN


def addon_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each add-on."""
    users = users_of_addons(data)
    for row in data.rows("account_addons"):
        service, apps = at(row, "addon_service.name"), users[row["id"]]
        cents = addon_cents(row)
        yield {
            "name": row["name"],
            "service": service,
            "plan": at(row, "plan.name"),
            "owner_app": data.app_name(row),
            "team": at(data.apps.get(at(row, "app.id")), "team.name"),
            "used_by": apps,
            "apps_using": len(apps),
            "shared": len(apps) > 1,
            "state": row.get("state"),
            "monthly_usd": dollars(cents),
            "price": "known" if cents is not None else "contract" if at(row, "billed_price.contract") else "unknown",
            "database": is_database(service or ""),
            "only_on_heroku": is_only_on_heroku(service or ""),
            "config_vars": row.get("config_vars") or [],
            "created_at": row.get("created_at"),
            "id": row["id"],
        }


def attachment_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each attachment of an add-on to an app."""
    for row in data.rows("addon_attachments"):
        owner = owner_app(data, row)
        yield {
            "addon": at(row, "addon.name"),
            "app": data.app_name(row),
            "attachment": row["name"],
            "owner_app": owner,
            "shared": owner != data.app_name(row),
            "namespace": row.get("namespace"),
            "created_at": row.get("created_at"),
            "id": row["id"],
        }


def owner_app(data: AccountData, attachment: Row) -> str:
    """Return the name of the app that owns the add-on of an attachment."""
    return data.app_name(attachment["addon"])
