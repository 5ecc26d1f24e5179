"""The full report of a failure, for when the short error output is not enough.

It consists of blocks of plain text: the error as it was shown, its attributes, the whole Lua stack, and the API calls
of the run. Text from scripts and services is quoted in fenced blocks, so that none of it is interpreted as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.pages.page import Page
from kosmo_kernel.render.error_lines import error_lines, traceback_lines
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.results.result import CallRecord
from kosmo_kernel.safety.escape import fenced
from kosmo_kernel.safety.markup import Markdown, Terminal
from kosmo_kernel.text.quantities import counted

MUST_ACT = {"you": "you", "service": "the service", "time": "nobody: the same may work in a while"}
MAX_CALLS_SHOWN = 100  # only the last calls are shown
MAX_FACT_LENGTH = 10_000  # the longest value of an attribute, in characters


def report_page(error: KosmoError) -> Page:
    """Return the report as a page."""
    blocks = []
    for title, lines in _parts(error):
        block = fenced("\n".join(lines), "text")
        blocks.append((Markdown("**{}**\n\n{}\n") if title else Markdown("{1}\n")).format(title, block))
    return Page(Markdown("\n").join(blocks))


def report_lines(error: KosmoError) -> list[Terminal]:
    """Return the lines of the report without the error as it was shown and without Python's traceback."""
    return [
        line
        for title, lines in _parts(error, python=False)
        if title
        for line in (Terminal(), Terminal("{}:").format(title), *(Terminal("  {}").format(text) for text in lines))
    ]


def _parts(error: KosmoError, *, python: bool = True) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the title and lines of each part; the error itself has no title."""
    yield "", error_lines(error)
    facts = {"who_must_act": MUST_ACT[error.actor]} | error.facts()
    rows = [(name, _text(value)) for name, value in facts.items() if name != "message" and value not in (None, "")]
    yield "Facts", _align((name.replace("_", " "), escape_control(value)) for name, value in rows)
    if error.stack:
        yield "Lua's calls, innermost first", [escape_control(call) for call in error.stack]
    calls: list[CallRecord] = error.result.calls if error.result is not None else []
    if calls:
        first = len(calls) - MAX_CALLS_SHOWN
        more = [(f"… {first:,} before", *[""] * 5)] if first > 0 else []
        yield "Calls of the run", _align([*more, *(map(_row, calls[-MAX_CALLS_SHOWN:]))])
    if python and error.__cause__ is not None:
        yield "Python", traceback_lines(error.__cause__)


def _text(value: Any) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)[:MAX_FACT_LENGTH]


def _row(call: CallRecord) -> tuple[str, ...]:
    """Return the columns for a call."""
    rows = "" if call.rows is None else counted(call.rows, "row")
    requests = counted(call.requests, "request") if call.requests else ""
    duration = f"{call.duration_ms:,.0f} ms"
    return (call.path.removeprefix("integrations."), call.account, call.status, rows, requests, duration)


def _align(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return a line for each row, with aligned columns."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    widths[-1] = 0  # the last column needs no padding
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
