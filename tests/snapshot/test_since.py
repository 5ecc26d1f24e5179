"""Snapshots that take over from an earlier one what cannot have changed, or what the user takes over knowingly."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from random import Random
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from clean_company import CONFIG_VARS, RELEASES, EditableCompany, clean_company
from defect_site import Site
from full_matrix import full_except
from kosmo_command import kosmo
from seeded_defects import DEFECTS, Defect

from kosmo_kernel import snapshot
from kosmo_kernel.accounts.fingerprints import Fingerprints
from kosmo_kernel.client.saved_tables import SavedTables
from kosmo_kernel.demo import api
from kosmo_kernel.demo.budget import UNLIMITED
from kosmo_kernel.demo.company import Company, company
from kosmo_kernel.demo.models import Record
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.session import Session
from kosmo_kernel.snapshot import previous
from kosmo_kernel.snapshot.changes import LIST_CHANGES

KINDS = list(dict.fromkeys(defect for defects in DEFECTS.values() for defect in defects))
PARTS = 10  # of the kinds of changes; each part is made in one company
QUICK = -1  # the last part again, with the lists of audits only
PIPELINES = 12
SEEN = "2026-11-22T09:00:00Z"  # after everything in the demo


class Account:
    """The demo account of a company, which counts requests, and refuses paths that end in one of some texts."""

    def __init__(self, of: Company, refused: Collection[str] = ()) -> None:
        self.paths: list[str] = []
        self._api = api.DemoApi(of, refill=UNLIMITED)
        self._refused = tuple(refused)

    def take(
        self,
        folder: Path,
        *,
        since: Path | None = None,
        take_over: Collection[str] = (),
        within: float = 1e9,
        **rest: Any,
    ) -> snapshot.SnapshotReport:
        """Take a snapshot of the account, in which the paths of its requests are noted; the demo's time is fixed."""
        self.paths = []
        earlier = snapshot.Since(since, take_over, within) if since else None
        with pytest.MonkeyPatch.context() as patch, Session("demo") as session:
            patch.setattr(api, "in_process", lambda: (self, api.DEMO_TOKEN))
            return snapshot.take(session, folder, since=earlier, **rest)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.paths.append(path)
        if path.endswith(self._refused or ("-",)):
            start_response("403 Forbidden", [("Content-Type", "application/json")])
            return [b'{"id": "forbidden", "message": "You do not have access to this app."}']
        return self._api(environ, start_response)


def tables_of(folder: Path) -> dict[str, list[Record]]:
    saved = SavedTables(folder)
    return {name: saved.rows(name) for name in saved.tables}


def redate(folder: Path, begun: str) -> None:
    """Change the time at which a snapshot was taken."""
    file = folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"begun": begun}), encoding="utf-8")


def change(one: EditableCompany, defects: Iterable[Defect]) -> None:
    """Change a company in some ways; as at Heroku, a change of config vars makes a release."""
    before = {app["name"]: json.dumps(one.at(CONFIG_VARS, app)) for app in one.apps}
    site = Site(one, Random("changes"))
    for defect in defects:
        defect(site)
    for app in one.apps:
        if json.dumps(one.at(CONFIG_VARS, app)) != before.get(app["name"]):
            releases = one.at(RELEASES, app)
            releases.append(releases[-1] | {"id": app["id"], "version": releases[-1]["version"] + 1})


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """Return the folder of a snapshot of a company of five apps."""
    Account(company(5)).take(tmp_path / "before")
    redate(tmp_path / "before", SEEN)
    return tmp_path / "before"


# The same tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", full_except((QUICK, *range(PARTS)), QUICK))
def test_a_change_of_each_kind_is_in_the_tables_as_in_a_full_snapshot(part: int, tmp_path: Path) -> None:
    every = part != QUICK
    Account(clean_company(1, PIPELINES)).take(tmp_path / "before", every=every)
    changed = clean_company(1, PIPELINES)
    change(changed, KINDS[part % PARTS :: PARTS])
    account = Account(changed)
    account.take(tmp_path / "full", every=every)
    account.take(tmp_path / "since", every=every, since=tmp_path / "before")

    wanted, got = tables_of(tmp_path / "full"), tables_of(tmp_path / "since")
    assert {name for name in wanted if wanted[name] != got[name]} == set()
    assert list(wanted) == list(got)
    assert tables_of(tmp_path / "before") != wanted


# The requests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("apps", full_except([50, 500], 50))
def test_a_second_day_with_few_changes_takes_few_requests_if_everything_is_taken_over(
    apps: int, tmp_path: Path
) -> None:
    first = Account(company(apps))
    first.take(tmp_path / "before")
    redate(tmp_path / "before", SEEN)
    today = company(apps)
    for app in today.apps[:: apps // max(1, apps // 50)]:
        app["updated_at"] = app["released_at"] = "2026-11-23T09:00:00Z"
    second = Account(today)
    report = second.take(tmp_path / "after", since=tmp_path / "before", take_over=["all"])

    before, after = tables_of(tmp_path / "before"), tables_of(tmp_path / "after")
    assert {name for name in before if before[name] != after[name]} == {"apps"}
    assert (report.manifest["requests"], len(second.paths) <= 0.25 * len(first.paths)) == (len(second.paths), True)


@pytest.mark.full
def test_only_config_vars_are_taken_over_unless_others_are_named(tmp_path: Path) -> None:
    account = Account(company(5))
    account.take(tmp_path / "before", every=True)
    redate(tmp_path / "before", SEEN)
    requests = len(account.paths)
    report = account.take(tmp_path / "after", every=True, since=tmp_path / "before")

    taken = {name: table["taken_over"] for name, table in report.manifest["tables"].items() if "taken_over" in table}
    assert (taken, len(account.paths)) == ({"config_vars": 5}, requests - 5)
    assert tables_of(tmp_path / "after") == tables_of(tmp_path / "before")


@pytest.mark.parametrize(("names", "taken"), [([], set()), (["domains"], {"domains"})])
def test_what_may_change_without_a_sign_is_asked_again_unless_it_is_named(
    names: list[str], taken: set[str], before: Path, tmp_path: Path
) -> None:
    account = Account(company(5))
    report = account.take(tmp_path / "after", since=before, take_over=names)

    asked = {path.split("/")[3] for path in account.paths if path.count("/") == 3}
    assert asked == {"addons", "collaborators", "domains", "dynos"} - taken
    assert {name for name, table in report.manifest["tables"].items() if "taken_over" in table} == taken


def test_each_list_of_single_apps_has_its_cause_of_changes() -> None:
    lists = {
        one.name.partition("_")[2]
        for one in HEROKU.functions
        if one.returns == "list"
        and all(link.places for link in one.links)
        and ("app_id",) in [x.places for x in one.links]
    }
    assert sorted(LIST_CHANGES) == sorted(lists)


# What is asked again -----------------------------------------------------------------------------------


def renamed(one: Company) -> None:
    one.apps[1]["name"] = "another-name"


def moved_to_another_team(one: Company) -> None:
    one.apps[1]["team"] = {"id": "01234567-89ab-cdef-0123-456789abcdef", "name": "others"}


def released(one: Company) -> None:
    one.apps[1]["released_at"] = SEEN


@pytest.mark.parametrize("change", [renamed, moved_to_another_team, released])
def test_an_app_whose_record_differs_is_asked_again(
    change: Callable[[Company], None], before: Path, tmp_path: Path
) -> None:
    today = company(5)
    change(today)
    account = Account(today)
    account.take(tmp_path / "after", since=before, take_over=["all"])

    asked = {path.split("/")[2] for path in account.paths if path.endswith("/dynos")}
    assert asked == {today.apps[1]["name"] if change is not renamed else "another-name"}


def test_apps_that_are_new_or_were_deleted_are_as_in_a_full_snapshot(tmp_path: Path) -> None:
    Account(company(5)).take(tmp_path / "before")
    redate(tmp_path / "before", SEEN)
    account = Account(company(7))
    account.take(tmp_path / "full")
    account.take(tmp_path / "more", since=tmp_path / "before", take_over=["all"])
    assert tables_of(tmp_path / "more") == tables_of(tmp_path / "full")

    redate(tmp_path / "more", SEEN)
    Account(company(5)).take(tmp_path / "less", since=tmp_path / "more", take_over=["all"])
    assert tables_of(tmp_path / "less") == tables_of(tmp_path / "before")


def test_what_was_seen_too_long_ago_or_just_after_a_change_is_asked_again(before: Path, tmp_path: Path) -> None:
    account = Account(company(5))
    account.take(tmp_path / "bound", since=before, take_over=["all"], within=3600)
    assert len([path for path in account.paths if path.endswith("/dynos")]) == 5

    redate(before, "2999-01-01T00:00:00Z")  # by a clock that was wrong
    account.take(tmp_path / "clock", since=before, take_over=["all"])
    assert len([path for path in account.paths if path.endswith("/dynos")]) == 5

    redate(before, max(app["updated_at"] for app in company(5).apps))
    account.take(tmp_path / "moment", since=before, take_over=["all"])
    assert len([path for path in account.paths if path.endswith("/dynos")]) == 1


def test_nothing_is_taken_over_of_an_app_that_the_account_may_read_less_of(before: Path, tmp_path: Path) -> None:
    name = company(5).apps[1]["name"]
    account = Account(company(5), refused=[f"/{name}/collaborators"])
    report = account.take(tmp_path / "after", since=before, take_over=["dynos", "domains"])

    assert [path for path in account.paths if path.endswith(("/dynos", "/domains"))] == [
        f"/apps/{name}/dynos",
        f"/apps/{name}/domains",
    ]
    assert [failure["app_id"] for failure in report.manifest["failures"]] == [name]

    # What could not be read then is asked again, even if it is refused as before.
    redate(tmp_path / "after", SEEN)
    account.take(tmp_path / "again", since=tmp_path / "after", take_over=["all"])
    assert f"/apps/{name}/collaborators" in account.paths
    assert len(account.paths) < 10


@pytest.mark.parametrize(
    "sign", full_except(["a release as they were read", "releases taken over", "another key"], "another key")
)
def test_config_vars_are_asked_again_if_the_same_releases_do_not_prove_that_they_are_the_same(
    sign: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = company(2)
    for app in one.apps:  # a release that failed does not change the record of its app
        app["updated_at"] = app["released_at"] = app["created_at"]
    account = Account(one)
    account.take(tmp_path / "before", every=True)
    newest = max(release["created_at"] for release in tables_of(tmp_path / "before")["releases"])
    redate(tmp_path / "before", newest if sign == "a release as they were read" else SEEN)
    if sign == "another key":
        monkeypatch.setattr(previous, "fingerprints", lambda _: Fingerprints(b"another"))
    take_over = ["releases"] if sign == "releases taken over" else []
    account.take(tmp_path / "after", every=True, since=tmp_path / "before", take_over=take_over)

    assert any(path.endswith("/config-vars") for path in account.paths)


# The time at which a record was seen -------------------------------------------------------------------


@pytest.mark.parametrize("form", full_except(snapshot.FORMS, "jsonl"))
def test_each_record_says_when_it_was_seen_first_over_a_chain_of_snapshots(form: snapshot.Form, tmp_path: Path) -> None:
    account = Account(company(5))
    account.take(tmp_path / "1", form=form)
    redate(tmp_path / "1", SEEN)
    account.take(tmp_path / "2", form=form, since=tmp_path / "1", take_over=["all"])
    report = account.take(tmp_path / "3", form=form, since=tmp_path / "2", take_over=["all"])
    saved = snapshot.read(tmp_path / "3")

    assert {f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in saved["dynos"]["seen_at"]} == {SEEN}
    assert {f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in saved["apps"]["seen_at"]} == {report.manifest["begun"]}
    assert report.manifest["tables"]["domains"]["oldest"] == SEEN
    assert tables_of(tmp_path / "3") == tables_of(tmp_path / "1")
    assert all("seen_at" not in row for row in saved.records("dynos"))


def test_an_app_without_records_of_a_list_is_taken_over_with_its_date(tmp_path: Path) -> None:
    account = Account(company(40))
    for number, dated in enumerate((SEEN, "", "")):
        since = tmp_path / str(number - 1) if number else None
        report = account.take(tmp_path / str(number), since=since, take_over=["dynos"] if since else ())
        if dated:
            redate(tmp_path / str(number), dated)
    (date, names), *others = report.manifest["tables"]["dynos"]["none_of"].items()

    assert (date, others, len(names) > 0) == (SEEN, [], True)
    assert report.manifest["tables"]["dynos"]["taken_over"] == 40


# What is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        ({"account": "other"}, "is a snapshot of the account other, and this one is of demo"),
        ({"kosmo_kernel": "0.0.1"}, r"was taken with kosmo_kernel 0\.0\.1, and this is"),
        ({"failures": [{"table": "dynos", "type": "interrupted", "message": "It ended."}]}, "incomplete: `dynos`"),
        ({"kosmo_snapshot": 99}, "has version 99"),
    ],
)
def test_a_snapshot_that_cannot_be_gone_on_from_is_refused_before_anything_is_sent(
    manifest: dict[str, Any], says: str, before: Path, tmp_path: Path
) -> None:
    file = before / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | manifest), encoding="utf-8")
    account = Account(company(5))
    with pytest.raises(SettingsError, match=says):
        account.take(tmp_path / "after", since=before)
    assert (account.paths, (tmp_path / "after").exists()) == ([], False)


def test_the_earlier_snapshot_is_never_replaced(before: Path) -> None:
    with pytest.raises(SettingsError, match="is the snapshot to go on from, and is not replaced"):
        Account(company(5)).take(before, since=before)


def test_a_damaged_snapshot_is_refused_before_anything_is_sent(before: Path, tmp_path: Path) -> None:
    (before / "domains.jsonl").write_bytes(b"")
    account = Account(company(5))
    with pytest.raises(SettingsError, match=r"domains\.jsonl has 0 records"):
        account.take(tmp_path / "after", since=before)
    assert account.paths == []


def test_a_list_that_cannot_be_taken_over_is_refused_before_anything_is_sent(before: Path, tmp_path: Path) -> None:
    account = Account(company(5))
    with pytest.raises(SettingsError, match=r"`addons` cannot be taken over.* collaborators, domains, dynos;"):
        account.take(tmp_path / "after", since=before, take_over=["addons"])
    assert account.paths == []


def test_a_snapshot_of_another_user_is_refused(before: Path, tmp_path: Path) -> None:
    other = company(5)
    other.account["id"] = "01234567-89ab-cdef-0123-456789abcdef"
    with pytest.raises(SettingsError, match="the token is of another user now"):
        Account(other).take(tmp_path / "after", since=before)


def test_a_snapshot_is_refused_if_the_user_is_not_known(before: Path, tmp_path: Path) -> None:
    account = Account(company(5), refused=["/account"])
    with pytest.raises(SettingsError, match="is of the same user is not known"):
        account.take(tmp_path / "after", since=before)


def test_the_command_says_what_was_taken_over(tmp_path: Path) -> None:
    Account(company()).take(tmp_path / "first")
    options = ("--since", str(tmp_path / "first"), "--take-over", "domains")
    done = kosmo("snapshot", "--demo", "-o", str(tmp_path / "second"), *options)

    assert done.returncode == 0
    assert "Taken over, although it may have changed: domains of 19; the oldest was seen at 20" in done.stderr
    assert "because it may change without a sign there: dynos, collaborators." in done.stderr
