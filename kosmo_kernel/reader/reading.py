"""Give a task bytes to read, and return what it makes of them.

One process reads for the whole program. While it is busy for another thread, a second one is started, which ends
after its request. A process that lacks the module of a task is replaced by one that has it as well. Its replies are
checked and not trusted, and a request that goes wrong in any way ends it.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from threading import Lock

from kosmo_kernel.errors import LimitError, SettingsError, StoppedError
from kosmo_kernel.reader.task import Allowance, Task, current
from kosmo_kernel.safety.decoder import decode
from kosmo_kernel.walls import wire
from kosmo_kernel.walls.process import WalledProcess, import_folders, package_folder

START = "from kosmo_kernel.reader import main; main(modules)"
MAX_START_SECONDS = 10.0  # seconds that the process may take to start
# Seconds of wall-clock time for one request, in case the process does not run at all; more for one that may use more.
MAX_WALL_CLOCK_SECONDS = 10.0
POLL_INTERVAL_SECONDS = 0.05  # seconds between two checks whether the run must stop
MAX_MEMORY_KEPT_BYTES = 64 << 20  # memory that a process may keep after a request, for its caches
SLOW = 0.02  # seconds; a faster request cannot have spent much memory
CPU_GRANT_SECONDS = 60.0  # CPU time that the kernel grants at a time, in case the parent ends and cannot kill it
READ_BYTES = 1 << 20
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
    task = task._replace(seconds=min(task.seconds, allowance.seconds))
    process = _pool.take(task)
    try:
        process.wait_until_ready(allowance.stop_reason)
        payload, spent = process.ask(task, data, allowance.stop_reason)
        allowance.seconds -= spent
        refused, failed, result = _parts(payload)
    except UnreadError as error:
        process.close()
        _pool.start_another()
        allowance.seconds -= error.spent
        raise _unread(task, error, allowance) from None
    except BaseException:
        process.close()
        raise
    _pool.put_back(process, spent)
    if failed == MemoryError.__name__:
        most = f"{task.memory >> 20} MiB of memory"
        raise LimitError(f"{_subject(task)} needs more than {most} to read ({MEMORY}).", limit=MEMORY)
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
        header, texts = wire.unpack(payload, partial(decode, max_bytes=HEADER_BYTES))
        refused, failed = (str(header.get(key, ""))[:MAX_REFUSAL_LENGTH] for key in ("refused", "failed"))
        if not refused and not failed and len(texts) != 1:
            raise UnreadError
        return refused.encode(errors="replace").decode(), failed.encode(errors="replace").decode(), b"".join(texts)
    except (ValueError, TypeError):
        raise UnreadError from None


def _subject(task: Task) -> str:
    return task.what[:1].upper() + task.what[1:]


def _unread(task: Task, error: UnreadError, allowance: Allowance) -> Exception:
    if allowance.stop_reason():
        return StoppedError("Interrupted.")
    if error.is_late:
        most = f"{max(task.seconds, 0.0):.2g} s"
        return LimitError(f"{_subject(task)} took more than {most} to read ({TIME}).", limit=TIME)
    return LimitError(f"The process that reads {task.what} ended ({PROCESS}).", limit=PROCESS)


class UnreadError(Exception):
    """There is no valid reply: the request took too long, or the process ended or sent malformed data.

    Parameters:
        spent: the processor time that the request took, in seconds.
        is_late: whether it took too long, or the run must stop.
    """

    def __init__(self, spent: float = 0.0, *, is_late: bool = False) -> None:
        super().__init__()
        self.spent, self.is_late = spent, is_late


class ReaderProcess(WalledProcess):
    """A process that runs `reader.main`. Creating it does not wait until it is ready.

    Parameters:
        modules: the modules whose functions it can run.
        libraries: the modules that these need; see `Task`.

    Raises:
        SettingsError: a library is not installed.
    """

    def __init__(self, modules: Iterable[str], libraries: Iterable[str]) -> None:
        self.modules = frozenset(modules)
        folders: dict[str, None] = {}
        for library in sorted(libraries):
            missing = SettingsError(f"`{library}` is not installed. Install it: python -m pip install {library}")
            folders |= dict.fromkeys(import_folders(library, missing))
        super().__init__(list(folders) or [package_folder()], f"modules = {sorted(self.modules)!r}; {START}")
        os.set_blocking(self._replies.fileno(), False)
        self._is_ready = False
        self._granted = 0.0
        self._limited: tuple[int, float] | None = None
        self._address_space = self._resident = 0  # bytes when it was ready

    def wait_until_ready(self, stop_reason: Callable[[], str | None]) -> None:
        """Wait until the process can read.

        Raises:
            UnreadError: the run must stop.
            SettingsError: the process does not start; the message has its last words.
        """
        if self._is_ready:
            return
        try:
            self._exchange(b"", MAX_START_SECONDS, READ_BYTES, stop_reason)
        except UnreadError:
            if stop_reason():
                raise
            self.kill()
            reason = self._complaints.read().decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise SettingsError(f"The process that reads foreign text did not start: {reason[0]}") from None
        self._is_ready = True
        self._address_space, self._resident = self._memory()

    def ask(self, task: Task, data: bytes, stop_reason: Callable[[], str | None]) -> tuple[bytes, float]:
        """Return the reply to the request of a task, and the processor time that it took.

        Raises:
            UnreadError: there is no valid reply within the limits of the task, or the run must stop.
        """
        cpu = self.cpu_seconds() or 0.0
        if cpu + task.seconds > self._granted:
            self._granted = cpu + CPU_GRANT_SECONDS
        limited = self._address_space + task.memory, self._granted
        if limited != self._limited:
            self._limited = limited
            self.set_limits(*limited)
        request = wire.pack({"function": task.function}, [data])
        question = wire.LENGTH.pack(len(request)) + request
        return self._exchange(question, task.seconds, task.max_result + HEADER_BYTES, stop_reason)

    def _exchange(
        self, question: bytes, seconds: float, max_reply: int, stop_reason: Callable[[], str | None]
    ) -> tuple[bytes, float]:
        requests, replies = self._requests.fileno(), self._replies.fileno()
        unsent, answer = memoryview(question), bytearray()
        cpu_at_start, started = self.cpu_seconds(), time.monotonic()

        def spent() -> float:
            cpu = self.cpu_seconds()
            return time.monotonic() - started if cpu is None or cpu_at_start is None else cpu - cpu_at_start

        while True:
            remaining = seconds - spent()
            is_late = time.monotonic() - started > max(MAX_WALL_CLOCK_SECONDS, 2 * seconds)
            if remaining <= 0 or is_late or stop_reason():
                raise UnreadError(spent(), is_late=True)
            wait = min(POLL_INTERVAL_SECONDS, max(remaining, POLL_INTERVAL_SECONDS / 10))
            readable, writable, _ = select.select([replies], [requests] if unsent else [], [], wait)
            try:
                if writable:
                    unsent = unsent[os.write(requests, unsent) :]
                part = os.read(replies, READ_BYTES) if readable else b""
            except (BrokenPipeError, ConnectionResetError):
                raise UnreadError(spent()) from None
            answer += part
            has_size = len(answer) >= wire.LENGTH.size
            size = wire.LENGTH.unpack_from(answer)[0] if has_size else 0
            # A reply is never empty, and nothing follows it before the next request.
            if (
                (readable and not part)
                or (has_size and not 0 < size <= max_reply)
                or len(answer) > max_reply + wire.LENGTH.size
            ):
                raise UnreadError(spent())
            if has_size and len(answer) >= wire.LENGTH.size + size:
                return bytes(answer[wire.LENGTH.size :]), spent()

    def has_grown(self, spent: float) -> bool:
        """Return whether the process keeps much more memory than at its start, after a request of `spent` seconds."""
        return spent > SLOW and self._memory()[1] > self._resident + MAX_MEMORY_KEPT_BYTES

    def _memory(self) -> tuple[int, int]:
        """Return the bytes of memory that are mapped and that are in use, or 0 if the platform cannot tell."""
        try:
            mapped, resident = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[:2]
        except OSError:
            return 0, 0
        page = os.sysconf("SC_PAGE_SIZE")
        return int(mapped) * page, int(resident) * page

    def close(self) -> None:
        """Kill the process immediately, and close its pipes."""
        self.kill()
        self.close_pipes()


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
        if process:
            if task.module in process.modules:
                return process
            process.close()
        process = ReaderProcess(self._modules | {task.module}, self._libraries | {*task.libraries})
        with self._lock:
            self._modules |= process.modules
            self._libraries |= {*task.libraries}
        return process

    def put_back(self, process: ReaderProcess, spent: float) -> None:
        """Keep a process whose last request took `spent` seconds for the next one, unless another one waits already."""
        if process.has_grown(spent):
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
