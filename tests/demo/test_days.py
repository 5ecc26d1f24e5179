"""Days that a seed has planned for the databases of a company, behind answers of which any part may be wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from random import Random
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from kosmo_kernel.client.retry import RetryPolicy
from kosmo_kernel.demo import NOW
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.session import Session

Record = dict[str, Any]
_PATH = re.compile(r"/data/maintenances/v1/(?:apps/)?([0-9a-f-]+)")
_NOTHING, _OFTEN = 0.3, 0.7  # how often nothing is planned, and how often a field is there
_SERVICES = ("heroku-postgresql:", "heroku-redis:", "heroku-kafka:")
_STATUSES = ("preparing", "ready", "pending", "running", "unknown", "a word of tomorrow", None)
# What goes wrong with an answer, and a part of what is said where nobody can read it. Status 503 is asked again.
FAULTS = ("404", "503, then 200", "no uuid")
UNREAD = {
    "403": "403 forbidden",
    "500, then 200": "500",
    "no add-on": "one of no known add-on",
    "no time": "a day that is no time",
}


def written(moment: datetime, draw: Random) -> str:
    """Return a moment in one of the forms of the API."""
    forms = ("%Y-%m-%d %H:%M:%S +0000", "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.125Z")
    return moment.strftime(draw.choice(forms))


class PlannedApi:
    """The look-alike of a company of which a seed plans the maintenances, and spoils their answers.

    Attributes:
        days: the day of each database that has one that can be read, by name.
        unread: a part of the reason, by the name of each database whose day nobody can read.
    """

    def __init__(self, apps: int, seed: int, days: int) -> None:
        shown = company(apps, seed)
        self._api, self._draw, self._left = DemoApi(shown, capacity=10**9), Random(f"days/{seed}"), days
        self._answers: dict[str, Record] = {}
        self._faults: dict[str, str] = {}
        self.days: dict[str, datetime] = {}
        self.unread: dict[str, str] = {}
        databases = [addon for addon in shown.addons if addon["plan"]["name"].startswith(_SERVICES)]
        owners = list(dict.fromkeys(addon["app"]["id"] for addon in databases))
        self._draw.shuffle(owners)
        for owner in owners:
            self._plan(owner, [addon for addon in databases if addon["app"]["id"] == owner])

    def _plan(self, owner: str, addons: list[Record]) -> None:
        fault = self._faults[owner] = self._draw.choice(("",) * 8 + FAULTS + tuple(UNREAD))
        self._answers[owner] = {"maintenances": [self._row(addon, fault) for addon in addons]}
        if fault in UNREAD:
            self.unread |= {addon["name"]: UNREAD[fault] for addon in addons}

    def _row(self, addon: Record, fault: str) -> Record:
        """Return a maintenance, with a day that counts unless a fault hides it, no day is left, or by chance."""
        of_addon = {"uuid": addon["id"], "name": addon["name"], "color": "red"}
        row: Record = {"addon": of_addon, "app": {"name": None}, "new": [{"deep": 1}], "duration_seconds": "12"}
        if fault == "no add-on":
            return row | {"required_by": written(_day(self._draw), self._draw), "addon": self._draw.choice([None, {}])}
        if fault == "no time":
            return row | {"status": "ready", "required_by": self._draw.choice(("soon", "2026-13-40", "in a week"))}
        if fault in UNREAD or fault == "404" or not self._left or self._draw.random() < _NOTHING:
            over = {"status": "completed", "required_by": written(_day(self._draw), self._draw)}
            return row | self._draw.choice((over, {"status": "none", "required_by": None}))
        if fault == "no uuid":
            del of_addon["uuid"]
        return row | self._planned(addon["name"])

    def _planned(self, name: str) -> Record:
        draw, day = self._draw, _day(self._draw)
        self._left -= 1
        self.days[name] = day
        status: Record = {"status": draw.choice(_STATUSES)} if draw.random() < _OFTEN else {}
        if draw.random() < _OFTEN:
            return status | {
                "required_by": written(day, draw),
                "scheduled_for": draw.choice((None, written(day, draw))),
            }
        return status | {"scheduled_for": written(day, draw)}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request: as the look-alike does, but for maintenances."""
        match = _PATH.fullmatch(environ["PATH_INFO"])
        if not match:
            return self._api(environ, start_response)
        status, body = self._said(match[1])
        sent = json.dumps(body).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(sent)))])
        return [sent]

    def _said(self, owner: str) -> tuple[str, Record]:
        fault = self._faults.get(owner, "404")
        if fault.endswith("200"):
            self._faults[owner] = ""
        if fault[:3].isdecimal():
            words = HTTPStatus(int(fault[:3])).phrase
            return f"{fault[:3]} {words}", {"id": words.lower().replace(" ", "_"), "message": "It went wrong."}
        return "200 OK", self._answers[owner]


def _day(draw: Random) -> datetime:
    moment = datetime.fromisoformat(NOW) + timedelta(seconds=draw.randrange(3600, 200 * 86400))
    return moment.astimezone(UTC)


@pytest.fixture
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    pause = RetryPolicy.pause
    monkeypatch.setattr(RetryPolicy, "pause", lambda *args: None if pause(*args) is None else 0.0)


@pytest.mark.usefixtures("_without_pauses")
@pytest.mark.parametrize(
    ("apps", "days", "seed"),
    [(40, 16, 1), *(pytest.param(250, 100, seed, marks=pytest.mark.full) for seed in range(1, 9))],
)
def test_each_planned_day_is_there_in_order_and_none_is_invented(
    apps: int, days: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = PlannedApi(apps, seed, days)
    with serve(api) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        with Session() as session:
            rows = session.run(f'time.set_now("{NOW}"); return heroku.tables.deadlines()').value.rows
    databases = [row for row in rows if row["kind"] == "database maintenance"]
    dated = [(row["what"], row["day"], row["days_left"], row["forced"]) for row in databases if row["day"]]
    today = datetime.fromisoformat(NOW)
    expected = [
        (name, f"{day:%Y-%m-%d}", (day - today).days, True)
        for name, day in sorted(api.days.items(), key=lambda item: (item[1].replace(microsecond=0), item[0]))
    ]
    unread = {row["what"]: row["unread"] for row in databases if row["unread"]}

    assert len(expected) == days
    assert dated == expected
    assert unread.keys() == api.unread.keys()
    assert {name: reason for name, reason in unread.items() if api.unread[name] not in reason} == {}
    all_days = [row["day"] for row in rows if row["day"]]
    assert all_days == sorted(all_days)
