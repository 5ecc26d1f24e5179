"""The largest answers and reports: many at once take little memory, and what is too large is one error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from full_matrix import full_except
from scripted_api import Asking, Script, said

from kosmo_kernel.client.transport import LARGE_BODY_VALUES, MAX_BODY_VALUES
from kosmo_kernel.errors import ApiError, LimitError

MANY_MAX_PEAK_BYTES = 1 << 30
TEAM = "01234567-89ab-cdef-0123-456789abcdef"


# Keep 32 answers that are asked for at once, and print the peak of memory in KiB.
MANY = f"""
import sys, threading
sys.path.insert(0, {str(Path(__file__).parents[1] / "support")!r})
from kosmo_kernel.errors import KosmoError
from scripted_api import Asking, Script, said
asking, kept = Asking(Script(said(200, eval(sys.argv[1])))), []
def ask():
    try: kept.append(asking.fetch())
    except KosmoError as error: kept.append(error.limit)
threads = [threading.Thread(target=ask) for _ in range(32)]
for thread in threads: thread.start()
for thread in threads: thread.join()
# Its own peak: `getrusage` has that of the process which started it, if that is higher.
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(kept), kept.count("values_limit"), peak)
"""
LARGEST = {
    "large objects": f"""b'[{{"v":[' + b'{{"a":1}},' * {MAX_BODY_VALUES // 2 - 5} + b'0]}}]'""",
    "objects": f"""b'[{{"v":[' + b'{{"a":1}},' * {LARGE_BODY_VALUES // 2 - 5} + b'0]}}]'""",
    "objects and a text": f"""b'[{{"v":[' + b'{{"a":1}},' * {LARGE_BODY_VALUES // 2 - 5} + b'"'"""
    """ + b'x' * 7_500_000 + b'"]}]'""",
    "texts": """b'[{"v":"' + b'x' * 8_000_000 + b'"}]'""",
    "texts with emojis": """b'[{"v":"' + b'x' * 3_000_000 + b'\\xf0\\x9f\\x98\\x80"}]'""",
}


@pytest.mark.claim("budget-answers")
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("name", full_except(LARGEST, "objects"))
def test_32_of_the_largest_answers_at_once_take_less_than_a_gigabyte(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", MANY, LARGEST[name]], capture_output=True, text=True, check=True)
    count, refused, peak = map(int, done.stdout.split())
    assert (count, refused) == (32, 27 if name == "large objects" else 0)
    assert peak << 10 < MANY_MAX_PEAK_BYTES


def usage(periods: list[str], field: str, apps: int) -> str:
    """Return the report of a team that has some apps."""
    used = {"addons": 250.0, "data": 1200.5, "dynos": 312.75, "partner": 0}
    rows = [used | {"app_name": f"customer-production-{number:05}"} for number in range(apps)]
    team = {"id": TEAM, "name": "larkmoor", "space": 0, **used}
    return json.dumps([team | {field: period, "apps": rows} for period in periods], separators=(",", ":"))


REPORTS = {
    "twelve months": ("list_team_monthly_usage", "month", [f"2025-{month:02}" for month in range(1, 13)]),
    "two weeks": ("list_team_daily_usage", "date", [f"2025-01-{day:02}" for day in range(1, 15)]),
}


@pytest.mark.parametrize(("function", "field", "periods"), REPORTS.values(), ids=REPORTS)
def test_a_report_of_the_usage_of_5000_apps_is_complete(function: str, field: str, periods: list[str]) -> None:
    body = usage(periods, field, 5_000)
    period = {"start": periods[0], "end": periods[-1]}
    rows = Asking(Script(said(200, body))).fetch(function, team=TEAM, **period).data
    assert rows == json.loads(body)


def test_a_report_that_is_too_long_says_to_ask_for_a_shorter_period() -> None:
    periods = [f"2025-01-{day:02}" for day in range(1, 32)]
    asking = Asking(Script(said(200, usage(periods, "date", 5_000))))
    with pytest.raises(ApiError, match=r"it has more than 8 MiB\. Ask for a shorter period\. If it stays so"):
        asking.fetch("list_team_daily_usage", team=TEAM, start=periods[0], end=periods[-1])


@pytest.mark.claim("budget-answers")
def test_the_large_responses_of_one_run_have_a_budget() -> None:
    values = MAX_BODY_VALUES - 10
    script = Script(said(200, '[{"id":"1","v":[' + "0," * (values - 4) + "0]}]"))
    asking = Asking(script)
    for _ in range(5):
        asking.fetch()
    with pytest.raises(LimitError, match=r"have more than 5,000,000 values \(values_limit\)\. Ask for them in several"):
        asking.fetch()
    Asking(script).fetch()  # another run
