"""`--resume`: a run goes on with its recording, whatever ended the run before, and asks only for what is missing."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from run_with import run_with
from scripted_api import OK, Asking, Script, said

from kosmo_kernel import snapshot
from kosmo_kernel.client import resumed_recording, unfinished_recordings
from kosmo_kernel.client.cassette import SERVERS, RecordedServerRequest
from kosmo_kernel.client.player import Player
from kosmo_kernel.client.recorder import Recorder
from kosmo_kernel.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.demo.company import company
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import ApiError, SettingsError
from kosmo_kernel.run import recording
from kosmo_kernel.session import Session
from kosmo_kernel.settings.config_file import change
from kosmo_kernel.text.times import ISO_FORMAT

AUDIT = "return parallel.map({ ... }, function(name) return #heroku.list_dynos(name) end)"
APPS = ["my-app", "booking-api", "customs-forms", "courier-app"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def answers(file: Path) -> list[str]:
    return [line["path"] for line in lines(file) if "path" in line]


def ran(file: Path, apps: list[str], source: str = AUDIT) -> tuple[Any, str]:
    """Return the value of a run that goes on with a recording, and what it says about that."""
    with Session("demo", record=file, resume=True) as session:
        result = run_with(session, source, args=apps)
    return result.value, result.notes[-1]


def aged(file: Path, hours: float) -> None:
    """Make a recording older."""
    before = (datetime.now(UTC) - timedelta(hours=hours)).strftime(ISO_FORMAT)
    changed = [line | {key: before for key in ("at", "recorded") if key in line} for line in lines(file)]
    file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in changed), encoding="utf-8")


def test_a_run_goes_on_after_an_end_at_any_byte(file: Path) -> None:
    whole, _ = ran(file, APPS)
    content = file.read_bytes()
    starts = [place + 1 for place, byte in enumerate(content) if byte == ord("\n")]
    for size in (0, 5, 30, *(start + more for start in starts[1:] for more in (-9, -1, 0)), len(content)):
        file.write_bytes(content[:size])
        kept = sum(b'"path"' in line for line in content[:size].split(b"\n")[:-1])
        value, says = ran(file, APPS)

        assert (value, sorted(answers(file))) == (whole, sorted(f"/apps/{app}/dynos" for app in APPS))
        assert (f"{kept} answer" in says, f"{4 - kept} request" in says) == (kept > 0, True)
        with Session(replay=file) as session:
            assert run_with(session, AUDIT, args=APPS).value == whole


def test_an_answer_is_taken_once_and_then_asked_for_again(file: Path) -> None:
    pages = [said(200, json.dumps([{"id": str(number)}])) for number in range(4)]
    for script, times in ((Script(*pages[:2]), 2), (Script(*pages[2:]), 4)):
        cassette = Recorder(file, "default", resume=True)
        asking = Asking(script, cassette=cassette)
        seen = [asking.fetch().data for _ in range(times)]
        cassette.close()

    assert (seen, script.asked) == ([[{"id": number}] for number in "0123"], 2)


@pytest.mark.parametrize("step", [said(500), said(503), said(401), said(429, Retry_After="1"), said(200, '[{"id"')])
def test_what_another_try_may_change_is_asked_again_and_replaced(file: Path, step: Any) -> None:
    cassette = Recorder(file, "default")
    with pytest.raises(ApiError):
        Asking(Script(step), cassette=cassette).fetch()
    cassette.close()
    assert len(lines(file)) == 2
    cassette = Recorder(file, "default", resume=True)
    assert Asking(Script(said(200, '[{"id": "1"}]')), cassette=cassette).fetch().data == [{"id": "1"}]
    cassette.close()

    assert Asking(Script(), cassette=Player(file)).fetch().data == [{"id": "1"}]


def test_no_other_program_changes_a_recording_between_a_look_at_it_and_its_change(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_lock(file: Path, _contents: Any) -> None:
        with file.open("rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)

    ran(file, APPS[:1])
    monkeypatch.setattr(resumed_recording, "check_age", check_lock)
    assert "1 answer taken" in ran(file, APPS[:1])[1]


def test_only_what_was_sent_counts_as_a_request(file: Path) -> None:
    cassette = Recorder(file, "demo", "one", resume=True)
    cassette.note(RecordedServerRequest.of("", SERVERS, {}), {"servers": []})
    Asking(Script(said(200, "[]")), cassette=cassette).fetch()
    cassette.close()

    assert resumed_recording.text_of_run(file, "one") == cassette.summary() == f"1 request recorded in {file}."


def test_nothing_is_written_after_the_end_of_a_recording(file: Path) -> None:
    cassette = Recorder(file, "demo", resume=True)
    cassette.close()
    content = file.read_bytes()
    cassette.note(RecordedServerRequest.of("", SERVERS, {}), {"servers": []})

    assert file.read_bytes() == content


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_asked_again(file: Path, status: int) -> None:
    cassette = Recorder(file, "default", resume=True)
    Asking(Script(said(status)), cassette=cassette).failed()
    cassette.close()
    cassette = Recorder(file, "default", resume=True)
    asking = Asking(api := Script(OK), cassette=cassette)
    assert (len(asking.fetch().data), api.asked) == (2, 1)
    cassette.close()
    assert [line["status"] for line in lines(file) if "status" in line] == [200]


def test_an_answer_that_says_that_a_list_is_empty_is_not_asked_for_again(file: Path) -> None:
    none = said(404, json.dumps({"id": "not_found", "resource": "pipeline_coupling", "message": "No."}))
    for asked in (1, 0):
        cassette = Recorder(file, "default", resume=True)
        asking = Asking(api := Script(none), cassette=cassette)
        assert asking.fetch("list_pipeline_couplings", app_id="my-app").data == []
        cassette.close()
        assert api.asked == asked


def test_answers_that_are_too_old_are_refused_before_anything_is_sent(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(file, APPS[:1])
    aged(file, 30)
    with pytest.raises(SettingsError, match=r"is 30 h 0 min old .* up to an age of 24 h 0 min.* --resume-within|30 h"):
        ran(file, APPS)
    change({("recording", "resume_within"): 40 * 3600})
    assert "1 answer taken" in ran(file, APPS[:1])[1]
    monkeypatch.setenv("KOSMO_RESUME_WITHIN", "3600")
    with pytest.raises(SettingsError, match="up to an age of 1 h 0 min"):
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
    for folder in ("first", "second"):
        with Session("demo", record=file, resume=True) as session:
            begun = snapshot.take(session, file.parent / folder).manifest["begun"]
        if folder == "first":
            aged(file, 5)
    assert begun == lines(file)[0]["recorded"]


def test_fingerprints_of_another_key_are_asked_for_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "return list.map(heroku.list_config_vars({ app_id = { ... } }), 'fingerprint')"
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    values = []
    with serve(DemoApi(company())) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        for key, apps in (("a" * 32, APPS[:1]), ("b" * 32, APPS[:2]), ("b" * 32, APPS[:2])):
            monkeypatch.setenv("KOSMO_FINGERPRINT_KEY", key)
            with Session("default", record=file, resume=True) as session:
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
    with pytest.raises(SettingsError, match="is no recording, and only a recording is replaced"):
        Session("demo", record=file, resume=resume)
    assert file.read_text(encoding="utf-8") == content
    assert list(file.parent.iterdir()) == [file]


def test_a_recording_of_another_version_is_not_written_over(file: Path) -> None:
    ran(file, APPS[:1])
    content = file.read_bytes().replace(b'"cassette":1', b'"cassette":2')
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="its version is 2"):
        ran(file, APPS[:1])
    assert file.read_bytes() == content


def test_a_recording_of_another_account_is_not_gone_on_with(file: Path) -> None:
    ran(file, APPS[:1])
    with pytest.raises(SettingsError, match="a recording of the account `demo`, and this run uses `default`"):
        Session("default", record=file, resume=True)


@pytest.fixture
def left_behind(file: Path) -> Path:
    """Return what a killed process that recorded without `--resume` leaves: a file beside, with half a line."""
    ran(file, APPS[:2])
    part = file.with_name(f".{file.name}.abc.part")
    part.write_bytes(file.read_bytes()[:-20])
    file.unlink()
    return part


def test_a_recording_that_a_killed_process_left_beside_its_file_is_gone_on_with(file: Path, left_behind: Path) -> None:
    assert "1 answer taken" in ran(file, APPS[:2])[1]
    assert list(file.parent.iterdir()) == [file]


def test_a_recording_under_way_is_left_alone(file: Path, left_behind: Path) -> None:
    with left_behind.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "taken" not in ran(file, APPS[:2])[1]
    assert left_behind.exists()


def test_a_recording_that_another_program_moves_into_place_meanwhile_is_gone_on_with(
    file: Path, left_behind: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def moved_by_another(_file: Path) -> Iterator[None]:
        left_behind.rename(file)
        yield

    monkeypatch.setattr(unfinished_recordings, "moving", moved_by_another)
    assert "1 answer taken" in ran(file, APPS[:2])[1]


def test_a_recording_that_another_program_is_moving_into_place_is_waited_for_and_then_refused(
    file: Path, left_behind: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished_recordings, "LOCK_TIMEOUT_SECONDS", 0.0)
    with (
        unfinished_recordings.moving(file),
        pytest.raises(SettingsError, match=r"Another program has been writing .*audit\.jsonl"),
    ):
        Recorder(file, "demo", resume=True)


@pytest.mark.parametrize("whose", ["of another user", "behind a link"])
def test_what_another_user_may_have_put_beside_a_recording_is_left_alone(
    file: Path, left_behind: Path, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    if whose == "behind a link":
        left_behind.symlink_to(left_behind.rename(file.with_name("other.jsonl")))
    else:
        monkeypatch.setattr(os, "geteuid", lambda: left_behind.stat().st_uid + 1)
    assert "taken" not in ran(file, APPS[:2])[1]
    assert left_behind.exists()


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
        assert Asking(Script(page), cassette=recorder).fetch().data == [{"id": str(place)}]
    third.close()
    assert answers(file) == ["/apps/my-app/dynos", "/apps", "/apps", "/apps"]
    assert sum("resumed" in line for line in lines(file)) == 1


def test_half_a_line_of_a_killed_process_is_cut_off_by_the_next_that_writes(file: Path, two: list[Recorder]) -> None:
    with file.open("ab") as opened:
        opened.write(b'{"integration":"hero')
    Asking(Script(said(200, "[]")), cassette=two[0]).fetch()

    assert answers(file) == ["/apps/my-app/dynos", "/apps"]


def test_the_users_settings_name_the_recording_of_notebooks(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change({("recording", "notebooks"): str(file), ("recording", "resume"): True})
    for _ in range(2):
        with Session("demo", notebook=True) as session:
            notes = run_with(session, AUDIT, args=APPS[:1]).notes
        recording._recorders.pop(str(file)).close()  # as when the kernel ends
        monkeypatch.delenv("KOSMO_RECORD_RUN")
    with Session("demo") as session:
        assert not session.recording.is_recording

    assert "1 answer taken from" in notes[-1]
    with pytest.raises(SettingsError, match="full path"):
        change({("recording", "notebooks"): "audit.jsonl"})
