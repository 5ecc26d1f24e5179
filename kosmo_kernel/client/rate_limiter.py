"""How many requests an account may send, and when: one `RateLimiter` for each account, shared by all threads.

A service fills a bucket: so many requests can be saved up, so many come back a minute, and an answer tells how many
were left when it was made. Between two answers the limiter counts for itself. While there is plenty, a request goes
at once. Near the bottom requests go no faster than the bucket fills, and slower while others empty it, because a
reserve is left to whoever shares the account: a dashboard, a build. A refusal for want of budget (429) holds
everybody up until the service's own time or one that doubles is over.

Until the service has told how many are left, and after a refusal, one request goes ahead as a scout and the others
wait for its answer. Those who wait stand in a queue; the first of it alone looks at the clock, and who leaves it,
sent or cancelled, wakes the next.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass
from random import Random

from kosmo_kernel.catalogue.http import Budget
from kosmo_kernel.client.progress import Clock, Progress, WallClock

RESERVE = 0.01  # of the capacity, left to others
MAX_PROBE_INTERVAL_SECONDS = 60.0  # seconds between two scouts, where the service does not say how long to wait
MAX_REJECTED_SECONDS = 900.0  # seconds of nothing but refusals after which nobody waits any longer
PROBE_TIMEOUT_SECONDS = (
    120.0  # seconds after which a scout that did not come back, however that may be, is followed by another
)
POLL_INTERVAL_SECONDS = 0.1  # seconds after which one who waits for an answer looks whether it is still wanted
TIMER_SLACK_SECONDS = (
    0.001  # seconds on top of a wait that was reckoned, so that its end is not a rounding error too early
)


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send one request, to be given back with what became of it.

    Parameters:
        number: of the account's requests, from 1.
        at: when it was given, in seconds of the clock.
        over: how many requests were over by then, and so were counted by the service before this one.
    """

    number: int
    at: float
    over: int


class RateLimiter:
    """Who may send, and when. Threads share it; whoever came first goes first.

    Parameters:
        budget: what the service says of it in general; None where it says nothing, and then only a refusal holds
            anybody up.
        title: the service's name for people.
        clock: what time it is; a `Progress` that waits here has the same.
        chance: spreads the pauses of those who were refused at the same time.
    """

    def __init__(
        self, budget: Budget | None, title: str, clock: Clock | None = None, chance: Random | None = None
    ) -> None:
        self.why = f"for {title}'s request budget"
        self._clock = clock or WallClock()
        self._chance = chance or Random()
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._rate = budget.refill_per_minute / 60 if budget else 1.0  # requests that come back in a second
        self._capacity = float(budget.capacity) if budget else math.inf
        self._left = self._capacity  # what will be left once all that is under way was counted
        self._seen = self._clock.now()  # when that was so
        self._known = False  # whether the service said so
        self._sent = self._over = 0
        self._last = -math.inf  # when the last request was sent
        self._scouting = budget is not None
        self._scout: Permit | None = None  # the one that is under way
        self._until = -math.inf  # nobody is sent before
        self._refused_at = 0  # how many were sent when the last refusal came
        self._refusals: list[float] = []  # when each refusal came since the last success, scouts' only

    @property
    def remaining(self) -> int | None:
        """How many more requests can be sent now, as far as it is known."""
        with self._lock:
            return max(0, int(self._refilled())) if self._known else None

    def take(self, progress: Progress) -> Permit:
        """Wait until a request may be sent.

        Parameters:
            progress: of the run that wants to send it; it shows the wait.

        Raises:
            Cancelled: that run has ended meanwhile, and the place in the queue is given up.
        """
        with self._lock:
            if not self._queue and self._delay() == 0.0:
                return self._go()
            me = threading.Event()
            self._queue.append(me)
        try:
            while True:
                with self._lock:
                    me.clear()
                    delay = self._delay() if self._queue[0] is me else None
                    if delay == 0.0:
                        return self._go()
                if delay is None:
                    me.wait(POLL_INTERVAL_SECONDS)
                    progress.check()
                else:
                    progress.pause(delay, self.why)
        finally:
            with self._lock:
                self._queue.remove(me)
                self._wake()

    def answered(self, turn: Permit, left: int | None) -> None:
        """A request was answered, whatever the answer but a refusal for want of budget.

        Parameters:
            turn: of that request.
            left: how many were left then, where the service said so.
        """
        with self._lock:
            self._give_back(turn)
            if turn.number > self._refused_at:
                self._scouting = False
                self._refusals.clear()
            if left is not None:
                self._learn(turn, left)

    def no_response(self, turn: Permit) -> None:
        """A request got no answer. Whether the service counted it nobody knows, so it stays counted here."""
        with self._lock:
            self._give_back(turn)

    def rejected(self, turn: Permit, after: float | None) -> bool:
        """A request was refused for want of budget.

        Parameters:
            turn: of that request.
            after: how many seconds the service asks to wait, where it says so.

        Returns:
            Whether it makes sense to take another turn.
        """
        with self._lock:
            self._give_back(turn)
            now = self._clock.now()
            if turn.number > self._refused_at or not self._refusals:  # not one that was under way at the last refusal
                self._refusals.append(now)
                self._refused_at = self._sent
            doubled = min(
                MAX_PROBE_INTERVAL_SECONDS, 2 ** (len(self._refusals) - 1) / self._rate
            ) * self._chance.uniform(0.75, 1.25)
            pause = doubled if after is None else after if len(self._refusals) == 1 else max(after, doubled)
            self._until, self._scouting = max(self._until, now + pause), True
            if self._capacity < math.inf:
                self._left, self._seen = 0.0, now
            if self._until - self._refusals[0] <= MAX_REJECTED_SECONDS:
                return True
            self._until = now  # whoever asks next hears it from the service
            self._refusals.clear()
            return False

    def set_remaining(self, left: int) -> None:
        """The service was asked how many are left, and it cost nothing."""
        with self._lock:
            self._left, self._seen, self._known = float(left - (self._sent - self._over)), self._clock.now(), True
            self._capacity = max(self._capacity, left)

    def _go(self) -> Permit:
        now = self._clock.now()
        self._sent += 1
        self._last = now
        self._left, self._seen = self._refilled() - 1, now
        turn = Permit(self._sent, now, self._over)
        if self._scouting:
            self._scout = turn
        return turn

    def _give_back(self, turn: Permit) -> None:
        self._over += 1
        if turn is self._scout:
            self._scout = None
        self._wake()

    def _wake(self) -> None:
        if self._queue:
            self._queue[0].set()

    def _delay(self) -> float | None:
        """Seconds until the next request may be sent; None where that depends on an answer."""
        now = self._clock.now()
        if now < self._until:
            return self._until - now + TIMER_SLACK_SECONDS
        if self._scouting:
            away = self._scout is not None and now - self._scout.at < PROBE_TIMEOUT_SECONDS
            return None if away else 0.0
        left, reserve = self._refilled(), max(1.0, RESERVE * self._capacity)
        if left - 1 >= reserve:
            return 0.0
        wait = max(self._spacing(left, reserve, now - self._last), (1 - left) / self._rate)
        return wait + TIMER_SLACK_SECONDS if wait > 0 else 0.0

    def _spacing(self, left: float, reserve: float, since: float) -> float:
        """Seconds until a request may follow the last one, where only the reserve is left.

        With all of the reserve left the distance is that in which one request comes back; with half of it, twice that,
        so that we keep to what others leave. `left` grows meanwhile: it is the `wait` with
        `(since + wait) * (left + rate * wait) * rate == reserve`.
        """
        a, b = self._rate**2, self._rate * (left + self._rate * since)
        c = self._rate * since * left - reserve
        return (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)

    def _refilled(self) -> float:
        return min(self._capacity, self._left + (self._clock.now() - self._seen) * self._rate)

    def _learn(self, turn: Permit, left: int) -> None:
        """Correct the own count by what an answer says, which is old by now, and which others may have overtaken.

        After that answer was made the service counted at most those requests that were not over when its own was
        sent, and at least none.
        """
        now = self._clock.now()
        self._capacity = max(self._capacity, left)
        most = left + (now - turn.at) * self._rate
        least = left - (self._sent - turn.over - 1)
        self._left, self._seen, self._known = min(max(self._refilled(), least), most), now, True
