"""What a report says of answers that it took over, and that a run which has ended lends its answers to no later one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from kosmo_command import document, kosmo
from nbformat.v4 import new_code_cell, new_notebook
from recorded import answers, runs

from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN
from kosmo_kernel.session import Session

CHECK = ("check", "crashed-dynos", "--record", "audit.kosmo", "--resume")
LISTS = "return #heroku.list_dynos({ app_id = heroku.list_apps() })"


@pytest.fixture
def cut_off(tmp_path: Path) -> Path:
    """Return a folder with the recording of a run of the demo that was cut off."""
    with Session("demo", record=tmp_path / "audit.kosmo") as session:
        session.recording.finishes = False
        session.run(LISTS)
    return tmp_path


def test_every_report_says_how_many_answers_were_taken_over_and_how_old_they_are(cut_off: Path) -> None:
    count, oldest = len(answers(cut_off / "audit.kosmo")), answers(cut_off / "audit.kosmo")[0]["at"]
    files = [part for name in ("r.sarif", "r.xml", "r.md") for part in ("-o", name)]
    code, report = document(*CHECK, "--demo", "--json", *files, cwd=cut_off)
    taken = {"answers": count, "oldest": oldest}
    assert (code, report["taken_over"]) == (1, taken)
    sentence = f"{count} answers taken from audit.kosmo, the oldest "
    assert report["notes"][-1].startswith(sentence)
    assert sentence in (cut_off / "r.xml").read_text(encoding="utf-8")
    assert f"{count} answers taken from audit" in (cut_off / "r.md").read_text(encoding="utf-8")
    [run] = json.loads((cut_off / "r.sarif").read_text(encoding="utf-8"))["runs"]
    assert run["invocations"][0]["properties"] == {"taken_over": taken}


@pytest.mark.parametrize(
    ("args", "of"),
    [
        (("integrations:lua", "-e", LISTS), lambda answer: answer["meta"]),
        (("inventory", "--table", "apps"), lambda answer: answer),
        (("snapshot", "-o", "saved.kosmo"), lambda answer: answer),
    ],
    ids=lambda one: one[0] if isinstance(one, tuple) else "",
)
def test_json_has_the_number_of_answers_that_were_taken_over(cut_off: Path, args: tuple[str, ...], of: Any) -> None:
    record = ("--demo", "--record", "audit.kosmo", "--resume", "--json")
    taken = of(document(*args, *record, cwd=cut_off)[1])["taken_over"]
    assert (taken["answers"] > 0, taken["oldest"]) == (True, answers(cut_off / "audit.kosmo")[0]["at"])
    again = of(document(*args, *record, cwd=cut_off)[1])
    assert "taken_over" not in again  # the run before has ended, and this one asked anew


@pytest.mark.full
@pytest.mark.usefixtures("kernel_list")
def test_the_report_of_a_notebook_has_the_number_of_answers_that_were_taken_over(cut_off: Path) -> None:
    notebook = new_notebook(cells=[new_code_cell(LISTS), new_code_cell("heroku.list_teams()")])
    notebook.metadata.kernelspec = {"name": "kosmo-lua", "display_name": "kosmo-lua", "language": "lua"}
    nbformat.write(notebook, cut_off / "audit.ipynb")
    count, oldest = len(answers(cut_off / "audit.kosmo")), answers(cut_off / "audit.kosmo")[0]["at"]
    run = ("run", "audit.ipynb", "-o", "copy.ipynb", "--demo", "--record", "audit.kosmo", "--resume", "--json")
    code, report = document(*run, cwd=cut_off)
    assert (code, report["taken_over"]) == (0, {"answers": count, "oldest": oldest})
    assert report["requests"] > count
    taken = f" requests, {count} of which an earlier run had, the oldest of {oldest}, "
    assert taken in (cut_off / "copy.ipynb").read_text(encoding="utf-8")
    assert "taken_over" not in document(*run, cwd=cut_off)[1]


def test_a_check_at_night_never_passes_on_the_answers_of_the_night_before(tmp_path: Path, demo_url: str) -> None:
    env = {"HEROKU_API_URL": demo_url, "HEROKU_API_KEY": DEMO_TOKEN, "KOSMO_DEMO": ""}
    nights = [kosmo(*CHECK, cwd=tmp_path, env=env) for _ in range(2)]
    assert ["taken" in night.stderr for night in nights] == [False, False]
    assert [bool(run["ended"]) for run in runs(tmp_path / "audit.kosmo")] == [True]
    other = kosmo(*CHECK, cwd=tmp_path, env={**env, "HEROKU_API_KEY": "token-of-another-user"})
    assert "taken" not in other.stderr


def test_answers_of_another_user_are_refused_and_nothing_is_checked(
    tmp_path: Path, demo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"HEROKU_API_URL": demo_url, "HEROKU_API_KEY": DEMO_TOKEN, "KOSMO_DEMO": ""}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with Session("default", record=tmp_path / "audit.kosmo") as session:
        session.recording.finishes = False
        session.run(LISTS)
    done = kosmo(*CHECK, cwd=tmp_path, env={**env, "HEROKU_API_KEY": "token-of-another-user"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "audit.kosmo has answers of the account `default` with another token, perhaps" in done.stderr
