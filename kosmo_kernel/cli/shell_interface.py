"""Exit codes of `kosmo`, and the environment variable with which a shell requests completions."""

from __future__ import annotations

COMPLETING = "_KOSMO_COMPLETE"  # set by the completion script of the shell, read by click
DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
