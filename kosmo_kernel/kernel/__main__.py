"""Run the Lua kernel with `python -m kosmo_kernel.kernel`: open the sockets, and serve requests until shutdown.

Only ZeroMQ is imported for this; the modules that run a cell are imported after the first reply. SIGINT does not raise
`KeyboardInterrupt` in the kernel's own code, where it could lose a reply: it asks the session to stop the cell. Only
while the main thread renders a cell's values or errors does an interrupt (SIGINT or a message) raise an exception.
"""

from __future__ import annotations

# ruff: noqa: E402 - the path must be cleaned before anything else is imported
import gc
import os
import sys

# `python -m` searches the notebook's directory first, where a file could shadow a module of the standard library.
# Our kernel specs pass `-P`, which also protects imports that run before this line; specs written by older versions
# do not.
if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

# Imported modules stay alive, so garbage collection during the imports would waste a tenth of the startup time.
gc.disable()

import signal
from collections.abc import Sequence

import zmq

from kosmo_kernel.kernel.channels import Channels, ConnectionFile
from kosmo_kernel.kernel.protocol import INTERRUPT_RENDERING, LuaKernel

PARENT = "JPY_PARENT_PID"  # the environment variable in which Jupyter passes the parent process id


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a kernel.

    Parameters:
        arguments: the command line arguments; those of the process when None.
    """
    from kosmo_kernel.safety import limit_core_dumps  # when there is a kernel

    limit_core_dumps()  # other processes are kept from its memory when it is idle, or before the first cell
    file = _connection_file(sys.argv[1:] if arguments is None else arguments)
    _replace_missing_streams()
    try:
        connection = ConnectionFile.read(file)
        channels = Channels(connection)
    except (OSError, ValueError, zmq.ZMQError) as error:
        sys.exit(f"The kernel cannot start: {error}")
    if connection.is_ours:
        sys.stderr.write(f"To connect to this kernel: jupyter console --existing {os.path.basename(connection.path)}\n")
    kernel = LuaKernel(channels, _parent_pid())
    signal.signal(INTERRUPT_RENDERING, lambda _number, _frame: kernel.interrupt_rendering())
    # A kernel started with `nohup` or `&` inherits an ignored SIGINT.
    signal.signal(signal.SIGINT, lambda _number, _frame: kernel.interrupt())
    gc.freeze()  # exempt everything imported so far from the collector
    gc.enable()
    kernel.serve()
    channels.close()


def _connection_file(arguments: Sequence[str]) -> str:
    """Return the connection file that the arguments name, or the default one of this process."""
    match arguments:
        case ["-f", file]:  # what Jupyter passes, for which argparse need not be imported
            return file
    import argparse

    parser = argparse.ArgumentParser(prog="python -m kosmo_kernel.kernel", description="The Lua kernel of Jupyter.")
    parser.add_argument("-f", "--f", dest="file", metavar="FILE", help="the connection file")
    path: str | None = parser.parse_known_args(arguments)[0].file
    if path is not None:
        return path
    from jupyter_core.paths import jupyter_runtime_dir

    return os.path.join(jupyter_runtime_dir(), f"kernel-{os.getpid()}.json")


def _parent_pid() -> int:
    """Return the parent's process id if Jupyter set one, else 0; for a child of init (pid 1) it is unknown."""
    parent = os.getppid()
    return parent if os.environ.get(PARENT, "").isdecimal() and parent > 1 else 0


def _replace_missing_streams() -> None:
    """Open `os.devnull` in place of a standard stream that the launcher did not provide."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open until the process exits


if __name__ == "__main__":
    main()
