"""A request that was not sent, since the run was a dry one."""

from __future__ import annotations

from typing import Any, NamedTuple


class PlannedCall(NamedTuple):
    """One request that a dry run would have sent.

    Parameters:
        function: `heroku.list_dynos`.
        account: its alias.
        arguments: by name.
        method: of HTTP.
        url: where to.
    """

    function: str
    account: str
    arguments: dict[str, Any]
    method: str
    url: str
