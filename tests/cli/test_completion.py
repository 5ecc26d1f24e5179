"""Test what shells complete behind `kosmo`: in bash, zsh and fish themselves, where they are installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pexpect
import pytest
from kosmo_command import COMMAND, environment, kosmo
from patience import PATIENCE

from kosmo_kernel.cli import COMMANDS, SHORT
from kosmo_kernel.cli.completion import SHELLS
from kosmo_kernel.cli.options import keep_names, listed_by
from kosmo_kernel.docs import GUIDES
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN
from kosmo_kernel.questions.discovery import table_names
from kosmo_kernel.session import Session

FUNCTIONS = [f"heroku.{function.name}" for function in HEROKU.functions]
CASES = [
    ("kosmo ", [*SHORT, *COMMANDS]),
    ("kosmo integrations:l", ["integrations:lua", "integrations:list"]),
    ("kosmo accounts:", [name for name in COMMANDS if name.startswith("accounts:")]),
    ("kosmo completion ", list(SHELLS)),
    ("kosmo integrations:lua --cp", ["--cpu-limit"]),
    ("kosmo integrations:lua --format js", ["json"]),
    ("kosmo integrations:lua --account ", ["ops", "demo"]),
    ("kosmo integrations:lua --account=o", ["--account=ops"]),
    ("kosmo integrations:call heroku.get_", [name for name in FUNCTIONS if name.startswith("heroku.get_")]),
    ("kosmo integrations:call heroku.list_dynos --app", ["--app-id"]),
    (
        "kosmo integrations:heroku list_a",
        [name[7:] for name in FUNCTIONS if name.startswith("heroku.list_a")],
    ),
    ("kosmo integrations:heroku list_dynos --err", ["--errors"]),
    ("kosmo integrations:heroku list_dynos --account d", ["demo"]),
    ("kosmo integrations:docs heroku.list_d", ["heroku.list_dynos", "heroku.list_dyno_sizes", "heroku.list_domains"]),
    ("kosmo integrations:docs err", [page for page in GUIDES if page.startswith("err")]),
    ("kosmo integrations:schema heroku.get_curr", ["heroku.get_current_user"]),
    ("kosmo integrations:call nonsense --", ["--json", "--help"]),
]


@pytest.fixture(autouse=True)
def _program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`kosmo` as a shell finds it, and an account beside the demo."""
    program = tmp_path / "bin" / "kosmo"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kosmo_kernel "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    for name, value in environment({"HEROKU_API_KEY_OPS": "fictional"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")


def installed(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    return found


def said(shell: str, script: str, *args: str) -> list[str]:
    """Return the lines that a script prints in a shell."""
    done = subprocess.run([shell, *args, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.full
@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_bash_is_told_what_can_follow_what_it_takes_for_the_word(line: str, wanted: list[str]) -> None:
    script = f"""eval "$(kosmo completion bash)"
        COMP_LINE='{line}' COMP_POINT={len(line)}
        _kosmo_completion kosmo
        [ ${{#COMPREPLY[@]}} = 0 ] || printf '%s\\n' "${{COMPREPLY[@]}}" """
    word = line.rpartition(" ")[2]
    taken = max(word.rfind(mark) for mark in ":=") + 1  # bash's word begins behind it
    assert said(installed("bash"), script, "--norc") == [one[taken:] for one in wanted]


@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_fish_completes_with_a_line_on_each(line: str, wanted: list[str]) -> None:
    found = said(installed("fish"), f"kosmo completion fish | source; complete --do-complete '{line}'", "--no-config")
    assert sorted(one.partition("\t")[0] for one in found) == sorted(wanted)
    if line == "kosmo ":
        summaries = {name: COMMANDS[SHORT.get(name, name)].summary for name in wanted}
        assert dict(one.split("\t") for one in found) == summaries


def typing(shell: pexpect.spawn[str], line: str) -> None:
    """Type a line, as far as it is written here, and have the shell complete it."""
    shell.send(f"{line}\t")


@pytest.fixture
def bash(tmp_path: Path) -> Iterator[pexpect.spawn[str]]:
    start = ["--norc", "--noprofile", "-i"]
    with pexpect.spawn(installed("bash"), start, encoding="utf-8", timeout=PATIENCE, cwd=tmp_path) as shell:
        shell.sendline("PS1='rea''dy> '; bind 'set enable-bracketed-paste off'; bind 'set show-all-if-ambiguous on'")
        shell.expect_exact("ready> ")
        shell.sendline('eval "$(kosmo completion bash)"')
        shell.expect_exact("ready> ")
        yield shell


def test_a_line_of_bash_is_completed_across_the_colon(bash: pexpect.spawn[str]) -> None:
    typing(bash, "kosmo integrations:lu")
    bash.expect_exact("kosmo integrations:lua ")
    typing(bash, "--dem")
    bash.expect_exact("--demo ")
    bash.sendcontrol("u")
    typing(bash, "kosmo integrations:docs heroku.list_dy")
    bash.expect_exact("heroku.list_dyno_sizes")
    bash.sendcontrol("u")
    typing(bash, "kosmo integrations:s")
    bash.expect(r"status +search +schema")


def test_bash_completes_the_files_that_a_script_can_be(bash: pexpect.spawn[str], tmp_path: Path) -> None:
    (tmp_path / "an_audit.lua").touch()
    typing(bash, "kosmo integrations:lua an_")
    bash.expect_exact("an_audit.lua ")


def test_a_line_of_zsh_is_completed_with_a_line_on_each(tmp_path: Path) -> None:
    with pexpect.spawn(installed("zsh"), ["-f", "-i"], encoding="utf-8", timeout=PATIENCE, cwd=tmp_path) as shell:
        shell.sendline("PS1='rea''dy> '; autoload -U compinit && compinit -u -D && eval \"$(kosmo completion zsh)\"")
        shell.expect_exact("ready> ")
        typing(shell, "kosmo integrations:s")
        shell.expect(r"integrations:search +-- Find functions")
        shell.sendcontrol("u")
        typing(shell, "kosmo integrations:call heroku.list_dy")
        shell.expect_exact("nos")


def test_another_shell_is_no_choice() -> None:
    done = kosmo("completion", "tcsh")
    assert done.returncode == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'." in done.stderr


def test_a_page_and_a_function_of_every_kind_can_be_completed() -> None:
    done = subprocess.run(
        COMMAND,
        env=environment({"_KOSMO_COMPLETE": "bash_complete", "COMP_LINE": "kosmo integrations:docs "}),
        capture_output=True,
        text=True,
        check=True,
    )
    tables = [f"heroku.tables.{name}" for name in table_names("heroku")]
    pages = ("heroku", "heroku.reference", "heroku.tables", *tables, "heroku.left_out", *FUNCTIONS, *GUIDES)
    assert done.stdout.split() == [f"plain,{name}" for name in pages]


# Names that were listed before


def completed(line: str) -> list[str]:
    """Return what bash is offered, without its words for the kind."""
    asked = environment({"_KOSMO_COMPLETE": "bash_complete", "COMP_LINE": line, "COMP_WORDBREAKS": " =:"})
    done = subprocess.run(COMMAND, env=asked, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [item.removeprefix("plain,") for item in done.stdout.split()]


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the names; the apps of the demo were listed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with Session("demo") as session:
        session.call("heroku.list_apps", {})
        keep_names(session)
    return tmp_path / "cache" / "kosmo_kernel" / "names"


@pytest.mark.claim("files-owner-only")
def test_the_names_of_listed_apps_are_completed_for_their_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    line = "kosmo integrations:heroku list_dynos {}"
    assert completed(line.format("--demo --app-id ")) == []
    assert kosmo("integrations:lua", "--demo", "-e", "return #heroku.list_apps()").stdout == "19\n"
    for typed in ("--demo --app-id my", "--demo --app-id=my", "--account demo --arg app_id=my"):
        assert completed(line.format(typed)) == ["my-app"]
    assert completed("kosmo integrations:call heroku.demo.get_app --app-id my") == ["my-app"]
    assert completed(line.format("--account ops --app-id my")) == []
    pipelines = json.loads(kosmo("integrations:heroku", "list_pipelines", "--demo", "--json").stdout)["data"]
    of_pipelines = completed("kosmo integrations:heroku list_pipeline_couplings --demo --pipeline-id ")
    assert of_pipelines == [one["id"] for one in pipelines] != []
    files = [*tmp_path.rglob("*.json")]
    assert [file.stat().st_mode & 0o777 for file in (*files, files[0].parent)] == [0o600, 0o600, 0o700]


def spoil(file: Path, how: str) -> None:
    if how == "old":
        os.utime(file, (time.time() - 301,) * 2)
    elif how == "open to others":
        file.chmod(0o644)
    elif how == "a link":
        file.rename(file.with_suffix(".away"))
        file.symlink_to(file.with_suffix(".away"))
    else:
        file.write_text(how, encoding="utf-8")


WORDS = ("my-a\x1b[31m", "my-b;rm", "my-c d", "my-$(d)", "--my", "my-e\n", "my-f\u202e", ["my-g"], "my-ok")
HOSTILE_NAMES = json.dumps([*({"name": word} for word in WORDS), "my-h", {"name": "-", "id": "my-i;"}])


@pytest.mark.claim("command-completion")
@pytest.mark.parametrize(
    ("how", "offered"),
    [("old", []), ("open to others", []), ("a link", []), ("no JSON", []), ("{}", []), (HOSTILE_NAMES, ["my-ok"])],
)
def test_names_that_are_old_or_not_to_be_trusted_are_not_offered(names: Path, how: str, offered: list[str]) -> None:
    (file,) = names.iterdir()
    spoil(file, how)
    click_context = click.Context(click.Command("list_dynos"))
    click_context.params = {"demo": True}
    (app_id,) = HEROKU.function("list_dynos").params
    completer = listed_by(HEROKU, app_id)
    assert completer is not None
    assert [item.value for item in completer(click_context, click.Option(["--app-id"]), "my")] == offered


def test_a_home_that_cannot_be_written_to_does_not_fail_the_command(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    done = kosmo("integrations:heroku", "list_apps", "--demo", env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert (done.returncode, "my-app" in done.stdout) == (0, True)


def test_settings_that_become_invalid_during_a_command_do_not_fail_it(
    demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HEROKU_API_URL", demo_url)
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    with Session() as session:
        session.call("heroku.list_apps", {})
        monkeypatch.setenv("HEROKU_API_URL", "http://heroku.example")  # which must not receive a token
        keep_names(session)
    assert [*tmp_path.rglob("*.json")] == []
