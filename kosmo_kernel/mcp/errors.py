"""Errors of a connection to an MCP server, before `outcomes.py` turns them into the messages that users see."""

from __future__ import annotations


class McpError(Exception):
    """Base class of the errors in this module."""


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
