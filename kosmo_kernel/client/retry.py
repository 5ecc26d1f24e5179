"""The retry policy: which failures are retried, and after which pause; and the network that is gone for a while.

All requests are read-only, so each can be sent again. The first pause is half a second, each further one twice as long
up to eight seconds, all with random jitter so that concurrent failures do not retry at the same time. A `Retry-After`
header takes precedence. When failures and pauses would exceed `patience`, the request fails, and the error says how
often and how long it was tried.

A network that is gone is waited for longer. A request that got no connection starts an outage, if the address has
answered before and nothing has come from it since the request was sent. Requests that got a connection and no response
do so together: two of them, with no response in between. A single one may be slow by itself, and is retried like any
other. During an outage the first request in the queue is sent again as a probe, with exponential backoff; if it fails,
the next one in the queue is the following probe, so that a request that fails by itself cannot hold up the others. Any
response ends the outage, and all requests go on. A run that has waited for as long as `outage_timeout` fails, and its
later requests fail without a wait until the network is back.

Tenacity and stamina do not fit: they sleep by themselves on the system clock. Here a pause belongs to the run, which
shows it and can cancel it, tests have a clock of their own, and waiting for the rate limit must not count as a failure.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from kosmo_kernel.client.transport import NoResponseError
from kosmo_kernel.errors import ApiError
from kosmo_kernel.progress.run import Clock, Progress

RETRY_BUDGET_SECONDS = 60.0  # for all failed attempts of one request and the pauses between them
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 8.0
PAUSE_REASON = "for another try"


class RetryableError(Exception):
    """An attempt failed, and a retry may succeed.

    Attributes:
        error: the error to raise if there is no retry.
        after: the seconds to wait according to the service (`Retry-After`), if it says so.
        is_budget_used_up: the request budget was used up (status 429); the rate limiter makes the pause.
    """

    def __init__(self, error: ApiError, after: float | None = None, *, is_budget_used_up: bool = False) -> None:
        super().__init__(error.message)
        self.error, self.after, self.is_budget_used_up = error, after, is_budget_used_up


class RetryPolicy:
    """The retry policy of one request whose first attempt failed, which counts its attempts.

    Parameters:
        clock, rng, patience: as for `Client`.
        begun: the time at which the request was begun.
    """

    def __init__(self, clock: Clock, rng: Random, patience: float, begun: float) -> None:
        self._clock, self._rng, self._patience, self._begun = clock, rng, patience, begun
        self._failures, self._spent, self._attempts = 0, 0.0, 1

    def attempts_text(self) -> str:
        """Return a sentence on the number of attempts and their duration."""
        return f"It was tried {self._attempts} times in {self._clock.now() - self._begun:.3g} s"

    def pause(self, setback: RetryableError, sent_at: float) -> float | None:
        """Return the seconds until the next attempt, or None if there is none.

        Parameters:
            setback: the failure of the last attempt.
            sent_at: the time at which that was sent.
        """
        self._attempts += 1
        if setback.is_budget_used_up:
            return 0.0 if self._patience else None
        self._failures += 1
        self._spent += self._clock.now() - sent_at
        wait = backoff(self._failures - 1, self._rng) if setback.after is None else setback.after
        if self._spent + wait > self._patience:
            return None
        self._spent += wait
        return wait


def backoff(failures: int, rng: Random) -> float:
    """Return the seconds until the next attempt: twice as long with each earlier failure, with random jitter."""
    return min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures, 8)) * rng.uniform(0.5, 1)


POLL_INTERVAL_SECONDS = 0.1  # between two checks for cancellation while a request waits in the queue
SHOW_AFTER_SECONDS = 2.0  # of an outage, before the progress shows when the run gives up


class OutageTimeoutError(Exception):
    """The network was gone for as long as a run waits for it.

    Attributes:
        failure: the last failure.
        seconds: the time that the run has waited.
    """

    def __init__(self, failure: NoResponseError, seconds: float) -> None:
        super().__init__(failure.why)
        self.failure, self.seconds = failure, seconds


class NetworkOutage:
    """The network between this machine and one account's address, as far as requests tell. Thread-safe.

    Parameters:
        host: the name of the host.
        timeout: the seconds for which a run waits for the network.
        clock, rng: as for `Client`.

    Attributes:
        is_suspected: a request got no response, and none has come since. Then requests wait for a permit, and the
            next response must be reported with `answered`.
    """

    def __init__(self, host: str, timeout: float, clock: Clock, rng: Random) -> None:
        self.is_suspected = False
        self._why = f"for the network ({host} does not answer)"
        self._timeout, self._clock, self._rng = timeout, clock, rng
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._suspects: set[object] = set()  # requests with a connection and without a response
        self._failure: NoResponseError | None = None  # the last one of an outage, or None without an outage
        self._began = 0.0
        self._probes = 0  # that failed
        self._probing = False  # a probe is under way
        self._next_at = 0.0  # the time of the next probe

    def failed(self, request: object, failure: NoResponseError) -> bool:
        """Report a request that got no response, and return whether the network is gone.

        Parameters:
            request: identifies the request.
            failure: its failure.
        """
        with self._lock:
            if self._failure is None:
                if failure.retryable == "never":
                    return False
                self.is_suspected = True
                self._suspects.add(request)
                if failure.is_connected and len(self._suspects) == 1:
                    return False
                now = self._clock.now()
                self._began, self._probes, self._next_at = now, 0, now + backoff(0, self._rng)
            self._failure = failure
            return True

    def answered(self) -> None:
        """Report a response: an outage is over."""
        with self._lock:
            self.is_suspected, self._failure = False, None
            self._suspects.clear()
            for waiter in self._queue:
                waiter.set()

    @contextmanager
    def permit(self, progress: Progress) -> Iterator[None]:
        """Wait until a request may be sent: until the outage is over, or until it is the next probe.

        Parameters:
            progress: the progress of the run, which shows the wait.

        Raises:
            OutageTimeoutError: the run has waited for too long.
            Cancelled: the run has ended.
        """
        if not self._wait(progress):
            yield
            return
        failed = False
        try:
            yield
        except NoResponseError:
            failed = True
            raise
        finally:
            with self._lock:
                self._probing = False
                if failed:
                    self._probes += 1
                    self._next_at = self._clock.now() + backoff(self._probes, self._rng)
                self._wake()

    def wait_of(self, progress: Progress) -> tuple[float, str] | None:
        """Return in how many seconds a run gives up, and what it waits for; None if it does not wait."""
        with self._lock:
            now = self._clock.now()
            remaining = self._timeout - self._waited(now, progress)
            if self._failure is None or now - self._began < SHOW_AFTER_SECONDS or remaining <= 0:
                return None
        return remaining, self._why

    def _wait(self, progress: Progress) -> bool:
        """Wait as `permit` does, and return whether the request is a probe."""
        waiter = threading.Event()
        progress.show_outage(self)
        with self._lock:
            self._queue.append(waiter)
        try:
            while True:
                with self._lock:
                    waiter.clear()
                    if self._failure is None:
                        return False
                    now = self._clock.now()
                    waited = self._waited(now, progress)
                    is_next = self._queue[0] is waiter and not self._probing
                    if is_next and now >= self._next_at:
                        self._probing = True
                        return True
                    if waited >= self._timeout:
                        raise OutageTimeoutError(self._failure, waited)
                    pause = min(self._next_at - now, self._timeout - waited)
                if is_next:
                    progress.pause(pause, self._why)
                else:
                    waiter.wait(POLL_INTERVAL_SECONDS)
                    progress.check()
        finally:
            with self._lock:
                self._queue.remove(waiter)
                self._wake()

    def _waited(self, now: float, progress: Progress) -> float:
        """Return the seconds of the outage since the start of the run."""
        return now - max(self._began, progress.started or self._began)

    def _wake(self) -> None:
        if self._queue:
            self._queue[0].set()
