"""The call log: a line of JSON for each run that made a call, in the file that `KOSMO_CALL_LOG` names.

A notebook runs in child processes, and the process that started it reads their costs from this file. Each line is
written at once, so several notebooks can share a file. It has only counts and names: no arguments, no answers, no
tokens.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.results.result import Result
from kosmo_kernel.settings.table import CALL_LOG
from kosmo_kernel.text import iso_time, parse_time

if TYPE_CHECKING:
    from kosmo_kernel.archive.runs import EarlierAnswers


def log_file() -> str | None:
    """Return the path of the call log, or None if there is none.

    Raises:
        SettingsError: the file cannot be written. The check comes before the run, so that no run is left out.
    """
    path: str | None = CALL_LOG.from_env()
    if not path:
        return None
    try:
        os.close(_open(path))
    except OSError as error:
        raise SettingsError(
            f"{CALL_LOG.variable} names a file that cannot be written: {error.strerror}. Nothing was run."
        ) from None
    return path


def log(path: str, name: str, result: Result, taken_over: Mapping[str, Any]) -> None:
    """Append a line about a run to the call log; a run without calls has no line.

    Parameters:
        path: the path from `log_file`.
        name: the name of the chunk.
        result: the result of the run; if the file cannot be written, a note is added to it.
        taken_over: `taken_over` with what this process has taken over from earlier runs so far; empty for nothing.
    """
    counts = result.call_counts()
    if not counts:
        return
    started = iso_time(result.started) if result.started else None
    line = {"time": started, "name": name, "seconds": round(result.seconds, 3), "calls": counts}
    if taken_over:
        line |= {"process": os.getpid(), **taken_over}
    try:
        descriptor = _open(path)
        try:
            os.write(descriptor, f"{json.dumps(line)}\n".encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        result.notes.append(f"This run is not in the file that {CALL_LOG.variable} names: {error.strerror}.")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log: `time`, `name`, `seconds`, and `calls` with counts by function and account.

    A line of a process that took answers over from earlier runs has `process` and `taken_over`, too.
    """
    return [line for line in _lines(path) if line is not None]


def count_incomplete_lines(path: Path) -> int:
    """Return the number of incomplete lines of a log, after a full disk or a killed process."""
    return _lines(path).count(None)


def totals(lines: Iterable[dict[str, Any]]) -> tuple[list[str], int, int]:
    """Return the accounts in some lines of a log, and the total numbers of calls and of requests."""
    calls = [call for line in lines for call in line["calls"]]
    accounts = list(dict.fromkeys(call["account"] for call in calls))
    return accounts, sum(call["calls"] for call in calls), sum(call["requests"] for call in calls)


def answers_taken_over(lines: Iterable[dict[str, Any]]) -> EarlierAnswers | None:
    """Return what the processes that wrote some lines took over from earlier runs, or None for nothing."""
    from kosmo_kernel.archive.runs import EarlierAnswers

    by_process = {line["process"]: line["taken_over"] for line in lines if "taken_over" in line}  # the last line counts
    if not by_process:
        return None
    oldest = min(entry["oldest"] for entry in by_process.values())
    return EarlierAnswers(sum(entry["answers"] for entry in by_process.values()), parse_time(oldest))


def accounts_used(lines: Iterable[dict[str, Any]]) -> dict[tuple[str, str], None]:
    """Return the accounts in some lines of a log as pairs of service and alias, in the order of their first use."""
    calls = [call for line in lines for call in line["calls"]]
    return {(call["path"].removeprefix("integrations.").partition(".")[0], call["account"]): None for call in calls}


def _lines(path: Path) -> list[dict[str, Any] | None]:
    lines: list[dict[str, Any] | None] = []
    for line in path.read_bytes().splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            lines.append(None)
    return lines


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
