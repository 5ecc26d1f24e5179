"""The tables of an inventory: which there are, and their rows, which the Lua of each makes of lists that were read.

A table whose lists could not be read is left out, since an empty one would be an answer. Cells that need such a list
are missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kosmo_kernel.accounts import DEMO
from kosmo_kernel.inventory.list_services import ListServices
from kosmo_kernel.questions.tables import SharedTable, find_table
from kosmo_kernel.run.options import RunOptions
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

SERVICE = "heroku"
BILL = "bill"
NAMES = (
    *("apps", "formation", BILL, "dyno_sizes", "buildpacks", "addons", "addon_attachments", "domains", "certificates"),
    *(
        "config_vars",
        "drains",
        "webhooks",
        "pipelines",
        "pipeline_stages",
        "review_apps",
        "teams",
        "team_members",
        "people",
    ),
    *("access", "spaces", "space_access"),
)
BOUNDS = {
    "apps": "apps_at_least",
    "apps_managed": "apps_at_least",
}  # the columns that say of others that they are bounds


@dataclass(frozen=True, slots=True)
class InventoryTable:
    """A table with its rows."""

    kind: SharedTable
    rows: Sequence[Mapping[str, Any]]


def kinds(names: Sequence[str] = NAMES) -> list[SharedTable]:
    """Return the tables of an inventory, in the order of its page, or some of them."""
    return [find_table(SERVICE, name) for name in names]


def make_tables(
    services: ListServices, now: datetime, names: Sequence[str] = NAMES, **parameters: Any
) -> list[InventoryTable]:
    """Return the tables that can be made of what was read.

    Parameters:
        services: have the lists; they are closed.
        now: the time of the data.
        names: the tables.
        parameters: values of parameters that all of these have.
    """
    made = []
    with closing(services), Session(DEMO, shared=services) as session:
        for kind in kinds(names):
            if any(map(services.has, kind.needs)):
                inputs = {"arguments": {"errors": "collect", **parameters}}
                options = RunOptions(name=kind.name, now=now, force=True, inputs=inputs)
                rows = session.execute(f"return {SERVICE}.tables.{kind.name}(arguments)", options).value
                made.append(InventoryTable(kind, rows.rows if isinstance(rows, Records) else ()))
    return made
