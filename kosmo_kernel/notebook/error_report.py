"""All that is known of a failure, for those whom its few lines did not help.

The parts are blocks of plain text: the failure as it was shown, its facts, every call on Lua's stack, and the calls to
services that the run had made. What a script or a service wrote stands in them as it is, so nothing of it is markup.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from typing import Any

from kosmo_kernel.docs import Page
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.render.error_lines import error_lines
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.results.result import CallRecord
from kosmo_kernel.safety.redaction import redact

MUST_ACT = {"you": "you", "service": "the service", "time": "nobody: the same may work in a while"}
MAX_CALLS_SHOWN = 100  # shown of many, the last ones
FACT_MOST = 10_000  # characters of one fact


def report_page(error: KosmoError) -> Page:
    """The report as a page."""
    from kosmo_kernel.docs import Page
    from kosmo_kernel.safety.escape import fenced

    blocks = []
    for title, lines in _parts(error):
        block = fenced("\n".join(lines), "text")
        blocks.append(f"{f'**{title}**{chr(10) * 2}' if title else ''}{block}\n")
    return Page("\n".join(blocks))


def report_lines(error: KosmoError) -> list[str]:
    """What the report has beyond the failure as it is shown anyway, and beyond Python's own traceback."""
    return [
        line
        for title, lines in _parts(error, python=False)
        if title
        for line in ("", f"{title}:", *(f"  {one}" for one in lines))
    ]


def traceback_lines(error: BaseException) -> list[str]:
    """Python's own traceback, without the secrets that a library may have put into a message."""
    return [escape_control(line) for line in redact("".join(traceback.format_exception(error))).splitlines()]


def _parts(error: KosmoError, *, python: bool = True) -> Iterator[tuple[str, list[str]]]:
    """Title and lines of each part; the failure itself has no title."""
    yield "", error_lines(error)
    facts = {"who_must_act": MUST_ACT[error.actor]} | error.facts()
    told = [(name, _said(value)) for name, value in facts.items() if name != "message" and value not in (None, "")]
    yield "Facts", _aligned((name.replace("_", " "), escape_control(value)) for name, value in told)
    if error.stack:
        yield "Lua's calls, innermost first", [escape_control(call) for call in error.stack]
    calls: list[CallRecord] = error.result.calls if error.result is not None else []
    if calls:
        first = len(calls) - MAX_CALLS_SHOWN
        more = [(f"… {first:,} before", *[""] * 5)] if first > 0 else []
        yield "Calls of the run", _aligned([*more, *(map(_row, calls[-MAX_CALLS_SHOWN:]))])
    if python and error.__cause__ is not None:
        yield "Python", traceback_lines(error.__cause__)


def _said(value: Any) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)[:FACT_MOST]


def _row(call: CallRecord) -> tuple[str, ...]:
    """One call, as the columns of a line."""
    rows = "" if call.rows is None else f"{call.rows:,} row{'' if call.rows == 1 else 's'}"
    requests = f"{call.requests:,} request{'' if call.requests == 1 else 's'}" if call.requests else ""
    took = f"{call.duration_ms:,.0f} ms"
    return (call.path.removeprefix("integrations."), call.account, call.status, rows, requests, took)


def _aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows as lines whose columns stand below each other."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    widths[-1] = 0  # nothing stands to the right of it
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
