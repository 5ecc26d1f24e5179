"""The path of one warm Lua call: the files and functions of the package from the script's request to its answer.

    python benchmarks/call_path.py [--list]

Counts what Python runs in this process, in all threads, between the two messages of the Lua process. Lambdas and
comprehensions are part of the function that contains them. The demo account answers; what serves it is not counted.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from kosmo_kernel import Session
from kosmo_kernel.client.connections import InProcess
from kosmo_kernel.lua.request_handler import RequestHandler
from kosmo_kernel.run.options import RunOptions

PACKAGE = Path(__file__).parent.parent / "kosmo_kernel"
SCRIPT = """
local heroku, count = app.integrations.heroku.demo, 0
for call = 1, 3 do
  count = count + #heroku.list_dynos({ app_id = "courier-app" })
end
return count
"""
MAX_FILES, MAX_FUNCTIONS = 22, 90


class Profile:
    """Count the calls of the package's functions while a request of the Lua process is answered."""

    def __init__(self) -> None:
        self.calls: Counter[CodeType] = Counter()
        self.is_on = False  # the pool's threads outlive the call

    def count(self, frame: FrameType, event: str, _argument: object) -> None:
        """Count a call; for `sys.setprofile`."""
        if event == "call" and self.is_on and not _is_served(frame):
            self.calls[frame.f_code] += 1

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
    while frame is not None and frame.f_code is not InProcess.handle_request.__code__:
        frame = frame.f_back
    return frame is not None


def profile_call() -> Profile:
    """Return the profile of the last call of a script whose earlier calls have imported and connected everything."""
    profile, answer = Profile(), RequestHandler.answer

    def profiled(self: RequestHandler, kind: str, header: dict[str, Any], blobs: list[bytes]) -> bytes:
        if kind != "call":
            return answer(self, kind, header, blobs)
        profile.calls.clear()
        profile.is_on = True
        sys.setprofile(profile.count)
        try:
            return answer(self, kind, header, blobs)
        finally:
            sys.setprofile(None)
            profile.is_on = False

    RequestHandler.answer = profiled  # type: ignore[method-assign]
    threading.setprofile(profile.count)
    with Session() as session:
        session.execute(SCRIPT, RunOptions(fresh=True))
    threading.setprofile(None)
    return profile


def main() -> int:
    """Print the counts; return 1 if they are above the aims."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="list the functions too")
    options = parser.parse_args()
    functions = profile_call().functions()
    files = {file for file, _ in functions}
    if options.list:
        for (file, name), number in sorted(functions.items()):
            print(f"{number:4} {file:36} {name}")
    print(f"files      {len(files):4}   <= {MAX_FILES}")
    print(f"functions  {len(functions):4}   <= {MAX_FUNCTIONS}   ({functions.total()} calls)")
    return 1 if len(files) > MAX_FILES or len(functions) > MAX_FUNCTIONS else 0


if __name__ == "__main__":
    sys.exit(main())
