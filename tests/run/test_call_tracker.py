"""The calls of a run handle the answers that arrive, also those that come too late."""

from __future__ import annotations

from kosmo_kernel.client.call import CallHandle, Reply
from kosmo_kernel.lua.host import CallRequest
from kosmo_kernel.lua.interrupts import Interruptible
from kosmo_kernel.results.result import Result
from kosmo_kernel.run.call_tracker import CallTracker
from kosmo_kernel.run.options import NO_FRONTEND
from kosmo_kernel.run.output import RunOutput
from kosmo_kernel.run.permission_gate import PermissionGate
from kosmo_kernel.run.services import ServiceCall, Services


class HeldServices(Services):
    """The services, with calls that end only when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[CallHandle] = []

    def begin(self, bound_call: ServiceCall, handle: CallHandle) -> None:
        self.begun.append(handle)


def test_what_comes_with_an_answer_is_shown_only_if_the_script_still_waits_for_it() -> None:
    services, result = HeldServices(), Result(account="demo")
    output = RunOutput(result, NO_FRONTEND, tuple, Interruptible())
    gate = PermissionGate(result, lambda _question: None)
    tracker = CallTracker(lambda: services, lambda *_: None, result, gate, output)  # type: ignore[arg-type]
    for number in (1, 2):
        tracker.prepare(CallRequest("heroku.list_apps", None, {}, [], None)).begin(number)

    tracker.cancel(1)
    for number, handle in enumerate(services.begun, 1):
        handle.on_result(Reply([number], notes=[f"a note of {number}"], shown=[("markdown", b"of %d" % number)]))

    assert tracker.answers(1) == [(1, [1]), (2, [2])]
    assert [one.bundle["text/plain"] for one in result.displays] == ["of 2"]
    assert tracker.end() == (["a note of 2"], [])
    assert [call.status for call in result.calls] == ["dropped", "ok"]
