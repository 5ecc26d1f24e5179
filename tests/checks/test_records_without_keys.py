"""Records that lack a key: each is named under "What is missing", and all the rest is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from altered_api import answering
from inventories import read
from kosmo_command import document

from kosmo_kernel.checks.inventory import find_gaps, service
from kosmo_kernel.checks.inventory_folder import import_file
from kosmo_kernel.checks.inventory_page import page_of
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.questions.discovery import table_names
from kosmo_kernel.values.records import Records

Record = dict[str, Any]
KeyPath = tuple[str, ...]

# The keys without which a record has no name, no number or no place. Heroku sends them with every record.
NAMING = {
    "apps": ("id", "name", "owner.email"),
    "dyno_sizes": ("name",),
    "account_addons": ("id", "name", "app", "app.id", "app.name"),
    "addon_attachments": ("id", "name", "app", "app.id", "app.name", "addon", "addon.id", "addon.name"),
    "pipelines": ("id", "name"),
    "pipeline_couplings": ("id", "app", "app.id", "pipeline", "pipeline.id", "stage"),
    "teams": ("id", "name"),
    "spaces": ("id", "name"),
    "formation": ("app", "app.name", "type", "size", "quantity"),
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


def record_of(*paths: str) -> Record:
    """Return a record that has a text at each of some paths."""
    record: Record = {}
    for path in paths:
        *parents, key = path.split(".")
        inner = record
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner.setdefault(key, {} if f"{path}." in " ".join(paths) else path)
    return record


@pytest.mark.parametrize("as_null", [False, True], ids=["absent", "null"])
@pytest.mark.parametrize("name", NAMING)
def test_each_record_that_lacks_a_name_a_number_or_a_place_is_named_and_left_out(name: str, as_null: bool) -> None:
    keys, function = NAMING[name], service().function(f"list_{name}")
    intact = record_of(*keys)
    damaged = [without(intact, tuple(key.split(".")), as_null=as_null) for key in keys]
    failures, left_out = find_gaps(function, Records([intact, *damaged], function), "")

    assert find_gaps(function, Records([intact], function), "") == ([], set())
    # The owner of an app is not needed, and an object that is null has none of its keys.
    kept = {keys.index(key) + 1 for key in keys if key == "owner.email"}
    assert left_out == {*range(1, len(keys) + 1)} - kept
    assert len(failures) == len(keys)
    for key, failure in zip(keys, failures, strict=True):
        assert f"`{key}" in failure["message"]
        assert failure["message"].endswith(" are left out") == (key != "owner.email")


class Damaging:
    """The demo's API, whose lists have each record once more for each key that it can lack. A WSGI application."""

    def __init__(self, *, as_null: bool) -> None:
        self._api, self._as_null, self.damaged = DemoApi(company(), capacity=10**9), as_null, 0
        patterns = [(link.path, function.name) for function in service().functions for link in function.links]
        self._lists = [(re.sub(r"{.*?}", "[^/]+", path), name.removeprefix("list_")) for path, name in patterns]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        head: list[Any] = []

        def begin(*args: Any) -> Any:
            head.extend(args)

        content = b"".join(self._api(environ, begin))
        records = json.loads(content) if head[0].startswith("20") and content.startswith(b"[{") else []
        names = {name for path, name in self._lists if re.fullmatch(path, environ["PATH_INFO"])}
        needed = {tuple(key.split(".")) for name in names for key in NAMING.get(name, ())}
        paths = dict.fromkeys(path for record in records for path in paths_of(record) if path not in needed)
        for path in paths if names & {*NAMING, "review_apps"} else ():
            record = next(record for record in records if path in set(paths_of(record)))
            records.append(without(record, path, as_null=self._as_null))
            self.damaged += 1
        content = json.dumps(records).encode() if records else content
        headers = [(name, value) for name, value in head[1] if name.lower() not in ("content-length", "etag")]
        start_response(head[0], [*headers, ("Content-Length", str(len(content)))])
        return [content]


@pytest.mark.full
@pytest.mark.parametrize("as_null", [False, True], ids=["absent", "null"])
def test_no_other_key_that_is_missing_ends_an_inventory(as_null: bool) -> None:
    api = Damaging(as_null=as_null)
    inventory = read(api)

    assert api.damaged > 100
    assert {unread.name for unread in inventory.unread} == {"database", "backup_schedules"}
    assert {*inventory.tables} == {*table_names("heroku")}
    assert import_file(inventory).count("import {")
    assert page_of(inventory).count("<section")


def test_the_command_names_a_process_without_a_quantity_and_leaves_the_numbers_of_its_app_open(tmp_path: Path) -> None:
    process = {"id": "1", "type": "web", "size": "Basic", "app": {"name": "my-app", "id": "2"}}
    with serve(answering("/my-app/formation", process)) as served:
        env = {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN}
        code, summary = document("inventory", "-o", str(tmp_path / "new"), "--json", env=env)
    apps = json.loads((tmp_path / "new" / "tables" / "apps.json").read_bytes())
    page = (tmp_path / "new" / "index.html").read_text(encoding="utf-8")

    reason = "records without `quantity` are left out"
    assert (code, summary["complete"]) == (1, False)
    unread = [item for item in summary["unread"] if item["list"] not in ("database", "backup_schedules")]
    assert unread == [{"list": "formation", "reason": reason, "items": ["my-app: web"]}]
    assert summary["at_least"] == ["processes", "monthly cost"]
    assert [(app["dynos"], app["monthly_usd"]) for app in apps if app["name"] == "my-app"] == [(None, None)]
    assert f"<strong>Processes</strong>: {reason}. 1 item: " in page
    assert '<small>at least</small> 25</strong> <span class="detail">at least 37 dynos' in page
