"""Records of Heroku's data API in one form, whichever of its four services has sent them.

Heroku does not publish this API, which its CLI uses. So any field may be missing, null or of another type, and that is
no error: what makes no sense is left out. Moments come in three forms and become ISO 8601. Only fields of
`data_facts.json` go further. An address becomes a fingerprint of its host, port and path: a follower has the same one
as the database that it follows, and nobody learns an address. What is arranged already stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from kosmo_kernel.integrations.heroku.facts import data_facts
from kosmo_kernel.safety.redaction import REDACTED
from kosmo_kernel.text import FINGERPRINT, iso_time, lazy_pattern, value_at

Raw = Mapping[str, Any]
Fingerprint = Callable[[object], str]

_VERSION = lazy_pattern(r"\s*+v?([0-9]++(?:\.[0-9]++)*+)")
_SIZE = lazy_pattern(r"(?<![0-9.,])([0-9][0-9.,]*+)\s*+([KMGTP]?)i?B(?:ytes)?\b", re.IGNORECASE)
_LOGIN = lazy_pattern(r"://[^\s/@]*@")  # in an address, before its host
_RATIO = lazy_pattern(r"\s*+([0-9]++)\s*+/\s*+([0-9]++)")
_UNITS = ("", "K", "M", "G", "T", "P")
# The field with an address, and the field with its fingerprint.
_ADDRESSES = {"resource_url": "address", "following": "following_address", "forked_from": "forked_from_address"}
_KINDS = {("pg_dump", "gof3r"): "backup", ("pg_dump", "pg_restore"): "copy"}


def arranged(function: str) -> Callable[[Any, Fingerprint], Any] | None:
    """Return the function that arranges the body of a response; None for functions of the Platform API."""
    return _ARRANGED.get(function)


def moment(value: object) -> object:
    """Return a moment as ISO 8601 in UTC; anything else as it is."""
    if not isinstance(value, str):
        return None
    text = re.sub(r"(?<!\s)\s++(?=[+-]\d|UTC|Z)", "", value.strip()).replace("UTC", "Z")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return value
    return iso_time(at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC))


def _database(body: Any, fingerprint: Fingerprint) -> Any:
    if not isinstance(body, Mapping):
        return body
    rows = {row["name"]: row["values"] for row in _info(body.get("info"))}
    first = {name: values[0] for name, values in rows.items() if values}
    record = _known("database", body)
    record["info"] = [{"name": name, "values": values} for name, values in rows.items()]
    record |= {
        "addon_id": body.get("addon_id") or value_at(body, "addon.id"),
        "name": body.get("name") or value_at(body, "addon.name"),
        "plan": _named(body.get("plan")) or first.get("Plan"),
        "version": _version(body, first),
        "status": _text(body.get("status")) or _text(value_at(body, "state.message")) or first.get("Status"),
        "region": body.get("region") or first.get("Region"),
        "waiting": waiting if isinstance(waiting := body.get("waiting", body.get("waiting?")), bool) else None,
        "continuous_protection": _protection(body, first),
        "eviction_policy": body.get("eviction_policy") or first.get("Maxmemory"),
        **_sizes(body, first),
    }
    for address, field in _ADDRESSES.items():
        value, earlier = body.get(address), body.get(field)
        is_address = isinstance(value, str) and value != REDACTED
        record[field] = earlier if isinstance(earlier, str) and FINGERPRINT.fullmatch(earlier) else None
        record[field] = _fingerprint_of(str(value), fingerprint) if is_address else record[field]
        record[address] = None if value is None else REDACTED
    return record


def _info(rows: object) -> list[dict[str, Any]]:
    """Return the rows that may go further: those of known names, without the addresses of other databases."""
    names = data_facts()["rows"]
    records = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    return [
        {"name": row["name"], "values": [_without_address(value) for value in values]}
        for row in records
        if row.get("name") in names and isinstance(values := row.get("values"), list) and not row.get("resolve_db_name")
    ]


def _without_address(value: object) -> str:
    text = str(value)
    return REDACTED if "://" in text else text


def _without_login(value: object) -> object:
    return REDACTED if isinstance(value, str) and _LOGIN.search(value) else value


def _version(body: Raw, first: Mapping[str, str]) -> str | None:
    values = (body.get("postgres_version"), body.get("version"), first.get("PG Version"), first.get("Version"))
    value = next((item for item in values if item), None)
    value = value[0] if isinstance(value, list) else value
    match = None if value is None else _VERSION.match(str(value))
    return match[1] if match else None


def _protection(body: Raw, first: Mapping[str, str]) -> bool | None:
    """Return whether Heroku keeps physical backups; None if it does not say."""
    value = value_at(body, "features.continuous_protection")
    value = body.get("continuous_protection") if value is None else value
    value = value.get("enabled") if isinstance(value, Mapping) else value
    if isinstance(value, bool):
        return value
    text = first.get("Continuous Protection", "").strip().lower()
    return text.startswith("on") if text else None


def _sizes(body: Raw, first: Mapping[str, str]) -> dict[str, int | None]:
    """Return how much a database holds and may hold, and how many connections it has and may have."""
    rows = body.get("plan_limits")
    limits = {row.get("name"): row for row in rows if isinstance(row, Mapping)} if isinstance(rows, list) else {}
    storage, pools = limits.get("storage-limit-in-gb", {}), limits.get("connection-limit", {})
    size, size_limit, *_ = [*(_bytes(*size) for size in _SIZE.findall(first.get("Data Size", ""))), None, None]
    ratio = _RATIO.match(first.get("Connections", ""))
    candidates: dict[str, Sequence[object]] = {
        "size_bytes": (body.get("size_bytes"), body.get("num_bytes"), body.get("data_size"), size),
        "size_limit_bytes": (body.get("size_limit_bytes"), value_at(body, "limits.data_size.limit_bytes"), size_limit),
        "connections": (ratio and int(ratio[1]), body.get("connections"), body.get("num_connections")),
        "connections_limit": (ratio and int(ratio[2]), body.get("connections_limit")),
    }
    candidates["size_bytes"] = (*candidates["size_bytes"], _gigabytes(storage.get("current")))
    candidates["size_limit_bytes"] = (*candidates["size_limit_bytes"], _gigabytes(storage.get("limit")))
    candidates["connections"] = (*candidates["connections"], pools.get("current"))
    candidates["connections_limit"] = (*candidates["connections_limit"], pools.get("limit"))
    return {name: next((value for value in values if type(value) is int), None) for name, values in candidates.items()}


def _bytes(number: str, unit: str) -> int:
    factor: int = 1024 ** _UNITS.index(unit.upper())
    return round(float(number.replace(",", "")) * factor)


def _gigabytes(value: object) -> int | None:
    return round(value * 1024**3) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _fingerprint_of(address: str, fingerprint: Fingerprint) -> str | None:
    try:
        parts = urlsplit(address)
        location = (parts.hostname, parts.port, parts.path)
    except ValueError:
        return None
    return fingerprint(":".join(map(str, location))) if parts.hostname else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _named(value: object) -> str | None:
    """Return a name that stands alone, or in an object."""
    return _text(value.get("name") if isinstance(value, Mapping) else value)


def _known(resource: str, record: Any) -> dict[str, Any]:
    """Return the fields of a record that its resource has, with moments in one form and no address that signs in."""
    fields = data_facts()["records"][resource]
    values = {key: _without_login(value) for key, value in record.items() if key in fields}
    return values | {key: moment(values[key]) for key, line in fields.items() if key in values and "timestamp" in line}


def _each(resource: str, rows: object) -> Any:
    return [_known(resource, row) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else rows


def _maintenances(body: Any, _fingerprint: Fingerprint) -> Any:
    if not isinstance(body, Mapping):
        return _each("maintenance", body)
    return _each("maintenance", body["maintenances"]) if "maintenances" in body else [_known("maintenance", body)]


def _backups(body: Any, _fingerprint: Fingerprint) -> Any:
    rows = _each("backup", body)
    for row in rows if isinstance(rows, list) else ():
        types = (row.get("from_type"), row.get("to_type"))
        row["kind"] = _KINDS.get(types, "restore" if types[1] == "pg_restore" else None)
        number = row.get("num")
        row["num"] = int(number) if isinstance(number, str) and number.isdecimal() else number
    return rows


def _schedules(body: Any, _fingerprint: Fingerprint) -> Any:
    return _each("backup-schedule", body)


def _settings(body: Any, _fingerprint: Fingerprint) -> Any:
    if not isinstance(body, Mapping):
        return _each("database-setting", body)
    items: Iterable[tuple[str, Any]] = body.items()
    return [
        {**_known("database-setting", setting), "name": name, "values": sorted(map(str, setting.get("values") or ()))}
        for name, setting in items
        if isinstance(setting, Mapping)
    ]


_ARRANGED: Mapping[str, Callable[[Any, Fingerprint], Any]] = {
    "get_database": _database,
    "get_database_settings": _settings,
    "list_backups": _backups,
    "list_backup_schedules": _schedules,
    "list_maintenances": _maintenances,
    "list_maintenance_history": _maintenances,
}
