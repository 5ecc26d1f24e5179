"""What a call returned, with what the service said beside the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call returned.

    Parameters:
        data: the records of a list function in the service's order, or the one record. The values of secret
            columns are replaced. It may be kept for the next call, and is not to be changed.
        requests: how many requests were answered for it.
        remaining: how many requests the account has left, where the service says so.
        request_id: of the last request, what the service's support asks for.
        warnings: what the service had to say besides, once for each client.
        scopes: what the token is for, where the service says so.
        unchanged: the service said that nothing has changed, and `data` is the very same object as before.
    """

    data: list[dict[str, Any]] | dict[str, Any]
    requests: int
    remaining: int | None
    request_id: str | None
    warnings: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    unchanged: bool = False
