"""The time of all checks, against the time of asking the lists that they need once, one after the other.

    python benchmarks/checks.py [--apps 500] [--latency 50]

The account is the demo's API on a port of this machine, in a process of its own. A first run of the checks notes which
calls they make; a fresh session then makes each of these calls once; a further run of the checks is measured against
it. All three run in this process, so the ratio does not depend on the machine. The last line is the demo account in the
same process, without a network.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kosmo_kernel.calls.provider import ServiceCall
from kosmo_kernel.calls.shared_services import SharedServices
from kosmo_kernel.catalogue import CHOICE
from kosmo_kernel.checks.report import QuestionReport
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.client.call import CallHandle
from kosmo_kernel.questions.discovery import shipped_checks
from kosmo_kernel.session import Session

MAX_RATIO = 1.1
MAX_CPU_SECONDS = 60.0
MAX_DEMO_SECONDS = 5.0


class NotingServices(SharedServices):
    """Services that note each call once: its function, its arguments, and the items of its list argument."""

    calls: dict[tuple[str, str], dict[str, Any]] = {}  # shared by all instances

    def begin(self, bound_call: ServiceCall, handle: CallHandle) -> None:
        """Note a call, and make it."""
        if bound_call.calls:  # none for an empty list argument
            arguments = {key: value for key, value in bound_call.calls[0].items() if key != CHOICE}
            if many := bound_call.fan_out_argument:
                arguments[many] = [call[many] for call in bound_call.calls]
            self.calls.setdefault((bound_call.name, repr(arguments)), arguments)
        super().begin(bound_call, handle)


@contextmanager
def noting() -> Iterator[dict[tuple[str, str], dict[str, Any]]]:
    """Let the checks note their calls within the block."""
    original = Session.shared_services

    def shared_services(self: Session, today: Any, **options: Any) -> SharedServices:
        return NotingServices(self.services(), today, **options)

    Session.shared_services = shared_services  # type: ignore[method-assign]
    try:
        yield NotingServices.calls
    finally:
        Session.shared_services = original  # type: ignore[method-assign]


@contextmanager
def served(apps: int, latency: int) -> Iterator[None]:
    """Serve the demo's API in another process, and make it the default account."""
    command = [sys.executable, "-m", "kosmo_kernel", "demo:serve", "--apps", str(apps), "--latency", str(latency)]
    with subprocess.Popen([*command, "--budget", "off"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for _ in range(3):
            match = re.fullmatch(r"(\w+)=(.*)\n", server.stdout.readline())
            assert match is not None
            os.environ[match[1]] = match[2]
        try:
            yield
        finally:
            server.terminate()


def ask_once(calls: dict[tuple[str, str], dict[str, Any]]) -> float:
    """Make each call once, one after the other; return the seconds that this takes."""
    started = time.perf_counter()
    with Session() as session:
        for (name, _), arguments in calls.items():
            session.call(name, arguments)
    return time.perf_counter() - started


def timed_checks(account: str | None = None) -> tuple[QuestionReport, float, float]:
    """Run all checks; return the report, the seconds, and those of processor time with the Lua processes."""
    started, before = time.perf_counter(), os.times()
    report = run_questions(shipped_checks(), account)
    after = os.times()
    cpu = sum(after[:4]) - sum(before[:4])
    return report, time.perf_counter() - started, cpu


def main() -> None:
    """Print the ratio, and fail if a bound is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", type=int, default=500)
    parser.add_argument("--latency", type=int, default=50, metavar="MS")
    options = parser.parse_args()
    with served(options.apps, options.latency):
        with noting() as calls:
            timed_checks()
        seconds_once = ask_once(calls)
        report, seconds, cpu = timed_checks()
    requests = report.cost.requests if report.cost else 0
    unread = [f"{result.question.name}: {result.reason}" for result in report.not_checked]
    print(f"{len(calls)} calls once, one after the other: {seconds_once:.1f} s")
    print(f"{len(report.results)} checks: {seconds:.1f} s, {requests:,} requests, {cpu:.1f} s of processor time")
    print(f"ratio {seconds / seconds_once:.2f} (at most {MAX_RATIO})", *unread, sep="\n")
    report, demo_seconds, _ = timed_checks("demo")
    print(f"the demo account in this process: {demo_seconds:.2f} s (at most {MAX_DEMO_SECONDS:g})")
    if seconds > MAX_RATIO * seconds_once or cpu > MAX_CPU_SECONDS or demo_seconds > MAX_DEMO_SECONDS or unread:
        sys.exit(1)


if __name__ == "__main__":
    main()
