"""A service on a port of this machine that fails in a chosen way, and repeats the token that it was sent.

Each fault of `FAULTS` ends a call with another kind of error: no connection, a request that cannot be written, a
response that does not come or is cut, one that is no HTTP, one that is no JSON, and one that refuses.
"""

from __future__ import annotations

import re
import socket
import socketserver
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

FAULTS = ("connect", "write", "read", "cut", "protocol", "decode", "refused")
NO_SERVICE = "http://127.0.0.1:9"
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: a connection that is closed is reset
_TOKEN = re.compile(rb"authorization: bearer (\S+)", re.IGNORECASE)


class _Connection(socketserver.BaseRequestHandler):
    server: FaultyServer

    def handle(self) -> None:
        """Answer one request."""
        peer: socket.socket = self.request
        if self.server.fault == "write":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            return
        asked = b""
        while b"\r\n\r\n" not in asked:
            if not (part := peer.recv(65536)):
                return
            asked += part
        found = _TOKEN.search(asked)
        assert found, asked
        self.server.tokens.append(found[1].decode())
        peer.sendall(self.answer(found[1]))

    def answer(self, token: bytes) -> bytes:
        """Return the bytes of an answer, which repeats the token."""
        if self.server.response is not None:
            return _response(*self.server.response)
        record = b'{"id": "%b", "message": "no access with %b", "url": "https://x:%b@example.com"}' % ((token,) * 3)
        match self.server.fault:
            case "read":
                return b""
            case "cut":
                return _response(b"200 OK", b"", record, len(record) + 9)
            case "protocol":
                return b"%b \x00 %b\r\n\r\n" % (token, record)
            case "decode":
                return _response(b"200 OK", b"", b"[%b] %b" % (record, token))
            case _:
                return _response(b"403 No %b" % token, b"", record)


class FaultyServer(socketserver.ThreadingTCPServer):
    """The service.

    Attributes:
        fault: how each request fails, one of `FAULTS`.
        response: a status, a header and a body to answer with, in place of a fault.
        tokens: those that it was sent, in order.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.fault = ""
        self.response: tuple[bytes, bytes, bytes] | None = None
        self.tokens: list[str] = []

    @property
    def url(self) -> str:
        """The address to ask: one where nobody listens, if connecting is to fail."""
        return NO_SERVICE if self.fault == "connect" else f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def faulty_service() -> Iterator[FaultyServer]:
    """Yield the service."""
    with FaultyServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _response(status: bytes, header: bytes, body: bytes, length: int | None = None) -> bytes:
    size = length or len(body)
    return (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n"
        b"Request-Id: 01234567\r\n%b\r\n%b" % (status, size, header, body)
    )
