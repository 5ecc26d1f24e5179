"""Serve the demo's API on a real port, for clients outside this process.

A threaded HTTP/1.1 server for one WSGI application. Connections stay open between requests, as they do at Heroku; the
usual development servers for WSGI close each one after its response, so a benchmark of a client would mostly measure
connecting.

An application can cause faults on purpose: it may send less than its `Content-Length` says, or have the connection
reset by calling `environ[RESET]`.
"""

from __future__ import annotations

import io
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock, Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler
from wsgiref.types import WSGIApplication, WSGIEnvironment
from wsgiref.util import setup_testing_defaults

from msgspec import Struct

from kosmo_kernel.demo.faults import RESET
from kosmo_kernel.errors import SettingsError

# With this option, closing a connection resets it instead of ending it gracefully; two ints, on Windows two shorts.
_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)

_MAX_BODY_BYTES = 1 << 20  # bytes of a request; a read-only API needs no more
_POLL_SECONDS = 0.01  # between two looks whether the block has ended, which waits for the next one


class Served(Struct, frozen=True):
    """A running server."""

    url: str  # without a trailing slash


@contextmanager
def serve(api: WSGIApplication, host: str = "127.0.0.1", port: int = 0, *, latency: float = 0.0) -> Iterator[Served]:
    """Serve an application until the block ends; then all connections and threads are closed.

    Parameters:
        api: a WSGI application.
        host: the address to listen on.
        port: 0 selects a free one.
        latency: seconds of delay before every response.

    Raises:
        SettingsError: it cannot listen on that address and port.
    """
    try:
        server = _Server(api, host, port, latency)
    except (OSError, OverflowError) as error:
        raise SettingsError(
            f"The demo cannot listen on {host}, port {port}: {error}. Choose others; port 0 takes a free one."
        ) from error
    thread = Thread(target=server.serve_forever, args=(_POLL_SECONDS,), name="kosmo demo", daemon=True)
    thread.start()
    try:
        name = f"[{host}]" if ":" in host else host
        yield Served(f"http://{name}:{server.server_address[1]}")
    finally:
        server.shutdown()
        thread.join()
        server.hang_up()
        server.server_close()


class _Server(ThreadingTCPServer):
    """A server with a thread per connection. It tracks open connections, so that it can stop without waiting."""

    allow_reuse_address = True
    daemon_threads = False  # `server_close` waits for them
    request_queue_size = 128  # many connections may arrive at once

    def __init__(self, api: WSGIApplication, host: str, port: int, latency: float) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.api = api
        self.latency = latency
        self._open = set[socket.socket]()
        self._lock = Lock()
        super().__init__((host, port), _Handler)
        self.base_environ = {"SCRIPT_NAME": "", "SERVER_NAME": host, "SERVER_PORT": str(self.server_address[1])}

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client may disconnect in the middle of a response; any other error is a bug.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # the client has already closed it
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    """Handles one connection: passes its HTTP requests to the WSGI application and sends the responses."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together
    disable_nagle_algorithm = True
    server: _Server
    handle = BaseHTTPRequestHandler.handle  # all requests of a connection; that of the base class ends after the first

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The base class looks up one method per HTTP verb; here the application handles all verbs.
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def version_string(self) -> str:
        return "kosmo-demo"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class has this name
        """Log nothing."""

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.rfile.close()  # the base class does not get that far if the client has disconnected

    def _answer(self) -> None:
        time.sleep(self.server.latency)
        head: list[Any] = []
        shares = [1.0]  # of the response, the last of which is sent; below 1 the connection is then reset

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
            head[:] = [int(status[:3]), headers]
            return self.wfile.write

        chunks = self.server.api(self._environ() | {RESET: shares.append}, start_response)
        try:
            body = b"".join(chunks)
        finally:
            getattr(chunks, "close", lambda: None)()
        if self.command == "HEAD":
            body = b""
        # A response without a body would be complete after its headers.
        share = shares[-1]
        if share == 0 or (share < 1 and not body):
            self._reset()
            return
        status, headers = head
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[: int(len(body) * share)])
        if share < 1:
            self._reset()
        elif len(body) < int(dict(headers).get("Content-Length", 0)) and self.command != "HEAD":
            self.close_connection = True  # or the client would wait for the rest

    def _reset(self) -> None:
        """Close the connection so that the client sees an error."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self.connection.close()  # takes effect when the base class has closed its files
        self.close_connection = True

    def _environ(self) -> WSGIEnvironment:
        """Return the environment; a header that is folded over several lines becomes one line (RFC 9112, 5.2)."""
        texts = self.get_environ().items()
        environ: WSGIEnvironment = {name: text.replace("\r\n", " ").replace("\n", " ") for name, text in texts}
        environ |= {"wsgi.input": io.BytesIO(self._body()), "wsgi.errors": sys.stderr, "wsgi.multithread": True}
        setup_testing_defaults(environ)
        return environ

    def _body(self) -> bytes:
        """Return the body of the request; if its length is unknown or too large, close the connection afterwards."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or float(length) > _MAX_BODY_BYTES:
            self.close_connection = True
            return b""
        return self.rfile.read(int(length))
