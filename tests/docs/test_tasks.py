"""The tasks of the guide of that name: each is short, and what it answers about 250 apps is what the API says."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from kosmo_command import kosmo, started
from python_shell import run, shells
from repository import ROOT

from kosmo_kernel import docs

TASK = re.compile(r"^## (.+?)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT = {"tom.ashby@postbox.example", "lena@pixelbarn.example"}
Json = dict[str, Any]


def blocks(title: str) -> list[tuple[str, str]]:
    """Return the blocks of a task, or those before the first one: language and text."""
    page = docs.read("tasks")
    return BLOCK.findall(dict(TASK.findall(page))[title] if title else page.partition("\n## ")[0])


def test_there_are_fifteen_tasks_of_at_most_eight_lines() -> None:
    titles = [title for title, _ in TASK.findall(docs.read("tasks"))]
    code = [text for title in titles for lang, text in blocks(title) if lang != "text"]
    assert (len(titles), [text for text in code if len(text.replace("\n\n", "\n").splitlines()) > 8]) == (15, [])


class Api:
    """The records of the look-alike as plain HTTP has them, all pages."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.heroku+json; version=3"}
        self.client = httpx.Client(base_url=url, headers=headers, timeout=60)
        self.apps: list[Json] = self.all("/apps")
        self.names = {app["id"]: app["name"] for app in self.apps}

    def all(self, path: str) -> list[Json]:
        records, page = list[Json](), ""
        while True:
            answer = self.client.get(path, headers={"Range": page} if page else {}).raise_for_status()
            records += answer.json()
            if not (page := answer.headers.get("Next-Range", "")):
                return records

    def of_apps(self, things: str) -> list[tuple[Json, Json]]:
        """Return the records of all apps, each with its app."""
        with ThreadPoolExecutor(16) as pool:
            lists = pool.map(lambda app: self.all(f"/apps/{app['id']}/{things}"), self.apps)
        return [(app, record) for app, records in zip(self.apps, lists, strict=True) for record in records]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    server = started("demo:serve", "--apps", "250", "--latency", "80", "--budget", "off")
    assert server.stdout is not None
    given = dict(server.stdout.readline().strip().split("=", 1) for _ in range(2))
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    one = Api(given["HEROKU_API_URL"], given["HEROKU_API_KEY"])
    yield one
    one.client.close()
    server.kill()
    server.communicate()


class Notebook:
    """The guide's cells, run in one notebook, and what the last cell of a task gives."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.answer("")

    def answer(self, title: str) -> Any:
        result = None
        for lang, code in blocks(title):
            if lang == "python" or code.startswith("%%kosmo_lua"):
                done = run(self.shell, code)
                done.raise_error()
                result = done.result if lang == "python" else result
        return result


@pytest.mark.full
def test_what_the_tasks_answer_about_250_apps_is_what_the_api_says(
    api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with shells() as make:
        monkeypatch.delenv("KOSMO_DEMO")
        notebook = Notebook(make())
        ask = notebook.answer

        stacks_of = ask("Stacks and owners").to_dict("index")
        told = {(who, stack): count for who, row in stacks_of.items() for stack, count in row.items() if count}
        assert told == Counter((app["owner"]["email"], app["stack"]["name"]) for app in api.apps)

        addons = {addon["id"]: addon for _, addon in api.of_apps("addons")}
        assert ask("Cost by team").to_dict() == costs_by_team(api, addons)

        certificates = [one for _, one in api.of_apps("sni-endpoints")]
        soon = sorted(one["ssl_cert"]["expires_at"] for one in certificates)
        found = ask("Certificates that end soon")["ssl_cert.expires_at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ").tolist()
        assert found == [day for day in soon if day < "2026-12-20"] != []

        reach = reach_of(api)
        left = ask("What people who left can still access")
        assert Counter(zip(left["email"], left["app"], strict=True)) == Counter(one for one in reach if one[0] in LEFT)

        plans = Counter(addon["plan"]["name"] for addon in addons.values())
        assert ask("Plans and prices of add-ons")["size"].to_dict() == plans

        dynos = api.of_apps("dynos")
        served = {app["id"] for app, dyno in dynos if dyno["type"] == "web"}
        assert set(ask("Apps without a web dyno")["name"]) == {api.names[one] for one in api.names.keys() - served}

        since = (pd.Timestamp(max(dyno["updated_at"] for _, dyno in dynos)) - pd.Timedelta(hours=6)).isoformat()
        assert set(ask("Recent restarts")["id"]) == {one["id"] for _, one in dynos if one["updated_at"] >= since[:19]}

        people = ask("The seats of people in two accounts")["default"]
        seats = Counter(one["user"]["email"] for _, one in api.of_apps("collaborators"))
        persons = {who: count for who, count in seats.items() if not who.endswith("@herokumanager.com")}
        assert {who: count for who, count in people.items() if count} == persons

        ask("A bar chart")
        bars = notebook.shell.ev("__import__('matplotlib.pyplot').pyplot.gca().patches")
        stacks = Counter(app["stack"]["name"] for app in api.apps)
        assert [bar.get_height() for bar in bars] == [count for _, count in stacks.most_common()]

        ask("CSV and Excel")
        written = [pd.read_csv("dynos.csv"), pd.read_excel("dynos.xlsx")]
        assert {frozenset(frame["id"]) for frame in written} == {frozenset(one["id"] for _, one in dynos)}

        assert ask("A file of your own").to_dict() == {"nobody": 250}

        ask("An agent")
        assert "250" in notebook.shell.user_ns["answer"].content[0].text


def reach_of(api: Api) -> set[tuple[str, str]]:
    """Return each person with the name of each app that they reach: by a seat, as owner, or as an admin of the team."""
    reach = {(one["user"]["email"], app["name"]) for app, one in api.of_apps("collaborators")}
    for team in api.all("/teams"):
        admins = [one["email"] for one in api.all(f"/teams/{team['id']}/members") if one["role"] == "admin"]
        own = [app["name"] for app in api.apps if app["team"] and app["team"]["id"] == team["id"]]
        reach |= {(email, name) for email in admins for name in own}
    reach |= {(app["owner"]["email"], app["name"]) for app in api.apps}
    return {(email, name) for email, name in reach if not email.endswith("@herokumanager.com")}


def costs_by_team(api: Api, addons: dict[str, Json]) -> dict[str, dict[str, float]]:
    """Return the dollars of each team, by what they are for, counted by hand."""
    price = {size["id"]: size["cost"]["cents"] for size in api.all("/dyno-sizes")}
    team = {app["id"]: (app["team"] or {"name": "no team"})["name"] for app in api.apps}
    dynos, paid = Counter[str](), Counter[str]()
    for app, process in api.of_apps("formation"):
        dynos[team[app["id"]]] += process["quantity"] * price[process["dyno_size"]["id"]]
    for addon in addons.values():
        paid[team[addon["app"]["id"]]] += addon["billed_price"]["cents"]
    return {
        what: {name: cents / 100 for name, cents in sums.items()}
        for what, sums in (("add-ons", paid), ("dynos", dynos))
    }


@pytest.mark.full
def test_the_check_of_cron_fails_and_the_runbooks_run(api: Api, tmp_path: Path) -> None:
    script = tmp_path / "crashed.lua"
    script.write_text(blocks("A check that cron runs")[0][1])
    done = kosmo("lua", str(script))
    crashed = sum(dyno["state"] == "crashed" for _, dyno in api.of_apps("dynos"))
    assert (done.returncode, f"{crashed} dynos have crashed" in done.stderr) == (1, True)

    for title in ("A notebook with parameters", "A report"):
        words = shlex.split(blocks(title)[0][1].replace("my-app", api.apps[0]["name"]))[1:]
        done = kosmo(*words, "-o", str(tmp_path / "out.ipynb"), cwd=ROOT)
        assert (done.returncode, done.stderr[:6]) == (0, "Run on")
    assert (tmp_path / "out.html").exists()
