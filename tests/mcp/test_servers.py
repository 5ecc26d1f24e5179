"""Servers that no one here wrote, and one of ours that behaves: started, asked, kept, ended."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pytest
from mcp_config import FAULTY, HALL, SDK_HALL, answer, children, faulty, opened, pid_of, program, text, written
from patience import PATIENCE

from kosmo_kernel.errors import SettingsError, StoppedError, UnknownNameError, UntrustedError
from kosmo_kernel.mcp import Servers

pytest.importorskip("mcp")

ENTRIES = {
    "time": {"command": program("mcp-server-time"), "args": ["--local-timezone", "UTC"]},
    "my-git": {"command": program("mcp-server-git")},
}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Yield the servers of a project that all tests of this file ask; none runs before the first test asks one."""
    with opened(tmp_path_factory.mktemp("project"), ENTRIES) as servers:
        yield servers


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Servers]:
    with opened(tmp_path, {"ours": faulty()}) as servers:
        yield servers


def test_a_server_is_started_by_the_first_question_and_kept(real: Servers) -> None:
    assert not real.runs("time")
    assert [tool.signature for tool in real.tools("time")] == [
        "get_current_time(timezone)",
        "convert_time(source_timezone, time, target_timezone)",
    ]
    first = pid_of(real, "time")
    real.tools("time")
    assert (pid_of(real, "time"), real.runs("my-git")) == (first, False)


def test_a_tool_answers_with_structured_content_where_it_has_that(real: Servers) -> None:
    noon = {"source_timezone": "Etc/UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
    assert answer(real, "time.convert_time", noon)["structuredContent"]["time_difference"] == "+9.0h"
    assert real.tool("time", "convert_time").effect == "read"


CALLS: list[tuple[str, dict[str, Any]]] = [
    *(("list_seats", {}), ("list_seats", {"count": 2}), ("find_seat", {"row": 3}), ("say", {"text": "é"})),
    *(("take-seat", {"row": 1, "name": "Ada", "tags": ["b"]}), ("take-seat", {"row": 1, "name": "Ada"})),
    *(("picture", {}), ("mixed", {}), ("end", {}), ("open_balcony", {}), ("look_down", {}), ("find_seat", {"row": 41})),
]


@pytest.mark.full
def test_the_servers_of_tests_with_and_without_the_sdk_answer_alike(tmp_path: Path) -> None:
    def all_answers(server: str) -> list[Any]:
        before = [asdict(tool) | {"server": ""} for tool in servers.tools(server)]
        return [before, *(answer(servers, f"{server}.{name}", arguments) for name, arguments in CALLS)]

    with opened(tmp_path, {"quick": HALL, "sdk": SDK_HALL}) as servers:
        assert all_answers("quick") == all_answers("sdk")


def test_a_tool_may_be_one_that_writes(real: Servers, tmp_path: Path) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("there is no Git")
    subprocess.run([git, "init", "-q", "-b", "main", str(tmp_path / "repository")], check=True)
    (tmp_path / "repository" / "notes.txt").write_text("one\n")
    add = real.tool("my_git", "git_add")
    assert add.effect == "write"
    repository = {"repo_path": str(tmp_path / "repository")}
    answer(real, "my-git.git_add", repository | {"files": ["notes.txt"]})
    assert "new file:   notes.txt" in text(real, "my-git.git_status", repository)


@pytest.mark.full
def test_a_server_answers_many_threads_at_once(real: Servers) -> None:
    found: list[str] = []
    zones = [f"Etc/GMT+{hours}" for hours in range(1, 11)]

    def ask(zone: str) -> None:
        found.append(answer(real, "time.get_current_time", {"timezone": zone})["structuredContent"]["timezone"])

    threads = [threading.Thread(target=ask, args=(zone,)) for zone in zones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(zones)


def test_an_unknown_tool_is_answered_with_the_nearest(real: Servers) -> None:
    with pytest.raises(UnknownNameError, match=r"no tool `git_logs`\. Did you mean: mcp\.my-git\.git_log"):
        real.tool("my-git", "git_logs")
    with pytest.raises(UnknownNameError, match=r"no MCP server `tim`\. Did you mean: time"):
        real.tools("tim")


def test_a_tool_is_found_by_a_path_with_the_server_in_any_of_its_names(real: Servers) -> None:
    server, tool = real.split("mcp.my_git.git_log")
    assert (server.name, tool) == ("my-git", "git_log")


def test_looking_at_what_is_configured_starts_nothing(tmp_path: Path) -> None:
    before = children()
    with opened(tmp_path, ENTRIES) as servers:
        assert servers.usable() == {"time": "time", "my-git": "my_git"}
        assert servers.known("time") == ()
        assert not servers.runs("time")
        assert children() <= before


@pytest.mark.claim("mcp-ends")
def test_nothing_is_left_of_a_server_when_the_session_ends(tmp_path: Path) -> None:
    before = children()
    with opened(tmp_path, {"ours": faulty()}) as servers:
        servers.tools("ours")
        assert len(children() - before) == 2  # and the keeper
    assert children() <= before


@pytest.mark.full
def test_a_stubborn_server_and_its_child_are_ended_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kosmo_kernel.mcp.child.EXIT_SECONDS", 0.2)
    with opened(tmp_path, {"ours": faulty("stubborn")}) as servers:
        servers.tools("ours")
        group = psutil.Process(pid_of(servers, "ours"))
        family = [group, *group.children()]
        assert len(family) == 2
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert alive == []


@pytest.mark.claim("mcp-ends")
@pytest.mark.full
@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_server_outlives_a_process_that_dies(tmp_path: Path, how: signal.Signals) -> None:
    written(Path.home() / ".kosmo" / "mcp.json", {"ours": faulty("stubborn")})
    program = (
        "import sys; from kosmo_kernel.mcp import Servers; servers = Servers(); servers.tools('ours');"
        "print(servers._running['ours']._child.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        server = psutil.Process(int(parent.stdout.readline()))
        family = [server, *server.children()]
        assert str(FAULTY) in server.cmdline()
        parent.send_signal(how)
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert alive == []


def test_a_server_that_was_killed_is_started_again_by_the_next_question(ours: Servers) -> None:
    first = text(ours, "ours.pid")
    psutil.Process(int(first)).kill()
    while ours.runs("ours"):  # until its end is noticed
        pass
    assert text(ours, "ours.pid") != first


def test_every_page_of_a_list_is_read(tmp_path: Path) -> None:
    with opened(tmp_path, {"ours": faulty("pages")}) as servers:
        assert [tool.name for tool in servers.tools("ours")] == ["echo", "fail", "pid", "misbehave"]


def test_tools_that_changed_are_asked_for_again(tmp_path: Path) -> None:
    with opened(tmp_path, {"ours": faulty("changes")}) as servers:
        answer(servers, "ours.misbehave")
        assert servers.tool("ours", "late").description == "Came later."


def test_a_call_that_nobody_waits_for_is_cancelled(tmp_path: Path) -> None:
    with opened(tmp_path, {"ours": faulty("silent")}) as servers:
        tool = servers.tool("ours", "misbehave")
        with pytest.raises(StoppedError):
            servers.wait(servers.begin_call(tool, {}), lambda: True)
        assert text(servers, "ours.echo", {"text": "still there"}) == "still there"


@pytest.mark.claim("mcp-trust")
def test_a_server_of_a_project_is_not_started_before_it_is_trusted(tmp_path: Path) -> None:
    before = children()
    with opened(tmp_path, {"ours": faulty()}, trusted=False) as servers:
        assert servers.usable() == {}
        with pytest.raises(UntrustedError, match=r"`ours` comes with the project .* `kosmo mcp:trust ours`"):
            servers.tools("ours")
        assert children() <= before


def test_trust_that_is_taken_back_counts_at_once(ours: Servers) -> None:
    tool = ours.tool("ours", "echo")
    ours.trust.untrust(ours.find("ours"))
    with pytest.raises(UntrustedError):
        ours.begin_call(tool, {"text": "hello"})


def test_a_changed_entry_is_asked_about_again_and_then_started_anew(ours: Servers, tmp_path: Path) -> None:
    ours.tools("ours")
    written(tmp_path / ".mcp.json", {"ours": faulty("pages", env={"MODE": "other"})})
    with pytest.raises(UntrustedError, match="has changed since you trusted it"):
        ours.tools("ours")
    ours.trust.trust(ours.find("ours"))
    before = pid_of(ours, "ours")
    ours.tools("ours")
    assert pid_of(ours, "ours") != before


def test_a_server_that_is_switched_off_is_not_started(tmp_path: Path) -> None:
    with opened(tmp_path, {"ours": faulty(enabled=False)}) as servers:
        assert servers.usable() == {}
        with pytest.raises(SettingsError, match="switched off"):
            servers.tools("ours")
