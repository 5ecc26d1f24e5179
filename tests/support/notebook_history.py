"""The archive that the costs notebook draws: six nights of the demo company, whose last one is the company of today.

    python tests/support/notebook_history.py

writes `notebooks/larkmoor-history.kosmo` anew, the same each time: what came later than a night is left out of it, and
the numbers of dynos are those of `NIGHTS`.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from repository import NOTEBOOKS

from kosmo_kernel.archive.snapshots import Manifest, SavedList, add, add_figures
from kosmo_kernel.session import Session
from kosmo_kernel.snapshot.lists import redacted
from kosmo_kernel.values.records import Records

FILE = NOTEBOOKS / "larkmoor-history.kosmo"
NIGHTS: dict[str, dict[tuple[str, str], int]] = {  # the numbers of dynos that were others than today
    "2026-10-16": {("booking-api", "worker"): 1, ("night-sorter", "sorter"): 2},
    "2026-10-23": {("booking-api", "worker"): 1},
    "2026-10-30": {("booking-api", "worker"): 1, ("label-printer", "web"): 3},
    "2026-11-06": {("parcel-tracker", "web"): 6},
    "2026-11-13": {("parcel-tracker", "web"): 5, ("courier-app", "web"): 3},
    "2026-11-20": {},
}
LISTS = {  # by name: the arguments that each is read with
    "apps": "",
    "dynos": "{ app_id = apps }",
    "formation": "{ app_id = apps }",
    "collaborators": "{ app_id = apps }",
    "account_addons": "",
    "addon_attachments": "",
    "dyno_sizes": "",
    "spaces": "",
    "pipelines": "",
    "pipeline_couplings": "",
}
TEAM_ACCOUNT = "@herokumanager.com"
CENTS = "return list.sum_by(heroku.tables.costs(), function(row) return row.cents or 0 end)"
CHANGING = {"apps", "collaborators", "account_addons"}  # lists whose things came at `created_at`
ONE_OFF = {"run", "scheduler"}

Rows = list[dict[str, Any]]


def write_history(file: Path, account: str = "demo") -> Path:
    """Write the archive, and return its path.

    Parameters:
        file: the archive, which does not exist.
        account: the alias of the account that it says it is of.
    """
    with Session("demo") as session:
        session.run("apps = heroku.list_apps()")
        lists = {name: session.run(f"return heroku.list_{name}({by})").value for name, by in LISTS.items()}
    for day, numbers in NIGHTS.items():
        _add_night(
            file,
            account,
            f"{day}T06:00:00Z",
            {name: _of_night(name, one.rows, day, numbers) for name, one in lists.items()},
            lists,
        )
    return file


def _of_night(name: str, rows: Any, day: str, numbers: Mapping[tuple[str, str], int]) -> Rows:
    """Return the records of a list as they were in a night."""
    night = f"{day}T06:00:00Z"
    records = [copy.deepcopy(dict(row)) for row in rows if name not in CHANGING or row["created_at"] <= night]
    match name:
        case "formation":
            for process in records:
                process["quantity"] = numbers.get((process["app"]["name"], process["type"]), process["quantity"])
        case "dynos":
            return list(_dynos(records, night, numbers))
    return records


def _dynos(dynos: Rows, night: str, numbers: Mapping[tuple[str, str], int]) -> Iterator[dict[str, Any]]:
    """Yield as many dynos of each process as there were: the first ones of today, and others like the last of these."""
    for key, of_process in groupby(dynos, key=lambda dyno: (dyno["app"]["name"], dyno["type"])):
        today = [dyno for dyno in of_process if dyno["type"] not in ONE_OFF or dyno["created_at"] <= night]
        number = numbers.get(key, len(today))
        yield from today[:number]
        for place in range(len(today) + 1, number + 1):
            name = f"{key[1]}.{place}"
            yield today[-1] | {"id": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.{key[0]}")), "name": name}


def _add_night(file: Path, account: str, night: str, rows: Mapping[str, Rows], lists: Mapping[str, Records]) -> None:
    """Add the snapshot of a night with its figures."""
    emails = {*map(itemgetter("email"), map(itemgetter("owner"), rows["apps"]))}
    emails |= {seat["user"]["email"] for seat in rows["collaborators"]}
    figures = {
        "apps": len(rows["apps"]),
        "dynos": len(rows["dynos"]),
        "people": sum(not email.endswith(TEAM_ACCOUNT) for email in emails),
    }
    manifest = Manifest(
        integration="heroku",
        account=account,
        begun=night,
        ended=night.replace(":00Z", ":04Z"),
        complete=True,
        requests=sum(len(rows["apps"]) if by else 1 for by in LISTS.values()),
        tables={
            name: SavedList(f"heroku.list_{name}", len(rows[name]), ["app_id"] if by else [])
            for name, by in LISTS.items()
        },
        failures=[],
        left_out=[],
        kosmo_kernel="0.1.0",
        figures=figures,
    )
    records = {name: redacted(Records(rows[name], one.function, one.columns), str) for name, one in lists.items()}
    add(file, manifest, records, replaces=False)
    with Session(from_archive=file) as session:
        add_figures(file, {"cents": round(session.run(CENTS).value)})


if __name__ == "__main__":
    FILE.unlink(missing_ok=True)
    write_history(FILE)
