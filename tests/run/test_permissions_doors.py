"""How each door asks whether a call may be made: the magic, the Lua kernel, the command on a terminal and in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pexpect
import pytest
from kernel_client import PATIENCE, Kernel, start
from kosmo_command import COMMAND, document, environment, kosmo
from python_shell import MakeShell, run, shells, value

from kosmo_kernel.errors import NotAllowedError

LIST = "return #app.integrations.heroku.demo.list_apps()"
QUESTION = "heroku.list_apps reads from Heroku, account demo. Go on, for all of this run? [y/N] "


@pytest.fixture(autouse=True)
def careful(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who wants to be asked before Heroku is read, the fictional account as well."""
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home))
    (home / "config.toml").write_text('[integrations.heroku.permissions]\nread = "ask"\n', encoding="utf-8")


# The magic ---------------------------------------------------------------------------------------------


@pytest.fixture
def make_shell() -> Iterator[MakeShell]:
    with shells() as make:
        yield make


@pytest.fixture
def shell(make_shell: MakeShell) -> Any:
    made = make_shell()
    value(made, "%load_ext kosmo_kernel")
    return made


def test_the_magic_asks_and_goes_on(
    shell: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    assert value(shell, f"%%kosmo_lua\n{LIST}") > 0
    assert QUESTION in capsys.readouterr().out


def test_the_magic_fails_where_the_answer_is_no_and_where_there_is_none(
    shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for typed, why in (("n\n", "the answer was no"), ("", "there is nobody to ask here")):
        monkeypatch.setattr(sys, "stdin", StringIO(typed))
        error = run(shell, f"%%kosmo_lua\n{LIST}").error_in_exec
        assert isinstance(error, NotAllowedError)
        assert why in error.message


# The Lua kernel ----------------------------------------------------------------------------------------


@pytest.fixture
def kernel(kernel_list: None) -> Iterator[Kernel]:
    one = start()
    yield one
    one.stop()


def test_the_kernel_asks_the_front_end_and_an_interrupt_ends_the_wait(kernel: Kernel) -> None:
    request = kernel.client.execute(f"{LIST} > 0", allow_stdin=True)
    asked = kernel.client.get_stdin_msg(timeout=PATIENCE)
    assert (asked["content"]["prompt"], asked["content"]["password"]) == (QUESTION, False)
    kernel.client.input("y")
    assert kernel.reply(request)["status"] == "ok"

    request = kernel.client.execute(LIST, allow_stdin=False)
    reply = kernel.reply(request)
    assert (reply["ename"], "there is nobody to ask here" in reply["evalue"]) == ("NotAllowedError", True)

    for code in (LIST, f"parallel.map({{ 1, 2, 3 }}, function() {LIST} end)"):
        request = kernel.client.execute(code, allow_stdin=True)
        kernel.client.get_stdin_msg(timeout=PATIENCE)
        kernel.manager.interrupt_kernel()
        assert kernel.reply(request)["ename"] == "StoppedError"
    assert kernel.value("return 1") == "1"


# The command -------------------------------------------------------------------------------------------


def test_the_command_asks_on_a_terminal_and_prints_nothing_else_on_standard_output(tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = f"{' '.join(COMMAND)} integrations:lua --json -e '{LIST}' > {out}"
    with pexpect.spawn("/bin/sh", ["-c", line], env=environment(), encoding="utf-8", timeout=30) as terminal:
        terminal.expect_exact(QUESTION)
        terminal.sendline("y")
        terminal.expect(pexpect.EOF)
    assert '"permission_bypassed": false' in out.read_text(encoding="utf-8")


def test_ctrl_c_at_the_question_ends_the_command() -> None:
    command = [*COMMAND[1:], "integrations:lua", "-e", LIST]
    with pexpect.spawn(COMMAND[0], command, env=environment(), encoding="utf-8", timeout=30) as terminal:
        terminal.expect_exact(QUESTION)
        terminal.sendintr()
        terminal.expect("Interrupted")
        terminal.expect(pexpect.EOF)
        assert terminal.wait() == 130


def test_in_a_pipe_the_command_fails_and_force_makes_it_go_on() -> None:
    told = kosmo("integrations:lua", "-e", LIST, stdin=b"y\n")
    assert (told.returncode, told.stdout) == (1, "")
    assert "there is nobody to ask here" in told.stderr
    assert "kosmo integrations:configure heroku --read allow" in told.stderr
    code, answer = document("integrations:lua", "--json", "--force", "-e", LIST)
    assert (code, answer["success"], answer["meta"]["permission_bypassed"]) == (0, True, True)
    code, answer = document("integrations:lua", "--json", "-e", LIST)
    assert (code, answer["meta"]["permission_bypassed"], answer["meta"]["error"]["type"]) == (1, False, "permission")


def test_a_single_call_asks_and_forces_as_a_script_does() -> None:
    code, answer = document("integrations:call", "heroku.list_apps", "--demo", "--json")
    assert (code, answer["meta"]["error"]["type"]) == (1, "permission")
    code, answer = document("integrations:call", "heroku.list_apps", "--demo", "--json", "--force")
    assert (code, answer["success"], answer["meta"]["permission_bypassed"]) == (0, True, True)
