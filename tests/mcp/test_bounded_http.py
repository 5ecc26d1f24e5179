"""Servers with an address whose bodies never end, have too many values, or are compressed without being asked."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from mcp_config import answer, opened

from kosmo_kernel.errors import BadAnswerError, KosmoError, UnreachableError

pytest.importorskip("mcp")

PIECE = b"x" * (1 << 16)
TOOLS = [{"name": "flood", "inputSchema": {"type": "object", "properties": {}}}]


class FloodHandler(BaseHTTPRequestHandler):
    """Answer as the protocol asks for, but each call of the tool with `flood`."""

    protocol_version = "HTTP/1.1"
    flood: ClassVar[str]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        result: dict[str, Any] | None = None
        match asked.get("method"):
            case "initialize":
                version = asked["params"]["protocolVersion"]
                info = {"name": "flood", "version": "1"}
                result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
            case "tools/list":
                result = {"tools": TOOLS}
            case "tools/call":
                with suppress(ConnectionError):
                    getattr(self, f"send_{self.flood}")()
                self.close_connection = True
                return
        if "id" not in asked:
            self._send(202, b"", "application/json")
        elif result is None:
            error = {"code": -32601, "message": "Method not found"}
            self._send(200, json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode())
        else:
            self._send(200, json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode())

    def do_GET(self) -> None:
        self._send(405, b"")

    def do_DELETE(self) -> None:
        self._send(200, b"")

    def send_body_without_end(self) -> None:
        self._begin("application/json")
        self.wfile.write(b'{"jsonrpc": "2.0", "id": "')
        while True:
            self.wfile.write(PIECE)

    def send_event_without_end(self) -> None:
        self._begin("text/event-stream")
        self.wfile.write(b"event: message\ndata: ")
        while True:
            self.wfile.write(PIECE)

    def send_many_values(self) -> None:
        self._begin("application/json")
        self.wfile.write(b'{"jsonrpc": "2.0", "id": 1, "result": [' + b"[]," * 2_000_000 + b"[]]}")

    def send_event_of_many_values(self) -> None:
        self._begin("text/event-stream")
        self.wfile.write(b": hello\n\ndata: [" + b"[]," * 2_000_000 + b"[]]\n\n")

    def send_compressed(self) -> None:
        body = gzip.compress(b"[" * 1_000_000)
        self._begin("application/json", content_encoding="gzip", content_length=str(len(body)))
        self.wfile.write(body)

    def _begin(self, kind: str, **headers: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("connection", "close")
        self.end_headers()

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def server(flood: str) -> Iterator[str]:
    """Yield the address of a server."""
    handler = type("Handler", (FloodHandler,), {"flood": flood})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        served.daemon_threads = True
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{served.server_port}/mcp"
        finally:
            served.shutdown()
            thread.join()


@pytest.mark.claim("budget-mcp")
@pytest.mark.parametrize(
    ("flood", "kind", "message"),
    [
        ("body_without_end", BadAnswerError, "more than 64 MiB or 1,000,000 values"),
        ("event_without_end", BadAnswerError, "more than 64 MiB or 1,000,000 values"),
        ("many_values", BadAnswerError, "more than 64 MiB or 1,000,000 values"),
        ("event_of_many_values", BadAnswerError, "more than 64 MiB or 1,000,000 values"),
        ("compressed", UnreachableError, "compressed"),
    ],
)
def test_a_body_that_is_too_large_is_one_error(
    tmp_path: Path, flood: str, kind: type[KosmoError], message: str
) -> None:
    with (
        server(flood) as url,
        opened(tmp_path, {"far": {"url": url, "timeout": 60}}) as servers,
        pytest.raises(kind, match=message),
    ):
        answer(servers, "far.flood")
