"""An app's formation: its process types, and how many dynos of each are meant to run.

It follows from the dynos: as many as there are of a type, whatever state they are in. One-off dynos (`run`, and what
the scheduler starts) belong to no process type. A type that is scaled to nothing has no dyno that could tell
of it, so the story tells of it itself.

The record is Heroku's `formation` (schema of 19 February 2026).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kosmo_kernel.demo.models import App, Process, Record, reference

_ONE_OFF = ("run", "scheduler")


def formation(app: App, dynos: Iterable[Record], at_rest: Sequence[Process]) -> list[Record]:
    """The process types of an app, in the order of their first dynos.

    Parameters:
        app: whose they are.
        dynos: the records of its dynos.
        at_rest: the types that have none.
    """
    found = {process.type: _record(app, process.type, process.size, process.command, 0) for process in at_rest}
    for dyno in dynos:
        if dyno["type"] not in _ONE_OFF:
            before = found.get(dyno["type"])
            count = before["quantity"] if before else 0
            found[dyno["type"]] = _record(app, dyno["type"], dyno["size"], dyno["command"], count + 1)
    return list(found.values())


def _record(app: App, kind: str, size: str, command: str, quantity: int) -> Record:
    return {
        "app": {"name": app.name, "id": app.id},
        "command": command,
        "created_at": app.created,
        "dyno_size": reference("dyno-size", size),
        "id": app.process_id(kind),
        "quantity": quantity,
        "size": size,
        "type": kind,
        "updated_at": app.released or app.created,
    }
