"""Exit codes of `kosmo`, and the environment variable with which a shell requests completions."""

from __future__ import annotations

COMPLETION_VARIABLE = "_KOSMO_COMPLETE"  # set by the completion script of the shell, read by click
SUCCESS, FAILED, USAGE_ERROR, INTERRUPTED = 0, 1, 2, 130
CLOSED = 141  # the reader of standard output or standard error closed it: what a shell reports for SIGPIPE
