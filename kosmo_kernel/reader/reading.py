"""Give a task bytes to read, and return what it makes of them.

One process reads for the whole program. While it is busy for another thread, a second one is started, which ends
after its request. A process that lacks the module of a task is replaced by one that has it as well.
"""

from __future__ import annotations

import os
from threading import Lock

from kosmo_kernel.errors import LimitError, StoppedError
from kosmo_kernel.reader.allowance import Allowance, current
from kosmo_kernel.reader.process import ReaderProcess, UnreadError
from kosmo_kernel.reader.protocol import OUT_OF_MEMORY
from kosmo_kernel.reader.task import Task
from kosmo_kernel.walls import wire

MAX_REFUSAL_LENGTH = 4_000  # characters of the reason why a task refuses what it reads
HEADER_BYTES = 1 << 16  # of a reply, besides its text
TIME, MEMORY, PROCESS = "reading_time", "reading_memory", "reading_process"  # the limits of a task


def read(task: Task, data: bytes, allowance: Allowance | None = None) -> bytes:
    """Return what a task makes of `data`.

    Parameters:
        task: what to do.
        data: what to read.
        allowance: of the run; by default the one of the current block, see `allowed`.

    Raises:
        the task's `refusal`: it refuses the data, or cannot read them.
        LimitError: it needs too much time or memory; `limit` is `TIME`, `MEMORY` or `PROCESS`.
        StoppedError: the run must stop.
        SettingsError: the process does not start.
    """
    allowance = allowance or current()
    seconds = min(task.seconds, allowance.seconds)
    process = _pool.take(task)
    try:
        process.wait_until_ready(allowance.stop_reason)
        request = wire.pack({"function": task.function}, [data])
        payload, used = process.ask(
            request, seconds, task.memory, task.max_result + HEADER_BYTES, allowance.stop_reason
        )
        allowance.seconds -= used
        refused, failed, result = _parts(payload)
    except UnreadError as error:
        process.close()
        _pool.start_another()
        allowance.seconds -= error.used
        raise _unread(task, error, allowance, seconds) from None
    except BaseException:
        process.close()
        raise
    _pool.put_back(process, used)
    if failed == OUT_OF_MEMORY:
        raise _too_much_memory(task)
    if refused or failed:
        raise task.refusal(refused or f"{_subject(task)} cannot be read ({failed})")
    return result


def close() -> None:
    """End the process that waits for requests, if there is one."""
    _pool.close()


def pid() -> int | None:
    """Return the id of the process that waits for requests, or None if there is none."""
    return _pool.idle.pid if _pool.idle else None


def _parts(payload: bytes) -> tuple[str, str, bytes]:
    """Return why a reply has no result, as a refusal and as the kind of a failure, and the result."""
    try:
        header, texts = wire.unpack(payload, max_header=HEADER_BYTES)
        refused, failed = (str(header.get(key, ""))[:MAX_REFUSAL_LENGTH] for key in ("refused", "failed"))
        if not refused and not failed and len(texts) != 1:
            raise UnreadError
        return refused.encode(errors="replace").decode(), failed.encode(errors="replace").decode(), b"".join(texts)
    except (ValueError, TypeError, RecursionError):
        raise UnreadError from None


def _subject(task: Task) -> str:
    return task.what[:1].upper() + task.what[1:]


def _unread(task: Task, error: UnreadError, allowance: Allowance, seconds: float) -> Exception:
    if allowance.stop_reason():
        return StoppedError("Interrupted.")
    if error.is_late:
        return LimitError(f"{_subject(task)} took more than {max(seconds, 0.0):.2g} s to read ({TIME}).", limit=TIME)
    return LimitError(f"The process that reads {task.what} ended ({PROCESS}).", limit=PROCESS)


def _too_much_memory(task: Task) -> LimitError:
    text = f"{_subject(task)} needs more than {task.memory >> 20} MiB of memory to read ({MEMORY})."
    return LimitError(text, limit=MEMORY)


class _Pool:
    """The processes, of which one waits for requests.

    Attributes:
        idle: the process that waits, if any.
    """

    def __init__(self) -> None:
        self.idle: ReaderProcess | None = None
        self._lock = Lock()
        self._modules: frozenset[str] = frozenset()  # of all tasks so far
        self._libraries: frozenset[str] = frozenset()

    def take(self, task: Task) -> ReaderProcess:
        """Return a process for a task, which nobody else uses until it is put back."""
        with self._lock:
            process, self.idle = self.idle, None
        if process and task.module in process.modules:
            return process
        if process:
            process.close()
        process = ReaderProcess(self._modules | {task.module}, self._libraries | {*task.libraries})
        with self._lock:
            self._modules |= process.modules
            self._libraries |= {*task.libraries}
        return process

    def put_back(self, process: ReaderProcess, used: float) -> None:
        """Keep a process whose last request took `used` seconds for the next one, unless another one waits already."""
        if process.has_grown(used):
            process.close()
            self.start_another()
        else:
            self._keep(process)

    def start_another(self) -> None:
        """Start a process in place of one that ended, which gets ready while the program goes on."""
        self._keep(ReaderProcess(self._modules, self._libraries))

    def _keep(self, process: ReaderProcess) -> None:
        with self._lock:
            is_needed = self.idle is None
            if is_needed:
                self.idle = process
        if not is_needed:
            process.close()

    def close(self) -> None:
        """End the process that waits."""
        with self._lock:
            process, self.idle = self.idle, None
        if process:
            process.close()


_pool = _Pool()


def _forget_in_fork() -> None:
    """Use none of the parent's processes in a fork of it, where their pipes are closed."""
    global _pool  # noqa: PLW0603 - the lock may be held by a thread that does not exist here
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_fork)
