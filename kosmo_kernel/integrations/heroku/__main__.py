"""`python -m kosmo_kernel.integrations.heroku SCHEMA`: write the table of facts, and print what a newer schema changes.

SCHEMA is the file that `https://api.heroku.com/schema` serves. With `--check` nothing is written, and the exit code is
1 if the table would change.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from kosmo_kernel.integrations.heroku import facts, schema

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
    sys.stdout.writelines(f"{line}\n" for line in changes)
    counts = f"{sum(len(one['links']) for one in new['resources'].values())} links of {len(new['resources'])} resources"
    if "--check" in arguments:
        sys.stdout.write(f"{counts}, {len(changes)} changes, nothing written\n")
        return int(bool(changes))
    facts.FILE.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{counts}, {len(changes)} changes, written to {facts.FILE}\n")
    return 0


NOTHING: dict[str, dict[str, str]] = {"definitions": {}}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
