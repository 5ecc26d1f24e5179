"""Read the values of records, and set aside those that lack a key by which an inventory names, counts or places them.

Heroku sends these keys with every record. A record without one, or with null in its place, is not guessed at: it is
named among what could not be read, the tables go on without it, and sums that would have it are bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kosmo_kernel.text.paths import value_at

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[dict[str, Any]]]

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
# A record that lacks one of these has empty cells, and is named as well. An object that is null may lack its keys.
_EXPECTED: Mapping[str, tuple[str, ...]] = {"apps": ("owner.email",)}
_NAMES = ("name", "hostname", "type", "email", "user.email", "owner.email", "id")  # what a record is called by
# Where a record belongs, as failures name it: the key of the failure, and the paths of its value.
_PLACES = {"app_id": ("app_id", "app.name", "app.id"), "team": ("team.name", "team"), "space": ("space.name",)}


def usable(tables: Tables) -> tuple[Tables, list[Row]]:
    """Return the lists without the records that lack a key, and a failure for each record that lacks one."""
    usable_rows: dict[str, Sequence[dict[str, Any]]] = {}
    failures: list[Row] = []
    for table, rows in tables.items():
        lacking = [_lacking(row, _REQUIRED.get(table, ())) for row in rows]
        failures += [
            _failure(table, row, f"records without {_quoted(keys)} are left out")
            for row, keys in zip(rows, lacking, strict=True)
            if keys
        ]
        complete = [row for row, keys in zip(rows, lacking, strict=True) if not keys] if any(lacking) else rows
        failures += [
            _failure(table, row, f"records without {_quoted(keys)}")
            for row in complete
            if (
                keys := [
                    path for path in _lacking(row, _EXPECTED.get(table, ())) if value_at(row, path.partition(".")[0])
                ]
            )
        ]
        usable_rows[table] = complete
    return usable_rows, failures


def _lacking(row: Row, paths: Sequence[str]) -> list[str]:
    return [path for path in paths if value_at(row, path) is None]


def _quoted(paths: Sequence[str]) -> str:
    return " and ".join(f"`{path}`" for path in paths)


def _failure(table: str, row: Row, message: str) -> Row:
    """Return what says that a record lacks a key: what it is called, and the app, the team or the space it is of."""
    place = {key: value for key, paths in _PLACES.items() if isinstance(value := _first(row, paths), str)}
    names = [*place.values(), *([str(name)] if (name := _first(row, _NAMES)) else [])]
    record = ": ".join(names) or "a record without a name"
    return {"table": table, "type": "incomplete_record", "message": message, "record": record} | place


def _first(row: Row, paths: Sequence[str]) -> Any:
    """Return the value at the first of some paths that has one, or None."""
    return next((value for path in paths if (value := value_at(row, path)) is not None), None)
