"""`kosmo check` with exceptions: accepted findings, an earlier state, and its files for other programs."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from edited_snapshot import edited
from kosmo_command import COMMAND, environment

from kosmo_kernel import archive
from kosmo_kernel.cli import outcome
from kosmo_kernel.cli.check import FORMATS
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company

HEAD = "-- title: T\n-- severity: high\n-- why: W\n-- do: D\n-- scope: read\n-- key: app\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with a check that finds three things, and one that finds two."""
    monkeypatch.chdir(tmp_path)
    for name, apps in {"three": "'a', 'b', 'c'", "two": "'b', 'd'"}.items():
        lua = f"return list.map({{ {apps} }}, function(name) return {{ app = name }} end)\n"
        Path(f"{name}.lua").write_text(HEAD + lua, encoding="utf-8")
    return tmp_path


def checked(*args: str) -> int:
    return outcome(["check", *args, "--demo"])


def test_findings_are_accepted_until_their_last_day(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = '[[accept]]\ncheck = "three"\nkey = {{ app = "{}" }}\nreason = "Known."\nlast_day = 2027-02-18\n'
    Path("accepted.toml").write_text("".join(map(entry.format, "abc")), encoding="utf-8")
    assert checked("three.lua", "--accept", "accepted.toml") == 0
    assert "accepted until 2027-02-18: Known (3): a; b; c" in capsys.readouterr().out
    assert checked("three.lua", "--accept", "accepted.toml", "--at", "2027-02-18T23:59:59Z") == 0
    assert checked("three.lua", "--accept", "accepted.toml", "--at", "2027-02-19") == 1


def test_mistakes_in_a_file_that_accepts_are_told_before_anything_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "accepted.toml").write_text('[[accept]]\ncheck = "thre"\n', encoding="utf-8")
    assert checked("three.lua", "--accept", "accepted.toml") == 2
    said = capsys.readouterr()
    assert "accepted.toml:1: there is no check `thre`. Did you mean three?" in said.err
    assert said.out == ""


def test_only_findings_that_a_snapshot_does_not_have_fail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["snapshot", "--demo", "-o", "now.kosmo"]) == 0
    first, *kept = archive.SavedSnapshot("now.kosmo").records("apps")
    edited(Path("now.kosmo"), Path("before.kosmo"), lambda tables: tables["apps"][0].update(name="gone-app"))
    lua = "return list.map(heroku.list_apps(), function(app) return { app = app.name } end)\n"
    Path("apps.lua").write_text(HEAD + lua, encoding="utf-8")
    capsys.readouterr()
    assert checked("apps.lua", "--against", "before.kosmo", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    states = {finding["key"]["app"]: finding["new"] for finding in report["checks"][0]["findings"]}
    assert [name for name, is_new in states.items() if is_new] == [first["name"]]
    assert report["checks"][0]["gone"] == [{"key": {"app": "gone-app"}}]
    assert (report["summary"]["findings"], report["summary"]["still_there"]) == (1, len(kept))
    assert checked("apps.lua", "--against", "nowhere") == 2


def test_a_snapshot_of_another_user_or_of_the_demo_is_refused_with_both_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcome(["snapshot", "--demo", "-o", "now.kosmo"]) == 0
    with closing(sqlite3.connect("now.kosmo", isolation_level=None)) as connection:
        connection.execute("UPDATE kosmo_snapshots SET document = json_set(document, '$.user', 'somebody')")
    capsys.readouterr()
    assert checked("three.lua", "--against", "now.kosmo") == 2
    assert "Findings of different users are not compared." in capsys.readouterr().err
    with serve(DemoApi(company())) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        assert outcome(["check", "three.lua", "--against", "now.kosmo"]) == 2
    assert "now.kosmo is a snapshot of `demo`, and this is `default`." in capsys.readouterr().err


def test_each_file_has_the_format_of_its_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {"report.json": '"exit_code": 1', "report.xml": "<testsuites", "report.txt": "HIGH T  three"}
    options = [option for name in names for option in ("--output", name)]
    assert checked("three.lua", *options) == 1
    assert "HIGH T  three" in capsys.readouterr().out
    for name, part in names.items():
        assert part in (folder / name).read_text(encoding="utf-8")
    assert checked("three.lua", "--format", "junit", "--output", "other") == 1
    assert (folder / "other").read_bytes() == (folder / "report.xml").read_bytes()


def test_a_report_goes_to_a_pipe_as_well_and_a_new_file_has_the_mode_of_any_other(folder: Path) -> None:
    Path("any.txt").touch()
    reading, writing = os.pipe()
    with open(reading, "rb") as report:
        with open(writing, "wb"):
            options = ("--format", "junit", "--output", f"/dev/fd/{writing}", "--output", "report.xml")
            assert checked("three.lua", *options) == 1
        assert report.read() == Path("report.xml").read_bytes()
    assert Path("report.xml").stat().st_mode == Path("any.txt").stat().st_mode


@pytest.mark.parametrize("form", sorted(set(FORMATS) - {"json"}))
def test_the_same_findings_are_printed_as_the_same_bytes(
    folder: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = set()
    for _ in range(2):
        assert checked("three.lua", "two.lua", "--format", form) == 1
        texts.add(capsys.readouterr().out)
    assert len(texts) == 1


def test_a_run_that_ends_while_it_writes_leaves_the_old_files_and_no_half_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("report.xml").write_text("old", encoding="utf-8")
    before = sorted(path.name for path in folder.iterdir())
    written: list[str] = []

    def end(part: Path, _target: Path) -> Path:
        written.append(part.name)
        part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", end)
    assert checked("three.lua", "--output", "report.xml") == 130
    assert len(written) == 1
    assert "report.xml" not in written
    assert sorted(path.name for path in folder.iterdir()) == before
    assert Path("report.xml").read_text(encoding="utf-8") == "old"


@pytest.mark.full
def test_a_run_that_is_killed_writes_no_file(folder: Path) -> None:
    Path("endless.lua").write_text(f"{HEAD}while true do end\n", encoding="utf-8")
    before = sorted(path.name for path in folder.iterdir())
    command = [*COMMAND, "check", "three.lua", "endless.lua", "--demo", "--output", "r.xml"]
    with subprocess.Popen(command, env=environment(), cwd=folder) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        process.kill()
    assert sorted(path.name for path in folder.iterdir()) == before
