"""A failure as the content of an `error` message."""

from __future__ import annotations

import traceback
from typing import Any

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.render.error_lines import COLOURED, MAX_MESSAGE_LENGTH, error_lines


def error_content(error: BaseException) -> dict[str, Any]:
    """Return the content of an `error` message, which is also that of the error reply.

    Any exception other than a `KosmoError` is a bug in this package and is shown with Python's traceback.
    """
    lines = (
        error_lines(error, COLOURED, details=True)
        if isinstance(error, KosmoError)
        else ["The Lua kernel failed; this is a defect of kosmo_kernel.", *traceback.format_exception(error)]
    )
    return {"ename": type(error).__name__, "evalue": str(error)[:MAX_MESSAGE_LENGTH], "traceback": lines}
