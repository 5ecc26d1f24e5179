"""End the traceback of an error in a notebook at the line of the user."""

from __future__ import annotations

import sys
from typing import Any

from kosmo_kernel.errors import KosmoError


def ipython_shell() -> Any:
    """Return the running IPython shell, or None. IPython is not imported."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module else None


def hide_own_frames(error: KosmoError) -> None:
    """Have IPython end the traceback of an error at the line that made the call, without the lines of this package."""
    if not (shell := ipython_shell()):
        return

    def render() -> list[str]:
        outer = trace = error.__traceback__
        while trace is not None:
            if not str(trace.tb_frame.f_globals.get("__name__")).startswith("kosmo_kernel."):
                outer = trace
            trace = trace.tb_next
        if outer is not None:
            outer.tb_next = None
        lines: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
        return lines

    vars(error)["_render_traceback_"] = render
