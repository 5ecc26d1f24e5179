"""Starts the Lua kernel: ipykernel's application, less what only an IPython shell needs.

What is left out, and what that buys: the shell-channel thread with its subshells (one Lua state has no
use for them; a thread and two hops a message less), debugpy's sockets, the patch of `pdb`, IPython's
profile directory and its configuration, and the redirection of Python's standard streams (Lua's output
never passes through them, and flushing them costs four thread hops a cell). SIGINT never raises inside
the kernel: it asks the session to stop the cell, so no reply is ever lost to a KeyboardInterrupt that
lands between two lines of the kernel's own.
"""

# ipykernel's methods have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq
from ipykernel.control import ControlThread
from ipykernel.iostream import IOPubThread
from ipykernel.kernelapp import IPKernelApp
from jupyter_client.session import Session
from zmq.eventloop.zmqstream import ZMQStream

from kosmo_kernel.kernel.protocol import LuaKernel

if TYPE_CHECKING:
    from types import FrameType


class LuaKernelApp(IPKernelApp):
    """The application behind `python -m kosmo_kernel.kernel`."""

    name = "kosmo-lua"
    classes = [LuaKernel, Session]  # type: ignore[assignment] # noqa: RUF012 - a trait, declared as its base does
    kernel_class = LuaKernel
    subcommands: dict[str, Any] = {}  # noqa: RUF012 - as above

    def init_profile_dir(self) -> None:
        """IPython's profile is for IPython; a Lua kernel leaves no directory of it behind."""

    def init_config_files(self) -> None:
        """See `init_profile_dir`."""

    def load_config_file(self, *_args: Any, **_options: Any) -> None:
        """See `init_profile_dir`."""

    def init_pdb(self) -> None:
        """There is no Python to debug."""

    def init_path(self) -> None:
        """No Python of the user's is imported here: the working directory stays off `sys.path`."""

    def init_control(self, context: zmq.Context[Any]) -> None:
        """The control channel, answered by a thread of its own while Lua runs."""
        self.control_socket = context.socket(zmq.ROUTER)
        self.control_socket.linger = 1000
        self._apply_curve_server_options(self.control_socket)
        self.control_port = self._bind_socket(self.control_socket, self.control_port)
        self.control_socket.router_handover = 1  # a client that reconnects keeps its place
        self.control_thread = ControlThread(daemon=True)

    def init_iopub(self, context: zmq.Context[Any]) -> None:
        """The channel that is broadcast, written by a thread of its own. No forked process writes to it."""
        socket = context.socket(zmq.XPUB)
        socket.linger = 1000
        self._apply_curve_server_options(socket)
        self.iopub_port = self._bind_socket(socket, self.iopub_port)
        self.configure_tornado_logger()
        self.iopub_thread = IOPubThread(socket, pipe=False, session=self.session)
        self.iopub_thread.start()
        self.iopub_socket = self.iopub_thread.background_socket

    def init_signal(self) -> None:
        """Set the handler whatever the launcher left: started by `nohup` or `&` it would be ignored."""
        signal.signal(signal.SIGINT, self._on_sigint)

    def init_io(self) -> None:
        """Python's streams stay what they are; where a launcher gave none, what is written goes nowhere."""
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:
                setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open as long as the process

    def start(self) -> None:
        """Serve until the end. `__main__` has kept the garbage collector still; what is there now stays.

        The control thread ends first: it still says `idle` through the iopub thread, and if that has ended
        before (as the base has it), the two wait for each other and the process never exits.
        """
        gc.freeze()
        gc.enable()
        super().start()
        self.control_thread.stop()
        self.control_thread.join()

    def init_kernel(self) -> None:
        """Make the kernel and hand it its sockets."""
        self.control_thread.start()
        self.kernel = LuaKernel.instance(
            parent=self,
            session=self.session,
            shell_stream=ZMQStream(self.shell_socket),
            control_stream=ZMQStream(self.control_socket, self.control_thread.io_loop),
            control_thread=self.control_thread,
            iopub_thread=self.iopub_thread,
            iopub_socket=self.iopub_socket,
            stdin_socket=self.stdin_socket,
            log=self.log,
        )
        self.kernel.record_ports({f"{name}_port": port for name, port in self._ports.items()})

    def _on_sigint(self, _number: int, _frame: FrameType | None) -> None:
        if self.kernel is not None:
            self.kernel.interrupt()
