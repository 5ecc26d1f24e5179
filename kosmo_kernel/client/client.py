"""What all who ask with one account share: its connections, its budget, and what was answered before."""

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
from kosmo_kernel.client.progress import Clock, Progress, WallClock
from kosmo_kernel.client.rate_limiter import RateLimiter
from kosmo_kernel.client.responses import ResponseParser
from kosmo_kernel.client.retry import RETRY_BUDGET_SECONDS, RetryPolicy
from kosmo_kernel.errors import ApiError, SettingsError

if TYPE_CHECKING:
    from kosmo_kernel.client.cassette import Cassette, Transport

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 30.0


class Client:
    """The client of one account; its connections are opened when they are needed. Threads may share it.

    Parameters:
        integration: the service.
        account: whose token is sent, and where to.
        transport: what carries the requests instead of the network, `in_process` for example.
        timeout: seconds to wait for an answer, or for more of it; `KOSMO_READ_TIMEOUT` or 30 when None.
        connect_timeout: seconds to wait for a connection; `KOSMO_CONNECT_TIMEOUT` or 10 when None, and never
            longer than for an answer.
        patience: seconds that a request which failed is tried again; with 0 the first answer is final.
        clock: what time it is; a `Progress` that is given to `fetch` has the same.
        chance: by which pauses differ.
        tape: what its answers are recorded on, or come from. With one every answer is a whole one: nothing is kept.

    Attributes:
        live: whether its requests are sent; else a cassette answers them, at once and for good.
        limiter: who may send, and when.
        memory: what was answered before.
        connections: what carries the requests.
        met: whether the address has ever answered.

    Raises:
        SettingsError: a timeout that makes no sense.
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
        tape: Cassette | None = None,
    ) -> None:
        self.integration = integration
        self.account = account
        read = _seconds("KOSMO_READ_TIMEOUT", timeout, READ_TIMEOUT)
        connect = _seconds("KOSMO_CONNECT_TIMEOUT", connect_timeout, CONNECT_TIMEOUT)
        own = Connections(integration, account, transport, min(connect, read), read)
        self.connections: Transport = tape.wire(integration, account, own) if tape else own
        self.live = tape is None or tape.live
        self._clock: Clock = clock or WallClock()
        self._chance = chance or Random()
        self._patience = patience if self.live else 0
        self.limiter = RateLimiter(integration.budget, integration.title, self._clock, self._chance)
        self.memory = ETagCache(0 if tape else MAX_BYTES)
        self.met = False
        self._lock = threading.Lock()
        self._warned: set[str] = set()

    def __repr__(self) -> str:
        return f"<Client of {self.integration.name}, account {self.account.alias}, {self.account.url}>"

    @property
    def remaining(self) -> int | None:
        """How many requests the account has left now, as far as it is known without asking."""
        return self.limiter.remaining

    def budget_left(
        self, progress: Progress | None = None, *, on_answer: Callable[[], None] = lambda: None
    ) -> int | None:
        """Ask the service how many requests the account has left. It costs none.

        Parameters:
            progress: as for `fetch`.
            on_answer: as for `fetch`.

        Returns:
            None where the service does not tell, or not at an address of its own, or is not asked.

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
        """Call a function and wait for all of its answer.

        Parameters:
            function: one of the integration's.
            args: by name, as `function.calls` gives them.
            progress: of the run that asks; it shows what is waited for, and ends it.
            fresh: ask as if nothing had been asked before.
            on_answer: is told of each request that was answered, whatever with; also where the call fails.

        Raises:
            RefusedError: a 4xx: credentials, access, no such thing, bad parameters.
            RateLimitError: nothing but 429s for a long time.
            UnreachableError: no usable connection, or a 502, 503 or 504, for as long as `patience`.
            BadAnswerError: any other status, a body cut short, or JSON that is not what the function promises.
            SettingsError: environment variables about proxies or certificates that make no sense.
            Cancelled: the run that asks has ended.
            RuntimeError: the client is closed.
        """
        if self.connections.closed:
            raise RuntimeError(f"{self!r} is closed")
        call = ResponseParser(self.integration, self.account, function, args)
        asking = Fetch(self, call, progress or Progress(self._clock), fresh=fresh, on_answer=on_answer)
        data, unchanged = asking.data()
        warnings = self._untold(call.warnings) if call.warnings else ()
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
        """What is known of many calls of one function from a few lists of the whole account.

        Parameters:
            function: one of the integration's.
            calls: the arguments of each call, as `function.calls` gives them.
            progress: as for `fetch`.
            fresh: as for `fetch`.
            on_answer: as for `fetch`.

        Returns:
            For each call the answer that `fetch` would give, or None where `fetch` has to be asked: for few calls,
            for functions that no such list answers, and for whatever the lists do not settle. The first answer
            says how many requests it took for all.

        Raises:
            SettingsError: as for `fetch`.
            Cancelled: as for `fetch`.
        """

        def fetch(whole: Function) -> Answer:
            return self.fetch(whole, {}, progress, fresh=fresh, on_answer=on_answer)

        try:
            return answer_from_lists(function, calls, fetch)
        except ApiError:  # a token made for less, perhaps: each call says for itself what it can get
            return [None] * len(calls)

    def retry_policy(self) -> RetryPolicy:
        """The tries of one request."""
        return RetryPolicy(self._clock, self._chance, self._patience)

    def close(self) -> None:
        """Close all connections. A closed client stays closed."""
        self.connections.close()

    def _untold(self, warnings: Mapping[str, None]) -> tuple[str, ...]:
        with self._lock:
            new = tuple(warning for warning in warnings if warning not in self._warned)
            self._warned.update(new)
        return new


def _seconds(variable: str, given: float | None, usual: float) -> float:
    """A timeout: as given, else the environment's, else the usual one."""
    told = str(given) if given is not None else os.environ.get(variable, "").strip()
    if not told:
        return usual
    try:
        seconds = float(told)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < threading.TIMEOUT_MAX:  # nan is neither
        name = variable if given is None else variable.removeprefix("KOSMO_").lower()
        raise SettingsError(f"{name} must be a positive number of seconds, got {told!r}.")
    return seconds
