"""Make errors of the responses of a service, or of their absence: each says what to do.

Every error names the function, the account and the remedy, and quotes the service only after secrets were redacted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import CHOICE, Function, Integration
from kosmo_kernel.catalogue.http import ErrorBody, Response
from kosmo_kernel.client.secrets import ERROR_WORD, quotable_headers, without_secrets
from kosmo_kernel.errors import ApiError, BadAnswerError, RateLimitError, RefusedError, UnreachableError
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.text import lazy_pattern

# The statuses after which a request is retried, beside 429 and a broken connection.
UNAVAILABLE = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
MAX_BODY_EXAMINED_BYTES = 2000  # from the start of a body, of which an error quotes a part
MAX_BODY_QUOTED = 120  # characters
COUNT = lazy_pattern("[0-9]{1,10}")  # of requests or of seconds in a header; a longer number is ignored
_NOTHING = Response(0, {}, b"")
LATER = "Nothing is wrong with the call: try it again in a while"


@dataclass(eq=False, repr=False)
class CallErrors:
    """The errors of one call of a function."""

    integration: Integration
    account: Account
    function: Function
    args: Mapping[str, Any]  # by name
    # A sentence on the attempts of the last request and their duration; empty for a single attempt.
    attempts: str = field(default="", init=False)
    # What there is none of, if the last error was status 404 and said so.
    missing: str | None = field(default=None, init=False)
    last_reply: Response = field(default=_NOTHING, init=False)
    address: str = field(default="", init=False)  # of the host that is asked

    @property
    def where(self) -> str:
        """The call with its arguments and its account, as messages name it."""
        items = ((key, value) for key, value in self.args.items() if key != CHOICE)
        args = "".join(f'{key} "{self.quoted(str(value), 60)}", ' for key, value in items)
        return f"{self._name} ({args}account {self.account.alias})"

    @property
    def _name(self) -> str:
        return f"{self.integration.name}.{self.function.name}"

    @property
    def missing_parent(self) -> str | None:
        """Return the kind of the missing thing in the last error if an argument identifies it, else None."""
        return self.missing if self.missing in {name.removesuffix("_id") for name in self.args} else None

    def failure(self, reply: Response) -> ApiError:
        """Return the error for a status other than success."""
        fault = self.integration.read_error(reply)
        self.missing = fault.resource if fault and reply.status == HTTPStatus.NOT_FOUND else None
        word = self.quoted(fault.id) if fault and fault.id else None
        if word and not (self.function.is_quotable or ERROR_WORD.fullmatch(word)):
            word = None
        summary, see = f"{reply.status}{f' ({word})' if word else ''}", ""
        if not self.function.is_quotable:  # its records have secrets, so the service's own words are left out
            summary += f": there is no such {parent.replace('_', ' ')}" if (parent := self.missing_parent) else ""
        elif fault is None:
            summary = self._body(reply)
        else:
            summary += f": {self.quoted(fault.message)}"
            see = f"See {self.quoted(fault.url)}" if fault.url else ""
        sentences = [f"{self.integration.title} answered {summary}", *self._advice(reply, fault), see]
        kind = RateLimitError if reply.status == HTTPStatus.TOO_MANY_REQUESTS else _class(reply.status)
        return self._error(kind, sentences, reply, word)

    def bad_answer(self, reply: Response, reason: str) -> ApiError:
        """Return the error for a successful status with a body that does not fit the function."""
        sentences = [f"{self.integration.title} answered {reason}: {self._body(reply)}", *self._web_page(reply)]
        return self._error(BadAnswerError, sentences, reply)

    def truncated(self, reply: Response, error: Exception) -> ApiError:
        """Return the error for a truncated body, or one that cannot be decompressed."""
        reason = self.quoted(str(error)) or type(error).__name__
        sentences = [f"the answer of {self.integration.title}, {reply.status}, broke off: {reason}", LATER]
        return self._error(BadAnswerError, sentences, reply)

    def unreadable(self, reply: Response, reason: str) -> ApiError:
        """Return the error for a body that is not read to its end."""
        title = self.integration.title
        sentences = [
            f"the answer of {title}, {reply.status}, is not read: {self.quoted(reason)}",
            *self._web_page(reply),
        ]
        if {"start", "end"} <= {param.name for param in self.function.params}:
            sentences.append("Ask for a shorter period")
        advice = f"If it stays so, something between you and {title} may answer in its place, such as a proxy"
        return self._error(BadAnswerError, [*sentences, advice], reply)

    def no_answer(self, reason: str, advice: str) -> ApiError:
        """Return the error for a request without a response."""
        return self._error(UnreachableError, [f"no answer from {self.address}: {self.quoted(reason)}", advice])

    @staticmethod
    def describe_outage(error: ApiError, *, is_recorded: bool) -> None:
        """Let an error say that the network is gone, and how to go on with a run that is recorded or not."""
        error.is_outage = True
        how = "the same run with `--resume` goes on where this one ended, as its answers are recorded"
        if not is_recorded:
            how = 'a new run starts over, as this one is not recorded: docs.read("resume")'
        error.advice = f"Once the network is back, {how}."

    def _advice(self, reply: Response, fault: ErrorBody | None) -> Iterator[str]:
        """Yield sentences that say what to do about a status other than success."""
        if fault is None:
            yield from self._web_page(reply)
        match reply.status:
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
                yield from self._advice_on_token(reply, fault)
            case HTTPStatus.NOT_FOUND if self.args:
                yield "Check the name; what the account may not see is answered in the same way"
            case HTTPStatus.TOO_MANY_REQUESTS:
                yield from self._advice_on_budget()
            case status if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
                location = quotable_headers(self.function, reply.headers).get("location", "")
                where = self.quoted(location) or "nowhere"
                yield f"It leads to {where}, and the token is sent to {self.address} only"
            case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                yield LATER
        wait = retry_after(reply)
        if wait is not None:
            yield f"It asks to be tried again in {wait:,.0f} s"

    def _advice_on_token(self, reply: Response, fault: ErrorBody | None) -> Iterator[str]:
        if reply.status == HTTPStatus.UNAUTHORIZED:
            at = "" if self.account.url == self.integration.base_url else f" at {self.account.url}"
            yield f"The token from {self.account.source} is wrong, revoked or expired{at}"
        elif fault and fault.second_factor:
            yield "A second factor is asked for, which a script cannot give; a token made for scripts needs none"
        elif fault and fault.scopes:
            granted, accepted = fault.scopes
            yield f"The token has the scope {', '.join(granted)}, and this needs {' or '.join(accepted)}"
            return
        else:
            yield "The account may not see this, or its token was made for less"
            link = self.function.link(self.args)
            host = self.integration.hosts.get(link.host) if link else None
            yield host.refusal if host else ""
            if link and link.scope and (self.integration.credentials.scopes or "") not in reply.headers:
                yield f"It needs a token with the scope {link.scope}"
            return
        yield f"To get one: {'; '.join(self.integration.credentials.token_help)}"

    def _advice_on_budget(self) -> Iterator[str]:
        budget = self.integration.budget
        yield "The account has used up its requests for now"
        if budget:
            yield f"About {budget.refill_per_minute:g} come back a minute, up to {budget.capacity:,}"

    def _web_page(self, reply: Response) -> Iterator[str]:
        if "html" in reply.headers.get("content-type", ""):
            yield f"A web page may come from something between you and {self.integration.title}: a proxy, a sign-in"

    def _body(self, reply: Response) -> str:
        """Describe an unexpected response in one line."""
        start = reply.body[:MAX_BODY_EXAMINED_BYTES].decode(errors="replace") if self.function.is_quotable else ""
        start = without_secrets(start, self.function)
        kind = self.quoted(reply.headers.get("content-type", "")) or "no type"
        begins = f" that begin with `{self.quoted(start, MAX_BODY_QUOTED)}`" if start else ""
        return f"{reply.status}, {kind}, {len(reply.body):,} bytes{begins}"

    def quoted(self, text: str, max_length: int = 400) -> str:
        """Return a text of the service in one line, without the token."""
        return one_line(text, (self.account.token.reveal(),), max_length)

    def _error(
        self, kind: type[ApiError], sentences: Sequence[str], reply: Response | None = None, word: str | None = None
    ) -> ApiError:
        """Return an error whose message names the failed call, followed by some sentences."""
        request_id = self.quoted(reply.headers.get(self.integration.request_id.lower(), "")) if reply else ""
        sentences = [*sentences, self.attempts]
        if request_id and kind.message_has_request_id:
            sentences = [*sentences, f"Request id: {request_id}"]
        text = " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in sentences if part)
        return kind(
            text,
            where=self.where,
            status=reply.status if reply else None,
            id=word,
            request_id=request_id or None,
            function=self._name,
            account=self.account.alias,
        )


def retry_after(reply: Response) -> float | None:
    """Return the seconds that a response asks to wait before a retry, or None (RFC 9110, section 10.2.3).

    A service may send seconds or a date; a date refers to the service's own clock, which the `Date` header shows.
    """
    value = reply.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return int(value) if COUNT.fullmatch(value) else None
    date = _timestamp(value)
    if date is None:
        return None
    now = _timestamp(reply.headers.get("date", ""))
    return max(0.0, date - (time.time() if now is None else now))


def _class(status: int) -> type[ApiError]:
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return RefusedError
    return UnreachableError if status in UNAVAILABLE else BadAnswerError


def json_kind(value: object) -> str:
    """Return the name of a value's JSON type."""
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")


def _timestamp(text: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
