"""Measure what hostile input costs the command that reads it: its seconds and its peak of memory.

    python benchmarks/foreign_input.py [ROW]

Each row is a text, a file or an answer that is made to freeze or to fill the process that parses it. It is read by a
command of its own, which is killed after a minute.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

SECONDS = 60  # after which a command is killed
HEAD = "".join(f"-- {key}: x\n" for key in ("title", "why", "do")) + "-- severity: low\n-- scope: x\n-- key: x\n"
CELL: dict[str, object] = {
    "cell_type": "code",
    "id": "c",
    "metadata": {},
    "execution_count": None,
    "outputs": [],
    "source": "return 1",
}
TOOL = {"name": "t", "inputSchema": {"type": "object"}}
# A server that answers `tools/list` with the tools, and a call with the result, that the expressions in its arguments
# give.
SERVER = """
import json, sys
tools, result = sys.argv[1:]
for line in sys.stdin:
    asked = json.loads(line)
    method = asked.get("method")
    if "id" not in asked:
        continue
    answer = {
        "initialize": '{"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},'
        ' "serverInfo": {"name": "x", "version": "1"}}',
        "tools/list": tools,
        "tools/call": result,
    }.get(method, "'{}'")
    text = answer if method == "initialize" else eval(answer)
    print('{"jsonrpc": "2.0", "id": %s, "result": %s}' % (json.dumps(asked["id"]), text), flush=True)
"""
ONE_TOOL = repr(json.dumps({"tools": [TOOL]}))
MANY_ARGUMENTS = (
    "json.dumps({'tools': [{'name': 't', 'inputSchema': {'type': 'object', 'required': (names := ['a%d' % n for n in"
    " range(100_000)]), 'properties': {name: {'type': 'string'} for name in names}}}]})"
)
MANY_VALUES = """'{"content": [], "structuredContent": {"rows": [' + '[],' * 5_000_000 + '[]]}}'"""


class Row(NamedTuple):
    """A hostile input and the command that reads it.

    Parameters:
        name: what it is.
        command: the arguments of `kosmo`.
        files: their texts by their paths, below a folder whose `here` is the working directory and `home` the user's;
            a path stands for a link to it.
    """

    name: str
    command: list[str]
    files: dict[str, str | Path] = {}


def lua(code: str) -> list[str]:
    return ["lua", "--demo", "-e", code]


def mcp(server: object) -> dict[str, str | Path]:
    return {"home/.kosmo/mcp.json": json.dumps({"mcpServers": {"x": server}})}


def stdio(tools: str, result: str = "'{}'") -> dict[str, str | Path]:
    return mcp({"command": sys.executable, "args": ["-c", SERVER, tools, result]})


def notebook(*headings: str) -> dict[str, str | Path]:
    cells = [
        {"cell_type": "markdown", "id": f"h{at}", "metadata": {}, "source": f"# {h}"} for at, h in enumerate(headings)
    ]
    kernel = {"name": "kosmo-lua", "display_name": "Lua", "language": "lua"}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": [*cells, CELL]}
    return {"here/n.ipynb": json.dumps(document)}


def rows(url: str) -> list[Row]:
    """Return all rows.

    Parameters:
        url: an API and an MCP server whose answers never end.
    """
    check = ["check", ".", "--demo"]
    run = ["run", "n.ipynb", "-o", "ran.ipynb"]
    html = [*run, "--html"]
    return [
        Row("a start", lua("return 1")),
        Row("HTML: a tag of 1,000,000 letters", lua("display.html('<' .. ('a'):rep(1000000))")),
        Row("Markdown: a fence of 1,000,000 marks", lua("display.markdown(('~'):rep(1000000) .. '`')")),
        Row("HTML: 1,000,000 hard blanks", lua("display.html(('\\u{a0}'):rep(1000000))")),
        Row(
            "a project file above, of empty lines",
            run,
            notebook() | {"pyproject.toml": "\n" * 200_000 + "kosmo_kernel"},
        ),
        Row("a project file that is a device", run, notebook() | {"pyproject.toml": Path("/dev/zero")}),
        Row("pages without end, each new", ["lua", "-e", "return #heroku.list_apps()"]),
        Row("a body of MCP without end", ["mcp:list"], mcp({"url": f"{url}/mcp"})),
        Row(
            "5,000,000 lists in an answer of MCP",
            ["mcp:lua", "--force", "-e", "app.mcp.x.t()"],
            stdio(ONE_TOOL, MANY_VALUES),
        ),
        Row("an MCP tool of 100,000 arguments", ["mcp:list"], stdio(MANY_ARGUMENTS)),
        Row(
            "a call of it with a wrong argument",
            ["mcp:lua", "--force", "-e", "app.mcp.x.t({ wrong = 1 })"],
            stdio(MANY_ARGUMENTS),
        ),
        Row(
            ".mcp.json: a word of 1,000,000 letters",
            ["mcp:list"],
            {"here/.mcp.json": '{"mcpServers": {"x": {"command": "x", "args": ["' + "a" * 1_000_000 + '"]}}}'},
        ),
        Row(".mcp.json: 300,000 comments without end", ["mcp:list"], {"here/.mcp.json": "/*a" * 300_000}),
        Row(
            "a check's head with 30,000 blanks",
            check,
            {"here/x.lua": f"{HEAD}-- param: a ={' ' * 30_000}x\nreturn {{}}\n"},
        ),
        Row("a heading of 100,000 marks", html, notebook(" #" * 100_000)),
        Row("a heading of 200,000 brackets", html, notebook("[a" * 200_000)),
        Row(
            "exceptions of 100,000 tables",
            [*check, "--accept", "a.toml"],
            {"here/a.toml": "[[accept]]\n" * 100_000, "here/x.lua": f"{HEAD}return {{}}\n"},
        ),
    ]


class Endless(BaseHTTPRequestHandler):
    """Answer with pages that are each new and have a next one, and to POST with a body that never ends."""

    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """Answer until the client leaves."""
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        """Answer with a page."""
        first = int(self.headers.get("Range", "id 0..;").split()[1].split(".")[0] or 0)
        ids = range(first, first + 1000)
        body = json.dumps([{"id": str(number), "name": f"app-{number}", "text": "x" * 1000} for number in ids]).encode()
        self.send_response(206)
        self.send_header("Next-Range", f"id {first + 1000}..; max=1000")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("RateLimit-Remaining", "4500")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Answer with a body without end."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b'{"jsonrpc": "2.0", "id": 0, "result": {"x": "')
        while True:
            self.wfile.write(b"x" * (1 << 16))

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def measure(row: Row, url: str) -> str:
    """Return the seconds of a row's command, those of a processor, the most MiB that it had, and its exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("here", "home"):
            (folder / part).mkdir()
        for place, content in row.files.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(content) if isinstance(content, Path) else path.write_text(content, encoding="utf-8")
        environment = os.environ | {"HOME": str(folder / "home"), "HEROKU_API_URL": url, "HEROKU_API_KEY": "x" * 36}
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "kosmo_kernel", *row.command],
            cwd=folder / "here",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        killer = threading.Timer(SECONDS, os.killpg, [process.pid, signal.SIGKILL])
        killer.start()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu = used.ru_utime + used.ru_stime
        return f"{seconds:7.1f} {cpu:7.1f} {used.ru_maxrss >> 10:6} {process.returncode:4}"


def main(wanted: str = "") -> None:
    """Print a line for each row whose name contains a text."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        print("seconds     CPU    MiB exit")
        for row in rows(url):
            if wanted in row.name:
                print(f"{measure(row, url)}  {row.name}", flush=True)
        server.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
