"""What a run leaves: the plan of a dry run, and a line for each run in the kernel of `kosmo run`."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from recorded import answers
from run_with import run_with

from kosmo_kernel.client.call import PlannedCall
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.render.tables import table_of
from kosmo_kernel.results import (
    Result,
    accounts_used,
    answers_taken_over,
    count_incomplete_lines,
    dry_run_summary,
    plan_of,
    read_lines,
    totals,
)
from kosmo_kernel.session import Session
from kosmo_kernel.settings import notebook_run
from kosmo_kernel.settings.notebook_run import NotebookRun


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return noting(monkeypatch, tmp_path / "calls")


def noting(monkeypatch: pytest.MonkeyPatch, path: Path) -> Path:
    """Make this process the kernel of `kosmo run` that notes calls in a file."""
    monkeypatch.setattr(notebook_run, "received", [NotebookRun(str(path))])
    return path


def test_each_run_that_made_a_call_is_a_line_that_only_its_owner_reads(log: Path, session: Session) -> None:
    run_with(session, "return 1", name="In[1]")
    run_with(session, "app.integrations.heroku.list_dynos({ app_id = { 'my-app', 'booking-api' } })", name="In[2]")
    run_with(session, "local h = app.integrations.heroku; h.list_apps(); h.get_app('my-app')", name="In[3]")
    lines = read_lines(log)
    assert [line["name"] for line in lines] == ["In[2]", "In[3]"]
    assert [(c["path"], c["calls"], c["failed"]) for line in lines for c in line["calls"]] == [
        ("integrations.heroku.list_dynos", 1, 0),
        ("integrations.heroku.list_apps", 1, 0),
        ("integrations.heroku.get_app", 1, 0),
    ]
    assert totals(lines) == (["demo"], 3, 4)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_run_that_failed_is_noted_too(log: Path, session: Session) -> None:
    with pytest.raises(KosmoError):
        session.run("app.integrations.heroku.get_app('no-such-app')")
    assert [(c["calls"], c["failed"]) for line in read_lines(log) for c in line["calls"]] == [(1, 1)]


def test_a_line_tells_which_services_were_asked_by_their_names(log: Path, session: Session) -> None:
    session.run("app.integrations.heroku.get_app('my-app')")
    assert list(accounts_used(read_lines(log))) == [("heroku", "demo")]


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Yield a session for an account that may see all but add-ons."""
    api = DemoApi(company())

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ["PATH_INFO"].endswith("/addons"):
            return api(environ, start_response)
        body = json.dumps({"id": "forbidden", "message": "You do not have access to this."}).encode()
        start_response("403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    with serve(answer) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        session.run("heroku, names = app.integrations.heroku, {}")
        session.run("for place, one in ipairs(heroku.list_apps()) do names[place] = one.name end")
        yield session


@pytest.mark.parametrize(
    ("source", "requests"),
    [
        ("pcall(heroku.list_addons, 'my-app')", 1),
        ("heroku.get_app({ app_id = { 'my-app', 'no-such-1', 'no-such-2' }, errors = 'collect' })", 3),
        ("pcall(heroku.get_app, { app_id = { 'no-such-1' } })", 1),  # of several, those not yet sent would not be
        ("parallel.map({ 'my-app', 'booking-api' }, heroku.list_addons, { errors = 'collect' })", 2),
        ("heroku.list_addons({ app_id = names, errors = 'collect' })", 2 + 19),  # two lists were tried before
    ],
)
def test_requests_that_were_refused_count_like_others(source: str, requests: int, refusing: Session, log: Path) -> None:
    cost = refusing.run(source).cost
    assert cost is not None
    assert (totals(read_lines(log))[2], cost.requests) == (requests, requests)


def test_a_line_that_is_not_whole_takes_no_other_with_it(log: Path, session: Session) -> None:
    run_with(session, "app.integrations.heroku.get_app('my-app')", name="In[1]")
    whole = log.read_bytes()
    log.write_bytes(whole + whole[:20] + whole + "größe".encode()[:3])
    assert ([line["name"] for line in read_lines(log)], count_incomplete_lines(log)) == (["In[1]"], 2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no file that is always full")
def test_a_run_that_can_no_longer_be_noted_keeps_what_it_gave(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    noting(monkeypatch, Path("/dev/full"))
    result = session.run("return #app.integrations.heroku.list_apps()")
    assert result.value == 19
    assert [note for note in result.notes if "noted" in note] == [
        "The calls of this run could not be noted for `kosmo run`: No space left on device."
    ]


def test_answers_of_earlier_runs_are_counted_once(log: Path, tmp_path: Path) -> None:
    file, script = tmp_path / "audit.kosmo", "return #app.integrations.heroku.list_apps()"
    with Session("demo", record=file) as session:
        session.recording.finishes = False
        session.run(f"{script}, #app.integrations.heroku.list_teams()")
    oldest = answers(file)[0]["at"]
    assert answers_taken_over(read_lines(log)) is None
    with Session("demo", record=file, resume=True) as session:
        for source in (script, "app.integrations.heroku.list_teams()", script):
            session.run(source)
    assert (taken := answers_taken_over(read_lines(log))) is not None
    assert taken.facts() == {"answers": 2, "oldest": oldest}


APPS = PlannedCall("heroku.list_apps", "demo", {}, "GET", "https://api.heroku.com/apps")
DYNOS = PlannedCall(
    "heroku.list_dynos", "demo", {"app_id": "my-app"}, "GET", "https://api.heroku.com/apps/my-app/dynos"
)
UNKNOWN = "All answers were empty, so what depends on one is missing here."


def test_a_plan_is_a_table_with_a_column_for_each_argument() -> None:
    assert list(table_of(plan_of([APPS, DYNOS])).names) == ["function", "account", "arguments.app_id", "method", "url"]
    assert list(table_of(plan_of([APPS])).names) == ["function", "account", "method", "url"]
    assert [row["url"] for row in plan_of([APPS, DYNOS])] == [APPS.url, DYNOS.url]


def test_a_plan_says_in_one_line_what_it_cannot_know() -> None:
    assert dry_run_summary([APPS]) == f"A dry run: 1 call, none made. {UNKNOWN}"
    assert dry_run_summary([DYNOS] * 1500) == f"A dry run: 1,500 calls, none made. {UNKNOWN}"
    of_all = DYNOS._replace(arguments={"app_id": "each item"}, each="app_id", requests=None)
    more = "`heroku.list_dynos` makes one more for each item of `app_id`."
    assert dry_run_summary([APPS, of_all, of_all]) == f"A dry run: 1 call, none made. {more} {UNKNOWN}"
    assert dry_run_summary([APPS, of_all._replace(requests=19)]) == f"A dry run: 20 calls, none made. {UNKNOWN}"
    assert dry_run_summary([]) == "A dry run: there is no call to make."


def test_the_plan_takes_the_place_of_values_that_were_made_of_nothing() -> None:
    assert Result(values=[0], dry_run=True, planned=[APPS]).values_to_show == [plan_of([APPS])]


def test_a_script_without_calls_has_no_plan_to_show() -> None:
    assert Result(values=[0], dry_run=True).values_to_show == []


def test_any_other_run_shows_its_values() -> None:
    assert Result(values=[0]).values_to_show == [0]
