"""A request that a dry run would have sent."""

from __future__ import annotations

from typing import Any, NamedTuple


class PlannedCall(NamedTuple):
    """One request that a dry run would have sent.

    Parameters:
        function: the full name, such as `heroku.list_dynos`.
        account: the account's alias.
        arguments: the arguments by name.
        method: the HTTP method.
        url: the URL.
    """

    function: str
    account: str
    arguments: dict[str, Any]
    method: str
    url: str
