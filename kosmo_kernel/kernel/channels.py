"""The five sockets of a kernel: where they listen, and who may use which.

The shell and its questions to the user belong to the main thread, the control channel to its own. The broadcasts
come from both, so their one socket is used under a lock: a message goes out at once, without a
thread in between that would have to be woken. That socket also hears who subscribes, and each of those is
welcomed; since ZeroMQ tells of that only to those who look, whoever has broadcast looks, and the control thread
looks when the socket's descriptor says so. The heartbeat is answered by ZeroMQ itself.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from kosmo_kernel.kernel.messages import NOBODY, Content, MessageCodec, Request

LINGER_MILLISECONDS = 1000  # milliseconds that what was sent may take to leave once all is over
SUBSCRIBED = b"\x01"  # in front of the topic that somebody listens to
MAX_QUEUED_BROADCASTS = 100_000  # messages kept for a listener that is slow


@dataclass(slots=True)
class ConnectionFile:
    """What a connection file says.

    Parameters:
        path: of the file.
        fields: what is in it; a port of 0 is chosen when its channel is opened.
        is_ours: whether the file is this kernel's own, which nobody has written before.
    """

    path: Path
    fields: dict[str, Any]
    is_ours: bool = False

    @classmethod
    def read(cls, path: Path) -> ConnectionFile:
        """Read the file, or make one up where there is none.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        fields = {"transport": "tcp", "ip": "127.0.0.1", "signature_scheme": "hmac-sha256", "key": ""}
        if path.exists():
            given = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(given, dict):
                raise ValueError(f"{path} has no JSON object in it")
            return cls(path, fields | given)
        return cls(path, fields | {"key": os.urandom(32).hex()}, is_ours=True)

    def write(self, ports: Mapping[str, int]) -> None:
        """Let others know the ports that were chosen."""
        told = {name: self.fields.get(name) for name in ports}
        if told == ports:
            return
        self.fields |= ports
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(self.fields, indent=1), encoding="utf-8")
        fresh.replace(self.path)


class Channels:
    """The sockets of a kernel, open.

    Parameters:
        connection: where.

    Attributes:
        ports: of each channel, as `shell_port`.
        subscribing: the descriptor that becomes readable when somebody begins to listen, among other things.

    Raises:
        ValueError: the file names a signature scheme that is not known.
        zmq.ZMQError: a port is taken.
    """

    def __init__(self, connection: ConnectionFile) -> None:
        self._connection = connection
        fields = connection.fields
        self._envelopes = MessageCodec(fields["key"].encode(), fields["signature_scheme"])
        self._context = zmq.Context()
        self.ports: dict[str, int] = {}
        try:
            self.shell = self._open(zmq.ROUTER, "shell")
            self.stdin = self._open(zmq.ROUTER, "stdin")
            self.control = self._open(zmq.ROUTER, "control")
            self._iopub = self._open(zmq.XPUB, "iopub")
            heartbeat = self._open(zmq.ROUTER, "hb")
        except BaseException:
            self._context.destroy(linger=0)
            raise
        self.subscribing = int(self._iopub.getsockopt(zmq.FD))
        self._broadcasting = threading.Lock()
        threading.Thread(target=_echo, args=(heartbeat,), name="heartbeat", daemon=True).start()
        connection.write(self.ports)

    def receive(self, socket: zmq.Socket[bytes]) -> Request:
        """The message that waits at a socket.

        Raises:
            ForgedError: it is none, or not signed as it should be.
        """
        return self._envelopes.open(socket.recv_multipart())

    def send(
        self, socket: zmq.Socket[bytes], kind: str, content: Content, parent: Request, metadata: Content | None = None
    ) -> None:
        """Send a message to whoever the parent came from."""
        socket.send_multipart(
            self._envelopes.seal(kind, content, parent, identities=parent.identities, metadata=metadata)
        )

    def broadcast(
        self,
        kind: str,
        content: Content,
        parent: Request,
        metadata: Content | None = None,
        buffers: Sequence[Any] | None = None,
    ) -> None:
        """Send a message to all who listen; from any thread."""
        frames = self._envelopes.seal(kind, content, parent, metadata=metadata, buffers=buffers)
        with self._broadcasting:
            self._iopub.send_multipart(frames)
            self._welcome()

    def welcome(self) -> None:
        """Tell those who have begun to listen that they are heard; from any thread."""
        with self._broadcasting:
            self._welcome()

    def _welcome(self) -> None:
        while int(self._iopub.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            word = self._iopub.recv()
            if word[:1] == SUBSCRIBED:
                topic = word[1:]
                told = {"subscription": topic.decode(errors="replace")}
                self._iopub.send_multipart(
                    self._envelopes.seal("iopub_welcome", told, NOBODY, identities=[topic] if topic else ())
                )

    def signal(self, name: str, kind: int) -> zmq.Socket[bytes]:
        """One end of a wire between two threads of this process: `zmq.PULL` first, then `zmq.PUSH`."""
        socket = self._context.socket(kind)
        (socket.bind if kind == zmq.PULL else socket.connect)(f"inproc://{name}")
        return socket

    def close(self) -> None:
        """Let what was sent leave, and give back everything. No other thread uses a channel any more."""
        for socket in (self.shell, self.stdin, self.control, self._iopub):
            socket.close()
        self._context.term()
        if self._connection.is_ours:
            self._connection.path.unlink(missing_ok=True)

    def _open(self, kind: int, channel: str) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.linger = LINGER_MILLISECONDS
        if kind == zmq.ROUTER:
            socket.router_handover = 1  # a client that comes back keeps its place
        else:
            socket.setsockopt(zmq.XPUB_VERBOSE, 1)  # it tells of everyone who begins to listen, not of the first only
            socket.setsockopt(zmq.SNDHWM, MAX_QUEUED_BROADCASTS)
        fields = self._connection.fields
        if secret := fields.get("curve_secretkey"):
            socket.curve_secretkey = secret.encode()
            socket.curve_publickey = fields["curve_publickey"].encode()
            socket.curve_server = True
        name = f"{channel}_port"
        self.ports[name] = self._bind(socket, int(fields.get(name) or 0))
        return socket

    def _bind(self, socket: zmq.Socket[bytes], port: int) -> int:
        transport, address = self._connection.fields["transport"], self._connection.fields["ip"]
        if transport == "tcp" and not port:
            return socket.bind_to_random_port(f"tcp://{address}")
        if transport == "ipc" and not port:
            port = 1
            while Path(f"{address}-{port}").exists():
                port += 1
        socket.bind(f"{transport}://{address}{':' if transport == 'tcp' else '-'}{port}")
        return port


def _echo(heartbeat: zmq.Socket[bytes]) -> None:
    """Send back whatever comes, until all is over."""
    with suppress(zmq.ContextTerminated):
        zmq.proxy(heartbeat, heartbeat)
    heartbeat.close()
