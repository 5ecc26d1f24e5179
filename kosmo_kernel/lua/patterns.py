"""Match regular expressions for scripts in a child process, under limits of time and memory.

The child (`regex_worker.py`) has the same restrictions as the Lua process. It is started at the first use, and killed
and replaced when a request takes too long. Its replies are checked and not trusted.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, LimitError, SettingsError
from kosmo_kernel.lua import walls, wire
from kosmo_kernel.lua.process import WalledProcess, import_folders

START = "from kosmo_kernel.lua.regex_worker import main; main()"
MAX_MATCH_SECONDS = 0.5  # seconds of the child's CPU time for one request, including compiling the pattern
MAX_START_SECONDS = 10.0  # seconds that the child may take to start
MAX_WALL_CLOCK_SECONDS = 10.0  # seconds of wall-clock time for one request, in case the child does not run at all
POLL_INTERVAL_SECONDS = 0.05  # seconds between two checks whether the run must stop
MAX_ADDRESS_SPACE_BYTES = 256 << 20  # needed for backtracking; replies use a quarter of it
MAX_CHILD_MEMORY_KEPT_BYTES = 64 << 20  # memory that a child may keep after a request, for its cache of patterns
SLOW = 0.02  # seconds; a faster request cannot have used much memory
CPU_GRANT_SECONDS = 60.0  # CPU time that the kernel grants at a time, in case the parent ends and cannot kill the child
MAX_ANSWER_BYTES = 16 << 20  # size of a reply; the child stops at half of it
MAX_MESSAGE_LENGTH = 2000  # characters of an error message
OUT_OF_TIME = "cpu_limit"  # why a run stops when its patterns have used all of its CPU time
FAILURE_KEYS = ("error", "limit")  # the keys of a reply that reports an error


class Patterns:
    """The child that matches patterns, if one runs, and the CPU time that the current run may still use in it."""

    def __init__(self) -> None:
        self._child: _Child | None = None
        self._left = 0.0

    @property
    def pid(self) -> int | None:
        """The child's process id, or None when none runs."""
        return self._child.pid if self._child else None

    def begin(self, seconds: float) -> None:
        """Start a run whose patterns may use `seconds` of CPU time in total."""
        self._left = seconds

    def ask(
        self, header: dict[str, Any], blobs: list[bytes], stopped: Callable[[], str | None]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Match a pattern, and return the reply for Lua.

        Parameters:
            header, blobs: see `regex_worker.answer`.
            stopped: returns why the run must stop, or None; it is called repeatedly.

        Returns:
            `count`, `groups` and `names`, and the texts; or `stop`, which ends the script.

        Raises:
            InvalidArgumentsError: the pattern, a flag or the replacement is invalid.
            LimitError: the request takes too much time or memory, or its result is too large.
            SettingsError: the engine is not installed or does not start.
        """
        name = f"regex.{header['verb']}"
        question = wire.pack(header, blobs)
        child, self._child = self._child or _Child(), None
        try:
            child.wait_until_ready(stopped)
            payload, used = child.ask(question, min(MAX_MATCH_SECONDS, self._left), stopped)
            self._left -= used
            reply, texts = _read(payload)
        except _BrokenError as error:
            child.close()
            self._left -= error.used
            self._child = _Child()  # starts while the script goes on
            if why := stopped() or (self._left <= 0 and OUT_OF_TIME):
                return {"stop": why}, []
            raise error.for_script(name) from None
        except BaseException:
            child.close()
            raise
        self._child = child
        if used > SLOW and child.memory() > MAX_CHILD_MEMORY_KEPT_BYTES:
            self.close()
            self._child = _Child()
        if self._left <= 0:
            return {"stop": OUT_OF_TIME}, []
        if problem := reply.get("error"):
            message, limit = f"{name}: {problem}", reply["limit"]
            raise LimitError(f"{message} ({limit}).", limit=limit) if limit else InvalidArgumentsError(f"{message}.")
        return reply, texts

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child:
            child.close()


def _read(payload: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Return the expected fields of a reply, converted to the expected types."""
    try:
        header, texts = wire.unpack(payload)
        if "error" in header:
            return {
                key: str(header[key])[:MAX_MESSAGE_LENGTH].encode(errors="replace").decode() for key in FAILURE_KEYS
            }, []
        names = [(str(name), int(group)) for name, group in header.get("names", ())]
        return {"count": int(header["count"]), "groups": int(header.get("groups", 0)), "names": names}, texts
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise _BrokenError from None


class _BrokenError(Exception):
    """The child sent no valid reply: it took too long, ended, or sent malformed data."""

    def __init__(self, used: float = 0.0, *, late: bool = False) -> None:
        super().__init__()
        self.used, self.late = used, late

    def for_script(self, name: str) -> KosmoError:
        """Return the error that the script gets."""
        if self.late:
            return LimitError(
                f"{name}: the pattern took more than {MAX_MATCH_SECONDS:g} s on this subject (pattern_time). "
                "A repeat within a repeat, such as (a+)+, is the usual cause.",
                limit="pattern_time",
            )
        return LimitError(f"{name}: the process that matches ended (pattern_process).", limit="pattern_process")


class _Child(WalledProcess):
    """A child process that runs `regex_worker.main`."""

    def __init__(self) -> None:
        no_engine = SettingsError("`regex` is not installed. Install it: python -m pip install regex")
        super().__init__(import_folders("regex", no_engine), START)
        os.set_blocking(self._replies.fileno(), False)
        self._is_ready = False
        self._granted = 0.0

    def wait_until_ready(self, stopped: Callable[[], str | None]) -> None:
        if self._is_ready:
            return
        try:
            self._exchange(b"", MAX_START_SECONDS, stopped)
        except _BrokenError:
            if stopped():
                raise
            self.kill()
            why = self._complaints.read().decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise SettingsError(f"The process that matches patterns did not start: {why[0]}") from None
        self._is_ready = True

    def ask(self, question: bytes, seconds: float, stopped: Callable[[], str | None]) -> tuple[bytes, float]:
        """Return the reply to a request, and the CPU time that it took.

        Raises:
            _BrokenError: there is no valid reply within `seconds` of CPU time.
        """
        cpu = self.cpu_seconds() or 0.0
        if cpu + seconds > self._granted:
            self._granted = cpu + CPU_GRANT_SECONDS
            walls.allow(
                self.pid, (MAX_ADDRESS_SPACE_BYTES - walls.BASE_ADDRESS_SPACE_BYTES) // walls.HEAP_COPIES, self._granted
            )
        return self._exchange(wire.LENGTH.pack(len(question)) + question, seconds, stopped)

    def _exchange(self, question: bytes, seconds: float, stopped: Callable[[], str | None]) -> tuple[bytes, float]:
        requests, replies = self._requests.fileno(), self._replies.fileno()
        unsent, answer = memoryview(question), bytearray()
        cpu_at_start, started = self.cpu_seconds(), time.monotonic()

        def used() -> float:
            cpu = self.cpu_seconds()
            return time.monotonic() - started if cpu is None or cpu_at_start is None else cpu - cpu_at_start

        while True:
            remaining = seconds - used()
            if remaining <= 0 or time.monotonic() - started > MAX_WALL_CLOCK_SECONDS or stopped():
                raise _BrokenError(used(), late=True)
            wait = min(POLL_INTERVAL_SECONDS, max(remaining, POLL_INTERVAL_SECONDS / 10))
            readable, writable, _ = select.select([replies], [requests] if unsent else [], [], wait)
            try:
                if writable:
                    unsent = unsent[os.write(requests, unsent) :]
                part = os.read(replies, 1 << 20) if readable else b""
            except (BrokenPipeError, ConnectionResetError):
                raise _BrokenError(used()) from None
            answer += part
            has_size = len(answer) >= wire.LENGTH.size
            size = wire.LENGTH.unpack_from(answer)[0] if has_size else 0
            # A reply is never empty, and nothing follows it before the next request.
            if (
                (readable and not part)
                or (has_size and not 0 < size <= MAX_ANSWER_BYTES)
                or len(answer) > MAX_ANSWER_BYTES + wire.LENGTH.size
            ):
                raise _BrokenError(used())
            if has_size and len(answer) >= wire.LENGTH.size + size:
                return bytes(answer[wire.LENGTH.size :]), used()

    def memory(self) -> int:
        """Return the bytes of memory in use, or 0 if the platform cannot tell."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        except OSError:
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """Kill the child immediately, and close its pipes."""
        self.kill()
        self.close_pipes()
