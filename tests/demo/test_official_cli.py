"""Heroku's own command line, with `HEROKU_HOST` at the demo: a stranger's client is the best test of a look-alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from official_cli import Heroku, official_cli

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.session import Session


@pytest.fixture(scope="module")
def heroku(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heroku]:
    """Yield a function that runs it to the end, and returns what it printed."""
    with serve(DemoApi(company(), default_page=7)) as served:
        yield official_cli(served.url, tmp_path_factory.mktemp("home"))


def parsed(text: str) -> Any:
    return json.loads(text)


def test_it_lists_the_apps(heroku: Heroku) -> None:
    names = [app["name"] for app in company().apps]
    assert sorted(app["name"] for app in parsed(heroku("apps", "--all", "--json"))) == names
    assert [a["name"] for a in parsed(heroku("apps", "--json"))] == ["lost-and-found", "my-app", "wholesale-portal"]
    labs = parsed(heroku("apps", "--team", "larkmoor-labs", "--json"))
    assert [app["name"] for app in labs] == ["depot-board", "van-telemetry"]


def test_it_shows_an_app(heroku: Heroku) -> None:
    words = heroku("apps:info", "--app", "courier-app").split()
    for word in ("heroku-redis:premium-0", "tom.ashby@postbox.example", "heroku-24)", "larkmoor@herokumanager.com"):
        assert word in words


def test_it_shows_dynos_and_process_types(heroku: Heroku) -> None:
    assert "web (Shield-M): bundle exec puma (2)" in heroku("ps", "--app", "returns-desk")
    assert "web-5d8f6c7b9c-x2k4q: up" in heroku("ps", "--app", "depot-board")
    rows = [line.split() for line in heroku("ps:type", "--app", "parcel-tracker").splitlines()]
    assert ["web", "Performance-M", "4", "~$1.389", "$1000"] in rows
    assert ["worker", "Standard-2X", "2", "~$0.139", "$100"] in rows


def test_it_lists_who_has_access_team_admins_included(heroku: Heroku) -> None:
    rows = [line.split(None, 2) for line in heroku("access", "--app", "fleet-radio").splitlines()]
    assert [row for row in rows if row and "@" in row[0]] == [
        ["ines.duarte@larkmoor.example", "member", "deploy, manage, operate, view"],
        ["juno.hale@larkmoor.example", "admin", "deploy, manage, operate, view"],
    ]


def test_it_lists_add_ons_with_prices_and_attachments(heroku: Heroku) -> None:
    rows = [line.split() for line in heroku("addons", "--all").splitlines()]
    assert [
        "booking-api",
        "redis-rugged-77310",
        "heroku-redis:premium-2",
        "~$0.083/hour",
        "$60/month",
        "created",
    ] in rows
    assert len(parsed(heroku("addons", "--all", "--json"))) == len(company().addons)
    shown = heroku("addons", "--app", "label-printer")
    for text in (
        "heroku-postgresql (postgresql-curved-41902)",
        "as DATABASE on booking-api app",
        "billed to booking-api",
    ):
        assert text in shown
    words = heroku("addons:info", "DATABASE", "--app", "label-printer").split()
    assert "booking-api::DATABASE" in words
    assert "label-printer::DATABASE" in words


def test_it_lists_teams_and_their_members(heroku: Heroku) -> None:
    rows = [line.split() for line in heroku("teams").splitlines()]
    assert [row for row in rows if row[1:] == ["admin"]] == [["larkmoor", "admin"], ["larkmoor-labs", "admin"]]
    members = parsed(heroku("members", "--team", "larkmoor", "--json"))
    assert len(members) == 11
    assert [member["email"] for member in members if member["role"] == "admin"] == ["juno.hale@larkmoor.example"]


def test_it_lists_releases_and_domains(heroku: Heroku) -> None:
    assert "booking-api Releases - Current: v688" in heroku("releases", "--app", "booking-api")
    assert parsed(heroku("releases:info", "v5", "--app", "my-app", "--json"))["version"] == 5
    domains = parsed(heroku("domains", "--app", "parcel-tracker", "--json"))
    assert len(domains) == 5


def test_it_shows_what_made_a_release(heroku: Heroku) -> None:
    assert "Rollback to v37" in heroku("releases:info", "v41", "--app", "my-app")


def test_it_shows_pipelines_and_their_stages(heroku: Heroku) -> None:
    assert {"bookings", "last-mile", "parcel-tracker"} <= set(heroku("pipelines").split())
    shown = heroku("pipelines:info", "parcel-tracker").split()
    assert {"parcel-tracker-staging", "staging", "parcel-tracker", "production"} <= set(shown)


FIELDS = """
local function fields(rows, ...)
  local found = {}
  for _, row in ipairs(rows) do
    for _, path in ipairs({ ... }) do
      local value = row
      for name in path:gmatch("[^.]+") do value = value[name] end
      found[#found + 1] = tostring(value)
    end
  end
  return found
end
"""
# Of each command, what the functions say: texts that it prints.
SAID = {
    "apps --all": 'fields(heroku.list_apps(), "name")',
    "ps --app booking-api": 'fields(heroku.list_dynos("booking-api"), "name", "state", "command", "size")',
    "releases --app booking-api": """
        fields(heroku.list_releases({ app_id = "booking-api", newest = 15 }),
          "version", "description", "user.email")""",
    "releases:info v41 --app my-app": """
        fields({ heroku.get_release({ app_id = "my-app", release = 41 }) }, "version", "description", "user.email")""",
    "pipelines": 'fields(heroku.list_pipelines(), "name")',
    "pipelines:info parcel-tracker": """
        list.flatten(list.map(heroku.list_pipeline_couplings({ pipeline_id = "parcel-tracker" }), function(one)
          return { heroku.get_app(one.app.id).name, one.stage }
        end))""",
    "drains --app parcel-tracker": """
        fields(list.reject(heroku.list_log_drains("parcel-tracker"), function(one) return one.addon end),
          "host")""",
    "certs --app courier-app": """
        list.flatten(list.map(heroku.list_sni_endpoints("courier-app"), function(one)
          return { one.name, one.ssl_cert.expires_at:sub(1, 10), one.ssl_cert.cert_domains[1] }
        end))""",
    "domains --app parcel-tracker": 'fields(heroku.list_domains("parcel-tracker"), "hostname")',
    "addons --all": 'fields(heroku.list_account_addons(), "name", "plan.name", "app.name")',
    "access --app fleet-radio": """
        fields(list.reject(heroku.list_collaborators("fleet-radio"), function(one) return one.role == "owner" end),
          "user.email")""",
    "members --team larkmoor": 'fields(heroku.list_team_members({ team = "larkmoor" }), "email", "role")',
    "config --app courier-app": 'fields(heroku.list_config_vars("courier-app"), "name")',
    "pg:info --app route-planner": """
        fields({ heroku.get_database("postgresql-rectangular-20951") }, "name", "version", "region", "connections")""",
    "redis:info --app parcel-tracker": """
        fields({ heroku.get_database("redis-globular-62745") }, "name", "version", "eviction_policy", "status")""",
    "data:maintenances --app parcel-tracker": """
        list.map(list.flatten({ fields(heroku.list_maintenances("parcel-tracker"),
          "addon.name", "status", "required_by", "scheduled_for", "window") }), function(text)
          return (text:gsub("^(%d+%-%d+%-%d+)T(%d+:%d+:%d+)Z$", "%1 %2 +0000"))
        end)""",
    "pg:backups --app parcel-tracker": """
        list.map(heroku.list_backups("parcel-tracker"), function(one)
          return (one.finished_at:gsub("T", " "):gsub("Z", " +0000"))
        end)""",
    "pg:backups:schedules --app parcel-tracker": """
        list.map(heroku.list_backup_schedules("postgresql-octagonal-11373"), function(one)
          return string.format("%s: daily at %d:00 %s", one.name, one.hour, one.timezone)
        end)""",
    "features --app my-app": """
        fields(list.filter(heroku.list_app_features("my-app"), function(one) return one.state == "general" end),
          "name")""",
    "labs --app my-app": """
        fields(list.reject(heroku.list_app_features("my-app"), function(one) return one.state == "general" end),
          "name")""",
    "webhooks --app parcel-tracker": 'fields(heroku.list_app_webhooks("parcel-tracker"), "host", "level")',
    "spaces": 'fields(heroku.list_spaces(), "name", "region.name", "team.name", "state")',
    "regions": 'fields(heroku.list_regions(), "name")',
    "stack --app courier-app": 'fields(heroku.list_stacks("courier-app"), "name")',
}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session("demo") as made:
        yield made


@pytest.mark.parametrize("command", SAID)
def test_it_prints_what_the_functions_say(heroku: Heroku, session: Session, command: str) -> None:
    texts = session.run(f"{FIELDS}return {SAID[command].strip()}").value
    shown = heroku(*command.split())
    assert texts
    assert [text for text in texts if text not in shown] == []


def test_it_understands_an_error(heroku: Heroku) -> None:
    with pytest.raises(AssertionError, match="Couldn't find that app"):
        heroku("ps", "--app", "nope")


def test_it_knows_whose_account_it_is(heroku: Heroku) -> None:
    assert heroku("auth:whoami").strip() == "juno.hale@larkmoor.example"
