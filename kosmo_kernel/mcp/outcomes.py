"""Error messages for failures of MCP servers: which server, what happened, and its last output.

Text from a server is shown with secrets redacted and terminal control sequences removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from signal import Signals

from kosmo_kernel.errors import (
    ApiError,
    BadAnswerError,
    KosmoError,
    RefusedError,
    SettingsError,
    UnreachableError,
)
from kosmo_kernel.mcp import child
from kosmo_kernel.mcp.entries import Server
from kosmo_kernel.mcp.errors import ClosedError, MalformedError, McpError, ServerRejectedError, ServerTimeoutError
from kosmo_kernel.mcp.trust import command_line
from kosmo_kernel.safety.redaction import one_line

MAX_LINE_LENGTH = 300  # characters of a line of a server's output
MAX_MESSAGE_LENGTH = 2_000  # characters of a server's error message
INTERNAL = -32603  # JSON-RPC: internal error
LOGIN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def not_started(server: Server, error: OSError, command: str, secrets: Iterable[str]) -> SettingsError:
    """Return the error for a server whose program cannot be started.

    Parameters:
        server: the server's entry.
        error: the error of the operating system.
        command: the program.
        secrets: texts to redact.
    """
    program = one_line(command, secrets, MAX_LINE_LENGTH)
    if isinstance(error, FileNotFoundError) and error.filename is not None and str(error.filename) != command:
        why = f"there is no folder {one_line(str(error.filename), secrets, MAX_LINE_LENGTH)}"
    elif isinstance(error, FileNotFoundError):
        why = f"there is no program `{program}` on the path"
    else:
        why = f"`{program}`: {error.strerror or error}"
    return SettingsError(f"The MCP server `{server.name}` cannot be started: {why}. It is configured in {server.path}.")


def error_from(
    server: Server,
    wrong: McpError,
    *,
    doing: str,
    function: str = "",
    secrets: Iterable[str] = (),
    complaints: Iterable[str] = (),
    noise: Iterable[str] = (),
    exit_code: int | None = None,
    stray: str = "",
) -> KosmoError:
    """Return the error to raise for a failure of the connection to a server.

    Parameters:
        server: the server's entry.
        wrong: the failure.
        doing: the operation that failed, for the message: `at its start`.
        function: the full name of the tool that was called; empty if none.
        secrets: texts to redact.
        complaints: the last lines of its standard error.
        noise: the last lines of its standard output that are not messages.
        exit_code: its exit code if it ended during startup; otherwise None.
        stray: the id of a response that matches no request.
    """
    secrets = tuple(secrets)
    who = f"The MCP server `{server.name}`"
    kind: type[ApiError] = UnreachableError
    status = None
    match wrong:
        case ServerRejectedError():
            kind, status, what = _rejection(wrong, server, who, doing, secrets)
        case ServerTimeoutError():
            what = f"{who} did not answer {doing} within {server.timeout:g} s"
            what += f"; it answered something else, numbered {stray}" if stray else ""
            what += f". `timeout` in {server.path} gives it more time." if not stray else "."
        case MalformedError():
            kind, what = (
                BadAnswerError,
                f"{who} answered wrongly {doing}: {one_line(str(wrong), secrets, MAX_LINE_LENGTH)}.",
            )
        case ClosedError(too_long=True):
            kind, what = (
                BadAnswerError,
                f"{who} sent a message of more than {child.MAX_MESSAGE_BYTES >> 20} MiB {doing}, and was ended.",
            )
        case ClosedError(why=why) if why or server.kind == "http":
            what = f"{who} cannot be reached {doing}" + (
                f": {one_line(why, secrets, MAX_LINE_LENGTH)}." if why else "."
            )
        case _:
            kind, what = BadAnswerError, f"{who} {_ended(exit_code)} {doing}{_exit_status(exit_code)}."
    if not isinstance(wrong, ServerRejectedError):
        output = _lines("It last wrote on standard error:", complaints, secrets)
        output += _lines("On standard output it printed what is no message:", noise, secrets)
        what += output
        if exit_code is not None:
            what += "" if output else " It printed nothing."
            what += f"\nRun it by itself to see more: {command_line(server)}\nIts entry is in {server.path}."
    return kind(what, status=status, function=function)


def _rejection(
    wrong: ServerRejectedError, server: Server, who: str, doing: str, secrets: tuple[str, ...]
) -> tuple[type[ApiError], int | None, str]:
    message = one_line(wrong.message, secrets, MAX_MESSAGE_LENGTH)
    if wrong.status in LOGIN:
        return RefusedError, wrong.status, f"{who} wants other credentials: HTTP {wrong.status}. {_headers(server)}"
    if wrong.status == HTTPStatus.NOT_FOUND:
        return RefusedError, wrong.status, f"{who} is not at its address: HTTP 404. `url` is in {server.path}."
    if wrong.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return BadAnswerError, wrong.status, f"{who} broke {doing}: HTTP {wrong.status}."
    kind: type[ApiError] = BadAnswerError if wrong.code == INTERNAL else RefusedError
    return kind, wrong.status or None, f"{who} answered with an error {doing}: {message}"


def _ended(exit_code: int | None) -> str:
    """Describe how a program ended; a negative exit code is the signal that ended it."""
    return "ended" if exit_code is None or exit_code >= 0 else f"was ended by {_signal(-exit_code)}"


def _exit_status(exit_code: int | None) -> str:
    return f" with status {exit_code}" if exit_code is not None and exit_code >= 0 else ""


def _signal(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"


def _headers(server: Server) -> str:
    return f'They go into `headers` of its entry in {server.path}, as `"Authorization": "Bearer ${{secret:NAME}}"`.'


def _lines(title: str, lines: Iterable[str], secrets: tuple[str, ...]) -> str:
    shown = [one_line(line, secrets, MAX_LINE_LENGTH) for line in lines]
    return "".join(["\n", title, *(f"\n  {line}" for line in shown)]) if shown else ""
