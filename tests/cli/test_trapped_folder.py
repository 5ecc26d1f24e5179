"""Nothing in the folder of a notebook runs as Python, through whatever door one comes in.

A Python notebook is Jupyter's own business: its kernel takes modules from there, as people expect of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
from full_matrix import full_except
from jupyter_client.blocking.client import BlockingKernelClient
from kernel_client import NAME, listed, running
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from nbformat.v4 import new_code_cell, new_notebook
from patience import PATIENCE
from repository import ROOT
from trapped import MODULES, Trapped, write

from kosmo_kernel.settings.installation import OPTIONS, is_safe, options, with_safe_options

KOSMO = str(Path(sys.executable).with_name("kosmo"))
OLD = ["python", "-m", "kosmo_kernel.kernel", "-f", "{connection_file}"]
LUA = "regex.match('a', 'a')[0] == 'a', #app.integrations.heroku.list_apps()"

Env = Mapping[str, str]


@pytest.fixture
def trapped(tmp_path: Path) -> Trapped:
    """Return the folder of somebody else, with a notebook."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    notebook = new_notebook(cells=[new_code_cell(LUA), new_code_cell("app.integrations.heroku.list_apps()")])
    notebook.metadata.kernelspec = {"name": NAME, "display_name": NAME, "language": "lua"}
    nbformat.write(notebook, folder / "book.ipynb")
    return write(folder, tmp_path / "marks")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "ours"
    folder.mkdir()
    return folder


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Where Jupyter finds the kernel as `pip install` brings it, in an environment without PYTHONPATH."""
    more = listed(tmp_path / "known") | {"JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"), "JUPYTER_PORT": "0"}
    return {name: value for name, value in (os.environ | more).items() if name != "PYTHONPATH"}


def done(*command: str, cwd: Path, env: Env) -> subprocess.CompletedProcess[str]:
    """Run to the end, successfully."""
    ended = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended


def write_entry(env: Env, command: list[str]) -> None:
    """Have Jupyter's list say that the kernel is started so."""
    file = Path(env["JUPYTER_PATH"], "kernels", NAME, "kernel.json")
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | {"argv": command}), encoding="utf-8")


# The traps -------------------------------------------------------------------------------------------


PLAIN_MODULES = [name for name in MODULES if "__main__" not in name]


@pytest.mark.parametrize("name", full_except(PLAIN_MODULES, *PLAIN_MODULES[::4]))
def test_each_file_runs_where_python_looks_in_the_folder(trapped: Trapped, env: Env, name: str) -> None:
    module = name.removesuffix("/__init__").replace("/", ".")
    code = f"import sys; sys.modules.pop({module!r}, None); import {module}"
    subprocess.run([sys.executable, "-c", code], cwd=trapped.folder, env=env, capture_output=True, check=False)
    assert name.replace("/", ".") in trapped.ran


@pytest.mark.parametrize(
    "arguments", [["kosmo_kernel.kernel", "-f", "x"], ["kosmo_kernel", "--version"], ["jupyterlab"]]
)
def test_the_folder_runs_where_python_starts_in_it_without_the_options(
    trapped: Trapped, env: Env, arguments: list[str]
) -> None:
    subprocess.run([sys.executable, "-m", *arguments], cwd=trapped.folder, env=env, capture_output=True, check=False)
    assert trapped.ran != set()


def test_the_folder_runs_where_a_variable_leads_into_it(trapped: Trapped, env: Env) -> None:
    command = [sys.executable, "-P", "-c", "pass"]
    subprocess.run(command, cwd=trapped.folder, env={**env, "PYTHONPATH": ":/x"}, capture_output=True, check=False)
    assert "sitecustomize" in trapped.ran


@pytest.mark.claim("folder-templates")
@pytest.mark.full
def test_a_template_of_the_folder_runs_where_nbconvert_looks_by_itself(trapped: Trapped, env: Env) -> None:
    code = (
        "from nbconvert import HTMLExporter; from nbformat.v4 import new_notebook;"
        "HTMLExporter(template_name='lab').from_notebook_node(new_notebook())"
    )
    command = [sys.executable, "-P", "-c", code]
    subprocess.run(command, cwd=trapped.folder, env=env, capture_output=True, check=False)
    assert trapped.ran == {"template"}


# The doors -------------------------------------------------------------------------------------------


def speaks(env: Env, folder: Path) -> None:
    """Check that Jupyter's kernel runs cells in a folder, completes, and shows tables."""
    with pytest.MonkeyPatch.context() as patch:
        for name in {*os.environ, *env}:
            if name not in env:
                patch.delenv(name)
            elif os.environ.get(name) != env[name]:
                patch.setenv(name, env[name])
        with running(cwd=str(folder)) as kernel:
            assert kernel.value(LUA) == "true\t19"
            assert "my-app" in kernel.value("app.integrations.heroku.list_apps()")
            assert kernel.reply(kernel.client.complete("string.re", 9))["matches"] == ["rep", "reverse"]
            assert kernel.reply(kernel.client.history(hist_access_type="tail", n=1))["status"] == "ok"
            assert kernel.run("%kosmo status")[0]["status"] == "ok"


def jupyter(trapped: Trapped, _elsewhere: Path, env: Env) -> None:
    speaks(env, trapped.folder)


def installed(trapped: Trapped, elsewhere: Path, env: Env) -> None:
    done(KOSMO, "install", "--prefix", str(elsewhere), cwd=trapped.folder, env=env)
    entry = json.loads((elsewhere / "share/jupyter/kernels" / NAME / "kernel.json").read_text(encoding="utf-8"))
    assert entry["argv"][:3] == [sys.executable, *OPTIONS]
    speaks({**env, "JUPYTER_PATH": str(elsewhere / "share" / "jupyter")}, trapped.folder)


def run_from_elsewhere(trapped: Trapped, elsewhere: Path, env: Env) -> None:
    done(KOSMO, "run", str(trapped.folder / "book.ipynb"), "--html", cwd=elsewhere, env=env)


def run_from_there(trapped: Trapped, _elsewhere: Path, env: Env) -> None:
    done(KOSMO, "run", "book.ipynb", "--html", "-o", "copy.ipynb", cwd=trapped.folder, env=env)
    assert "my-app" in (trapped.folder / "copy.html").read_text(encoding="utf-8")


def run_with_an_old_entry(trapped: Trapped, elsewhere: Path, env: Env) -> None:
    write_entry(env, OLD)
    run_from_elsewhere(trapped, elsewhere, env)


def lua(trapped: Trapped, _elsewhere: Path, env: Env) -> None:
    assert done(KOSMO, "lua", "-e", LUA, cwd=trapped.folder, env=env).stdout.startswith("true\t")


def mcp_serve(trapped: Trapped, _elsewhere: Path, env: Env) -> None:
    async def ask() -> Any:
        served = StdioServerParameters(command=KOSMO, args=["mcp:serve"], env=dict(env), cwd=trapped.folder)
        async with Client(stdio_client(served)) as client:
            return await client.call_tool("lua_run", {"code": LUA})

    assert not asyncio.run(ask()).is_error


def mcp_list(trapped: Trapped, _elsewhere: Path, env: Env) -> None:
    assert "trap" in done(KOSMO, "mcp:list", cwd=trapped.folder, env=env).stdout


def doctor(trapped: Trapped, elsewhere: Path, env: Env) -> None:
    """Check that the doctor starts the kernel's Python in the folder of its entry."""
    done(KOSMO, "install", "--prefix", str(elsewhere), cwd=trapped.folder, env=env)
    kernels = elsewhere / "share" / "jupyter"
    write(kernels / "kernels" / NAME, trapped.marks)
    command = (KOSMO, "doctor", "--json")
    findings = done(*command, cwd=trapped.folder, env={**env, "JUPYTER_PATH": str(kernels)}).stdout
    found = {one["name"]: one for one in json.loads(findings)["findings"]}
    assert found["jupyter.kernelspec"]["message"].endswith(f" starts {sys.executable}.")


def as_a_module(trapped: Trapped, _elsewhere: Path, env: Env) -> None:
    done(sys.executable, "-P", "-m", "kosmo_kernel", "demo", cwd=trapped.folder, env=env)


DOORS: dict[str, Callable[[Trapped, Path, Env], None]] = {
    "a kernel that Jupyter starts": jupyter,
    "a kernel that kosmo install wrote": installed,
    "kosmo run from elsewhere": run_from_elsewhere,
    "kosmo run from the folder": run_from_there,
    "kosmo run with an old entry": run_with_an_old_entry,
    "kosmo lua": lua,
    "kosmo mcp:serve": mcp_serve,
    "kosmo mcp:list": mcp_list,
    "kosmo doctor": doctor,
    "python -P -m kosmo_kernel": as_a_module,
}


@pytest.mark.claim("folder-kernel", "folder-templates")
@pytest.mark.parametrize(
    "door", full_except(DOORS, "a kernel that Jupyter starts", "kosmo run from the folder", "kosmo lua")
)
def test_nothing_in_the_folder_runs(trapped: Trapped, elsewhere: Path, env: dict[str, str], door: str) -> None:
    DOORS[door](trapped, elsewhere, env)
    assert trapped.ran == set()


VARIABLES: list[dict[str, str]] = [
    {"PYTHONPATH": ":/nowhere"},
    {"PYTHONPATH": "."},
    {"PYTHONPATH": "{folder}"},
    {"PYTHONSTARTUP": "{folder}/trap.py", "PYTHONINSPECT": "1"},
    {"PYTHONUSERBASE": "{folder}"},
    {"PYTHONBREAKPOINT": "trap.trap", "PYTHONWARNINGS": "error::trap.Trap"},
]


@pytest.mark.claim("folder-kernel")
@pytest.mark.parametrize("variables", full_except(VARIABLES, VARIABLES[0], VARIABLES[3]))
def test_no_variable_brings_the_folder_into_a_kernel(
    trapped: Trapped, env: dict[str, str], variables: dict[str, str]
) -> None:
    speaks(env | {name: value.format(folder=trapped.folder) for name, value in variables.items()}, trapped.folder)
    assert trapped.ran == set()


@pytest.mark.full
@pytest.mark.parametrize("path", [":/nowhere", "."])
def test_kosmo_run_starts_kernels_without_what_a_relative_pythonpath_means_there(
    trapped: Trapped, elsewhere: Path, env: dict[str, str], path: str
) -> None:
    run_from_elsewhere(trapped, elsewhere, env | {"PYTHONPATH": path})
    assert trapped.ran == set()


# Once Python has started -----------------------------------------------------------------------------


LATER = tuple(name for name in MODULES if name in ("json", "decimal", "sqlite3", "zmq", "click", "lupa", "httpx"))


def test_python_m_takes_nothing_from_the_folder_that_it_imports_later(tmp_path: Path, env: dict[str, str]) -> None:
    trapped = write(tmp_path / "theirs", tmp_path / "marks", LATER)
    done(sys.executable, "-m", "kosmo_kernel", "demo", cwd=trapped.folder, env=env)
    assert trapped.ran == set()


@pytest.mark.claim("folder-old-kernelspec")
def test_a_kernel_of_an_old_entry_takes_nothing_from_the_folder_that_it_imports_later(
    tmp_path: Path, env: dict[str, str]
) -> None:
    trapped = write(tmp_path / "theirs", tmp_path / "marks", LATER)
    write_entry(env, OLD)
    speaks(env, trapped.folder)
    assert trapped.ran == set()


# kosmo demo --lab ------------------------------------------------------------------------------------


@pytest.mark.claim("folder-lab")
@pytest.mark.full
def test_lab_is_started_without_the_folder_and_away_from_it(
    trapped: Trapped, tmp_path: Path, env: dict[str, str]
) -> None:
    stand_in = tmp_path / "packages" / "jupyterlab"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").touch()
    tell = "import json, os, sys; print(json.dumps([os.getcwd(), sys.flags.safe_path, sys.argv[1:], dict(os.environ)]))"
    (stand_in / "__main__.py").write_text(tell, encoding="utf-8")
    shutil.copytree(trapped.folder, trapped.folder / "kosmo-demo")
    given = {name: value for name, value in env.items() if name != "KOSMO_DEMO"}
    given["PYTHONPATH"] = str(tmp_path / "packages")
    told = done(KOSMO, "demo", "--lab", "--no-open", cwd=trapped.folder, env=given).stdout
    folder, is_safe_there, arguments, its = json.loads(told)
    assert (folder, is_safe_there) == (sys.prefix, True)
    assert f"--ServerApp.root_dir={trapped.folder / 'kosmo-demo'}" in arguments
    assert {name: value for name, value in its.items() if given.get(name) != value} == {"KOSMO_DEMO": "1"}
    assert trapped.ran == set()


def test_lab_does_not_start_where_the_kernel_would_run_the_folder(trapped: Trapped, env: dict[str, str]) -> None:
    write_entry(env, OLD)
    command = [KOSMO, "demo", "--lab", "--no-open"]
    ended = subprocess.run(command, cwd=trapped.folder, env=env, capture_output=True, text=True, check=False)
    place = Path(env["JUPYTER_PATH"], "kernels", NAME)
    assert (ended.returncode, ended.stdout, trapped.ran) == (1, "", set())
    assert ended.stderr.startswith(f"Error: {place / 'kernel.json'} is of an older version: ")
    assert ended.stderr.endswith(f"Remove {place}, and run: kosmo install\n")
    assert not (trapped.folder / "kosmo-demo").exists()


@contextmanager
def lab(folder: Path, env: Env) -> Iterator[tuple[str, str]]:
    """`kosmo demo --lab` on its port: its address and its token."""
    command = [KOSMO, "demo", "--lab", "--no-open"]
    with subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = None
        while found is None and (line := process.stderr.readline()):
            found = re.search(r"(http://(?:localhost|127\.0\.0\.1):\d+)/lab\S*\?token=(\w+)", line)
        try:
            assert found is not None
            yield found[1], found[2]
        finally:
            process.kill()
            process.communicate()


@pytest.mark.full
def test_lab_itself_and_a_kernel_in_it_run_nothing_of_the_folder(trapped: Trapped, env: dict[str, str]) -> None:
    shutil.copytree(trapped.folder, trapped.folder / "kosmo-demo")
    with lab(trapped.folder, env) as (address, token):
        question: dict[str, Any] = {
            "headers": {"Authorization": f"token {token}"},
            "timeout": PATIENCE,
            "trust_env": False,
        }
        started = httpx.post(f"{address}/api/kernels", json={"name": NAME, "path": "/"}, **question)
        client = BlockingKernelClient()
        client.load_connection_file(str(Path(env["JUPYTER_RUNTIME_DIR"], f"kernel-{started.json()['id']}.json")))
        client.start_channels()
        client.wait_for_ready(PATIENCE)
        assert client.execute_interactive("1 + 1", timeout=PATIENCE)["content"]["status"] == "ok"
        client.stop_channels()
        httpx.delete(f"{address}/api/kernels/{started.json()['id']}", **question)
    assert trapped.ran == set()


# What counts as safe ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "has"),
    [
        (["python"], []),
        (["python", "-m", "kosmo_kernel.kernel", "-P"], []),
        (["python", "-c", "-P"], []),
        (["python", "script.py", "-P"], []),
        (["python", "-", "-P"], []),
        (["python", "-Wignore", "-m", "x"], ["-Wignore"]),
        (["python", "-W", "-P", "-m", "x"], ["-W", "-P"]),
        (["python", "-X", "P", "-m", "x"], ["-X", "P"]),
        (["python", "-XP", "-m", "x"], ["-XP"]),
        (["python", "--check-hash-based-pycs", "-P", "x"], ["--check-hash-based-pycs", "-P"]),
        (["python", "-BmP"], []),
    ],
)
def test_a_command_without_the_options_gets_them(command: list[str], has: list[str]) -> None:
    assert (options(command), is_safe(command)) == (has, False)
    assert with_safe_options(command) == ["python", *OPTIONS, *command[1:]]


@pytest.mark.parametrize("written", ["-P", "-I", "-BP", "-IB", "-EP", "-E -P", "-W ignore -P", "-X dev -I -S", "-vPWx"])
def test_a_command_with_the_options_stays_as_it_is(written: str) -> None:
    command = ["python", *written.split(), "-m", "x"]
    assert is_safe(command)
    assert with_safe_options(command) == command


def test_a_word_that_follows_an_option_as_its_value_is_none_itself() -> None:
    assert not is_safe(["python", "-W", "-P"])


def test_the_entry_that_is_shipped_has_the_options() -> None:
    assert options(json.loads((ROOT / "kernel.json").read_text(encoding="utf-8"))["argv"]) == list(OPTIONS)
