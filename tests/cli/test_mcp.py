"""`kosmo mcp:*` as a user types it: trust, servers that are started or are not, a terminal and none."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pytest
from kosmo_command import COMMAND, document, environment, kosmo, started
from mcp_config import TIME, faulty, written
from patience import PATIENCE

from kosmo_kernel.cli import outcome
from kosmo_kernel.settings.installation import how_to_install

pytest.importorskip("mcp")

pytestmark = pytest.mark.full

SECRET = "open-sesame-42"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository, which is where the commands run; the user's home is another folder."""
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(tmp_path / "own"))
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / "settings"))
    return root


def own_file() -> Path:
    return Path.home() / ".kosmo" / "mcp.json"


def on_terminal(*args: str) -> Any:
    """Return a command that runs on a terminal."""
    return pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], *args], env=environment(), encoding="utf-8", dimensions=(40, 300), timeout=PATIENCE
    )


def telltale(folder: Path) -> tuple[dict[str, Any], Path]:
    """Return an entry whose program leaves a file behind, so that its start can be seen; and that file."""
    mark = folder / "was-started"
    return {"command": sys.executable, "args": ["-c", f"open({str(mark)!r}, 'w').close()"], "timeout": 5}, mark


# What is started ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ("mcp:trust", "brought", "--yes"),
        ("mcp:lua", "--dry-run", "-e", "app.mcp.mine.tool()"),
        ("mcp:lua", "-e", "return mcp.servers()"),
    ],
    ids=" ".join,
)
def test_a_look_starts_no_server(project: Path, command: tuple[str, ...]) -> None:
    entry, mark = telltale(project)
    written(own_file(), {"mine": entry})
    written(project / ".mcp.json", {"brought": entry})
    done = kosmo(*command)
    assert (done.returncode, mark.exists()) == (0, False), done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("mcp:list",),
        ("mcp:lua", "-e", "app.mcp.brought.tool()"),
        ("mcp:lua", "-e", "app.mcp.brought.tool()", "--force"),
        ("mcp:lua", "-e", "mcp.tools('brought')"),
    ],
    ids=" ".join,
)
def test_what_a_project_brings_is_not_started_before_the_user_agreed(project: Path, command: tuple[str, ...]) -> None:
    entry, mark = telltale(project)
    written(project / ".mcp.json", {"brought": entry})
    done = kosmo(*command)
    assert (done.returncode, mark.exists()) == (0 if command[0] == "mcp:list" else 1, False)
    assert "`kosmo mcp:trust brought` shows what it would run and asks you." in done.stdout + done.stderr


def test_servers_are_listed_with_their_tools_or_with_what_keeps_them_from_being_used(project: Path) -> None:
    entries = {
        "ours": faulty(env={"API_KEY": SECRET}),
        "off": faulty(disabled=True),
        "unset": faulty(env={"A": "${NO_SUCH_VARIABLE}"}),
        "far": {"url": f"http://me:{SECRET}@127.0.0.1:9/mcp?token={SECRET}"},
        "wrong": {"command": 3},
    }
    written(own_file(), entries)
    written(project / ".mcp.json", {"brought": faulty("", env={"A": SECRET})})
    written(project / ".cursor" / "mcp.json", {"theirs": faulty()})
    code, told = document("mcp:list", "--json")
    assert code == 0
    rows = told["servers"]
    assert [tool["lua_path"] for tool in rows["ours"]["tools"]][:2] == ["app.mcp.ours.echo", "app.mcp.ours.fail"]
    assert (rows["ours"]["problem"], rows["ours"]["env"]) == (None, ["API_KEY"])
    assert rows["far"]["command"] == "http://127.0.0.1:9/mcp"
    problems = {
        "off": "it is switched off",
        "unset": "NO_SUCH_VARIABLE, which is not set",
        "far": "cannot be reached at its start",
        "wrong": "its entry is wrong: Expected `str`, got `int`",
        "brought": "`kosmo mcp:trust brought`",
    }
    assert [name for name, words in problems.items() if words not in rows[name]["problem"]] == []
    done = kosmo("mcp:list")
    assert "app.mcp.ours.fail Turn it down. (may change something)" in " ".join(done.stdout.split())
    assert f"{project / '.cursor' / 'mcp.json'} is not read: copy its entries into .mcp.json." in done.stderr
    assert SECRET not in done.stdout + done.stderr + json.dumps(told)


# Trust -------------------------------------------------------------------------------------------------------------


@pytest.mark.claim("mcp-consent")
@pytest.mark.parametrize(("typed", "trusted"), [("y", True), ("n", False), ("", False)])
def test_trust_shows_what_would_run_as_it_is_written_and_asks(project: Path, typed: str, *, trusted: bool) -> None:
    env = {"LEVEL": "high\u202e", "KEY": "${HOME_KEY}", "NODE_OPTIONS": "--require=./evil.js"}
    entry = faulty("", env=env)
    written(project / ".mcp.json", {"brought": entry})
    asking = on_terminal("mcp:trust", "brought")
    asking.expect_exact("Start it when it is asked something? [y/N]:")
    shown = asking.before or ""
    asking.sendline(typed)
    asking.expect(pexpect.EOF)
    asking.close()
    assert " ".join([entry["command"], *entry["args"]]) in shown
    for name, value in (env | {"LEVEL": "high\\u202e"}).items():
        assert f"variable {name} = {value}\r\n" in shown
    assert asking.exitstatus == (0 if trusted else 1)
    (row,) = document("mcp:list", "--json")[1]["servers"].values()
    assert row["trust"] == ("trusted" if trusted else "untrusted")


CHANGES: dict[str, dict[str, Any]] = {
    "command": {"command": f"{sys.executable}-"},
    "args": {"args": ["-c", "print()"]},
    "folder": {"cwd": ".."},
    "variables": {"env": {"MODE": "${MODE:-other}"}},
    "address": {"command": None, "args": [], "url": "http://127.0.0.1:9/mcp"},
}


@pytest.mark.claim("mcp-trust")
@pytest.mark.parametrize("part", CHANGES)
def test_trust_is_lost_when_a_part_of_the_entry_changes(project: Path, part: str) -> None:
    def trust() -> str:
        return str(document("mcp:list", "--json")[1]["servers"]["brought"]["trust"])

    before = faulty(env={"MODE": "one"}, cwd=".")
    written(project / ".mcp.json", {"brought": before})
    assert kosmo("mcp:trust", "brought").returncode == 2  # nobody can be asked
    assert kosmo("mcp:trust", "brought", "--yes").returncode == 0
    assert trust() == "trusted"
    written(project / ".mcp.json", {"brought": before | CHANGES[part]})
    assert trust() == "changed"
    refused = kosmo("mcp:lua", "--force", "-e", "app.mcp.brought.echo('x')")
    assert (refused.returncode, "has changed since you trusted it" in refused.stderr) == (1, True)
    written(project / ".mcp.json", {"brought": before | {"timeout": 7}})
    assert trust() == "trusted"
    assert kosmo("mcp:trust", "brought", "--remove").stdout == "brought is trusted no more.\n"
    assert trust() == "untrusted"
    written(own_file(), {"mine": before})
    assert "needs no trust" in kosmo("mcp:trust", "mine", "--remove").stderr


@pytest.mark.claim("mcp-trust")
@pytest.mark.parametrize("header", [{"X-Team": "red"}, {"Authorization": "Bearer ${TEAM}"}, {}])
def test_trust_is_lost_when_a_header_changes(project: Path, header: dict[str, str]) -> None:
    there = {"url": "http://127.0.0.1:9/mcp", "headers": {"X-Team": "blue"}}
    written(project / ".mcp.json", {"brought": there})
    assert kosmo("mcp:trust", "brought", "--yes").returncode == 0
    written(project / ".mcp.json", {"brought": there | {"headers": header}})
    assert document("mcp:list", "--json")[1]["servers"]["brought"]["trust"] == "changed"
    assert "It is not what you trusted before." in kosmo("mcp:trust", "brought", "--yes").stdout


@pytest.mark.claim("mcp-trust")
def test_a_linked_file_is_trusted_for_what_it_says_now(project: Path) -> None:
    entry, mark = telltale(project)
    link, first, second = project / ".mcp.json", project / "first.json", project / "second.json"
    written(first, {"brought": faulty()})
    written(second, {"brought": entry})
    written(own_file(), {"brought": entry})
    link.symlink_to(first)
    assert kosmo("mcp:trust", "brought", "--yes").returncode == 0
    for target in (second, own_file()):  # the user's own file is a project's where a project links to it
        link.unlink()
        link.symlink_to(target)
        assert "has changed since you trusted it" in kosmo("mcp:lua", "-e", "app.mcp.brought.tool()").stderr
    for odd in (project / "nowhere", Path("/dev/zero"), project):
        link.unlink()
        link.symlink_to(odd)
        done = kosmo("mcp:trust", "theirs", "--yes")
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert not mark.exists()


@pytest.mark.claim("mcp-environment")
def test_a_project_gets_no_token_of_the_user_even_if_it_is_trusted(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", "HRKU-11111111-2222-4333-8444-555555555555")
    entry, mark = telltale(project)
    written(project / ".mcp.json", {"brought": entry | {"env": {"A": "${HEROKU_API_KEY}"}}})
    shown = kosmo("mcp:trust", "brought", "--yes").stdout
    assert "variable A = ${HEROKU_API_KEY}" in shown
    done = kosmo("mcp:lua", "-e", "app.mcp.brought.tool()")
    assert "refers to HEROKU_API_KEY. A server of a project gets no variable named HEROKU_* or KOSMO_*" in done.stderr
    assert ("HRKU-1" in done.stdout + done.stderr + shown, mark.exists()) == (False, False)


@pytest.mark.parametrize(
    "name", ["default", "__proto__", "constructor", "__index", "call", "servers", "end", "a.b", " "]
)
def test_a_server_may_have_any_name(project: Path, name: str) -> None:
    written(project / ".mcp.json", {name: faulty()})
    assert kosmo("mcp:trust", "--yes", "--", name).returncode == 0
    key = json.dumps(name)
    code, told = document("mcp:lua", "--json", "-e", f"return app.mcp[{key}].echo('heard'), mcp.servers()[1].name")
    assert (code, told["result"]) == (0, ["heard", name]), told
    assert document("mcp:lua", "--json", "-e", f"return mcp.call({key} .. '.echo', 'again')")[1]["result"] == ["again"]


# Calls -------------------------------------------------------------------------------------------------------------

NOW = "return app.mcp.time.get_current_time({ timezone = 'Etc/UTC' }).timezone"


def test_a_server_of_another_maker_is_asked_after_consent_without_a_terminal_and_on_one(project: Path) -> None:
    written(project / ".mcp.json", {"time": TIME})
    for force in ((), ("--force",)):
        assert "is not trusted yet, so it was not started" in kosmo("mcp:lua", "-e", NOW, *force).stderr
    asking = on_terminal("mcp:trust", "time")
    asking.expect_exact("Start it when it is asked something? [y/N]:")
    asking.sendline("y")
    asking.expect_exact("time is trusted.")
    asking.expect(pexpect.EOF)
    asking.close()
    assert kosmo("mcp:lua", "-e", NOW).stdout == "Etc/UTC\n"
    _, told = document("mcp:lua", "--eval", "dump(mcp.servers())", "--json")
    assert (told["success"], told["meta"]["permission_bypassed"]) == (True, False)
    assert told["result"][0][0]["lua_path"] == "app.mcp.time"
    asking = on_terminal("mcp:lua", "-e", NOW)
    asking.expect_exact("Etc/UTC")
    asking.expect(pexpect.EOF)
    asking.close()
    assert (asking.exitstatus, project.exists()) == (0, True)


FAIL = "return pcall(app.mcp.ours.fail)"


@pytest.mark.claim("mcp-writes")
@pytest.mark.parametrize(("typed", "words"), [("y", "no such thing"), ("n", "the answer was no")])
def test_on_a_terminal_a_tool_that_may_change_something_is_asked_about(project: Path, typed: str, words: str) -> None:
    written(own_file(), {"ours": faulty()})
    asking = on_terminal("mcp:lua", "-e", FAIL)
    asking.expect_exact(
        "mcp.ours.fail may change something with the MCP server ours. Go on, for all of this run? [y/N]"
    )
    asking.sendline(typed)
    asking.expect_exact(words)
    asking.expect(pexpect.EOF)
    asking.close()
    assert project.exists()


@pytest.mark.claim("mcp-writes")
def test_a_tool_that_may_change_something_needs_somebody_to_ask_or_force(project: Path) -> None:
    written(own_file(), {"ours": faulty()})
    refused, told = document("mcp:lua", "--json", "-e", "app.mcp.ours.fail()")
    assert (refused, told["meta"]["error"]["type"], told["meta"]["permission_bypassed"]) == (1, "permission", False)
    assert "there is nobody to ask here. Nothing was sent. `--force` allows such tools" in told["error"]
    forced, told = document("mcp:lua", "--json", "--force", "-e", "app.mcp.ours.fail()")
    assert (forced, told["meta"]["permission_bypassed"], "no such thing" in told["error"]) == (1, True, True)
    assert project.exists()


def test_a_dry_run_of_lua_lists_the_calls_of_tools(project: Path) -> None:
    written(own_file(), {"ours": faulty()})
    code, told = document("mcp:lua", "--dry-run", "--json", "-e", "app.mcp.ours.echo({ text = 'heard' })")
    (call,) = told["integration_calls"]
    assert (code, call["path"], call["status"], call["arguments"]) == (0, "mcp.ours.echo", "planned", {"text": "heard"})
    assert project.exists()


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_ctrl_c_ends_the_wait_for_a_tool_and_its_server(project: Path) -> None:
    entry = faulty("stuck")
    written(own_file(), {"ours": entry | {"timeout": 300}})
    with started("mcp:lua", "--force", "-e", "app.mcp.ours.misbehave()") as process:
        running = psutil.Process(process.pid)

        def below() -> list[psutil.Process]:
            return [one for one in running.children(recursive=True) if entry["args"][0] in " ".join(one.cmdline())]

        while not below():
            assert process.poll() is None
        servers = below()
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, complaints.startswith("Error: ")) == (130, True)
    assert psutil.wait_procs(servers, timeout=PATIENCE)[1] == []
    assert project.exists()


def test_without_the_sdk_the_commands_say_what_to_install(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(own_file(), {"ours": faulty()})
    monkeypatch.delitem(sys.modules, "mcp", raising=False)
    monkeypatch.setattr("kosmo_kernel.mcp.servers.find_spec", lambda _name: None)
    assert outcome(["mcp:list"]) == 0
    words = f"MCP servers need the package `mcp`, which is not installed. {how_to_install('mcp')}"
    assert words in " ".join(capsys.readouterr().out.split())
    assert project.exists()
