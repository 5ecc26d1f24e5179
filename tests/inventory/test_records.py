"""Records that lack a key: each is named under "What is missing", and all the rest is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from altered_api import said
from kosmo_command import document

from kosmo_kernel import inventory
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.inventory import import_file
from kosmo_kernel.inventory.page import page_of
from kosmo_kernel.inventory.source import AccountData, as_json

Record = dict[str, Any]
KeyPath = tuple[str, ...]

# The keys without which a record has no name, no number or no place. Heroku sends them with every record.
NAMING = {
    "apps": ("id", "name", "owner.email"),
    "dyno_sizes": ("name",),
    "account_addons": ("id", "name", "app", "app.id"),
    "addon_attachments": ("id", "name", "app", "app.id", "addon", "addon.id", "addon.name"),
    "pipelines": ("id", "name"),
    "pipeline_couplings": ("id", "app", "app.id", "pipeline", "pipeline.id", "stage"),
    "teams": ("id", "name"),
    "spaces": ("id", "name"),
    "formation": ("type", "size", "quantity"),
    "buildpack_installations": ("buildpack", "buildpack.name"),
    "app_webhooks": ("id",),
    "domains": ("id", "hostname", "kind"),
    "sni_endpoints": ("id", "name"),
    "config_vars": ("name",),
    "log_drains": ("id",),
    "telemetry_drains": ("id", "owner", "owner.id"),
    "collaborators": ("user", "user.email"),
    "team_apps": ("id", "name"),
    "team_members": ("team", "email"),
    "team_invitations": ("team", "team.name", "user", "user.email"),
    "space_members": ("space", "space.name", "user", "user.email"),
    "enterprise_account_members": ("enterprise_account", "enterprise_account.name", "user", "user.email"),
    "enterprise_accounts": ("name",),
}


def paths_of(record: Record, before: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the paths of all keys of a record."""
    for key, value in record.items():
        yield (*before, key)
        if isinstance(value, dict):
            yield from paths_of(value, (*before, key))


def without(record: Record, path: KeyPath, *, as_null: bool) -> Record:
    """Return a record in which a key is absent, or null."""
    changed = deepcopy(record)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    if as_null:
        parent[path[-1]] = None
    else:
        del parent[path[-1]]
    return changed


def having(records: Iterable[Record], path: KeyPath) -> int:
    """Return the position of the first record that has a key."""
    return next(position for position, record in enumerate(records) if path in set(paths_of(record)))


@pytest.mark.parametrize("as_null", [False, True], ids=["absent", "null"])
def test_each_record_that_lacks_a_name_a_number_or_a_place_is_named_and_the_rest_is_written(
    demo: AccountData, tmp_path: Path, as_null: bool
) -> None:
    damaged = {
        table: [
            without(record, tuple(path.split(".")), as_null=as_null)
            for path in keys
            for record in [demo.rows(table)[having(demo.rows(table), tuple(path.split(".")))]]
        ]
        for table, keys in NAMING.items()
    }
    tables = {table: [*rows, *damaged.get(table, ())] for table, rows in demo.tables.items()}
    data = replace(demo, tables=tables)
    summary = inventory.write(data, tmp_path / "inventory")
    named = {(one["list"], one["reason"]): len(one["items"]) for one in summary["unread"]}

    assert sum(named.values()) == sum(map(len, damaged.values()))
    for table, keys in NAMING.items():
        reasons = " ".join(reason for of, reason in named if of == table)
        assert [key for key in keys if f"`{key}" not in reasons] == [], (table, reasons)
    for intact, other in zip(demo.inventory_tables, data.inventory_tables, strict=True):
        # These have the app without an owner as well.
        if intact.kind.name not in ("apps", "access", "terraform_imports"):
            assert len(other.rows) == len(intact.rows), intact.kind.name


@pytest.mark.full
@pytest.mark.parametrize("as_null", [False, True], ids=["absent", "null"])
@pytest.mark.parametrize("table", [*NAMING, "review_apps"])
def test_no_key_that_is_missing_ends_an_inventory(demo: AccountData, table: str, as_null: bool) -> None:
    rows = demo.rows(table)
    paths = dict.fromkeys(path for row in rows for path in paths_of(row))
    harmless = [path for path in paths if ".".join(path) not in NAMING.get(table, ())]
    damaged = [without(rows[having(rows, path)], path, as_null=as_null) for path in harmless]
    data = replace(demo, tables={**demo.tables, table: [*rows, *damaged]})

    assert (data.complete, as_json(data)["unread"]) == (True, [])
    assert import_file(data).count("import {")
    assert "What is missing</h2>\n<p>" not in page_of(data)
    assert [one.kind.name for one in data.inventory_tables] == [one.kind.name for one in demo.inventory_tables]


def answering(ending: str, *records: Record) -> WSGIApplication:
    """Return the demo's API, which answers paths that end like this with these records."""
    api, body = DemoApi(company()), json.dumps(records).encode()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        is_meant = environ["PATH_INFO"].endswith(ending)
        return said(start_response, "200 OK", body) if is_meant else api(environ, start_response)

    return answer


def test_the_command_names_a_process_without_a_quantity_and_leaves_the_numbers_of_its_app_open(tmp_path: Path) -> None:
    process = {"id": "1", "type": "web", "size": "Basic", "app": {"name": "my-app", "id": "2"}}
    with serve(answering("/my-app/formation", process)) as served:
        env = {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN}
        code, summary = document("inventory", "-o", str(tmp_path / "new"), "--json", env=env)
    apps = json.loads((tmp_path / "new" / "tables" / "apps.json").read_bytes())
    page = (tmp_path / "new" / "index.html").read_text(encoding="utf-8")

    reason = "records without `quantity` are left out"
    assert (code, summary["complete"]) == (1, False)
    unread = [item for item in summary["unread"] if item["list"] != "databases"]
    assert unread == [{"list": "formation", "reason": reason, "items": ["my-app: web"]}]
    assert summary["at_least"] == ["processes", "monthly cost"]
    assert [(app["dynos"], app["monthly_usd"]) for app in apps if app["name"] == "my-app"] == [(None, None)]
    assert f"<strong>Processes</strong>: {reason}. 1 item: " in page
    assert '<small>at least</small> 25</strong> <span class="detail">at least 37 dynos' in page
