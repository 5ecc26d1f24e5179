"""Archives: recorded runs and snapshots, each a SQLite database of this package's own tables.

An archive opens in SQLite tools, Datasette and pandas as it is. Each answer is in it as soon as it has arrived, in a
transaction of its own, so that a run can go on after any end of its process. What was answered is stored once: equal
bodies have one row. An archive has no secrets: they are redacted when an answer arrives, and the run gets what is
stored, so that a replay is the same as the run. Of the headers it has those that the client reads. Instead of a token
it has a keyed hash of it, with which a run that goes on tells whether it is of the same user.

schema.py     the tables, and whether a file has these
file.py       the open file: what may be opened, and what its faults mean
requests.py   what was asked, as it is looked up
accounts.py   whose account was asked
responses.py  what was answered, as it is stored
answers.py    take the answers that an archive has, in their order
runs.py       the runs of an archive, and what a run that goes on says about them
recorder.py   record a run, and go on with one
player.py     answer requests from a recording
playback.py   what players have in common

snapshots.py        add and read the snapshots of an archive
views.py            the views of their lists
snapshot_player.py  answer requests from a snapshot
contents.py         what an archive has, and its lists as files
"""

from kosmo_kernel.archive.snapshots import SavedSnapshot as SavedSnapshot
from kosmo_kernel.archive.snapshots import UnknownListError as UnknownListError
from kosmo_kernel.archive.snapshots import history as history
from kosmo_kernel.archive.snapshots import read as read
