"""The tables of domains, certificates and drains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kosmo_kernel.inventory.records import Row, at
from kosmo_kernel.inventory.source import AccountData

DOMAIN_COLUMNS = (
    *("hostname", "app", "kind", "dns_target", "status", "acm_status", "acm_status_reason", "certificate"),
    *("certificate_last_day", "created_at", "id"),
)
CERTIFICATE_COLUMNS = (
    *("name", "app", "domains", "subject", "issuer", "managed_by_heroku", "self_signed", "first_day", "last_day", "id"),
)
DRAIN_COLUMNS = ("owner", "owner_kind", "kind", "host", "addon", "exporter", "signals", "created_at", "id")


def domain_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each domain, those that Heroku gives as well."""
    endpoints = {row["id"]: row for row in data.rows("sni_endpoints")}
    for row in data.rows("domains"):
        endpoint = at(row, "sni_endpoint.id")
        yield {
            "hostname": row["hostname"],
            "app": data.app_name(row),
            "kind": row["kind"],
            "dns_target": row.get("cname"),
            "status": row.get("status"),
            "acm_status": row.get("acm_status"),
            "acm_status_reason": row.get("acm_status_reason"),
            "certificate": at(row, "sni_endpoint.name"),
            "certificate_last_day": _day(endpoints.get(endpoint), "expires_at"),
            "created_at": row.get("created_at"),
            "id": row["id"],
        }


def certificate_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each certificate."""
    hosts = {row["id"]: row["hostname"] for row in data.rows("domains")}
    managed = heroku_managed_endpoints(data)
    for row in data.rows("sni_endpoints"):
        yield {
            "name": row["name"],
            "app": data.app_name(row),
            "domains": [hosts.get(domain, domain) for domain in row.get("domains") or ()],
            "subject": at(row, "ssl_cert.subject"),
            "issuer": at(row, "ssl_cert.issuer"),
            "managed_by_heroku": row["id"] in managed,
            "self_signed": at(row, "ssl_cert.self_signed?"),
            "first_day": _day(row, "starts_at"),
            "last_day": _day(row, "expires_at"),
            "id": row["id"],
        }


def drain_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each log drain and each telemetry drain."""
    for row in data.rows("log_drains"):
        yield {
            "owner": data.app_name(row),
            "owner_kind": "app",
            "kind": "log",
            "host": row.get("host"),
            "addon": at(row, "addon.name"),
            "exporter": None,
            "signals": ["logs"],
            "created_at": row.get("created_at"),
            "id": row["id"],
        }
    spaces = {row["id"]: row["name"] for row in data.rows("spaces")}
    for row in data.rows("telemetry_drains"):
        owner = at(row, "owner.id")
        yield {
            "owner": data.app_name({"app": {"id": owner}}) if owner in data.apps else spaces.get(owner, owner),
            "owner_kind": at(row, "owner.type"),
            "kind": "telemetry",
            "host": at(row, "exporter.host"),
            "addon": None,
            "exporter": at(row, "exporter.type"),
            "signals": row.get("signals") or [],
            "created_at": row.get("created_at"),
            "id": row["id"],
        }


def heroku_managed_endpoints(data: AccountData) -> set[str]:
    """Return the ids of the SNI endpoints whose certificates Heroku makes and renews (ACM)."""
    return {
        endpoint
        for row in data.rows("domains")
        if (endpoint := at(row, "sni_endpoint.id"))
        and row.get("acm_status")
        and at(data.apps.get(data.app_name(row)), "acm")
    }


def _day(endpoint: Row | None, field: str) -> str | None:
    """Return the day of a time in the certificate of an SNI endpoint."""
    time = at(endpoint, f"ssl_cert.{field}")
    return time and str(time)[:10]
