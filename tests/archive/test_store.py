"""The store of answers: functions always ask, questions take what was read, and nothing partial passes for a list."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from altered_api import as_default_account
from python_shell import no_notebooks

from kosmo_kernel import heroku
from kosmo_kernel.accounts import Account
from kosmo_kernel.archive import store
from kosmo_kernel.archive.store import AnswerKey, Answers
from kosmo_kernel.catalogue import Function
from kosmo_kernel.client.call import Reply
from kosmo_kernel.errors import RefusedError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.progress.run import Cancelled
from kosmo_kernel.results import run_document
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.snapshot import take
from kosmo_kernel.text import Moment

TABLES = ("apps", "addons", "domains", "formation", "people", "pipelines", "costs", "access", "stages", "certificates")
APPS = HEROKU.function("list_apps")
DYNOS = HEROKU.function("list_dynos")


TOKEN = "a-token"


def account(*, token: str = TOKEN, url: str = "https://api.example") -> Account:
    return Account("heroku", "default", token, url, "a test")


class CountingApi:
    """The demo's API, which counts its requests by what they ask for, and refuses some paths."""

    def __init__(self) -> None:
        self._api, self._lock = DemoApi(company(), capacity=10**9), threading.Lock()
        self.requested: Counter[tuple[str, str]] = Counter()
        self.refused: tuple[str, ...] = ()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        with self._lock:
            self.requested[path, environ.get("HTTP_RANGE", "")] += 1
        if not path.endswith(self.refused or ("\0",)):
            return self._api(environ, start_response)
        body = b'{"id": "forbidden", "message": "No access."}'
        start_response("403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def count(self, path: str) -> int:
        """Return how often a path was asked for."""
        return sum(count for (asked_path, _), count in self.requested.items() if asked_path == path)


@pytest.fixture
def api() -> Iterator[CountingApi]:
    counting = CountingApi()
    with as_default_account(counting), no_notebooks():
        yield counting


def later(seconds: float, *, clock: float | None = None) -> Callable[[], Moment]:
    """Return a clock that is ahead by some seconds, with a settable clock that may differ."""
    now = Moment.now()
    moment = Moment(now.clock + (seconds if clock is None else clock), now.seconds + seconds)
    return lambda: moment


def key_of(answers: Answers, function: Function = APPS, **args: object) -> AnswerKey:
    return answers.key(account(), function, args)


def ask(answers: Answers, key: AnswerKey, names: Iterable[str]) -> list[str]:
    """Return the names in an answer; the service would answer with `names`."""
    reply = answers.ask(key, lambda: Reply([[{"name": name} for name in names]]), answers.reading(), lambda: None)
    return [row["name"] for row in reply.data]


def keep(answers: Answers, key: AnswerKey, *names: str) -> None:
    """Let a function get an answer."""
    answers.ask(key, lambda: Reply([[{"name": name} for name in names]]), None, lambda: None)


def test_ten_tables_in_one_session_ask_each_address_once(api: CountingApi) -> None:
    with Session() as session:
        for name in TABLES:
            session.run(f"return heroku.tables.{name}()")
        ten = dict(api.requested)
        session.run("; ".join(f"heroku.tables.{name}()" for name in TABLES))
    assert set(ten.values()) == {1}
    assert api.requested == ten


def test_a_function_always_asks_and_what_it_got_serves_the_tables(api: CountingApi) -> None:
    with Session() as session:
        session.run("heroku.list_apps() heroku.list_apps() heroku.list_formation({ app_id = heroku.list_apps() })")
        session.run("return heroku.tables.formation()")
    assert api.count("/apps") == 3
    assert api.count("/apps/my-app/formation") == 1


def test_a_table_in_python_says_when_it_was_read_and_asks_again_with_fresh(
    api: CountingApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = heroku.tables.stages()
    now = datetime.now(UTC)
    monkeypatch.setattr(Moment, "now", later(425))
    again = heroku.tables.stages()
    assert again.attrs["read_at"] == first.attrs["read_at"]
    assert abs(datetime.fromisoformat(again.attrs["read_at"]) - now) < timedelta(seconds=60)
    assert "(7 min ago); `fresh=True` asks again" in capsys.readouterr().err
    assert api.count("/apps") == 1
    fresh = heroku.tables.stages(fresh=True)
    assert api.count("/apps") == 2
    assert fresh.attrs["read_at"] > first.attrs["read_at"]


def test_json_has_the_age_of_answers_and_a_note_tells_it_after_a_minute(
    api: CountingApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session() as session:
        session.run("heroku.tables.stages()")
        for seconds, tells in ((50, False), (70, True)):
            with monkeypatch.context() as patch:
                patch.setattr(Moment, "now", later(seconds))
                meta = run_document(session.run("heroku.tables.stages()"))["meta"]
            assert meta["from_store"] >= 3
            assert datetime.now(UTC) - datetime.fromisoformat(meta["read_at"]) < timedelta(seconds=60)
            assert any("asks again" in note for note in meta["notes"]) is tells


def test_the_demo_never_tells_the_age_of_answers(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.run("heroku.tables.stages()")
    monkeypatch.setattr(Moment, "now", later(425))
    notes = session.run("heroku.tables.stages()").notes
    assert not any("asks again" in note for note in notes)


def test_fresh_asks_again_each_time_also_in_one_script(api: CountingApi) -> None:
    with Session() as session:
        session.run("for i = 1, 3 do heroku.tables.stages({ fresh = true }) end heroku.tables.stages()")
    assert api.count("/apps") == 3


def test_another_token_or_a_reset_empties_the_store(api: CountingApi, monkeypatch: pytest.MonkeyPatch) -> None:
    with Session() as session:
        session.run("heroku.tables.stages()")
        session.reset()
        assert len(session.services().store) == session.services().store.size == 0
        session.run("heroku.tables.stages()")
        monkeypatch.setenv("HEROKU_API_KEY", "another-token-1234")
        with pytest.raises(RefusedError):
            session.run("heroku.tables.stages()")
        assert len(session.services().store) == 0


def test_what_one_run_could_not_read_is_asked_for_again_in_the_next(api: CountingApi) -> None:
    api.refused = ("/my-app/formation",)
    with Session() as session:
        code = 'heroku.tables.formation({ errors = "collect" }) heroku.tables.costs({ errors = "collect" })'
        session.run(code)
        assert api.count("/apps/my-app/formation") == 1
        session.run(code)
    assert api.count("/apps/my-app/formation") == 2
    assert api.count("/apps/night-sorter/formation") == 1


def test_an_answer_of_at_most_ten_minutes_is_taken_by_both_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers()
    key = key_of(answers)
    keep(answers, key, "old")
    for moment, expected in ((later(599), "old"), (later(601), "new"), (later(-9_000, clock=601), "new")):
        with monkeypatch.context() as patch:
            patch.setattr(Moment, "now", moment)
            reading = answers.reading()
        reply = answers.take(key, reading)
        assert (reply.data[0]["name"] if reply else "new") == expected


def test_what_a_run_has_read_it_uses_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers()
    key = key_of(answers)
    for fresh in (False, True):
        reading = answers.reading(fresh=fresh)
        answers.ask(key, lambda: Reply([[{"name": "a"}]]), reading, lambda: None)
        monkeypatch.setattr(Moment, "now", later(7_200))
        assert answers.take(key, reading) is not None
        assert answers.take(key, answers.reading()) is None


def test_the_newest_records_and_another_account_are_no_whole_list() -> None:
    answers = Answers()
    releases = HEROKU.function("list_releases")
    keys = {
        key_of(answers, releases, app_id="a"),
        key_of(answers, releases, app_id="a", newest=5),
        key_of(answers, releases, app_id="a", since="2026-11-20"),
        key_of(answers, DYNOS, app_id="a"),
        answers.key(account(token="another"), releases, {"app_id": "a"}),
        answers.key(account(url="https://other.example"), releases, {"app_id": "a"}),
    }
    assert len(keys) == 6
    assert not any(TOKEN in repr(key) for key in keys)


def test_functions_of_one_address_share_answers_only_if_they_redact_alike() -> None:
    answers = Answers()
    addons, whole = HEROKU.function("list_account_addons"), HEROKU.function("list_addons")
    assert key_of(answers, addons).form == key_of(answers, whole, app_id="a").form
    assert key_of(answers, DYNOS, app_id="a").form != key_of(answers, addons).form


def test_the_oldest_answers_go_when_there_are_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_BYTES", 3 * store.OVERHEAD_BYTES)
    answers = Answers()
    for app in "abcd":
        keep(answers, key_of(answers, DYNOS, app_id=app), app)
    reading = answers.reading()
    there = [bool(answers.take(key_of(answers, DYNOS, app_id=app), reading)) for app in "abcd"]
    assert there == [False, False, True, True]
    assert answers.size <= store.MAX_BYTES
    keep(answers, key_of(answers), "x" * store.MAX_BYTES)
    assert answers.take(key_of(answers), reading) is None
    assert answers.size <= store.MAX_BYTES


def test_a_run_keeps_the_lists_of_the_account_that_the_store_has_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_BYTES", 3 * store.OVERHEAD_BYTES)
    answers = Answers()
    reading = answers.reading(fresh=True)
    answers.ask(key_of(answers), lambda: Reply([[{"name": "a"}]]), reading, lambda: None)
    for app in "abcd":
        answers.ask(key_of(answers, DYNOS, app_id=app), lambda: Reply([[{"name": "b"}]]), reading, lambda: None)
    reply = answers.take(key_of(answers), reading)
    assert reply is not None
    assert reply.data == [{"name": "a"}]
    assert answers.take(key_of(answers, DYNOS, app_id="a"), reading) is None
    assert answers.take(key_of(answers), answers.reading()) is None
    assert answers.size <= store.MAX_BYTES


def test_a_snapshot_asks_for_each_address_once_although_the_store_drops_answers(
    api: CountingApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_BYTES", 0)
    with Session() as session:
        take(session, tmp_path / "all.kosmo", every=True)
    assert {request: count for request, count in api.requested.items() if count > 1} == {}


def test_two_threads_that_want_one_list_make_one_request() -> None:
    answers = Answers()
    key, begun, go, requests = key_of(answers), threading.Event(), threading.Event(), []

    def request() -> Reply:
        requests.append(1)
        begun.set()
        go.wait(10)
        return Reply([[{"name": "a"}]])

    replies: list[Reply] = []
    readings = [answers.reading() for _ in range(2)]

    def run(reading: store.Reading) -> None:
        replies.append(answers.ask(key, request, reading, lambda: None))

    threads = [threading.Thread(target=run, args=(reading,)) for reading in readings]
    threads[0].start()
    begun.wait(10)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(10)
    assert len(requests) == 1
    assert [reply.data for reply in replies] == [[{"name": "a"}]] * 2
    assert sorted(reading.from_store for reading in readings) == [0, 1]


def test_a_thread_asks_itself_if_the_one_it_waits_for_is_cancelled_and_ends_with_its_own_run() -> None:
    answers = Answers()
    key, begun, go = key_of(answers), threading.Event(), threading.Event()

    def cancelled() -> Reply:
        begun.set()
        go.wait(10)
        raise Cancelled

    def owner() -> None:
        with pytest.raises(Cancelled):
            answers.ask(key, cancelled, answers.reading(), lambda: None)

    thread = threading.Thread(target=owner)
    thread.start()
    begun.wait(10)

    def check() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        answers.ask(key, lambda: pytest.fail("a second request"), answers.reading(), check)
    assert ask_after(answers, key, go) == ["mine"]
    thread.join(10)


def ask_after(answers: Answers, key: AnswerKey, go: threading.Event) -> list[str]:
    """Ask, and let the other thread go on as soon as this one waits for it."""
    reply = answers.ask(key, lambda: Reply([[{"name": "mine"}]]), answers.reading(), go.set)
    return [row["name"] for row in reply.data]


def test_what_a_reader_changes_is_not_in_the_store() -> None:
    answers = Answers()
    key = key_of(answers)
    keep(answers, key, "a")
    reply = answers.take(key, answers.reading())
    assert reply is not None
    reply.data[0]["name"] = "spoilt"
    assert ask(answers, key, ["new"]) == ["a"]


def test_a_record_stays_a_record_and_an_empty_list_stays_empty() -> None:
    answers = Answers()
    get_app = HEROKU.function("get_app")
    record, empty = key_of(answers, get_app, app_id="a"), key_of(answers)
    answers.ask(record, lambda: Reply([{"name": "a"}]), None, lambda: None)
    keep(answers, empty)
    reading = answers.reading()
    replies = [answers.take(key, reading) for key in (record, empty)]
    assert [reply and reply.data for reply in replies] == [{"name": "a"}, []]


def test_what_may_be_less_than_a_list_is_not_taken_for_one(api: CountingApi) -> None:
    api.refused = ("/apps",)
    with Session() as session:
        session.run("heroku.list_apps({ errors = 'collect' })")
        session.call("heroku.list_apps", {}, Options(dry_run=True))
        api.refused = ()
        session.run("heroku.list_releases({ app_id = 'my-app', newest = 1 })")
        assert len(session.run("return heroku.tables.stages()").value) > 1
    assert api.count("/apps") == 2  # the refused one, and that of the table


def test_each_session_has_a_store_of_its_own(api: CountingApi) -> None:
    for _ in range(2):
        with Session() as session:
            session.run("heroku.tables.stages()")
    assert api.count("/apps") == 2
