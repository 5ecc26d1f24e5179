"""Check and make the calls of a script.

`Dispatcher.bind` checks a call in the thread that runs the session. `Dispatcher.begin` makes it in a thread of the pool
and passes the answer to a callback; no thread of the pool waits for another. There is one client per account for the
lifetime of the session. The demo account is answered in the same process.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from kosmo_kernel import accounts
from kosmo_kernel.catalogue import DEFAULT_CONCURRENCY, ERROR_MODES, MAX_CONCURRENCY, Function, Integration
from kosmo_kernel.client.answer import Answer
from kosmo_kernel.client.call import CallAnswer, CallHandle, PlannedCall
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.connections import in_process
from kosmo_kernel.client.fan_out import FanOut
from kosmo_kernel.client.progress import Cancelled, counted
from kosmo_kernel.client.thread_pool import ThreadPool
from kosmo_kernel.errors import ApiError, InvalidArgumentsError, SettingsError
from kosmo_kernel.settings.aliases import normalize_alias
from kosmo_kernel.settings.permissions import Target
from kosmo_kernel.values.records import FAILURE_FIELDS, Record, Records, columns_with_item

if TYPE_CHECKING:
    from kosmo_kernel.client.cassette import Cassette


MIN_REQUESTS_FOR_BUDGET_QUERY = 25  # minimum number of requests for which an unknown request budget is queried first


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """A call of a service's function with checked arguments.

    Parameters:
        integration: the service.
        function: one of its functions.
        alias: the account's alias.
        calls: the arguments of each request, see `Function.calls`.
        fan_out_argument: the name of the argument that received a list; empty if there is none.
        collect: list failed items instead of ending the call at the first one.
        concurrency: the maximum number of concurrent requests.
    """

    integration: Integration
    function: Function
    alias: str
    calls: list[dict[str, Any]]
    fan_out_argument: str = ""
    collect: bool = False
    concurrency: int = DEFAULT_CONCURRENCY

    @property
    def name(self) -> str:
        """The full name of the function in questions and errors."""
        return f"{self.integration.name}.{self.function.name}"

    @property
    def title(self) -> str:
        """The name of the call at the start of an error."""
        return f"{self.name} (account {self.alias})"

    @property
    def account(self) -> str:
        """The account in the log."""
        return self.alias

    @property
    def count(self) -> int:
        """The number of calls that it counts as: one for each item of a list argument."""
        return len(self.calls)

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments of the first request."""
        return self.calls[0]

    @property
    def remote(self) -> bool:
        """Return whether it is sent over the network."""
        return self.alias != accounts.DEMO

    @property
    def effect(self) -> str:
        """Return `read` or `write`, its effect on the service."""
        return self.function.effect

    @property
    def purpose(self) -> str:
        """Describe the call as the end of a sentence in the question to the user."""
        verb = "changes something at" if self.effect == "write" else "reads from"
        return f"{verb} {self.integration.title}, account {self.alias}"

    @property
    def target(self) -> Target:
        """The account whose permissions apply."""
        return Target(normalize_alias(self.alias), self.integration.name)


class Dispatcher:
    """Make calls, and keep the clients and the thread pool. Thread-safe.

    Parameters:
        cassette: the cassette that records or replays all answers, if any.
    """

    def __init__(self, cassette: Cassette | None = None) -> None:
        self._cassette = cassette
        self._clients: dict[tuple[str, str], Client] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPool()
        self._listed: dict[tuple[str, str, str], list[dict[str, Any]]] = {}

    def tokens(self) -> tuple[str, ...]:
        """Return the tokens in use, which are redacted from every text that leaves the session."""
        with self._lock:
            return tuple(client.account.token for client in self._clients.values())

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()
        with self._lock:
            for client in self._clients.values():
                client.close()

    def budget_left(self, integration: Integration, alias: str) -> int | None:
        """Return the remaining request budget of an account, or None if the service does not report it.

        The query itself does not count against the budget.

        Raises:
            CredentialsError: the account has no token.
            UnknownNameError: there is no such account.
            ApiError: the service answered with an error.
        """
        return self._client(integration, alias).budget_left()

    def listed(self, integration: str, function: str, alias: str) -> list[dict[str, Any]] | None:
        """Return the last list that a function without arguments gave, or None. Nothing is sent; do not change it."""
        return self._listed.get((integration, function, alias))

    def end(self) -> None:
        """End a run: no longer wait for the calls that it began."""
        self._pool.abandon()

    def bind(
        self, integration: Integration, function: Function, alias: str, values: Mapping[str, Any] | Sequence[Any]
    ) -> ServiceCall:
        """Check a call. Nothing is sent.

        Parameters:
            integration: the service.
            function: one of its functions.
            alias: the account's alias.
            values: the arguments from Lua, by name or by position.

        Raises:
            InvalidArgumentsError: the arguments are invalid; the message lists all mistakes.
            UnknownNameError: the account is the demo, and the service has none.
        """
        if alias == accounts.DEMO and not integration.demo:
            accounts.find(integration, alias)  # raises UnknownNameError
        args = function.named(values)
        collect, at_once = _reserved(function, args)
        bound = function.bind(args)
        many = function.fan_out
        is_list = many is not None and isinstance(bound.get(many.name), tuple)
        name = many.name if many and is_list else ""
        return ServiceCall(integration, function, alias, function.calls(bound), name, collect, at_once)

    def plan(self, bound_call: ServiceCall) -> list[PlannedCall]:
        """Return the requests that a call would send.

        Raises:
            CredentialsError: requests to the account's address are not allowed.
        """
        integration, function = bound_call.integration, bound_call.function
        demo = bound_call.alias == accounts.DEMO
        address = integration.base_url if demo else accounts.address(integration)
        return [
            PlannedCall(bound_call.name, bound_call.alias, args, "GET", address + function.url(args))
            for args in bound_call.calls
        ]

    def begin(self, bound_call: ServiceCall, handle: CallHandle) -> None:
        """Make a call in a thread of the pool, and pass its answer or error to the handle unless cancelled."""

        def work() -> None:
            try:
                if handle.cancelled:
                    return
                if bound_call.fan_out_argument:
                    self._begin_many(bound_call, handle)
                else:
                    handle.on_result(self.call(bound_call, handle))
            except Cancelled:
                pass
            except BaseException as error:  # noqa: BLE001 - unexpected errors are raised in the thread of the run
                handle.on_result(error)

        self._pool.submit(work)

    def call(self, bound_call: ServiceCall, handle: CallHandle) -> CallAnswer:
        """Make a call without a list argument, in this thread, and return its answer.

        Raises:
            CredentialsError: the account has no token.
            ApiError: the service answered with an error.
            Cancelled: the run was cancelled.
        """
        client = self._client(bound_call.integration, bound_call.alias)
        _warn_of_low_budget(client, bound_call, handle, handle.coming)
        try:
            answer = client.fetch(
                bound_call.function,
                bound_call.calls[0],
                handle.progress,
                fresh=handle.fresh,
                on_answer=handle.on_answer,
            )
        finally:
            handle.done()
        if isinstance(answer.data, list) and not bound_call.calls[0]:
            self._listed[bound_call.integration.name, bound_call.function.name, bound_call.alias] = answer.data
        return _single_answer(bound_call, answer)

    def _begin_many(self, bound_call: ServiceCall, handle: CallHandle) -> None:
        """Make a call for each item of a list, in this thread and further ones of the pool."""
        client = self._client(bound_call.integration, bound_call.alias)
        known = client.bulk(
            bound_call.function, bound_call.calls, handle.progress, fresh=handle.fresh, on_answer=handle.on_answer
        )
        missing = known.count(None)
        handle.done(len(known) - missing)

        def fetch(args: Mapping[str, Any]) -> Answer:
            try:
                return client.fetch(
                    bound_call.function, args, handle.progress, fresh=handle.fresh, on_answer=handle.on_answer
                )
            finally:
                handle.done()

        def end(failed: BaseException | None, answers: Sequence[Answer | ApiError]) -> None:
            handle.on_result(failed or _merged_answer(bound_call, answers))

        _warn_of_low_budget(client, bound_call, handle, max(missing, handle.coming))
        fan_out = FanOut(fetch, bound_call.calls, known, end, lambda: handle.cancelled, collect=bound_call.collect)
        for _ in range(min(bound_call.concurrency, missing) - 1):
            self._pool.submit(fan_out.work)
        fan_out.work()

    def _client(self, integration: Integration, alias: str) -> Client:
        """Return the client of an account; a new one is made if the token or address has changed.

        Raises:
            CredentialsError: the account has no token.
            UnknownNameError: there is no such account.
        """
        account = self._account(integration, alias)
        key = (integration.name, account.alias if account else alias)
        with self._lock:
            client = self._clients.get(key)
            if account is None:
                client = client or _demo(integration, self._cassette)
            elif client is None or client.account != account:
                if client:
                    client.close()
                client = Client(integration, account, cassette=self._cassette)
            self._clients[key] = client
            return client

    def _account(self, integration: Integration, alias: str) -> accounts.Account | None:
        """Return the account with an alias, or None for the demo account, which is answered in this process."""
        if self._cassette and not self._cassette.live:
            name = normalize_alias(alias)
            return accounts.Account(integration.name, name, "no-token", integration.base_url, "the cassette")
        return None if alias == accounts.DEMO and integration.demo else accounts.find(integration, alias)


def _demo(integration: Integration, cassette: Cassette | None = None) -> Client:
    """Return a client of a service's demo account, which a fake API in this process answers.

    Raises:
        SettingsError: it cannot be made.
    """
    try:
        api, token = resolve_name(integration.demo)()
    except Exception as error:  # a third-party module may raise anything
        raise SettingsError(
            f"The demo account of {integration.title} ({integration.demo}) cannot be made: "
            f"{type(error).__name__}: {error}"
        ) from error
    account = accounts.Account(integration.name, accounts.DEMO, token, integration.base_url, "the demo")
    return Client(integration, account, transport=in_process(api), cassette=cassette)


def empty(bound_call: ServiceCall) -> CallAnswer:
    """Return an empty answer for a call that is not made."""
    function = bound_call.function
    if bound_call.fan_out_argument:
        values: list[Any] = [
            Records([], function, columns_with_item(function)),
            *([Records([])] if bound_call.collect else []),
        ]
    else:
        values = [Records([], function) if function.returns == "list" else Record({}, function, bound_call.alias)]
    return CallAnswer(values, None)


def _single_answer(bound_call: ServiceCall, answer: Answer) -> CallAnswer:
    function, account = bound_call.function, bound_call.alias
    if isinstance(answer.data, list):
        values, rows = [Records(answer.data, function, account=account)], len(answer.data)
        return CallAnswer(values, rows, list(answer.warnings))
    return CallAnswer([Record(answer.data, function, account)], None, list(answer.warnings))


def _merged_answer(bound_call: ServiceCall, answers: Sequence[Answer | ApiError]) -> CallAnswer:
    """Return the answers for all items as one: the list of records and, with `collect`, the list of failures."""
    function, name = bound_call.function, bound_call.fan_out_argument
    rows: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    notes = dict[str, None]()
    for call, answer in zip(bound_call.calls, answers, strict=True):
        if isinstance(answer, ApiError):
            facts = answer.facts()
            failures.append({name: call[name], **{column.name: facts[column.name] for column in FAILURE_FIELDS}})
            continue
        records = answer.data if isinstance(answer.data, list) else [answer.data]
        item = {name: call[name]}
        rows += [item | row | item for row in records]  # the item is the first column, and replaces a field of its name
        notes |= dict.fromkeys(answer.warnings)
    values: list[Any] = [Records(rows, function, columns_with_item(function), bound_call.alias)]
    if bound_call.collect:
        values.append(Records(failures))
    return CallAnswer(values, len(rows), list(notes), failures)


def _warn_of_low_budget(client: Client, bound_call: ServiceCall, handle: CallHandle, count: int) -> None:
    """Tell the user if the remaining request budget is smaller than the number of requests to come."""
    budget = bound_call.integration.budget
    if budget is None or count <= 1:
        return
    left = client.remaining
    if left is None and count >= MIN_REQUESTS_FOR_BUDGET_QUERY:
        with suppress(ApiError):  # the call itself will raise it
            left = client.budget_left(handle.progress, on_answer=handle.on_answer)
    if left is not None and left < count:
        minutes = max(1, round((count - left) / budget.refill_per_minute))
        handle.on_message(f"{count:,} requests, {left:,} left: about {counted(minutes, 'minute')}\n")


def _reserved(function: Function, args: dict[str, Any]) -> tuple[bool, int]:
    """Remove the arguments `errors` and `limit`, which every function takes, and return their values."""
    errors, at_once = args.pop("errors", None), args.pop("limit", None)
    faults = []
    if errors not in (None, *ERROR_MODES):
        faults.append('`errors` must be "collect" or "raise"')
    if at_once is not None and (not isinstance(at_once, int) or isinstance(at_once, bool) or at_once < 1):
        faults.append("`limit` must be a number of requests at a time, 1 or more")
    if faults:
        raise InvalidArgumentsError.of_call(function.name, faults, function.signature)
    return errors == "collect", min(at_once or DEFAULT_CONCURRENCY, MAX_CONCURRENCY)
