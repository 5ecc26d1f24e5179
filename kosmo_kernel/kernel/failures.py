"""A failure as the content of an `error` message."""

from __future__ import annotations

from typing import TypedDict

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.render.error_lines import COLOURED, MAX_MESSAGE_LENGTH, error_lines, traceback_lines
from kosmo_kernel.safety.markup import Terminal
from kosmo_kernel.safety.redaction import redact_error


class ErrorContent(TypedDict):
    """The content of an `error` message of Jupyter's protocol."""

    ename: str
    evalue: Terminal
    traceback: list[Terminal]


def error_content(error: BaseException) -> ErrorContent:
    """Return the content of an `error` message, which is also that of the error reply.

    Any exception other than a `KosmoError` is a bug in this package and is shown with Python's traceback.
    """
    if isinstance(error, KosmoError):
        message, lines = error.message, error_lines(error, COLOURED, details=True)
    else:
        message = redact_error(str(error))
        lines = [Terminal("The Lua kernel failed; this is a defect of kosmo_kernel."), *traceback_lines(error)]
    shown = Terminal.escape(message[:MAX_MESSAGE_LENGTH])
    return {"ename": type(error).__name__, "evalue": shown, "traceback": lines}
