"""A run that was killed at any moment goes on: nothing answered is asked again, and the output is the same bytes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import nbformat
import pytest
from kosmo_command import COMMAND, environment
from nbformat.v4 import new_code_cell, new_notebook

from kosmo_kernel.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.demo.company import company
from kosmo_kernel.demo.server import serve

APPS = 500
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
    "snapshot": ("snapshot", "-o", "saved"),
}
Whole = tuple[Any, Counter[str]]  # the output of a run, and what it asked
RECORDING = ("--record", "audit.jsonl", "--resume")


class CountedApi:
    """The look-alike, which counts what it is asked, and can kill a process at a request."""

    def __init__(self, apps: int) -> None:
        self._api = DemoApi(company(apps), capacity=1_000_000)
        self._lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self._kill_at, self._process = 0, 0

    def begin(self) -> None:
        """Forget what was asked."""
        self.asked, self._kill_at = Counter(), 0

    def kill(self, process: int, at: int) -> None:
        """Kill a process and its children at the request of this number."""
        self._process, self._kill_at = process, at

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path != "/account/rate-limits":
            with self._lock:
                self.asked[path] += 1
                if self._kill_at and self.asked.total() >= self._kill_at:
                    self._kill_at = 0
                    kill(self._process)
        return self._api(environ, start_response)


def kill(process: int) -> None:
    """Kill a process and all of its children, those first that cannot start others."""
    for child in Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8").split():
        kill(int(child))
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


@cache
def api(apps: int) -> CountedApi:
    return CountedApi(apps)


def start(kind: str, folder: Path, url: str, *more: str) -> subprocess.Popen[bytes]:
    env = {"HEROKU_API_URL": url, "HEROKU_API_KEY": DEMO_TOKEN, "KOSMO_DEMO": "", "KOSMO_PROGRESS": "0"}
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
    files = {path.name: path.read_bytes() for path in (folder / "saved").iterdir()}
    manifest = json.loads(files.pop("manifest.json"))
    return files, {name: value for name, value in manifest.items() if name not in ("begun", "ended")}


@cache
def undisturbed(kind: str, apps: int, folder: Path) -> Whole:
    """Return the output of a run that nothing ends, and what it asked."""
    asked = api(apps)
    asked.begin()
    with serve(asked) as served:
        folder = folder_for(kind, folder)
        printed, _ = start(kind, folder, served.url).communicate(timeout=120)
    return output(kind, folder, printed), asked.asked


def check_goes_on(kind: str, apps: int, folder: Path, seed: int, expected: Whole) -> None:
    """Kill a run at a random moment, go on with it, and compare."""
    asked, moment, (whole, requests) = api(apps), random.Random(seed), expected
    folder = folder_for(kind, folder)
    with serve(asked) as served:
        asked.begin()
        process = start(kind, folder, served.url, *RECORDING)
        asked.kill(process.pid, moment.randrange(1, requests.total()))
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL
        lines = (folder / "audit.jsonl").read_bytes().split(b"\n")[:-1] if (folder / "audit.jsonl").exists() else []
        kept = Counter(line["path"].partition("?")[0] for line in map(json.loads, lines) if "path" in line)
        asked.begin()
        printed, _ = start(kind, folder, served.url, *RECORDING).communicate(timeout=120)

    assert output(kind, folder, printed) == whole
    assert asked.asked == requests - kept


def test_a_killed_audit_goes_on_where_it_was(tmp_path: Path) -> None:
    expected = undisturbed("script", 40, tmp_path / "whole")
    check_goes_on("script", 40, tmp_path, random.randrange(10**6), expected)


@pytest.mark.full
@pytest.mark.usefixtures("kernel_list")
@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("kind", COMMANDS)
def test_a_killed_run_of_any_kind_goes_on_where_it_was(
    kind: str, seed: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    expected = undisturbed(kind, APPS, tmp_path_factory.getbasetemp() / "undisturbed")
    check_goes_on(kind, APPS, tmp_path, seed, expected)
