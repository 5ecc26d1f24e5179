"""How a command ends, and which variable says that a shell asks for completion: what the shell sees of `kosmo`."""

from __future__ import annotations

COMPLETING = "_KOSMO_COMPLETE"  # set by the script of a shell; click reads it
DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
