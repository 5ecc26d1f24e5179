"""`python -m kosmo_kernel.integrations.heroku SCHEMA`: write the table of facts, and print what a newer schema changes.

SCHEMA is the file that `https://api.heroku.com/schema` serves. With `--check` nothing is written, and the exit code is
1 if the table would change. Functions follow the table by themselves; lines with `!` say where an entry is needed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kosmo_kernel.integrations.heroku import facts, schema
from kosmo_kernel.integrations.heroku.derived import entry_of
from kosmo_kernel.integrations.heroku.facts import is_guarded, mark
from kosmo_kernel.integrations.heroku.schema import Table

_USAGE = "usage: python -m kosmo_kernel.integrations.heroku SCHEMA [--check]"


def main(arguments: Sequence[str]) -> int:
    """Run the program, and return its exit code."""
    files = [argument for argument in arguments if argument != "--check"]
    if len(files) != 1 or files[0].startswith("-"):
        sys.stderr.write(f"{_USAGE}\n")
        return 2
    try:
        new = read(json.loads(Path(files[0]).read_text(encoding="utf-8")))
        old = json.loads(facts.FILE.read_text(encoding="utf-8")) if facts.FILE.exists() else read(NOTHING)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{files[0]}: {error}\n")
        return 2
    changes = list(differences(old, new))
    sys.stdout.writelines(f"{line}\n" for line in (*changes, *_wanted_entries(old, new)))
    resources = {link["subject"] for link in new["functions"]} | new["records"].keys()
    counts = f"{len(new['functions'])} links of {len(resources)} resources"
    if "--check" in arguments:
        sys.stdout.write(f"{counts}, {len(changes)} changes, nothing written\n")
        return int(bool(changes))
    facts.FILE.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{counts}, {len(changes)} changes, written to {facts.FILE}\n")
    return 0


def read(content: Mapping[str, Any]) -> Table:
    """Return the table of facts of a schema.

    Raises:
        ValueError: it is no schema of Heroku's.
    """
    return schema.read(content, mark, is_guarded)


def differences(old: Table, new: Table) -> Iterator[str]:
    """Yield a line for each fact that a newer table adds, drops or changes, in the order of the names."""
    before, after = _flat(old), _flat(new)
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"+ {name}: {after[name]}"
        elif name not in after:
            yield f"- {name}: {before[name]}"
        elif before[name] != after[name]:
            yield f"~ {name}: {before[name]} -> {after[name]}"


def _flat(table: Table) -> dict[str, str]:
    lines = {f"{name} guarded": "only known fields go further" for name in table["guarded"]}
    for link in table["functions"]:
        params = [param for param in link.get("params", ()) if "ways" in param]
        lines |= {f"parameter {param['name']}": " or ".join(param["ways"]) for param in params}
        lines[f"{link['subject']} link {link['path']}"] = _link_text(link)
    for name, fields in table["records"].items():
        lines |= {f"{name} field {field}": line for field, line in fields.items()}
    return lines


def _link_text(link: Mapping[str, Any]) -> str:
    query = [param["name"] for param in link.get("params", ()) if "sent" in param]
    parts = {"returns": link["returns"], "of": link["record"] if link["record"] != link["subject"] else ""}
    parts |= {"order": ", ".join(link.get("order", ())), "query": ", ".join(query), "in": link.get("stability", "")}
    return " ".join(f"{key} {value}" for key, value in parts.items() if value)


def _wanted_entries(old: Table, new: Table) -> Iterator[str]:
    """Yield a line for each new link that belongs to no function, and for each function that lost its last link."""
    before, after = ({link.path: entry_of(link) for link in facts.Facts(table).links} for table in (old, new))
    yield from (f"! {path} has no function" for path in sorted(after.keys() - before.keys()) if after[path] is None)
    linked, still_linked = ({entry.name for entry in entries.values() if entry} for entries in (before, after))
    yield from (f"! {name} has no link any more" for name in sorted(linked - still_linked))


NOTHING: dict[str, dict[str, str]] = {"definitions": {}}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
