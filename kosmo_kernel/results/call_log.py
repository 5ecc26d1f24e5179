"""What was asked, a line for each run, in a file that `KOSMO_CALL_LOG` names.

A notebook runs in processes of its own, and whoever started it wants to know what it cost: the file is where they
meet. It is JSON lines, one for each run that made a call, and each line is written at once, so several notebooks
may share a file. It has counts and names only: no arguments, no answers, no tokens.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kosmo_kernel.errors import SettingsError
from kosmo_kernel.results.result import Result

VARIABLE = "KOSMO_CALL_LOG"


def log_file(env: Mapping[str, str] | None = None) -> str | None:
    """The file that runs are noted in, or None.

    Raises:
        SettingsError: nothing can be written there. Nobody should learn after a run that it was not noted.
    """
    path = (os.environ if env is None else env).get(VARIABLE)
    if not path:
        return None
    try:
        os.close(_open(path))
    except OSError as error:
        raise SettingsError(
            f"{VARIABLE} names a file that cannot be written: {error.strerror}. Nothing was run."
        ) from None
    return path


def log(path: str, name: str, result: Result) -> None:
    """Note what a run asked for; a run that asked for nothing leaves no line.

    Parameters:
        path: what `log_file` gave.
        name: of the chunk.
        result: of the run; what it gave is not lost where nothing can be written any more, and its notes say so.
    """
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for call in result.calls:
        empty = {"path": call.path, "account": call.account, "calls": 0, "failed": 0, "rows": 0, "requests": 0}
        group = groups.setdefault((call.path, call.account), empty)
        group["calls"] += 1
        group["failed"] += call.status != "ok"
        group["rows"] += call.rows or 0
        group["requests"] += call.requests
    if not groups:
        return

    started = result.started.strftime("%Y-%m-%dT%H:%M:%SZ") if result.started else None
    line = {"time": started, "name": name, "seconds": round(result.seconds, 3), "calls": list(groups.values())}
    try:
        descriptor = _open(path)
        try:
            os.write(descriptor, f"{json.dumps(line)}\n".encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        result.notes.append(f"This run is not in the file that {VARIABLE} names: {error.strerror}.")


def logged(path: Path) -> list[dict[str, Any]]:
    """The lines of a log: `time`, `name`, `seconds`, and `calls` with what was asked of whom."""
    return [line for line in _lines(path) if line is not None]


def torn(path: Path) -> int:
    """How many lines of a log are not whole: a disk was full, or a process ended in the middle of one."""
    return _lines(path).count(None)


def totals(lines: Iterable[dict[str, Any]]) -> tuple[list[str], int, int]:
    """What lines of a log come to: the accounts that were asked, the calls, the requests."""
    calls = [call for line in lines for call in line["calls"]]
    accounts = list(dict.fromkeys(call["account"] for call in calls))
    return accounts, sum(call["calls"] for call in calls), sum(call["requests"] for call in calls)


def accounts_used(lines: Iterable[dict[str, Any]]) -> dict[tuple[str, str], None]:
    """Which accounts were asked, each as the service and its alias, first those that were asked first."""
    calls = [call for line in lines for call in line["calls"]]
    return {(call["path"].removeprefix("integrations.").partition(".")[0], call["account"]): None for call in calls}


def _lines(path: Path) -> list[dict[str, Any] | None]:
    found: list[dict[str, Any] | None] = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            found.append(None)
    return found


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
