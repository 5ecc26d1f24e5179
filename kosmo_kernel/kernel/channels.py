"""The five sockets of a kernel, the messages on them, and the comms of widgets.

The main thread uses the shell and stdin sockets, the control thread the control socket. Both threads broadcast, so a
lock guards the iopub socket: a message is sent at once, without waking an I/O thread. The iopub socket also receives
subscriptions, each of which is answered with an `iopub_welcome`. ZeroMQ reports them only to a thread that polls, so
every broadcast checks for them, and the control thread checks when the socket's file descriptor becomes readable.
A ZeroMQ proxy answers the heartbeat.

While the main thread runs a cell, `BusyShell` serves the shell channel in a second thread.

On the wire a message is a list of frames: routing identities, a delimiter, an HMAC signature, four JSON texts (header,
parent header, metadata, content) and raw buffers. A parent header is sent back byte for byte, without being parsed and
encoded again. https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

import zmq

if TYPE_CHECKING:
    from kosmo_kernel.safety.markup import Terminal

LINGER_MILLISECONDS = 1000  # how long queued messages may take to be sent on shutdown
# As integers, because pyzmq's own constants, which are enumerations, take longer than sending a frame.
EVENTS, MORE, READABLE = int(zmq.EVENTS), int(zmq.SNDMORE), int(zmq.POLLIN)
SUBSCRIBED = b"\x01"  # prefix of a subscription message; the topic follows
MAX_MESSAGE_BYTES = 256 << 20  # of a frame that is received; whoever sends a larger one is disconnected
MAX_QUEUED_REQUESTS = 500  # messages of one sender that wait here; further ones wait at the sender
MAX_QUEUED_BROADCASTS = 100_000  # messages queued for a slow subscriber
LENT_SECONDS = 0.02  # for which a handler runs, or twice as long, before the second thread takes the socket

VERSION = "5.5"  # of the messaging protocol

Content = dict[str, Any]

_DELIMITER = b"<IDS|MSG>"
_JSON_FRAMES = 4
_MAX_SIGNATURES = 1 << 15  # signatures to remember before the older half is dropped
_EMPTY = b"{}"


class InvalidMessageError(ValueError):
    """Malformed, unsigned or replayed frames."""


class Request(NamedTuple):
    """A received message."""

    identities: Sequence[bytes] = ()  # of the sender, to which the reply is routed
    kind: str = ""  # the message type, such as `execute_request`
    content: Content = {}
    metadata: Content = {}
    header: bytes = _EMPTY  # as JSON
    buffers: Sequence[bytes] = ()
    subshell: str = ""  # the id of the subshell that it is sent to; empty for the main one

    def as_dict(self) -> Content:
        """Return the message in the form that jupyter_client and ipykernel use."""
        return {
            "header": json.loads(self.header),
            "msg_type": self.kind,
            "metadata": self.metadata,
            "content": self.content,
            "buffers": [memoryview(buffer) for buffer in self.buffers],
        }


NO_PARENT = Request()  # the parent of a message that no request caused


class ConnectionFile(NamedTuple):
    """The content of a connection file."""

    path: str | os.PathLike[str]  # `pathlib` is not imported, which would delay the first reply by a tenth
    fields: dict[str, Any]  # its JSON object; a port of 0 is chosen when the channel is opened
    is_ours: bool = False  # whether this kernel creates the file, because it did not exist

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> ConnectionFile:
        """Read the file; if it does not exist, return default fields and a random key.

        Raises:
            OSError, ValueError: the file cannot be read.
        """
        fields = {"transport": "tcp", "ip": "127.0.0.1", "signature_scheme": "hmac-sha256", "key": ""}
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
        except FileNotFoundError:
            return cls(path, fields | {"key": os.urandom(32).hex()}, is_ours=True)
        if not isinstance(content, dict):
            raise ValueError(f"{path} has no JSON object in it")  # noqa: TRY004 - malformed content
        return cls(path, fields | content)

    def write(self, ports: Mapping[str, int]) -> None:
        """Write the chosen ports to the file, unless it has them already."""
        if ports.items() <= self.fields.items():
            return
        self.fields.update(ports)
        path = os.path.abspath(self.path)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        temporary = f"{path}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            json.dump(self.fields, file, indent=1)
        os.replace(temporary, path)


class Channels:
    """The open sockets of a kernel.

    Attributes:
        ports: the port of each channel, keyed as in the connection file (`shell_port`).
        subscribing: the iopub socket's file descriptor, which becomes readable on a subscription (and other events).

    Raises:
        ValueError: the file names an unknown signature scheme.
        zmq.ZMQError: a port is in use.
    """

    def __init__(self, connection: ConnectionFile) -> None:
        self._connection = connection
        fields = connection.fields
        self._codec = MessageCodec(fields["key"].encode(), fields["signature_scheme"])
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
        self._broadcasting = threading.RLock()
        threading.Thread(target=_echo, args=(heartbeat,), name="heartbeat", daemon=True).start()
        connection.write(self.ports)

    def receive(self, socket: zmq.Socket[bytes]) -> Request:
        """Receive and verify a message.

        Raises:
            InvalidMessageError: the message is malformed, wrongly signed or replayed.
        """
        return self._codec.open(socket.recv_multipart())

    def send(
        self, socket: zmq.Socket[bytes], kind: str, content: Content, parent: Request, metadata: Content | None = None
    ) -> None:
        """Send a message to the sender of the parent message."""
        _send(socket, self._codec.seal(kind, content, parent, identities=parent.identities, metadata=metadata))

    def broadcast(
        self,
        kind: str,
        content: Content,
        parent: Request,
        metadata: Content | None = None,
        buffers: Sequence[Any] | None = None,
    ) -> None:
        """Send a message to all subscribers. Thread-safe."""
        frames = self._codec.seal(kind, content, parent, metadata=metadata, buffers=buffers)
        with self._broadcasting:
            _send(self._iopub, frames)
            self.welcome()

    def welcome(self) -> None:
        """Send an `iopub_welcome` for each new subscription. Thread-safe."""
        with self._broadcasting:
            while int(self._iopub.getsockopt(EVENTS)) & READABLE:
                frame = self._iopub.recv()
                if frame[:1] == SUBSCRIBED:
                    topic = frame[1:]
                    content, topics = {"subscription": topic.decode(errors="replace")}, [topic] if topic else []
                    _send(self._iopub, self._codec.seal("iopub_welcome", content, NO_PARENT, identities=topics))

    def signal(self, name: str, kind: int) -> zmq.Socket[bytes]:
        """Open one end of an in-process pipe between two threads: `zmq.PULL` first, then `zmq.PUSH`."""
        socket = self._context.socket(kind)
        (socket.bind if kind == zmq.PULL else socket.connect)(f"inproc://{name}")
        return socket

    def close(self) -> None:
        """Send what is queued, then close all sockets. No other thread may use a channel any more."""
        for socket in (self.shell, self.stdin, self.control, self._iopub):
            socket.close()
        self._context.term()
        if self._connection.is_ours:
            with suppress(FileNotFoundError):
                os.unlink(self._connection.path)

    def _open(self, kind: int, channel: str) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.linger = LINGER_MILLISECONDS
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        socket.setsockopt(zmq.RCVHWM, MAX_QUEUED_REQUESTS)
        if kind == zmq.ROUTER:
            socket.router_handover = 1  # a client that reconnects keeps its identity
        else:
            socket.setsockopt(zmq.XPUB_VERBOSE, 1)  # report every subscription, not only the first of a topic
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
            while os.path.exists(f"{address}-{port}"):
                port += 1
        socket.bind(f"{transport}://{address}{':' if transport == 'tcp' else '-'}{port}")
        return port


def _send(socket: zmq.Socket[bytes], frames: Sequence[Any]) -> None:
    """Send the frames of one message."""
    for frame in frames[:-1]:
        socket.send(frame, MORE)
    socket.send(frames[-1])


def _echo(heartbeat: zmq.Socket[bytes]) -> None:
    """Send every message back until the context is terminated."""
    with suppress(zmq.ContextTerminated):
        zmq.proxy(heartbeat, heartbeat)
    heartbeat.close()


class BusyShell:
    """The second thread of the shell channel, which is started at the first loan.

    The socket belongs to one thread at a time. The main thread lends it for as long as a handler runs. If that takes
    longer than a moment, the second thread takes the socket, so that a completion or a widget need not wait for the end
    of the cell, and gives it back when the handler returns. A short cell costs no change of the owner, and does not
    wake the thread if another cell ran just before.

    Parameters:
        channels: the kernel's sockets.
        handle_next: receives and handles one message of the shell channel, in the second thread.
    """

    def __init__(self, channels: Channels, handle_next: Callable[[], None]) -> None:
        self._channels, self._handle_next = channels, handle_next
        self._changed = threading.Condition()
        self._state: Literal["own", "lent", "taken", "closed"] = "own"
        self._loans = 0
        self._is_asleep = False  # the thread waits for the next loan
        self._thread: threading.Thread | None = None
        self._give_back: zmq.Socket[bytes]  # both ends of a pipe, which are opened with the thread
        self._asks_back: zmq.Socket[bytes]

    @property
    def is_current(self) -> bool:
        """Return whether this is called in the second thread."""
        return self._thread is threading.current_thread()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Lend the shell socket during the block. Called in the main thread."""
        if self._thread is None:
            self._start()
        with self._changed:
            self._state = "lent"
            self._loans += 1
            if self._is_asleep:
                self._changed.notify_all()
        try:
            yield
        finally:
            self._take_back()

    def close(self) -> None:
        """End the thread. Called in the main thread, outside of a loan."""
        if self._thread is None:
            return
        self._set("closed")
        self._thread.join()
        self._give_back.close()
        self._asks_back.close()

    def _start(self) -> None:
        self._give_back = self._channels.signal("give back", zmq.PULL)
        self._asks_back = self._channels.signal("give back", zmq.PUSH)
        self._thread = threading.Thread(target=self._serve, name="shell", daemon=True)
        self._thread.start()

    def _take_back(self) -> None:
        with self._changed:
            if self._state == "lent":
                self._state = "own"  # the thread sees it when its moment is over
                return
            self._asks_back.send(b"")
            self._changed.wait_for(lambda: self._state == "own")

    def _set(self, state: Literal["own", "lent", "taken", "closed"]) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._channels.shell, zmq.POLLIN)
        poller.register(self._give_back, zmq.POLLIN)
        while self._take():
            while self._give_back not in (ready := dict(poller.poll())):
                if self._channels.shell in ready:
                    self._handle_next()
            self._give_back.recv()
            self._set("own")

    def _take(self) -> bool:
        """Wait until the socket is lent for longer than a moment, and take it; return False when this is closed."""
        with self._changed:
            while self._state != "closed":
                loans = self._loans
                self._changed.wait(LENT_SECONDS)
                if loans != self._loans:
                    continue
                if self._state == "lent":
                    self._state = "taken"
                    return True
                self._is_asleep = True
                self._changed.wait_for(lambda: self._state != "own")
                self._is_asleep = False
            return False


class MessageCodec:
    """Encodes and decodes the messages of one kernel, signed with a key; an empty one signs none."""

    def __init__(self, key: bytes, scheme: str = "hmac-sha256") -> None:
        method, _, self._digest = scheme.partition("-")
        if method != "hmac" or self._digest not in hashlib.algorithms_available:
            raise ValueError(f"the signature scheme {scheme!r} is not known")
        self._key = key
        self._session = os.urandom(16).hex()
        self._sender = json.dumps({"username": os.environ.get("USER", "kernel"), "session": self._session})[1:-1]
        self._numbers = count(1)
        self._seen: set[bytes] = set()
        self._seen_before: set[bytes] = set()

    def seal(
        self,
        kind: str,
        content: Content,
        parent: Request,
        *,
        identities: Sequence[bytes] = (),
        metadata: Content | None = None,
        buffers: Sequence[Any] | None = None,
    ) -> list[Any]:
        """Return the signed frames of a message.

        Parameters:
            kind: the message type, such as `execute_reply`.
            content: the message's `content`; values without a JSON form are sent as their `str`.
            parent: the request that the message belongs to.
            identities: the routing identities of the receiver, or the topic of a broadcast.
            metadata, buffers: as in `Request`.
        """
        header = (
            f'{{"msg_id": "{self._session}_{next(self._numbers)}", "msg_type": {json.dumps(kind)}, {self._sender}, '
            f'"date": "{now()}", "version": "{VERSION}"}}'
        )
        texts = [header.encode(), parent.header, _json(metadata) if metadata else _EMPTY, _json(content)]
        return [*identities, _DELIMITER, self._sign(texts), *texts, *(buffers or ())]

    def open(self, frames: Sequence[bytes]) -> Request:
        """Verify and decode a message, see `Channels.receive`."""
        try:
            delimiter = frames.index(_DELIMITER)
            signature, *texts = frames[delimiter + 1 : delimiter + 2 + _JSON_FRAMES]
        except ValueError:
            raise InvalidMessageError("frames that are no message") from None
        if self._key:
            if not hmac.compare_digest(self._sign(texts), signature):
                raise InvalidMessageError("a message with a wrong signature")
            if signature in self._seen or signature in self._seen_before:
                raise InvalidMessageError("a message that was there before")
            self._seen.add(signature)
            if len(self._seen) >= _MAX_SIGNATURES:
                self._seen_before, self._seen = self._seen, set()
        try:
            header, _, metadata, content = (json.loads(text.decode(errors="replace")) for text in texts)
            kind, subshell = str(header["msg_type"]), str(header.get("subshell_id") or "")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InvalidMessageError(f"a message that makes no sense: {error}") from None
        buffers = list(frames[delimiter + 2 + _JSON_FRAMES :])
        return Request(list(frames[:delimiter]), kind, content, metadata, texts[0], buffers, subshell)

    def _sign(self, texts: Sequence[bytes]) -> bytes:
        return hmac.digest(self._key, b"".join(texts), self._digest).hex().encode() if self._key else b""


def now() -> str:
    """Return the current time in the format of message headers."""
    return datetime.now(UTC).isoformat()


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value, default=str, allow_nan=False).encode()
    except ValueError:
        return json.dumps(_finite(value), default=str).encode()


def _finite(value: Any) -> Any:
    """Replace the numbers that JSON lacks (NaN, infinity) by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


class Comms:
    """The comms of this kernel, the messages between widgets in this process and the front end.

    ipywidgets finds its kernel through the `comm` package, which keeps the open comms and their callbacks. This gives
    that package a way to send messages to the front end, and passes it the messages from there.

    Parameters:
        broadcast: sends a message to the front end.
    """

    def __init__(self, broadcast: Callable[[str, Content, Content, list[Any]], None]) -> None:
        import comm
        from comm.base_comm import BaseComm

        class KernelComm(BaseComm):
            """A comm whose other end is in the front end."""

            def publish_msg(
                self,
                msg_type: str,
                data: Content | None = None,
                metadata: Content | None = None,
                buffers: list[bytes] | None = None,
                **keys: Any,
            ) -> None:
                """Send a message to the other end."""
                broadcast(msg_type, {"data": data or {}, "comm_id": self.comm_id} | keys, metadata or {}, buffers or [])

        comm.create_comm = KernelComm  # the package documents it as replaceable
        self._manager = comm.get_comm_manager()

    def handle(self, request: Request) -> None:
        """Dispatch a `comm_open`, `comm_msg` or `comm_close`. A comm for an unknown target is closed again."""
        getattr(self._manager, request.kind)(None, request.identities, request.as_dict())

    def open_comms(self, target: str | None = None) -> Content:
        """Return the open comms by id, of one target if `target` is set."""
        comms = list(self._manager.comms.items())  # other threads open and close some meanwhile
        return {id_: {"target_name": c.target_name} for id_, c in comms if target in (None, c.target_name)}


class ErrorContent(TypedDict):
    """The content of an `error` message of Jupyter's protocol."""

    ename: str
    evalue: Terminal
    traceback: list[Terminal]


def error_content(error: BaseException) -> ErrorContent:
    """Return the content of an `error` message, which is also that of the error reply.

    Any exception other than a `KosmoError` is a bug in this package and is shown with Python's traceback.
    """
    from kosmo_kernel.errors import KosmoError
    from kosmo_kernel.render.error_lines import COLOURED, MAX_MESSAGE_LENGTH, error_lines, traceback_lines
    from kosmo_kernel.safety.markup import Terminal
    from kosmo_kernel.safety.redaction import redact_error

    if isinstance(error, KosmoError):
        message, lines = error.message, error_lines(error, COLOURED, details=True)
    else:
        message = redact_error(str(error))
        lines = [Terminal("The Lua kernel failed; this is a defect of kosmo_kernel."), *traceback_lines(error)]
    text = Terminal.escape(message[:MAX_MESSAGE_LENGTH])
    return {"ename": type(error).__name__, "evalue": text, "traceback": lines}
