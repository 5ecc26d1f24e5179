"""What can go wrong between us and a server, before anybody words it."""

from __future__ import annotations


class McpError(Exception):
    """Anything of the kind."""


class ClosedError(McpError):
    """It has ended, or cannot be reached.

    Parameters:
        why: what the network says of that; empty for nothing.
        too_long: it was ended by us, since one message of it had no end.
    """

    def __init__(self, why: str = "", *, too_long: bool = False) -> None:
        super().__init__(why)
        self.why, self.too_long = why, too_long


class ServerTimeoutError(McpError):
    """It did not answer in time."""


class MalformedError(McpError):
    """It answered what makes no sense; the text says what."""


class ServerRejectedError(McpError):
    """It answered with an error.

    Parameters:
        message: its own words.
        code: of JSON-RPC.
        status: of HTTP, 0 where there was none.
    """

    def __init__(self, message: str, code: int, status: int = 0) -> None:
        super().__init__(message)
        self.message, self.code, self.status = message, code, status
