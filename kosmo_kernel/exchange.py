"""What an integration says about HTTP: the words that it and the client have in common.

A `Reply` is what a service answered, a `PageRequest` what to ask for next, a `Fault` what an error body says, a
`Budget` how much may be asked, and `Credentials` where tokens live and how one is shown.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer, as far as an integration has to read it.

    Parameters:
        status: the HTTP status.
        headers: by lower-case name.
        body: the bytes, decompressed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def retry_after(reply: Reply) -> float | None:
    """How many seconds an answer asks to wait before the next try, or None (RFC 9110, section 10.2.3).

    A service may name seconds or a moment; a moment is one of its own clock, which `Date` shows.
    """
    told = reply.headers.get("retry-after", "").strip()
    if told.isdecimal():
        return float(told)
    moment = _moment(told)
    if moment is None:
        return None
    now = _moment(reply.headers.get("date", ""))
    return max(0.0, moment - (time.time() if now is None else now))


def _moment(text: str) -> float | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - only something gone wrong needs it

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What to add to a request to get one page of a list."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """What an error body says.

    Parameters:
        id: the service's own word for it, or None.
        message: what it tells people.
        url: where to read more, or None.
        second_factor: whether it asks for one, which a script cannot give.
    """

    id: str | None
    message: str
    url: str | None = None
    second_factor: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """How many requests an account may send.

    Parameters:
        header: the response header with the number left.
        capacity: the most that can be saved up.
        refill_per_minute: how many come back a minute.
        path: where the number left can be asked for at no cost, or empty.
        read: the number left, from an answer of `path`; None where it is not in there.
    """

    header: str
    capacity: int
    refill_per_minute: float
    path: str = ""
    read: Callable[[Reply], int | None] = lambda _reply: None


def bearer(token: str) -> dict[str, str]:
    """A token as most services want it."""
    return {"Authorization": f"Bearer {token}"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the tokens of a service live.

    Parameters:
        env: the environment variable with the default account's token; a named account's is `<env>_<ALIAS>`.
        url_env: environment variables that change the service's address, first found wins.
        hosts: domains that may be given the token (subdomains included), besides loopback.
        how: the ways to get a token, one line each, for people.
        scopes: the response header with what the token is for, or None.
        headers: the request headers that show a token to the service.
    """

    env: str
    url_env: tuple[str, ...]
    hosts: tuple[str, ...]
    how: tuple[str, ...]
    scopes: str | None = None
    headers: Callable[[str], Mapping[str, str]] = bearer
