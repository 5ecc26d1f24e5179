"""The formation of an app: its process types, and how many dynos of each should run.

It is derived from the dynos: as many as there are of a type, in any state. One-off dynos (`run`, and those that the
scheduler starts) belong to no process type. A type that is scaled to zero has no dynos, so the company's data lists it
explicitly.

The record is Heroku's `formation` (schema of 19 February 2026).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kosmo_kernel.demo.models import App, Process, Record, ident, reference

_ONE_OFF = ("run", "scheduler")


def formation(app: App, dynos: Iterable[Record], at_rest: Sequence[Process]) -> list[Record]:
    """Return the process types of an app: those without dynos, then the others in the order of their first dynos.

    Parameters:
        dynos: the records of its dynos.
        at_rest: the types that have no dynos.
    """
    by_type = {process.type: _record(app, process.type, process.size, process.command, 0) for process in at_rest}
    for dyno in dynos:
        if dyno["type"] not in _ONE_OFF:
            previous = by_type.get(dyno["type"])
            count = previous["quantity"] if previous else 0
            by_type[dyno["type"]] = _record(app, dyno["type"], dyno["size"], dyno["command"], count + 1)
    return list(by_type.values())


def _record(app: App, kind: str, size: str, command: str, quantity: int) -> Record:
    return {
        "app": {"name": app.name, "id": app.id},
        "command": command,
        "created_at": app.created,
        "dyno_size": reference("dyno-size", size),
        "id": ident("formation", f"{app.name}/{kind}"),
        "quantity": quantity,
        "size": size,
        "type": kind,
        "updated_at": app.released or app.created,
    }
