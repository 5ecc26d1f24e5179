"""Failures of a connection to an MCP server, and the errors that users see for them.

`sdk.py` raises an `McpError`. `connection.py` adds what is known of the request, and `public_error` returns an error of
`kosmo_kernel.errors`: which server failed, what happened, and what the server printed last. Text from a server is shown
with secrets redacted and terminal control sequences removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from signal import Signals

from kosmo_kernel.errors import ApiError, BadAnswerError, RefusedError, SettingsError, UnreachableError
from kosmo_kernel.mcp.child import MAX_MESSAGE_BYTES, MAX_MESSAGE_VALUES
from kosmo_kernel.mcp.config import Server
from kosmo_kernel.mcp.trust import command_line
from kosmo_kernel.safety.redaction import one_line

MAX_LINE_LENGTH = 300  # characters of a line of a server's output
MAX_MESSAGE_LENGTH = 2_000  # characters of a server's error message
INTERNAL = -32603  # JSON-RPC: internal error
LOGIN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """A request that failed, and what is known of its server."""

    server: Server  # the server's entry
    doing: str  # the operation, for the message: `at its start`
    function: str  # the full name of the tool that was called; empty if none
    secrets: tuple[str, ...]  # texts to redact
    stderr: Iterable[str]  # the last lines of its standard error
    noise: Iterable[str]  # the last lines of its standard output that are not messages
    exit_code: int | None  # its exit code if it ended during startup; otherwise None
    unmatched_id: str  # the id of a response that matches no request; empty if there was none

    def redacted(self, text: str, most: int = MAX_LINE_LENGTH) -> str:
        """Return a text of the server as one line without secrets."""
        return one_line(text, self.secrets, most)

    def output(self) -> str:
        """Return the lines of an error message that show what the server printed, and how to see more."""
        output = self._lines("It last wrote on standard error:", self.stderr)
        output += self._lines("On standard output it printed what is no message:", self.noise)
        if self.exit_code is None:
            return output
        return (
            f"{output or ' It printed nothing.'}\nRun it by itself to see more: {command_line(self.server)}\n"
            f"Its entry is in {self.server.path}."
        )

    def _lines(self, title: str, lines: Iterable[str]) -> str:
        indented = [f"\n  {self.redacted(line)}" for line in lines]
        return "".join(["\n", title, *indented]) if indented else ""


class McpError(Exception):
    """A failure of a connection."""


class ClosedError(McpError):
    """The connection is closed, or the server cannot be reached.

    Parameters:
        why: the network library's description; may be empty.
        too_long: we closed the connection, because a message exceeded the size limit.
    """

    def __init__(self, why: str = "", *, too_long: bool = False) -> None:
        super().__init__(why)
        self.why, self.too_long = why, too_long


class ServerTimeoutError(McpError):
    """The server did not respond in time."""


class MalformedError(McpError):
    """The server's response violates the protocol; the text says how."""


class ServerRejectedError(McpError):
    """The server responded with an error.

    Parameters:
        message: the server's error message.
        code: the JSON-RPC error code.
        status: the HTTP status; 0 without one.
    """

    def __init__(self, message: str, code: int, status: int = 0) -> None:
        super().__init__(message)
        self.message, self.code, self.status = message, code, status


def public_error(error: McpError, request: FailedRequest) -> ApiError:
    """Return the error for users: what happened, and what the server printed last unless it says what is wrong."""
    status = None
    match error:
        case ServerRejectedError():
            status = error.status or None
            kind, what = _rejected(error, request)
        case ClosedError():
            kind, what = _closed(error, request)
        case ServerTimeoutError():
            kind, what = UnreachableError, f"did not answer {request.doing} within {request.server.timeout:g} s"
            if request.unmatched_id:
                what += f"; it answered something else, numbered {request.unmatched_id}."
            else:
                what += f". `timeout` in {request.server.path} gives it more time."
        case _:
            kind, what = BadAnswerError, f"answered wrongly {request.doing}: {request.redacted(str(error))}."
    output = "" if isinstance(error, ServerRejectedError) else request.output()
    return kind(f"The MCP server `{request.server.name}` {what}{output}", status=status, function=request.function)


def _closed(error: ClosedError, request: FailedRequest) -> tuple[type[ApiError], str]:
    """Return how the connection ended."""
    if error.too_long:
        size = f"{MAX_MESSAGE_BYTES >> 20} MiB or {MAX_MESSAGE_VALUES:,} values"
        return BadAnswerError, f"sent a message of more than {size} {request.doing}, and was ended."
    if error.why or request.server.kind == "http":
        reason = f": {request.redacted(error.why)}" if error.why else ""
        return UnreachableError, f"cannot be reached {request.doing}{reason}."
    if request.exit_code is not None and request.exit_code < 0:
        return BadAnswerError, f"was ended by {_signal(-request.exit_code)} {request.doing}."
    status = "" if request.exit_code is None else f" with status {request.exit_code}"
    return BadAnswerError, f"ended {request.doing}{status}."


def _rejected(error: ServerRejectedError, request: FailedRequest) -> tuple[type[ApiError], str]:
    """Return the server's error message, or what its HTTP status means."""
    path = request.server.path
    if error.status in LOGIN:
        return RefusedError, (
            f"wants other credentials: HTTP {error.status}. They go into `headers` of its entry in {path}, as "
            '`"Authorization": "Bearer ${secret:NAME}"`.'
        )
    if error.status == HTTPStatus.NOT_FOUND:
        return RefusedError, f"is not at its address: HTTP 404. `url` is in {path}."
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return BadAnswerError, f"broke {request.doing}: HTTP {error.status}."
    message = request.redacted(error.message, MAX_MESSAGE_LENGTH)
    kind = BadAnswerError if error.code == INTERNAL else RefusedError
    return kind, f"answered with an error {request.doing}: {message}"


def not_started(server: Server, error: OSError, command: str, secrets: tuple[str, ...]) -> SettingsError:
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


def _signal(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"
