"""The calls for each app of the demo, against those of an earlier commit of this package, in processor time.

    python benchmarks/fan_out.py [ROUNDS] [--against COMMIT] [--check]

The earlier commit is taken from the repository into a temporary folder. Both trees make the same calls for the same
demo account, which answers in the same process, in turn and each in a process of its own: by `parallel.map` with three
calls in its function, and by three calls with the list of apps in place of a name. Ratios
are medians of the rounds' own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

from goals import Goals, processor_seconds

ROOT = Path(__file__).parent.parent
COMMIT = "19b48a3"
GOAL = 0.95  # times the earlier commit
RUNS = 15
GET_APPS = "heroku = app.integrations.heroku.demo apps = heroku.list_apps() return #apps"
MAP = """
local rows = parallel.map(apps, function(one)
  return {
    #heroku.list_dynos({ app_id = one.name }),
    #heroku.list_collaborators({ app_id = one.name }),
    #heroku.list_domains({ app_id = one.name }),
  }
end, { limit = 32 })
local count = 0
for _, row in ipairs(rows) do count = count + row[1] + row[2] + row[3] end
return count"""
LISTS = """
return #heroku.list_dynos({ app_id = apps }) + #heroku.list_collaborators({ app_id = apps })
  + #heroku.list_domains({ app_id = apps })"""
SCRIPTS = {"parallel.map": MAP, "lists of apps": LISTS}


def measure() -> None:
    """Print the processor time of each script in the tree that Python imports."""
    from kosmo_kernel.session import Session

    figures: dict[str, float] = {}
    with Session("demo") as session:
        session.run(GET_APPS)
        assert session.pid
        for name, script in SCRIPTS.items():
            seconds = []
            for _ in range(RUNS):
                begun = processor_seconds(session.pid)
                session.execute(script)
                seconds.append(processor_seconds(session.pid) - begun)
            figures[name] = statistics.median(seconds)
    print(json.dumps(figures))


def measured(tree: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure"]
    output = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(tree)}, capture_output=True, check=True)
    figures: dict[str, float] = json.loads(output.stdout)
    return figures


def main() -> int:
    """Measure both trees; return 1 with `--check` if the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", nargs="?", type=int, default=7)
    parser.add_argument("--against", default=COMMIT, metavar="COMMIT", help="the earlier commit")
    goals = Goals(parser)
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            [shutil.which("git") or "git", "-C", str(ROOT), "archive", goals.options.against, "kosmo_kernel"],
            capture_output=True,
            check=True,
        )
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as tree:
            tree.extractall(folder, filter="data")
        pairs = [(measured(ROOT), measured(Path(folder))) for _ in range(goals.options.rounds)]
    for name in SCRIPTS:
        own, earlier = (statistics.median(pair[side][name] for pair in pairs) * 1e3 for side in (0, 1))
        ratio = statistics.median(pair[0][name] / pair[1][name] for pair in pairs)
        print(f"{name:14} {own:6.1f} ms, {earlier:6.1f} ms then: {goals.judge(name, ratio, GOAL)}")
    return goals.end()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure()
    else:
        sys.exit(main())
