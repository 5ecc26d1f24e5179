"""Run Lua or make a call in a session, with the options and callbacks as keywords."""

from collections.abc import Callable, Mapping
from typing import Any

from kosmo_kernel.calls.output import Frontend
from kosmo_kernel.results import Result
from kosmo_kernel.session import Session
from kosmo_kernel.settings.cell_options import Options


def run_with(session: Session, source: str, **keywords: Any) -> Result:
    """Run a chunk; keywords that begin with `on_` are callbacks of the frontend, all others options of the run."""
    return session.execute(source, *_split(keywords))


def call_with(
    session: Session,
    function: str,
    arguments: Mapping[str, Any],
    *,
    is_cancelled: Callable[[], bool] = lambda: False,
    **keywords: Any,
) -> Result:
    """Call a function; the keywords are as for `run_with`."""
    return session.call(function, arguments, *_split(keywords), is_cancelled=is_cancelled)


def _split(keywords: Mapping[str, Any]) -> tuple[Options, Frontend]:
    callbacks = {name.removeprefix("on_"): value for name, value in keywords.items() if name.startswith("on_")}
    options = {name: value for name, value in keywords.items() if not name.startswith("on_")}
    return Options(**options), Frontend(**callbacks)
