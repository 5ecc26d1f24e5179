"""Heroku's data API for a company: its databases, their maintenances, backups and schedules.

An add-on's record follows from its plan and its identifier; `_STORY` has what the fictional company is about. Errors
are `{id, message}` without a resource. Moments are written as each part of the API writes them (`sent`), three forms in
all. What a database is called, and which rows `pg:info` prints, is from Heroku's CLI 11.10 and its tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from kosmo_kernel.demo import NOW, ago
from kosmo_kernel.integrations.heroku.demo.company import Company
from kosmo_kernel.integrations.heroku.demo.http import HerokuError
from kosmo_kernel.integrations.heroku.demo.models import Record, ident
from kosmo_kernel.integrations.heroku.facts import LinkFact
from kosmo_kernel.text import iso_time

_GIGABYTE = 1024**3
_MINUTES = 60
# Of each plan of Postgres and of Key-Value Store: what it may hold, in bytes, and how many connections it may have.
_LIMITS = {
    "essential-0": (_GIGABYTE, 20), "essential-2": (32 * _GIGABYTE, 40), "standard-0": (64 * _GIGABYTE, 120),
    "standard-2": (256 * _GIGABYTE, 400), "premium-2": (256 * _GIGABYTE, 400),
}  # fmt: skip
_CACHE_LIMITS = {"mini": (25 << 20, 20), "premium-0": (50 << 20, 40), "premium-2": (250 << 20, 200)}
_VERSIONS = {"postgresql": ("17.5", "16.9", "15.14"), "redis": ("8.0.2", "7.2.4"), "kafka": ("3.9.1",)}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NONE = "none"


class Maintenance(Struct, frozen=True):
    """Describe what Heroku will do to a database. Moments are ISO 8601; empty for none."""

    status: str = _NONE
    required_by: str = ""
    scheduled_for: str = ""
    completed_at: str = ""
    reason: str = ""


class DatabaseFacts(Struct, frozen=True):
    """Describe a database besides its add-on."""

    version: str
    maintenance: Maintenance = Maintenance()
    follows: str = ""  # the name of the add-on that it follows
    forbidden: bool = False  # the token may not see it
    backups: int = 3  # those that were made, one a day
    scheduled: bool = True  # whether backups are made by themselves


# The databases of the company that have something to tell.
_STORY: Mapping[str, DatabaseFacts] = {
    # A forced day in three weeks, and a cache whose version ends.
    "postgresql-octagonal-11373": DatabaseFacts(
        "15.14", Maintenance("ready", "2026-12-11T23:00:00Z", "2026-12-08T22:30:00Z", reason="routine_maintenance")
    ),
    "redis-globular-62745": DatabaseFacts(
        "7.2.4", Maintenance("pending", "2026-12-19T12:00:00Z", "2026-12-15T03:00:00Z", reason="routine_maintenance")
    ),
    "kafka-colorful-29053": DatabaseFacts("3.7.1", Maintenance("pending", "2027-02-10T10:00:00Z")),
    "postgresql-solid-60417": DatabaseFacts(
        "16.9", Maintenance("preparing", "", "2027-01-14T04:00:00Z"), scheduled=False
    ),
    "redis-vertical-55218": DatabaseFacts(
        "8.0.2", Maintenance("completed", "2026-11-12T10:00:00Z", "2026-11-10T09:30:00Z", "2026-11-10T09:41:17Z")
    ),
    "postgresql-flat-18254": DatabaseFacts("16.9", scheduled=False),
    "postgresql-curved-41902": DatabaseFacts("16.9"),
    "postgresql-rectangular-20951": DatabaseFacts(
        "16.9", follows="postgresql-curved-41902", scheduled=False, backups=0
    ),
    "postgresql-trapezoidal-57480": DatabaseFacts("17.5", backups=2, scheduled=False),
    "postgresql-spherical-36641": DatabaseFacts("17.5", forbidden=True),
    "postgresql-infinite-35708": DatabaseFacts("16.4", backups=0, scheduled=False),
}


def answer(company: Company, link: LinkFact, values: Sequence[str]) -> Any:
    """Return what the data API has at a link, with moments in ISO 8601.

    Parameters:
        company: whose databases they are.
        link: the link.
        values: what stands in the places of its path.

    Raises:
        HerokuError: 404 if there is nothing, 403 if the token may not see it.
    """
    of_app = link.placeholders[0].startswith("app.")
    subject = _app(company, values[0]) if of_app else _addon(company, link, values[0])
    own = company.own_records(link.path, subject)
    return _ANSWERS[link.path](company, subject) if own is None else own


def sent(path: str, value: Any) -> Any:
    """Return an answer with its moments as the part of the API at a path writes them."""
    if isinstance(value, dict):
        return {key: sent(path, item) for key, item in value.items()}
    if isinstance(value, list):
        return [sent(path, item) for item in value]
    if not isinstance(value, str) or len(value) != len(NOW) or not value.endswith("Z") or value[10] != "T":
        return value
    if "/maintenances/" in path or "/transfers" in path:
        return f"{value[:10]} {value[11:19]} +0000"
    return f"{value[:19]}+00:00" if path.startswith("/data/") else value


def is_database(addon: Record) -> bool:
    """Return whether an add-on is a database that the data API has."""
    return str(addon["plan"]["name"]).startswith(("heroku-postgresql:", "heroku-redis:", "heroku-kafka:"))


def _app(company: Company, identity: str) -> Record:
    app = company.find(identity)
    if app is None:
        raise HerokuError(404, "not_found", "Couldn't find that app.")
    return app


def _addon(company: Company, link: LinkFact, identity: str) -> Record:
    addon = _databases(company).get(identity)
    kind = next((kind for kind in ("redis", "kafka") if f"/{kind}/" in link.path), "postgresql")
    is_of_kind = addon is not None and _kind(addon) == kind
    if addon is None or not (is_of_kind or "/maintenances/" in link.path):
        raise HerokuError(404, "not_found", "Couldn't find that database.")
    facts = facts_of(addon)
    if facts.forbidden and "/maintenances/" not in link.path:
        raise HerokuError(403, "forbidden", "You do not have access to this database.")
    if addon["state"] == "provisioning":
        raise HerokuError(404, "not_found", "The database is not yet provisioned.")
    return addon


def _kind(addon: Record) -> str:
    return str(addon["addon_service"]["name"]).removeprefix("heroku-")


def _plan(addon: Record) -> str:
    return str(addon["plan"]["name"]).partition(":")[2]


def _has_page(addon: Record) -> bool:
    """Return whether a plan has maintenances that one can see."""
    return not _plan(addon).startswith(("essential", "mini")) and addon["state"] == "provisioned"


def facts_of(addon: Record) -> DatabaseFacts:
    """Return what is known of an add-on: from the story, or from its identifier."""
    if addon["name"] in _STORY:
        return _STORY[addon["name"]]
    versions = _VERSIONS[_kind(addon)]
    is_generated = str(addon["app"]["name"])[-4:].isdigit()  # the company was made from a seed
    if not is_generated:
        return DatabaseFacts(versions[0])
    draw = Random(f"data/{addon['id']}")
    planned = _drawn(draw) if _has_page(addon) else Maintenance()
    return DatabaseFacts(draw.choice(versions), planned, scheduled=draw.random() < 0.5)


def _drawn(draw: Random) -> Maintenance:
    """Return a maintenance by chance: none, forced, scheduled, over, or with a status that nobody knows."""
    status = draw.choice((_NONE, _NONE, "ready", "pending", "pending", "preparing", "completed", "upgrading"))
    if status == _NONE:
        return Maintenance()
    days = draw.uniform(1, 150)
    scheduled = ago(-max(days - draw.uniform(1, 6), 0.5))
    if status == "completed":
        return Maintenance(status, ago(days - 3), ago(days), ago(days))
    return Maintenance(status, "" if status == "preparing" else ago(-days), scheduled, "", "routine_maintenance")


# Records ------------------------------------------------------------------------------------------------


def _url(addon: Record, scheme: str) -> str:
    """Return the address of a database, with a user and a password, at the host of its config var."""
    secret = ident("secret", addon["name"]).replace("-", "")
    return f"{scheme}://u{secret[:8]}:fictional-{secret}@{addon['name']}.larkmoor.example/main"


def with_inclusions(company: Company, attachment: Record) -> Record:
    """Return an attachment with the plan of its add-on and its config vars, as `Accept-Inclusion` asks for them."""
    app = company.find(attachment["app"]["id"])
    addons = company.resources_of(app).all_addons if app else []
    addon = next((addon for addon in addons if addon["id"] == attachment["addon"]["id"]), None)
    if addon is None:
        return attachment
    plan = {"id": addon["plan"]["id"], "name": addon["plan"]["name"]}
    suffixes = [variable.rpartition("_")[2] for variable in addon["config_vars"]]
    names = [f"{attachment['name']}_{suffix}" for suffix in dict.fromkeys(suffixes)]
    return attachment | {"addon": attachment["addon"] | {"plan": plan}, "config_vars": names}


def _row(name: str, *values: Any, resolve: bool = False) -> Record:
    return {"name": name, "values": list(values)} | ({"resolve_db_name": True} if resolve else {})


def _window(addon: Record) -> str:
    number = int(addon["id"][:4], 16)
    day, hour, minute = f"{_DAYS[number % 5]}s", 12 + number % 8, "00" if number % 2 else "30"
    return f"{day} {hour}:{minute} to {day} {hour + 4}:{minute} UTC"


def _maintenance_text(facts: DatabaseFacts) -> str:
    planned = facts.maintenance
    if planned.status in (_NONE, "completed"):
        return "not required"
    required = f", required by {planned.required_by}" if planned.required_by else ""
    return f"scheduled for {planned.scheduled_for}{required}"


def _postgres(company: Company, addon: Record) -> Record:
    facts, plan = facts_of(addon), _plan(addon)
    limit, most = _LIMITS.get(plan, _LIMITS["standard-0"])
    number = int(addon["id"][:4], 16)
    size_bytes, connections, is_small = (
        limit * (number % 70 + 5) // 100,
        most * (number % 9) // 12,
        plan.startswith("essential"),
    )
    databases = _databases(company)
    leader = databases.get(facts.follows)
    followers = [databases[name] for name in _STORY.keys() & databases if _STORY[name].follows == addon["name"]]
    tables = 5 + number % 60
    size, of_limit = f"{size_bytes / _GIGABYTE:.2f} GB", f"{limit // _GIGABYTE} GB ({100 * size_bytes / limit:.2f}%)"
    rows = [
        _row("Plan", plan.replace("-", " ").title()),
        _row("Status", "Available"),
        _row("Data Size", f"{size} / {of_limit} (In compliance)" if is_small else size),
        _row("Tables", f"{tables} / 4000 (In compliance)" if is_small else tables),
        _row("PG Version", facts.version),
        _row("Connections", f"{connections}/{most}"),
        _row("Connection Pooling", "Unavailable" if is_small else "Available"),
        _row("Credentials", 1),
        _row("Fork/Follow", "Unsupported" if is_small else "Available"),
        _row("Rollback", "Unsupported" if is_small else "earliest from 2026-11-16 08:57 UTC"),
        _row("Created", addon["created_at"]),
        _row("Region", "eu"),
        _row("Data Encryption", "In Use"),
        _row("Continuous Protection", "Off" if is_small else "On"),
        _row("Enhanced Certificates", "Off"),
    ]
    if not is_small:
        rows += [_row("Maintenance", _maintenance_text(facts)), _row("Maintenance window", _window(addon))]
    if leader:
        rows += [_row("Following", _url(leader, "postgres"), resolve=True), _row("Behind By", "0 commits")]
    if followers:
        rows.append(_row("Followers", *(_url(other, "postgres") for other in followers), resolve=True))
    return {
        "addon_id": addon["id"], "name": addon["name"], "created_at": addon["created_at"],
        "plan": plan if is_small else {"id": number, "name": plan},
        "database_name": _url(addon, "postgres").rpartition("/")[2], "database_user": _url(addon, "postgres")[11:20],
        "database_password": _url(addon, "postgres").split(":")[2].partition("@")[0], "port": 5432,
        "resource_url": _url(addon, "postgres"), "following": _url(leader, "postgres") if leader else None,
        "forked_from": None, "leader": leader["name"] if leader else None, "num_bytes": size_bytes,
        "num_tables": tables,
        "num_connections": connections, "num_connections_waiting": 0, "waiting?": False, "info": rows, "credentials": 1,
        "formation": {"id": ident("formation", addon["name"]), "primary": None if leader else addon["name"]},
        "hot_standby?": bool(leader), "is_in_recovery?": bool(leader), "standalone?": not leader,
        "target_transaction": None, "status_updated_at": ago(0.01),
    } | ({} if is_small else {"postgres_version": facts.version})  # fmt: skip


def _advanced(_company: Company, addon: Record) -> Record:
    """Return a database as the path of Advanced plans does. No add-on of the companies has one of these plans."""
    facts, plan = facts_of(addon), _plan(addon)
    limit, connections_limit = _LIMITS.get(plan, _LIMITS["standard-0"])
    limits = {"table-limit": (120, 4000), "storage-limit-in-gb": (limit // _GIGABYTE // 5, limit // _GIGABYTE)}
    limits["connection-limit"] = (connections_limit // 12, connections_limit)
    leader = {
        "id": ident("pool", addon["name"]), "name": "leader", "status": "available", "expected_level": "4G-Performance",
        "expected_count": 1, "expected_connection_limit": connections_limit,
        "connections_used": connections_limit // 12,
        "compute_instances": [], "endpoints": [{"host": f"{addon['name']}.larkmoor.example", "port": 5432}],
    }  # fmt: skip
    return {
        "addon": {"id": addon["id"], "name": addon["name"]}, "app": addon["app"], "version": facts.version,
        "region": "eu", "status": "available", "tier": "advanced", "created_at": addon["created_at"],
        "forked_from": None, "pools": [leader], "quotas": [],
        "features": {"continuous_protection": {"enabled": True}, "highly_available": {"enabled": True}},
        "plan_limits": [
            {"name": name, "current": current, "limit": maximum} for name, (current, maximum) in limits.items()
        ],
    }  # fmt: skip


def _redis(_company: Company, addon: Record) -> Record:
    facts, plan = facts_of(addon), _plan(addon)
    limit, most = _CACHE_LIMITS.get(plan, _CACHE_LIMITS["premium-0"])
    number = int(addon["id"][:4], 16)
    rows = [
        _row("Plan", plan.replace("-", " ").title()), _row("Status", "available"), _row("Created", addon["created_at"]),
        _row("Version", facts.version), _row("Timeout", "300"), _row("Maxmemory", "noeviction"),
        _row("Data Size", f"{limit * (number % 60 + 5) // 100 / 1024**2:.2f} MB / {limit // 1024**2} MB"),
        _row("Connections", f"{most * (number % 9) // 12}/{most}"), _row("Persistence", "AOF"),
        _row("Maintenance window", _window(addon)),
    ]  # fmt: skip
    return {
        "addon_id": addon["id"], "name": addon["name"], "plan": plan, "version": facts.version, "port": 6380,
        "created_at": addon["created_at"], "resource_url": _url(addon, "rediss"), "prefer_native_tls": True,
        "info": rows,
        "formation": {"id": ident("formation", addon["name"]), "primary": None}, "customer_encryption_key": None,
        "metaas_source": "valkey",
    }  # fmt: skip


def _kafka(_company: Company, addon: Record) -> Record:
    return {
        "addon_id": addon["id"], "name": addon["name"], "plan": _plan(addon), "version": [facts_of(addon).version],
        "state": {"message": "Available", "status": "available"}, "created_at": addon["created_at"],
        "topics": ["customs-declared", "customs-cleared", "__consumer_offsets"], "topic_prefix": None,
        "partition_replica_count": 96, "messages_in_per_sec": 12, "bytes_in_per_sec": 4096, "bytes_out_per_sec": 9216,
        "data_size": 3 * _GIGABYTE, "robot": {"is_robot": False}, "customer_encryption_key": None,
        "limits": {"max_partition_replica_count": 1200, "data_size": {"limit_bytes": 400 * _GIGABYTE}},
    }  # fmt: skip


@lru_cache(maxsize=4)
def _databases(company: Company) -> dict[str, Record]:
    """Return the databases of a company by id and by name."""
    addons = (addon for app in company.apps for addon in company.resources_of(app).all_addons if is_database(addon))
    return {addon[key]: addon for addon in addons for key in ("id", "name")}


def _maintenance(company: Company, addon: Record, planned: Maintenance | None = None) -> Record:
    if not _has_page(addon):
        raise HerokuError(404, "not_found", "There is no maintenance for this add-on.")
    planned = planned or facts_of(addon).maintenance
    app, owner = addon["app"], company.find(addon["app"]["id"])
    attachments = company.attachments_of(owner) if owner else []
    names = [f"{record['name']}_URL" for record in attachments if record["addon"]["id"] == addon["id"]]
    return {
        "addon": {
            "uuid": addon["id"], "name": addon["name"], "attachments": names, "kind": addon["addon_service"]["name"],
            "plan": _plan(addon), "window": _window(addon),
        },
        "app": {"name": app["name"], "uuid": app["id"]},
        "status": planned.status, "window": _window(addon), "reason": planned.reason or None, "method": "changeover",
        **{name: getattr(planned, name) or None for name in ("required_by", "scheduled_for", "completed_at")},
        "previously_scheduled_for": None, "started_at": planned.completed_at or None, "customer_requested": False,
        "duration_seconds": 677 if planned.completed_at else None, "server_created_at": addon["created_at"],
        "addon_description": None,
    }  # fmt: skip


def _of_app(company: Company, app: Record) -> Record:
    """Return the maintenances of the databases of an app; Kafka has none in this list."""
    addons = [addon for addon in company.resources_of(app).addons if is_database(addon) and _has_page(addon)]
    rows = [_maintenance(company, addon) for addon in addons if _kind(addon) != "kafka"]
    if not rows:
        raise HerokuError(404, "not_found", "There is no maintenance for this app.")
    return {"maintenances": rows}


def _history(company: Company, addon: Record) -> Record:
    """Return the maintenances of a database, the newest first: that of today, and two that are over."""
    over = [Maintenance("completed", ago(days - 7), ago(days), ago(days)) for days in (95, 290)]
    earlier = [_maintenance(company, addon, planned) for planned in over if planned.completed_at > addon["created_at"]]
    return {"maintenances": [_maintenance(company, addon), *earlier]}


def _transfers(company: Company, app: Record) -> list[Record]:
    """Return the backups of the databases of an app, and one restore."""
    rows: list[Record] = []
    for attachment in company.attachments_of(app):
        addon = _databases(company).get(attachment["addon"]["id"])
        if addon is None or _kind(addon) != "postgresql" or addon["app"]["id"] != app["id"]:
            continue
        if addon["state"] == "provisioning" or facts_of(addon).forbidden:
            continue
        rows += [_transfer(addon, attachment["name"], days) for days in range(facts_of(addon).backups)]
    return [row | {"num": number} for number, row in enumerate(rows, 1)]


def _transfer(addon: Record, name: str, days: int) -> Record:
    at = datetime.fromisoformat(NOW).replace(hour=2, minute=int(addon["id"][:2], 16) % _MINUTES) - timedelta(days=days)
    moments = [iso_time(at + timedelta(minutes=minutes)) for minutes in (0, 1, 7)]
    key = ident("backup", f"{addon['name']}/{days}")
    return {
        "uuid": key, "from_type": "pg_dump", "to_type": "gof3r", "from_name": name, "to_name": "BACKUP",
        "from_url": f"postgres://{addon['name']}.larkmoor.example:5432/main",
        "to_url": f"https://backups.larkmoor.example/{quote(addon['name'])}?signature=fictional-{key}",
        "created_at": moments[0], "started_at": moments[1], "finished_at": moments[2], "canceled_at": None,
        "updated_at": moments[2], "deleted_at": None, "purged_at": None, "succeeded": True, "warnings": 0,
        "source_bytes": 52_428_800, "processed_bytes": 10_485_760, "num_keep": 7, "schedule": None, "options": {},
        "logs": [],
    }  # fmt: skip


def _schedules(_company: Company, addon: Record) -> list[Record]:
    if not facts_of(addon).scheduled:
        return []
    return [
        {
            "uuid": ident("schedule", addon["name"]), "name": "DATABASE_URL", "hour": int(addon["id"][:2], 16) % 6,
            "timezone": "Europe/London", "days": list(_DAYS), "retain_weeks": 4, "retain_months": 0,
            "callback_url": None,
        }
    ]  # fmt: skip


def _setting(value: Any, default: Any, about: str) -> Record:
    return {"value": value, "default": default, "desc": about, "values": {}}


def _postgres_settings(_company: Company, addon: Record) -> Record:
    if _plan(addon).startswith("essential"):
        raise HerokuError(422, "unprocessable_entity", "This plan has no settings.")
    return {
        "log_lock_waits": _setting(value=True, default=True, about="Whether waits for locks are logged"),
        "log_min_duration_statement": _setting(2000, 2000, "The milliseconds from which a statement is logged"),
        "track_functions": _setting("none", "none", "Which calls of functions are counted"),
    }


def _redis_settings(_company: Company, _addon: Record) -> Record:
    return {
        "maxmemory_policy": _setting("noeviction", "noeviction", "What is dropped when the memory is full"),
        "timeout": _setting(300, 300, "The seconds after which an idle connection is closed"),
        "notify_keyspace_events": _setting("", "", "Which events are published"),
    }


_V11, _MAINTENANCES = "/client/v11", "/data/maintenances/v1"
_ANSWERS: Mapping[str, Callable[[Company, Record], Any]] = {
    f"{_V11}/databases/{{add-on.id}}": _postgres,
    "/data/postgres/v1/{add-on.id}/info": _advanced,
    "/redis/v0/databases/{add-on.id}": _redis,
    "/data/kafka/v0/clusters/{add-on.id}": _kafka,
    "/postgres/v0/databases/{add-on.id}/config": _postgres_settings,
    "/redis/v0/databases/{add-on.id}/config": _redis_settings,
    f"{_V11}/apps/{{app.identity}}/transfers": _transfers,
    f"{_V11}/databases/{{add-on.id}}/transfer-schedules": _schedules,
    f"{_MAINTENANCES}/apps/{{app.id}}": _of_app,
    f"{_MAINTENANCES}/{{add-on.id}}": _maintenance,
    f"{_MAINTENANCES}/{{add-on.id}}/history/": _history,
}
