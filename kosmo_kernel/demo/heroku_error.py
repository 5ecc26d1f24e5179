"""What Heroku says when it does not give what was asked for."""

from __future__ import annotations

from typing import Any


class HerokuError(Exception):
    """An answer that is an error.

    Parameters:
        status: of HTTP.
        word: Heroku's `id` of the error.
        message: for people, in Heroku's words.
        resource: what was not found, or empty.
        url: where it is explained, or empty.
    """

    def __init__(self, status: int, word: str, message: str, *, resource: str = "", url: str = "") -> None:
        super().__init__(message)
        self.status = status
        facts = {"resource": resource, "id": word, "message": message, "url": url}
        self.body: dict[str, Any] = {name: text for name, text in facts.items() if text}


def over_budget() -> HerokuError:
    """The answer to an account that has no requests left. Heroku sends no `Retry-After` along with it."""
    return HerokuError(
        429,
        "rate_limit",
        "Your account reached the API rate limit\nPlease wait a few minutes before making new requests",
        url="https://devcenter.heroku.com/articles/platform-api-reference#rate-limits",
    )
