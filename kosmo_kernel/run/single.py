"""One call of a function without any Lua: checked, made, counted and noted as a script's call is.

No process is started for it. The call goes through `Asking`, so accounts, permissions, retries, the request budget,
dry runs and progress are those of a run.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from kosmo_kernel.call_log import log, log_file
from kosmo_kernel.errors import KosmoError, StoppedError
from kosmo_kernel.lua.host import CallRequest
from kosmo_kernel.result import Result
from kosmo_kernel.run.asking import BLOCKING, SERVERS, Asking
from kosmo_kernel.run.leave import Leave
from kosmo_kernel.run.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kosmo_kernel.progress import Snapshot
    from kosmo_kernel.session import Session

TURN = 0.1  # seconds between two looks at how far the call is


def single_call(
    session: Session,
    function: str,
    arguments: Mapping[str, Any],
    *,
    dry_run: bool = False,
    force: bool = False,
    on_ask: Callable[[str], str | None] | None = None,
    on_output: Callable[[str, str], None] | None = None,
    on_progress: Callable[[Snapshot], None] | None = None,
    account: str | None = None,
    gone: Callable[[], bool] = lambda: False,
) -> Result:
    """Call one function, or one tool of an MCP server.

    Parameters:
        session: whose accounts and connections are used; its Lua process is not started.
        function: by its full name, `heroku.list_dynos` or `mcp.github.search_issues`.
        arguments: by name, as Lua would give them.
        dry_run: check the call, note what it would ask in `planned`, and ask nothing.
        force: as `Session.run` has it.
        on_ask: likewise.
        on_output: called with `stderr` and a text for people while the call is made.
        on_progress: as `Session.run` has it.
        account: whose account; the session's when None.
        gone: whether nobody waits any more; asked a few times a second.

    Returns:
        The function's value in `values`, and with `errors = "collect"` the list of what could not be read behind it.

    Raises:
        StoppedError: Ctrl-C, or nobody waits any more.
        KosmoError: what a script's call would have failed with; with what had been noted before in its `result`.
    """
    noted = log_file()
    result = Result(account=account or session.account, started=datetime.now(UTC))
    session.last = result
    sends = not (dry_run or session.servers.replays)
    leave = Leave(result, on_ask or _nobody, force=force, sends=sends)
    tools = partial(session.servers.tools, dry_run=dry_run)
    asking = Asking(session.caller, result, leave, on_progress, tools=tools, dry_run=dry_run)
    run = Run(asking, partial(_secrets, session, function), result, on_output, None)
    started = time.perf_counter()
    try:
        try:
            result.values = _answer(run, CallRequest(function, None, dict(arguments), [], None), gone)
        finally:
            run.end(started)
            if noted:
                log(noted, function, result)
    except KeyboardInterrupt:
        error: KosmoError = StoppedError("Interrupted.")
        error.result = result
        raise error from None
    except KosmoError as failed:
        failed.message = run.clean(failed.message)
        failed.result = result
        raise
    return result


def _nobody(_question: str) -> None:
    """There is nobody to ask."""


def _secrets(session: Session, function: str) -> tuple[str, ...]:
    """What no text may show. A tool needs no client of ours, which would bring the HTTP library."""
    tokens = () if function.startswith(f"{SERVERS}.") else session.caller().tokens()
    return (*tokens, *session.servers.secrets())


def _answer(run: Run, request: CallRequest, gone: Callable[[], bool]) -> list[Any]:
    """Make the call and wait for what it gives."""
    run.prepare(request).begin(BLOCKING)
    while not gone():
        for _, found in run.answers(TURN):
            if isinstance(found, KosmoError):
                raise found
            return found
    raise StoppedError("Interrupted.")
