"""Give errors a short rendering of their own, which IPython shows in place of Python's traceback."""

from __future__ import annotations

from functools import partial

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.render.error_lines import COLOURED, PLAIN, error_lines, traceback_lines
from kosmo_kernel.safety.markup import Terminal


class RefusedSetting(BaseException):
    """A mistake in a `%config` line, which fails its cell.

    It derives from `BaseException`, because `%config` logs an `Exception` as `ERROR:root:` and goes on as if the
    setting were made.

    Parameters:
        error: the mistake.
        colour: whether to use ANSI colours.
    """

    def __init__(self, error: KosmoError, *, colour: bool) -> None:
        super().__init__(error.message)
        self._render_traceback_ = partial(rendered, error, colour=colour)


def show_shortly(error: KosmoError, *, colour: bool, full: bool = False) -> None:
    """Set the attribute from which IPython takes an error's own rendering, `_render_traceback_`."""
    vars(error)["_render_traceback_"] = partial(rendered, error, colour=colour, full=full)


def rendered(error: KosmoError, *, colour: bool = False, full: bool = False) -> list[Terminal]:
    """Return the lines of an error below a cell; with `full`, the whole error report."""
    lines = error_lines(error, COLOURED if colour else PLAIN)
    if full:
        from kosmo_kernel.notebook.error_report import report_lines

        lines += [*report_lines(error), Terminal(), *traceback_lines(error)]
    return lines
