"""Heroku's error responses."""

from __future__ import annotations

from typing import Any


class HerokuError(Exception):
    """An error response.

    Parameters:
        status: the HTTP status.
        word: Heroku's `id` of the error.
        message: for people, in Heroku's words.
        resource: the kind of resource that was not found, or empty.
        url: where it is explained, or empty.
    """

    def __init__(self, status: int, word: str, message: str, *, resource: str = "", url: str = "") -> None:
        super().__init__(message)
        self.status = status
        facts = {"resource": resource, "id": word, "message": message, "url": url}
        self.body: dict[str, Any] = {name: text for name, text in facts.items() if text}


def over_budget() -> HerokuError:
    """Return the error for an account that has no requests left. Heroku sends no `Retry-After` with it."""
    return HerokuError(
        429,
        "rate_limit",
        "Your account reached the API rate limit\nPlease wait a few minutes before making new requests",
        url="https://devcenter.heroku.com/articles/platform-api-reference#rate-limits",
    )
