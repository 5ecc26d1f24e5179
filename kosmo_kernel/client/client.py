"""The HTTP client of one account, and each of its calls.

A `Client` has the connections, the rate limiter and the cache that all threads share. A `Fetch` makes one call: it
requests page after page, and retries each request that failed temporarily. Its result is a complete list or an error,
never a partial list.
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

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import NEWEST, Function, Integration, Link
from kosmo_kernel.catalogue.http import PageRequest, Response
from kosmo_kernel.client.bulk import answer_from_lists
from kosmo_kernel.client.call import Answer
from kosmo_kernel.client.connections import (
    Connections,
    HttpTransport,
    NoResponseError,
    TruncatedResponseError,
    UnreadableResponseError,
)
from kosmo_kernel.client.etag_cache import MAX_BYTES, CachedPage, ETagCache, FetchedPage
from kosmo_kernel.client.lookups import records_to_look_up
from kosmo_kernel.client.network_outage import NetworkOutage, OutageTimeoutError
from kosmo_kernel.client.rate_limiter import RateLimiter
from kosmo_kernel.client.responses import UNAVAILABLE, ResponseParser, retry_after
from kosmo_kernel.client.retry import PAUSE_REASON, RETRY_BUDGET_SECONDS, RetryableError, RetryPolicy
from kosmo_kernel.errors import ApiError, BadAnswerError, NotRecordedError, RefusedError
from kosmo_kernel.progress.run import Clock, Progress
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.response_budget import ResponseBudget
from kosmo_kernel.settings.table import CONNECT_TIMEOUT, LIST_LIMIT, OUTAGE_TIMEOUT, READ_TIMEOUT
from kosmo_kernel.values.records import ends_early

if TYPE_CHECKING:
    from kosmo_kernel.client.cassette import Cassette, Transport

BARREN_PAGES = 10  # consecutive pages without a new record after which the call fails, against endless pagination

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
        chance: the random numbers for the jitter of pauses.
        cassette: the cassette that records or replays the answers. With a cassette nothing is cached, so that every
            answer is complete.

    Attributes:
        live: whether requests are sent; False if a cassette answers them, without retries or rate limit.
        is_recorded: whether a cassette records the responses.
        limiter: the account's rate limiter.
        outage: whether the network is gone.
        max_list_bytes: bytes of JSON that the pages of one list may have together.
        cache: the cache of earlier answers.
        connections: the transport of the requests.
        last_headers: the headers of the last response, whatever its status; None before the first.

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
        chance: Random | None = None,
        cassette: Cassette | None = None,
    ) -> None:
        self.integration = integration
        self.account = account
        read = READ_TIMEOUT.resolve(timeout)
        connect = CONNECT_TIMEOUT.resolve(connect_timeout)
        own = Connections(integration, account, transport, min(connect, read), read)
        self.connections: Transport = cassette.transport(integration, account, own) if cassette else own
        self.live = cassette is None or cassette.live
        self.is_recorded = cassette is not None and cassette.live
        self.clock = clock or Clock()
        self.chance = chance or Random()
        self.patience = patience if self.live else 0
        self.limiter = RateLimiter(integration.budget, integration.title, self.clock, self.chance)
        outage_seconds = OUTAGE_TIMEOUT.resolve(outage_timeout, config().get(*OUTAGE_TIMEOUT.config))
        self.max_list_bytes: int = LIST_LIMIT.resolve(configured=config().get(*LIST_LIMIT.config))
        self.outage = NetworkOutage(urlsplit(account.url).netloc, outage_seconds, self.clock, self.chance)
        self.cache = ETagCache(0 if cassette else MAX_BYTES)
        self.last_headers: Mapping[str, str] | None = None
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
        asked = Function("budget_left", "", "", (Link(budget.path),), "record", ())
        call = ResponseParser(self.integration, self.account, asked, {})
        left = budget.read(Fetch(self, call, progress or Progress(self.clock)).free())
        if left is not None:
            self.limiter.set_remaining(left)
        return left

    def fetch(
        self,
        function: Function,
        args: Mapping[str, Any],
        progress: Progress | None = None,
        *,
        fresh: bool = False,
        on_answer: Callable[[], None] = lambda: None,
    ) -> Answer:
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
        lookups = 0
        for record in records_to_look_up(function, args):
            answer = self.fetch(record.function, record.args, progress, fresh=fresh, on_answer=on_answer)
            [found] = answer.data if isinstance(answer.data, list) else [answer.data]
            args = {**args, record.param: found.get(record.field)}
            lookups += answer.requests
        call = ResponseParser(self.integration, self.account, function, args)
        request = Fetch(self, call, progress or Progress(self.clock), fresh=fresh, on_answer=on_answer)
        data, unchanged = request.data()
        warnings = self._new_warnings(call.warnings) if call.warnings else ()
        return Answer(data, lookups + call.requests, call.remaining, warnings, unchanged)

    def bulk(
        self,
        function: Function,
        calls: Sequence[Mapping[str, Any]],
        progress: Progress | None = None,
        *,
        fresh: bool = False,
        on_answer: Callable[[], None] = lambda: None,
    ) -> list[Answer | None]:
        """Answer many calls of one function from a few lists of the whole account.

        Parameters:
            function: one of the integration's.
            calls: the arguments of each call, as `function.calls` gives them.
            progress, fresh, on_answer: as for `fetch`.

        Returns:
            For each call the answer that `fetch` would give, or None if the call has to be made with `fetch`: for few
            calls, for functions without such lists, and for items that the lists do not settle. The first answer
            has the number of requests for all of them.

        Raises:
            SettingsError: as for `fetch`.
            Cancelled: as for `fetch`.
        """

        def fetch(whole: Function) -> Answer:
            return self.fetch(whole, {}, progress, fresh=fresh, on_answer=on_answer)

        try:
            return answer_from_lists(function, calls, fetch)
        except (ApiError, NotRecordedError):  # there may be no list of the whole account: each call is on its own
            return [None] * len(calls)

    def close(self) -> None:
        """Close all connections. A closed client stays closed."""
        self.connections.close()

    def _new_warnings(self, warnings: Mapping[str, None]) -> tuple[str, ...]:
        with self._lock:
            new = tuple(warning for warning in warnings if warning not in self._warned)
            self._warned.update(new)
        return new


class Fetch:
    """One call under way; the parameters are as for `Client.fetch`."""

    def __init__(
        self,
        client: Client,
        call: ResponseParser,
        progress: Progress,
        *,
        fresh: bool = False,
        on_answer: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._call = call
        self._progress = progress
        self._on_answer = on_answer
        link = call.function.link(call.args)
        self._single = link is not None and link.single
        self._newest = call.args.get(NEWEST)
        self._key = f"{call.function.name} {call.url} {self._newest or ''}"
        self._kept = None if fresh else client.cache.find(self._key)
        self._received = ResponseBudget.of_list(client.max_list_bytes)
        self._sent_at = 0.0  # when the last request was sent
        self._headers_before: Mapping[str, str] | None = None  # of the client's last response when it was sent

    def data(self) -> tuple[Any, bool]:
        """Return all records of a list, or the one record, and whether it is unchanged and from the cache."""
        pages: list[FetchedPage | CachedPage] = []
        try:
            data = self._read_all(pages)
        except RefusedError:
            if not (self._kept and pages):
                raise
            # A cached page led to a page that no longer exists: start again without the cache.
            self._kept, pages = None, []
            data = self._read_all(pages)
        if self._kept and len(pages) == len(self._kept.pages) and self._are_unchanged(pages):
            return (data if data is self._kept.data else self._kept.hold(data)), True
        return self._client.cache.keep(self._key, pages, data), False

    def free(self) -> Response:
        """Return a response that does not count against the request budget and is not cached."""
        request = self._client.connections.request(self._call.url, {}, {}, self._call.function)
        return self._retried(request, self._success, free=True)

    def _read_all(self, pages: list[FetchedPage | CachedPage]) -> Any:
        """Return the one record, or the records of all pages, and append the pages to `pages`.

        A record that moved to a later page meanwhile is kept once, by its `id`.
        """
        if self._newest or self._single:
            return self._one_page(pages)
        merged = _MergedPages()
        is_list = self._call.function.returns == "list"
        request: PageRequest | None = self._client.integration.first_page if is_list else PageRequest()
        while request is not None:
            pages.append(self._page(request))
            request = pages[-1].following
            if self._are_unchanged(pages):
                if request is not None:
                    continue  # they are decoded only if a later page has changed
                if self._kept and (held := self._kept.data) is not None:
                    return held
            if request is None and len(pages) == 1:
                return pages[0].content  # the one record, or a single page, which has no duplicates
            merged.add(pages)
            barren = request is not None and merged.barren >= BARREN_PAGES
            if barren or any(page.request == request for page in pages):
                raise self._call.endless_pages(len(pages))
        return merged.rows

    def _are_unchanged(self, pages: Sequence[FetchedPage | CachedPage]) -> bool:
        """Return whether these pages are the first ones, or all, of the cached answer."""
        return self._kept is not None and all(map(is_, pages, self._kept.pages))

    def _one_page(self, pages: list[FetchedPage | CachedPage]) -> list[dict[str, Any]]:
        """Return the records of a list that has one page only: the newest ones, or the one record that there is."""
        integration, order = self._client.integration, self._call.function.newest
        newest = integration.newest_page(order, self._newest) if self._newest and integration.newest_page else None
        try:
            pages.append(self._page(newest or PageRequest()))
        except RefusedError:
            # There is no such record. If there is no such parent, the service says so.
            if newest or self._call.missing is None or self._call.missing_parent:
                raise
            return []
        return list(pages[0].content[: self._newest])

    def _page(self, wanted: PageRequest) -> FetchedPage | CachedPage:
        """Return one page of a list, or the one record."""
        kept = self._kept.page(wanted, self._client.integration.page_size) if self._kept else None
        headers = {**wanted.headers, "If-None-Match": kept.tag} if kept and kept.tag else wanted.headers
        request = self._client.connections.request(self._call.url, headers, wanted.query, self._call.function)
        return self._retried(
            request,
            lambda reply: kept if kept and reply.status == HTTPStatus.NOT_MODIFIED else self._read(reply, wanted),
        )

    def _read(self, reply: Response, wanted: PageRequest) -> FetchedPage:
        is_list = self._call.function.returns == "list"
        try:
            whole = self._success(reply)
            content = self._call.rows(whole, single=self._single) if is_list else self._call.record(whole)
        except BadAnswerError as error:
            if isinstance(error.__cause__, ValueError) and ends_early(reply.body):
                raise RetryableError(error) from error.__cause__
            raise
        count = len(content) if is_list else 1
        self._progress.received.take(len(reply.body), count, self._call.where)
        self._received.take(len(reply.body), count, self._call.where)
        following = self._client.integration.next_page(reply, wanted) if is_list else None
        return FetchedPage(wanted, content, following, reply.headers.get("etag"))

    def _success(self, reply: Response) -> Response:
        """Return a response if its status is a success, else raise the error for it."""
        if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            return reply
        error = self._call.failure(reply)
        if reply.status in UNAVAILABLE:
            raise RetryableError(error, retry_after(reply))
        raise error

    def _retried(self, request: Any, read: Callable[[Response], _T], *, free: bool = False) -> _T:
        """Send a request until `read` accepts a response, and return what it makes of it.

        Parameters:
            request: the request.
            read: returns the content of a response, or raises RetryableError.
            free: the request does not count against the request budget.

        Raises:
            ApiError: there is no usable response, and no further attempt.
        """
        client, begun = self._client, self._client.clock.now()
        retries: RetryPolicy | None = None
        was_stale = False
        self._call.tried = ""
        while True:
            try:
                return read(self._response(request, retries, free=free))
            except NoResponseError as failure:
                if (failure.is_stale and not was_stale) or self._waits_for_network(failure):
                    was_stale = was_stale or failure.is_stale
                    continue
                setback = self._no_response(failure)
            except RetryableError as failure:
                setback = failure
            if retries is None:
                retries = RetryPolicy(client.clock, client.chance, client.patience, begun)
            pause = retries.pause(setback, self._sent_at)
            if pause is None:
                raise setback.error from setback.__cause__
            if pause:
                self._progress.pause(pause, PAUSE_REASON, alone=True)

    def _no_response(self, failure: NoResponseError) -> RetryableError:
        """Return the failure of a request without a response as a retryable one, or raise its error if it is not."""
        error = self._call.no_answer(failure.why, failure.advice)
        if failure.retryable == "always" or (failure.retryable == "met" and self._client.last_headers is not None):
            setback = RetryableError(error)
            setback.__cause__ = failure.__cause__
            return setback
        raise error from failure.__cause__

    def _waits_for_network(self, failure: NoResponseError) -> bool:
        """Return whether a request without a response waits until the network is back, instead of being retried."""
        client = self._client
        if not client.patience or client.last_headers is None or client.last_headers is not self._headers_before:
            return False  # the address may be wrong, or a response came meanwhile
        return client.outage.failed(self, failure)

    def _response(self, request: Any, retries: RetryPolicy | None, *, free: bool) -> Response:
        """Send one request when the network is there; see `_sent`."""
        outage = self._client.outage
        if not outage.is_suspected or not self._client.connections.sends(request):
            return self._sent(request, retries, free=free)
        try:
            with outage.turn(self._progress):
                return self._sent(request, retries, free=free)
        except OutageTimeoutError as gone:
            failure, is_recorded = gone.failure, self._client.is_recorded
            raise self._call.outage(
                failure.why, failure.advice, gone.seconds, is_recorded=is_recorded
            ) from failure.__cause__

    def _sent(self, request: Any, retries: RetryPolicy | None, *, free: bool) -> Response:
        """Send one request under the rate limit, and return its response, whatever its status.

        Raises:
            NoResponseError: there is no response.
            RetryableError: the response is truncated, or the request budget is used up.
            ApiError: as for `_retried`.
        """
        limiter, call = self._client.limiter, self._call
        self._progress.check()
        is_sent = self._client.connections.sends(request)
        permit = limiter.take(self._progress) if is_sent and not free else None
        self._sent_at, self._headers_before = self._client.clock.now(), self._client.last_headers
        broken = None
        try:
            reply = self._client.connections.send(request, self._progress.check)
        except TruncatedResponseError as error:
            reply, broken = error.reply, error
        except BaseException:
            if permit:
                limiter.no_response(permit)
            raise
        finally:
            if retries:
                call.tried = retries.attempts_text()
        self._client.last_headers = reply.headers
        if is_sent and self._client.outage.is_suspected:
            self._client.outage.answered()
        call.record_headers(reply)
        if not free:
            self._progress.answered(call.remaining)
            self._on_answer()
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS and permit:
            again = limiter.rejected(permit, retry_after(reply))
            raise RetryableError(call.failure(reply), budget=True) if again else call.failure(reply)
        if permit:
            limiter.answered(permit, call.remaining)
        if isinstance(broken, UnreadableResponseError):
            raise call.unreadable(reply, str(broken)) from broken
        if broken:
            raise RetryableError(call.truncated(reply, broken)) from broken.__cause__
        return reply


class _MergedPages:
    """The records of several pages, each once.

    Attributes:
        rows: the records.
        barren: the number of pages without a new record since the last one that had some.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.barren = 0
        self._pages = 0
        self._known: set[str | int] = set()

    def add(self, pages: Sequence[FetchedPage | CachedPage]) -> None:
        """Add the records of the pages that were not added yet."""
        for page in pages[self._pages :]:
            new = [row for row in page.content if _id(row) not in self._known]
            self._known.update(key for row in new if (key := _id(row)) is not None)
            self.rows += new
            self.barren = 0 if new else self.barren + 1
        self._pages = len(pages)


def _id(row: Mapping[str, Any]) -> str | int | None:
    value = row.get("id")
    return value if isinstance(value, (str, int)) else None
