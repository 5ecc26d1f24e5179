"""`--record`, `--from` and `--resume`, as a user starts them.

A run that was killed at any moment goes on: nothing answered is asked again, and the output is the same bytes. A report
says what it took over, and a run which has ended lends its answers to no later one.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import nbformat
import pytest
from altered_api import DeletingApi
from kosmo_command import COMMAND, document, environment, kosmo, started
from msgspec.structs import asdict
from nbformat.v4 import new_code_cell, new_notebook
from recorded import answers, paths, runs
from repository import ROOT

from kosmo_kernel import archive
from kosmo_kernel.checks.inventory_folder import PAGE
from kosmo_kernel.cli.streams import INTERRUPTED
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.session import Session

LARGE, SMALL = 500, 30  # companies, by the number of their apps
KILLS = 5  # of one run
TIMES = {"begun", "ended", "time", "token", "taken_over"}  # in a document: `token` has a salt
AUDIT = """
local apps = heroku.list_apps()
local dynos = heroku.list_dynos({ app_id = apps })
for _, dyno in ipairs(dynos) do print(dyno.app.name, dyno.name, dyno.state) end
local counts = parallel.map(apps, function(app) return #heroku.list_domains(app) end)
print(#apps, #dynos, table.concat(counts, " "))
"""
COMMANDS = {
    "script": ("lua", "audit.lua"),
    "notebook": ("run", "audit.ipynb", "-o", "copy.ipynb"),
    "check": ("check", "--all", "--at", "2026-11-20", "--format", "json"),
    "snapshot": ("snapshot", "-o", "saved.kosmo"),
    "inventory": ("inventory", "-o", "saved"),
}
Whole = tuple[Any, Counter[str]]  # the output of a run, and what it asked
PORTS: dict[Path, int] = {}  # where the runs of each folder ask: those of another address are refused
RECORDING = ("--record", "audit.kosmo", "--resume")


class CountedApi:
    """The look-alike, which counts what one run asks it, and can end the process of the run at a request.

    Each run has its own, because requests of a killed process can arrive when the next run has begun.
    """

    def __init__(self, apps: int) -> None:
        self._api = api(apps)
        self._lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self._end_at = 0
        self._end: Callable[[], None] = lambda: None

    def end(self, at: int, end: Callable[[], None]) -> None:
        """End the process at the request of this number."""
        self._end_at, self._end = at, end

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path != "/account/rate-limits":
            with self._lock:
                self.asked[path] += 1
                if self._end_at and self.asked.total() >= self._end_at:
                    self._end_at = 0
                    self._end()
        return self._api(environ, start_response)


def kill(process: int) -> None:
    """Kill a process and all of its children, those first that cannot start others."""
    for child in Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8").split():
        kill(int(child))
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def interrupt(process: int) -> None:
    os.kill(process, signal.SIGINT)


@cache
def api(apps: int) -> DemoApi:
    return DemoApi(company(apps), capacity=1_000_000)


def start(kind: str, folder: Path, url: str, *more: str) -> subprocess.Popen[bytes]:
    env = {"HEROKU_API_URL": url, "HEROKU_API_KEY": DEMO_TOKEN, "KOSMO_DEMO": "", "KOSMO_PROGRESS": "0"}
    env["KOSMO_FINGERPRINT_KEY"] = "0123456789abcdef0123456789abcdef"
    command = [*COMMAND, *COMMANDS[kind], *more]
    return subprocess.Popen(
        command, cwd=folder, env=environment(env), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def folder_for(kind: str, parent: Path) -> Path:
    folder = parent / kind
    folder.mkdir(parents=True)
    (folder / "audit.lua").write_text(AUDIT, encoding="utf-8")
    notebook = new_notebook(cells=[new_code_cell(AUDIT), new_code_cell("heroku.list_add_ons({ app_id = apps })")])
    for place, cell in enumerate(notebook.cells):
        cell.id = f"cell-{place}"
    notebook.metadata.kernelspec = {"name": "kosmo-lua", "display_name": "kosmo-lua", "language": "lua"}
    nbformat.write(notebook, folder / "audit.ipynb")
    return folder


def output(kind: str, folder: Path, printed: bytes) -> Any:
    """Return all that a run gave, but for the times at which it took place."""
    match kind:
        case "script":
            return printed
        case "notebook":
            cells = nbformat.read(folder / "copy.ipynb", as_version=4).cells
            return [cell.outputs for cell in cells if cell.cell_type == "code"]
        case "check":
            report = json.loads(printed)
            assert [one["reason"] for one in report["checks"] if one["status"] == "not_checked"] == []
            for part in (report, *report["checks"]):
                part.pop("started", part.pop("seconds", None))
            report.pop("read_at", None)
            if taken := report.pop("taken_over", None):  # the report says so, and is the same otherwise
                assert report["notes"].pop().startswith(f"{taken['answers']:,} answer")
            return report
        case "snapshot":
            saved = archive.SavedSnapshot(folder / "saved.kosmo")
            manifest = {name: value for name, value in asdict(saved.manifest).items() if name not in TIMES}
            return saved.times[:-1], manifest, [list(saved.records(name)) for name in saved]
    files = {path.relative_to(folder / "saved"): path.read_bytes() for path in (folder / "saved").rglob("*.*")}
    summary = json.loads(files.pop(Path("summary.json")))
    time = f"{datetime.fromisoformat(summary['time']):%H:%M UTC}".encode()
    page = files[Path(PAGE)].replace(time, b"")
    taken = rb", [0-9,]+ of which an earlier run had, the oldest of [0-9TZ:-]+"
    files[Path(PAGE)], said = re.subn(taken, b"", page)
    assert bool(said) == ("taken_over" in summary)
    return files, {name: value for name, value in summary.items() if name not in TIMES}


def kept(folder: Path, requests: Iterable[str]) -> Counter[str]:
    """Return the requests of a run whose answers are in the recording."""
    file = folder / "audit.kosmo"
    return Counter(map(partial(address_of, requests), paths(file))) if file.exists() else Counter()


def address_of(requests: Iterable[str], path: str) -> str:
    """Return the address of an answer: a recording names the host, or the arguments where these choose the address."""
    if chosen := re.match(r"/get_database \[\('addon_id', '(.*?)'", path):
        return next(address for address in requests if address.endswith(f"/databases/{chosen[1]}"))
    return "/" + path.partition("?")[0].partition("/")[2]


def ran(
    kind: str, apps: int, folder: Path, *more: str, at: int = 0, end: Callable[[int], None] = kill
) -> tuple[int, bytes, Counter[str]]:
    """Run to the end, or to a request at which `end` is called; return the exit code, the output and what was asked."""
    asked = CountedApi(apps)
    with serve(asked, port=PORTS.get(folder, 0)) as served:
        PORTS[folder] = int(served.url.rpartition(":")[2])
        process = start(kind, folder, served.url, *more)
        asked.end(at, partial(end, process.pid))
        printed, _ = process.communicate(timeout=300)
    return process.returncode, printed, asked.asked


@cache
def undisturbed(kind: str, apps: int) -> Whole:
    """Return the output of a run that nothing ends, and what it asked."""
    with TemporaryDirectory() as parent:
        folder = folder_for(kind, Path(parent))
        _, printed, asked = ran(kind, apps, folder)
        return output(kind, folder, printed), asked


def check_goes_on(kind: str, apps: int, folder: Path, seed: int, kills: int = 1) -> None:
    """Kill a run at random moments, go on with it each time, and compare."""
    whole, requests = undisturbed(kind, apps)
    folder = folder_for(kind, folder)
    for moment in sorted(random.Random(seed).sample(range(1, requests.total()), kills)):
        before = kept(folder, requests)
        code, _, asked = ran(kind, apps, folder, *RECORDING, at=max(1, moment - before.total()))
        assert (code, asked <= requests - before) == (-signal.SIGKILL, True)

    before = kept(folder, requests)
    _, printed, asked = ran(kind, apps, folder, *RECORDING)
    assert asked == requests - before
    assert output(kind, folder, printed) == whole


def test_a_killed_audit_goes_on_where_it_was(tmp_path: Path) -> None:
    check_goes_on("script", 40, tmp_path, random.randrange(10**6))


def test_an_app_that_was_deleted_after_the_kill_is_left_out_of_the_run_that_goes_on(tmp_path: Path) -> None:
    folder = folder_for("script", tmp_path)
    lists = (
        "apps = heroku.list_apps() for _, it in ipairs(heroku.list_domains({ app_id = apps })) do print(it.app_id) end"
    )
    (folder / "audit.lua").write_text(lists, encoding="utf-8")
    names = [app["name"] for app in company(SMALL).apps]
    code, _, _ = ran("script", SMALL, folder, *RECORDING, at=3)
    before = kept(folder, ())
    answered = str(before)
    deleted = next(name for name in reversed(names) if f"/{name}/" not in answered)
    with serve(DeletingApi(deleted, after=0, api=api(SMALL)), port=PORTS[folder]) as served:
        process = start("script", folder, served.url, *RECORDING)
        printed, _ = process.communicate(timeout=300)
    assert (code, before.total() > 0, process.returncode) == (-signal.SIGKILL, True, 0)
    assert set(printed.decode().split()) == set(names) - {deleted}


@pytest.mark.full
@pytest.mark.usefixtures("kernel_list")
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", COMMANDS)
def test_a_run_of_any_kind_that_is_killed_again_and_again_goes_on_where_it_was(
    kind: str, seed: int, tmp_path: Path
) -> None:
    check_goes_on(kind, LARGE if seed == 0 else SMALL, tmp_path, seed, KILLS)


@pytest.mark.full
@pytest.mark.usefixtures("kernel_list")
@pytest.mark.parametrize("kind", COMMANDS)
def test_the_same_command_goes_on_after_ctrl_c(kind: str, tmp_path: Path) -> None:
    (whole, requests), folder = undisturbed(kind, SMALL), folder_for(kind, tmp_path)
    code, _, _ = ran(kind, SMALL, folder, *RECORDING, at=requests.total() // 2, end=interrupt)
    before = kept(folder, requests)
    _, printed, asked = ran(kind, SMALL, folder, *RECORDING)

    assert (code, asked) == (INTERRUPTED, requests - before)
    assert output(kind, folder, printed) == whole


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.kosmo"


def test_the_command_records_and_replays(file: Path) -> None:
    ask = ("-e", "return #app.integrations.heroku.list_apps()")
    first = kosmo("lua", "--demo", "--record", str(file), *ask)
    code, answer = document("lua", "--from", str(file), "--json", *ask)

    assert (first.returncode, first.stdout) == (0, "19\n")
    assert f"1 request recorded in {file}.\n" in first.stderr
    assert (code, answer["result"], answer["meta"]["account"]) == (0, [19], "demo")
    assert any(note.startswith(f"Answered from {file}, recorded ") for note in answer["meta"]["notes"])


def test_the_command_says_what_it_cannot_replay(file: Path) -> None:
    code, answer = document("lua", "--from", str(file), "--json", "-e", "return 1")
    assert (code, answer["meta"]["error"]["type"], "There is no file" in answer["error"]) == (1, "settings", True)

    kosmo("lua", "--demo", "--record", str(file), "-e", "app.integrations.heroku.list_apps()")
    code, answer = document("lua", "--from", str(file), "--json", "-e", "app.integrations.heroku.get_current_user()")
    assert (code, answer["meta"]["error"]["type"]) == (1, "not_recorded")
    assert "GET /account (account demo) is not in" in answer["error"]


@pytest.mark.parametrize("other", [["--dry-run"], ["--from", "other.jsonl"]])
def test_a_recording_is_of_a_run_that_asks(file: Path, other: list[str]) -> None:
    done = kosmo("lua", "--record", str(file), *other, "-e", "return 1")

    assert (done.returncode, f"--record and {other[0]} exclude one another" in done.stderr) == (2, True)
    assert not file.exists()


@pytest.mark.skipif(not hasattr(os, "setsid"), reason="signals as POSIX has them")
def test_ctrl_c_keeps_what_was_recorded(file: Path) -> None:
    script = "app.integrations.heroku.list_apps() print('now') while true do end"
    process = started("lua", "--demo", "--record", str(file), "--cpu-limit", "1000", "-e", script)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert (process.returncode, [one["status"] for one in answers(file)]) == (130, [200])


# All sessions of a process -----------------------------------------------------------------------------


@pytest.mark.full
def test_a_notebook_is_recorded_and_replayed(file: Path, tmp_path: Path) -> None:
    notebook = ROOT / "notebooks" / "first-steps-lua.ipynb"
    first = kosmo("run", str(notebook), "--demo", "-o", "first.ipynb", "--record", str(file), cwd=tmp_path)
    second = kosmo("run", str(notebook), "--demo", "-o", "second.ipynb", "--from", str(file), cwd=tmp_path)
    shown = (tmp_path / "second.ipynb").read_text(encoding="utf-8")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "recorded in" not in (tmp_path / "first.ipynb").read_text(encoding="utf-8")
    assert f"Answered from {file}" in shown
    cost, again = (done.stderr.partition(" requests, ")[0].partition(" for ")[2] for done in (first, second))
    assert cost == again != ""
    recorded = runs(file)[0]["begun"]
    assert second.stderr.endswith(f" s. Answered from {file}, recorded {recorded}. Nothing was sent.\n")


@pytest.mark.full
def test_a_notebook_is_not_run_on_what_is_no_cassette(file: Path, tmp_path: Path) -> None:
    notebook = ROOT / "notebooks" / "first-steps-lua.ipynb"
    code, answer = document("run", str(notebook), "--from", str(file), "--json", cwd=tmp_path)

    assert (code, "cannot be read" in answer["error"], list(tmp_path.iterdir())) == (1, True, [])


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
    files = [part for name in ("r.xml", "r.txt") for part in ("-o", name)]
    code, report = document(*CHECK, "--demo", "--json", *files, cwd=cut_off)
    taken = {"answers": count, "oldest": oldest}
    assert (code, report["taken_over"]) == (1, taken)
    sentence = f"{count} answers taken from audit.kosmo, the oldest "
    assert report["notes"][-1].startswith(sentence)
    assert sentence in (cut_off / "r.xml").read_text(encoding="utf-8")
    assert json.loads((cut_off / "r.txt").read_text(encoding="utf-8"))["taken_over"] == taken


@pytest.mark.parametrize(
    ("args", "of"),
    [
        (("lua", "-e", LISTS), lambda answer: answer["meta"]),
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
