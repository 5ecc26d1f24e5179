"""Response bytes to frame, against the best that can be written by hand for one fixed shape; and showing it.

    python benchmarks/frames.py [ROUNDS] [--check]

The rival knows the columns of a dyno and trusts every answer to have them. A frame of ours takes any
answer: it looks for fields nobody declared, for missing ones and for values of another type. Each round
runs both, in turn, the garbage collector paused; the figures are medians of processor time, which other work on
the machine disturbs least, and the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pandas as pd
from goals import Goals

from kosmo_kernel.catalogue import Column
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.integrations.heroku.demo.generated import app
from kosmo_kernel.render.frames import KosmoFrame, frame_of
from kosmo_kernel.safety.decoder import collector_paused, decode
from kosmo_kernel.settings.table import ROWS
from kosmo_kernel.values.records import Records

GOALS = {10: 1.2, 1_000: 1.1, 10_000: 1.05, 100_000: 1.05}  # times by hand, by the number of dynos
SHOWN_MOST, SIZE_MOST = 30, 80  # milliseconds and kilobytes of 5,000 dynos on a page

COLUMNS = (
    Column("name", "Type and number."),
    Column("type", "The process type."),
    Column("state", "What it does."),
    Column("size", "The dyno's size."),
    Column("command", "What it runs."),
    Column("app.id", "The app's identifier."),
    Column("app.name", "The app."),
    Column("release.id", "The release's identifier."),
    Column("release.version", "The release.", kind="integer"),
    Column("created_at", "When it started.", kind="timestamp"),
    Column("updated_at", "When its state changed.", kind="timestamp"),
    Column("attach_url", "Where to attach.", nullable=True),
    Column("id", "The dyno's identifier."),
)


def dynos(count: int) -> bytes:
    """Return an answer with this many dynos, always the same."""
    chance = random.Random(1)

    def identifier() -> str:
        return str(UUID(int=chance.getrandbits(128), version=4))

    apps = [{"id": identifier(), "name": f"app-{number}"} for number in range(max(count // 5, 1))]
    commands = {"web": "bundle exec puma -C config/puma.rb", "worker": "bundle exec sidekiq -q default -q mailers"}
    rows = []
    for number in range(count):
        kind = chance.choice(("web", "worker"))
        started = f"2026-11-{chance.randint(1, 30):02}T{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:00Z"
        rows.append(
            {
                "attach_url": None,
                "command": commands[kind],
                "created_at": started,
                "id": identifier(),
                "name": f"{kind}.{number % 9 + 1}",
                "release": {"id": identifier(), "version": chance.randint(1, 400)},
                "app": chance.choice(apps),
                "size": "Standard-1X",
                "state": chance.choice(("up", "up", "up", "idle", "crashed")),
                "type": kind,
                "updated_at": started,
            }
        )
    return msgspec.json.encode(rows)


def apps(count: int) -> KosmoFrame:
    """Return what `list_apps` gives for so many apps: the widest frame, whose text alone is more than the aim."""
    return frame_of(Records([app(number, 1).record() for number in range(count)], HEROKU.function("list_apps")))


def others() -> Iterator[tuple[str, KosmoFrame]]:
    """Yield what the other lists of a company with 1,500 apps are, by what they are lists of."""
    one = company(1_500)
    found = [one.resources_of(app) for app in one.apps]
    for name in ("addons", "collaborators", "domains"):
        rows = [row for belongings in found for row in getattr(belongings, name)]
        yield name, frame_of(Records(rows, HEROKU.function(f"list_{name}")))


def ours(body: bytes) -> KosmoFrame:
    return frame_of(Records(decode(body), None, COLUMNS))


def by_hand(body: bytes) -> pd.DataFrame:
    """Return the same columns with the same types, written for dynos alone."""
    with collector_paused():
        rows = msgspec.json.decode(body)
        count = len(rows)
        text = pd.StringDtype(na_value=np.nan)
        apps, releases = list(map(itemgetter("app"), rows)), list(map(itemgetter("release"), rows))

        def texts(objects: list[dict[str, Any]], key: str) -> Any:
            return pd.array(np.fromiter(map(itemgetter(key), objects), object, count), dtype=text, copy=False)

        def times(key: str) -> Any:
            joined = "".join(map(itemgetter(key), rows)).encode()
            local = np.frombuffer(joined, [("time", "S19"), ("zone", "S1")])["time"]
            return pd.array(local.astype("M8[us]"), dtype=pd.DatetimeTZDtype("us", "UTC"), copy=False)

        versions = np.fromiter(map(itemgetter("version"), releases), np.int64, count)
        return pd.DataFrame(
            {
                "name": texts(rows, "name"),
                "type": texts(rows, "type"),
                "state": texts(rows, "state"),
                "size": texts(rows, "size"),
                "command": texts(rows, "command"),
                "app.id": texts(apps, "id"),
                "app.name": texts(apps, "name"),
                "release.id": texts(releases, "id"),
                "release.version": pd.arrays.IntegerArray(versions, np.zeros(count, np.bool_)),
                "created_at": times("created_at"),
                "updated_at": times("updated_at"),
                "attach_url": texts(rows, "attach_url"),
                "id": texts(rows, "id"),
            },
            copy=False,
        )


def usual(body: bytes) -> pd.DataFrame:
    """Return what most people write."""
    return pd.json_normalize(msgspec.json.decode(body))


def milliseconds(work: Callable[[bytes], object], body: bytes, repeats: int) -> float:
    gc.collect()
    start = time.process_time()
    for _ in range(repeats):
        work(body)
    return (time.process_time() - start) * 1000 / repeats


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", nargs="?", type=int, default=11)
    goals = Goals(parser)
    rounds = goals.options.rounds
    print(f"{'dynos':>8} {'ours ms':>9} {'by hand ms':>11} {'json_normalize':>15}   ratio")
    for count, repeats in ((10, 200), (1_000, 10), (10_000, 1), (100_000, 1)):
        body = dynos(count)
        pd.testing.assert_frame_equal(pd.DataFrame(ours(body)), by_hand(body))
        taken: dict[Callable[[bytes], object], list[float]] = {ours: [], by_hand: [], usual: []}
        for _ in range(rounds if count < 100_000 else 3):
            for work, times in taken.items():
                times.append(milliseconds(work, body, repeats))
        ratio = statistics.median(a / b for a, b in zip(taken[ours], taken[by_hand], strict=True))
        median = {work: statistics.median(times) for work, times in taken.items()}
        print(
            f"{count:>8,} {median[ours]:>9.2f} {median[by_hand]:>11.2f} {median[usual] / median[by_hand]:>14.2f}x   "
            f"{goals.judge(f'{count:,} dynos', ratio, GOALS[count])}"
        )
    frame = ours(dynos(5_000))
    shown = statistics.median(milliseconds(lambda _: frame._repr_html_(), b"", 1) for _ in range(rounds))
    text = statistics.median(milliseconds(lambda _: repr(frame), b"", 1) for _ in range(rounds))
    size = len(frame._repr_html_().encode()) / 1000
    print(f"a frame of 5,000 dynos shown: {shown:.1f} ms, {size:.0f} kB of HTML")
    assert shown <= SHOWN_MOST, f"more than {SHOWN_MOST} ms"
    assert size <= SIZE_MOST, f"more than {SIZE_MOST} kB"
    print(f"as text: {text:.1f} ms, {len(repr(frame).encode()) / 1000:.0f} kB")
    for name, wide in (("apps", apps(5_000)), *others()):
        shown = statistics.median(milliseconds(lambda _: wide._repr_html_(), b"", 1) for _ in range(rounds))
        size = len(wide._repr_html_().encode()) / 1000
        letters = sum(map(len, wide.head(ROWS.default).to_csv(index=False).splitlines())) / 1000
        what = f"{len(wide):,} {name} ({wide.shape[1]} columns)"
        print(f"of {what}: {shown:.1f} ms, {size:.0f} kB of HTML for {letters:.0f} kB of CSV")
        assert shown <= SHOWN_MOST, f"more than {SHOWN_MOST} ms"
    return goals.end()


if __name__ == "__main__":
    sys.exit(main())
