"""What a service's answers mean: data, or an error that says what to do.

`Call` is one call of a function while it is under way. It turns answers into records, at once without the
values of secret columns, and keeps what their headers say besides. Every error that it makes names the
function, the account and what to do, and quotes the service only after secrets were taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.catalogue.http import ErrorBody, Response, parse_count, retry_after
from kosmo_kernel.errors import ApiError, BadAnswerError, RateLimitError, RefusedError, UnreachableError
from kosmo_kernel.safety.redaction import REDACTED, one_line
from kosmo_kernel.values.records import decode

_NO_CONNECTION = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
MAX_BODY_EXAMINED_BYTES = 2000  # bytes of a body that may be quoted
MAX_BODY_QUOTED = 120  # characters of it that are
_NOTHING = Response(0, {}, b"")
LATER = "Nothing is wrong with the call: try it again in a while"


@dataclass(slots=True)
class ResponseParser:
    """One call under way.

    Attributes:
        integration: the service.
        account: whose token is sent.
        function: what is called.
        args: by name, as `function.calls` gives them.
        url: where the requests go.
        requests: how many requests were answered so far.
        remaining: how many more the account may send, where the last answer said so.
        scopes: what the token is for, where the last answer said so.
        request_id: of the last answer.
        tried: how often and how long the last request was tried, empty for a single try.
        warnings: what the service had to say besides, each once, in order.
    """

    integration: Integration
    account: Account
    function: Function
    args: Mapping[str, Any]
    requests: int = 0
    remaining: int | None = None
    scopes: tuple[str, ...] = ()
    request_id: str | None = None
    tried: str = ""
    warnings: dict[str, None] = field(default_factory=dict)
    url: str = field(init=False)
    _last: Response = _NOTHING

    def __post_init__(self) -> None:
        self.url = self.account.url + self.function.url(self.args)

    def record_headers(self, reply: Response) -> None:
        """Keep what the headers say. One with the word `warning` in its name is meant for people."""
        self._last = reply
        budget = self.integration.budget
        left = reply.headers.get(budget.header.lower(), "") if budget else ""
        self.requests += 1
        self.remaining = parse_count(left)
        told = reply.headers.get((self.integration.credentials.scopes or "").lower(), "")
        self.scopes = tuple(self._quoted(scope) for scope in re.split(r"[\s,]+", told) if scope)
        self.request_id = self._request_id(reply)
        for name, value in reply.headers.items():
            if "warning" in name:
                self.warnings[self._quoted(value)] = None

    def record(self, reply: Response) -> dict[str, Any]:
        """The one record of an answer, without secrets."""
        value = self._json(reply)
        if not isinstance(value, dict):
            raise self.bad_answer(reply, f"{_kind(value)} where a record belongs")
        _hide_secrets([value], self.function)
        return value

    def rows(self, reply: Response) -> list[dict[str, Any]]:
        """The records of one page, without secrets."""
        value = self._json(reply)
        if not isinstance(value, list):
            raise self.bad_answer(reply, f"{_kind(value)} where a list of records belongs")
        odd = [item for item in value if not isinstance(item, dict)]
        if odd:
            raise self.bad_answer(reply, f"{_kind(odd[0])} in a list of records")
        _hide_secrets(value, self.function)
        return value

    def failure(self, reply: Response) -> ApiError:
        """The error that a status other than success stands for."""
        fault = self.integration.read_error(reply)
        word = self._quoted(fault.id) if fault and fault.id else None
        if fault is None:
            said, see = self._body(reply), ""
        else:
            said = f"{reply.status}{f' ({word})' if word else ''}: {self._quoted(fault.message)}"
            see = f"See {self._quoted(fault.url)}" if fault.url else ""
        told = [f"{self.integration.title} answered {said}", *self._advice(reply, fault), see]
        return self._error(_class(reply.status), told, reply, word)

    def bad_answer(self, reply: Response, why: str) -> ApiError:
        """The error for a status of success with something else than the function promises."""
        told = [f"{self.integration.title} answered {why}: {self._body(reply)}", *self._web_page(reply)]
        return self._error(BadAnswerError, told, reply)

    def endless_pages(self, pages: int) -> ApiError:
        """The error for pages that never end."""
        return self.bad_answer(self._last, f"pages that go in circles, page {pages} the last")

    def truncated(self, reply: Response, error: Exception) -> ApiError:
        """The error for a body that broke off, or that cannot be unpacked."""
        why = self._quoted(str(error)) or type(error).__name__
        told = [f"the answer of {self.integration.title}, {reply.status}, broke off: {why}", LATER]
        return self._error(BadAnswerError, told, reply)

    def unreadable(self, reply: Response, why: str) -> ApiError:
        """The error for a body that is not worth reading to its end."""
        title = self.integration.title
        told = [f"the answer of {title}, {reply.status}, is not read: {self._quoted(why)}", *self._web_page(reply)]
        who = f"If it stays so, something between you and {title} may answer in its place, such as a proxy"
        return self._error(BadAnswerError, [*told, who], reply)

    def no_answer(self, why: str, advice: str) -> ApiError:
        """The error for a request without an answer."""
        return self._error(UnreachableError, [f"no answer from {self.account.url}: {self._quoted(why)}", advice])

    def _json(self, reply: Response) -> Any:
        try:
            return decode(reply.body)
        except (ValueError, RecursionError) as error:
            raise self.bad_answer(reply, f"something that is not JSON ({self._quoted(str(error))})") from error

    def _advice(self, reply: Response, fault: ErrorBody | None) -> Iterator[str]:
        """What to do about a status other than success, a sentence each."""
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
                where = self._quoted(reply.headers.get("location", "")) or "nowhere"
                yield f"It leads to {where}, and the token is sent to {self.account.url} only"
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
        else:
            yield "The account may not see this, or its token was made for less"
            return
        yield f"To get one: {'; '.join(self.integration.credentials.how)}"

    def _advice_on_budget(self) -> Iterator[str]:
        budget = self.integration.budget
        yield "The account has used up its requests for now"
        if budget:
            yield f"About {budget.refill_per_minute:g} come back a minute, up to {budget.capacity:,}"

    def _web_page(self, reply: Response) -> Iterator[str]:
        if "html" in reply.headers.get("content-type", ""):
            yield f"A web page may come from something between you and {self.integration.title}: a proxy, a sign-in"

    def _body(self, reply: Response) -> str:
        """An answer that was not expected, in one line."""
        start = reply.body[:MAX_BODY_EXAMINED_BYTES].decode(errors="replace")
        for column in self.function.columns:
            if column.secret:
                start = re.sub(rf'("{re.escape(column.path[-1])}"\s*:\s*)"[^"]*"?', rf'\1"{REDACTED}"', start)
        kind = self._quoted(reply.headers.get("content-type", "")) or "no type"
        begins = f" that begin with `{self._quoted(start, MAX_BODY_QUOTED)}`" if reply.body else ""
        return f"{reply.status}, {kind}, {len(reply.body):,} bytes{begins}"

    def _request_id(self, reply: Response) -> str | None:
        told = reply.headers.get(self.integration.request_id.lower())
        return self._quoted(told) if told else None

    def _quoted(self, text: str, most: int = 400) -> str:
        return one_line(text, (self.account.token,), most)

    def _error(
        self, kind: type[ApiError], told: Sequence[str], reply: Response | None = None, word: str | None = None
    ) -> ApiError:
        """An error that says which call failed, and then what is `told`, a sentence each."""
        name = f"{self.integration.name}.{self.function.name}"
        args = "".join(f'{key} "{self._quoted(str(value), 60)}", ' for key, value in self.args.items())
        request_id = self._request_id(reply) if reply else None
        told = [*told, self.tried]
        if request_id and kind is not RefusedError:
            told = [*told, f"Request id: {request_id}"]
        sentences = " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in told if text)
        where = f"{name} ({args}account {self.account.alias}): "
        error = kind(
            where + sentences,
            status=reply.status if reply else None,
            id=word,
            request_id=request_id,
            function=name,
            account=self.account.alias,
        )
        error.where = where
        return error


def _class(status: int) -> type[ApiError]:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimitError
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return RefusedError
    return UnreachableError if status in _NO_CONNECTION else BadAnswerError


def _hide_secrets(rows: Sequence[dict[str, Any]], function: Function) -> None:
    """Replace the values of secret columns in place."""
    for column in function.columns:
        if column.secret:
            *parents, key = column.path
            for row in rows:
                _hide(row, parents, key)


def _hide(value: Any, parents: Sequence[str], key: str) -> None:
    if isinstance(value, list):
        for item in value:
            _hide(item, parents, key)
    elif isinstance(value, dict):
        if parents:
            _hide(value.get(parents[0]), parents[1:], key)
        elif value.get(key) is not None:
            value[key] = REDACTED


def _kind(value: object) -> str:
    """What JSON calls a value."""
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
