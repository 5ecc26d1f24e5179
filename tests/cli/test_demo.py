"""`kosmo demo` and `kosmo demo:serve`: what a newcomer sees first."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import nbformat
import pytest
from kernel_client import listed
from kosmo_command import kosmo, on_terminal, started
from nbformat.sign import NotebookNotary
from python_shell import run, shells
from repository import ROOT

from kosmo_kernel.cli import outcome
from kosmo_kernel.cli.demo import CELL, COLUMNS, PYTHON, READ_ONLY, copy_of_notebooks, typed_command
from kosmo_kernel.integrations.heroku.demo.company import Company, company


def crashed_dynos(demo: Company) -> Iterator[list[str]]:
    for app in demo.apps:
        for dyno in demo.resources_of(app).dynos:
            if dyno["state"] == "crashed":
                day, clock = dyno["updated_at"][:16].split("T")
                yield [app["name"], dyno["name"], "crashed", dyno["size"], day, clock]


def test_the_demo_shows_the_crashed_dynos_of_the_company_in_one_table() -> None:
    done = kosmo("demo")
    words = [line.split() for line in done.stdout.splitlines()]
    expected = list(crashed_dynos(company()))
    start = words.index(expected[0])
    assert words[start : start + len(expected)] == expected
    assert words[start + len(expected)][:2] == [str(len(expected)), "records"]
    assert (done.returncode, done.stderr) == (0, "")
    assert len(words) <= 60


def test_the_lua_and_the_python_of_the_demo_find_the_same_in_a_notebook() -> None:
    shown = [line.removeprefix("   ").rstrip() for line in kosmo("demo").stdout.splitlines()]
    for code in (CELL, PYTHON):
        start = shown.index(code.splitlines()[0])
        assert "\n".join(shown[start : start + code.count("\n") + 1]) == code
    with shells() as make_shell:
        shell = make_shell()
        for cell in ("%load_ext kosmo_kernel\n%kosmo demo", CELL, "of_lua = crashed", PYTHON):
            run(shell, cell).raise_error()
        of_lua = shell.user_ns["of_lua"]
    assert of_lua[list(COLUMNS)].equals(shell.user_ns["crashed"][list(COLUMNS)].reset_index(drop=True))


def test_the_demo_ends_with_what_comes_next() -> None:
    lines = [line.strip() for line in kosmo("demo").stdout.splitlines()]
    assert lines[-5].endswith(" demo --lab")
    assert lines[-2] == f"{READ_ONLY} |"
    assert lines[-1].endswith(" accounts:add default -")
    scope = re.search(r"-s (\S+)", READ_ONLY)
    assert scope is not None
    assert scope[1] == "read,identity"


def test_the_demo_and_the_readme_name_one_way_to_an_account() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"$ {READ_ONLY} | kosmo accounts:add default -\n" in readme


def test_the_demo_in_a_pipe_is_plain_and_80_columns_wide() -> None:
    shown = kosmo("demo").stdout
    assert "\x1b" not in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("columns", [80, 120])
def test_the_demo_on_a_terminal_is_coloured_and_not_clipped(columns: int) -> None:
    screen = on_terminal("demo", columns=columns)
    assert "\x1b[1;31mcrashed" in screen
    assert "\x1b[1;34mlocal" in screen
    assert "…" not in screen
    assert max(len(line) for line in re.sub(r"\x1b\[[\d;]*m", "", screen).splitlines()) <= columns


def test_the_next_command_is_written_as_this_one_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = tmp_path / "kosmo"
    command.write_text("#!/bin/sh\n", encoding="utf-8")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", [".venv/bin/kosmo", "demo"])
    assert typed_command() == ".venv/bin/kosmo"
    monkeypatch.setattr(sys, "argv", ["/somewhere/kosmo_kernel/__main__.py", "demo"])
    assert typed_command().endswith(" -m kosmo_kernel")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert typed_command() == "kosmo"
    monkeypatch.setattr(sys, "argv", [str(command), "demo"])
    assert typed_command() == "kosmo"


def test_notebooks_are_copied_and_what_a_user_has_there_stays(tmp_path: Path) -> None:
    shipped, folder = tmp_path / "shipped", tmp_path / "kosmo-demo"
    for place in (shipped, folder):
        place.mkdir()
    ours = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    for name in ("1 first.ipynb", "2 second.ipynb", "notes.txt"):
        (shipped / name).write_text(ours, encoding="utf-8")
    (shipped / "a snapshot.kosmo").write_text("{}", encoding="utf-8")
    (folder / "1 first.ipynb").write_text("mine", encoding="utf-8")
    copy_of_notebooks(shipped, folder)
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()} == {
        "1 first.ipynb": "mine",
        "2 second.ipynb": ours,
        "a snapshot.kosmo": "{}",
    }
    notary = NotebookNotary()
    with closing(notary.store):
        assert notary.check_signature(nbformat.read(folder / "2 second.ipynb", as_version=4))


def test_a_folder_that_cannot_be_made_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "kosmo-demo").write_text("a file", encoding="utf-8")
    done = kosmo("demo", "--lab", cwd=tmp_path)
    assert done.stderr == f"Error: The notebooks cannot be copied to {tmp_path / 'kosmo-demo'}: File exists.\n"
    assert done.returncode == 1


@pytest.mark.full
def test_lab_opens_the_folder_with_the_demo_as_its_account(tmp_path: Path) -> None:
    stand_in = tmp_path / "packages" / "jupyterlab"
    stand_in.mkdir(parents=True)
    tell = "import json, os, sys\nprint(json.dumps([os.environ['KOSMO_DEMO'], sys.argv[1:]]))\n"
    (stand_in / "__init__.py").touch()
    (stand_in / "__main__.py").write_text(tell, encoding="utf-8")
    path = f"{tmp_path / 'packages'}:{ROOT}"
    (tmp_path / "kosmo-demo").mkdir()
    (tmp_path / "kosmo-demo" / "0 mine.ipynb").touch()  # what is the user's own is not opened in place of ours
    done = kosmo(
        "demo",
        "--lab",
        "--no-open",
        "--port",
        "8899",
        cwd=tmp_path,
        env=listed(tmp_path / "known") | {"PYTHONPATH": path, "KOSMO_DEMO": "0"},
    )
    demo, args = json.loads(done.stdout)
    assert demo == "1"
    assert f"--ServerApp.root_dir={tmp_path / 'kosmo-demo'}" in args
    assert {"--no-browser", "--ServerApp.port=8899", "--ServerApp.port_retries=0"} <= set(args)
    assert "--LabApp.default_url=/lab/tree/first-steps.ipynb" in args


def test_without_jupyterlab_there_is_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("kosmo_kernel.cli.demo.find_spec", lambda _: None)
    assert outcome(["demo", "--lab"]) == 1
    message = f"Error: JupyterLab is not installed here. Install it: {sys.executable} -m pip install jupyterlab\n"
    assert capsys.readouterr().err == message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("options", "apps"), [([], 19), (["--apps", "3", "--seed", "7", "--latency", "1"], 3)])
def test_the_look_alike_serves_other_programs_until_ctrl_c(options: list[str], apps: int) -> None:
    with started("demo:serve", *options) as server:
        assert server.stdout is not None
        settings = dict(server.stdout.readline().strip().split("=", 1) for _ in range(2))
        assert list(settings) == ["HEROKU_API_URL", "HEROKU_API_KEY"]
        asked = kosmo("lua", "-e", "return #app.integrations.heroku.list_apps()", env=settings)
        server.send_signal(signal.SIGINT)
        assert (asked.returncode, asked.stdout) == (0, f"{apps}\n")
    assert server.returncode == 130


def test_the_look_alike_has_the_budget_and_the_today_that_it_is_given() -> None:
    with started("demo:serve", "--budget", "1", "--now", "2027-01-19T09:00:00Z") as server:
        assert server.stdout is not None
        address, token = (server.stdout.readline().strip().partition("=")[2] for _ in range(2))
        headers = {"Accept": "application/vnd.heroku+json; version=3", "Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=address, headers=headers, trust_env=False) as client:
            assert client.get("/apps/my-app").json()["released_at"] == "2027-01-13T10:26:08Z"
            assert client.get("/apps/my-app").status_code == 429
        server.send_signal(signal.SIGINT)


@pytest.mark.parametrize("option", ["--budget=0", "--budget=many", "--now=soon", "--now=0001-01-01", "--scope=reed"])
def test_the_look_alike_refuses_what_it_cannot_be(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["demo:serve", option]) == 2
    words = {"--budget": "a whole", "--now": "a time", "--scope": "scopes of Heroku's, identity, read,"}
    assert capsys.readouterr().err.count(f"it takes {words[option.partition('=')[0]]}") == 1


def test_the_look_alike_fails_as_often_as_told() -> None:
    with started("demo:serve", "--fault", "503=0", "--fault", "html=100%") as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip().partition("=")[2]
        kinds = {httpx.get(f"{address}/apps", trust_env=False).headers["Content-Type"] for _ in range(3)}
        server.send_signal(signal.SIGINT)
    assert (kinds, server.returncode) == ({"text/html; charset=utf-8"}, 130)


def test_faults_that_cannot_be_are_one_message_that_names_the_kinds() -> None:
    done = kosmo("demo:serve", "--fault", "429=5%", "--fault", "flood=0.1", "--fault", "slow=2")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == (
        "Error: Invalid value for '--fault': These faults cannot be: `flood` is no kind; the rate of `slow` is 2. "
        "The kinds are 429, 503, reset, truncated, html, slow; a rate is a number from 0 to 1 or a percentage, and "
        "together they are 1 at most."
    )


def test_a_port_in_use_is_one_clear_message() -> None:
    with started("demo:serve") as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip().rpartition(":")[2]
        done = kosmo("demo:serve", "--port", port)
        server.terminate()
    assert (done.returncode, done.stdout) == (1, "")
    assert re.match(rf"Error: The demo cannot listen on 127\.0\.0\.1, port {port}: ", done.stderr)
