"""A Lua kernel as Jupyter starts it, a process of its own, and a client that speaks to it."""

from __future__ import annotations

import queue
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from patience import PATIENCE
from repository import ROOT

NAME = "kosmo-lua"

Content = dict[str, Any]
Message = tuple[str, Content]


def listed(folder: Path) -> dict[str, str]:
    """Return the environment of kernels: a list in this folder with ours in it, and the demo as the default account.

    No line tells how far a run is, since whether one did would depend on how busy the machine is.
    """
    (folder / "kernels" / NAME).mkdir(parents=True)
    shutil.copy(ROOT / "kernel.json", folder / "kernels" / NAME)
    return {"JUPYTER_PATH": str(folder), "KOSMO_DEMO": "1", "KOSMO_PROGRESS": "0", "PYTHONPATH": str(ROOT)}


@contextmanager
def known_to_jupyter(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the same, in force as long as the `with` block."""
    values = listed(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield values


@dataclass
class Kernel:
    """A kernel process and a client of it."""

    manager: KernelManager
    client: BlockingKernelClient

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.manager.provisioner.pid)  # type: ignore[union-attr] # a local one has a pid

    def reply(self, request: str, channel: str = "shell") -> Content:
        """Return the content of the reply to a request."""
        get = self.client.get_shell_msg if channel == "shell" else self.client.get_control_msg
        while True:
            message = get(timeout=PATIENCE)
            if message["parent_header"]["msg_id"] == request:
                return message["content"]  # type: ignore[no-any-return] # a message is JSON

    def broadcast(self, request: str) -> list[Message]:
        """Return what was broadcast for a request between `busy` and `idle`."""
        found: list[Message] = []
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["content"].get("execution_state") == "idle":
                return found[1:]
            found.append((message["msg_type"], message["content"]))

    def run(self, code: str, **options: Any) -> tuple[Content, list[Message]]:
        """Run a cell: the content of its reply, and what it broadcast."""
        request = self.client.execute(code, **options)
        return self.reply(request), self.broadcast(request)

    def shown(self, code: str) -> list[Message]:
        """Return what a cell broadcasts behind its `execute_input`."""
        return self.run(code)[1][1:]

    def value(self, code: str) -> str:
        """Return the text of a cell's value."""
        (shown,) = [content for kind, content in self.run(code)[1] if kind == "execute_result"]
        return str(shown["data"]["text/plain"])

    def started(self, code: str, kind: str = "stream", **options: Any) -> str:
        """Send a cell and wait until it has printed something, or until a message of another kind; the request."""
        request = self.client.execute(code, **options)
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["msg_type"] == kind and message["parent_header"]["msg_id"] == request:
                return str(request)

    def ask(self, kind: str, content: Content, channel: str = "shell") -> str:
        """Send a request that the client has no method for."""
        message = self.client.session.msg(kind, content)
        (self.client.shell_channel if channel == "shell" else self.client.control_channel).send(message)
        return str(message["header"]["msg_id"])

    def asked(self, kind: str, content: Content, channel: str = "shell") -> Content:
        """Return the content of the reply to such a request."""
        return self.reply(self.ask(kind, content, channel), channel)

    def wait_until_ready(self) -> None:
        """Wait until the kernel answers and its broadcasts arrive, and leave no message behind.

        Raises:
            RuntimeError: the kernel ended before, or does not answer.
        """
        until = time.monotonic() + PATIENCE
        while self.manager.is_alive() and time.monotonic() < until:
            request = self.client.kernel_info()
            try:
                while self.client.get_shell_msg(timeout=1)["parent_header"].get("msg_id") != request:
                    pass
                while not _is_idle(self.client.get_iopub_msg(timeout=0.2), request):
                    pass
            except queue.Empty:  # broadcasts before the kernel knew of the client are lost
                continue
            return
        raise RuntimeError("the kernel does not answer")

    def stop(self) -> None:
        """Kill the kernel, without the tenths of a second in which a manager looks whether it has ended."""
        self.client.stop_channels()
        started = self.manager.provisioner.process  # type: ignore[union-attr] # that of a local kernel
        if started is not None:
            started.kill()
            started.wait(PATIENCE)
        self.manager.cleanup_resources()


def _is_idle(message: dict[str, Any], request: str) -> bool:
    of_request: bool = message["parent_header"].get("msg_id") == request
    return of_request and message["content"].get("execution_state") == "idle"


def start(name: str = NAME, **options: Any) -> Kernel:
    """Start a kernel and wait until it answers.

    Try again once, because another process may take a port between its choice and its use.
    """
    with suppress(RuntimeError):
        return _started(name, **options)
    return _started(name, **options)


def _started(name: str, **options: Any) -> Kernel:
    manager = KernelManager(kernel_name=name)
    manager.start_kernel(**options)
    kernel = Kernel(manager, manager.blocking_client())
    kernel.client.start_channels()
    try:
        kernel.wait_until_ready()
    except RuntimeError:
        kernel.stop()
        raise
    return kernel


@contextmanager
def running(name: str = NAME, **options: Any) -> Iterator[Kernel]:
    """Yield a kernel that runs as long as the `with` block."""
    kernel = start(name, **options)
    try:
        yield kernel
    finally:
        kernel.stop()


@contextmanager
def python_running() -> Iterator[Kernel]:
    """IPython's own kernel with the extension in it, the demo as the default account."""
    with running("python3", cwd=str(ROOT)) as kernel:
        kernel.run("import os; os.environ['KOSMO_DEMO'] = '1'\n%load_ext kosmo_kernel")
        yield kernel
