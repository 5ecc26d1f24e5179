"""The calls of a run: answers that arrive too late, refusals that are collected, and how few steps a call takes."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location

import pytest
from altered_api import without
from repository import ROOT

from kosmo_kernel.calls.call_tracker import CallTracker
from kosmo_kernel.calls.interruptible import Interruptible
from kosmo_kernel.calls.output import NO_FRONTEND, RunOutput
from kosmo_kernel.calls.provider import ServiceCall
from kosmo_kernel.calls.recording import RecordingMode
from kosmo_kernel.calls.services import Services
from kosmo_kernel.client.call import CallHandle, CallRequest, Reply
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import RefusedError
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN
from kosmo_kernel.results import Result
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options


class HeldServices(Services):
    """The services, with calls that end only when a test says so."""

    def __init__(self) -> None:
        super().__init__(RecordingMode("demo"))
        self.begun: list[CallHandle] = []

    def begin(self, bound_call: ServiceCall, handle: CallHandle) -> None:
        self.begun.append(handle)


def test_what_comes_with_an_answer_is_shown_only_if_the_script_still_waits_for_it() -> None:
    services, result = HeldServices(), Result(account="demo")
    output = RunOutput(result, NO_FRONTEND, tuple, Interruptible())
    tracker = CallTracker(lambda: services, lambda *_: None, result, output)  # type: ignore[arg-type]
    for number in (1, 2):
        tracker.prepare(CallRequest("heroku.list_apps", None, {}, [], None)).begin(number)

    tracker.cancel(1)
    for number, handle in enumerate(services.begun, 1):
        handle.on_result(Reply([number], notes=[f"a note of {number}"], displays=[("markdown", b"of %d" % number)]))

    assert tracker.answers(1) == [(1, [1]), (2, [2])]
    assert [one.bundle["text/plain"] for one in result.displays] == ["of 2"]
    tracker.end()
    assert (result.notes[1:], result.unread) == (["a note of 2"], [])
    assert [call.status for call in result.calls] == ["dropped", "ok"]


COLLECTED = 'return heroku.list_spaces({ errors = "collect" })'


def test_a_refused_list_is_empty_and_its_failure_is_the_second_value(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(without("/spaces")) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        result = session.run(COLLECTED)
        with pytest.raises(RefusedError):
            session.run("return heroku.list_spaces()")
    rows, failures = result.values

    assert list(rows) == []
    assert [(one["type"], one["status"], one["id"]) for one in failures] == [("refused", 403, "forbidden")]
    assert [call.status for call in result.calls] == ["ok"]
    assert result.unread == [f"list_spaces could not be read: {failures[0]['message']}"]


def test_a_list_that_could_be_read_has_no_failures_and_a_dry_run_has_both_values() -> None:
    with Session("demo") as session:
        rows, failures = session.run(COLLECTED).values
        planned = session.execute(COLLECTED.replace("return ", "return #"), Options(dry_run=True)).planned
        assert list(rows) == list(session.run("return heroku.list_spaces()").value)
    assert (len(rows) > 0, list(failures), len(planned)) == (True, [], 1)


def test_a_call_passes_few_files_and_functions_and_changes_its_form_at_most_eight_times() -> None:
    spec = spec_from_file_location("call_path", ROOT / "benchmarks" / "call_path.py")
    assert spec
    assert spec.loader
    call_path = module_from_spec(spec)
    spec.loader.exec_module(call_path)

    profile = call_path.profile_call()

    assert [(name, count) for name, count, maximum in call_path.counts(profile) if count > maximum] == []
    assert (profile.forms()[0], profile.forms()[-1]) == ("CallRequest", "Records")
    assert len(profile.forms()) - 1 <= 8
