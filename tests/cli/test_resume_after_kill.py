"""A run that was killed at any moment goes on: nothing answered is asked again, and the output is the same bytes."""

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
from kosmo_command import COMMAND, environment
from msgspec.structs import asdict
from nbformat.v4 import new_code_cell, new_notebook
from recorded import paths

from kosmo_kernel import archive
from kosmo_kernel.cli.streams import INTERRUPTED
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.inventory import PAGE

LARGE, SMALL = 500, 30  # companies, by the number of their apps
KILLS = 5  # of one run
TIMES = {"begun", "ended", "time", "taken_over"}  # in the summary of a folder
AUDIT = """
local apps = heroku.list_apps()
local dynos = heroku.list_dynos({ app_id = apps })
for _, dyno in ipairs(dynos) do print(dyno.app.name, dyno.name, dyno.state) end
local counts = parallel.map(apps, function(app) return #heroku.list_domains(app) end)
print(#apps, #dynos, table.concat(counts, " "))
"""
COMMANDS = {
    "script": ("integrations:lua", "audit.lua"),
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
            if taken := report.pop("taken_over", None):  # the report says so, and is the same otherwise
                assert report["notes"].pop().startswith(f"{taken['answers']:,} answer")
            return report
        case "snapshot":
            saved = archive.read(folder / "saved.kosmo")
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


def kept(folder: Path) -> Counter[str]:
    """Return the requests whose answers are in the recording."""
    file = folder / "audit.kosmo"
    return Counter(path.partition("?")[0] for path in paths(file)) if file.exists() else Counter()


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
        before = kept(folder)
        code, _, asked = ran(kind, apps, folder, *RECORDING, at=max(1, moment - before.total()))
        assert (code, asked <= requests - before) == (-signal.SIGKILL, True)

    before = kept(folder)
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
    before = kept(folder)
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
    before = kept(folder)
    _, printed, asked = ran(kind, SMALL, folder, *RECORDING)

    assert (code, asked) == (INTERRUPTED, requests - before)
    assert output(kind, folder, printed) == whole
