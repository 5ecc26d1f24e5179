"""The answer to a call: the data, and what the response headers reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a call.

    Parameters:
        data: the records of a list function in the service's order, or the one record, with the values of secret
            columns redacted. Do not change it: it may be cached.
        requests: the number of requests that were answered.
        remaining: the account's remaining request budget, if the service reports it.
        warnings: the service's warnings, each once per client.
        unchanged: nothing has changed according to the service, and `data` is the same object as before.
    """

    data: list[dict[str, Any]] | dict[str, Any]
    requests: int
    remaining: int | None
    warnings: tuple[str, ...]
    unchanged: bool = False
