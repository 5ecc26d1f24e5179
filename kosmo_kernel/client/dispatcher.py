"""Making the calls that a script asks for: the account, the arguments, the requests, the answer.

`Dispatcher.bind` checks a call, in the thread that runs the session. `Dispatcher.begin` has a thread of the pool make
it and hand on the answer; no thread of that pool ever waits for another. One client per account lives as long as the
session; the fictional account is answered in the same process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from kosmo_kernel import accounts
from kosmo_kernel.catalogue import DEFAULT_CONCURRENCY, ERROR_MODES, MAX_CONCURRENCY, Function, Integration
from kosmo_kernel.client.answer import Answer
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.connections import in_process
from kosmo_kernel.client.fan_out import FanOut
from kosmo_kernel.client.planned_call import PlannedCall
from kosmo_kernel.client.progress import Cancelled, Progress
from kosmo_kernel.client.thread_pool import ThreadPool
from kosmo_kernel.errors import ApiError, InvalidArgumentsError, SettingsError
from kosmo_kernel.settings.aliases import normalize_alias
from kosmo_kernel.values.records import FAILED, Record, Records, columns_with_item

if TYPE_CHECKING:
    from kosmo_kernel.client.cassette import Cassette


WORTH_ASKING = 25  # items of a call from which on an account is asked for its budget when that is not known


@dataclass(slots=True)
class CallAnswer:
    """What a call gave.

    Parameters:
        values: for Lua.
        rows: how many records came, or None for none.
        notes: what the service or we have to say besides.
        failures: what could not be read of a list argument, where that is collected.
        shown: what is to be looked at: forms of `display`, and what they show.
    """

    values: list[Any]
    rows: int | None
    notes: list[str] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    shown: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BoundCall:
    """A call whose arguments were checked.

    Parameters:
        integration: the service.
        function: one of its functions.
        alias: whose account.
        calls: the arguments of each request, see `Function.calls`.
        many: the argument that was given a list; empty for none.
        collect: what fails is listed instead of ending the call.
        at_once: how many requests at a time.
    """

    integration: Integration
    function: Function
    alias: str
    calls: list[dict[str, Any]]
    many: str = ""
    collect: bool = False
    at_once: int = DEFAULT_CONCURRENCY


@dataclass(slots=True)
class CallHandle:
    """Who asks, and is told the answer.

    Parameters:
        progress: of the run.
        hear: is given the answer, or what went wrong, in whatever thread made the call.
        say: is given a line for people, likewise.
        on_answer: is told of each request that was answered, likewise, whatever comes of the call.
        fresh: an answer that was kept from before will not do.
        counts: its requests are told as calls in the progress; those of an item of `parallel.map` are not, the item is.
        coming: how many items of such a list are only begun with this call.
        gone: nobody waits any more.
    """

    progress: Progress
    hear: Callable[[CallAnswer | BaseException], None]
    say: Callable[[str], None]
    on_answer: Callable[[], None]
    fresh: bool = False
    counts: bool = True
    coming: int = 0
    gone: bool = False
    _done: list[int] = field(default_factory=list)  # which threads may add to without a lock

    @property
    def answered(self) -> int:
        """How many requests of the call were answered, or failed."""
        return sum(self._done)

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer."""
        return self.gone or self.progress.cancelled

    def cancel(self) -> None:
        """Nobody waits any more."""
        self.gone = True

    def done(self, calls: int = 1) -> None:
        """So many requests of the call were answered, or failed."""
        self._done.append(calls)
        if self.counts:
            self.progress.end(calls)


class Dispatcher:
    """Makes calls, and keeps the clients and the threads. Threads may share it.

    Parameters:
        tape: what all answers are recorded on or come from, if anything.
    """

    def __init__(self, tape: Cassette | None = None) -> None:
        self._tape = tape
        self._clients: dict[tuple[str, str], Client] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPool()
        self._listed: dict[tuple[str, str, str], list[dict[str, Any]]] = {}

    def tokens(self) -> tuple[str, ...]:
        """The tokens in use, so that no text that leaves the session shows one."""
        with self._lock:
            return tuple(client.account.token for client in self._clients.values())

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()
        with self._lock:
            for client in self._clients.values():
                client.close()

    def budget_left(self, integration: Integration, alias: str) -> int | None:
        """How many requests an account has left now; asking costs none. None where its service does not say.

        Raises:
            CredentialsError: the account has no token.
            UnknownNameError: there is no such account.
            ApiError: what the service answered instead.
        """
        return self._client(integration, alias).budget_left()

    def listed(self, integration: str, function: str, alias: str) -> list[dict[str, Any]] | None:
        """The list that a function without arguments last gave; None before. Nothing is sent; not to be changed."""
        return self._listed.get((integration, function, alias))

    def end(self) -> None:
        """A run is over, and nobody waits for what was begun in it."""
        self._pool.abandon()

    def bind(
        self, integration: Integration, function: Function, alias: str, values: Mapping[str, Any] | Sequence[Any]
    ) -> BoundCall:
        """Check a call. Nothing is sent.

        Parameters:
            integration: the service.
            function: one of its functions.
            alias: whose account.
            values: the arguments, by name or by position, as Lua gave them.

        Raises:
            InvalidArgumentsError: all mistakes in one message.
            UnknownNameError: the account is the demo, and the service has none.
        """
        if alias == accounts.DEMO and not integration.demo:
            accounts.find(integration, alias)  # which says so
        args = function.named(values)
        collect, at_once = _reserved(function, args)
        bound = function.bind(args)
        many = function.fan_out
        is_list = many is not None and isinstance(bound.get(many.name), tuple)
        name = many.name if many and is_list else ""
        return BoundCall(integration, function, alias, function.calls(bound), name, collect, at_once)

    def plan(self, order: BoundCall) -> list[PlannedCall]:
        """The requests that a call would send.

        Raises:
            CredentialsError: the account's address is none that may be asked.
        """
        integration, function = order.integration, order.function
        demo = order.alias == accounts.DEMO
        address = integration.base_url if demo else accounts.address(integration, os.environ)
        name = f"{integration.name}.{function.name}"
        return [PlannedCall(name, order.alias, args, "GET", address + function.url(args)) for args in order.calls]

    def begin(self, order: BoundCall, asker: CallHandle) -> None:
        """Make a call. Its answer, or what went wrong, is told to the asker, unless nobody waits for it by then."""

        def work() -> None:
            try:
                if asker.cancelled:
                    return
                if order.many:
                    self._begin_many(order, asker)
                else:
                    asker.hear(self.call(order, asker))
            except Cancelled:
                pass  # nobody waits
            except BaseException as error:  # noqa: BLE001 - what is no error of ours is raised where the run waits
                asker.hear(error)

        self._pool.submit(work)

    def call(self, order: BoundCall, asker: CallHandle) -> CallAnswer:
        """Make a call that is one and no list of them, in this thread.

        Raises:
            CredentialsError: the account has no token.
            ApiError: what the service answered instead of a result.
            Cancelled: nobody waits for the answer any more.
        """
        client = self._client(order.integration, order.alias)
        _tell_budget(client, order, asker, asker.coming)
        try:
            answer = client.fetch(
                order.function, order.calls[0], asker.progress, fresh=asker.fresh, on_answer=asker.on_answer
            )
        finally:
            asker.done()
        if isinstance(answer.data, list) and not order.calls[0]:
            self._listed[order.integration.name, order.function.name, order.alias] = answer.data
        return _single(order, answer)

    def _begin_many(self, order: BoundCall, asker: CallHandle) -> None:
        """Make a call for every item of a list, with as many threads as it may have, this one among them."""
        client = self._client(order.integration, order.alias)
        known = client.bulk(order.function, order.calls, asker.progress, fresh=asker.fresh, on_answer=asker.on_answer)
        missing = known.count(None)
        asker.done(len(known) - missing)

        def fetch(args: Mapping[str, Any]) -> Answer:
            try:
                return client.fetch(order.function, args, asker.progress, fresh=asker.fresh, on_answer=asker.on_answer)
            finally:
                asker.done()

        def end(failed: BaseException | None, found: Sequence[Answer | ApiError]) -> None:
            asker.hear(failed or _gathered(order, found))

        _tell_budget(client, order, asker, max(missing, asker.coming))
        fan_out = FanOut(fetch, order.calls, known, end, lambda: asker.cancelled, collect=order.collect)
        for _ in range(min(order.at_once, missing) - 1):
            self._pool.submit(fan_out.work)
        fan_out.work()

    def _client(self, integration: Integration, alias: str) -> Client:
        """The client of an account, which is opened anew when its token or address has changed.

        Raises:
            CredentialsError: the account has no token.
            UnknownNameError: there is no such account.
        """
        account = self._account(integration, alias)
        key = (integration.name, account.alias if account else alias)
        with self._lock:
            client = self._clients.get(key)
            if account is None:
                client = client or _demo(integration, self._tape)
            elif client is None or client.account != account:
                if client:
                    client.close()
                client = Client(integration, account, tape=self._tape)
            self._clients[key] = client
            return client

    def _account(self, integration: Integration, alias: str) -> accounts.Account | None:
        """The account of this name; None for the fictional one, which is answered in this process."""
        if self._tape and not self._tape.live:
            name = normalize_alias(alias)
            return accounts.Account(integration.name, name, "no-token", integration.base_url, "the cassette")
        return None if alias == accounts.DEMO and integration.demo else accounts.find(integration, alias)


def _demo(integration: Integration, tape: Cassette | None = None) -> Client:
    """The client of a service's fictional account: a look-alike answers in this process.

    Raises:
        SettingsError: it cannot be made.
    """
    try:
        api, token = resolve_name(integration.demo)()
    except Exception as error:  # what a stranger's module raises can be anything
        raise SettingsError(
            f"The demo account of {integration.title} ({integration.demo}) cannot be made: "
            f"{type(error).__name__}: {error}"
        ) from error
    account = accounts.Account(integration.name, accounts.DEMO, token, integration.base_url, "the demo")
    return Client(integration, account, transport=in_process(api), tape=tape)


def empty(order: BoundCall) -> CallAnswer:
    """What a call gives that is not made."""
    function = order.function
    if order.many:
        values: list[Any] = [
            Records([], function, columns_with_item(function)),
            *([Records([])] if order.collect else []),
        ]
    else:
        values = [Records([], function) if function.returns == "list" else Record({}, function, order.alias)]
    return CallAnswer(values, None)


def _single(order: BoundCall, answer: Answer) -> CallAnswer:
    function, account = order.function, order.alias
    if isinstance(answer.data, list):
        values, rows = [Records(answer.data, function, account=account)], len(answer.data)
        return CallAnswer(values, rows, list(answer.warnings))
    return CallAnswer([Record(answer.data, function, account)], None, list(answer.warnings))


def _gathered(order: BoundCall, found: Sequence[Answer | ApiError]) -> CallAnswer:
    """The answers for all items as one: a list of what was found, and where that is collected of what was not."""
    function, name = order.function, order.many
    rows: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    notes = dict[str, None]()
    for call, answer in zip(order.calls, found, strict=True):
        if isinstance(answer, ApiError):
            facts = answer.facts()
            failures.append({name: call[name], **{column.name: facts[column.name] for column in FAILED}})
            continue
        some = answer.data if isinstance(answer.data, list) else [answer.data]
        asked = {name: call[name]}
        rows += [asked | row | asked for row in some]  # the first column, whatever the row calls by that name
        notes |= dict.fromkeys(answer.warnings)
    values: list[Any] = [Records(rows, function, columns_with_item(function), order.alias)]
    if order.collect:
        values.append(Records(failures))
    return CallAnswer(values, len(rows), list(notes), failures)


def _tell_budget(client: Client, order: BoundCall, asker: CallHandle, count: int) -> None:
    """Say so where an account has not as many requests left as are coming."""
    budget = order.integration.budget
    if budget is None or count <= 1:
        return
    left = client.remaining
    if left is None and count >= WORTH_ASKING:
        with suppress(ApiError):  # the call itself will say what is wrong
            left = client.budget_left(asker.progress, on_answer=asker.on_answer)
    if left is not None and left < count:
        minutes = max(1, round((count - left) / budget.refill_per_minute))
        asker.say(f"{count:,} requests, {left:,} left: about {minutes} minute{'' if minutes == 1 else 's'}\n")


def _reserved(function: Function, args: dict[str, Any]) -> tuple[bool, int]:
    """Take out the arguments that mean the same for every function: `errors` and `limit`."""
    errors, at_once = args.pop("errors", None), args.pop("limit", None)
    faults = []
    if errors not in (None, *ERROR_MODES):
        faults.append('`errors` must be "collect" or "raise"')
    if at_once is not None and (not isinstance(at_once, int) or isinstance(at_once, bool) or at_once < 1):
        faults.append("`limit` must be a number of requests at a time, 1 or more")
    if faults:
        raise InvalidArgumentsError(f"{function.name}: {'; '.join(faults)}. Write {function.signature}")
    return errors == "collect", min(at_once or DEFAULT_CONCURRENCY, MAX_CONCURRENCY)
