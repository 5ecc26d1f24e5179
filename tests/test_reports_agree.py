"""Numbers that several reports have: all give the same one, and it is the one of plain HTTP.

The reports are the shipped checks, the shared tables, the audits in `notebooks/` and the inventory. Each runs as a user
runs it, on the look-alike's API on a port of this machine. `tests/support/plain_http.py` works the numbers out again.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from altered_api import as_default_account
from executed_notebook import executed
from full_matrix import full_except
from plain_http import TODAY, Change, PlainAccount, changes

from kosmo_kernel import snapshot
from kosmo_kernel.checks.inventory import from_account
from kosmo_kernel.checks.inventory_folder import write
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.questions.discovery import shipped_checks, table_names
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

Rows = list[dict[str, Any]]

AT = f"{TODAY}T09:00:00Z"
NOW = datetime.fromisoformat(AT)
AUDITS = ("access-audit", "costs", "dyno-audit")
NOTEBOOKS = (*AUDITS, "incident", "first-steps")
COMPANIES = [None, *full_except((60, 250))]


@dataclass
class Reports:
    """All reports on one company.

    Parameters:
        plain: the same account, by plain HTTP.
        tables: the rows of each shared table.
        checks: the findings of each check.
        notebooks: what each cell of each notebook gives.
        folder: the folder of the inventory.
    """

    plain: PlainAccount
    tables: dict[str, Rows]
    checks: dict[str, Rows]
    notebooks: dict[str, dict[str, Any]]
    folder: Path

    def inventory(self, name: str) -> Rows:
        """Return the rows of a table of the inventory."""
        rows: Rows = json.loads((self.folder / "tables" / f"{name}.json").read_bytes())
        return rows

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The summary of the inventory."""
        summary: dict[str, Any] = json.loads((self.folder / "summary.json").read_bytes())
        return summary

    def figures(self, notebook: str) -> dict[str, Any]:
        """Return the key figures at the end of a notebook."""
        figures = self.notebooks[notebook]["figures"]
        return {row["figure"]: row["value"] for row in figures} if isinstance(figures, list) else dict(figures)


@pytest.fixture(scope="module", params=COMPANIES, ids=lambda apps: f"{apps or 'demo'}")
def reports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reports]:
    with as_default_account(DemoApi(company(request.param), capacity=10**9)) as url:
        plain = PlainAccount(url, DEMO_TOKEN)
        everybody = sorted({email for _, email in plain.reach})
        parameters = {"usd_a_month": -1, "leavers": everybody, "app_name": "my-app"}
        with Session() as session:
            session.run(f'time.set_now("{AT}")')
            values = {name: session.run(f"return heroku.tables.{name}()").value for name in TABLES}
            tables = {name: [*value.rows] if isinstance(value, Records) else value for name, value in values.items()}
            report = run_questions(shipped_checks(), parameters=parameters, now=NOW, session=session)
            folder = tmp_path_factory.mktemp("reports") / "inventory"
            write(from_account(session), folder)
        reasons = {one.question.name: one.reason for one in report.results if one.reason}
        assert reasons.keys() == (OF_A_FORBIDDEN_DATABASE if request.param is None else set())
        yield Reports(
            plain,
            tables,
            {one.question.name: [dict(finding.record) for finding in one.findings] for one in report.results},
            {name: executed(name, account="default", at=AT, name=app_of_a_team(plain)) for name in NOTEBOOKS},
            folder,
        )
        plain.close()


TABLES = table_names("heroku")
OF_A_FORBIDDEN_DATABASE = {"database-versions-between-stages", "databases-without-backups"}  # which the demo has


def usd(cents: Mapping[str, int]) -> dict[str, float]:
    """Return sums of cents in dollars, without those that are zero."""
    return {name: amount / 100 for name, amount in cents.items() if amount}


def sums(rows: Iterable[Mapping[str, Any]], name: str, amount: str, factor: float = 1) -> dict[str, float]:
    """Return the sums of a column of rows by another, without those that are zero."""
    found: Counter[str] = Counter()
    for row in rows:
        found[row[name] or ""] += row[amount] or 0
    return {key: value * factor for key, value in found.items() if value}


def agree(expected: Any, **found: Any) -> None:
    """Check that all reports have what plain HTTP has."""
    assert {report: value for report, value in found.items() if value != expected} == {}, expected


def test_the_inventory_is_complete_and_counts_what_is_there(reports: Reports) -> None:
    plain, figures = reports.plain, reports.summary["key_figures"]
    apps, notebooks = len(plain.apps), reports.notebooks

    assert reports.summary["at_least"] == []
    forbidden = [row["name"] for row in reports.tables["databases"] if "403" in (row["unread"] or "")]
    unread = {item["list"] for item in reports.summary["unread"]}
    assert unread == ({"database", "backup_schedules"} if forbidden else set())
    agree(
        apps,
        inventory=figures["apps"],
        stages=len(reports.tables["stages"]),
        stacks=sum(row["apps"] for row in reports.tables["stacks"]),
        first_steps=len(notebooks["first-steps"]["apps"]),
        **{name: notebooks[name]["read"]["apps"] for name in AUDITS},
    )
    processes = sum(map(len, plain.formation.values()))
    agree(processes, inventory=figures["processes"], costs=notebooks["costs"]["read"]["processes"])
    agree(
        len(plain.addons),
        inventory=len(reports.inventory("addons")),
        costs=notebooks["costs"]["read"]["add-ons"],
        audit=notebooks["dyno-audit"]["read"]["add-ons"],
    )
    agree(sum(one["kind"] == "custom" for of in plain.domains.values() for one in of), inventory=figures["domains"])


def test_the_bill_of_a_month(reports: Reports) -> None:
    plain, summary, costs = reports.plain, reports.summary, reports.tables["costs"]
    dynos, addons = (plain.dyno_cents.total() + plain.eco_cents) / 100, plain.addon_cents.total() / 100
    kinds = {row["kind"]: row["monthly_usd"] for row in summary["bill"]["by_kind"]}
    by_kind = sums(costs, "kind", "cents", 0.01)

    agree(
        dynos + addons,
        inventory=summary["bill"]["monthly_usd"],
        figure=summary["key_figures"]["monthly cost"],
        table=sum(row["cents"] or 0 for row in costs) / 100,
        check=reports.checks["total-bill"][0]["usd_a_month"],
        notebook=reports.figures("costs")["monthly cost, $"],
        audit=reports.figures("dyno-audit")["monthly cost, $"],
    )
    agree(
        dynos,
        inventory=kinds["dyno"] + kinds.get("eco", 0),
        sizes=sum(row["monthly_usd"] or 0 for row in reports.inventory("dyno_sizes")),
        table=by_kind["dyno"] + by_kind.get("eco", 0),
        notebook=reports.figures("costs")["for dynos, $"],
        audit=sum(row["usd_a_month"] or 0 for row in reports.notebooks["dyno-audit"]["by-size"]),
    )
    agree(
        addons,
        inventory=kinds["add-on"],
        table=by_kind["add-on"],
        notebook=reports.figures("costs")["for add-ons, $"],
        audit=sum(row["usd_a_month"] or 0 for row in reports.notebooks["dyno-audit"]["add-ons-by-app"]),
    )
    unpriced = sorted(plain.unpriced)
    agree(
        unpriced,
        inventory=sorted(summary["bill"]["without_price"]),
        table=sorted(row["name"] for row in costs if row["cents"] is None),
        notebook=sorted(row["name"] for row in reports.notebooks["costs"]["unknown"]),
    )


def test_what_each_app_costs_a_month(reports: Reports) -> None:
    plain, costs, apps = reports.plain, reports.tables["costs"], reports.inventory("apps")
    dyno_audit = reports.notebooks["dyno-audit"]
    by_app = [row for row in reports.summary["bill"]["by_app"] if row["app"] != "(whole account)"]

    agree(
        usd(plain.dyno_cents),
        inventory=sums(apps, "name", "monthly_usd_dynos"),
        processes=sums(reports.inventory("formation"), "app", "monthly_usd"),
        table=sums([row for row in costs if row["kind"] == "dyno"], "app", "cents", 0.01),
        check=sums(reports.checks["dyno-costs"], "app", "usd_a_month"),
        audit=sums(without_account(dyno_audit["by-app"], "app"), "app", "usd_a_month"),
    )
    agree(
        usd(plain.addon_cents),
        inventory=sums(apps, "name", "monthly_usd_addons"),
        addons=sums(reports.inventory("addons"), "owner_app", "monthly_usd"),
        table=sums([row for row in costs if row["kind"] == "add-on"], "app", "cents", 0.01),
        check=sums(reports.checks["add-on-costs"], "app", "usd_a_month"),
        audit=sums(dyno_audit["add-ons-by-app"], "app", "usd_a_month"),
    )
    agree(
        usd(plain.app_cents),
        inventory=sums(apps, "name", "monthly_usd"),
        summary=sums(by_app, "app", "monthly_usd"),
        table=sums(without_account(costs, "app"), "app", "cents", 0.01),
        notebook=sums(without_account(reports.notebooks["costs"]["by-app"], "app"), "app", "monthly_usd"),
    )


def without_account(rows: Rows, name: str) -> Rows:
    """Return rows without the one of what belongs to no app, such as Eco."""
    return [row for row in rows if row[name] and not str(row[name]).startswith("(")]


def test_what_each_team_and_each_stage_costs_a_month(reports: Reports) -> None:
    plain, costs, bill = reports.plain, reports.tables["costs"], reports.summary["bill"]
    of_apps = without_account(costs, "app")
    dyno_audit = reports.notebooks["dyno-audit"]

    agree(
        usd(plain.by_team(plain.app_cents)),
        inventory=sums(without_account(bill["by_team"], "team"), "team", "monthly_usd"),
        apps=sums(
            [{**app, "team": app["team"] or app["owner"]} for app in reports.inventory("apps")], "team", "monthly_usd"
        ),
        table=sums(of_apps, "team", "cents", 0.01),
        notebook=sums(without_account(reports.notebooks["costs"]["by-team"], "team"), "team", "monthly_usd"),
    )
    agree(
        usd(plain.by_team(plain.dyno_cents)),
        table=sums([row for row in of_apps if row["kind"] == "dyno"], "team", "cents", 0.01),
        audit=sums(without_account(dyno_audit["by-team"], "team"), "team", "usd_a_month"),
    )
    agree(
        usd(plain.by_team(plain.addon_cents)),
        table=sums([row for row in of_apps if row["kind"] == "add-on"], "team", "cents", 0.01),
        audit=sums(dyno_audit["add-ons-by-team"], "team", "usd_a_month"),
    )
    stages = usd(plain.by_stage(plain.app_cents))
    agree(
        {stage: amount for stage, amount in stages.items() if stage},
        inventory=sums(without_account(bill["by_stage"], "stage"), "stage", "monthly_usd"),
        table=sums([row for row in of_apps if row["stage"]], "stage", "cents", 0.01),
        notebook=sums(without_account(reports.notebooks["costs"]["by-stage"], "stage"), "stage", "monthly_usd"),
    )


def pairs(rows: Iterable[Mapping[str, Any]], *columns: str) -> set[tuple[Any, ...]]:
    """Return the values of some columns of each row, which no two rows share."""
    found = [tuple(row[column] for column in columns) for row in rows]
    assert len(found) == len(set(found))
    return set(found)


def test_the_seats_of_people_in_apps(reports: Reports) -> None:
    plain, audit = reports.plain, reports.notebooks["access-audit"]
    people, access = reports.inventory("people"), reports.inventory("access")

    agree(
        plain.seats,
        inventory=pairs([row for row in access if row["seat"]], "app", "email"),
        table=pairs([row for row in reports.tables["access"] if row["seat"]], "app", "email"),
    )
    agree(
        len(plain.seats),
        people=sum(row["seats"] for row in people),
        apps=sum(row["seats"] for row in reports.inventory("apps")),
        audit=audit["read"]["seats"],
    )
    agree(
        dict(Counter(email for _, email in plain.seats)),
        people={row["email"]: row["seats"] for row in people if row["seats"]},
    )


def test_who_can_reach_which_app(reports: Reports) -> None:
    plain, audit, checks = reports.plain, reports.notebooks["access-audit"], reports.checks
    ours = reports.notebooks["access-audit"]["me"][0]["email"].partition("@")[2]
    outside = {(app, email) for app, email in plain.reach if not email.endswith(f"@{ours}")}

    agree(
        plain.reach,
        inventory=pairs(reports.inventory("access"), "app", "email"),
        table=pairs(reports.tables["access"], "app", "email"),
        leavers=pairs(checks["leavers"], "app", "who"),
        audit=pairs(audit["may"], "app", "who"),
    )
    agree(
        dict(Counter(email for _, email in plain.reach)),
        people={row["email"]: row["apps"] for row in reports.inventory("people") if row["apps"]},
    )
    agree(len({email for _, email in plain.reach}), audit=reports.figures("access-audit")["people"])
    agree(
        outside,
        check=pairs(checks["outside-collaborators"], "app", "who"),
        audit=pairs(audit["outside"], "app", "who"),
    )
    agree(
        dict(Counter(email for _, email in outside)),
        audit={row["who"]: row["apps"] for row in audit["guests"]},
    )
    agree(len({email for _, email in outside}), audit=reports.figures("access-audit")["from outside"])


def test_who_can_reach_the_app_of_an_incident(reports: Reports) -> None:
    app = app_of_a_team(reports.plain)
    agree(
        {(name, email) for name, email in reports.plain.reach if name == app},
        table=pairs([row for row in reports.tables["access"] if row["app"] == app], "app", "email"),
        page={(app, row["who"]) for row in reports.notebooks["incident"]["people"]},
    )
    agree(
        {row["email"]: row["by"] for row in reports.tables["access"] if row["app"] == app},
        page={row["who"]: row["as"] for row in reports.notebooks["incident"]["people"]},
    )


def app_of_a_team(plain: PlainAccount) -> str:
    """Return the name of an app that somebody reaches without a seat."""
    return min(app for app, _ in plain.reach - plain.seats)


def test_crashed_dynos(reports: Reports) -> None:
    agree(
        reports.plain.crashed,
        check=pairs(reports.checks["crashed-dynos"], "app", "dyno"),
        audit=pairs(reports.notebooks["dyno-audit"]["crashed"], "app", "dyno"),
        first_steps=pairs(reports.notebooks["first-steps"]["list-crashed"], "app", "dyno"),
    )


def test_apps_by_the_state_of_their_stack(reports: Reports) -> None:
    plain, tables, checks = reports.plain, reports.tables, reports.checks
    state_of = {row["stack"]: row["state"] for row in tables["stacks"]}
    counts: Counter[str] = Counter()
    for row in tables["stacks"]:
        counts[row["state"]] += row["apps"]
    stacks = {row["stack"]: row["apps"] for row in reports.notebooks["dyno-audit"]["stacks"]}

    agree(dict(Counter(plain.stack_states.values())), table=dict(+counts))
    agree(
        plain.stack_states,
        inventory={app["name"]: state_of[app["stack"]] for app in reports.inventory("apps")},
    )
    agree(
        dict(Counter(app["stack"]["name"] for app in plain.apps)),
        table={row["stack"]: row["apps"] for row in tables["stacks"] if row["apps"]},
        audit={stack: apps for stack, apps in stacks.items() if apps},
    )
    for state, name in (("out of support", "stack-out-of-support"), ("deprecated", "deprecated-stack")):
        apps = {app for app, of in plain.stack_states.items() if of == state}
        agree(apps, check={row["app"] for row in checks[name]})


def test_apps_by_stage(reports: Reports) -> None:
    plain = reports.plain
    placed = {app: stage for app, (stage, by) in plain.stages.items() if by == "pipeline"}
    counts = Counter(placed.values())
    stages = reports.inventory("pipelines")

    agree(
        plain.stages,
        table={row["app"]: (row["stage"], row["by"]) for row in reports.tables["stages"] if row["by"]},
    )
    agree(
        placed,
        inventory={row["app"]: row["stage"] for row in reports.inventory("pipeline_stages")},
        apps={app["name"]: app["stage"] for app in reports.inventory("apps") if app["stage"]},
    )
    agree(dict(counts), pipelines={stage: sum(row[stage] for row in stages) for stage in counts})
    agree(
        {app["name"] for app in plain.apps} - placed.keys(),
        check={row["app"] for row in reports.checks["apps-without-pipeline"]},
    )
    agree(
        plain.small_production,
        check=pairs(reports.checks["small-dynos-in-production"], "app", "type"),
        audit=pairs(reports.notebooks["dyno-audit"]["small"], "app", "type"),
    )


def test_domains_without_a_certificate(reports: Reports) -> None:
    audit, certificates = reports.notebooks["dyno-audit"], reports.inventory("certificates")
    without = {
        (row["app"], row["hostname"]) for row in certificates if row["kind"] == "custom" and row["covered"] is False
    }

    agree(
        reports.plain.bare_domains,
        check=pairs(reports.checks["domains-without-certificate"], "app", "domain"),
        audit=pairs(audit["no-certificate"], "app", "domain"),
        inventory={(row["app"], row["hostname"]) for row in certificates if row["reason"] and not row["acm"]},
    )
    agree(
        reports.plain.certificates,
        table={(row["app"], row["hostname"]): (row["certificate"], row["last_day"]) for row in certificates},
    )
    custom = {
        (app, one["hostname"]) for app, of in reports.plain.domains.items() for one in of if one["kind"] == "custom"
    }
    bare = {key for key in custom if reports.plain.certificates[key] == (None, None)}
    agree(bare, table=without, audit=pairs(audit["uncovered"], "app", "domain"))
    agree(len(without), figure=reports.figures("dyno-audit")["domains without a certificate"])
    assert all(row["reason"] for row in certificates if row["covered"] is False)


@dataclass
class DriftReports:
    """The changes in an account that the reports state.

    Parameters:
        plain: the changes, by plain HTTP.
        now: what each cell of the notebook gives that compares a snapshot with the account.
        later: the comparison of the snapshot with a later one that has fewer lists.
    """

    plain: set[Change]
    now: dict[str, Any]
    later: snapshot.Drift


@pytest.fixture(scope="module", params=COMPANIES, ids=lambda apps: f"{apps or 'demo'}")
def drift(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriftReports]:
    folder = tmp_path_factory.mktemp("drift")
    files = folder / "before.kosmo", folder / "after.kosmo"
    companies = earlier(company(request.param)), later(company(request.param))
    apis = [DemoApi(of, capacity=10**9) for of in companies]
    with pytest.MonkeyPatch.context() as patch, serve(apis[0]) as before, serve(apis[1]) as now:
        accounts = [PlainAccount(served.url, DEMO_TOKEN) for served in (before, now)]
        patch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        for served, file in zip((before, now), files, strict=True):
            patch.setenv("HEROKU_API_URL", served.url)
            with Session() as session:
                snapshot.take(session, file, every=file is files[0])
        yield DriftReports(
            changes(*accounts),
            executed("drift", account="default", before=str(files[0])),
            snapshot.compare(*files),
        )
        for account in accounts:
            account.close()


def names_of_team_apps(of: Company) -> list[str]:
    """Return the names of the apps that a team owns, of which an account can lose sight."""
    return sorted(app["name"] for app in of.apps if app["team"])


def later(of: Company) -> Company:
    """Return the company without one of its apps."""
    return of.seen_with(names_of_team_apps(of)[1:])


def earlier(of: Company) -> Company:
    """Return the company as it was earlier: without one of its apps of today, and with other facts of each kind."""
    seen = of.seen_with(names_of_team_apps(of)[:-1])
    apps = [app for app in seen.apps if app["team"]][1:]
    resources = {app["name"]: seen.resources_of(app) for app in apps}
    apps[0].update(maintenance=not apps[0]["maintenance"], stack={"name": "heroku-20", "id": "20"})
    dynos = next(of.dynos for of in resources.values() if [dyno["type"] for dyno in of.dynos[-2:]] == ["worker"] * 2)
    dynos[0]["state"] = "restarting"
    dynos.pop()
    hosts = next(of.domains for of in resources.values() if len(of.domains) > 1)
    hosts[-1].update(acm_status="verifying", cname="former.herokudns.example")
    addons = next(of.addons for of in resources.values() if len(of.addons) > 1)
    changed, absent = addons[0]["id"], addons.pop()["id"]
    for attached in (seen.resources_of(app).attached for app in seen.apps):
        attached[:] = [addon for addon in attached if addon["id"] != absent]
    for addon in (one for app in seen.apps for one in seen.resources_of(app).all_addons if one["id"] == changed):
        addon.update(plan=addon["plan"] | {"name": "heroku-postgresql:former"}, state="provisioning")
    seats = next(of.collaborators for of in resources.values() if len(of.collaborators) > 1)
    seats[0].update(permissions=[{"name": "view"}])
    new = copy.deepcopy(seats.pop())
    new["user"] |= {"email": "former.colleague@larkmoor.example", "id": "0"}
    seats.append(new)
    return seen


def test_what_has_changed_in_an_account(drift: DriftReports) -> None:
    plain = drift.plain
    in_both = {one for one in plain if not one.thing.startswith(("process ", "config var ", "log drain "))}
    agree(plain, notebook=changes_of(drift.now["changes"]))
    agree(in_both, archives=changes_of(drift.later.rows))
    agree(figures_of(plain), notebook=drift.now["variables"]["figures"])
    agree(figures_of(in_both), archives=drift.later.figures)
    assert {one.change for one in plain} >= {"new", "gone", "maintenance", "stack", "state", "quantity", "permissions"}


def figures_of(plain: Iterable[Change]) -> dict[str, int]:
    """Return the key figures of changes."""
    plain = list(plain)
    return {
        "changes": len(plain),
        "apps concerned": len({change.app for change in plain if change.app}),
        "new apps": sum((one.thing, one.change) == ("app", "new") for one in plain),
        "apps gone": sum((one.thing, one.change) == ("app", "gone") for one in plain),
    }


def changes_of(rows: Iterable[Mapping[str, Any]]) -> set[Change]:
    """Return the rows of a report as changes; what it says of a thing that is new or gone has other words."""
    found = [Change(**row) for row in rows]
    found = [one._replace(before=None, now=None) if one.change in ("new", "gone") else one for one in found]
    assert len(found) == len(set(found))
    return set(found)
