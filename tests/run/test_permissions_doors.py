"""Test how a question whether a call may be made is interrupted, and how the command is told the answer beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from kernel_client import Kernel, start
from kosmo_command import COMMAND, document, environment, kosmo
from patience import PATIENCE

LIST = "return #app.integrations.heroku.demo.list_apps()"
QUESTION = "heroku.list_apps reads from Heroku, account demo. Go on, for all of this run? [y/N] "


@pytest.fixture(autouse=True)
def careful(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who wants to be asked before Heroku is read, the fictional account as well."""
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(home))
    (home / "config.toml").write_text('[integrations.heroku.permissions]\nread = "ask"\n', encoding="utf-8")


# The Lua kernel ----------------------------------------------------------------------------------------


@pytest.fixture
def kernel(kernel_list: None) -> Iterator[Kernel]:
    one = start()
    yield one
    one.stop()


def test_an_interrupt_ends_a_question_of_the_kernel(kernel: Kernel) -> None:
    for code in (LIST, f"parallel.map({{ 1, 2, 3 }}, function() {LIST} end)"):
        request = kernel.client.execute(code, allow_stdin=True)
        asked = kernel.client.get_stdin_msg(timeout=PATIENCE)
        assert (asked["content"]["prompt"], asked["content"]["password"]) == (QUESTION, False)
        kernel.manager.interrupt_kernel()
        assert kernel.reply(request)["ename"] == "StoppedError"
    assert kernel.value("return 1") == "1"


# The command -------------------------------------------------------------------------------------------


def test_the_command_asks_on_a_terminal_and_prints_nothing_else_on_standard_output(tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = f"{' '.join(COMMAND)} lua --json -e '{LIST}' > {out}"
    with pexpect.spawn("/bin/sh", ["-c", line], env=environment(), encoding="utf-8", timeout=PATIENCE) as terminal:
        terminal.expect_exact(QUESTION)
        terminal.sendline("y")
        terminal.expect(pexpect.EOF)
    assert '"permission_bypassed": false' in out.read_text(encoding="utf-8")


def test_ctrl_c_at_the_question_ends_the_command() -> None:
    command = [*COMMAND[1:], "lua", "-e", LIST]
    with pexpect.spawn(COMMAND[0], command, env=environment(), encoding="utf-8", timeout=PATIENCE) as terminal:
        terminal.expect_exact(QUESTION)
        terminal.sendintr()
        terminal.expect("Interrupted")
        terminal.expect(pexpect.EOF)
        assert terminal.wait() == 130


def test_in_a_pipe_the_command_fails_and_force_makes_it_go_on() -> None:
    told = kosmo("lua", "-e", LIST, stdin=b"y\n")  # which is no answer of a person
    assert (told.returncode, told.stdout) == (1, "")
    assert "kosmo integrations:configure heroku --read allow" in told.stderr
    code, answer = document("lua", "--json", "--force", "-e", LIST)
    assert (code, answer["success"], answer["meta"]["permission_bypassed"]) == (0, True, True)
    code, answer = document("lua", "--json", "-e", LIST)
    assert (code, answer["meta"]["permission_bypassed"], answer["meta"]["error"]["type"]) == (1, False, "permission")


def test_a_single_call_asks_and_forces_as_a_script_does() -> None:
    code, answer = document("call", "heroku.list_apps", "--demo", "--json")
    assert (code, answer["meta"]["error"]["type"]) == (1, "permission")
    code, answer = document("call", "heroku.list_apps", "--demo", "--json", "--force")
    assert (code, answer["success"], answer["meta"]["permission_bypassed"]) == (0, True, True)
