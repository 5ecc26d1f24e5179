"""The HTTP client of one account: its connections, rate limiter and cache, shared by all threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.client.answer import Answer
from kosmo_kernel.client.bulk import answer_from_lists
from kosmo_kernel.client.connections import Connections, HttpTransport
from kosmo_kernel.client.etag_cache import MAX_BYTES, ETagCache
from kosmo_kernel.client.fetch import Fetch
from kosmo_kernel.client.progress import Clock, Progress
from kosmo_kernel.client.rate_limiter import RateLimiter
from kosmo_kernel.client.responses import ResponseParser
from kosmo_kernel.client.retry import RETRY_BUDGET_SECONDS, RetryPolicy
from kosmo_kernel.errors import ApiError, SettingsError

if TYPE_CHECKING:
    from kosmo_kernel.client.cassette import Cassette, Transport

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 30.0


class Client:
    """The client of one account. Connections are opened when they are needed. Thread-safe.

    Parameters:
        integration: the service.
        account: the account, with its token and address.
        transport: an HTTP transport in place of the network, for example `in_process`.
        timeout: the read timeout in seconds; `KOSMO_READ_TIMEOUT` or 30 when None.
        connect_timeout: the connect timeout in seconds; `KOSMO_CONNECT_TIMEOUT` or 10 when None, and at most the
            read timeout.
        patience: seconds for which a failed request is retried; 0 for no retries.
        clock: the clock; a `Progress` that is passed to `fetch` must have the same.
        chance: the random numbers for the jitter of pauses.
        cassette: the cassette that records or replays the answers. With a cassette nothing is cached, so that every
            answer is complete.

    Attributes:
        live: whether requests are sent; False if a cassette answers them, without retries or rate limit.
        limiter: the account's rate limiter.
        cache: the cache of earlier answers.
        connections: the transport of the requests.
        has_responded: whether the address has ever answered.

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
        patience: float = RETRY_BUDGET_SECONDS,
        clock: Clock | None = None,
        chance: Random | None = None,
        cassette: Cassette | None = None,
    ) -> None:
        self.integration = integration
        self.account = account
        read = _seconds("KOSMO_READ_TIMEOUT", timeout, READ_TIMEOUT)
        connect = _seconds("KOSMO_CONNECT_TIMEOUT", connect_timeout, CONNECT_TIMEOUT)
        own = Connections(integration, account, transport, min(connect, read), read)
        self.connections: Transport = cassette.transport(integration, account, own) if cassette else own
        self.live = cassette is None or cassette.live
        self._clock = clock or Clock()
        self._chance = chance or Random()
        self._patience = patience if self.live else 0
        self.limiter = RateLimiter(integration.budget, integration.title, self._clock, self._chance)
        self.cache = ETagCache(0 if cassette else MAX_BYTES)
        self.has_responded = False
        self._lock = threading.Lock()
        self._warned: set[str] = set()

    def __repr__(self) -> str:
        return f"<Client of {self.integration.name}, account {self.account.alias}, {self.account.url}>"

    @property
    def remaining(self) -> int | None:
        """The remaining request budget as far as it is known without a request, else None."""
        return self.limiter.remaining

    def budget_left(
        self, progress: Progress | None = None, *, on_answer: Callable[[], None] = lambda: None
    ) -> int | None:
        """Query the remaining request budget of the account. The query does not count against it.

        Parameters:
            progress: as for `fetch`.
            on_answer: as for `fetch`.

        Returns:
            The number of requests; None if the service has no endpoint for it, or the client replays a cassette.

        Raises:
            ApiError: as for `fetch`.
        """
        budget = self.integration.budget
        if budget is None or not budget.path or not self.live:
            return None
        asked = Function("budget_left", "", "", budget.path, "record", ())
        call = ResponseParser(self.integration, self.account, asked, {})
        left = budget.read(Fetch(self, call, progress or Progress(self._clock), on_answer=on_answer).free())
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
            UnreachableError: no usable connection, or status 502, 503 or 504, for as long as `patience`.
            BadAnswerError: any other status, a truncated body, or JSON that does not fit the function.
            SettingsError: the environment variables for proxies or certificates are invalid.
            Cancelled: the run has ended.
            RuntimeError: the client is closed.
        """
        if self.connections.closed:
            raise RuntimeError(f"{self!r} is closed")
        call = ResponseParser(self.integration, self.account, function, args)
        request = Fetch(self, call, progress or Progress(self._clock), fresh=fresh, on_answer=on_answer)
        data, unchanged = request.data()
        warnings = self._new_warnings(call.warnings) if call.warnings else ()
        return Answer(data, call.requests, call.remaining, call.request_id, warnings, call.scopes, unchanged)

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
            progress: as for `fetch`.
            fresh: as for `fetch`.
            on_answer: as for `fetch`.

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
        except ApiError:  # the token may not list the whole account: let each call succeed or fail by itself
            return [None] * len(calls)

    def retry_policy(self) -> RetryPolicy:
        """Return the retry policy of one request."""
        return RetryPolicy(self._clock, self._chance, self._patience)

    def close(self) -> None:
        """Close all connections. A closed client stays closed."""
        self.connections.close()

    def _new_warnings(self, warnings: Mapping[str, None]) -> tuple[str, ...]:
        with self._lock:
            new = tuple(warning for warning in warnings if warning not in self._warned)
            self._warned.update(new)
        return new


def _seconds(variable: str, value: float | None, default: float) -> float:
    """Return a timeout in seconds: the argument, else the environment variable, else the default."""
    text = str(value) if value is not None else os.environ.get(variable, "").strip()
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < threading.TIMEOUT_MAX:  # also false for nan
        name = variable if value is None else variable.removeprefix("KOSMO_").lower()
        raise SettingsError(f"{name} must be a positive number of seconds, got {text!r}.")
    return seconds
