"""Settings of MCP servers for tests: files of a project, and the servers that they name."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from kosmo_kernel.mcp import Servers, Trust
from kosmo_kernel.session import Session

HALL: dict[str, Any] = {"command": sys.executable, "args": [str(Path(__file__).with_name("quick_mcp_server.py"))]}
SDK_HALL = HALL | {"args": [str(Path(__file__).with_name("sample_mcp_server.py"))]}  # the same, made with the SDK
FAULTY = Path(__file__).with_name("mcp_faulty.py")


def program(name: str) -> str:
    """Return a server's program, as pip installed it beside this Python."""
    return str(Path(sys.executable).with_name(name))


TIME: dict[str, Any] = {"command": program("mcp-server-time"), "args": ["--local-timezone", "UTC"]}
HALL_AND_TIME = {"hall": HALL, "my-time": TIME}


def faulty(fault: str = "", **more: Any) -> dict[str, Any]:
    """Return the entry of a server of ours that misbehaves."""
    return {"command": sys.executable, "args": [str(FAULTY), *([fault] if fault else [])], "timeout": 20} | more


def children() -> set[int]:
    """Return the process ids of all that this process, or what it has started, has started and that has not ended."""
    return {one.pid for one in psutil.Process().children(recursive=True)}


def halls() -> list[int]:
    """Return the process ids of the servers of `HALL` that run now."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # another program may end meanwhile
            found += [one.pid] if HALL["args"][0] in one.cmdline() else []
    return found


def written(path: Path, servers: dict[str, Any]) -> Path:
    """Return a settings file with these entries."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
    return path


def opened(folder: Path, servers: dict[str, Any], *, trusted: bool = True) -> Servers:
    """Return the servers of a project in a folder; to be closed."""
    written(folder / ".mcp.json", servers)
    trust = Trust(folder / "settings")
    made = Servers(folder, trust)
    if trusted:
        for one in made.configuration().servers.values():
            trust.trust(one)
    return made


def answer(servers: Servers, path: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what a tool answers, in the form of the protocol."""
    server, name = servers.split(path)
    return servers.wait(servers.begin_call(servers.tool(server.name, name), arguments or {}))


def text(servers: Servers, path: str, arguments: dict[str, Any] | None = None) -> str:
    """Return the text that a tool answers."""
    return str(answer(servers, path, arguments)["content"][0]["text"])


def pid_of(servers: Servers, name: str) -> int:
    """Return the process id of a server that runs."""
    child = servers._running[name]._child
    assert child is not None
    return child.pid


@contextmanager
def session_with(folder: Path, servers: dict[str, Any], *, trusted: bool = True) -> Iterator[Session]:
    """Yield a session on the demo account, in a project with these servers."""
    with Session("demo") as session:
        session.servers._servers = opened(folder, servers, trusted=trusted)
        yield session


@contextmanager
def sessions_in(folder: Path) -> Iterator[Callable[..., Session]]:
    """Yield a function that makes such sessions in one project, each with the given servers."""
    with ExitStack() as stack:
        yield lambda servers, **how: stack.enter_context(session_with(folder, servers, **how))
