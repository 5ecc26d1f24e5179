"""Jupyter's requests, each answered from the notebook's Lua: busy, what is shown, the reply, idle.

The main thread takes what comes to the shell, one request at a time. The control channel has a thread of its own,
which answers while Lua runs: what the kernel is, that a cell is to stop, that all is over. Protocol 5.5:
https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import zmq

from kosmo_kernel import __version__
from kosmo_kernel.kernel.channels import Channels
from kosmo_kernel.kernel.messages import NOBODY, VERSION, Content, InvalidMessageError, Request, now

if TYPE_CHECKING:
    from kosmo_kernel.kernel.comms import Comms
    from kosmo_kernel.kernel.notebook import KernelNotebook

END_OF_INPUT = "\x04"  # what a front end sends for Ctrl-D
INPUT_POLL_MILLISECONDS = 10  # milliseconds between two looks at whether the cell was stopped
WATCH_TURN = 1000  # milliseconds between two looks at whether the parent still lives
SHUTDOWN_SECONDS = 4.0  # seconds that all has to come to its end; Jupyter kills after five
STOP_MAKING = signal.SIGTERM if sys.platform == "win32" else signal.SIGUSR1  # by which a thread interrupts the main one
COMMAND = "%kosmo "  # how a line begins that is Python's to answer


class LuaKernel:
    """A kernel that runs Lua.

    Parameters:
        channels: its sockets.
        parent: the process that started it and that it ends with; 0 for none.
    """

    implementation = "kosmo_kernel"
    banner = f"Lua 5.4, kosmo_kernel {__version__}. docs.list() says what there is to call; name? explains a name."
    language_info = {
        "name": "lua",
        "version": "5.4",
        "mimetype": "text/x-lua",
        "file_extension": ".lua",
        "pygments_lexer": "lua",
        "codemirror_mode": "lua",
    }
    help_links = (
        {"text": "Lua 5.4", "url": "https://www.lua.org/manual/5.4/"},
        {"text": "Heroku Platform API", "url": "https://devcenter.heroku.com/articles/platform-api-reference"},
    )

    def __init__(self, channels: Channels, parent: int = 0) -> None:
        self._channels = channels
        self._watched = parent
        self._parent = NOBODY  # the shell's request at hand
        self._aborted: deque[Request] = deque()  # what stood in line behind a cell that failed
        self._stored = 0
        self._making = threading.Lock()
        self._notebook: KernelNotebook | None = None
        self._comms: Comms | None = None
        self._cell: Request | None = None  # that is at work
        self._stopped: Request | None = None  # the cell of the last interrupt, so that it ends no other one
        self._ending = False
        self._over = channels.signal("over", zmq.PULL)
        self._shell: dict[str, Callable[[Request], Content | None]] = {
            "kernel_info_request": self._kernel_info,
            "execute_request": self._execute,
            "complete_request": self._complete,
            "inspect_request": self._inspect,
            "is_complete_request": self._is_complete,
            "history_request": self._history,
            "connect_request": self._connect,
            "comm_info_request": self._comm_info,
            "comm_open": self._comm,
            "comm_msg": self._comm,
            "comm_close": self._comm,
            "shutdown_request": self._shut_down,
        }
        self._control: dict[str, Callable[[Request], Content | None]] = {
            "kernel_info_request": self._kernel_info,
            "connect_request": self._connect,
            "comm_info_request": self._comm_info,
            "usage_request": self._usage,
            "interrupt_request": self._interrupt,
            "shutdown_request": self._shut_down,
        }

    @property
    def notebook(self) -> KernelNotebook:
        """The Lua behind this kernel. Its process starts while the rest of what a cell needs is imported.

        Raises:
            LuaProcessError: the kernel is being shut down.
        """
        with self._making:
            if self._notebook is None:
                if self._ending:
                    from kosmo_kernel.errors import LuaProcessError

                    raise LuaProcessError("The kernel is being shut down.")
                from kosmo_kernel.session import Session

                lua = Session()
                lua.start()
                from kosmo_kernel.kernel.notebook import KernelNotebook

                self._notebook = KernelNotebook(lua, self._send, self._ask, self._is_stopped)
            return self._notebook

    def serve(self) -> None:
        """Answer requests until the kernel is shut down."""
        self._channels.broadcast("status", {"execution_state": "starting"}, NOBODY)
        control = threading.Thread(target=self._serve_control, name="control", daemon=True)
        control.start()
        poller = zmq.Poller()
        poller.register(self._channels.shell, zmq.POLLIN)
        poller.register(self._over, zmq.POLLIN)
        while not self._ending:
            if self._channels.shell in dict(poller.poll()):
                _whatever_happens(self._take)
        control.join()
        self._over.close()

    def interrupt(self) -> None:
        """Stop the cell that runs, or what a widget began. Raises nothing; from any thread or a signal handler."""
        self._stopped = self._cell  # first, so that a notebook that is just being made finds it
        if self._notebook is not None and self._notebook.interrupt():
            _thread.interrupt_main(STOP_MAKING)

    def stop_making(self) -> None:
        """End, by a KeyboardInterrupt, what the main thread makes of an interrupted cell. Handles `STOP_MAKING`."""
        if self._notebook is not None and self._is_stopped():
            self._notebook.stop_making()

    def _is_stopped(self) -> bool:
        return self._cell is not None and self._stopped is self._cell

    # The shell, in the main thread ---------------------------------------------------------------------

    def _take(self) -> None:
        """Answer the request that waits, and then those that were aborted by it."""
        request = self._received(self._channels.shell)
        if request is not None:
            self._answer(request)
        while self._aborted:
            waited = self._aborted.popleft()
            self._answer(waited, aborted=waited.kind == "execute_request")

    def _received(self, socket: zmq.Socket[bytes]) -> Request | None:
        """The message that waits at a socket; None for what is none."""
        try:
            return self._channels.receive(socket)
        except InvalidMessageError as error:
            _complain(f"got {error}")
            return None

    def _answer(self, request: Request, *, aborted: bool = False) -> None:
        self._parent = request
        self._send("status", {"execution_state": "busy"})
        handler = self._shell.get(request.kind)
        if aborted:
            metadata = {"started": now(), "status": "aborted"}
            self._channels.send(self._channels.shell, "execute_reply", {"status": "aborted"}, request, metadata)
        elif handler is None:
            _complain(f"got a message of a kind that is not known: {request.kind!r}")
        else:
            metadata = {"started": now()} if request.kind == "execute_request" else {}
            reply = _answered(handler, request)
            if reply is not None:
                self._reply(self._channels.shell, request, reply, metadata)
        self._send("status", {"execution_state": "idle"})
        if request.kind == "kernel_info_request":
            self._get_ready()

    def _get_ready(self) -> None:
        """Start Lua while the front end makes up its mind what to run, unless that has been done or all is over."""
        with suppress(Exception):  # the first cell says why
            _ = self.notebook

    def _kernel_info(self, _request: Request) -> Content:
        return {
            "protocol_version": VERSION,
            "implementation": self.implementation,
            "implementation_version": __version__,
            "language_info": self.language_info,
            "banner": self.banner,
            "help_links": self.help_links,
            "supported_features": [],
        }

    def _execute(self, request: Request) -> Content:
        self._cell = request
        asked = request.content
        code = str(asked["code"])
        silent = bool(asked.get("silent", False))
        stored = bool(asked.get("store_history", True)) and not silent
        self._stored += stored
        number = self._stored
        if not silent:
            self._send("execute_input", {"code": code, "execution_count": number})
        if COMMAND in code:  # it may want to show a widget
            self._talk()

        def run(_: Request) -> Content:
            return self.notebook.execute(
                code,
                number,
                stored=stored,
                silent=silent,
                input_allowed=bool(asked.get("allow_stdin", False)),
                expressions=asked.get("user_expressions") or {},
            )

        reply: Content = {"execution_count": number} | (_answered(run, request) or {})
        self._cell = None
        if "user_expressions" not in reply and not silent:  # there is no Lua, so nobody has broadcast the error
            self._send("error", {key: reply[key] for key in ("ename", "evalue", "traceback")})
        if reply["status"] == "error" and asked.get("stop_on_error", True) and not silent:
            self._abort_what_waits()
        return reply

    def _abort_what_waits(self) -> None:
        """Set aside what stands in line now, before the reply: what is sent in answer to that is not meant."""
        while self._channels.shell.poll(0):
            waits = self._received(self._channels.shell)
            if waits is not None:
                self._aborted.append(waits)

    def _complete(self, request: Request) -> Content:
        return self.notebook.complete(request.content["code"], request.content["cursor_pos"])

    def _inspect(self, request: Request) -> Content:
        asked = request.content
        return self.notebook.inspect(asked["code"], asked["cursor_pos"], asked.get("detail_level", 0))

    def _is_complete(self, request: Request) -> Content:
        return self.notebook.is_complete(request.content["code"])

    def _history(self, request: Request) -> Content:
        asked = request.content
        limits = [asked.get(name) for name in ("session", "start", "stop", "n", "pattern")]
        unique, output = bool(asked.get("unique")), bool(asked.get("output"))
        return {"history": self.notebook.history.find(asked["hist_access_type"], *limits, unique=unique, output=output)}

    def _connect(self, _request: Request) -> Content:
        return dict(self._channels.ports)

    # Comms -----------------------------------------------------------------------------------------------

    def _talk(self) -> Comms:
        """What speaks with widgets. Nothing of it is loaded before it is needed."""
        if self._comms is None:
            from kosmo_kernel.kernel.comms import Comms

            self._comms = Comms(self._broadcast_of_comm)
        return self._comms

    def _comm(self, request: Request) -> None:
        """Hand a message to whoever waits for it in this process. It has no reply, so a failure is only told."""
        _whatever_happens(lambda: self._talk().handle(request))

    def _comm_info(self, request: Request) -> Content:
        return {"comms": {} if self._comms is None else self._comms.known(request.content.get("target_name"))}

    def _broadcast_of_comm(self, kind: str, content: Content, metadata: Content, buffers: list[Any]) -> None:
        self._channels.broadcast(kind, content, self._parent, metadata, buffers)

    # The control channel, in its thread ------------------------------------------------------------------

    def _serve_control(self) -> None:
        over = self._channels.signal("over", zmq.PUSH)
        control, subscribing = self._channels.control, self._channels.subscribing
        poller = zmq.Poller()
        poller.register(control, zmq.POLLIN)
        poller.register(subscribing, zmq.POLLIN)
        while not self._ending:
            ready = dict(poller.poll(WATCH_TURN))
            if subscribing in ready:
                self._channels.welcome()
            if control in ready:
                _whatever_happens(self._answer_control)
            if self._watched and os.getppid() != self._watched:
                os._exit(1)  # nobody is left to talk to; Lua ends with this process
        over.send(b"")
        over.close()

    def _answer_control(self) -> None:
        request = self._received(self._channels.control)
        if request is None:
            return
        self._channels.broadcast("status", {"execution_state": "busy"}, request)
        reply = _answered(self._control.get(request.kind, _refuse), request) or {}
        self._reply(self._channels.control, request, reply)
        self._channels.broadcast("status", {"execution_state": "idle"}, request)

    def _interrupt(self, _request: Request) -> Content:
        self.interrupt()
        return {}

    def _shut_down(self, request: Request) -> Content:
        """End the Lua process, and with it a cell that still runs; both threads follow."""
        late = threading.Timer(SHUTDOWN_SECONDS, os._exit, [0])
        late.daemon = True
        late.start()
        with self._making:
            self._ending = True
        if self._notebook is not None:
            self._notebook.close()
        return {"restart": bool(request.content.get("restart", False))}

    def _usage(self, _request: Request) -> Content:
        from kosmo_kernel.kernel.usage import usage

        lua = self._notebook.session.pid if self._notebook else None
        return usage([os.getpid(), *([lua] if lua else [])])

    # What a cell needs of the sockets --------------------------------------------------------------------

    def _reply(
        self, socket: zmq.Socket[bytes], request: Request, reply: Content, metadata: Content | None = None
    ) -> None:
        kind = request.kind.removesuffix("_request") + "_reply"
        self._channels.send(socket, kind, reply, request, metadata)
        if request.kind == "shutdown_request":
            self._channels.broadcast(kind, reply, request)

    def _send(self, kind: str, content: Content) -> None:
        """Broadcast a message that belongs to the request at hand."""
        self._channels.broadcast(kind, content, self._parent)

    def _ask(self, form: str, question: str = "") -> str | None:
        """Ask the front end for a line.

        Args:
            form: how Lua reads: `l`, or `L` for a line with its end, or `a` for all there is.
            question: what to say first.

        Returns:
            What was typed; None where the input ends.

        Raises:
            KeyboardInterrupt: the cell was interrupted; the session ends its run.
        """
        stdin = self._channels.stdin
        while stdin.poll(0):  # answers to questions that nobody waits for any more
            stdin.recv_multipart()
        self._channels.send(stdin, "input_request", {"prompt": question, "password": False}, self._parent)
        while not self._is_stopped():
            if not stdin.poll(INPUT_POLL_MILLISECONDS):
                continue
            answer = self._received(stdin)
            if answer is None:
                continue
            line = str(answer.content.get("value", END_OF_INPUT))
            return None if line == END_OF_INPUT else line + ("\n" if form == "L" else "")
        raise KeyboardInterrupt


def _answered(handler: Callable[[Request], Content | None], request: Request) -> Content | None:
    """The content of a reply: what the handler gives, or its error; None for what has no reply."""
    try:
        reply = handler(request)
    except Exception as error:  # noqa: BLE001 - whoever asked waits for a reply
        from kosmo_kernel.kernel.failures import error_content

        return error_content(error) | {"status": "error"}
    return None if reply is None else {"status": "ok"} | reply


def _whatever_happens(work: Callable[[], None]) -> None:
    """Do something, and go on after a defect of ours: the kernel must not end with it."""
    try:
        work()
    except (Exception, KeyboardInterrupt):  # noqa: BLE001 - see above
        import traceback

        _complain(traceback.format_exc())


def _refuse(request: Request) -> Content:
    """Say no to what this kernel does not claim to do."""
    return {"status": "error", "ename": "NotImplementedError", "evalue": f"no {request.kind} here", "traceback": []}


def _complain(text: str) -> None:
    """Tell whoever reads the kernel's log. Nothing is ever written to standard output."""
    sys.stderr.write(f"kosmo_kernel: {text}\n")
