"""Read what others wrote in a process of its own, so that nothing in it can freeze, fill or attack this process.

Python's regular expressions, its parsers and every loop over a text hold the interpreter, so that no time limit, no
interrupt and no signal ends them where they run. Here they run in a walled process that holds no token and can open no
file and no socket. This process sends it bytes, waits, and gets bytes; the wait ends as soon as the run must stop, and
the other process is killed when a task takes too long or needs too much memory. It starts when the first task needs
it, and stays.

    HTML = Task("kosmo_kernel.safety.html:html", "this HTML", libraries=("nh3",), refusal=UnsafeContentError)
    markup = read(HTML, text.encode())

task.py          what can be read: a function of this package, its limits, and what one run may use
reading.py       `read`, and the processes that run
documents.py     settings (TOML, and JSON with comments), and what is displayed (HTML, Markdown, SVG)

This file has the main loop of the process, which imports nothing else of the package but its walls and the modules of
the tasks. A task can keep it busy for hours, and nothing in it could stop that. So nothing here reads a clock: the
parent (`reading.py`) kills the process when a request takes too long.
"""

from __future__ import annotations

import os

# Defined here because importing `typing` would slow the start of the process.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PACKAGE = "kosmo_kernel."


def main(modules: Sequence[str]) -> None:
    """Serve requests until the parent closes the pipe.

    Parameters:
        modules: the modules whose functions are run.
    """
    from importlib import import_module

    from kosmo_kernel.walls import lockdown, wire

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
            header, (data,) = wire.unpack(reader.read())
            module_name, _, name = header["function"].partition(":")
            fields, texts = _run(getattr(loaded[module_name], name), data)
            wire.write_frame(replies, wire.pack(fields, texts))
        except (EOFError, OSError):
            os._exit(0)


def _run(function: Callable[[bytes], bytes], data: bytes) -> tuple[dict[str, str], list[bytes]]:
    """Return the result of a task, or why there is none: `refused` with the reason, or `failed` with its kind."""
    try:
        return {}, [function(data)]
    except Exception as error:  # noqa: BLE001 - whatever a library raises for a text that nobody vouches for
        is_ours = type(error).__module__.startswith(PACKAGE)
        return ({"refused": str(error)} if is_ours else {"failed": type(error).__name__}), []
