"""A session that asks a large account for hours keeps its memory, and asks again when its answers are old."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from kosmo_command import environment

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

MINUTES = 10  # between two rounds of tables
MOST_GROWTH = 70 << 20  # bytes of memory after the first round
TABLES = ("apps", "addons", "domains", "formation", "people", "pipelines", "costs", "access", "stages", "certificates")
# Ask all tables in each round, with a clock that is ahead by the minutes of the rounds before.
PROGRAM = """
import json, sys
from pathlib import Path
from kosmo_kernel.session import Session
from kosmo_kernel.text import Moment

def memory():
    return int(next(line for line in Path("/proc/self/status").open() if line.startswith("VmRSS")).split()[1]) << 10

now, ahead = Moment.now, [0.0]
Moment.now = lambda: Moment(now().clock + ahead[0], now().seconds + ahead[0])
rounds, seconds, tables = json.loads(sys.argv[1])
sizes = []
with Session() as session:
    for _ in range(rounds):
        for table in tables:
            session.run(f"return #heroku.tables.{table}()")
        ahead[0] += seconds
        sizes.append(memory())
print(json.dumps(sizes))
"""


class CountingApi:
    """The look-alike, which counts its requests for the list of apps."""

    def __init__(self, apps: int) -> None:
        self._api, self.lists = DemoApi(company(apps), capacity=10**9), 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.lists += environ["PATH_INFO"] == "/apps" and "]" not in environ.get("HTTP_RANGE", "")
        return self._api(environ, start_response)


@pytest.mark.skipif(sys.platform != "linux", reason="memory as Linux tells it")
@pytest.mark.parametrize(("apps", "rounds"), [(5, 3), pytest.param(500, 12, marks=pytest.mark.full)])
def test_a_session_of_hours_asks_each_ten_minutes_and_keeps_its_memory(apps: int, rounds: int) -> None:
    api = CountingApi(apps)
    with serve(api) as served:
        env = {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN, "KOSMO_DEMO": ""}
        asked = json.dumps([rounds, MINUTES * 60 + 1, TABLES])
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, asked], stdout=subprocess.PIPE, text=True, env=environment(env), check=True
        )
    sizes = json.loads(done.stdout)
    assert api.lists == rounds
    assert max(sizes) - sizes[0] <= MOST_GROWTH
