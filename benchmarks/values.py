"""Records into Lua by `-i` and back by `-o`, as a frame, against JSON that is written, read, and made a frame.

    python benchmarks/values.py [ROUNDS]

What the rival does is the least that a way through another process has to do. Ours goes through one: in to stay as
it is, to be looked at, to be filtered, and to be changed in every record. A table put into every record takes Lua to
read and write all of the JSON, and has no goal. Rounds of both in turn, by the clock on the wall, since there are two
processes; medians.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pandas as pd
from frames import COLUMNS, dynos

from kosmo_kernel.render.frames import KosmoFrame, frame_of
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.values.records import Records

COUNT = 10_000
SOURCES = {
    "as it is": "",
    "two fields looked at": "up = 0 for _, d in ipairs(x) do if d.state == 'up' and d.name then up = up + 1 end end",
    "filtered": "local up = {} for _, d in ipairs(x) do if d.state == 'up' then up[#up + 1] = d end end x = up",
    "each changed": "for _, d in ipairs(x) do d.state = 'x' end",
    "each with a table": "for _, d in ipairs(x) do d.state = { 'x' } end",
}
MOST = 2.0  # times the rival, for all but the last


def by_json(rows: list[dict[str, Any]]) -> KosmoFrame:
    return frame_of(Records(json.loads(json.dumps(rows)), None, COLUMNS))


def through_lua(session: Session, value: Any, source: str) -> KosmoFrame:
    return frame_of(session.execute(source, Options(inputs={"x": value}, outputs=["x"])).outputs["x"])


def milliseconds(work: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    rows = msgspec.json.decode(dynos(COUNT))
    frame = pd.DataFrame(frame_of(Records(rows, None, COLUMNS)))
    with Session("demo") as session:
        session.run("")
        print(f"{COUNT:,} dynos, in and out {'ms':>24} {'json ms':>8} {'ratio':>6}")
        for what, value in (("dicts", rows), ("frame", frame)):
            for way, source in SOURCES.items():
                pairs = [
                    (milliseconds(lambda: through_lua(session, value, source)), milliseconds(lambda: by_json(rows)))
                    for _ in range(rounds)
                ]
                ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
                ratio = statistics.median(a / b for a, b in pairs)
                print(f"{what}, {way:<36} {ours:>8.1f} {theirs:>8.1f} {ratio:>6.2f}")
                assert ratio <= MOST or way == "each with a table", f"more than {MOST} times as long"


if __name__ == "__main__":
    main()
