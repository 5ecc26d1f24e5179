"""Lay out an error as lines of text: its class and message, the Lua around the failing line, and its details.

Every front end shows these lines in a style of its own. Control characters are escaped, because messages quote text
from services and scripts. In a notebook, the traceback of an error ends at the line of the user.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from types import TracebackType
from typing import NamedTuple

from kosmo_kernel.errors import ApiError, KosmoError
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.safety.markup import Terminal
from kosmo_kernel.safety.redaction import redact_error
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.text import lazy_pattern

MAX_MESSAGE_LENGTH = 100_000  # characters of a message to show
INNERMOST, OUTERMOST = 8, 3  # how many calls of a deep stack are shown at each end

_BLANK_LINE = lazy_pattern(r"\s*\d+\s*")  # an empty line of an excerpt, with its number
_ARROW = "----> "  # before the failing line's number
_IS_SHORT = "_is_short_traceback"  # the attribute of errors that Python shows without lines of this package


class ErrorStyle(NamedTuple):
    """The formats of the parts that stand out.

    Front ends interpret ANSI styles; no information depends on them alone.
    """

    kind: Terminal = Terminal("{}")  # of the error's class
    marked: Terminal = Terminal("{} {}")  # of the failing line: its number with an arrow, and its text


PLAIN = ErrorStyle()
COLOURED = ErrorStyle(Terminal("\x1b[31m{}\x1b[0m"), Terminal("\x1b[32m{}\x1b[0m \x1b[1m{}\x1b[0m"))


def error_lines(error: KosmoError, style: ErrorStyle = PLAIN, *, details: bool = False) -> list[Terminal]:
    """Return the lines to show for an error.

    Parameters:
        error: the error.
        style: how its class and the failing line stand out.
        details: add the id of the request, and the stack.
    """
    message = shortened(error.message, MAX_MESSAGE_LENGTH)
    lines = Terminal("{}: {}").format(style.kind.format(type(error).__name__), message).lines()
    lines += [_marked(line, style) if line.startswith(_ARROW) else line for line in _excerpt(error)]
    if details:
        if isinstance(error, ApiError) and error.request_id and not error.message_has_request_id:
            lines.append(Terminal("Request id: {}").format(escape_control(error.request_id)))
        lines += [Terminal("stack traceback:"), *_stack_lines(error.stack)] if error.stack else []
    return lines


def traceback_lines(error: BaseException) -> list[Terminal]:
    """Return the lines of Python's traceback with secrets redacted, which a library may have put into a message."""
    lines = redact_error("".join(traceback.format_exception(error))).splitlines()
    return [Terminal.escape(escape_control(line)) for line in lines]


def _excerpt(error: KosmoError) -> list[Terminal]:
    """Return the lines of the excerpt, without empty ones at its ends."""
    lines = Terminal.escape(error.excerpt).lines() if error.excerpt else []
    texts = [index for index, line in enumerate(lines) if not _BLANK_LINE.fullmatch(line)]
    return lines[texts[0] : texts[-1] + 1] if texts else []


def _marked(line: Terminal, style: ErrorStyle) -> Terminal:
    number, _, code = line.removeprefix(_ARROW).partition(" ")
    return style.marked.format(_ARROW + number, code)


def _stack_lines(stack: Sequence[str]) -> Iterator[Terminal]:
    """Yield the stack, innermost call first; collapse recursion, and the middle of a deep stack."""
    runs = [(call, len(list(same))) for call, same in groupby(stack)]
    left_out = len(runs) - INNERMOST - OUTERMOST
    for index, (call, times) in enumerate(runs):
        if left_out > 1 and INNERMOST <= index < INNERMOST + left_out:
            if index == INNERMOST:
                yield Terminal("      … {} more calls …").format(left_out)
            continue
        line = Terminal("      {}, {} times" if times > 1 else "      {}")
        yield line.format(escape_control(call), times)


def hide_own_frames(error: Exception) -> None:
    """Have Python, IPython and pytest end the traceback of an error at the line that made the call.

    The lines of this package below it are left out. Python shows an error with `sys.excepthook`: the one that is there
    still shows it, and all other errors.
    """
    from kosmo_kernel.pages.design import ipython_shell

    if shell := ipython_shell():

        def render() -> list[str]:
            trace = _end_at_caller(error.__traceback__)
            lines: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, trace)
            return lines

        vars(error)["_render_traceback_"] = render
        return
    vars(error)[_IS_SHORT] = True
    if not isinstance(sys.excepthook, partial) or sys.excepthook.func is not _show_uncaught:
        sys.excepthook = partial(_show_uncaught, sys.excepthook)


def _show_uncaught(
    show: Callable[[type[BaseException], BaseException, TracebackType | None], object],
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
) -> None:
    """Show an error that nothing has caught, without the lines of this package if it was raised for users."""
    show(kind, error, _end_at_caller(trace) if _IS_SHORT in vars(error) else trace)


def _end_at_caller(trace: TracebackType | None) -> TracebackType | None:
    """Cut a traceback behind the last line outside of this package, and return it."""
    outer = part = trace
    while part is not None:
        if not str(part.tb_frame.f_globals.get("__name__")).startswith("kosmo_kernel."):
            outer = part
        part = part.tb_next
    if outer is not None:
        outer.tb_next = None
    return trace
