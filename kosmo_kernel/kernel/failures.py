"""How a failure reads below a cell: its kind, its message, the Lua around the place, and who called whom.

The colours are ANSI's, as IPython uses them: front ends draw errors so, and give them a background of their own
in which these two can still be told from the text. What matters is said in words and places as well.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from kosmo_kernel.errors import ApiError, KosmoError
from kosmo_kernel.render.error_lines import MAX_MESSAGE_LENGTH, error_lines
from kosmo_kernel.render.text import escape_control

INNERMOST, OUTERMOST = 8, 3  # calls shown of a deep stack

_RED, _GREEN, _BOLD, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"
_ARROW = "----> "


def error_content(error: BaseException) -> dict[str, Any]:
    """The content of an `error` message, and of the reply that goes with it.

    Anything but a `KosmoError` is a defect of this package, and is shown as Python shows it.
    """
    lines = (
        list(_told(error))
        if isinstance(error, KosmoError)
        else ["The Lua kernel failed; this is a defect of kosmo_kernel.", *traceback.format_exception(error)]
    )
    return {"ename": type(error).__name__, "evalue": str(error)[:MAX_MESSAGE_LENGTH], "traceback": lines}


def _told(error: KosmoError) -> Iterator[str]:
    """The lines of a failure that this package knows."""
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
        yield from _calls(error.stack)


def _calls(stack: Sequence[str]) -> Iterator[str]:
    """The calls that led to a failure, innermost first: of a recursion one, of many the two ends."""
    runs = [(call, len(list(same))) for call, same in groupby(stack)]
    left_out = len(runs) - INNERMOST - OUTERMOST
    for place, (call, times) in enumerate(runs):
        if left_out > 1 and INNERMOST <= place < INNERMOST + left_out:
            if place == INNERMOST:
                yield f"      … {left_out} more calls …"
            continue
        yield f"      {escape_control(call)}{f', {times} times' if times > 1 else ''}"
