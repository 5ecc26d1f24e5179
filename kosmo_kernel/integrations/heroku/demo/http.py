"""The HTTP conventions of Heroku's API that a client has to handle: errors, the rate limit, and ranges of lists.

    Range: <attribute> [<start>]..[<end>][; max=<n>, order=<asc|desc>]

`]start` and `end[` exclude the bound itself. An attribute that several records share cannot identify where a page
ended, so the bound of a `Next-Range` may have the record's identifier after a slash; clients send a `Next-Range` back
unchanged and need not know this.

Sources: the sections "Ranges" and "Rate Limits" of Heroku's Platform API Reference; the error messages as recorded in
public threads (martyzz1/heroku3.py#12, heroku/heroku-go#10, heroku/cli#1674).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kosmo_kernel.integrations.heroku.demo.models import Record
from kosmo_kernel.integrations.heroku.demo.record_maker import fields_of
from kosmo_kernel.integrations.heroku.facts import LinkFact

# Errors -------------------------------------------------------------------------------------------------


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


# The rate limit -----------------------------------------------------------------------------------------

CAPACITY = 4500
REFILL = 75 / 60
UNLIMITED = 1e6  # requests per second that come back: as many as anybody can make


class TokenBucket:
    """The token bucket of one account, full at first; the parameters are as for `DemoApi`. Threads may share it."""

    def __init__(
        self, capacity: int = CAPACITY, refill: float = REFILL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.refused = 0
        """Count of requests that were refused because none were left."""
        self._capacity = capacity
        self._refill = refill
        self._clock = clock
        self._tokens = float(capacity)
        self._refilled_at = clock()
        self._lock = Lock()

    @property
    def remaining(self) -> int:
        """The number of requests that are left now."""
        with self._lock:
            return int(self._refilled())

    def spend(self) -> bool:
        """Take one request out; return False if none is left."""
        with self._lock:
            if self._refilled() < 1:
                self.refused += 1
                return False
            self._tokens -= 1
            return True

    def _refilled(self) -> float:
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._refilled_at) * self._refill)
        self._refilled_at = now
        return self._tokens


# Ranges -------------------------------------------------------------------------------------------------

_RANGE = re.compile(
    r"\s*(?P<attribute>[a-z_]+)\s+"
    r"(?P<start_sign>[\]\[]?)(?>(?P<start>[^\s;,\[\]]*?)\.\.)(?P<end>[^\s;,\[\]]*)(?P<end_sign>[\]\[]?)\s*"
    r"(?:;(?P<settings>[^;]*)(?:;\s*)?)?"
)
_BAD_FORM = "Invalid `Range` header. Please use format like `id ..; max=10, order=desc`."
_BAD_ORDER = "Requested range order is not allowed, please try `id` or another specified in `Accept-Ranges`."
_NO_START = "End range bounds without a start bound are currently not supported. Please specify a start bound."
_HIGHEST = "\U0010ffff"

# The nested record with the sortable attribute.
_NESTED_IN = {"email": "user"}

# Other names that clients use for an attribute: heroku3 orders domains by `domain`.
_ALIASES = {"domain": "hostname"}

# The property of a record that an attribute means, where it has another name.
_PROPERTIES = {"started_at": "created_at"}

# What lists can be ordered by besides the schema's word, from the Platform API Reference.
_SORTABLE = {
    "add-on": ("id", "name"),
    "add-on-service": ("id", "name"),
    "app": ("id", "name", "updated_at"),
    "app-feature": ("id", "name"),
    "collaborator": ("email", "id"),
    "domain": ("hostname", "id"),
    "dyno": ("id", "name"),
    "release": ("id", "version"),
    "team-app": ("id", "name", "updated_at"),
    "team-member": ("email", "id"),
}

# Numeric attributes, and the maximum number of their digits.
_MAX_DIGITS = {"version": 10}


def sortable_by(link: LinkFact) -> tuple[str, ...]:
    """Return what the list of a link can be ordered by; nothing if its records have no identifier."""
    has_identifier = "id" in fields_of(link.resource)
    return _SORTABLE.get(link.resource, tuple(sorted({"id", *link.order}))) if has_identifier else ()


class ListPage(Struct, frozen=True):
    """A part of a list. `next_range` is None if it is the last one."""

    records: list[Record]
    content_range: str
    next_range: str | None


class Range(Struct, frozen=True):
    """The part of a list that a `Range` header requests. `start` is where reading starts, in descending order too."""

    attribute: str
    max: int
    start: str = ""
    start_open: bool = False
    end: str = ""
    end_open: bool = False
    descending: bool = False

    @classmethod
    def read(cls, header: str | None, sortable: Sequence[str], *, default: int, most: int) -> Range:
        """Parse a header.

        Parameters:
            header: its value; None requests the first page by identifier.
            sortable: the attributes that this list can be ordered by.
            default: how many records a page has if the header does not say.
            most: how many it has at most, whatever the header says.

        Raises:
            HerokuError: 400 for a malformed header, 416 for a range that cannot be satisfied.
        """
        if header is None:
            return cls("id", min(default, most))
        match = _RANGE.fullmatch(header)
        if match is None:
            raise HerokuError(400, "bad_request", _BAD_FORM)
        settings = _settings(match["settings"] or "")
        attribute = _ALIASES.get(match["attribute"], match["attribute"])
        if attribute not in sortable:
            raise HerokuError(416, "requested_range_not_satisfiable", _BAD_ORDER)
        if match["end"] and not match["start"]:
            raise HerokuError(416, "requested_range_not_satisfiable", _NO_START)
        return cls(
            attribute,
            min(int(settings.get("max", default)), most),
            start=match["start"],
            start_open=match["start_sign"] == "]",
            end=match["end"],
            end_open=match["end_sign"] == "[",
            descending=settings.get("order") == "desc",
        )

    def page(self, records: Sequence[Record]) -> ListPage:
        """Return the requested part of a list."""
        ordered = sorted(records, key=self._position, reverse=self.descending)
        within = [record for record in ordered if self._holds(self._position(record))]
        part, rest = within[: self.max], within[self.max :]
        first, last = (self._bound(part[0]), self._bound(part[-1])) if part else ("", "")
        following = None
        if rest:
            shared = self._bound(rest[0]) == last
            following = self.after(part[-1]) if shared else replace(self, start=last, start_open=True)
        return ListPage(
            part, f"{self.attribute} {first}..{last}{self._settings()}", str(following) if following else None
        )

    def after(self, record: Record) -> Range:
        """Return the part of the same list that begins after a record, whether or not others share its attribute."""
        return replace(self, start=f"{self._bound(record)}/{record['id']}", start_open=True)

    def __str__(self) -> str:
        start = f"{']' if self.start_open else ''}{self.start}"
        end = f"{self.end}{'[' if self.end_open else ''}"
        return f"{self.attribute} {start}..{end}{self._settings()}"

    def _settings(self) -> str:
        return f"; max={self.max}{', order=desc' if self.descending else ''}"

    def _bound(self, record: Record) -> str:
        inside = _NESTED_IN.get(self.attribute)
        name = _PROPERTIES.get(self.attribute, self.attribute)
        return str((record[inside] if inside else record)[name])

    def _position(self, record: Record) -> tuple[str, str]:
        return self._comparable(self._bound(record)), record["id"]

    def _comparable(self, bound: str) -> str:
        """Return a bound in a form that sorts as text; a number with leading zeros."""
        return bound.zfill(_MAX_DIGITS.get(self.attribute, 0))

    def _holds(self, position: tuple[str, str]) -> bool:
        """Return whether a record is between the bounds, in the direction of reading."""
        bounds = ((self.start, self.start_open, not self.descending), (self.end, self.end_open, self.descending))
        return all(self._passes(position, *bound) for bound in bounds if bound[0])

    def _passes(self, position: tuple[str, str], bound: str, leave_out: bool, upward: bool) -> bool:
        value, slash, id_ = bound.partition("/")
        # A bound without an identifier stands for all records with its value: before them or after them.
        edge = (self._comparable(value), id_ if slash else (_HIGHEST if leave_out == upward else ""))
        return not leave_out if position == edge else (position > edge) == upward


def _settings(text: str) -> dict[str, str]:
    """Return the settings in `max=10, order=desc` by name; raise a 400 for an unknown name or an invalid value."""
    settings = dict[str, str]()
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (part.strip() for part in item.partition("="))
        form = {"max": r"0*[1-9][0-9]{0,8}", "order": "asc|desc"}.get(name)
        if form is None or not re.fullmatch(form, value):
            raise HerokuError(400, "bad_request", _BAD_FORM)
        settings[name] = value
    return settings
