"""Starts the Lua kernel: reads its connection file, opens its sockets, serves until the end.

Nothing but ZeroMQ is loaded for that; what a cell needs comes in behind the first answer. SIGINT never raises
inside the kernel: it asks the session to stop the cell, so no reply is ever lost to a KeyboardInterrupt that lands
between two lines of the kernel's own. Only where the kernel makes what a cell shows does an interrupt, by SIGINT or by
a message, end that by an exception.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from kosmo_kernel.kernel.channels import Channels, ConnectionFile
from kosmo_kernel.kernel.protocol import STOP_MAKING, LuaKernel

PARENT = "JPY_PARENT_PID"  # where Jupyter tells who has started the kernel


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a kernel.

    Parameters:
        arguments: of the command line; the process's own when None.
    """
    parser = argparse.ArgumentParser(prog="python -m kosmo_kernel.kernel", description="The Lua kernel of Jupyter.")
    parser.add_argument("-f", "--f", dest="file", type=Path, metavar="FILE", help="the connection file")
    given = parser.parse_known_args(arguments)[0]
    _quiet_streams()
    try:
        connection = ConnectionFile.read(given.file or _file_of_its_own())
        channels = Channels(connection)
    except (OSError, ValueError) as error:  # ZeroMQ's errors are OSErrors or come from them
        sys.exit(f"The kernel cannot start: {error}")
    if connection.is_ours:
        sys.stderr.write(f"To connect to this kernel: jupyter console --existing {connection.path.name}\n")
    kernel = LuaKernel(channels, _parent())

    def stop_the_cell(_number: int, _frame: FrameType | None) -> None:
        kernel.interrupt()

    def stop_making(_number: int, _frame: FrameType | None) -> None:
        kernel.stop_making()

    signal.signal(STOP_MAKING, stop_making)
    # Whatever the launcher left: started by `nohup` or `&` it would be ignored.
    signal.signal(signal.SIGINT, stop_the_cell)
    gc.freeze()  # `__main__` has kept the collector still; what is there now stays
    gc.enable()
    kernel.serve()
    channels.close()


def _file_of_its_own() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir()) / f"kernel-{os.getpid()}.json"


def _parent() -> int:
    """The process to end with, where Jupyter has said that there is one. Of init's children nobody can tell."""
    parent = os.getppid()
    return parent if os.environ.get(PARENT, "").isdecimal() and parent > 1 else 0


def _quiet_streams() -> None:
    """Where a launcher gave no streams, what is written goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open as long as the process
