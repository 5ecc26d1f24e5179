"""Processes of the command `kosmo` that need not import it: each is forked from one that has.

A fork has its own environment, working directory and standard streams, runs `python -m kosmo_kernel` and ends like a
process that was started for it. It saves the time of Python's start and of the imports, which is most of what a short
command takes. The process that is forked has one thread, and has read no setting, file or variable.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from repository import ROOT, SUPPORT

MAX_REQUEST_BYTES = 1 << 20
PRELOADED = (
    *("accounts", "call", "lua", "options", "reference", "values"),
    *("mcp_servers", "mcp", "doctor", "run", "account_files"),
)


class CommandServer:
    """A process that is forked for each command, one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def run(
        self, arguments: list[str], stdin: bytes, cwd: Path | None, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[bytes] | None:
        """Run a command to its end; return None where that takes a process of its own.

        Raises:
            subprocess.TimeoutExpired: it did not end in time, and was killed.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._run(arguments, stdin, cwd, env, timeout)
        finally:
            self._lock.release()

    def _run(
        self, arguments: list[str], stdin: bytes, cwd: Path | None, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[bytes]:
        if self._process is None:
            self._start()
        streams = [os.pipe() for _ in range(3)]
        (its_input, our_input), (our_output, its_output), (our_errors, its_errors) = streams
        request = json.dumps([arguments, str(cwd or Path.cwd()), dict(env)]).encode()
        socket.send_fds(self._socket, [request], [its_input, its_output, its_errors])
        for end in (its_input, its_output, its_errors):
            os.close(end)
        pid = int(self._socket.recv(64))
        written: dict[int, bytes] = {}
        readers = [threading.Thread(target=_read_all, args=(end, written)) for end in (our_output, our_errors)]
        readers.append(threading.Thread(target=_write_all, args=(our_input, stdin)))
        for reader in readers:
            reader.start()
        self._socket.settimeout(timeout)
        try:
            code = int(self._socket.recv(64))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            self._socket.settimeout(None)
            self._socket.recv(64)
            raise subprocess.TimeoutExpired(arguments, timeout) from None
        finally:
            self._socket.settimeout(None)
            for reader in readers:
                reader.join()
        return subprocess.CompletedProcess(arguments, code, written[our_output], written[our_errors])

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        paths = os.pathsep.join([str(SUPPORT), str(ROOT)])
        code = f"from forked_command import serve; serve({theirs.fileno()})"
        command = [sys.executable, "-c", code]
        self._process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}, pass_fds=[theirs.fileno()])
        theirs.close()
        atexit.register(self._end, self._process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        self._socket.close()
        process.wait()


def _read_all(end: int, written: dict[int, bytes]) -> None:
    with os.fdopen(end, "rb") as pipe:
        written[end] = pipe.read()


def _write_all(end: int, data: bytes) -> None:
    with os.fdopen(end, "wb", buffering=0) as pipe:
        try:
            while data:
                data = data[pipe.write(data) or 0 :]
        except BrokenPipeError:
            return  # the command read as much as it wanted


def serve(descriptor: int) -> None:
    """Fork a process for each request until the other end of the socket is closed."""
    for name in PRELOADED:
        __import__(f"kosmo_kernel.cli.{name}")

    import kosmo_kernel.calls.services
    import kosmo_kernel.integrations.heroku.demo.api
    import kosmo_kernel.session  # noqa: F401 - imported for the processes that are forked

    with socket.socket(fileno=descriptor) as requests:
        while True:
            message, streams, _, _ = socket.recv_fds(requests, MAX_REQUEST_BYTES, 3)
            if not message:
                return
            pid = os.fork()
            if pid == 0:
                requests.close()
                break
            for stream in streams:
                os.close(stream)
            requests.send(str(pid).encode())
            status = os.waitpid(pid, 0)[1]
            requests.send(str(os.waitstatus_to_exitcode(status)).encode())
    _become(streams, *json.loads(message))


def _become(streams: list[int], arguments: list[str], cwd: str, env: dict[str, str]) -> NoReturn:
    """Turn this process into the one that was asked for, run the command, and end."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r")), encoding="utf-8", errors="strict")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w")), encoding="utf-8", errors="strict")
    errors = io.BufferedWriter(io.FileIO(2, "w"))
    sys.stderr = io.TextIOWrapper(errors, encoding="utf-8", errors="backslashreplace", line_buffering=True)
    sys.argv = ["kosmo", *arguments]
    code: object = 0
    try:
        runpy.run_module("kosmo_kernel", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - what Python does with an exception that nothing catches
        traceback.print_exc()
        code = 1
    # What Python does at its end, without taking each module apart, which needs 0.4 s in a fork.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)
