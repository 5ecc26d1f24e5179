"""What an integration says about HTTP: the words that it and the client have in common.

A `Response` is what a service answered, a `PageRequest` what to ask for next, a `Fault` what an error body says, a
`Budget` how much may be asked, and `Credentials` where tokens live and how one is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Response(NamedTuple):
    """One HTTP answer, as far as an integration has to read it.

    Parameters:
        status: the HTTP status.
        headers: by lower-case name.
        body: the bytes, decompressed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


_DIGITS = 10  # of a count or of seconds in a header; one that has more is no such thing


def parse_count(told: str) -> int | None:
    """The whole number that a header tells; None where it tells none, or one beyond all sense."""
    return int(told) if told.isdecimal() and len(told) <= _DIGITS else None


def retry_after(reply: Response) -> float | None:
    """How many seconds an answer asks to wait before the next try, or None (RFC 9110, section 10.2.3).

    A service may name seconds or a moment; a moment is one of its own clock, which `Date` shows.
    """
    told = reply.headers.get("retry-after", "").strip()
    if told.isdecimal():
        return parse_count(told)
    moment = _moment(told)
    if moment is None:
        return None
    now = _moment(reply.headers.get("date", ""))
    return max(0.0, moment - (time.time() if now is None else now))


def _moment(text: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What to add to a request to get one page of a list."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


class ErrorBody(NamedTuple):
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


class Budget(NamedTuple):
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
    read: Callable[[Response], int | None] = lambda _reply: None


def bearer(token: str) -> dict[str, str]:
    """A token as most services want it."""
    return {"Authorization": f"Bearer {token}"}


class CliLogin(NamedTuple):
    """Where a service's own command line keeps the token of whoever signed in with it.

    Parameters:
        title: for people, `the Heroku CLI`.
        state: the file that says who is signed in, below the user's data folder (`XDG_DATA_HOME`).
        folder_env: the environment variable that names another folder for that file.
        who: the key in that file, whose value is also the name of the entry in the system keyring.
        service: the entry's service there.
        attributes: what the Secret Service of Linux calls its name and its service.
        off_env: the environment variable that keeps the command line from using the keyring, when it is `true`.
    """

    title: str
    state: str
    folder_env: str
    who: str
    service: str
    attributes: Mapping[str, str]
    off_env: str


class Credentials(NamedTuple):
    """Where the tokens of a service live.

    Parameters:
        env: the environment variable with the default account's token; a named account's is `<env>_<ALIAS>`.
        url_env: environment variables that change the service's address, first found wins.
        hosts: domains that may be given the token (subdomains included), besides loopback.
        how: the ways to get a token, one line each, for people.
        scopes: the response header with what the token is for, or None.
        headers: the request headers that show a token to the service.
        signed_in: where the service's own command line keeps a token, or None.
        netrc: whether the password of the service's host in `~/.netrc` is a token.
    """

    env: str
    url_env: tuple[str, ...]
    hosts: tuple[str, ...]
    how: tuple[str, ...]
    scopes: str | None = None
    headers: Callable[[str], Mapping[str, str]] = bearer
    signed_in: CliLogin | None = None
    netrc: bool = False

    def variable(self, alias: str) -> str:
        """The environment variable that may have a named account's token: `HEROKU_API_KEY_MY_TEAM` for `my-team`."""
        return f"{self.env}_{alias.upper().replace('-', '_')}"
