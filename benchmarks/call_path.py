"""The path of one warm Lua call: files, functions and forms of the package from the script's request to its answer.

    python benchmarks/call_path.py [--list]

Counts what Python runs in this process, in all threads, between the two messages of the Lua process. Lambdas and
comprehensions are part of the function that contains them. The demo account answers; what serves it is not counted.

A form is a class of the package that carries the call: an object of it is made during the call, is passed to or
returned by a function, and holds the argument of the call or the records of its answer, directly or in other objects
of the call. What is made for the call and holds neither, such as a permit of the rate limiter, is no form.
"""

from __future__ import annotations

import argparse
import gc
import sys
import threading
from collections import Counter
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


def main() -> int:
    """Print the counts; return 1 if they are above the aims."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="list the functions and the forms too")
    options = parser.parse_args()
    profile = profile_call()
    if options.list:
        for (file, name), number in sorted(profile.functions().items()):
            print(f"{number:4} {file:36} {name}")
        print(" -> ".join(profile.forms()))
    for name, count, maximum in counts(profile):
        print(f"{name:10} {count:4}   <= {maximum}")
    return int(any(count > maximum for _, count, maximum in counts(profile)))


if __name__ == "__main__":
    sys.exit(main())
