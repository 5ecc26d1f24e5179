"""`kosmo check`: its exit codes, its table, its files, and checks of one's own."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from kosmo_command import kosmo

from kosmo_kernel.cli import outcome
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.questions.discovery import find_check, select_checks

HEAD = "-- title: T\n-- severity: {}\n-- why: W\n-- do: D\n-- scope: read\n-- key: app\n"
FOUND = HEAD.format("medium") + "return { { app = 'a' } }\n"
PASSED = HEAD.format("high") + "return {}\n"
FAILING = HEAD.format("high") + "return heroku.list_dynos({ app_id = 'nowhere' })\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with checks."""
    unset = FOUND.replace("return", "-- param: app: text | the app\nreturn")
    for name, text in {"found": FOUND, "passed": PASSED, "failing": FAILING, "unset": unset}.items():
        (tmp_path / f"{name}.lua").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["passed.lua"], 0),
        (["found.lua", "failing.lua"], 1),
        (["found.lua", "--fail-on", "high"], 0),
        (["found.lua", "failing.lua", "--fail-on", "high"], 3),
        (["failing.lua", "passed.lua"], 3),
        (["unset.lua"], 2),
        (["leavers"], 2),
        ([".", "--fail-on", "high"], 3),
        (["unset.lua", "-p", "unset.app", "a"], 1),
        (["no-such"], 2),
        (["no-such.lua"], 2),
        (["passed.lua", "-p", "days", "3"], 2),
        (["passed.lua", "--at", "yesterday"], 2),
        (["passed.lua", "--at", "0001-01-01T00:00+05:00"], 2),
        (["passed.lua", "--output", "nowhere/report.txt"], 2),
        (["passed.lua", "--format", "json", "--new", "x"], 2),
        ([".", "other/found.lua"], 2),
    ],
)
def test_the_exit_code_says_what_was_found(
    folder: Path, args: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "found.lua").write_text(FOUND, encoding="utf-8")
    assert outcome(["check", *args, *([] if "--new" in args else ["--demo"])]) == code
    assert bool(capsys.readouterr().out) == (code != 2)


def test_a_report_names_findings_gaps_and_passes(folder: Path) -> None:
    done = kosmo("check", ".", "--demo", cwd=folder)
    *lines, last = done.stdout.splitlines()
    assert [line.split() for line in lines if line and line[0] not in " ─"] == [
        ["account", "demo", "·", "2026-11-20", "09:00", "UTC"],
        ["MEDIUM", "T", "found"],
        ["NOT", "CHECKED"],
        ["Not", "set", "up", "(1),", "so", "not", "run;", "give", "what", "each", "is", "about:"],
        ["Passed", "(1):", "passed"],
    ]
    totals = r"1 finding \(1 medium\) · 4 checks: 1 passed, 1 not checked, 1 not set up · \d+ requests? · \d+\.\d s"
    assert re.fullmatch(totals, last)
    assert "404" in done.stdout
    assert "  -p unset.app TEXT (the app)\n" in done.stdout
    assert max(map(len, lines)) <= 80


def test_a_check_that_is_named_without_what_it_is_about_sends_nothing(folder: Path) -> None:
    done = kosmo("check", "leavers", "app-health", cwd=folder)  # there is no token, and none is missed
    assert done.returncode == 2
    assert "leavers, app-health: not set up, and nothing was sent." in done.stderr
    assert "  -p leavers.leavers '[\"…\"]' (the addresses of the people who have left)\n" in done.stderr
    assert "  -p app-health.app_name TEXT (the name of the app)\n" in done.stderr


def test_the_start_is_ten_checks_that_need_no_parameter_and_no_more_than_a_token_that_reads() -> None:
    checks = select_checks([], start=True)
    assert 8 <= len(checks) <= 12
    assert [one.name for one in checks for parameter in one.parameters if parameter.required] == []
    assert {one.scope for one in checks} == {"identity", "read"}
    assert checks[0].name == select_checks([], every=True)[0].name == "databases-due-soon"
    assert {one.name for one in select_checks(["quiet-apps"], start=True)} == {"quiet-apps", *(c.name for c in checks)}


def test_a_json_report_is_written_whole_to_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = folder / "report.json"
    target.write_text("old", encoding="utf-8")
    assert outcome(["check", "found.lua", "--demo", "--format", "json", "--output", str(target)]) == 1
    assert "MEDIUM T  found" in capsys.readouterr().out
    report = json.loads(target.read_text(encoding="utf-8"))
    assert (report["success"], report["exit_code"], report["summary"]["medium"]) == (False, 1, 1)
    assert report["checks"][0]["findings"][0]["key"] == {"app": "a"}
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_file_has_the_format_of_its_name_or_else_that_of_the_option(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["a.xml", "a.txt", "a.json"]
    outputs = [part for name in names for part in ("-o", name)]
    assert outcome(["check", "found.lua", "--demo", "--json", *outputs]) == 1
    assert json.loads(capsys.readouterr().out)["exit_code"] == 1
    assert [(folder / name).read_text(encoding="utf-8")[:5] for name in names] == [
        "<?xml",
        '{\n  "',
        '{\n  "',
    ]
    assert json.loads((folder / "a.txt").read_bytes()) == json.loads((folder / "a.json").read_bytes())


def test_the_time_of_a_report_is_in_utc(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["check", "passed.lua", "--demo", "--at", "2026-11-20T00:30+05:00"]) == 0
    assert "2026-11-19 19:30 UTC" in capsys.readouterr().out


def test_a_new_check_runs_as_it_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["check", "--new", "mine"]) == 0
    assert capsys.readouterr().out == "mine.lua\n"
    assert outcome(["check", "mine.lua", "--demo", "-p", "ignored", '["night-sorter"]']) == 1
    shown = capsys.readouterr().out
    assert "van-telemetry" in shown
    assert "night-sorter" not in shown
    assert outcome(["check", "--new", "mine"]) == 2


def test_checks_of_the_user_s_folder_have_names_and_settings(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(folder))
    (folder / "config.toml").write_text(
        '[checks]\nfolder = "own"\n\n[checks.params.days]\ndays = 5\n', encoding="utf-8"
    )
    (folder / "own").mkdir()
    head = HEAD.format("low") + "-- param: days = 30 | days\n"
    (folder / "own" / "days.lua").write_text(head + "return { { app = 'a', days = days } }\n", encoding="utf-8")
    (folder / "own" / "crashed-dynos.lua").write_text(PASSED, encoding="utf-8")
    assert outcome(["check", "days", "crashed-dynos", "--demo", "--json"]) == 1
    printed = capsys.readouterr()
    days, replacing = json.loads(printed.out)["checks"]
    assert (days["findings"][0]["record"]["days"], replacing["status"]) == (5, "passed")
    assert "is used, and not the check of that name" in printed.err
    with pytest.raises(UnknownNameError):
        find_check("own/days")


def test_a_folder_that_cannot_be_read_is_no_folder_without_checks(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".#found.lua").symlink_to("a-lock-of-an-editor")
    assert outcome(["check", ".", "--fail-on", "high", "--demo", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["summary"]["checks"] == 4
    listed = Path.iterdir

    def refuse(path: Path) -> Iterator[Path]:
        if path.name == "own":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(folder))
    (folder / "config.toml").write_text('[checks]\nfolder = "own"\n', encoding="utf-8")
    (folder / "own").mkdir()
    assert outcome(["check", "--all", "--demo"]) == 2
    assert "own cannot be read: Permission denied." in capsys.readouterr().err


def test_without_arguments_the_checks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["check", "--json"]) == 0
    assert {"crashed-dynos"} <= {check["name"] for check in json.loads(capsys.readouterr().out)["checks"]}
