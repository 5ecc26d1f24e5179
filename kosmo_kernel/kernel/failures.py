"""Format a failure for the output of a cell: its type, its message, the Lua source around it, and the stack.

Front ends interpret the ANSI colours in a traceback and draw errors on a background of their own; red and green stay
readable on it. No information depends on colour alone.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from kosmo_kernel.errors import ApiError, KosmoError
from kosmo_kernel.render.error_lines import MAX_MESSAGE_LENGTH, error_lines
from kosmo_kernel.render.text import escape_control

INNERMOST, OUTERMOST = 8, 3  # how many calls of a deep stack are shown at each end

_RED, _GREEN, _BOLD, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"
_ARROW = "----> "


def error_content(error: BaseException) -> dict[str, Any]:
    """Return the content of an `error` message, which is also that of the error reply.

    Any exception other than a `KosmoError` is a bug in this package and is shown with Python's traceback.
    """
    lines = (
        list(_coloured_lines(error))
        if isinstance(error, KosmoError)
        else ["The Lua kernel failed; this is a defect of kosmo_kernel.", *traceback.format_exception(error)]
    )
    return {"ename": type(error).__name__, "evalue": str(error)[:MAX_MESSAGE_LENGTH], "traceback": lines}


def _coloured_lines(error: KosmoError) -> Iterator[str]:
    """Yield the lines for an error of this package."""
    kind = type(error).__name__
    first, *others = error_lines(error)
    yield f"{_RED}{kind}{_PLAIN}{first.removeprefix(kind)}"
    for line in others:
        if line.startswith(_ARROW):
            number, _, code = line.removeprefix(_ARROW).partition(" ")
            yield f"{_GREEN}{_ARROW}{number}{_PLAIN} {_BOLD}{code}{_PLAIN}"
        else:
            yield line
    if isinstance(error, ApiError) and error.request_id and error.request_id not in error.message:
        yield f"Request id: {escape_control(error.request_id)}"
    if error.stack:
        yield "stack traceback:"
        yield from _stack_lines(error.stack)


def _stack_lines(stack: Sequence[str]) -> Iterator[str]:
    """Yield the stack, innermost call first; collapse recursion, and the middle of a deep stack."""
    runs = [(call, len(list(same))) for call, same in groupby(stack)]
    left_out = len(runs) - INNERMOST - OUTERMOST
    for index, (call, times) in enumerate(runs):
        if left_out > 1 and INNERMOST <= index < INNERMOST + left_out:
            if index == INNERMOST:
                yield f"      … {left_out} more calls …"
            continue
        yield f"      {escape_control(call)}{f', {times} times' if times > 1 else ''}"
