"""One process of the reader, from outside: its start, its limits, one request at a time, and its end.

Its replies are checked and not trusted. A request that goes wrong in any way ends in an `UnreadError`, and the caller
then ends the process.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.walls import limits, wire
from kosmo_kernel.walls.process import WalledProcess, import_folders, package_folder

START = "from kosmo_kernel.reader.child import main; main(modules)"
MAX_START_SECONDS = 10.0  # seconds that the process may take to start
# Seconds of wall-clock time for one request, in case the process does not run at all; more for one that may use more.
MAX_WALL_CLOCK_SECONDS = 10.0
POLL_INTERVAL_SECONDS = 0.05  # seconds between two checks whether the run must stop
MAX_MEMORY_KEPT_BYTES = 64 << 20  # memory that a process may keep after a request, for its caches
SLOW = 0.02  # seconds; a faster request cannot have used much memory
CPU_GRANT_SECONDS = 60.0  # CPU time that the kernel grants at a time, in case the parent ends and cannot kill it
READ_BYTES = 1 << 20


class UnreadError(Exception):
    """There is no valid reply: the request took too long, or the process ended or sent malformed data.

    Parameters:
        used: the processor time that the request took, in seconds.
        is_late: whether it took too long, or the run must stop.
    """

    def __init__(self, used: float = 0.0, *, is_late: bool = False) -> None:
        super().__init__()
        self.used, self.is_late = used, is_late


class ReaderProcess(WalledProcess):
    """A process that runs `child.main`. Creating it does not wait until it is ready.

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
            why = self._complaints.read().decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise SettingsError(f"The process that reads foreign text did not start: {why[0]}") from None
        self._is_ready = True
        self._address_space, self._resident = self._memory()

    def ask(
        self, request: bytes, seconds: float, memory: int, max_reply: int, stop_reason: Callable[[], str | None]
    ) -> tuple[bytes, float]:
        """Return the reply to a request, and the processor time that it took.

        Parameters:
            request: a payload.
            seconds: processor time that it may take.
            memory: bytes that it may map.
            max_reply: bytes of the reply.
            stop_reason: returns why the run must stop, or None.

        Raises:
            UnreadError: there is no valid reply within these limits.
        """
        cpu = self.cpu_seconds() or 0.0
        if cpu + seconds > self._granted:
            self._granted = cpu + CPU_GRANT_SECONDS
        limited = self._address_space + memory, self._granted
        if limited != self._limited:
            self._limited = limited
            limits.allow(self.pid, *limited)
        return self._exchange(wire.LENGTH.pack(len(request)) + request, seconds, max_reply, stop_reason)

    def _exchange(
        self, question: bytes, seconds: float, max_reply: int, stop_reason: Callable[[], str | None]
    ) -> tuple[bytes, float]:
        requests, replies = self._requests.fileno(), self._replies.fileno()
        unsent, answer = memoryview(question), bytearray()
        cpu_at_start, started = self.cpu_seconds(), time.monotonic()

        def used() -> float:
            cpu = self.cpu_seconds()
            return time.monotonic() - started if cpu is None or cpu_at_start is None else cpu - cpu_at_start

        while True:
            remaining = seconds - used()
            is_late = time.monotonic() - started > max(MAX_WALL_CLOCK_SECONDS, 2 * seconds)
            if remaining <= 0 or is_late or stop_reason():
                raise UnreadError(used(), is_late=True)
            wait = min(POLL_INTERVAL_SECONDS, max(remaining, POLL_INTERVAL_SECONDS / 10))
            readable, writable, _ = select.select([replies], [requests] if unsent else [], [], wait)
            try:
                if writable:
                    unsent = unsent[os.write(requests, unsent) :]
                part = os.read(replies, READ_BYTES) if readable else b""
            except (BrokenPipeError, ConnectionResetError):
                raise UnreadError(used()) from None
            answer += part
            has_size = len(answer) >= wire.LENGTH.size
            size = wire.LENGTH.unpack_from(answer)[0] if has_size else 0
            # A reply is never empty, and nothing follows it before the next request.
            if (
                (readable and not part)
                or (has_size and not 0 < size <= max_reply)
                or len(answer) > max_reply + wire.LENGTH.size
            ):
                raise UnreadError(used())
            if has_size and len(answer) >= wire.LENGTH.size + size:
                return bytes(answer[wire.LENGTH.size :]), used()

    def has_grown(self, used: float) -> bool:
        """Return whether the process keeps much more memory than at its start, after a request of `used` seconds."""
        return used > SLOW and self._memory()[1] > self._resident + MAX_MEMORY_KEPT_BYTES

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
