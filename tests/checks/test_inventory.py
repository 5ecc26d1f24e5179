"""Inventories: all of an account in one folder, from the network or from a snapshot, or nothing."""

from __future__ import annotations

import csv
import json
import re
import signal
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from altered_api import answering, without
from canaries import CANARY, planted_api
from full_matrix import full_except
from inventories import changed, read, with_gap
from kosmo_command import document, environment, kosmo

from kosmo_kernel import snapshot
from kosmo_kernel.checks.inventory import Inventory, from_account
from kosmo_kernel.checks.inventory_folder import import_file, write
from kosmo_kernel.checks.inventory_page import page_of
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import RefusedError
from kosmo_kernel.integrations.heroku.demo import account_records, app_records
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import AppRecords, Company, company
from kosmo_kernel.integrations.heroku.demo.record_maker import Maker
from kosmo_kernel.integrations.heroku.inventory import INVENTORY, PEOPLE
from kosmo_kernel.questions.discovery import table_names
from kosmo_kernel.session import Session
from kosmo_kernel.settings.private_files import write_private

Keys = Counter[tuple[Any, ...]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "moves" / "inventory"


def table(folder: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / "tables" / f"{name}.json").read_bytes())
    with (folder / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        assert sum(1 for _ in csv.reader(file)) == len(rows) + 1
    return rows


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# What is in it -----------------------------------------------------------------------------------------


def all_of(whole: Company) -> dict[str, Keys]:
    """Return what identifies each record of a company, by the table of an inventory that has it."""
    make = Maker(whole, lambda *_: (), timedelta(0))
    by_app = [(app, whole.resources_of(app)) for app in whole.apps]
    names = {app["id"]: app["name"] for app in whole.apps}
    pipeline_names = {one["id"]: one["name"] for one in account_records.pipelines(make)}
    return {
        "apps": Counter((app["name"], app["id"]) for app in whole.apps),
        "formation": Counter(
            (app["name"], one["type"], one["quantity"]) for app in whole.apps for one in whole.formation(app)
        ),
        "addons": Counter((one["app"]["name"], one["name"], one["plan"]["name"]) for one in whole.addons),
        "addon_attachments": Counter(
            (one["addon"]["name"], one["app"]["name"], one["name"]) for one in whole.addon_attachments
        ),
        "domains": Counter((app["name"], one["hostname"]) for app, own in by_app for one in own.domains),
        "certificates": Counter((app["name"], one["hostname"]) for app, own in by_app for one in own.domains),
        "sni_endpoints": Counter(
            (app["name"], one["name"], one["ssl_cert"]["expires_at"][:10])
            for app in whole.apps
            for one in app_records.sni_endpoints(make, app)
        ),
        "config_vars": Counter(
            (app["name"], name) for app in whole.apps for name in app_records.config_vars(make, app)
        ),
        "drains": Counter(
            (app["name"], urlsplit(one["url"]).hostname)
            for app in whole.apps
            for one in app_records.log_drains(make, app)
        ),
        "pipelines": Counter((one["name"],) for one in account_records.pipelines(make)),
        "pipeline_stages": Counter(
            (pipeline_names[one["pipeline"]["id"]], one["stage"], names[one["app"]["id"]])
            for one in account_records.couplings(make)
        ),
        "teams": Counter((one["name"],) for one in whole.teams),
        "team_members": Counter((team["name"], one["email"]) for team in whole.teams for one in whole.members(team)),
        "invited": Counter(
            (team["name"], one["user"]["email"])
            for team in whole.teams
            for one in account_records.invitations(make, team)
        ),
        "access": Counter((app["name"], email) for app, own in by_app for email in reaching(whole, app, own)),
        "spaces": Counter((one["name"],) for one in account_records.spaces(make)),
    }


def reaching(whole: Company, app: dict[str, Any], own: AppRecords) -> set[str]:
    """Return the addresses of the people who reach an app: its owner, its collaborators, and the admins of its team."""
    emails = {app["owner"]["email"], *(one["user"]["email"] for one in own.collaborators)}
    if app["team"]:
        emails |= {one["email"] for one in whole.members(app["team"]) if one["role"] == "admin"}
    return {email for email in emails if not email.endswith("@herokumanager.com")}


COLUMNS = {
    "apps": ("name", "id"),
    "formation": ("app", "process", "quantity"),
    "addons": ("owner_app", "name", "plan"),
    "addon_attachments": ("addon", "app", "attachment"),
    "domains": ("app", "hostname"),
    "certificates": ("app", "hostname"),
    "sni_endpoints": ("app", "name", "last_day"),
    "config_vars": ("app", "name"),
    "pipelines": ("name",),
    "pipeline_stages": ("pipeline", "stage", "app"),
    "teams": ("name",),
    "access": ("app", "email"),
    "spaces": ("name",),
}


@pytest.mark.parametrize("apps", [None, pytest.param(300, marks=pytest.mark.full)])
def test_an_inventory_has_every_record_of_the_company(apps: int | None, folder: Path) -> None:
    whole = company(apps)
    data = read(DemoApi(whole, capacity=10**9))
    write(data, folder)
    expected = all_of(company(apps))
    members, logs = table(folder, "team_members"), [row for row in table(folder, "drains") if row["kind"] == "log"]
    actual = {
        **{name: counted(table(folder, name), *columns) for name, columns in COLUMNS.items()},
        "drains": counted(logs, "owner", "host"),
        "team_members": counted([row for row in members if row["state"] == "member"], "team", "email"),
        "invited": counted([row for row in members if row["state"] == "invited"], "team", "email"),
    }

    assert {one.name for one in data.unread} <= {"database", "backup_schedules"}
    assert actual == expected
    assert any(row["scaled_to_zero"] for row in table(folder, "formation"))
    assert not any(b"fictional-" in content for content in files_of(folder).values())  # each secret of the demo has it


def counted(rows: Iterable[dict[str, Any]], *columns: str) -> Keys:
    return Counter(tuple(row[column] for column in columns) for row in rows)


@pytest.mark.full
def test_a_snapshot_of_everything_gives_the_same_inventory(folder: Path, session: Session) -> None:
    snapshot.take(session, folder.parent / "everything", every=True)
    with Session(from_archive=folder.parent / "everything") as archive:
        saved = from_account(archive)
    live = from_account(session)

    assert (saved.origin, saved.requests) == (folder.parent / "everything", 0)
    assert {name: saved.rows(name) for name in saved.tables} == {name: live.rows(name) for name in live.tables}
    assert saved.unread == live.unread
    assert import_file(saved) == import_file(live)


def test_every_row_has_the_columns_that_its_table_declares(demo: Inventory) -> None:
    assert {*demo.tables} == {*table_names("heroku")}
    assert [*demo.tables][:2] == ["apps", "formation"]  # as on the page
    for name, result in demo.tables.items():
        assert {tuple(row) for row in demo.rows(name)} == {result.question.columns}, name
        assert set(result.question.page) <= set(result.question.columns)


def test_the_days_that_heroku_decides_are_those_of_the_table_and_stand_first(session: Session, written: Path) -> None:
    rows = session.run("return heroku.tables.deadlines()").value.rows
    forced = [(row["day"], row["kind"], row["what"]) for row in rows if row["forced"]]
    summary = json.loads((written / "summary.json").read_bytes())
    page = (written / "index.html").read_text(encoding="utf-8")

    assert table(written, "deadlines") == [dict(row) for row in rows]
    assert [(one["day"], one["kind"], one["what"]) for one in summary["next_days"]] == forced[:3]
    assert page.index("The next three days that Heroku decides") < page.index("What makes a move hard")


def test_the_apps_of_one_stack_are_one_day(demo: Inventory) -> None:
    stacks = [row for row in demo.rows("deadlines") if row["kind"] == "stack builds end"]
    [day] = changed(demo, deadlines=stacks).next_days

    assert (day["what"], day["apps"]) == ("heroku-22", [row["app"] for row in stacks])
    assert len(day["apps"]) > 1


def test_the_lists_of_tables_that_could_not_be_made_are_named() -> None:
    data = read(without("/addons"))
    missing = {one.name: one.reason for one in data.unread if not one.items}

    assert missing == {"account_addons": "the token may not read it (403)"}
    assert {"addons", "databases", "maintenances"}.isdisjoint(data.tables)
    assert "not every day could be read" in page_of(data)
    assert [one.name for one in data.obstacles if one.count is None] == [
        "Shared add-ons",
        "Add-ons that only Heroku has",
    ]


def test_it_says_who_shares_an_add_on_and_what_a_move_has_to_replace(written: Path) -> None:
    addons = {row["name"]: row for row in table(written, "addons")}
    summary = json.loads((written / "summary.json").read_bytes())

    assert addons["postgresql-curved-41902"]["used_by"] == ["booking-api", "label-printer"]
    assert (addons["kafka-colorful-29053"]["monthly_usd"], addons["kafka-colorful-29053"]["price"]) == (
        None,
        "contract",
    )
    assert addons["scheduler-round-53677"]["only_on_heroku"] is True
    assert addons["mapwren-open-12086"]["only_on_heroku"] is False
    assert summary["move"] == {
        "shared add-ons": 4,
        "add-ons that only heroku has": 21,
        "review apps": 1,
        "private spaces": 3,
        "domains with a certificate from heroku": 15,
    }


def test_access_to_apps_is_that_of_the_shared_table(demo: Inventory, session: Session) -> None:
    assert list(demo.rows("access")) == list(session.run("return heroku.tables.access()").value.rows)


def test_an_admin_of_two_teams_reaches_all_of_their_apps_with_and_without_a_seat(demo: Inventory) -> None:
    tables = {name: demo.rows(name) for name in demo.tables}
    [admin] = [row for row in tables["people"] if row["email"] == "juno.hale@larkmoor.example"]
    own = {app["name"] for app in tables["apps"] if app["team"] or app["owner"] == admin["email"]}
    seats = {row["app"] for row in tables["access"] if row["email"] == admin["email"] and row["seat"]}

    assert (admin["apps"], admin["apps_managed"], admin["seats"]) == (len(own | seats), len(own), len(seats))
    assert 0 < len(own & seats) < len(own)
    assert sum(app["people"] for app in tables["apps"]) == sum(person["apps"] for person in tables["people"])
    assert sum(app["seats"] for app in tables["apps"]) == sum(person["seats"] for person in tables["people"])


def test_people_and_their_apps_are_bounds_where_the_members_of_a_team_are_not_known() -> None:
    data = read(without("/teams/larkmoor/members"))
    people, apps = data.rows("people"), data.rows("apps")
    [figure] = [one for one in data.key_figures if one.name == "People"]

    assert {row["apps_at_least"] for row in people} == {True}
    assert {row["people"] for row in apps} == {None}
    assert f">at least {people[0]['apps']}</td>" in page_of(data)
    assert f">at least {people[-1]['apps_managed']}</td>" in page_of(data)
    # Nobody is said to be in no team.
    assert (figure.text, figure.detail) == ("at least 11", "at least 2 without a second factor")
    [unread] = [one for one in data.unread if one.name == "team_members"]
    assert (unread.items, unread.reason) == (
        ["larkmoor"],
        "the token may not read it (403); that takes the scope global",
    )


def test_it_has_the_buildpacks_of_each_app_and_of_webhooks_the_hosts(demo: Inventory, session: Session) -> None:
    tables = {name: demo.rows(name) for name in demo.tables}
    built, told = session.run(
        "local apps = { app_id = heroku.list_apps() }\n"
        "return heroku.list_buildpack_installations(apps), heroku.list_app_webhooks(apps)"
    ).values

    assert Counter((row["app"], row["buildpack"]) for row in tables["buildpacks"]) == Counter(
        (row["app_id"], row["buildpack"]["name"]) for row in built
    )
    assert {row["position"] for row in tables["buildpacks"]} >= {1}
    assert {(row["app"], row["host"], row["id"]) for row in tables["webhooks"]} == {
        (row["app_id"], row["host"], row["id"]) for row in told
    }
    assert "url" not in tables["webhooks"][0]


def test_a_config_var_that_an_add_on_sets_names_the_add_on(demo: Inventory) -> None:
    sources = {(row["app"], row["name"]): row["from_addon"] for row in demo.rows("config_vars")}

    assert sources["booking-api", "BOOKING_DB_URL"] == "postgresql-curved-41902"
    assert sources["address-checker", "SMTP_HOST"] is None


# What is missing ---------------------------------------------------------------------------------------


def test_what_could_not_be_read_is_on_the_page_and_never_an_empty_table_or_a_zero(folder: Path) -> None:
    data = read(without("/my-app/domains", "/config-vars", "/my-app/formation"))
    write(data, folder)
    page = (folder / "index.html").read_text(encoding="utf-8")
    my_app = next(row for row in table(folder, "apps") if row["name"] == "my-app")

    assert not data.complete
    assert {(one.name, tuple(one.items[:1])) for one in data.unread} == {
        ("database", ("postgresql-spherical-36641",)),
        ("backup_schedules", ("postgresql-spherical-36641",)),
        ("domains", ("my-app",)),
        ("formation", ("my-app",)),
        ("config_vars", ("address-checker",)),
    }
    assert "the token may not read it (403)" in page
    assert not (folder / "tables" / "config_vars.csv").exists()
    assert [my_app[name] for name in ("custom_domains", "dynos", "monthly_usd", "config_vars")] == [None] * 4
    lists = "backup_schedules, config_vars, database, domains, formation"
    assert f"# Not read, and so not here: {lists}." in (folder / "imports.tf").read_text()


BOUNDS = {
    "apps": {"apps", "processes", "monthly cost", "domains", "people"},  # lists that are read for each app
    "teams": {"apps", "people"},
    "team_apps": {"apps"},
    "formation": {"processes", "monthly cost"},
    "dyno_sizes": {"monthly cost"},
    "spaces": {"monthly cost", "people"},
    "enterprise_accounts": {"people"},
    "account_addons": {"monthly cost", "databases"},
    "domains": {"domains"},
    **{table: {"people"} for table in PEOPLE},
}


@pytest.mark.parametrize(
    "unread", full_except(sorted(INVENTORY.required), "apps", "domains", "formation", "pipelines", "team_members")
)
def test_a_key_figure_is_a_bound_where_a_part_of_one_of_its_lists_could_not_be_read(
    demo: Inventory, unread: str
) -> None:
    figures = with_gap(demo, unread, item="my-app").key_figures

    assert {one.name.lower() for one in figures if one.at_least} == BOUNDS.get(unread, set())
    assert all(one.text.startswith("at least ") == one.at_least for one in figures)


def test_a_refused_list_is_called_what_it_is(demo: Inventory) -> None:
    page = page_of(with_gap(demo, "account_addons", "log_drains"))

    assert re.findall("<li><strong>(.*?)</strong>: (.*?)</li>", page) == [
        ("Add-ons", "the token may not read it (403)."),
        ("Log drains", "the token may not read it (403)."),
    ]


def test_a_snapshot_without_some_lists_says_which_are_missing(folder: Path, session: Session) -> None:
    snapshot.take(session, folder.parent / "small")
    with Session(from_archive=folder.parent / "small") as archive:
        data = from_account(archive)
    missing = {one.name: one.reason for one in data.unread}

    assert missing["formation"] == "The snapshot does not have this list; `kosmo snapshot --all` takes every list."
    assert {"apps", "domains", "collaborators"} & missing.keys() == set()
    assert {"apps", "domains", "certificates", "access", "people"} <= data.tables.keys()
    assert {"formation", "addons", "costs"}.isdisjoint(data.tables)
    figures = {one.name: one.value for one in data.key_figures}
    assert (figures["Apps"], figures["Processes"], figures["Monthly cost"]) == (19, None, None)


def test_apps_of_a_team_that_the_account_cannot_reach_are_named(demo: Inventory, session: Session) -> None:
    apps = session.run("return heroku.list_apps()").value.rows
    others = [dict(app) for app in apps if app["name"] != "night-sorter"]
    fewer = read(answering("/apps", *others, is_whole_path=True))

    assert (demo.complete, fewer.complete) == (True, False)
    assert [(one.name, list(one.items)) for one in fewer.unread if one.name == "apps"] == [("apps", ["night-sorter"])]
    assert [one.text for one in fewer.key_figures if one.name == "Apps"] == ["at least 18"]


def test_an_account_that_may_read_nothing_leaves_no_folder(folder: Path) -> None:
    with pytest.raises(RefusedError, match="may not see this"):
        read(without("/apps"))
    assert not folder.parent.exists()


# Secrets and hostile names -----------------------------------------------------------------------------


@pytest.mark.claim("inventory-no-secret")
def test_no_secret_of_the_account_is_in_any_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with planted_api(pages=1) as (api, env), Session() as session:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        write(from_account(session), folder)
    content = b"".join(files_of(folder).values()).decode()

    assert api.planted > 0
    assert CANARY.search(content) is None
    assert DEMO_TOKEN not in content
    assert {path for path in api.shown if path.endswith("/config-vars")} - set(api.unseen(content))


def hostile(data: Inventory) -> Inventory:
    """Return an inventory of the demo with an app and a process that have hostile names."""
    name, formula = '<script>alert("1")</script>${file("/etc/passwd")}\n"\u2028', "=cmd|' /C calc'!A0"
    [own] = [row for row in data.rows("apps") if row["name"] == "my-app"]
    app = {**own, "name": name, "buildpack": formula}
    process = {**data.rows("formation")[0], "app": name, "process": formula}
    imported = {"resource": "heroku_formation", "name": f"{name}_{formula}", "id": f"{name}:{formula}"}
    return changed(data, apps=[app], formation=[process], terraform_imports=[imported])


def test_a_hostile_name_is_only_text_on_the_page_in_csv_and_for_terraform(folder: Path, demo: Inventory) -> None:
    write(hostile(demo), folder)
    page, imports = (folder / "index.html").read_text(encoding="utf-8"), (folder / "imports.tf").read_text()

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert ",'=cmd|' /C calc'!A0," in (folder / "tables" / "formation.csv").read_text(encoding="utf-8")
    assert 'id = "<script>alert(\\"1\\")</script>$${file(\\"/etc/passwd\\")}\\n\\"\\u2028:=cmd' in imports
    assert not re.search(r"(?<!\$)\$\{", imports)


def test_the_page_loads_nothing(written: Path) -> None:
    page = (written / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'src="?([^"> ]+)', page) + re.findall(r'href="?(?!https://)([^"> ]+)', page)

    assert not re.search(r"<(?:script|link|img|iframe|object|form)\b|@import|url\(", page)
    assert links
    assert all((written / link).is_file() for link in links if not link.startswith("#"))


# The folder --------------------------------------------------------------------------------------------


@pytest.mark.claim("files-owner-only")
def test_only_its_owner_may_read_it(written: Path) -> None:
    assert {stat.S_IMODE(one.stat().st_mode) for one in written.rglob("*") if one.is_file()} == {0o600}
    assert {stat.S_IMODE(one.stat().st_mode) for one in (written, written / "tables")} == {0o700}


def test_a_run_that_fails_while_it_writes_leaves_nothing(
    folder: Path, demo: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = count(1)

    def failing(file: Path, content: bytes) -> None:
        if next(written) == 20:
            raise KeyboardInterrupt
        write_private(file, content)

    monkeypatch.setattr("kosmo_kernel.checks.inventory_folder.write_private", failing)
    with pytest.raises(KeyboardInterrupt):
        write(demo, folder)
    assert list(folder.parent.iterdir()) == []


KILLED = """
import os, signal, sys
from itertools import count
from kosmo_kernel.cli import main
from kosmo_kernel.checks import inventory_folder as folder
write, written = folder.write_private, count(1)
def killed(file, content):
    if next(written) == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    write(file, content)
folder.write_private = killed
sys.argv = ["kosmo", "inventory", "--demo", "-o", sys.argv[1]]
main()
"""


@pytest.mark.full
def test_a_killed_run_leaves_no_half_inventory(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], env=environment(), capture_output=True, check=False
    )

    assert done.returncode == -signal.SIGKILL
    assert not folder.exists()
    assert [one.name.startswith(".inventory.") for one in folder.parent.iterdir()] == [True]


# The command -------------------------------------------------------------------------------------------


def test_the_command_says_what_there_is_and_where_it_is(folder: Path) -> None:
    done = kosmo("inventory", "--demo", "-o", str(folder))

    assert done.returncode == 1  # a database of the demo cannot be read
    assert done.stderr.count("database: the token may not read it (403) (1 item: see summary.json)") == 1
    assert done.stdout.splitlines()[0].split()[:2] == ["Apps", "19"]
    assert "The next days that Heroku decides:" in done.stdout
    assert "  2026-12-11  database maintenance postgresql-octagonal-11373 (parcel-tracker)\n" in done.stdout
    assert f"Written to {folder}: the account demo at 2026-11-20T09:00:00Z, " in done.stdout
    assert done.stdout.endswith(f"Open {folder / 'index.html'}\n")


def test_the_command_prints_one_table_in_a_format_and_asks_for_its_lists_only(session: Session) -> None:
    with serve(without("/my-app/formation", "/config-vars")) as served:
        env = {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN}
        done = kosmo("inventory", "--table", "stages", "--format", "csv", env=env)
        partly = kosmo("inventory", "--table", "formation", "--format", "csv", "--columns", "app,process", env=env)
        code, refused = document("inventory", "--table", "config_vars", "--json", env=env)
        _, whole = document("inventory", "--table", "stages", "--json", env=env)
    rows = list(csv.DictReader(done.stdout.splitlines()))

    assert done.returncode == 0
    assert [row["app"] for row in rows] == [row["app"] for row in whole["rows"]]
    assert [{name: value or "" for name, value in row.items()} for row in whole["rows"]] == rows
    assert partly.returncode == 1
    assert partly.stdout.startswith("app,process\naddress-checker,")
    assert "1 of 19 apps could not be read: my-app (403 forbidden)" in partly.stderr
    assert (code, refused["success"]) == (1, False)
    assert "config_vars could not be read" in refused["error"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--demo"], "Give -o DIR for a folder, or --table NAME"),
        (["--demo", "-o", "x", "--table", "costs"], "Give -o DIR for a folder, or --table NAME"),
        (["--demo", "-o", "x", "--format", "csv"], "--format is about --table."),
    ],
)
def test_a_folder_and_a_table_exclude_each_other(args: list[str], message: str) -> None:
    done = kosmo("inventory", *args)
    assert (done.returncode, message in done.stderr) == (2, True)


def test_the_command_exits_with_1_when_something_is_missing(folder: Path) -> None:
    with serve(without("/my-app/domains")) as served:
        env = {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN}
        code, answer = document("inventory", "-o", str(folder), "--json", env=env)
        again = kosmo("inventory", "-o", str(folder), env=env)

    assert (code, answer["success"], answer["complete"]) == (1, False, False)
    unread = {item["list"]: item for item in answer["unread"] if item["items"] == ["my-app"]}
    assert len(answer["unread"]) == len(unread) + 2  # of a database of the demo
    assert unread == {"domains": {"list": "domains", "reason": "the token may not read it (403)", "items": ["my-app"]}}
    assert (again.returncode, "has something in it, and an inventory replaces nothing" in again.stderr) == (1, True)
