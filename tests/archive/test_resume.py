"""`--resume`: a run goes on with its recording, whatever ended the run before, and asks only for what is missing."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from recorded import answers, paths, query, runs
from run_with import run_with
from scripted_api import ACCOUNT, OK, Asking, Script, said

from kosmo_kernel import snapshot
from kosmo_kernel.accounts import Account
from kosmo_kernel.archive.player import Player
from kosmo_kernel.archive.recorder import Recorder
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import ApiError, FileWriteError, LuaError, SettingsError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.session import Session
from kosmo_kernel.text import ISO_FORMAT

AUDIT = "return parallel.map({ ... }, function(name) return #heroku.list_dynos(name) end)"
ONE_BY_ONE = "for _, name in ipairs({ ... }) do heroku.list_dynos(name) end"
APPS = ["my-app", "booking-api", "customs-forms", "courier-app"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.kosmo"


def ran(file: Path, apps: list[str], source: str = AUDIT, *, ends: bool = False) -> tuple[Any, str]:
    """Return the value of a run that goes on with a recording, and what it says about that.

    Unless it `ends`, its process is killed after its last answer, as far as the recording shows.
    """
    with Session("demo", record=file, resume=True) as session:
        session.recording.finishes = ends
        result = run_with(session, source, args=apps)
    return result.value, result.notes[-1]


def aged(file: Path, hours: float) -> None:
    """Make a recording older."""
    before = (datetime.now(UTC) - timedelta(hours=hours)).strftime(ISO_FORMAT)
    query(file, "UPDATE kosmo_answers SET at = ?", (before,))
    query(file, "UPDATE kosmo_runs SET begun = ?", (before,))


def test_a_run_goes_on_after_an_end_at_any_byte(file: Path, tmp_path: Path) -> None:
    """Cut what a process has written at any byte, as it is when its last write was not complete."""
    with Session("demo") as session:
        whole = run_with(session, AUDIT, args=APPS).value
    with Session("demo", record=file, resume=True) as session:
        run_with(session, ONE_BY_ONE, args=APPS)  # answers that arrive together would be written together
        written = [file.with_name(f"{file.name}{suffix}") for suffix in ("", "-wal")]
        copies = [shutil.copy(path, tmp_path / f"copy-of-{path.name}") for path in written]
    copy, wal = (Path(path) for path in copies)
    content = copy.read_bytes(), wal.read_bytes()
    counts = set()
    for size in (0, 31, *range(4_000, len(content[1]), 19_001), len(content[1])):
        copy.write_bytes(content[0])
        wal.write_bytes(content[1][:size])
        kept = len(answers(copy)) if size > 31 else 0
        value, says = ran(copy, APPS)

        counts.add(kept)
        assert (value, sorted(paths(copy))) == (whole, sorted(f"/apps/{app}/dynos" for app in APPS))
        assert (f"{kept} answer" in says, f"{4 - kept} request" in says) == (kept > 0, True)
        with Session(from_archive=copy) as session:
            assert run_with(session, AUDIT, args=APPS).value == whole
    assert counts == {0, 1, 2, 3, 4}


def test_a_run_that_has_ended_is_begun_anew(file: Path) -> None:
    ran(file, APPS[:2], ends=True)
    assert runs(file)[-1]["ended"]
    assert ran(file, APPS[:2])[1] == f"2 requests recorded in {file}."
    assert len(answers(file)) == 2
    assert ran(file, APPS[:2], ends=True)[1].startswith("2 answers taken")
    assert ran(file, APPS[:2])[1] == f"2 requests recorded in {file}."


def test_a_run_to_which_the_service_failed_has_not_ended(file: Path) -> None:
    cassette = Recorder(file, "default", resume=True)
    asking = Asking(Script(OK, said(503)), saved=cassette)
    asking.fetch()
    asking.failed()
    cassette.finish()
    cassette.close()
    cassette = Recorder(file, "default", resume=True)
    assert len(Asking(api := Script(), saved=cassette).fetch().data) == 2
    assert api.asked == 0
    cassette.close()


def test_a_run_whose_token_was_revoked_has_not_ended(file: Path) -> None:
    recorder = Recorder(file, "default", resume=True)
    asking = Asking(Script(OK, said(401)), saved=recorder)
    asking.fetch()
    asking.failed()
    recorder.finish()
    recorder.close()
    recorder = Recorder(file, "default", resume=True)
    assert len(Asking(api := Script(), saved=recorder).fetch().data) == 2
    assert api.asked == 0
    recorder.close()


def test_nothing_is_sent_after_an_answer_could_not_be_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(file, "default", resume=True)
    asking = Asking(api := Script(OK, OK, OK), saved=recorder)

    def full() -> NoReturn:
        raise FileWriteError(file, OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(recorder._archive, "transaction", full)
    for _ in range(3):
        with pytest.raises(FileWriteError, match="No space left on device"):
            asking.fetch()
    assert api.asked == 1
    with suppress(FileWriteError):
        recorder.close()


def test_a_recording_of_before_stays_until_the_first_answer_of_a_new_run(file: Path) -> None:
    ran(file, APPS[:2], ends=True)
    for resume in (False, True):
        with Session("demo", record=file, resume=resume) as session, pytest.raises(LuaError):
            session.run("error('nothing was requested')")
        assert paths(file) == ["/apps/my-app/dynos", "/apps/booking-api/dynos"]
    ran(file, APPS[2:3])
    assert paths(file) == ["/apps/customs-forms/dynos"]


def account(token: str, url: str = "https://api.heroku.com") -> Account:
    return Account("heroku", "default", token, url, "a test")


@pytest.mark.claim("recording-own")
@pytest.mark.parametrize(
    ("other", "says"),
    [
        (account("token-of-another-user"), "with another token, perhaps of another user"),
        (
            account(ACCOUNT.token.reveal(), "https://api.staging.herokudev.com"),
            "at https://api.heroku.com, and this run asks",
        ),
    ],
)
def test_answers_of_another_token_or_address_are_not_taken(file: Path, other: Account, says: str) -> None:
    cassette = Recorder(file, "default", resume=True)
    Asking(Script(OK), saved=cassette).fetch()
    cassette.close()
    cassette = Recorder(file, "default", resume=True)
    client = Client(HEROKU, other, transport=in_process(Script()), saved=cassette)
    with pytest.raises(SettingsError, match=says):
        client.fetch(HEROKU.function("list_apps"), {})
    cassette.close()
    content = file.read_bytes()
    assert (ACCOUNT.token.reveal().encode() in content, b"token-of-another" in content) == (False, False)


def test_a_session_of_another_user_is_refused_before_its_first_call(
    file: Path, demo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEROKU_API_URL", demo_url)
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    with Session("default", record=file, resume=True) as session:
        session.recording.finishes = False
        session.run("return #heroku.list_apps()")
    monkeypatch.setenv("HEROKU_API_KEY", "token-of-another-user")
    with pytest.raises(SettingsError, match="of the account `default` with another token"):
        Session("default", record=file, resume=True)


def test_an_answer_of_the_future_is_not_taken(file: Path) -> None:
    ran(file, APPS[:1])
    aged(file, -5)
    with pytest.raises(SettingsError, match="which is later than now: the clock of this machine is wrong"):
        ran(file, APPS)


def test_an_answer_is_taken_once_and_then_asked_for_again(file: Path) -> None:
    pages = [said(200, json.dumps([{"id": str(number)}])) for number in range(4)]
    for script, times in ((Script(*pages[:2]), 2), (Script(*pages[2:]), 4)):
        cassette = Recorder(file, "default", resume=True)
        asking = Asking(script, saved=cassette)
        seen = [asking.fetch().data for _ in range(times)]
        cassette.close()

    assert (seen, script.asked) == ([[{"id": number}] for number in "0123"], 2)


@pytest.mark.parametrize("step", [said(500), said(503), said(401), said(429, Retry_After="1"), said(200, '[{"id"')])
def test_what_another_try_may_change_is_asked_again_and_replaced(file: Path, step: Any) -> None:
    cassette = Recorder(file, "default")
    with pytest.raises(ApiError):
        Asking(Script(step), saved=cassette).fetch()
    cassette.close()
    assert len(answers(file)) == 1
    cassette = Recorder(file, "default", resume=True)
    assert Asking(Script(said(200, '[{"id": "1"}]')), saved=cassette).fetch().data == [{"id": "1"}]
    cassette.close()

    with closing(Player(file)) as player:
        assert Asking(Script(), saved=player).fetch().data == [{"id": "1"}]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_asked_again(file: Path, status: int) -> None:
    cassette = Recorder(file, "default", resume=True)
    Asking(Script(said(status)), saved=cassette).failed()
    cassette.close()
    cassette = Recorder(file, "default", resume=True)
    asking = Asking(api := Script(OK), saved=cassette)
    assert (len(asking.fetch().data), api.asked) == (2, 1)
    cassette.close()
    assert [one["status"] for one in answers(file)] == [200]


def test_an_answer_that_says_that_a_list_is_empty_is_not_asked_for_again(file: Path) -> None:
    none = said(404, json.dumps({"id": "not_found", "resource": "pipeline_coupling", "message": "No."}))
    for asked in (1, 0):
        cassette = Recorder(file, "default", resume=True)
        asking = Asking(api := Script(none), saved=cassette)
        assert asking.fetch("list_pipeline_couplings", app_id="my-app").data == []
        cassette.close()
        assert api.asked == asked


def test_answers_that_are_too_old_are_refused_before_anything_is_sent(file: Path) -> None:
    ran(file, APPS[:1])
    aged(file, 30)
    with pytest.raises(SettingsError, match=r"is 30 h 0 min old .* up to an age of 24 h 0 min.* Record anew"):
        ran(file, APPS)


def test_the_time_of_the_data_is_that_of_the_answers_until_a_request_is_sent(file: Path) -> None:
    ran(file, APPS[:1])
    aged(file, 5)
    with Session("demo", record=file, resume=True) as session:
        run_with(session, AUDIT, args=APPS[:1])
        first, _, third = (run_with(session, AUDIT, args=apps).started for apps in (APPS[:1], APPS[1:2], APPS[2:]))

    assert first is not None is not third
    assert datetime.now(UTC) - first > timedelta(hours=4)
    assert datetime.now(UTC) - third < timedelta(minutes=1)


def test_a_snapshot_that_goes_on_began_with_the_oldest_of_its_answers(file: Path) -> None:
    for name in ("first.kosmo", "second.kosmo"):
        with Session("demo", record=file, resume=True) as session:
            session.recording.finishes = False
            begun = snapshot.take(session, file.parent / name).manifest.begun
        if name == "first.kosmo":
            aged(file, 5)
    assert begun == runs(file)[0]["begun"]


def test_fingerprints_of_another_key_are_asked_for_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "return list.map(heroku.list_config_vars({ app_id = { ... } }), 'fingerprint')"
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    values = []
    with serve(DemoApi(company())) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        for key, apps in (("a" * 32, APPS[:1]), ("b" * 32, APPS[:2]), ("b" * 32, APPS[:2])):
            monkeypatch.setenv("KOSMO_FINGERPRINT_KEY", key)
            with Session("default", record=file, resume=True) as session:
                session.recording.finishes = False
                result = run_with(session, source, args=apps)
            values.append(({value.partition(":")[0] for value in result.value}, "; 0 requests" in result.notes[-1]))

    assert values[0][0] != values[1][0] == values[2][0]
    assert [len(keys) for keys, _ in values] == [1, 1, 1]
    assert (values[1][1], values[2][1]) == (False, True)


def test_a_changed_script_is_told_which_requests_are_new(file: Path) -> None:
    ran(file, APPS[:2])
    assert "The script" not in ran(file, APPS)[1]
    says = ran(file, APPS, AUDIT.replace("#heroku", "#heroku.list_domains(name) + #heroku"))[1]

    assert says.endswith("The script has changed since: 4 requests new: heroku.list_domains 4.")


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("content", ["hello\n", '{"name": "my-app"}\n', " "])
def test_only_a_recording_is_written_over(file: Path, content: str, *, resume: bool) -> None:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match="no archive of kosmo_kernel"):
        Session("demo", record=file, resume=resume)
    assert file.read_text(encoding="utf-8") == content
    assert list(file.parent.iterdir()) == [file]


def test_a_recording_of_another_account_is_not_gone_on_with(file: Path) -> None:
    ran(file, APPS[:1])
    with pytest.raises(SettingsError, match="a recording of the account `demo`, and this run uses `default`"):
        Session("default", record=file, resume=True)


@pytest.fixture
def two(file: Path) -> Iterator[list[Recorder]]:
    ran(file, APPS[:1])
    both = [Recorder(file, "demo", "one", resume=True) for _ in range(2)]
    yield both
    for recorder in both:
        recorder.close()


def test_processes_of_one_run_take_the_answers_before_it_and_append_to_one_file(
    file: Path, two: list[Recorder]
) -> None:
    third = Recorder(file, "demo", "one", resume=True)
    for place, recorder in enumerate([*two, third]):
        page = said(200, f'[{{"id": "{place}"}}]')
        assert Asking(Script(page), saved=recorder).fetch().data == [{"id": str(place)}]
    third.close()
    assert paths(file) == ["/apps/my-app/dynos", "/apps", "/apps", "/apps"]
    assert [run["run"] for run in runs(file)][1:] == ["one"]
