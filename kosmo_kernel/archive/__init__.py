"""Archives: recorded runs and snapshots, each a SQLite database of this package's own tables.

An archive opens in SQLite tools, Datasette and pandas as it is. Each answer is in it as soon as it has arrived, in a
transaction of its own, so that a run can go on after any end of its process. What was answered is stored once: equal
bodies have one row. An archive has no secrets: they are redacted when an answer arrives, and the run gets what is
stored, so that a replay is the same as the run. Of the headers it has those that the client reads. Instead of a token
it has a keyed hash of it, with which a run that goes on tells whether it is of the same user.

store.py      what a session was answered, kept so that questions ask for each list once
file.py       the file: who may have written it, its tables, and how processes share it
runs.py       the runs, the keys of their requests, and whose accounts they asked
answers.py    what was answered, as it is stored, and each answer in its turn
recorder.py   record a run, and go on with one
player.py     answer requests from a recording or a snapshot
snapshots.py  add and read snapshots
views.py      the views of their lists, for SQL
owner.py      whose an archive is
contents.py   what an archive has, and its lists as files
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kosmo_kernel.archive.snapshots import SavedSnapshot as SavedSnapshot
    from kosmo_kernel.archive.snapshots import UnknownListError as UnknownListError
    from kosmo_kernel.archive.snapshots import history as history


def __getattr__(name: str) -> Any:
    """Import what reads snapshots when it is used: most sessions keep answers in memory, and need no SQLite."""
    if name == "read":
        raise AttributeError("There is no `archive.read`. `heroku.from_archive(FILE)` answers from an archive.")
    if name not in ("SavedSnapshot", "UnknownListError", "history"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from kosmo_kernel.archive import snapshots

    return getattr(snapshots, name)
