"""How IPython shows what failed: an error carries its own few lines, in place of Python's traceback."""

from __future__ import annotations

from functools import partial

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.render.error_lines import error_lines


class RefusedSetting(BaseException):
    """A mistake in a `%config` line, which fails its cell.

    It is no `Exception`, because `%config` logs those as `ERROR:root:` and goes on as if the setting were made.

    Parameters:
        error: what is wrong.
        colour: with ANSI colours.
    """

    def __init__(self, error: KosmoError, *, colour: bool) -> None:
        super().__init__(error.message)
        self._render_traceback_ = partial(rendered, error, colour=colour)


def show_shortly(error: KosmoError, *, colour: bool, full: bool = False) -> None:
    """Give an error the method by which IPython asks it for its own rendering."""
    vars(error)["_render_traceback_"] = partial(rendered, error, colour=colour, full=full)


def rendered(error: KosmoError, *, colour: bool = False, full: bool = False) -> list[str]:
    """How an error reads below a cell; in full with all that is known of it."""
    lines = error_lines(error, colour=colour)
    if full:
        from kosmo_kernel.notebook.error_report import report_lines, traceback_lines

        lines += [*report_lines(error), "", *traceback_lines(error)]
    return lines
