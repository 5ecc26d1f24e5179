"""What a comparison of two states of an account shows, and what it says that it did not compare."""

from __future__ import annotations

import copy
import shutil
import sqlite3
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
from altered_api import without
from edited_snapshot import Tables, edited
from repository import NOTEBOOKS

from kosmo_kernel import archive, snapshot
from kosmo_kernel.accounts.fingerprints import Fingerprints
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import KosmoError, SettingsError
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.session import Session
from kosmo_kernel.snapshot import LISTS, State, drift_of

LISTS_OF_APPS = (
    *("/dynos", "/formation", "/domains", "/addons", "/collaborators", "/config-vars", "/log-drains"),
    *("/telemetry-drains", "/spaces"),
)


@pytest.fixture(scope="module")
def saved_demo(everything: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a snapshot of the lists of the demo that comparisons read."""
    names = {compared.table for compared in LISTS}

    def drop_others(tables: Tables) -> None:
        for name in tables.keys() - names:
            del tables[name]

    return edited(everything, tmp_path_factory.mktemp("snapshot") / "demo.kosmo", drop_others)


@pytest.fixture
def state(saved_demo: Path) -> State:
    saved = archive.SavedSnapshot(saved_demo)
    tables = {one.table: list(saved.records(one.table)) for one in LISTS}
    return State("demo", saved.time, tables)


def changed(state: State, change: Callable[[Tables], Any], **more: Any) -> State:
    tables: Tables = {name: copy.deepcopy([dict(row) for row in rows]) for name, rows in state.tables.items()}
    change(tables)
    return State(state.account, state.time, tables, **more)


def record(tables: Tables, table: str, **fields: Any) -> dict[str, Any]:
    """Return the record of a list that has these fields."""
    return next(row for row in tables[table] if fields.items() <= row.items())


def rename(tables: Tables, before: str, now: str) -> None:
    record(tables, "apps", name=before).update(name=now)
    for row in (row for rows in tables.values() for row in rows if row.get("app_id") == before):
        row["app_id"] = now


@pytest.mark.full
def test_an_account_has_no_drift_to_itself(saved_demo: Path) -> None:
    drift = snapshot.compare(saved_demo, account="demo")
    assert (drift.rows, drift.figures["changes"]) == ([], 0)
    assert [note for note in drift.notes if note.startswith("Not")] == []


CHANGES: dict[str, tuple[Callable[[Tables], Any], tuple[str | None, ...]]] = {
    "maintenance": (
        lambda t: record(t, "apps", name="fleet-radio").update(maintenance=False),
        ("fleet-radio", "app", "maintenance", "yes", "no"),
    ),
    "stack": (
        lambda t: record(t, "apps", name="label-printer").update(
            stack={"name": "heroku-22"}, build_stack={"name": "heroku-22"}
        ),
        ("label-printer", "app", "stack", "heroku-24", "heroku-22"),
    ),
    "name": (
        lambda t: rename(t, "my-app", "our-app"),
        ("our-app", "app", "name", "my-app", "our-app"),
    ),
    "state of a stack": (
        lambda t: record(t, "stacks", name="heroku-22").update(state="gone"),
        (None, "stack heroku-22", "state", "deprecated", "gone"),
    ),
    "scaling": (
        lambda t: record(t, "formation", app_id="booking-api", type="worker").update(quantity=7),
        ("booking-api", "process worker", "quantity", "2", "7"),
    ),
    "size": (
        lambda t: record(t, "dynos", app_id="booking-api", name="web.1").update(size="Performance-L"),
        ("booking-api", "dyno web.1", "size", "Standard-2X", "Performance-L"),
    ),
    "certificate": (
        lambda t: record(t, "domains", hostname="courier.larkmoor.example").update(acm_status="cert issued"),
        ("courier-app", "domain courier.larkmoor.example", "certificate", "failing", "cert issued"),
    ),
    "plan": (
        lambda t: record(t, "addons", name="redis-globular-62745").update(plan={"name": "heroku-redis:mini"}),
        ("parcel-tracker", "add-on redis-globular-62745", "plan", "heroku-redis:premium-2", "heroku-redis:mini"),
    ),
    "value": (
        lambda t: record(t, "config_vars", app_id="my-app", name="REDIS_URL").update(
            fingerprint=f"{record(t, 'config_vars', app_id='my-app')['fingerprint'].partition(':')[0]}:{'0' * 32}"
        ),
        ("my-app", "config var REDIS_URL", "value", "(hidden)", "(hidden, another one)"),
    ),
    "config var": (
        lambda t: t["config_vars"].remove(record(t, "config_vars", app_id="my-app", name="REDIS_URL")),
        ("my-app", "config var REDIS_URL", "gone", "set", None),
    ),
    "drain": (
        lambda t: t["log_drains"].remove(record(t, "log_drains", host="siem.larkmoor.example")),
        ("parcel-tracker", "log drain to siem.larkmoor.example", "gone", "host siem.larkmoor.example", None),
    ),
    "telemetry": (
        lambda t: record(t, "telemetry_drains", app_id="depot-board").update(signals=["logs"]),
        ("depot-board", "telemetry drain to otel.larkmoor.example", "signals", "logs, metrics, traces", "logs"),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_change_is_one_row_that_names_what_changed(name: str, state: State) -> None:
    change, expected = CHANGES[name]
    assert [tuple(row.values()) for row in drift_of(state, changed(state, change)).rows] == [expected]


def test_a_seat_that_may_do_more_is_one_row(state: State) -> None:
    def deploy(tables: Tables) -> None:
        seat = next(s for s in tables["collaborators"] if s["app_id"] == "address-checker" and s["permissions"])
        seat["permissions"] = [{"name": "view"}]

    [row] = drift_of(state, changed(state, deploy)).rows
    assert (row["app"], row["change"], row["now"]) == ("address-checker", "permissions", "view")


def test_an_app_that_is_gone_is_one_change_with_all_that_it_had(state: State) -> None:
    def remove(tables: Tables) -> None:
        tables["apps"] = [app for app in tables["apps"] if app["name"] != "courier-app"]
        for rows in tables.values():
            rows[:] = [row for row in rows if row.get("app_id") != "courier-app"]

    later = changed(state, remove)
    there = "2 add-ons, 3 dynos, 2 domains, 5 seats"
    assert [list(row.values()) for row in drift_of(state, later).rows] == [["courier-app", "app", "gone", there, None]]
    assert [list(row.values()) for row in drift_of(later, state).rows] == [["courier-app", "app", "new", None, there]]
    assert drift_of(later, state).figures == {"changes": 1, "apps concerned": 1, "new apps": 1, "apps gone": 0}


def test_what_was_not_read_of_an_app_is_said_and_did_not_go(state: State) -> None:
    def remove(tables: Tables) -> None:
        tables["dynos"] = [row for row in tables["dynos"] if row["app_id"] != "booking-api"]

    failure = {"table": "dynos", "app_id": "booking-api", "type": "refused", "message": "You may not."}
    later = changed(state, remove, failures=[failure])
    for drift in (drift_of(state, later), drift_of(later, state)):
        assert drift.rows == []
        assert not drift.complete
        [note] = drift.notes
        assert "dynos of booking-api (You may not.)" in note


def test_a_list_that_was_not_read_is_said_and_nothing_of_it_went(state: State) -> None:
    failure = {"table": "config_vars", "type": "refused", "message": "It needs another scope."}
    later = changed(state, lambda tables: tables.pop("config_vars"), failures=[failure])
    drift = drift_of(state, later)
    assert drift.rows == []
    assert [("config vars (It needs another scope.)" in note) for note in drift.notes] == [True]


@pytest.mark.parametrize(("failures", "bound"), [((), ""), (({"table": "domains", "message": "No."},), "at least ")])
def test_the_figures_of_the_notebook_are_bounds_where_a_list_could_not_be_read(
    state: State, failures: Sequence[dict[str, str]], bound: str
) -> None:
    later = changed(state, lambda tables: rename(tables, "my-app", "our-app"), failures=failures)
    cells = nbformat.read(NOTEBOOKS / "drift.ipynb", as_version=4).cells
    [cell] = [cell for cell in cells if cell.id == "figures"]
    code, _, table = cell.source.rpartition("\n")
    texts: list[str] = []
    variables = {"drift": drift_of(state, later), "Markdown": str, "display": texts.append}
    exec(code, variables)  # noqa: S102 - the notebook is ours
    assert table == "%kosmo_lua -i figures figures"
    assert texts == [f"**{bound}1 changes** in {bound}1 apps since {state.time:%Y-%m-%d}."]
    number = f"{bound}1" if bound else 1
    assert variables["figures"] == {"changes": number, "apps concerned": number, "new apps": 0, "apps gone": 0}


def test_a_list_that_only_one_snapshot_has_is_named(state: State) -> None:
    later = changed(state, lambda tables: tables.pop("formation"))
    for drift in (drift_of(state, later), drift_of(later, state)):
        assert drift.rows == []
        assert [("Not compared: formation." in note) for note in drift.notes] == [True]


def test_fingerprints_with_different_keys_are_not_compared_and_names_are(state: State) -> None:
    other = Fingerprints(b"another key")

    def replace(tables: Tables) -> None:
        for row in tables["config_vars"]:
            row["fingerprint"] = other.of(row["name"])
        tables["config_vars"].remove(record(tables, "config_vars", app_id="my-app", name="REDIS_URL"))

    drift = drift_of(state, changed(state, replace))
    assert [(row["thing"], row["change"]) for row in drift.rows] == [("config var REDIS_URL", "gone")]
    assert any("different keys" in note for note in drift.notes)


def test_a_snapshot_of_the_demo_is_not_compared_with_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    with pytest.raises(SettingsError, match="-p before FILE"):
        snapshot.compare(NOTEBOOKS / "larkmoor-2026-10-20.kosmo", account="default")


def test_snapshots_of_different_users_are_not_compared(
    saved_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, elsewhere = (Path(shutil.copy(saved_demo, tmp_path / name)) for name in ("other.kosmo", "elsewhere.kosmo"))
    for file, change in ((other, "'$.user', 'somebody'"), (elsewhere, "'$.address', 'api.example.com'")):
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(f"UPDATE kosmo_snapshots SET document = json_set(document, {change})")  # noqa: S608
    with pytest.raises(SettingsError, match=r"is a snapshot of the user \S+, and `demo` is the user somebody\."):
        snapshot.compare(saved_demo, other)
    with pytest.raises(SettingsError, match=r"other\.kosmo is a snapshot of the user somebody, and `demo` is \S+@"):
        snapshot.compare(other, account="demo")
    with pytest.raises(SettingsError, match="Name another file"):
        snapshot.is_of(other, "demo")
    assert snapshot.is_of(saved_demo, "demo")
    own = edited(saved_demo, tmp_path / "own.kosmo", account="default")
    with closing(sqlite3.connect(own)) as connection, connection:
        connection.execute("UPDATE kosmo_snapshots SET document = json_set(document, '$.address', 'api.heroku.com')")
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    with serve(DemoApi(company())) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        with pytest.raises(SettingsError, match=r"at api\.heroku\.com, and `default` is at this machine"):
            snapshot.compare(own, account="default")
        with Session() as session, pytest.raises(SettingsError, match="it is at this machine now"):
            snapshot.take(session, own)
        with Session() as session:
            assert snapshot.take(session, tmp_path / "new.kosmo").manifest.address == "this machine"


def test_another_token_of_the_same_user_is_said_wherever_a_snapshot_meets_the_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, file = "was taken with another token of the same user", tmp_path / "own.kosmo"

    def notes(token: str, *, adds: bool) -> list[list[str]]:
        with serve(DemoApi(company(2), token=token)) as served, warnings.catch_warnings(record=True) as warned:
            monkeypatch.setenv("HEROKU_API_URL", served.url)
            monkeypatch.setenv("HEROKU_API_KEY", token)
            warnings.simplefilter("always")
            assert snapshot.is_of(file, "default")
            with Session() as session:
                said = [str(warning.message) for warning in warned], [snapshot.check_account(file, session, "")]
                added = [snapshot.take(session, file).notes] if adds else []
            return [*said, snapshot.compare(file, account="default").notes, *added]

    with serve(DemoApi(company(2), token="HRKU-first")) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", "HRKU-first")
        snapshot.take(session, file)
    assert not any(note in line for lines in notes("HRKU-first", adds=False) for line in lines)
    assert [any(note in line for line in lines) for lines in notes("HRKU-second", adds=False)] == [True] * 3
    assert note in " ".join(notes("HRKU-second", adds=True)[-1])
    assert b"HRKU-" not in file.read_bytes()


def test_a_snapshot_without_apps_cannot_be_compared(saved_demo: Path, tmp_path: Path) -> None:
    without_apps = edited(saved_demo, tmp_path / "empty.kosmo", lambda tables: tables.clear())
    with pytest.raises(SettingsError, match=r"empty\.kosmo has no list of apps"):
        snapshot.compare(without_apps, saved_demo)


def test_the_last_two_snapshots_of_one_archive_are_compared(saved_demo: Path, tmp_path: Path) -> None:
    history = tmp_path / "history.kosmo"
    for day, state in enumerate(("up", "down", "crashed"), 1):
        change = partial(lambda state, tables: tables["dynos"][0].update(state=state), state)
        edited(saved_demo, history, change, begun=f"2026-11-0{day}T06:00:00Z")
    drift = snapshot.compare(history, history)

    assert [(row["change"], row["before"], row["now"]) for row in drift.rows] == [("state", "down", "crashed")]
    assert (f"{drift.before.time:%d}", f"{drift.now.time:%d}") == ("02", "03")


def test_the_account_is_read_as_the_snapshot_was_and_refusals_are_said(
    saved_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = edited(saved_demo, tmp_path / "own.kosmo", account="default")
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    with serve(without("/route-planner/domains")) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        drift = snapshot.compare(own, account="default")
        assert drift.rows == []
        assert any("domains of route-planner" in note for note in drift.notes)
    with serve(without(*LISTS_OF_APPS)) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        with pytest.raises(KosmoError, match="Nothing but the list of apps"):
            snapshot.compare(own, account="default")
