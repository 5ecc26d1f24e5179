"""`python -m kosmo_kernel.integrations.heroku SCHEMA`: write the table of facts, and print what a newer schema changes.

SCHEMA is the file that `https://api.heroku.com/schema` serves. With `--check` nothing is written, and the exit code is
1 if the table would change. Functions follow the table by themselves; lines with `!` say where an entry is needed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from kosmo_kernel.catalogue.documents.hyper_schema import Table
from kosmo_kernel.integrations.heroku import facts, links, schema

_USAGE = "usage: python -m kosmo_kernel.integrations.heroku SCHEMA [--check]"


def main(arguments: Sequence[str]) -> int:
    """Run the program, and return its exit code."""
    files = [argument for argument in arguments if argument != "--check"]
    if len(files) != 1 or files[0].startswith("-"):
        sys.stderr.write(f"{_USAGE}\n")
        return 2
    try:
        new = schema.read(json.loads(Path(files[0]).read_text(encoding="utf-8")))
        old = json.loads(facts.FILE.read_text(encoding="utf-8")) if facts.FILE.exists() else schema.read(NOTHING)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{files[0]}: {error}\n")
        return 2
    changes = list(schema.differences(old, new))
    sys.stdout.writelines(f"{line}\n" for line in (*changes, *_wanted_entries(old, new)))
    counts = f"{sum(len(one['links']) for one in new['resources'].values())} links of {len(new['resources'])} resources"
    if "--check" in arguments:
        sys.stdout.write(f"{counts}, {len(changes)} changes, nothing written\n")
        return int(bool(changes))
    facts.FILE.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{counts}, {len(changes)} changes, written to {facts.FILE}\n")
    return 0


def _wanted_entries(old: Table, new: Table) -> Iterator[str]:
    """Yield a line for each new link that belongs to no function, and for each function that lost its last link."""
    before, after = ({link.path: links.entry_of(link) for link in facts.Facts(one).links} for one in (old, new))
    yield from (f"! {path} has no function" for path in sorted(after.keys() - before.keys()) if after[path] is None)
    lost, left = ({entry.name for entry in one.values() if entry} for one in (before, after))
    yield from (f"! {name} has no link any more" for name in sorted(lost - left))


NOTHING: dict[str, dict[str, str]] = {"definitions": {}}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
