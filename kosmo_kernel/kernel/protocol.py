"""The handlers of Jupyter's requests.

For each request the kernel broadcasts `busy`, then the outputs, sends the reply, and broadcasts `idle`. The main thread
handles the shell channel, one request at a time. A second thread handles the control channel, so that kernel info,
usage, interrupt and shutdown requests are answered while Lua runs. A third one answers what the shell channel gets
meanwhile and needs no Lua, such as completions and the messages of widgets; see `BusyShell`. Protocol 5.5:
https://jupyter-client.readthedocs.io/en/stable/messaging.html

Subshells (https://jupyter.org/enhancement-proposals/91-kernel-subshells/kernel-subshells.html) are names only: what is
sent to one is answered as above, and a cell waits for the cell that runs, because there is one Lua state.
"""

from __future__ import annotations

import _thread
import gc
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import zmq

from kosmo_kernel import __version__
from kosmo_kernel.kernel.channels import (
    NO_PARENT,
    VERSION,
    BusyShell,
    Channels,
    Comms,
    Content,
    InvalidMessageError,
    Request,
    error_content,
    now,
)

if TYPE_CHECKING:
    from kosmo_kernel.kernel.notebook import KernelNotebook
    from kosmo_kernel.lua.process import LuaProcess

END_OF_INPUT = "\x04"  # what a front end sends for Ctrl-D
INPUT_POLL_MILLISECONDS = 10  # pause between checks whether the cell was interrupted
IDLE_MILLISECONDS = 5  # without a request, after which the kernel begins what its first cell needs
PARENT_POLL_MILLISECONDS = 1000  # milliseconds between checks whether the parent process is alive
SHUTDOWN_SECONDS = 4.0  # how long a shutdown may take; Jupyter kills the kernel after five
# The signal with which the control thread interrupts the rendering in the main thread.
INTERRUPT_RENDERING = signal.SIGTERM if sys.platform == "win32" else signal.SIGUSR1
COMM_MESSAGES = ("comm_open", "comm_msg", "comm_close")
LONG_REQUESTS = {"execute_request", *COMM_MESSAGES}  # that may run Lua
COMMAND = "%kosmo "  # prefix of a line that Python handles

_previous: tuple[float, float] | None = None  # time and CPU seconds at the previous request for the usage


class LuaKernel:
    """A kernel that runs Lua.

    Parameters:
        channels: the kernel's sockets.
        parent: the id of the process that started the kernel, with which the kernel ends; 0 for none.
    """

    language_info = {
        "name": "lua",
        "version": "5.4",
        "mimetype": "text/x-lua",
        "file_extension": ".lua",
        "pygments_lexer": "lua",
        "codemirror_mode": "lua",
    }

    def __init__(self, channels: Channels, parent: int = 0) -> None:
        self._channels = channels
        self._parent_pid = parent
        self._current_request = NO_PARENT  # the shell request that the main thread handles
        self._meanwhile = NO_PARENT  # the one that the second thread of the shell channel handles
        self._busy_shell = BusyShell(channels, lambda: log_defects(self._handle_meanwhile))
        # What has to wait for the cell that runs: requests, and work for those that were handled meanwhile.
        self._queued: deque[tuple[Request, Callable[[], None] | None]] = deque()
        self._answered: list[Request] = []  # requests that were answered during the cell that runs
        self._aborted: deque[Request] = deque()  # requests that were queued behind a cell that failed
        self._subshells: list[str] = []
        self._stored = 0
        self._notebook_lock = threading.Lock()
        self._notebook: KernelNotebook | None = None
        self._process: LuaProcess | None = None  # started for the notebook, until that has it
        self._cell: Request | None = None  # the running cell
        self._stopped: Request | None = None  # the cell that the last interrupt was for; it must not end another one
        self._shutting_down = False
        self._over = channels.signal("over", zmq.PULL)
        on_both: dict[str, Callable[[Request], Content | None]] = {
            "kernel_info_request": self._kernel_info,
            "connect_request": lambda _request: dict(channels.ports),
            "comm_info_request": self._comm_info,
            "shutdown_request": self._shut_down,
        }
        self._shell = on_both | {
            "execute_request": self._execute,
            "complete_request": lambda request: self.notebook.complete(request.content),
            "inspect_request": lambda request: self.notebook.inspect(request.content),
            "is_complete_request": lambda request: self.notebook.is_complete(request.content["code"]),
            "history_request": lambda request: {"history": self.notebook.history.find(request.content)},
            **dict.fromkeys(COMM_MESSAGES, self._comm),
        }
        # A cell waits for the one that runs, shutdown ends both threads, and the history is used by the main one only.
        waiting = ("execute_request", "history_request", "shutdown_request")
        self._during_a_cell = {kind: handler for kind, handler in self._shell.items() if kind not in waiting}
        self._control = on_both | {
            "usage_request": self._usage,
            "interrupt_request": self._interrupt,
            "create_subshell_request": self._create_subshell,
            "delete_subshell_request": self._delete_subshell,
            "list_subshell_request": lambda _request: {"subshell_id": list(self._subshells)},
        }

    @property
    def notebook(self) -> KernelNotebook:
        """The notebook behind this kernel. Its Lua process starts while the modules that run a cell are imported.

        Raises:
            LuaProcessError: the kernel is being shut down.
            SettingsError, UnknownNameError: a setting is invalid, or a limit is above its ceiling.
        """
        with self._notebook_lock:
            if self._notebook is None:
                if self._shutting_down:
                    from kosmo_kernel.errors import LuaProcessError

                    raise LuaProcessError("The kernel is being shut down.")
                self._notebook = self._new_notebook()
            return self._notebook

    def _prepare(self) -> LuaProcess:
        """Forbid core dumps, before anything reads a token, and start the Lua process. The notebook lock is held.

        Raises:
            LuaProcessError: Lua cannot run here.
        """
        if self._process is None:
            from kosmo_kernel.lua.process import LuaProcess
            from kosmo_kernel.safety import forbid_core_dumps

            forbid_core_dumps()
            self._process = LuaProcess()
        return self._process

    def _new_notebook(self) -> KernelNotebook:
        process = self._prepare()
        gc.disable()  # imported modules stay alive, so that looking for garbage among them wastes time
        try:
            from kosmo_kernel.settings.installation import import_msgspec

            import_msgspec()
            from kosmo_kernel.kernel.notebook import KernelNotebook
            from kosmo_kernel.session import Session
            from kosmo_kernel.settings.limits import check_defaults

            check_defaults()
            lua = Session(process=process, notebook=True)
            lua.start()
            return KernelNotebook(lua, self._send, self._ask, self._is_stopped, self._between_cells)
        except BaseException:
            process.close()
            raise
        finally:
            self._process = None
            gc.freeze()
            gc.enable()

    def serve(self) -> None:
        """Handle requests until the kernel is shut down."""
        self._channels.broadcast("status", {"execution_state": "starting"}, NO_PARENT)
        control = threading.Thread(target=self._serve_control, name="control", daemon=True)
        control.start()
        poller = zmq.Poller()
        poller.register(self._channels.shell, zmq.POLLIN)
        poller.register(self._over, zmq.POLLIN)
        idle: int | None = IDLE_MILLISECONDS
        while not self._shutting_down:
            ready = dict(poller.poll(idle)) if not self._queued else {}
            if self._queued or self._channels.shell in ready:
                log_defects(self._handle_next)
            elif idle is not None and not ready:
                idle = None
                with self._notebook_lock, suppress(Exception):  # the first cell reports the error
                    if self._notebook is None and not self._shutting_down:  # else nobody would end the process
                        self._prepare()
        control.join()
        self._busy_shell.close()
        self._over.close()

    def interrupt(self) -> None:
        """Stop the running cell, or the run that a widget started. Raises nothing.

        May be called from any thread and from a signal handler.
        """
        self._stopped = self._cell  # set first, for a notebook that is still being created
        if self._notebook is not None and self._notebook.interrupt():
            _thread.interrupt_main(INTERRUPT_RENDERING)

    def interrupt_rendering(self) -> None:
        """Interrupt the rendering of an interrupted cell. The handler of `INTERRUPT_RENDERING`."""
        if self._notebook is not None and self._is_stopped():
            self._notebook.interrupt_rendering()

    def _is_stopped(self) -> bool:
        return self._cell is not None and self._stopped is self._cell

    # The shell, in the main thread ---------------------------------------------------------------------

    def _handle_next(self) -> None:
        """Handle the next request, and then those that it aborted."""
        request, work = self._queued.popleft() if self._queued else (self._receive(self._channels.shell), None)
        if request is not None:
            self._handle(request, work)
        while self._aborted:
            self._handle(self._aborted.popleft(), aborted=True)

    def _receive(self, socket: zmq.Socket[bytes]) -> Request | None:
        """Receive a message; log an invalid one and return None."""
        try:
            return self._channels.receive(socket)
        except InvalidMessageError as error:
            _log(f"got {error}")
            return None

    def _handle(self, request: Request, work: Callable[[], None] | None = None, *, aborted: bool = False) -> None:
        """Handle a request, or do what was left of one."""
        self._current_request = request
        self._send("status", {"execution_state": "busy"})
        handler = self._shell.get(request.kind)
        metadata: Content = {"started": now()} if request.kind == "execute_request" else {}
        if work is not None:
            with self._busy_shell.lent():
                log_defects(work)
        elif handler is None:
            _log(f"got a message of a kind that is not known: {request.kind!r}")
        elif aborted and metadata:
            self._reply(self._channels.shell, request, {"status": "aborted"}, metadata | {"status": "aborted"})
        else:
            self._reply(self._channels.shell, request, self._reply_of(handler, request), metadata)
        self._send("status", {"execution_state": "idle"})
        self._finish_answered()
        if request.kind == "kernel_info_request":  # the first cell is likely to follow
            with suppress(Exception):  # which reports the error
                _ = self.notebook

    def _reply_of(self, handler: Callable[[Request], Content | None], request: Request) -> Content | None:
        """Return the content of the reply. The shell is lent to its second thread if that may take long."""
        if request.kind not in LONG_REQUESTS:
            return _call_handler(handler, request)
        with self._busy_shell.lent():
            reply = _call_handler(handler, request)
        content = request.content
        if reply and reply["status"] == "error" and content.get("stop_on_error", True) and not content.get("silent"):
            self._abort_queued()
        return reply

    def _finish_answered(self) -> None:
        """Broadcast the states of the requests that were answered during the cell.

        Front ends show the last state that they get, so these would have shown the kernel as idle while the cell ran.
        """
        requests, self._answered = self._answered, []
        for request in requests:
            for state in ("busy", "idle"):
                self._channels.broadcast("status", {"execution_state": state}, request)

    def _handle_meanwhile(self) -> None:
        """Handle the next request in the second thread of the shell channel, or leave it to the main thread."""
        request = self._receive(self._channels.shell)
        if request is None:
            return
        handler = self._during_a_cell.get(request.kind)
        if handler is None:
            self._queued.append((request, None))
            return
        self._meanwhile = request
        if request.subshell:
            self._channels.broadcast("status", {"execution_state": "busy"}, request)
        self._reply(self._channels.shell, request, _call_handler(handler, request))
        if request.subshell:
            self._channels.broadcast("status", {"execution_state": "idle"}, request)
        else:
            self._answered.append(request)

    def _between_cells(self, call: Callable[[], None]) -> None:
        """Call a function in the main thread: at once if this is the main thread, else after the cell that runs."""
        if self._busy_shell.is_current:
            self._queued.append((self._meanwhile, call))
        else:
            call()

    def _kernel_info(self, _request: Request) -> Content:
        return {
            "protocol_version": VERSION,
            "implementation": "kosmo_kernel",
            "implementation_version": __version__,
            "language_info": self.language_info,
            "banner": f"Lua 5.4, kosmo_kernel {__version__}. "
            "docs.list() says what there is to call; name? explains a name.",
            "help_links": [
                {"text": "Lua 5.4", "url": "https://www.lua.org/manual/5.4/"},
                {"text": "Heroku Platform API", "url": "https://devcenter.heroku.com/articles/platform-api-reference"},
            ],
            "supported_features": ["kernel subshells"],
        }

    def _execute(self, request: Request) -> Content:
        self._cell = request
        content = request.content
        code, silent = str(content["code"]), bool(content.get("silent"))
        stored = bool(content.get("store_history", True)) and not silent
        self._stored += stored
        number = self._stored
        if not silent:
            self._send("execute_input", {"code": code, "execution_count": number})
        if COMMAND in code:  # the command may show a widget
            _ = self._comms
        cell_id = str(request.metadata.get("cellId", ""))
        try:
            return self.notebook.execute(content, number, stored=stored, cell_id=cell_id)
        except Exception as error:  # noqa: BLE001 - Lua did not start; the cell needs an output and a reply
            failure = error_content(error)
            if not silent:
                self._send("error", {**failure})
            return failure | {"status": "error", "execution_count": number}
        finally:
            self._cell = None

    def _abort_queued(self) -> None:
        """Set the queued requests aside. Called before the reply, since requests that follow it must not be aborted."""
        self._aborted.extend(request for request, work in self._queued if work is None)
        self._queued = deque(item for item in self._queued if item[1] is not None)
        while self._channels.shell.poll(0):
            if (request := self._receive(self._channels.shell)) is not None:
                self._aborted.append(request)

    # Comms -----------------------------------------------------------------------------------------------

    @cached_property
    def _comms(self) -> Comms:
        return Comms(self._broadcast_of_comm)

    def _comm(self, request: Request) -> None:
        """Dispatch a comm message. It has no reply, so a failure is only logged."""
        log_defects(lambda: self._comms.handle(request))

    def _comm_info(self, request: Request) -> Content:
        has_comms = "_comms" in vars(self)  # they are not made for this, which front ends ask at the start
        return {"comms": self._comms.open_comms(request.content.get("target_name")) if has_comms else {}}

    def _broadcast_of_comm(self, kind: str, content: Content, metadata: Content, buffers: list[Any]) -> None:
        parent = self._meanwhile if self._busy_shell.is_current else self._current_request
        self._channels.broadcast(kind, content, parent, metadata, buffers)

    # The control channel, in its thread ------------------------------------------------------------------

    def _serve_control(self) -> None:
        over = self._channels.signal("over", zmq.PUSH)
        control, subscribing = self._channels.control, self._channels.subscribing
        poller = zmq.Poller()
        poller.register(control, zmq.POLLIN)
        poller.register(subscribing, zmq.POLLIN)
        while not self._shutting_down:
            ready = dict(poller.poll(PARENT_POLL_MILLISECONDS))
            if subscribing in ready:
                self._channels.welcome()
            if control in ready:
                log_defects(self._answer_control)
            if self._parent_pid and os.getppid() != self._parent_pid:
                os._exit(1)  # the parent has exited; the Lua process ends with this one
        over.send(b"")
        over.close()

    def _answer_control(self) -> None:
        request = self._receive(self._channels.control)
        if request is None:
            return
        self._channels.broadcast("status", {"execution_state": "busy"}, request)
        handler = self._control.get(request.kind, lambda _request: _refusal(f"no {request.kind} here"))
        reply = _call_handler(handler, request) or {}
        self._reply(self._channels.control, request, reply)
        self._channels.broadcast("status", {"execution_state": "idle"}, request)

    def _create_subshell(self, _request: Request) -> Content:
        subshell = os.urandom(16).hex()
        self._subshells.append(subshell)
        return {"subshell_id": subshell}

    def _delete_subshell(self, request: Request) -> Content:
        subshell = str(request.content.get("subshell_id"))
        if subshell not in self._subshells:
            return _refusal(f"no subshell {subshell}")
        self._subshells.remove(subshell)
        return {}

    def _interrupt(self, _request: Request) -> Content:
        self.interrupt()
        return {}

    def _shut_down(self, request: Request) -> Content:
        """End the running cell and the Lua process; both threads then return."""
        exit_timer = threading.Timer(SHUTDOWN_SECONDS, os._exit, [0])
        exit_timer.daemon = True
        exit_timer.start()
        with self._notebook_lock:
            self._shutting_down = True
            process = self._process
        if self._notebook is not None:
            self._notebook.close()
        elif process is not None:
            process.close()
        return {"restart": bool(request.content.get("restart", False))}

    def _usage(self, _request: Request) -> Content:
        lua = self._notebook.session.pid if self._notebook else None
        return usage([os.getpid(), *([lua] if lua else [])])

    # Messages of a cell --------------------------------------------------------------------

    def _reply(
        self, socket: zmq.Socket[bytes], request: Request, reply: Content | None, metadata: Content | None = None
    ) -> None:
        """Send the reply to a request, if it has one."""
        if reply is None:
            return
        kind = request.kind.removesuffix("_request") + "_reply"
        self._channels.send(socket, kind, reply, request, metadata)
        if request.kind == "shutdown_request":
            self._channels.broadcast(kind, reply, request)

    def _send(self, kind: str, content: Content) -> None:
        """Broadcast a message whose parent is the current request."""
        self._channels.broadcast(kind, content, self._current_request)

    def _ask(self, form: str, question: str = "") -> str | None:
        """Request a line of input from the front end.

        Parameters:
            form: the format of `io.read`: `l` for a line, `L` for a line with its newline, `a` for all input.
            question: the prompt.

        Returns:
            The line; None at the end of the input.

        Raises:
            KeyboardInterrupt: the cell was interrupted; the session ends its run.
        """
        stdin = self._channels.stdin
        while stdin.poll(0):  # drop replies to earlier input requests
            stdin.recv_multipart()
        self._channels.send(stdin, "input_request", {"prompt": question, "password": False}, self._current_request)
        while not self._is_stopped():
            if not stdin.poll(INPUT_POLL_MILLISECONDS):
                continue
            reply = self._receive(stdin)
            if reply is None:
                continue
            line = str(reply.content.get("value", END_OF_INPUT))
            return None if line == END_OF_INPUT else line + ("\n" if form == "L" else "")
        raise KeyboardInterrupt


def _call_handler(handler: Callable[[Request], Content | None], request: Request) -> Content | None:
    """Return the content of the reply from a handler, or its error; None for a message without a reply."""
    try:
        reply = handler(request)
    except Exception as error:  # noqa: BLE001 - every request needs a reply
        return error_content(error) | {"status": "error"}
    return None if reply is None else {"status": "ok"} | reply


def log_defects(work: Callable[[], None]) -> None:
    """Call `work` and log any exception, so that a bug in this package does not end the kernel."""
    try:
        work()
    except (Exception, KeyboardInterrupt):  # noqa: BLE001 - logged; the kernel must go on
        import traceback

        _log(traceback.format_exc())


def _refusal(message: str) -> Content:
    """Return the error reply for a control request that is not supported."""
    return {"status": "error", "ename": "NotImplementedError", "evalue": message, "traceback": []}


def _log(text: str) -> None:
    """Write a line to the kernel's log, which is standard error. Standard output is never written to."""
    sys.stderr.write(f"kosmo_kernel: {text}\n")


def usage(pids: Sequence[int]) -> Content:
    """Return the content of a `usage_reply`: memory in bytes, and CPU use since the last call in percent of one CPU.

    The numbers come from Linux's `/proc`; on other systems only the host name, process id and CPU count are sent.
    """
    global _previous
    import socket

    content: Content = {"hostname": socket.gethostname(), "pid": os.getpid(), "cpu_count": os.cpu_count()}
    if not os.path.isdir("/proc"):
        return content
    seconds = sum(map(_cpu_seconds, pids))
    previous, _previous = _previous, (time.monotonic(), seconds)
    share = 0.0 if previous is None else max(0.0, (seconds - previous[1]) / max(_previous[0] - previous[0], 1e-3))
    machine = _sizes("meminfo")
    total, available = machine.get("MemTotal", 0), machine.get("MemAvailable", 0)
    return content | {
        "kernel_cpu": round(100 * share, 1),
        "kernel_memory": sum(_sizes(f"{pid}/smaps_rollup").get("Pss", 0) for pid in pids),
        "host_virtual_memory": {
            "total": total,
            "available": available,
            "used": total - available,
            "free": machine.get("MemFree", 0),
            "percent": round(100 * (1 - available / total), 1) if total else 0.0,
        },
    }


def _sizes(name: str) -> dict[str, int]:
    """Return the sizes in bytes that a file in `/proc` lists, by name; empty if the process has ended."""
    with suppress(OSError), open(f"/proc/{name}", encoding="ascii", errors="replace") as file:
        rows = [line.split() for line in file]
        return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if row[-1:] == ["kB"]}
    return {}


def _cpu_seconds(pid: int) -> float:
    with suppress(OSError):
        return time.clock_gettime((~pid << 3) | 2)  # its clock's id, as in clock_getcpuclockid(3)
    return 0.0
