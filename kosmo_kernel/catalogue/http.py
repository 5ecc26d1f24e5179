"""The types with which an integration describes its HTTP to the client.

`Ranges` select the parts of a list, a `Response` is what a service sent back, an `ErrorBody` is the content of an error
response, a `Budget` is an account's rate limit, and `Credentials` say where tokens are stored and how one is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct

NEXT_RANGE, LINK = "next-range", "link"  # headers that lead to the rest of a list


class Response(Struct, eq=False):
    """An HTTP response: what a service sent back, and what the client has read from it."""

    status: int
    headers: Mapping[str, str]  # by lower-case name
    body: bytes  # decompressed
    value: Any = None  # what the client has read: the records of a page, or the one record
    range: str = ""  # the `Range` that the page was requested with; empty for none
    count: int | None = None  # the number of records of a page; None for a record
    following: str | None = None  # the `Range` of the next page; None after the last one


class Ranges(Struct, frozen=True, dict=True):
    """The ranges of a service that sends long lists in parts, with status 206 and `Next-Range`."""

    order: str  # the field by which the parts follow each other
    size: int  # the records of a full part

    @cached_property
    def first(self) -> str:
        """The `Range` of the first part."""
        return f"{self.order} ..; max={self.size}"

    def after(self, value: str) -> str:
        """Return the `Range` of the part after the record whose `order` field has a value."""
        return f"{self.order} ]{value}..; max={self.size}"

    def newest(self, order: str, count: int) -> str:
        """Return the `Range` of the last records by a field, the newest first."""
        return f"{order} ..; order=desc, max={count}"


class OtherHost(Struct, frozen=True):
    """A host of a service besides that of its API, which takes the same token."""

    url: str  # its address, where the API has the service's own
    # The environment variable with another host name. The scheme and the port are those of the API's address.
    env: str
    refusal: str = ""  # what to do about status 403, as a sentence


class ErrorBody(Struct, frozen=True):
    """The content of an error response."""

    id: str | None  # the service's own code for the error, or None
    message: str  # the message for people
    url: str | None = None  # where to read more, or None
    second_factor: bool = False  # whether the service asks for a second factor, which a script cannot provide
    resource: str | None = None  # what the error is about, in the service's word, or None
    # If the token has too few scopes, those that it has, and those of which it needs one, the narrowest first; or None.
    # They are names that the integration knows.
    scopes: tuple[tuple[str, ...], tuple[str, ...]] | None = None


class Budget(Struct, frozen=True):
    """The rate limit of an account."""

    header: str  # the response header with the number of remaining requests
    capacity: int  # the maximum number of requests that can accumulate
    refill_per_minute: float  # how many requests are added per minute
    path: str = ""  # where the remaining number can be requested at no cost, or empty
    # Returns the remaining number from a response of `path`, or None if it is not there.
    read: Callable[[Response], int | None] = lambda _reply: None


def bearer(token: str) -> dict[str, str]:
    """Return the headers that send a token in the way most services expect."""
    return {"Authorization": f"Bearer {token}"}


class CliLogin(Struct, frozen=True):
    """Where a service's own command line stores the token of the user who signed in with it."""

    title: str  # its name for people, `the Heroku CLI`
    state: str  # the file that names the signed-in user, below the user's data folder (`XDG_DATA_HOME`)
    folder_env: str  # the environment variable that names another folder for that file
    user_key: str  # the key of the user in that file; its value is also the name of the entry in the system keyring
    service: str  # the service of that entry
    attributes: Mapping[str, str]  # the attributes for the entry's name and service in the Secret Service of Linux
    off_env: str  # the environment variable that keeps the command line from using the keyring, when it is `true`


def account_variable(variable: str, alias: str) -> str:
    """Return the form of an environment variable for a named account: `HEROKU_API_KEY_MY_TEAM` for `my-team`."""
    return f"{variable}_{alias.upper().replace('-', '_')}"


class Credentials(Struct, frozen=True):
    """Where the tokens of a service are stored and how they are sent."""

    env: str  # the environment variable with the default account's token; a named account's is `<env>_<ALIAS>`
    # Environment variables that override the service's address; the first one that is set wins. A named account's is
    # `<first>_<ALIAS>`.
    url_env: tuple[str, ...]
    hosts: tuple[str, ...]  # domains that may receive the token (subdomains included), besides loopback
    token_help: tuple[str, ...]  # the ways to get a token, one line each, for people
    scopes: str | None = None  # the response header with the scopes of the token, or None
    # For each scope that a link needs, the scopes of a token that are enough, the narrowest first.
    enough: Mapping[str, tuple[str, ...]] = {}
    headers: Callable[[str], Mapping[str, str]] = bearer  # returns the request headers that send a token
    signed_in: CliLogin | None = None  # where the service's own command line stores a token, or None
    netrc: bool = False  # whether the password for the service's host in `~/.netrc` is a token

    def lacks(self, needed: str, granted: Collection[str]) -> bool:
        """Return whether a token with some scopes has too few for the one that is needed, as far as both are known."""
        enough = self.enough.get(needed)
        return bool(enough and granted) and not set(enough or ()) & set(granted)

    def variable(self, alias: str) -> str:
        """Return the environment variable for a named account's token: `HEROKU_API_KEY_MY_TEAM` for `my-team`."""
        return account_variable(self.env, alias)
