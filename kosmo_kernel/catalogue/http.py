"""The types with which an integration describes its HTTP to the client.

A `PageRequest` selects one page of a list, a `Response` is what a service sent back, an `ErrorBody` is the content of
an error response, a `Budget` is an account's rate limit, and `Credentials` say where tokens are stored and how one is
sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from kosmo_kernel.text import value_at

PageKind = Literal["whole", "range", "link-header", "page-number", "offset", "cursor", "unstated"]

# Fields of an envelope by what they mean, in snake case.
CURSOR_KEYS = (
    *("next_cursor", "next_page_token", "next_token", "next_page", "continuation_token", "end_cursor", "next_url"),
    *("odata_next_link", "next_link", "next_marker", "next", "cursor", "after"),
)
MORE_KEYS = ("has_more", "more", "has_next", "has_next_page", "is_truncated", "more_results")
INCOMPLETE = "incomplete_results"  # a flag of a page that lacks records, where a search took too long
TOTAL_KEYS = (
    *("total_count", "total_results", "total_items", "total_entries", "total_records", "total_elements", "total"),
    "count",
)
LINKS, HREF = ("_links", "links"), "href"  # links to pages in an answer: `_links.next.href`, `links.next`
NEXT_RANGE, LINK, NEXT_PAGE = PAGE_HEADERS = ("next-range", "link", "x-next-page")  # that say how pages follow
TOTAL_HEADERS = ("x-total-count", "x-total")  # with the number of all records
MAX_ENVELOPE_DEPTH = 2  # objects between an envelope and what describes its list


class PageRequest(Struct, frozen=True):
    """The headers and query parameters that select one page of a list, or its address."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    target: str = ""  # path and query, in place of those of the function


class Response(Struct, eq=False):
    """An HTTP response: what a service sent back, and what the client has read from it."""

    status: int
    headers: Mapping[str, str]  # by lower-case name
    body: bytes  # decompressed
    is_redacted: bool = False  # the body is compact JSON without secrets, of the value if that was read
    # What the client has read: the records of a page, or the one record; None if that is only in the body.
    value: Any = None
    request: PageRequest = field(default_factory=PageRequest)  # which selected the page
    before: int = 0  # the number of records of the pages before
    count: int | None = None  # the number of records of a page; None for a record
    following: PageRequest | None = None  # selects the next page; None after the last one
    is_unstated: bool = False  # nobody says whether another page follows
    total: int | None = None  # the number of all records of the list, if the response states it


class Pages(Struct, frozen=True):
    """The kind of pages of a list, and where they say what comes next."""

    kind: PageKind = "whole"
    first: PageRequest = field(default_factory=PageRequest)  # what the first request adds
    size: int = 0  # the records of a full page; 0 if unknown
    size_param: str = ""  # the parameter of the query that asks for a page of that size
    param: str = ""  # the parameter of the query, for a range the header, that selects a page
    start: int = 1  # the number of the first page
    items: tuple[str, ...] = ()  # the keys that lead to the list in an envelope; none if the answer is the list
    element: str = ""  # the key of the record in each element; empty if the element is the record
    scalar: bool = False  # the elements are no records: each becomes a record with the field `value`
    cursor: tuple[str, ...] = ()  # the keys that lead to the cursor; for `header` its name
    cursor_in: Literal["body", "element", "header"] = "body"
    more: tuple[str, ...] = ()  # the keys that lead to whether there is more
    total: tuple[str, ...] = ()  # the keys that lead to the number of all records
    last_header: str = ""  # the header with the number of the last page
    ends_partial: bool = False  # the last page of ranges may have status 206, too: what follows it is asked for

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Pages:
        """Return what a table of facts says."""
        lists = {key: tuple(facts[key]) for key in ("items", "cursor", "more", "total") if key in facts}
        pages = cls(**{**facts, **lists})
        return pages.with_first()

    def with_first(self) -> Pages:
        """Return the same pages with a first request that is made from the parameters."""
        query = {self.size_param: str(self.size)} if self.size_param and self.size else {}
        if self.kind == "page-number":
            query[self.param] = str(self.start)
        elif self.kind == "offset":
            query[self.param] = "0"
        return replace(self, first=PageRequest(query=query)) if query else self

    def elements(self, value: Any) -> Any:
        """Return the list in the body of an answer; the body itself if that is the list, None if there is none."""
        return value_at(value, self.items) if self.items else value

    def record(self, element: Any) -> Any:
        """Return the record in an element of the list."""
        if self.scalar:
            return element if isinstance(element, dict) else {"value": element}
        return element.get(self.element) if self.element and isinstance(element, Mapping) else element


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
    query: str = ""  # the parameter of the query that sends a token in place of a header; empty for none
    signed_in: CliLogin | None = None  # where the service's own command line stores a token, or None
    netrc: bool = False  # whether the password for the service's host in `~/.netrc` is a token

    def lacks(self, needed: str, granted: Collection[str]) -> bool:
        """Return whether a token with some scopes has too few for the one that is needed, as far as both are known."""
        enough = self.enough.get(needed)
        return bool(enough and granted) and not set(enough or ()) & set(granted)

    def variable(self, alias: str) -> str:
        """Return the environment variable for a named account's token: `HEROKU_API_KEY_MY_TEAM` for `my-team`."""
        return account_variable(self.env, alias)
