"""Sessions that answer from a snapshot: what the service said when it was taken, and an error for everything else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from altered_api import without

from kosmo_kernel import archive, snapshot
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import KosmoError, NotRecordedError, RefusedError, SettingsError, UnknownNameError
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

# Lists of all apps and of one, by each of its names; the newest; those of lists of the whole account; and records.
CALLS = (
    "list_apps()",
    "list_dynos({ app_id = heroku.list_apps() })",
    'list_dynos({ app_id = "my-app" })',
    'list_dynos({ app_id = heroku.get_app("my-app").id })',
    "list_releases({ app_id = heroku.list_apps(), newest = 2 })",
    "list_builds({ app_id = heroku.list_apps(), newest = 1 })",
    "list_addons({ app_id = heroku.list_apps() })",
    'list_addons({ app_id = "my-app" })',
    "list_pipeline_couplings()",
    "list_pipeline_couplings({ app_id = heroku.list_apps() })",
    "list_pipeline_couplings({ app_id = heroku.list_pipeline_couplings()[1].app.id })",
    "list_pipeline_couplings({ pipeline_id = heroku.list_pipelines()[1].name })",
    'list_addon_attachments({ app_id = "my-app" })',
    "list_config_vars({ app_id = heroku.list_apps() })",
    "list_log_drains({ app_id = heroku.list_apps() })",
    "list_log_drains({ addon_id = heroku.list_account_addons() })",
    "list_stack_dates()",
    "get_pipeline({ pipeline_id = heroku.list_pipelines()[1].name })",
    'get_formation({ app_id = "my-app", process_type = "web" })',
    "get_current_user()",
)


@pytest.fixture
def partial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the archive of a snapshot of a token that may read neither the dynos of my-app nor any domain."""
    file = tmp_path / "partial.kosmo"
    with serve(without("/my-app/dynos", "/domains")) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        snapshot.take(session, file)
    return file


def values_of(session: Session) -> Iterator[Any]:
    for call in CALLS:
        yield session.run(f"return heroku.{call}").value


def error_of(file: Path, code: str) -> KosmoError:
    with Session(from_archive=file) as session, pytest.raises(KosmoError) as raised:
        session.run(f"return {code}")
    return raised.value


def test_a_snapshot_answers_what_the_service_answered(everything: Path, session: Session) -> None:
    with Session(from_archive=everything) as saved:
        answers = dict(zip(CALLS, values_of(saved), strict=True))

    assert answers == dict(zip(CALLS, values_of(session), strict=True))
    assert [call for call, value in answers.items() if not value] == []


@pytest.mark.full
def test_every_saved_list_is_answered(everything: Path) -> None:
    saved = archive.SavedSnapshot(everything)
    with Session(from_archive=everything) as session:
        for name, about in saved.manifest.tables.items():
            if not about.by:
                answer = session.call(about.function, {}).values[0]
                assert saved.records(name) == (answer if isinstance(answer, list | Records) else [answer])


def test_a_session_tells_the_time_and_the_account_of_its_snapshot(tmp_path: Path, session: Session) -> None:
    report = snapshot.take(session, tmp_path / "before.kosmo")
    with Session(from_archive=tmp_path / "before.kosmo") as saved:
        dynos = "heroku.list_dynos({ app_id = heroku.list_apps() })"
        result = saved.run(f"return {dynos}")

        assert (f"{result.started:%Y-%m-%dT%H:%M:%SZ}", result.account) == (report.manifest.begun, "demo")
        assert result.value == session.run(f"return {dynos}").value
        assert result.notes[-1].startswith(
            f"Answered from the snapshot {tmp_path / 'before.kosmo'} of the account demo"
        )


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("heroku.list_spaces()", "no list `spaces`"),
        ("heroku.list_formation({ app_id = heroku.list_apps() })", "no list `formation`"),
        ('heroku.list_stacks({ app_id = "my-app" })', "nothing that answers this call"),
        ('heroku.list_dynos({ app_id = "nope" })', "nothing of `app_id` nope"),
        ('heroku.list_dynos({ app_id = { "my-stage", "nope" }, errors = "collect" })', "nothing of `app_id`"),
        ('heroku.get_app("nope")', "nothing of `app_id` nope"),
        ('heroku.get_user("me@example.com")', "nothing that answers this call"),
    ],
)
def test_what_a_snapshot_does_not_have_is_an_error(partial: Path, code: str, says: str) -> None:
    error = error_of(partial, code)
    assert isinstance(error, NotRecordedError)
    assert says in error.message


def test_what_could_not_be_read_is_the_same_error_again(partial: Path) -> None:
    first, *others = archive.SavedSnapshot(partial).manifest.failures
    error = error_of(partial, 'heroku.list_dynos({ app_id = "my-app" })')
    assert isinstance(error, RefusedError)
    assert (error.status, error.id, first["message"]) == (403, "forbidden", error.message.partition(": ")[2])

    with Session(from_archive=partial) as session:
        result = session.run('return heroku.list_dynos({ app_id = heroku.list_apps(), errors = "collect" })')
        assert [(one["app_id"], one["message"]) for one in result.failures] == [("my-app", first["message"])]
    domains = error_of(partial, 'heroku.list_domains({ app_id = "booking-api" })')
    assert (type(domains), others[0]["table"]) == (RefusedError, "domains")


def test_a_snapshot_has_one_account_and_is_no_recording(partial: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="is a snapshot of the account default; it has no account `other`"):
        Session("other", from_archive=partial)
    with pytest.raises(SettingsError, match="so there is nothing to record"):
        Session(from_archive=partial, record=tmp_path / "run.jsonl")
    with pytest.raises(SettingsError, match="nowhere"):
        Session(from_archive=tmp_path / "nowhere")
