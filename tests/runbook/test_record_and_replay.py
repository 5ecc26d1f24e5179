"""`kosmo run --record` and `--from`: a runbook that was run once is tested without a network and without a token."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from edited_snapshot import edited
from kosmo_command import kosmo
from nbformat.v4 import new_code_cell, new_notebook
from recorded import paths
from repository import ROOT

from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("kernel_list")]

NOBODY = "http://127.0.0.1:9"  # the port that throws everything away, where nobody listens
LUA = ('account = "production"\nname = "my-app"', "print(#app.integrations.heroku[account].list_dynos(name))")
SESSIONS = """\
from concurrent.futures import ThreadPoolExecutor
from kosmo_kernel.session import Session

def count(app):
    with Session("production") as session:
        return session.run(f'return #app.integrations.heroku.list_dynos("{app}")').value

with ThreadPoolExecutor(4) as pool:
    print(*pool.map(count, ["my-app", "courier-app", "booking-api", "night-sorter"]))"""
MAGIC = "%load_ext kosmo_kernel\n%kosmo_lua print(#app.integrations.heroku.production.list_apps())"


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    return tmp_path / "recording.kosmo"


def written(folder: Path, language: str, *cells: str) -> str:
    notebook = new_notebook(cells=[new_code_cell(source) for source in cells])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    kernel = {"lua": "kosmo-lua", "python": "python3"}[language]
    notebook.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": language}
    nbformat.write(notebook, folder / "runbook.ipynb")
    return "runbook.ipynb"


def ran(folder: Path, url: str, token: str, *args: str) -> tuple[Any, list[str]]:
    """Run it: the finished command, and what the cells of the copy printed."""
    env = {"HEROKU_API_URL": url, "HEROKU_API_KEY_PRODUCTION": token, "KOSMO_DEMO": "", "KOSMO_PROGRESS": "0"}
    done = kosmo("run", *args, "-o", "copy.ipynb", cwd=folder, env=env)
    cells = nbformat.read(folder / "copy.ipynb", as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    return done, [output.text for output in outputs if output.get("name") == "stdout"]


def test_what_was_recorded_once_is_replayed_without_a_network_and_a_token(
    cassette: Path, tmp_path: Path, demo_url: str
) -> None:
    book = written(tmp_path, "lua", *LUA)
    first = ran(tmp_path, demo_url, DEMO_TOKEN, book, "--record", str(cassette))
    assert (first[0].returncode, first[1], paths(cassette)) == (0, ["2\n"], ["/apps/my-app/dynos"]), first[0].stderr
    assert DEMO_TOKEN.encode() not in cassette.read_bytes()

    again, printed = ran(tmp_path, NOBODY, "", book, "--from", str(cassette))
    assert (again.returncode, printed) == (0, ["2\n"]), again.stderr
    assert "for the account production: 2 cells, 1 call, 1 request" in again.stderr
    said = re.compile(rf" s\. Answered from {re.escape(str(cassette))}, recorded \S+Z\. Nothing was sent\.")
    assert said.search(again.stderr)
    assert said.search((tmp_path / "copy.ipynb").read_text(encoding="utf-8"))
    assert not said.search(first[0].stderr)


def test_what_was_not_recorded_fails_the_run_and_says_so(cassette: Path, tmp_path: Path, demo_url: str) -> None:
    book = written(tmp_path, "lua", *LUA)
    ran(tmp_path, demo_url, DEMO_TOKEN, book, "--record", str(cassette))
    other, printed = ran(tmp_path, NOBODY, "", book, "--from", str(cassette), "-p", "name", "courier-app")
    assert (other.returncode, printed) == (1, [])
    assert "GET /apps/courier-app/dynos (" in other.stderr
    assert f"give the same command `--record {cassette}` in place of `--from`." in other.stderr
    assert "Nothing was sent." in other.stderr


def test_all_sessions_of_a_run_write_to_one_cassette_at_the_same_time(
    cassette: Path, tmp_path: Path, demo_url: str
) -> None:
    book = written(tmp_path, "python", 'account = "production"', MAGIC, SESSIONS)
    first, printed = ran(tmp_path, demo_url, DEMO_TOKEN, book, "--record", str(cassette))
    assert (first.returncode, printed) == (0, ["19\n", "2 3 5 3\n"]), first.stderr
    names = ("my-app", "courier-app", "booking-api", "night-sorter")
    assert sorted(paths(cassette)) == sorted(["/apps", *(f"/apps/{name}/dynos" for name in names)])

    again, printed = ran(tmp_path, NOBODY, "", book, "--from", str(cassette))
    assert (again.returncode, printed) == (0, ["19\n", "2 3 5 3\n"]), again.stderr


def test_a_run_that_fails_keeps_what_was_recorded_until_then(cassette: Path, tmp_path: Path, demo_url: str) -> None:
    book = written(tmp_path, "lua", *LUA, "error('enough')")
    done, _ = ran(tmp_path, demo_url, DEMO_TOKEN, book, "--record", str(cassette))
    assert (done.returncode, paths(cassette)) == (1, ["/apps/my-app/dynos"])
    assert list(tmp_path.glob("recording.kosmo-*")) == []


def test_a_run_cannot_record_and_replay(cassette: Path, tmp_path: Path) -> None:
    done = kosmo("run", written(tmp_path, "lua", *LUA), "--record", str(cassette), "--from", "x", cwd=tmp_path)
    assert (done.returncode, cassette.exists()) == (2, False)
    assert "--record and --from exclude one another: " in done.stderr


@pytest.mark.full
@pytest.mark.parametrize("name", ["access-audit", "drift", "dyno-audit", "incident"])
def test_every_audit_can_be_recorded_and_replayed(name: str, cassette: Path, tmp_path: Path, demo_url: str) -> None:
    args = [str(ROOT / "notebooks" / f"{name}.ipynb"), "-a", "production"]
    if name == "drift":  # a snapshot of the demo is not compared with an account
        shipped = ROOT / "notebooks" / "larkmoor-2026-10-20.kosmo"
        before = edited(shipped, tmp_path / "before.kosmo", account="production")
        args += ["-p", "before", str(before)]
    first, _ = ran(tmp_path, demo_url, DEMO_TOKEN, *args, "--record", str(cassette))
    tables = tables_of(tmp_path)
    again, _ = ran(tmp_path, NOBODY, "", *args, "--from", str(cassette))
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert tables_of(tmp_path) == tables != []


def tables_of(folder: Path) -> list[str]:
    """Return the tables and records that the copy shows, without the time of the run and the plans of dry runs.

    A plan has the address that the run would have asked.
    """
    cells = nbformat.read(folder / "copy.ipynb", as_version=4).cells
    bundles = [output.data for cell in cells for output in cell.get("outputs", ()) if "data" in output]
    texts = [
        re.sub("as[_ ]of +.*", "", data["text/plain"])
        for data in bundles
        if 'class="kosmo-table"' in data.get("text/html", "")
    ]
    return [text for text in texts if "http://127.0.0.1:" not in text]
