"""Make one call: request page after page, and retry each request that failed temporarily.

The result is a complete list or an error, never a partial list. `Fetch._sent` sends a single request under the rate
limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.http import PageRequest, Response, retry_after
from kosmo_kernel.client.connections import NoResponseError, TruncatedResponseError, UnreadableResponseError
from kosmo_kernel.client.etag_cache import CachedList, CachedPage, ETagCache
from kosmo_kernel.client.progress import Progress
from kosmo_kernel.client.rate_limiter import RateLimiter
from kosmo_kernel.client.responses import ResponseParser
from kosmo_kernel.client.retry import PAUSE_REASON, RetryableError, RetryPolicy
from kosmo_kernel.errors import BadAnswerError, RefusedError
from kosmo_kernel.values.records import ends_early

if TYPE_CHECKING:
    from kosmo_kernel.client.cassette import Transport

_T = TypeVar("_T")

BARREN_PAGES = 10  # consecutive pages without a new record after which the call fails, against endless pagination
_RETRYABLE = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


class SharedState(Protocol):
    """The state that all calls of one account share; `Client` implements it."""

    integration: Integration
    connections: Transport
    live: bool
    limiter: RateLimiter
    cache: ETagCache
    has_responded: bool

    def retry_policy(self) -> RetryPolicy:
        """Return the retry policy of a new request."""


class Fetch:
    """One call under way.

    Parameters:
        client: the state that all calls of the account share.
        call: the function, its arguments and the parser of the responses.
        progress: the progress of the run.
        fresh: do not use cached answers.
        on_answer: callback for each answered request, whatever its status.
    """

    def __init__(
        self,
        client: SharedState,
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
        self._key = f"{call.function.name} {call.url}"
        self._kept = None if fresh else client.cache.find(self._key)

    def data(self) -> tuple[Any, bool]:
        """Return all records of a list, or the one record, and whether it is the unchanged object of the cache."""
        pages: list[CachedPage] = []
        try:
            data = self._read_all(pages)
        except RefusedError:
            if not (self._kept and pages):
                raise
            # A cached page led to a page that no longer exists: start again without the cache.
            self._kept, pages = None, []
            data = self._read_all(pages)
        if self._kept and len(pages) == len(self._kept.pages) and all(map(_same, pages, self._kept.pages)):
            return self._kept.data, True
        self._client.cache.keep(self._key, CachedList(tuple(pages), data))
        return data, False

    def free(self) -> Response:
        """Return a response that does not count against the request budget and is not cached."""
        request = self._client.connections.request(self._call.url, {}, {})
        return self._retried(lambda tries: self._success(self._answer(request, tries, free=True)))

    def _read_all(self, pages: list[CachedPage]) -> Any:
        """Return the one record, or all records of a list, and append the pages to `pages`."""
        if self._call.function.returns == "list":
            return self._rows(pages)
        pages.append(self._page(PageRequest()))
        return pages[0].content

    def _rows(self, pages: list[CachedPage]) -> list[dict[str, Any]]:
        """Return the records of all pages; a record that moved to a later page meanwhile is kept once, by its `id`."""
        rows: list[dict[str, Any]] = []
        known: set[str | int] = set()
        barren = 0
        request: PageRequest | None = self._client.integration.first_page
        while request is not None:
            page = self._page(request)
            pages.append(page)
            request = page.following
            if request is None and not rows:
                rows = page.content  # a single page has no duplicates
                break
            new = [row for row in page.content if _id(row) not in known]
            known.update(key for row in new if (key := _id(row)) is not None)
            rows += new
            barren = 0 if new else barren + 1
            if any(page.request == request for page in pages) or (request is not None and barren >= BARREN_PAGES):
                raise self._call.endless_pages(len(pages))
        return rows

    def _page(self, wanted: PageRequest) -> CachedPage:
        """Return one page of a list, or the one record."""
        kept = self._kept.page(wanted, self._client.integration.page_size) if self._kept else None
        headers = {**wanted.headers, "If-None-Match": kept.tag} if kept and kept.tag else wanted.headers
        request = self._client.connections.request(self._call.url, headers, wanted.query)

        def once(tries: RetryPolicy) -> CachedPage:
            reply = self._answer(request, tries)
            return kept if kept and reply.status == HTTPStatus.NOT_MODIFIED else self._read(reply, wanted)

        return self._retried(once)

    def _read(self, reply: Response, wanted: PageRequest) -> CachedPage:
        is_list = self._call.function.returns == "list"
        try:
            content = (self._call.rows if is_list else self._call.record)(self._success(reply))
        except BadAnswerError as error:
            if isinstance(error.__cause__, ValueError) and ends_early(reply.body):
                raise RetryableError(error) from error.__cause__
            raise
        following = self._client.integration.next_page(reply, wanted) if is_list else None
        return CachedPage(wanted, content, following, reply.headers.get("etag"), len(reply.body))

    def _success(self, reply: Response) -> Response:
        """Return a response if its status is a success, else raise the error for it."""
        if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            return reply
        error = self._call.failure(reply)
        if reply.status in _RETRYABLE:
            raise RetryableError(error, retry_after(reply))
        raise error

    def _retried(self, once: Callable[[RetryPolicy], _T]) -> _T:
        """Return the result of the first successful attempt."""
        tries = self._client.retry_policy()
        while True:
            try:
                return once(tries)
            except RetryableError as failure:
                pause = tries.pause(failure)
                if pause is None:
                    raise failure.error from failure.__cause__
            if pause:
                self._progress.pause(pause, PAUSE_REASON, alone=True)

    def _answer(self, request: Any, tries: RetryPolicy, *, free: bool = False) -> Response:
        """Return the response to a request, whatever its status.

        Raises:
            RetryableError: there is no response, and a retry may get one.
            ApiError: there is no response.
        """
        try:
            return self._sent(request, tries, free=free)
        except NoResponseError as failure:
            error = self._call.no_answer(failure.why, failure.advice)
            if failure.retryable == "always" or (failure.retryable == "met" and self._client.has_responded):
                raise RetryableError(error) from failure.__cause__
            raise error from failure.__cause__

    def _sent(self, request: Any, tries: RetryPolicy, *, free: bool) -> Response:
        """Send one request under the rate limit, and return its response."""
        limiter, call = self._client.limiter, self._call
        self._progress.check()
        permit = limiter.take(self._progress) if self._client.live and not free else None
        tries.sent()
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
            call.tried = tries.attempts_text()
        self._client.has_responded = True
        call.record_headers(reply)
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


def _same(one: object, other: object) -> bool:
    return one is other


def _id(row: Mapping[str, Any]) -> str | int | None:
    value = row.get("id")
    return value if isinstance(value, (str, int)) else None
