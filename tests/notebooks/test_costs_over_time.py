"""The course that the costs notebook draws of an archive, and the archive that is committed for it."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import pytest
from notebook_history import FILE, NIGHTS, write_history
from repository import NOTEBOOKS

from kosmo_kernel import archive
from kosmo_kernel.archive.snapshots import add_figures
from kosmo_kernel.render.pictures import Picture

CELLS = {cell.id: cell.source for cell in nbformat.read(NOTEBOOKS / "costs.ipynb", as_version=4).cells}
CENTS = [587300, 612300, 614800, 664800, 642300, 649800]
DYNOS = [37, 38, 40, 42, 42, 41]


def courses(history: str | Path, account: str = "demo") -> list[Picture]:
    """Run the cells of the course, and return what they display."""
    values: dict[str, Any] = {"account": account, "history": str(history)}
    shown: list[Picture] = []
    exec(CELLS["load"].replace("%load_ext kosmo_kernel", ""), values)  # noqa: S102 - cells of our own notebook
    values["display"] = shown.append
    for source in (CELLS["nights"], CELLS["course"]):
        exec(source, values)  # noqa: S102 - as above
    return shown


def sums(picture: Picture) -> list[float]:
    """Return the number of each day, which the picture shows in parts."""
    return list(picture.frame.drop(columns="day").sum(axis="columns"))


def dump(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def test_the_pictures_have_the_dollars_by_team_and_the_dynos_of_every_night() -> None:
    dollars, dynos = courses(FILE)
    assert [sums(one) for one in (dollars, dynos)] == [[cents / 100 for cents in CENTS], DYNOS]
    assert list(dollars.frame["day"]) == list(NIGHTS)
    assert dollars.title == "On 2026-11-20 a month cost $6,498, $625 more than on 2026-10-16"
    assert dynos.title == "On 2026-11-20 the number of dynos was 41, 4 more than on 2026-10-16"
    assert {"larkmoor", "larkmoor-labs"} < set(dollars.frame)


@pytest.mark.parametrize(("history", "account"), [("", "demo"), ("missing.kosmo", "demo"), (FILE, "production")])
def test_without_an_archive_of_the_account_nothing_is_drawn_and_a_sentence_says_how_to_get_one(
    history: str | Path, account: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert courses(history, account) == []
    assert f"`kosmo snapshot -a {account} --all -o history.kosmo` adds one." in capsys.readouterr().out


def test_a_night_whose_cost_is_not_known_is_not_drawn_as_zero(tmp_path: Path) -> None:
    file = Path(shutil.copy(FILE, tmp_path))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE kosmo_snapshots SET document = json_remove(document, '$.figures.cents') WHERE id = 3")
    assert archive.history(file)["cents"].isna().tolist() == [False, False, True, False, False, False]
    assert sums(courses(file)[0]) == [cents / 100 for cents in CENTS if cents != CENTS[2]]


def test_the_last_snapshot_of_a_day_counts(tmp_path: Path) -> None:
    file = Path(shutil.copy(FILE, tmp_path))
    with closing(sqlite3.connect(file)) as connection, connection:
        earlier = "REPLACE(document, '2026-11-13T', '2026-11-20T')"
        connection.execute(f"UPDATE kosmo_snapshots SET document = {earlier} WHERE id = 5")
    add_figures(file, {"cents": CENTS[0], "dynos": 30})
    dollars, dynos = courses(file)
    assert dynos.title == "On 2026-11-20 the number of dynos was 30, 7 less than on 2026-10-16"
    assert len(sums(dollars)) == 5


def test_the_committed_archive_is_what_its_script_writes(tmp_path: Path) -> None:
    assert dump(FILE) == dump(write_history(tmp_path / "history.kosmo"))  # the bytes have the version of SQLite
    assert FILE.stat().st_size < 300_000


def test_the_figures_of_the_committed_archive_are_those_of_its_records() -> None:
    with closing(sqlite3.connect(FILE)) as connection:
        sizes = {name.lower(): cents for name, cents in connection.execute('SELECT name, "cost.cents" FROM dyno_sizes')}
        processes = connection.execute("SELECT taken_at, size, quantity FROM formation_history").fetchall()
        addons = connection.execute(
            "SELECT taken_at, \"billed_price.cents\" FROM account_addons_history WHERE state != 'deprovisioned'"
        ).fetchall()
        dynos = connection.execute("SELECT taken_at, count(*) FROM dynos_history GROUP BY 1 ORDER BY 1").fetchall()
        history = connection.execute("SELECT day, dynos, cents FROM history").fetchall()
    cents: Counter[str] = Counter()
    for night, size, quantity in processes:
        cents[night] += sizes[size.lower()] * (quantity if size != "Eco" else 0)
    for night in {night for night, size, quantity in processes if size == "Eco" and quantity}:
        cents[night] += sizes["eco"]  # one price for all
    for night, price in addons:
        cents[night] += price or 0
    expected = [(night[:10], count, cents[night]) for night, count in dynos]
    assert history == expected == list(zip(NIGHTS, DYNOS, CENTS, strict=True))
