"""The history of an archive: the figures of each of its snapshots, of which none is a guess."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from altered_api import without
from kosmo_command import document, kosmo
from plain_http import PlainAccount

from kosmo_kernel import archive, snapshot
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.session import Session


@pytest.fixture
def account() -> Iterator[PlainAccount]:
    with serve(DemoApi(company())) as served, closing(PlainAccount(served.url, DEMO_TOKEN)) as plain:
        yield plain


def figures(file: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM history")]


@pytest.mark.full
def test_the_figures_of_a_snapshot_are_those_of_plain_http(tmp_path: Path, account: PlainAccount) -> None:
    file = tmp_path / "history.kosmo"
    code, first = document("snapshot", "--demo", "--all", "-o", str(file), "--json")
    kosmo("snapshot", "--demo", "-o", str(file))
    seats = {seat["user"]["email"] for seats in account.collaborators.values() for seat in seats}
    people = {email for email in seats | {app["owner"]["email"] for app in account.apps} if "@heroku" not in email}
    dynos = sum(map(len, account.of_apps("dynos").values()))
    cents = account.dyno_cents.total() + account.eco_cents + account.addon_cents.total()

    wanted = {"apps": len(account.apps), "dynos": dynos, "people": len(people), "cents": cents}
    assert (code, first["figures"]) == (1, wanted)  # one of the databases may not be read
    day = {"day": first["begun"][:10]}
    assert figures(file) == [day | wanted | {"findings": None}, day | wanted | {"cents": None, "findings": None}]


@pytest.mark.full
def test_a_figure_of_a_list_that_is_not_whole_is_empty(tmp_path: Path) -> None:
    file = tmp_path / "history.kosmo"
    with serve(without("/my-app/dynos", "/collaborators", "/my-app/formation")) as served:
        env = {"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN}
        assert kosmo("snapshot", "--all", "-o", str(file), env=env).returncode == 1

    [row] = figures(file)
    assert {name: value for name, value in row.items() if value is not None} == {"day": row["day"], "apps": 19}


def test_python_has_the_history_as_a_frame(tmp_path: Path, session: Any) -> None:
    file = tmp_path / "history.kosmo"
    snapshot.take(session, file)
    frame = archive.history(file)

    assert list(frame) == ["day", "apps", "dynos", "people", "cents", "findings"]
    assert frame[["apps", "dynos", "people"]].to_numpy().tolist() == [[19, 43, 11]]
    assert frame["cents"].isna().all()
    assert frame["apps"].dtype == "Int64"


@pytest.mark.full
def test_thirty_nights_are_thirty_rows_in_a_file_that_hardly_grows(tmp_path: Path) -> None:
    file, sizes, lists = tmp_path / "history.kosmo", [], []
    for _ in range(30):
        with Session("demo") as session:
            snapshot.take(session, file)
        sizes.append(file.stat().st_size)
        with Session(from_archive=file) as session:
            lists.append(session.run("return #heroku.list_apps(), #heroku.tables.stacks()").values)
    assert len(archive.history(file)) == len(figures(file)) == 30
    assert lists == lists[:1] * 30
    assert sizes[-1] < 4 * sizes[0]
