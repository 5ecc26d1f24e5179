"""What the look-alike of Heroku's data API answers, and what the tables make of it, held against plain HTTP."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import httpx
import pytest
from full_matrix import full_except

from kosmo_kernel import snapshot
from kosmo_kernel.demo import ago
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import CredentialsError
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi, forbidding
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.integrations.heroku.demo.company_data import TEAM, account_record
from kosmo_kernel.integrations.heroku.demo.models import AddOn, App
from kosmo_kernel.session import Session

MAINTENANCES = "/data/maintenances/v1/"
SERVICES = ("heroku-postgresql:", "heroku-redis:", "heroku-kafka:")
Rows = list[dict[str, Any]]


def get(url: str) -> Any:
    """Return what an address answers; None for status 403 and 404."""
    headers = {"Authorization": f"Bearer {DEMO_TOKEN}", "Accept": "application/vnd.heroku+json; version=3"}
    answer = httpx.get(url, headers=headers | {"Range": "id ..; max=1000"})
    return None if answer.status_code in (403, 404) else answer.raise_for_status().json()


def databases(url: str) -> Rows:
    """Return the databases of an account, and those that apps out of reach lend it."""
    used = [one for app in get(f"{url}/apps") for one in get(f"{url}/apps/{app['id']}/addons")]
    by_id = {one["id"]: one for one in used if one["plan"]["name"].startswith(SERVICES)}
    return [*by_id.values()]


def noting(api: WSGIApplication, paths: list[str]) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        paths.append(environ["PATH_INFO"])
        return api(environ, start_response)

    return answer


def table(name: str, monkeypatch: pytest.MonkeyPatch, url: str) -> Rows:
    monkeypatch.setenv("HEROKU_API_URL", url)
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    with Session() as session:
        return [
            dict(row)
            for row in session.run(f'time.set_now("2026-11-20T09:00:00Z"); return heroku.tables.{name}()').value
        ]


@pytest.mark.parametrize("apps", full_except((None, 250), None))
def test_all_days_of_databases_are_in_the_table_in_order_and_none_is_invented(
    apps: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: list[str] = []
    with serve(noting(DemoApi(company(apps), capacity=10**9), paths)) as served:
        addons = databases(served.url)
        sent = {one["name"]: get(f"{served.url}{MAINTENANCES}{one['id']}") for one in addons}
        paths.clear()
        rows = table("deadlines", monkeypatch, served.url)
    planned = {name: one for name, one in sent.items() if one and one["status"] != "completed"}
    days = {name: one["required_by"] or one["scheduled_for"] for name, one in planned.items()}
    found = {row["what"]: row["day"] for row in rows if row["kind"] == "database maintenance"}
    assert found == {name: day[:10] for name, day in days.items() if day}
    dated = [row["day"] for row in rows if row["day"]]
    assert dated == sorted(dated)
    # Kafka is not in the list of an app, and an app out of reach has no list.
    in_reach = {one["id"] for one in company(apps).apps}
    alone = {one["id"] for one in addons if "kafka" in one["plan"]["name"] or one["app"]["id"] not in in_reach}
    owners = {one["app"]["id"] for one in addons if one["id"] not in alone}
    asked = sorted(path for path in paths if path.startswith(("/data/", "/client/", "/redis/", "/postgres/")))
    assert asked == sorted([*(f"{MAINTENANCES}apps/{app}" for app in owners), *(MAINTENANCES + one for one in alone)])


def app_with(number: int, services: Iterable[str]) -> App:
    """Return an app with a database of each of some services."""
    plans = {"postgresql": "standard-0", "redis": "premium-0", "kafka": "extended-0"}
    addons = [AddOn(f"{service}-flat-{number:05}", plans[service], ago(300)) for service in services]
    return App(f"shop-{number:03}", TEAM, "Ruby", "heroku-26", "eu", ago(400), ago(20), addons=addons)


def test_the_days_of_120_databases_in_90_of_250_apps_take_one_request_for_each_of_these_and_each_kafka_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = [
        ("postgresql", *["redis"] * (n < 20), *["kafka"] * (20 <= n < 30)) if n < 90 else () for n in range(250)
    ]
    apps = [app_with(number, one) for number, one in enumerate(services)]
    assert sum(map(len, services)) == 120
    paths: list[str] = []
    with serve(noting(DemoApi(Company(account_record(), apps), capacity=10**9), paths)) as served:
        table("deadlines", monkeypatch, served.url)
    asked = Counter(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|shop-\d+|(?<=/teams/)[^/]+", "*", path) for path in paths)

    assert asked == {
        f"{MAINTENANCES}apps/*": 90,
        f"{MAINTENANCES}*": 10,
        "/apps/*/sni-endpoints": 250,  # there is no list of all certificates
        "/teams/*/delinquency": 2,
        **dict.fromkeys(("/apps", "/addons", "/addon-attachments", "/teams"), 1),
        **dict.fromkeys(("/oauth/authorizations", "/account/delinquency"), 1),
    }


def test_the_table_of_databases_has_what_the_api_says(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(DemoApi(company(), capacity=10**9)) as served:
        addons = {one["name"]: one for one in databases(served.url)}
        rows = table("databases", monkeypatch, served.url)
        assert {row["name"] for row in rows} == addons.keys()
        for row in rows:
            service, ident = row["service"], addons[row["name"]]["id"]
            path = {"heroku-redis": "/redis/v0/databases", "heroku-kafka": "/data/kafka/v0/clusters"}
            sent = get(f"{served.url}{path.get(service, '/client/v11/databases')}/{ident}")
            assert (row["unread"] is None) == (sent is not None)
            if sent is None:
                assert row["version"] is None
                continue
            info = {one["name"]: one["values"] for one in sent.get("info", [])}
            version = sent.get("postgres_version") or sent.get("version") or info["PG Version"][0]
            assert row["version"] == (version[0] if isinstance(version, list) else version)
            assert (
                f"{row['connections']}/{row['connections_limit']}" == info.get("Connections", ["None/None"])[0]
            ) or (service == "heroku-kafka")
            assert row["plan"] == addons[row["name"]]["plan"]["name"].partition(":")[2]
        by_name = {row["name"]: row for row in rows}
        lent = by_name["postgresql-hexagonal-47028"]
        assert (lent["app"], lent["used_by"], lent["lent"]) == ("pixelbarn-catalogue", ["wholesale-portal"], True)
        assert [row["name"] for row in rows if row["lent"]] == [lent["name"]]
        assert by_name["postgresql-rectangular-20951"]["follows"] == "postgresql-curved-41902"
        assert by_name["postgresql-curved-41902"]["followers"] == ["postgresql-rectangular-20951"]


def test_a_snapshot_of_everything_answers_for_databases_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, question = tmp_path / "all.kosmo", 'time.set_now("2026-11-20T09:00:00Z"); return heroku.tables.{}()'
    with serve(DemoApi(company(4), capacity=10**9)) as served:
        said = {name: table(name, monkeypatch, served.url) for name in ("databases", "deadlines")}
        with Session() as session:
            snapshot.take(session, file, every=True)
    assert said["databases"]
    with Session(from_archive=file) as session:
        for name, rows in said.items():
            assert [dict(row) for row in session.run(question.format(name)).value] == rows


def test_a_token_that_the_api_of_databases_refuses_leaves_the_rest_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    api = forbidding(DemoApi(company(), capacity=10**9), "/data/", "/client/", "/redis/", "/postgres/")
    with serve(api) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        with Session() as session:
            deadlines = session.run('time.set_now("2026-11-20"); return heroku.tables.deadlines()')
            databases = session.run('time.set_now("2026-11-20"); return heroku.tables.databases()')
    said = "The token may read none of: list_maintenances of 16 apps, list_maintenances of 2 addons"
    assert deadlines.unread == [f"{said} (403 forbidden)"]
    more = "get_database of 20 addons, list_backup_schedules of 14 addons, list_backups of 13 apps"
    assert databases.unread == [f"{said}, {more} (403 forbidden)"]
    assert all(row["unread"] for row in databases.value)
    rows = deadlines.value
    unread = [row for row in rows if row["unread"]]
    assert {row["kind"] for row in unread} == {"database maintenance"}
    assert all("403 forbidden" in row["unread"] for row in unread)
    assert {row["kind"] for row in rows if row["day"]} >= {"certificate", "authorization", "unpaid", "stack builds end"}


@pytest.mark.parametrize("host", ["data.larkmoor.example", "heroku.com.larkmoor.example", "127.0.0.1@evil.example"])
def test_a_foreign_host_of_databases_gets_no_token(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    paths: list[str] = []
    with serve(noting(DemoApi(company()), paths)) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        monkeypatch.setenv("HEROKU_DATA_HOST", host)
        with pytest.raises(CredentialsError, match="HEROKU_DATA_HOST is no host"):
            session.run('return heroku.get_database("postgresql-octagonal-11373")')
    assert paths == []
