"""The way of a call through the package: files and functions from the user's line to what is shown.

    python benchmarks/call_path.py [--list] [request] [python] [cell] [check] [agent]

Four ways are counted as a user takes them, the second time: a call from Python in an IPython shell, a cell of
`%%kosmo_lua`, `kosmo check crashed-dynos --demo`, and `lua_run` of an agent. All functions of the package that this
process runs count, in all threads, with lambdas, comprehensions, the display, and the demo account that answers.

`request` is the part of a Lua call between the two messages of the Lua process. Here lambdas and comprehensions are
part of the function that contains them, and what serves the demo account is not counted.

A way that counts nothing, or whose call gives no records, is a failure.

A form is a class of the package that carries the call: an object of it is made during the call, is passed to or
returned by a function, and holds the argument of the call or the records of its answer, directly or in other objects
of the call. What is made for the call and holds neither, such as a permit of the rate limiter, is no form.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from kosmo_kernel import Session
from kosmo_kernel.client.transport import InProcess
from kosmo_kernel.lua.request_handler import RequestHandler

PACKAGE = Path(__file__).parent.parent / "kosmo_kernel"
APP = "courier-app"  # the argument, which each record of the answer has as well
SCRIPT = f"""
local heroku, count = app.integrations.heroku.demo, 0
for call = 1, 3 do
  count = count + #heroku.list_dynos({{ app_id = "{APP}" }})
end
return count
"""
MAX_FILES, MAX_FUNCTIONS, MAX_FORMS = 23, 104, 9
# The most files and functions of each way.
GOALS = {"python": (24, 170), "cell": (34, 260), "check": (75, 750), "agent": (40, 300)}
_CONTAINERS = (dict, list, tuple, set, partial)


class Profile:
    """Count the calls of the package's functions while a request of the Lua process is answered."""

    def __init__(self) -> None:
        self.calls: Counter[CodeType] = Counter()
        self.is_on = False  # the pool's threads outlive the call
        self._objects: dict[int, Any] = {}  # of the package, made during the call and passed on
        self._earlier: dict[int, Any] = {}  # those that the calls before were passed, too

    def begin(self) -> None:
        """Begin to count the next call."""
        self.calls.clear()
        self._earlier |= self._objects
        self._objects = {}
        self.is_on = True

    def count(self, frame: FrameType, event: str, argument: object) -> None:
        """Count a call, and note what is passed and returned; for `sys.setprofile`."""
        if event not in ("call", "return") or not self.is_on or _is_served(frame):
            return
        code = frame.f_code
        if event == "call":
            self.calls[code] += 1
            values = [
                frame.f_locals.get(name) for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            ]
        else:
            values = [argument]
        for value in values:
            if type(value).__module__.startswith(f"{PACKAGE.name}.") and id(value) not in self._earlier:
                self._objects[id(value)] = value

    def forms(self) -> list[str]:
        """Return the names of the classes that carry the call, in the order in which they are first passed."""
        return list(dict.fromkeys(type(value).__name__ for value in self._objects.values() if self._carries(value)))

    def _carries(self, value: object) -> bool:
        """Return whether an object of the call holds its argument or its records."""
        pending, seen = gc.get_referents(value), {id(value)}
        while pending:
            item = pending.pop()
            if (isinstance(item, str) and item == APP) or (isinstance(item, bytes) and APP.encode() in item):
                return True
            if id(item) not in seen and (isinstance(item, _CONTAINERS) or id(item) in self._objects):
                seen.add(id(item))
                pending += gc.get_referents(item)
        return False

    def functions(self) -> Counter[tuple[str, str]]:
        """Return the calls by file and name."""
        counts: Counter[tuple[str, str]] = Counter()
        for code, number in list(self.calls.items()):
            path = Path(code.co_filename)
            if not path.is_relative_to(PACKAGE) or code.co_name[0] == "<":
                continue
            counts[str(path.relative_to(PACKAGE)), code.co_qualname] += number
        return counts


def _is_served(frame: FrameType | None) -> bool:
    """Return whether a frame belongs to what answers in place of the network, with all that it calls."""
    while frame is not None and frame.f_code is not InProcess.answer.__code__:
        frame = frame.f_back
    return frame is not None


def profile_call() -> Profile:
    """Return the profile of the last call of a script whose earlier calls have imported and connected everything."""
    profile, answer = Profile(), RequestHandler.answer

    def profiled(self: RequestHandler, kind: str, header: dict[str, Any], blobs: list[bytes]) -> bytes:
        if kind != "call":
            return answer(self, kind, header, blobs)
        profile.begin()
        sys.setprofile(profile.count)
        try:
            return answer(self, kind, header, blobs)
        finally:
            sys.setprofile(None)
            profile.is_on = False

    RequestHandler.answer = profiled  # type: ignore[method-assign]
    threading.setprofile(profile.count)
    try:
        with Session() as session:
            session.execute(SCRIPT)
    finally:
        threading.setprofile(None)
        RequestHandler.answer = answer  # type: ignore[method-assign]
    return profile


def counts(profile: Profile) -> list[tuple[str, int, int]]:
    """Return what is counted of a call: its name, the number, and the maximum."""
    functions = profile.functions()
    return [
        ("files", len({file for file, _ in functions}), MAX_FILES),
        ("functions", len(functions), MAX_FUNCTIONS),
        ("forms", len(profile.forms()), MAX_FORMS),
    ]


class Trace:
    """Count the calls of the package's functions in all threads, also in those that earlier calls have started."""

    def __init__(self) -> None:
        self.calls: Counter[CodeType] = Counter()
        self._is_on = False

    def count(self, frame: FrameType, event: str, _argument: object) -> None:
        """Count a call, for `sys.setprofile`."""
        if self._is_on and event == "call" and frame.f_code.co_filename.startswith(f"{PACKAGE}{os.sep}"):
            self.calls[frame.f_code] += 1

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count inside the block."""
        self._is_on = True
        try:
            yield
        finally:
            self._is_on = False


def cells(prepare: str, cell: str) -> Callable[[], str]:
    """Return a function that runs a cell in an IPython shell and returns what is shown."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell(config=config)
    shell.run_cell(prepare).raise_error()

    def show() -> str:
        output = io.StringIO()
        with redirect_stdout(output):
            shell.run_cell(cell).raise_error()
        return output.getvalue()

    return show


def python() -> Callable[[], str]:
    """Return a call from Python, with the frame that a shell shows."""
    return cells(
        "from kosmo_kernel import heroku\napps = list(heroku.list_apps()['name'])[:3]", "heroku.list_dynos(app_id=apps)"
    )


def cell() -> Callable[[], str]:
    """Return the same call in a cell of Lua."""
    script = "%%kosmo_lua\nreturn heroku.list_dynos({ app_id = { 'courier-app', 'my-app' } })"
    return cells("%load_ext kosmo_kernel", script)


def check() -> Callable[[], str]:
    """Return a line of the shell that runs a check."""
    from kosmo_kernel.cli import outcome

    def show() -> str:
        output, shown = io.StringIO(), sys.stdout
        sys.stdout = output
        try:
            outcome(["check", "crashed-dynos", "--demo"])
        finally:
            sys.stdout = shown
        return output.getvalue()

    return show


def agent() -> Callable[[], str]:
    """Return a call of the tool `lua_run`, by one client in its session."""
    from kosmo_kernel.mcp_server.call_handler import CallHandler
    from kosmo_kernel.mcp_server.sessions import InFlightCall

    handler, code = CallHandler("demo"), "return heroku.list_dynos({ app_id = { 'courier-app' } })"
    return lambda: handler.answer("lua_run", {"code": code}, InFlightCall(lambda _: None)).text


WAYS = {"python": (python, APP), "cell": (cell, APP), "check": (check, "crashed"), "agent": (agent, APP)}


def count_way(name: str) -> Counter[tuple[str, str]]:
    """Return the functions of a way by file and name, from its second call.

    Raises:
        RuntimeError: nothing is counted, or the call shows no records.
    """
    prepare, expected = WAYS[name]
    trace = Trace()
    threading.setprofile(trace.count)
    sys.setprofile(trace.count)
    try:
        show = prepare()
        show()
        with trace.counting():
            text = show()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    if not trace.calls or expected not in text:
        raise RuntimeError(f"the way `{name}` shows nothing that was counted: {text[:200]!r}")
    functions: Counter[tuple[str, str]] = Counter()
    for code, number in trace.calls.items():
        path = str(Path(code.co_filename).relative_to(PACKAGE))
        line = f":{code.co_firstlineno}" if code.co_name[0] == "<" else ""
        functions[path, f"{code.co_qualname}{line}"] += number
    return functions


def print_request(*, is_listed: bool) -> bool:
    """Print the counts of a request of Lua; return whether one is above its aim."""
    profile = profile_call()
    if is_listed:
        for (file, name), number in sorted(profile.functions().items()):
            print(f"{number:4} {file:36} {name}")
        print(" -> ".join(profile.forms()))
    for name, count, maximum in counts(profile):
        print(f"request  {name:10} {count:5,}   <= {maximum}")
    return any(count > maximum for _, count, maximum in counts(profile))


def main() -> int:
    """Print the counts; return 1 if they are above the aims."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ways", nargs="*", default=["request", *WAYS], help="the ways to count; all by default")
    parser.add_argument("--list", action="store_true", help="list the functions and the forms too")
    options = parser.parse_args()
    os.environ.setdefault("KOSMO_DEMO", "1")
    is_above = False
    for way in options.ways:
        if way == "request":
            is_above |= print_request(is_listed=options.list)
            continue
        functions = count_way(way)
        if options.list:
            for (file, name), number in sorted(functions.items()):
                print(f"{number:6} {file:36} {name}")
        found = len({file for file, _ in functions}), len(functions)
        for name, count, maximum in zip(("files", "functions"), found, GOALS[way], strict=True):
            print(f"{way:8} {name:10} {count:5,}   <= {maximum}")
            is_above |= count > maximum
    return int(is_above)


if __name__ == "__main__":
    sys.exit(main())
