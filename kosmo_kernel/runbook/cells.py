"""Execute the cells of a notebook with nbclient, and pass each finished cell to an `ExecutedCopy`.

Ctrl-C cancels the tasks of its event loop: a `KeyboardInterrupt` raised in the loop, the default, would leave pending
tasks that make the kernel's shutdown fail.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.runbook.copy import ExecutedCopy
from kosmo_kernel.runbook.notebook import LUA
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.settings.installation import options, with_safe_options
from kosmo_kernel.text import counted

if TYPE_CHECKING:
    from traitlets.config import Config

LUA_KERNEL = ["-m", "kosmo_kernel.kernel"]  # the arguments that start our own kernel
STDERR_FILE = "said"  # the file that receives the kernel's stderr


def execute(copy: ExecutedCopy, sockets: Path) -> str | None:
    """Run all cells and return the error message of the cell that failed, or None.

    Parameters:
        copy: receives each finished cell.
        sockets: a temporary folder for the kernel's sockets and its stderr.

    Raises:
        SettingsError: the notebook's kernel is unknown.
        KeyboardInterrupt: Ctrl-C; the kernel has ended.
    """
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    client = NotebookClient(
        copy.runbook.notebook,
        timeout=None,
        resources={"metadata": {"path": str(copy.runbook.path.parent)}},
        on_cell_executed=copy.on_cell_executed,
        config=_config(sockets),
    )
    try:
        with _ctrl_c_cancels_tasks(), client.setup_kernel():
            for index, cell in enumerate(copy.runbook.notebook.cells):
                client.execute_cell(cell, index)
    except CellExecutionError as error:
        return redact(f"{error.ename}: {error.evalue}", copy.secrets)
    except NoSuchKernel as error:
        hint = " `kosmo install` makes Lua's known." if copy.runbook.language == LUA else ""
        raise SettingsError(
            f"Jupyter knows no kernel `{error.name}`, which `{copy.runbook.path}` asks for.{hint}"
        ) from None
    except RuntimeError:  # nbclient's DeadKernelError, or jupyter_client's when a kernel exits during its start
        lines = (sockets / STDERR_FILE).read_text(encoding="utf-8", errors="replace").split("\n")
        last = f" It said: {lines[-2]}" if lines[1:] else ""
        return redact(f"The notebook's kernel ended after {counted(copy.report.cells, 'cell')}.{last}", copy.secrets)
    return None


@contextmanager
def _ctrl_c_cancels_tasks() -> Iterator[None]:
    """Have Ctrl-C cancel the tasks of this thread's event loop; raise KeyboardInterrupt when the block has ended."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread handles signals
        yield
        return
    interrupted = False

    def cancel(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # between two cells
            raise KeyboardInterrupt from None
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.call_soon_threadsafe(lambda: None)  # wakes the loop

    previous_handler = signal.signal(signal.SIGINT, cancel)
    try:
        yield
    except (Exception, asyncio.CancelledError):
        if not interrupted:
            raise
    finally:
        signal.signal(signal.SIGINT, previous_handler)
    if interrupted:
        raise KeyboardInterrupt


def _config(folder: Path) -> Config:
    """Return the configuration that starts the kernel.

    The kernel uses Unix domain sockets where they exist, so that no other user can connect. Its stderr goes to a file:
    it is no output of a cell, and a cron job would mail it. Our own kernel is started so that it imports no modules
    from the notebook's folder, even if its kernel spec was written by an older version.
    """
    from jupyter_client.manager import AsyncKernelManager
    from traitlets.config import Config

    class Kernels(AsyncKernelManager):
        def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
            command = super().format_kernel_cmd(extra_arguments)
            is_ours = command[1 + len(options(command)) :][:2] == LUA_KERNEL
            return with_safe_options(command) if is_ours else command

        async def start_kernel(self, **more: Any) -> None:  # type: ignore[override] # the base method has no type annotations
            with (folder / STDERR_FILE).open("wb") as stderr:
                await super().start_kernel(**more, stderr=stderr)

    config = Config(NotebookClient={"kernel_manager_class": Kernels})
    if os.name != "nt":
        config.KernelManager = Config(transport="ipc", ip=str(folder / "kernel"))
    return config
