"""`kosmo mcp:*` as a user types it: files that are changed, trust, servers that are started or are not."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pytest
from kosmo_command import COMMAND, document, environment, kosmo, started
from mcp_config import faulty, written
from patience import PATIENCE
from repository import ROOT

from kosmo_kernel.cli import outcome
from kosmo_kernel.cli.mcp import SDK
from kosmo_kernel.mcp import secrets
from kosmo_kernel.settings.installation import how_to_install

pytest.importorskip("mcp")

pytestmark = pytest.mark.full

SECRET = "open-sesame-42"
Typed = Callable[..., Any]


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


def entries(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))["mcpServers"]


def telltale(folder: Path) -> tuple[dict[str, Any], Path]:
    """Return an entry whose program leaves a file behind, so that its start can be seen; and that file."""
    mark = folder / "was-started"
    return {"command": sys.executable, "args": ["-c", f"open({str(mark)!r}, 'w').close()"], "timeout": 5}, mark


# Nothing is started ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ("mcp:list", "--all"),
        ("mcp:status",),
        ("mcp:status", "mine"),
        ("mcp:doctor", "mine"),
        ("mcp:export",),
        ("mcp:trust", "brought", "--yes"),
        ("mcp:disable", "mine"),
        ("mcp:call", "mine.tool", "--dry-run"),
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
    assert kosmo("mcp:tools", "mine").returncode == 1 or command[0] == "mcp:disable"
    assert mark.exists() is (command[0] != "mcp:disable")


@pytest.mark.parametrize(
    "command",
    [
        ("mcp:tools", "brought"),
        ("mcp:schema", "brought.tool"),
        ("mcp:call", "brought.tool"),
        ("mcp:call", "brought.tool", "--force"),
        ("mcp:resources", "brought"),
        ("mcp:prompts", "brought"),
        ("mcp:lua", "-e", "app.mcp.brought.tool()"),
    ],
    ids=" ".join,
)
def test_what_a_project_brings_is_not_started_before_the_user_agreed(project: Path, command: tuple[str, ...]) -> None:
    entry, mark = telltale(project)
    written(project / ".mcp.json", {"brought": entry})
    done = kosmo(*command)
    assert (done.returncode, mark.exists()) == (1, False)
    assert "`kosmo mcp:trust brought` shows what it would run and asks you." in done.stderr


# Trust -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "trusted"), [("y", True), ("n", False), ("", False)])
def test_trust_shows_what_would_run_and_asks(project: Path, typed: str, *, trusted: bool) -> None:
    env = {"LEVEL": "high\u202e", "API_KEY": SECRET, "KEY": "${HOME_KEY}", "NODE_OPTIONS": "--require ./evil.js"}
    entry = faulty("", env=env)
    written(project / ".mcp.json", {"brought": entry})
    asking = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], "mcp:trust", "brought"], env=environment(), encoding="utf-8", dimensions=(40, 300)
    )
    asking.expect_exact("Start it when it is asked something? [y/N]:", timeout=PATIENCE)
    shown = asking.before or ""
    asking.sendline(typed)
    asking.expect(pexpect.EOF, timeout=PATIENCE)
    asking.close()
    assert (" ".join([entry["command"], *entry["args"]]) in shown, SECRET in shown) == (True, False)
    for name, value in (env | {"LEVEL": "high\\u202e", "API_KEY": "[redacted]"}).items():
        assert f"variable {name} = {value}\r\n" in shown
    assert "CAREFUL: NODE_OPTIONS can make the program run other code than its own." in shown
    assert asking.exitstatus == (0 if trusted else 1)
    (row,) = document("mcp:list", "--json")[1]["servers"].values()
    assert row["trust"] == ("trusted" if trusted else "untrusted")


def test_trust_is_lost_when_the_command_changes_and_can_be_taken_back(project: Path) -> None:
    def told() -> str:
        code, found = document("mcp:status", "brought", "--json")
        assert code == 0
        return str(found["servers"]["brought"]["trust"])

    written(project / ".mcp.json", {"brought": faulty()})
    assert kosmo("mcp:trust", "brought").returncode == 2  # nobody can be asked
    assert kosmo("mcp:trust", "brought", "--yes").returncode == 0
    assert told() == "trusted"
    assert "echo" in kosmo("mcp:tools", "brought").stdout
    written(project / ".mcp.json", {"brought": faulty("dies")})
    assert told() == "changed"
    assert "has changed since you trusted it" in kosmo("mcp:tools", "brought").stderr
    assert "It is not what you trusted before." in kosmo("mcp:trust", "brought", "--yes").stdout
    assert kosmo("mcp:untrust", "brought").stdout == "brought is trusted no more.\n"
    assert told() == "untrusted"


# Files -------------------------------------------------------------------------------------------------------------


def test_a_change_keeps_everything_else_in_the_file(project: Path) -> None:
    path = project / ".mcp.json"
    before = {
        "inputs": [{"id": "one"}],
        "servers": {"a": {"command": "a", "gallery": "ours", "disabled": True}, "b": {"command": "b"}},
    }
    path.write_text(json.dumps(before, indent=4))
    assert kosmo("mcp:enable", "a", "--project").returncode == 0
    assert kosmo("mcp:add", "c", "--project", "--", "see", "--name", "zoë").returncode == 0
    assert kosmo("mcp:remove", "b", "--project").returncode == 0
    servers = {
        "a": {"command": "a", "gallery": "ours", "enabled": True},
        "c": {"command": "see", "args": ["--name", "zoë"]},
    }
    after = {"inputs": [{"id": "one"}], "servers": servers}
    assert path.read_text(encoding="utf-8") == json.dumps(after, indent=4, ensure_ascii=False) + "\n"
    assert sorted(one.name for one in project.iterdir()) == [".git", ".mcp.json"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"mcpServers": {"a": {"command": "a"}', "is no JSON"),
        ('{"mcpServers": {"a": {"command": "a"}}} // mine', "has comments"),
        ('{"mcpServers": {"a": {"command": "a"},}}', "commas too many"),
        ('{"mcpServers": ["a"]}', "must be an object"),
        ("[]", "must be an object"),
    ],
)
@pytest.mark.parametrize(
    "command", [("mcp:add", "b", "--", "b"), ("mcp:disable", "a"), ("mcp:remove", "a")], ids=lambda one: one[0]
)
def test_a_file_that_would_lose_something_is_not_written(
    project: Path, command: tuple[str, ...], text: str, why: str
) -> None:
    path = project / ".mcp.json"
    path.write_text(text)
    place = command.index("--") if "--" in command else len(command)
    done = kosmo(*command[:place], "--project", *command[place:])
    assert (done.returncode, path.read_text()) == (1, text)
    assert (str(path) in done.stderr, why in done.stderr, "Nothing was changed" in done.stderr) == (True, True, True)


def test_a_server_is_sought_where_the_command_looks_and_found_where_it_is(project: Path) -> None:
    written(project / ".vscode" / "mcp.json", {"theirs": faulty()}, "servers")
    written(project / ".mcp.json", {"ours": faulty()})
    assert kosmo("mcp:disable", "ours").stderr.endswith(f"it stands in {project / '.mcp.json'}. Add --project.\n")
    assert kosmo("mcp:disable", "theirs").stderr.endswith("mcp.json. Change it there.\n")
    assert "Did you mean: ours" in kosmo("mcp:disable", "our", "--project").stderr


def test_a_server_that_is_switched_off_is_listed_only_with_all_and_not_started(project: Path) -> None:
    entry, mark = telltale(project)
    written(own_file(), {"mine": entry, "other": faulty()})
    assert kosmo("mcp:disable", "mine").returncode == 0
    assert list(document("mcp:list", "--json")[1]["servers"]) == ["other"]
    assert list(document("mcp:list", "--all", "--json")[1]["servers"]) == ["mine", "other"]
    assert "`kosmo mcp:enable mine` switches it on" in kosmo("mcp:tools", "mine").stderr
    assert (kosmo("mcp:tools").returncode, mark.exists()) == (0, False)
    assert kosmo("mcp:enable", "mine").returncode == 0
    assert (kosmo("mcp:tools", "mine").returncode, mark.exists()) == (1, True)


# Secrets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        ("--url", "https://x.example.com/mcp", "--header", f"Authorization=Bearer {SECRET}"),
        ("--url", f"https://x.example.com/mcp?api_key={SECRET}"),
        ("--url", f"https://me:{SECRET}@x.example.com/mcp"),
        ("--env", f"TRACKER_TOKEN={SECRET}", "--", "tracker"),
        ("--", "tracker", f"--api-key={SECRET}"),
        ("--", "tracker", "--api-key", SECRET),
    ],
    ids=" ".join,
)
def test_no_secret_is_taken_from_an_argument(project: Path, given: tuple[str, ...]) -> None:
    done = kosmo("mcp:add", "tracker", *given)
    assert (done.returncode, own_file().exists(), SECRET in done.stderr) == (2, False, False)
    assert "looks like a secret" in done.stderr
    assert list(project.iterdir()) == [project / ".git"]


def test_a_secret_is_read_from_standard_input_kept_apart_used_and_forgotten(project: Path) -> None:
    command = (sys.executable, *faulty("dies")["args"])
    done = kosmo("mcp:add", "tracker", "--secret", "TRACKER", "--stdin", "--", *command, stdin=SECRET.encode())
    assert done.returncode == 0, done.stderr
    assert entries(own_file())["tracker"]["env"] == {"TRACKER": "${secret:tracker.TRACKER}"}
    kept = project.parent / "settings" / "mcp-secrets.json"
    assert json.loads(kept.read_text()) == {"tracker.TRACKER": SECRET}
    failed = kosmo("mcp:call", "tracker.misbehave", "--force")  # the server prints the secret as it dies
    assert ("the key was [redacted]" in failed.stderr, SECRET in failed.stdout + failed.stderr) == (True, False)
    for look in (("mcp:list",), ("mcp:export",), ("mcp:doctor", "tracker")):
        assert SECRET not in kosmo(*look).stdout
    assert kosmo("mcp:remove", "tracker").returncode == 0
    assert json.loads(kept.read_text()) == {}


@pytest.mark.parametrize("before", [None, "an-older-one"])
@pytest.mark.parametrize(
    "command",
    [("mcp:add", "t", "--project", "--secret", "T_KEY", "--stdin", "--", "t"), ("mcp:import", "-", "--project")],
)
def test_a_secret_is_kept_only_with_the_entry_that_refers_to_it(
    project: Path, command: tuple[str, ...], before: str | None
) -> None:
    kept = project.parent / "settings" / "mcp-secrets.json"
    if before:
        secrets.keep("t.T_KEY", before)
    own_file().parent.parent.mkdir(parents=True)
    own_file().parent.write_text("")  # where the lock of all changes belongs, so that none can be made
    entry = json.dumps({"mcpServers": {"t": {"command": "t", "env": {"T_KEY": SECRET}}}})
    done = kosmo(*command, stdin=(SECRET if "--stdin" in command else entry).encode())
    assert (done.returncode, "Nothing was changed" in done.stderr) == (1, True), done.stderr
    assert not (project / ".mcp.json").exists()
    assert json.loads(kept.read_text()) == ({"t.T_KEY": before} if before else {})


def test_what_is_imported_refers_to_its_secrets_and_what_is_exported_to_variables(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(own_file().parent))  # the secrets' file may be beside the entries'
    other = written(
        project / "other.json",
        {
            "tracker": {"command": "tracker", "env": {"TRACKER_TOKEN": SECRET, "LEVEL": "debug"}, "note": "kept"},
            "library": {"url": "https://library.example.com/mcp", "headers": {"Authorization": f"Bearer {SECRET}"}},
        },
    )
    done = kosmo("mcp:import", str(other))
    assert (done.returncode, SECRET in done.stdout + done.stderr + own_file().read_text()) == (0, False), done.stderr
    assert entries(own_file())["tracker"] == {
        "command": "tracker",
        "env": {"TRACKER_TOKEN": "${secret:tracker.TRACKER_TOKEN}", "LEVEL": "debug"},
        "note": "kept",
    }
    again = kosmo("mcp:import", str(other))
    assert (again.returncode, "tracker, library already" in again.stderr) == (1, True)
    code, exported = document("mcp:export", "--json")
    assert (code, exported["needs"]) == (0, ["TRACKER_TOKEN", "LIBRARY_AUTHORIZATION"])
    assert exported["mcpServers"]["tracker"]["env"] == {"TRACKER_TOKEN": "${TRACKER_TOKEN}", "LEVEL": "debug"}
    assert kosmo("mcp:import", "-", "--replace", stdin=kosmo("mcp:export").stdout.encode()).returncode == 0


def test_secrets_that_differ_never_share_a_variable_in_an_export_and_equal_ones_do(project: Path) -> None:
    servers = {
        "time": {"command": "t", "args": [f"--token={SECRET}"], "env": {"TIME_SECRET": f"another-{SECRET}"}},
        "x": {"command": "x", "env": {"API_KEY": SECRET, "API-KEY": f"third-{SECRET}"}},
        "y": {"command": "y", "env": {"API_KEY": SECRET}},
    }
    written(project / ".mcp.json", servers)
    code, exported = document("mcp:export", "--json")
    found = {name: server.get("env") for name, server in exported["mcpServers"].items()}
    assert (code, exported["needs"]) == (0, ["TIME_SECRET", "TIME_SECRET_2", "API_KEY", "API_KEY_2"])
    assert exported["mcpServers"]["time"]["args"] == ["--token=${TIME_SECRET}"]
    assert found == {
        "time": {"TIME_SECRET": "${TIME_SECRET_2}"},
        "x": {"API_KEY": "${API_KEY}", "API-KEY": "${API_KEY_2}"},
        "y": {"API_KEY": "${API_KEY}"},
    }


def test_what_stands_in_the_clear_in_a_projects_file_is_neither_listed_nor_exported(project: Path) -> None:
    entry = {"command": "t", "args": [f"--token={SECRET}"], "env": {"T_TOKEN": SECRET}, "headers": {"Cookie": SECRET}}
    more = {
        "u": {"url": f"https://u.example.com/?token={SECRET}"},
        "v": {"url": f"https://me:{SECRET}@v.example.com/mcp?team=1&token=another-{SECRET}"},
        "w": {"command": "w", "args": ["--api-key", SECRET, "-v", "HRKU-11111111-2222-4333-8444-555555555555"]},
    }
    written(project / ".mcp.json", {"t": entry} | more)
    looks: list[tuple[str, ...]] = [
        ("mcp:export",),
        ("mcp:list", "--all"),
        ("mcp:doctor", "t"),
        ("mcp:doctor", "w"),
        ("mcp:trust", "w", "--yes"),
    ]
    for command in (*looks, ("mcp:export", "--json"), ("mcp:list", "--json")):
        done = kosmo(*command)
        assert (SECRET in done.stdout + done.stderr, "HRKU" in done.stdout) == (False, False)
        assert done.returncode == 0 or command[0] == "mcp:doctor"
    assert "w --api-key [redacted] -v [redacted]" in kosmo("mcp:list").stdout
    exported = document("mcp:export", "v", "w", "--json")[1]
    assert exported["needs"] == ["V_URL_SECRET", "V_URL_SECRET_2", "W_SECRET", "W_SECRET_2"]
    address = "https://me:${V_URL_SECRET}@v.example.com/mcp?team=1&token=${V_URL_SECRET_2}"
    assert exported["mcpServers"]["v"]["url"] == address
    assert exported["mcpServers"]["w"]["args"] == ["--api-key", "${W_SECRET}", "-v", "${W_SECRET_2}"]


def test_an_sdk_of_another_version_is_a_finding(project: Path) -> None:
    (project / "other" / SDK).mkdir(parents=True)
    (project / "other" / SDK / "__init__.py").touch()
    code, report = document("mcp:doctor", "--json", env={"PYTHONPATH": f"{project / 'other'}{os.pathsep}{ROOT}"})
    (broken,) = [finding for finding in report["findings"] if finding["state"] == "broken"]
    assert (code, broken["name"]) == (1, "sdk.import")
    assert broken["message"].startswith("The SDK cannot be used: cannot import name ")
    assert "pip install" in broken["what_to_do"]


# Calls -------------------------------------------------------------------------------------------------------------


def test_a_tool_is_called_with_json_or_single_arguments(project: Path) -> None:
    written(own_file(), {"ours": faulty()})
    assert kosmo("mcp:call", "ours.echo", '{"text": "heard"}').stdout == "heard\n"
    assert kosmo("mcp:call", "ours.echo", "--arg", "text=7").stdout == "7\n"
    assert kosmo("mcp:call", "mcp.ours.echo", "-", stdin=b'{"text": "heard"}').stdout == "heard\n"
    twice = kosmo("mcp:call", "ours.echo", '{"text": "a"}', "--arg", "text=b")
    assert (twice.returncode, "`text` is given twice" in twice.stderr) == (2, True)
    wrong = kosmo("mcp:call", "ours.echo", "--arg", "txt=b")
    assert (wrong.returncode, "`text` is missing" in wrong.stderr) == (1, True)
    assert list(project.iterdir()) == [project / ".git"]


def test_a_tool_that_may_change_something_needs_somebody_to_ask_or_force(project: Path) -> None:
    written(own_file(), {"ours": faulty()})
    refused, told = document("mcp:call", "ours.fail", "--json")
    assert (refused, told["meta"]["error"]["type"], told["meta"]["operation"]) == (1, "permission", "write")
    forced, told = document("mcp:call", "ours.fail", "--force", "--json")
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
    with started("mcp:call", "ours.misbehave", "--force") as process:
        running = psutil.Process(process.pid)

        def below() -> list[psutil.Process]:
            return [one for one in running.children(recursive=True) if entry["args"][0] in " ".join(one.cmdline())]

        # It is asked only after it has started, and then says so on its standard error, which is kept from us.
        while not below():
            assert process.poll() is None
        servers = below()
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, complaints.strip()) == (130, "Error: Interrupted.")
    assert psutil.wait_procs(servers, timeout=PATIENCE)[1] == []
    assert project.exists()


def test_without_the_sdk_the_commands_say_what_to_install(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(own_file(), {"ours": faulty()})
    monkeypatch.delitem(sys.modules, "mcp", raising=False)
    monkeypatch.setattr("kosmo_kernel.mcp.servers.find_spec", lambda _name: None)
    for command in (["mcp:tools"], ["mcp:call", "ours.echo", "--arg", "text=a"]):
        assert outcome(command) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert (
            printed.err
            == f"Error: MCP servers need the package `mcp`, which is not installed. {how_to_install('mcp')}\n"
        )
    assert outcome(["mcp:list"]) == 0
    assert project.exists()
