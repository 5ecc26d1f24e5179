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
from kosmo_kernel.inventory.service import kinds
from kosmo_kernel.questions.question import Question
from kosmo_kernel.run.options import RunOptions
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records


@dataclass(frozen=True, slots=True)
class InventoryTable:
    """A table with its rows."""

    kind: Question
    rows: Sequence[Mapping[str, Any]]


def make_tables(
    services: ListServices, now: datetime, names: Sequence[str] = (), **parameters: Any
) -> list[InventoryTable]:
    """Return the tables that can be made of what was read.

    Parameters:
        services: have the lists; they are closed.
        now: the time of the data.
        names: the tables; all when empty.
        parameters: values of parameters that all of these have.
    """
    made = []
    with closing(services), Session(DEMO, shared=services) as session:
        for kind in kinds(names):
            if any(map(services.has, kind.needs)):
                inputs = {"arguments": {"errors": "collect", **parameters}}
                options = RunOptions(name=kind.name, now=now, force=True, inputs=inputs)
                rows = session.execute(f"return {kind.service}.tables.{kind.name}(arguments)", options).value
                made.append(InventoryTable(kind, rows.rows if isinstance(rows, Records) else ()))
    return made
