"""A call of an MCP server's tool through Lua against the same through the SDK alone, one by one and many at once.

    python benchmarks/mcp_tools.py [ROUNDS]

The server is `mcp-server-time`, which no one here wrote, one process for each side; both sides are warm. Each round
runs both sides in turn and is short, so that what else the machine does hits both; ratios are medians of the rounds'
ratios, and after them stand the quartiles. What both sides and their servers took of the processors is added up over
all rounds: that is what a call costs where others wait for the processors as well. The SDK alone is one `mcp.Client`
in an event loop, with its calls one after the other, and all of them at once by `asyncio.gather`; Lua has a loop of
calls, and `parallel.map` with as many at a time as it does by itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import psutil
from mcp import Client, StdioServerParameters

from kosmo_kernel.session import Session

CALLS, ROW = 100, 50  # at once, and one after the other in a round
ONE_MOST, MANY_MOST = 1.5, 1.2  # times what the SDK alone takes
SERVER = str(Path(sys.executable).with_name("mcp-server-time"))
ZONE = {"timezone": "Etc/UTC"}
ONE = f'for i = 1, {ROW} do app.mcp.time.get_current_time{{ timezone = "Etc/UTC" }} end return {ROW}'
MANY = f"""
local items = {{}}
for i = 1, {CALLS} do items[i] = i end
return #parallel.map(items, function() return app.mcp.time.get_current_time{{ timezone = "Etc/UTC" }} end)
"""


def seconds(work: Callable[[], object], processes: Sequence[psutil.Process]) -> tuple[float, float]:
    """Return what something takes by the wall clock and of the processors, in all processes together."""
    used, started = _used(processes), time.perf_counter()
    work()
    return time.perf_counter() - started, _used(processes) - used


def _used(processes: Sequence[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


class Alone:
    """The SDK without us: a task that holds its client, in a loop that stands still between two measurements."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._leave = asyncio.Event()
        ready: asyncio.Future[Client] = self.loop.create_future()
        self._holder = self.loop.create_task(self._hold(ready))
        self.client = self.loop.run_until_complete(ready)

    async def _hold(self, ready: asyncio.Future[Client]) -> None:
        async with Client(StdioServerParameters(command=SERVER)) as client:
            await client.list_tools()
            ready.set_result(client)
            await self._leave.wait()

    async def _ask(self) -> None:
        found = await self.client.call_tool("get_current_time", ZONE)
        assert found.structured_content

    async def _one_by_one(self) -> None:
        for _ in range(ROW):
            await self._ask()

    async def _together(self) -> None:
        await asyncio.gather(*(self._ask() for _ in range(CALLS)))

    def one(self) -> None:
        """Make calls one after the other."""
        self.loop.run_until_complete(self._one_by_one())

    def many(self) -> None:
        """Make all calls at once."""
        self.loop.run_until_complete(self._together())

    def close(self) -> None:
        """End the server."""
        self._leave.set()
        self.loop.run_until_complete(self._holder)
        self.loop.close()


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(HOME=home, KOSMO_CONFIG_DIR=home)
        settings = Path(home, ".kosmo", "mcp.json")
        settings.parent.mkdir()
        settings.write_text(json.dumps({"mcpServers": {"time": {"command": SERVER}}}), encoding="utf-8")
        alone = Alone()
        with Session("demo") as lua:
            ways: dict[str, tuple[Callable[[], object], Callable[[], object], float, int]] = {
                "one by one": (alone.one, partial(lua.run, ONE), ONE_MOST, ROW),
                f"{CALLS} at once": (alone.many, partial(lua.run, MANY), MANY_MOST, CALLS),
            }
            for sdk, ours, _, _ in ways.values():
                sdk()
                ours()
            me = psutil.Process()
            processes = (me, *me.children(recursive=True))
            for name, (sdk, ours, most, calls) in ways.items():
                pairs = [(seconds(sdk, processes), seconds(ours, processes)) for _ in range(rounds)]
                low, ratio, high = statistics.quantiles((mine[0] / theirs[0] for theirs, mine in pairs), n=4)
                theirs, mine = (statistics.median(one[0] for one in side) for side in zip(*pairs, strict=True))
                cost = sum(mine[1] for _, mine in pairs) / sum(theirs[1] for theirs, _ in pairs)
                verdict = "kept" if ratio <= most else "MISSED"
                print(
                    f"{name:12} SDK alone {theirs * 1000 / calls:6.2f} ms, through Lua {mine * 1000 / calls:6.2f} ms a "
                    f"call: {ratio:.2f}x ({low:.2f} to {high:.2f}; at most {most}x: {verdict}), "
                    f"of the processors {cost:.2f}x"
                )
        alone.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
