"""The HTTP client of one account, and each of its calls.

A `Client` has the connections, the rate limiter and the cache that all threads share. An `Exchange` makes one call: it
requests page after page, retries each request that failed temporarily, and reads the records from the responses. Its
`Reply` is complete: a list has all of its records, or the call raises an error.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from operator import is_
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from msgspec.structs import replace

from kosmo_kernel.accounts import Account
from kosmo_kernel.accounts.fingerprints import NOT_KEPT, fingerprints
from kosmo_kernel.catalogue import NEWEST, SINCE, Function, Integration, Link
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.connections import Connections
from kosmo_kernel.client.etag_cache import MAX_BYTES, TAG, ETagCache, records_of
from kosmo_kernel.client.pages import BARREN_PAGES, PAGE_SIZE, MergedPages, PageError, Since, next_range
from kosmo_kernel.client.rate_limiter import Permit, RateLimiter
from kosmo_kernel.client.responses import COUNT, UNAVAILABLE, CallErrors, json_kind, retry_after
from kosmo_kernel.client.retry import (
    PAUSE_REASON,
    RETRY_BUDGET_SECONDS,
    NetworkOutage,
    OutageTimeoutError,
    RetryableError,
    RetryPolicy,
)
from kosmo_kernel.client.secrets import clean, quotable_headers
from kosmo_kernel.client.transport import (
    HttpTransport,
    NoResponseError,
    TruncatedResponseError,
    UnreadableResponseError,
)
from kosmo_kernel.errors import ApiError, BadAnswerError, RefusedError
from kosmo_kernel.progress.run import Clock, Progress
from kosmo_kernel.safety.intake import count_values
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.settings.config_file import resolve
from kosmo_kernel.settings.limits import MAX_RECORDS, ResponseBudget
from kosmo_kernel.settings.table import CONNECT_TIMEOUT, LIST_LIMIT, OUTAGE_TIMEOUT, READ_TIMEOUT
from kosmo_kernel.values.records import decode, ends_early

if TYPE_CHECKING:
    from kosmo_kernel.client.call import Cassette, Transport

SUCCESS = 2  # the first digit of a successful status
MAX_VALUES = 2_000_000  # numbers, texts, lists and objects of one response, which take about 100 bytes each

_T = TypeVar("_T")


class Client:
    """The client of one account. Connections are opened when they are needed. Thread-safe.

    Parameters:
        integration: the service.
        account: the account, with its token and address.
        transport: an HTTP transport in place of the network, for example `in_process`.
        timeout: the read timeout in seconds; `KOSMO_READ_TIMEOUT` or 30 when None.
        connect_timeout: the connect timeout in seconds; `KOSMO_CONNECT_TIMEOUT` or 10 when None, and at most the
            read timeout.
        outage_timeout: the seconds for which a run waits for a network that is gone; the user's setting or 600 when
            None.
        patience: seconds for which a failed request is retried; 0 for no retries.
        clock: the clock; a `Progress` that is passed to `fetch` must have the same.
        rng: the random numbers for the jitter of pauses.
        cassette: the cassette that records or replays the answers. With a cassette nothing is cached, so that every
            answer is complete.

    Raises:
        SettingsError: a timeout is no positive number.
    """

    def __init__(
        self,
        integration: Integration,
        account: Account,
        *,
        transport: HttpTransport | None = None,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        outage_timeout: float | None = None,
        patience: float = RETRY_BUDGET_SECONDS,
        clock: Clock | None = None,
        rng: Random | None = None,
        cassette: Cassette | None = None,
    ) -> None:
        self.integration, self.account = integration, account
        read = READ_TIMEOUT.resolve(timeout)
        connect = CONNECT_TIMEOUT.resolve(connect_timeout)
        network = Connections(integration, account, transport, min(connect, read), read)
        self.connections: Transport = cassette.transport(integration, account, network) if cassette else network
        # Whether requests are sent. If not, a cassette answers them, without retries or rate limit.
        self.live = cassette is None or cassette.live
        self.is_recorded = cassette is not None and cassette.live
        self.clock = clock or Clock()
        self.rng = rng or Random()
        self.patience = patience if self.live else 0
        self.limiter = RateLimiter(integration.budget, integration.title, self.clock, self.rng)
        outage_seconds = resolve(OUTAGE_TIMEOUT, outage_timeout)
        self.max_list_bytes: int = resolve(LIST_LIMIT)  # of JSON, of the pages of one list together
        self.outage = NetworkOutage(urlsplit(account.url).netloc, outage_seconds, self.clock, self.rng)
        self.cache = ETagCache(0 if cassette else MAX_BYTES)
        self.last_headers: Mapping[str, str] | None = None  # of the last response, whatever its status
        self._lock = threading.Lock()
        self._warned: set[str] = set()

    def __repr__(self) -> str:
        return f"<Client of {self.integration.name}, account {self.account.alias}, {self.account.url}>"

    @property
    def remaining(self) -> int | None:
        """The remaining request budget as far as it is known without a request, else None."""
        return self.limiter.remaining

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of the token, if the last response reported them."""
        header = (self.integration.credentials.scopes or "").lower()
        scopes = (self.last_headers or {}).get(header, "")
        return tuple(one_line(scope, (self.account.token,)) for scope in re.split(r"[\s,]+", scopes) if scope)

    def budget_left(self, progress: Progress | None = None) -> int | None:
        """Query the remaining request budget of the account. The query does not count against it.

        Returns:
            The number of requests; None if the service has no endpoint for it, or the client replays a cassette.

        Raises:
            ApiError: as for `fetch`.
        """
        budget = self.integration.budget
        if budget is None or not budget.path or not self.live:
            return None
        query = Function("budget_left", "", "", (Link(budget.path),), "record", ())
        remaining = Exchange(self, query, {}, progress or Progress(self.clock)).read_free(budget.read)
        if remaining is not None:
            self.limiter.set_remaining(remaining)
        return remaining

    def fetch(
        self,
        function: Function,
        args: Mapping[str, Any],
        progress: Progress | None = None,
        *,
        fresh: bool = False,
        on_answer: Callable[[], None] = lambda: None,
    ) -> Reply:
        """Call a function and return its complete answer.

        Parameters:
            function: one of the integration's.
            args: the arguments by name, as `function.calls` gives them.
            progress: the progress of the run; it shows pauses, and its `cancel` ends them.
            fresh: do not use cached answers.
            on_answer: callback for each answered request, whatever its status, even if the call fails.

        Raises:
            RefusedError: a 4xx status: credentials, access, not found, bad parameters.
            RateLimitError: only status 429 for a long time.
            UnreachableError: no usable connection, or status 502, 503 or 504, for as long as `patience`; no connection
                to an address that has answered before, for as long as `outage_timeout`.
            BadAnswerError: any other status, a truncated body, or JSON that does not fit the function.
            SettingsError: the environment variables for proxies or certificates are invalid.
            Cancelled: the run has ended.
            RuntimeError: the client is closed.
        """
        if self.connections.closed:
            raise RuntimeError(f"{self!r} is closed")
        requests = 0
        for param in function.params:
            value, lookup = args.get(param.name), param.lookup
            if lookup and value is not None and not re.fullmatch(lookup.pattern, str(value)):
                # The path does not take this name, such as a pipeline's where Heroku takes its UUID only.
                own = replace(param, lookup=None)
                record = Function(function.name, "", "", (Link(lookup.path),), "record", (), (own,))
                reply = self.fetch(record, {param.name: value}, progress, fresh=fresh, on_answer=on_answer)
                args = {**args, param.name: reply.data.get(lookup.field)}
                requests += reply.requests
        progress = progress or Progress(self.clock)
        return Exchange(self, function, args, progress, fresh=fresh, on_answer=on_answer, requests=requests).reply()

    def close(self) -> None:
        """Close all connections. A closed client stays closed."""
        self.connections.close()

    def new_warnings(self, warnings: Mapping[str, None]) -> tuple[str, ...]:
        """Return the warnings that no call has returned before."""
        with self._lock:
            new = tuple(warning for warning in warnings if warning not in self._warned)
            self._warned.update(new)
        return new


class Exchange(CallErrors):
    """One call under way: its requests, page after page, and what is read from their responses.

    Parameters:
        client: the client of the account.
        function, args, progress, fresh, on_answer: as for `Client.fetch`.
        requests: the number of requests that were answered for the call before.
    """

    def __init__(
        self,
        client: Client,
        function: Function,
        args: Mapping[str, Any],
        progress: Progress,
        *,
        fresh: bool = False,
        on_answer: Callable[[], None] = lambda: None,
        requests: int = 0,
    ) -> None:
        super().__init__(client.integration, client.account, function, args)
        self._client, self._progress, self._on_answer = client, progress, on_answer
        self._requests = requests
        self._remaining: int | None = None  # of the request budget, according to the last response
        self._warnings: dict[str, None] = {}  # of the service, in order and without duplicates
        self._url = client.account.url + function.url(args)
        self._is_list = function.returns == "list"
        self._ranges = client.integration.ranges
        link = function.link(args)
        self._is_single = link is not None and link.single
        self._newest, since = args.get(NEWEST), args.get(SINCE)
        self._since = Since(since) if since else None
        self._key = f"{function.name} {self._url} {self._newest or ''} {since or ''}"
        self._cached = None if fresh else client.cache.find(self._key)
        self._received: ResponseBudget | None = None  # of all pages, once one is read
        self._sent_at = 0.0  # when the last request was sent
        self._headers_before: Mapping[str, str] | None = None  # of the client's last response when it was sent

    def reply(self) -> Reply:
        """Make the call, and return its complete reply."""
        pages: list[Response] = []
        try:
            data = self._read_all(pages)
        except RefusedError:
            if not (self._cached and pages):
                raise
            # A cached page led to a page that no longer exists: start again without the cache.
            self._cached, pages = None, []
            data = self._read_all(pages)
        cached = self._cached
        is_unchanged = cached is not None and len(pages) == len(cached.pages) and self._are_unchanged(pages)
        if cached is None or not is_unchanged:
            data = self._client.cache.keep(self._key, pages, data)
        elif isinstance(data, list):
            data = cached.rows(data)
        notes = self._client.new_warnings(self._warnings) if self._warnings else ()
        return Reply([data], self._requests, self._remaining, notes, is_unchanged)

    def read_free(self, read: Callable[[Response], _T]) -> _T:
        """Return what `read` makes of a response that does not count against the request budget and is not cached."""
        request = self._client.connections.request(self._url, {}, self.function)

        def read_success(reply: Response) -> _T:
            if reply.status // 100 != SUCCESS:
                raise self._failed(reply)
            return read(reply)

        return self._retried(request, read_success, is_free=True)

    # Pages -------------------------------------------------------------------------------------------

    def _read_all(self, pages: list[Response]) -> Any:
        """Return the one record, or the records of all pages, and append the pages to `pages`.

        A record that moved to a later page meanwhile is kept once, by its `id`.
        """
        if self._newest or self._is_single:
            return self._included(self._one_page(pages))
        merged: MergedPages | None = None
        range_: str | None = self._ranges.first if self._is_list and self._ranges else ""
        since = self._since if self._ranges else None
        if since and self._ranges:
            range_ = self._ranges.newest(self.function.newest, PAGE_SIZE)
        while range_ is not None:
            pages.append(self._page(range_, is_paged=self._is_list))
            range_ = pages[-1].following
            if since and any(map(since.ends_before, records_of(pages[-1]))):
                range_ = None
            if self._cached and self._are_unchanged(pages):
                if range_ is not None:
                    continue  # they are decoded only if a later page has changed
                if self._is_list and (rows := self._cached.rows()) is not None:
                    return rows
            if range_ is None and len(pages) == 1 and not self._since:
                return records_of(pages[0])  # the one record, or a single page, which has no duplicates
            merged = merged or MergedPages()
            merged.add(pages)
            is_barren = range_ is not None and merged.barren >= BARREN_PAGES
            if is_barren or any(page.range == range_ for page in pages):
                raise self.bad_answer(self.last_reply, f"pages that go in circles, page {len(pages)} the last")
        return self._included(merged.rows) if merged else []

    def _included(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the records that are as new as the call asks for."""
        return [row for row in rows if self._since.includes(row)] if self._since else rows

    def _are_unchanged(self, pages: Sequence[Response]) -> bool:
        """Return whether these pages are the first ones, or all, of the cached answer."""
        return self._cached is not None and all(map(is_, pages, self._cached.pages))

    def _one_page(self, pages: list[Response]) -> list[dict[str, Any]]:
        """Return the records of a list that has one page only: the newest ones, or the one record that there is."""
        ranges, order = self._ranges, self.function.newest
        newest = ranges.newest(order, self._newest) if self._newest and ranges else ""
        try:
            pages.append(self._page(newest, is_paged=False))
        except RefusedError:
            # There is no such record. If there is no such parent, the service says so.
            if newest or self.missing is None or self.missing_parent:
                raise
            return []
        return list(records_of(pages[0])[: self._newest])

    def _page(self, range_: str, *, is_paged: bool) -> Response:
        """Return one page of a list, or the one record.

        Parameters:
            range_: selects it; empty for all that there is.
            is_paged: whether other pages may follow it.
        """
        size = self._ranges.size if self._ranges else None
        cached = self._cached.page(range_, size) if self._cached else None
        headers = {"Range": range_} if range_ else {}
        if cached:
            headers["If-None-Match"] = cached.headers[TAG]
        request = self._client.connections.request(self._url, headers, self.function)
        return self._retried(
            request,
            lambda reply: (
                cached
                if cached and reply.status == HTTPStatus.NOT_MODIFIED
                else self._read(reply, range_, is_paged=is_paged)
            ),
        )

    def _read(self, reply: Response, range_: str, *, is_paged: bool) -> Response:
        """Read the records of a response, and what follows it; see `_page`."""
        if reply.status // 100 != SUCCESS:
            raise self._failed(reply)
        try:
            value = self._decoded(reply)
        except BadAnswerError as error:
            if isinstance(error.__cause__, ValueError) and ends_early(reply.body):
                raise RetryableError(error) from error.__cause__
            raise
        content = self._content(reply, value)
        count = len(content) if self._is_list else None
        if self._received is None:
            size = self._client.max_list_bytes
            self._received = ResponseBudget("The pages of one list", size, LIST_LIMIT, MAX_RECORDS, "records_limit")
        for budget in (self._progress.received, self._received):
            budget.take(len(reply.body), 1 if count is None else count, lambda: self.where)
        reply.range, reply.value, reply.count = range_, content, count
        if is_paged:
            try:
                reply.following = next_range(reply, self._ranges)
            except PageError as error:
                raise self.bad_answer(reply, str(error)) from error
        reply.is_redacted = reply.is_redacted and content is value  # a recording has the body as it is
        return self._cached.same_as(reply) if self._cached else reply

    def _decoded(self, reply: Response) -> Any:
        """Return the value of a body."""
        if reply.status == HTTPStatus.NO_CONTENT and self._is_list:
            return []
        if len(reply.body) > MAX_VALUES and count_values(reply.body, MAX_VALUES) > MAX_VALUES:
            raise self.bad_answer(reply, f"more than {MAX_VALUES:,} values in one response")
        try:
            return decode(reply.body)
        except (ValueError, RecursionError) as error:
            raise self.bad_answer(reply, f"something that is not JSON ({self.quoted(str(error))})") from error

    def _content(self, reply: Response, value: Any) -> Any:
        """Return the records of a page, or the one record, with secrets redacted."""
        if self._is_single and isinstance(value, dict) and not self.function.fingerprints:
            value = [value]
        expected: tuple[type, ...] = (list,)
        content = "a list of records belongs"
        if not self._is_list:
            expected, content = (dict,), "a record belongs"
        elif self.function.fingerprints:
            expected, content = (dict, list), "names with values belong"
        if type(value) not in expected:
            raise self.bad_answer(reply, f"{json_kind(value)} where {content}")
        if expected == (list,) and (odd := [item for item in value if not isinstance(item, dict)]):
            raise self.bad_answer(reply, f"{json_kind(odd[0])} in a list of records")
        return clean(self.function, value, self._fingerprint)

    def _fingerprint(self, secret: object) -> str:
        make = fingerprints(self.account.alias)
        if not make.is_kept:
            self._warnings[NOT_KEPT] = None
        return make.of(secret)

    def _failed(self, reply: Response) -> RetryableError | ApiError:
        """Return the error to raise for a status other than success."""
        error = self.failure(reply)
        return RetryableError(error, retry_after(reply)) if reply.status in UNAVAILABLE else error

    # Requests ----------------------------------------------------------------------------------------

    def _retried(self, request: Any, read: Callable[[Response], _T], *, is_free: bool = False) -> _T:
        """Send a request until `read` accepts a response, and return what it makes of it.

        Parameters:
            request: the request.
            read: returns the content of a response, or raises RetryableError.
            is_free: the request does not count against the request budget.

        Raises:
            ApiError: there is no usable response, and no further attempt.
        """
        client, begun = self._client, self._client.clock.now()
        retries: RetryPolicy | None = None
        was_stale, self.attempts = False, ""
        while True:
            send = self._sent_in_outage if client.outage.is_suspected else self._sent
            try:
                return read(send(request, retries, is_free=is_free))
            except NoResponseError as failure:
                if (failure.is_stale and not was_stale) or self._waits_for_network(failure):
                    was_stale = was_stale or failure.is_stale
                    continue
                setback = self._no_response(failure)
            except RetryableError as failure:
                setback = failure
            if retries is None:
                retries = RetryPolicy(client.clock, client.rng, client.patience, begun)
            pause = retries.pause(setback, self._sent_at)
            if pause is None:
                raise setback.error from setback.__cause__
            if pause:
                self._progress.pause(pause, PAUSE_REASON, alone=True)

    def _no_response(self, failure: NoResponseError) -> RetryableError:
        """Return the failure of a request without a response as a retryable one, or raise its error if it is not."""
        setback = RetryableError(self.no_answer(failure.why, failure.advice))
        setback.__cause__ = failure.__cause__
        if failure.retryable == "always" or (failure.retryable == "met" and self._client.last_headers is not None):
            return setback
        raise setback.error from failure.__cause__

    def _waits_for_network(self, failure: NoResponseError) -> bool:
        """Return whether a request without a response waits until the network is back, instead of being retried."""
        client = self._client
        if not client.patience or client.last_headers is None or client.last_headers is not self._headers_before:
            return False  # the address may be wrong, or a response came meanwhile
        return client.outage.failed(self, failure)

    def _sent_in_outage(self, request: Any, retries: RetryPolicy | None, *, is_free: bool) -> Response:
        """Send one request when the network is there; see `_sent`."""
        if not self._client.connections.sends(request):
            return self._sent(request, retries, is_free=is_free)
        try:
            with self._client.outage.permit(self._progress):
                return self._sent(request, retries, is_free=is_free)
        except OutageTimeoutError as timeout:
            failure, is_recorded = timeout.failure, self._client.is_recorded
            error = self.outage(failure.why, failure.advice, timeout.seconds, is_recorded=is_recorded)
            raise error from failure.__cause__

    def _sent(self, request: Any, retries: RetryPolicy | None, *, is_free: bool) -> Response:
        """Send one request under the rate limit, and return its response, whatever its status.

        Raises:
            NoResponseError: there is no response.
            RetryableError: the response is truncated, or the request budget is used up.
            ApiError: as for `_retried`.
        """
        client = self._client
        self._progress.check()
        is_sent = client.connections.sends(request) if client.is_recorded else client.live
        permit = client.limiter.take(self._progress) if is_sent and not is_free else None
        self._sent_at, self._headers_before = client.clock.now(), client.last_headers
        broken = None
        try:
            reply = client.connections.send(request, self._progress.check)
        except TruncatedResponseError as error:
            reply, broken = error.reply, error
        except BaseException:
            if permit:
                client.limiter.no_response(permit)
            raise
        finally:
            if retries:
                self.attempts = retries.attempts_text()
        client.last_headers = reply.headers
        if is_sent and client.outage.is_suspected:
            client.outage.answered()
        self._count(reply, permit, is_free=is_free)
        if isinstance(broken, UnreadableResponseError):
            raise self.unreadable(reply, str(broken)) from broken
        if broken:
            raise RetryableError(self.truncated(reply, broken)) from broken.__cause__
        return reply

    def _count(self, reply: Response, permit: Permit | None, *, is_free: bool) -> None:
        """Count a response, give back its permit, and keep what its headers report.

        Raises:
            RetryableError: the request budget is used up.
            RateLimitError: it has been for a long time.
        """
        client, headers, budget = self._client, reply.headers, self.integration.budget
        self.last_reply = reply
        self._requests += 1
        remaining = headers.get(budget.header.lower(), "") if budget else ""
        self._remaining = int(remaining) if COUNT.fullmatch(remaining) else None
        if "warning" in " ".join(headers):  # of warnings, the user is shown what may be quoted
            fields = quotable_headers(self.function, headers).items()
            self._warnings |= {self.quoted(value): None for name, value in fields if "warning" in name}
        if not is_free:
            self._progress.answered(self._remaining)
            self._on_answer()
        if permit is None:
            return
        if reply.status != HTTPStatus.TOO_MANY_REQUESTS:
            client.limiter.answered(permit, self._remaining)
        elif client.limiter.rejected(permit, retry_after(reply)):
            raise RetryableError(self.failure(reply), is_budget_used_up=True)
        else:
            raise self.failure(reply)
