"""Run Lua: the main loop of the child process, which holds no token, opens no socket, and may be killed at any time.

It moves payloads between its two pipes and one Lua state, and provides what Lua lacks: the clock, the interrupt flag
and the memory limit. Only bytes and small integers cross into Lua, because lupa 2.8 leaks, hangs or crashes when Python
objects do. The Python functions passed to Lua are upvalues of trusted closures in `prelude.lua`. None of them lets an
exception escape, since Lua would receive it as a Python object.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from kosmo_kernel.walls import lockdown, wire

# Defined here because importing `typing` would slow the start of this process.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_AFTER = 0.003  # seconds between two reads of this process's CPU time, each of which is a system call
SLOW_AFTER = 0.004  # seconds between two ticks above which the instructions count as slow
FLUSH_AFTER = 0.1  # seconds after which printed text is sent while the script still runs
NOTHING, FLUSH, INTERRUPTED, CPU, SLOW = 0, 1, 2, 3, 4  # results of `tick`


class ParentConnection:
    """The Python functions that the Lua code of this process may call."""

    def __init__(self, requests: int, replies: int) -> None:
        self._requests = wire.FrameReader(requests)
        self._replies = replies
        self._cpu_deadline = 0.0
        self._look_at = 0.0
        self._flush_at = 0.0
        self._ticked_at = 0.0
        self._interrupted = False
        self._running = False
        self._memory_limit = 0
        self._parent = os.getppid()
        self.set_memory_limit: Callable[[int], None]  # set once the Lua state exists

    def interrupt(self, *_signal: object) -> None:
        """Handle a signal: make the next tick stop the script. Between runs it does nothing."""
        self._interrupted = self._running

    def begin(self, cpu_limit: float, memory_limit: int) -> None:
        """Start a run with these limits."""
        self._interrupted = False
        self._running = True
        self._cpu_deadline = time.process_time() + cpu_limit if cpu_limit > 0 else float("inf")
        self._memory_limit = memory_limit
        self._look_at = self._ticked_at = time.monotonic()
        self._flush_at = self._look_at + FLUSH_AFTER

    def end(self) -> None:
        """End the run."""
        self._running = False

    def tick(self) -> int:
        """Return whether the script must stop, or flush its output.

        The count hook calls this every thousand instructions, or more often while instructions are slow.
        """
        if self._interrupted:
            self._interrupted = False
            return INTERRUPTED
        now = time.monotonic()
        slow, self._ticked_at = now - self._ticked_at > SLOW_AFTER, now
        if now < self._look_at:
            return NOTHING
        self._look_at = now + LOOK_AFTER
        if time.process_time() > self._cpu_deadline:
            return CPU
        if now > self._flush_at:
            self._flush_at = now + FLUSH_AFTER
            if os.getppid() != self._parent:
                os._exit(0)  # the parent has ended, so nothing else would stop an endless script
            return FLUSH
        return SLOW if slow else NOTHING

    def arm(self) -> None:
        """Apply the memory limit, which holds only while a script's own code runs."""
        if self._running:
            self.set_memory_limit(self._memory_limit)

    def disarm(self) -> None:
        """Lift the memory limit, which lupa's own code must never reach."""
        self.set_memory_limit(0)

    def send(self, payload: bytes) -> None:
        """Send a payload without waiting for a reply."""
        try:
            wire.write_frame(self._replies, payload)
        except OSError:
            os._exit(0)  # the parent has ended

    def ask(self, payload: bytes) -> bytes:
        """Send a payload and return the reply."""
        self.send(payload)
        return self.receive()

    def receive(self) -> bytes:
        """Wait for the next payload from the parent and return it."""
        try:
            return self._requests.read()
        except (EOFError, OSError):
            os._exit(0)


def source(name: bytes) -> bytes:
    """Return the text of a Lua file of this package, until the process gives up opening files."""
    with open(os.path.join(os.path.dirname(__file__).encode(), name + b".lua"), "rb") as file:
        return file.read()


def main(zone: str) -> None:
    """Serve requests until the parent closes the pipe.

    Parameters:
        zone: the time zone as `TZ` has it; empty for the machine's own.
    """
    if zone and sys.platform != "win32":
        os.environ["TZ"] = zone
        time.tzset()  # must come before the lockdown, which forbids opening the zone's file
    host = ParentConnection(*lockdown.take_pipes())
    if sys.platform != "win32":
        signal.signal(signal.SIGUSR1, host.interrupt)

    from lupa.lua54 import LuaRuntime

    def refused(*_anything: object) -> None:
        raise AttributeError("no Python attribute is reachable from Lua")

    lua = LuaRuntime(
        encoding=None,
        source_encoding="utf-8",
        register_eval=False,
        register_builtins=False,
        unpack_returned_tuples=True,
        attribute_handlers=(refused, refused),
        max_memory=0,
    )
    host.set_memory_limit = lua.set_max_memory
    make_table = lua.eval(
        b"function(...) local t, a = {}, {...} for i = 1, #a, 2 do t[a[i]] = a[i + 1] end return t end"
    )
    functions = make_table(
        b"source", source,
        b"secret", lambda: os.urandom(6).hex().encode(),
        b"tick", host.tick,
        b"arm", host.arm,
        b"disarm", host.disarm,
        b"send", host.send,
        b"ask", host.ask,
        b"begin", host.begin,
        b"end_run", host.end,
    )  # fmt: skip
    load = lua.eval(b"function(source) return assert(load(source, '@kosmo/prelude', 't')) end")
    serve = load(source(b"prelude"))(functions)
    walls = lockdown.report(lockdown.lock_down(lifeline=2))
    serve(host.receive())  # the contents of `app`
    head = b'{"kind":"ready","blobs":[%d]}' % len(walls)
    host.send(wire.LENGTH.pack(len(head)) + head + walls)
    while True:
        payload = host.receive()
        host.send(serve(payload))
