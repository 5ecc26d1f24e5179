"""The main loop of the reader: it holds no token, can open nothing, and may be killed at any time.

A task can keep it busy for hours, and nothing in it could stop that. So nothing here reads a clock: the parent
(`reading.py`) kills this process when a request takes too long.
"""

from __future__ import annotations

import os
from importlib import import_module

from kosmo_kernel.walls import lockdown, wire

# Defined here because importing `typing` would slow the start of this process.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any

PACKAGE = "kosmo_kernel."


def main(modules: Sequence[str]) -> None:
    """Serve requests until the parent closes the pipe.

    Parameters:
        modules: the modules whose functions are run.
    """
    requests, replies = lockdown.take_pipes()
    reader = wire.FrameReader(requests)
    loaded = {name: import_module(name) for name in modules}
    for module in loaded.values():
        getattr(module, "prepare", int)()
    wire.pack(*wire.unpack(wire.pack({})))  # imports `json`
    walls = lockdown.report(lockdown.lock_down(lifeline=2))
    wire.write_frame(replies, wire.pack({}, [walls]))
    while True:
        try:
            wire.write_frame(replies, answer(loaded, reader.read()))
        except (EOFError, OSError):
            os._exit(0)


def answer(loaded: dict[str, ModuleType], request: bytes) -> bytes:
    """Return the reply to a request: the result of its function, `refused` with the reason, or `failed` with the kind.

    Parameters:
        loaded: the modules by name.
        request: a payload whose header has `function`, and whose one text are the bytes to read.
    """
    header, (data,) = wire.unpack(request)
    module, _, name = header["function"].partition(":")
    function: Callable[[bytes], bytes] = getattr(loaded[module], name)
    reply: dict[str, Any] = {}
    try:
        return wire.pack(reply, [function(data)])
    except Exception as error:  # noqa: BLE001 - whatever a library raises for a text that nobody vouches for
        is_ours = type(error).__module__.startswith(PACKAGE)
        reply = {"refused": str(error)} if is_ours else {"failed": type(error).__name__}
    return wire.pack(reply)
