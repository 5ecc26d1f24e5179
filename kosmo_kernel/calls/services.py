"""The calls of services' functions: check them, make them, and keep the clients of the session's accounts.

`Services.bind` checks a call in the thread that runs the session. `Services.begin` makes it in a thread of the pool and
passes the answer to a callback; no thread of the pool waits for another. There is one client per account for the
lifetime of the session. The demo account is answered in the same process. A session imports this file at its first
call, because it loads the HTTP library.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import lru_cache
from http import HTTPStatus
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec.structs import replace

from kosmo_kernel import accounts, integrations
from kosmo_kernel.archive.store import Answers, Reading
from kosmo_kernel.calls.corrected_calls import advice_in_lua
from kosmo_kernel.calls.deletions import Deletions
from kosmo_kernel.calls.provider import FICTION, ServiceCall
from kosmo_kernel.catalogue import CHOICE, CONCURRENCY, ERROR_MODES, Function, Integration, Link
from kosmo_kernel.client.call import CallHandle, CallRequest, DeletedItem, PlannedCall, Reply
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.fan_out import FanOut, ThreadPool, answer_from_lists
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.errors import ApiError, InvalidArgumentsError, KosmoError, RefusedError, SettingsError
from kosmo_kernel.progress.run import Cancelled
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.notebook_run import notebook_run
from kosmo_kernel.text import Moment, lazy_pattern, nearest, normalize_alias
from kosmo_kernel.values.records import PackedRows, Record, Records, columns_with_item, failure_of

if TYPE_CHECKING:
    from kosmo_kernel.calls.recording import RecordingMode
    from kosmo_kernel.client.client import Saved


MIN_REQUESTS_FOR_BUDGET_QUERY = 25  # minimum number of requests for which an unknown request budget is queried first
_UUID = lazy_pattern(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
MAX_ENDPOINTS = 256  # kept by a session

ItemReply = Reply | DeletedItem  # a reply is packed until those for all items are there
ItemOutcome = ItemReply | ApiError


class Services:
    """The calls of one session. Thread-safe.

    Parameters:
        recording: the recording mode of the session.
        today: returns the date of the data, at which tables that come with this package may be old.

    Attributes:
        recording: the recording mode.
        store: the answers.
        concurrency: the number of concurrent requests for the items of a list.
    """

    concurrency = CONCURRENCY

    def __init__(self, recording: RecordingMode, today: Callable[[], date] = lambda: datetime.now(UTC).date()) -> None:
        self.recording, self._today = recording, today
        self._endpoint = lru_cache(MAX_ENDPOINTS)(_endpoint)
        self._clients: dict[tuple[str, str], Client] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPool()
        self._fan_out_pools: dict[tuple[str, str], ThreadPool] = {}
        self._listed: dict[tuple[str, str, str], Sequence[dict[str, Any]]] = {}
        self._deletions = Deletions()
        self.store = Answers()

    def tokens(self) -> tuple[str, ...]:
        """Return the tokens in use, which are redacted from every text that leaves the session."""
        with self._lock:
            return tuple(client.account.token.reveal() for client in self._clients.values())

    def connections(self) -> tuple[dict[tuple[str, str], Client], threading.Lock]:
        """Return the clients, for services that share them, with the lock that guards them."""
        return self._clients, self._lock

    def close(self) -> None:
        """Close all connections."""
        self._close_pools()
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
        return self._client(integration, alias, is_fictional=alias in accounts.demo_places(integration)).budget_left()

    def scopes(self, integration: Integration, alias: str) -> tuple[str, ...]:
        """Return the scopes of an account's token, if a response has reported them."""
        with self._lock:
            client = self._clients.get((integration.name, normalize_alias(alias)))
        return client.scopes if client else ()

    def reading(self, began: Moment | None = None, *, fresh: bool = False) -> Reading:
        """Return the reading of questions, see `Answers.reading`. All cells of a notebook run are one run."""
        return self.store.reading(began, fresh=fresh, of_all=notebook_run() is not None)

    def listed(self, integration: str, function: str, alias: str) -> Sequence[dict[str, Any]] | None:
        """Return the last list that a function without arguments gave, or None. Nothing is sent; do not change it."""
        return self._listed.get((integration, function, normalize_alias(alias)))

    def end_run(self) -> None:
        """No longer wait for the calls that the run began."""
        for pool in self._pools():
            pool.abandon()

    def log_name(self, request: CallRequest, account: str) -> tuple[str, str]:
        """Return the name and the account of a call in the log; see `Provider`."""
        service = integrations.known(request.path.partition(".")[0])
        in_use = accounts.account_in_use(request.account, account, [service] if service else [])
        return f"integrations.{request.path}", in_use

    def bind(self, request: CallRequest, account: str) -> ServiceCall:
        """Check a call; see `Provider`."""
        endpoint = self._endpoint(request.path, request.account, account)
        integration, function = endpoint.integration, endpoint.function
        try:
            args = dict(request.by_name) if request.by_name is not None else function.named(request.positional)
            collect = _collects_errors(function, args.pop("errors", None))
            bound = function.bind(args)
        except InvalidArgumentsError as error:
            error.advice = advice_in_lua(integration, function, error, request)
            raise
        many = function.fanned_out(bound)
        is_chosen = any(link.choice for link in function.links)
        calls = function.calls(bound) if many or is_chosen else [bound]
        return replace(
            endpoint,
            calls=calls,
            count=len(calls),
            fan_out_argument=many.name if many else "",
            collect=collect,
        )

    def plan(self, bound_call: ServiceCall) -> list[PlannedCall]:
        """Return the requests that a call would send.

        Raises:
            CredentialsError: requests to the account's address are not allowed.
        """
        integration, function = bound_call.integration, bound_call.function
        if function.local:
            return []
        address = accounts.address(integration, bound_call.account) if bound_call.remote else integration.base_url

        def address_of(link: Link | None) -> str:
            host = integration.hosts.get(link.host) if link else None
            if host is None:
                return address
            if not bound_call.remote:
                return host.url
            return accounts.other_address(integration, host, address, bound_call.account)

        def url_of(args: Mapping[str, Any]) -> str:
            chooser = function.chooser
            if chooser and chooser.name in args and CHOICE not in args:  # its record is asked for first
                return f"{address}{chooser.listed_at}/{quote(str(args[chooser.name]), safe='')}"
            return address_of(function.link(args)) + function.url(args)

        if bound_call.fan_out_argument and not bound_call.calls:
            return [self._plan_of_items(bound_call, address_of)]
        return [
            PlannedCall(bound_call.name, bound_call.account, args, "GET", url_of(args)) for args in bound_call.calls
        ]

    def _plan_of_items(self, bound_call: ServiceCall, address_of: Callable[[Link], str]) -> PlannedCall:
        """Return the requests for the items of a list, empty in a dry run: as many as the session last listed."""
        name, function = bound_call.fan_out_argument, bound_call.function
        link = next(link for link in function.links if name in link.placeholders)
        lister = bound_call.integration.listing(next(param for param in function.params if param.name == name))
        items = self.listed(bound_call.integration.name, lister.name, bound_call.account) if lister else None
        count = None if items is None else len(items)
        each = "each item" if count is None else f"each of {count:,}"
        return PlannedCall(
            bound_call.name,
            bound_call.account,
            {name: each},
            "GET",
            address_of(link) + link.path,
            each=name,
            requests=count,
        )

    def empty(self, bound_call: ServiceCall) -> Reply:
        """Return an empty answer for a call that is not made."""
        function, name = bound_call.function, bound_call.fan_out_argument
        if not name and function.returns == "record":
            return Reply([Record({}, function, bound_call.account)])
        records = Records([], function, columns_with_item(function, name) if name else None)
        return Reply([records, Records([])] if bound_call.collect else [records])

    def begin(self, bound_call: ServiceCall, handle: CallHandle) -> None:
        """Make a call in a thread of the pool, and pass its answer or error to the handle unless cancelled."""

        def work() -> None:
            try:
                if handle.cancelled:
                    return
                if bound_call.fan_out_argument:
                    self._begin_many(bound_call, handle)
                else:
                    reply = self.call(bound_call, handle)
                    if bound_call.collect and _collects_list(bound_call):
                        reply.values.append(Records([]))
                    handle.on_result(reply)
            except Cancelled:
                pass
            except RefusedError as error:
                handle.on_result(refused_list(bound_call, error) if _collects_list(bound_call) else error)
            except BaseException as error:  # noqa: BLE001 - unexpected errors are raised in the thread of the run
                handle.on_result(error)

        self._pool.submit(work)

    def call(self, bound_call: ServiceCall, handle: CallHandle) -> Reply:
        """Make a call without a list argument, in this thread, and return its answer.

        Raises:
            CredentialsError: the account has no token.
            ApiError: the service answered with an error.
            Cancelled: the run was cancelled.
        """
        function, account, args = bound_call.function, bound_call.account, bound_call.calls[0]
        if function.local:
            own = config().get("integrations", bound_call.integration.name, function.setting)
            records, notes = function.local(self._today(), own or {})
            handle.done()
            return Reply([Records(records, function, account=account)], rows=len(records), notes=notes)
        client = self._client(bound_call.integration, account, is_fictional=not bound_call.remote)
        reply = self._earlier(client, function, args, handle) if handle.reading else None
        if reply is None:
            if not handle.counts:  # one of the many calls of `parallel.map`
                _expect(client, handle, 1, begun=handle.coming)
            reply = self._ask(client, function, args, handle, lists_names=handle.counts)
        else:
            handle.done()
        data = reply.values[0]
        if isinstance(data, dict):
            reply.values = [Record(data, function, account)]
            return reply
        if not args:
            key = bound_call.integration.name, function.name, normalize_alias(account)
            self._listed[key] = data
            self._deletions.add_list(bound_call.integration, function, account, data)
        reply.values, reply.rows = [Records(data, function, account=account)], len(data)
        return reply

    def _begin_many(self, bound_call: ServiceCall, handle: CallHandle) -> None:
        """Make a call for each item of a list, in this thread and further ones of the pool."""
        function = bound_call.function
        client = self._client(bound_call.integration, bound_call.account, is_fictional=not bound_call.remote)

        def fetch_list(whole: Function) -> Reply:
            return self._request(client, whole, {}, handle)

        def earlier(args: Mapping[str, Any]) -> Reply | None:
            with suppress(ApiError):  # the call itself raises it
                return self._earlier(client, function, args, handle) if handle.reading else None
            return None

        replies = answer_from_lists(function, bound_call.calls, fetch_list)
        replies = [reply or earlier(args) for args, reply in zip(bound_call.calls, replies, strict=True)]
        item_replies = [None if reply is None else reply.pack() for reply in replies]
        missing = item_replies.count(None)
        handle.done(len(item_replies) - missing)

        def fetch(args: Mapping[str, Any]) -> ItemReply:
            try:
                return self._ask(client, function, args, handle).pack()
            except RefusedError as error:
                name, item = bound_call.fan_out_argument, args[bound_call.fan_out_argument]
                if error.status != HTTPStatus.NOT_FOUND or handle.is_named(item):
                    raise
                if not self._deletions.is_deleted(client, name, item, handle):
                    raise
                return DeletedItem(name, item)

        def end(failed: BaseException | None, answers: Sequence[ItemOutcome]) -> None:
            handle.end_expected()
            try:
                if isinstance(failed, ApiError):
                    _speak_of_the_list(failed, bound_call, answers)
                handle.on_result(failed or self._merged(bound_call, answers))
            except BaseException as error:  # noqa: BLE001 - unexpected errors are raised in the thread of the run
                handle.on_result(error)

        _expect(client, handle, missing, begun=max(missing, handle.coming))
        fan_out = FanOut[ItemReply](
            fetch,
            bound_call.calls,
            item_replies,
            end,
            lambda: handle.cancelled,
            collects=lambda error: not error.is_outage and self._collects(bound_call, error),
        )
        pool = self._fan_out_pool(client)
        for _ in range(min(self.concurrency, missing) - 1):
            pool.submit(fan_out.work)
        fan_out.work()
        if handle.cancelled:
            handle.end_expected()

    def _earlier(self, client: Client, function: Function, args: Mapping[str, Any], handle: CallHandle) -> Reply | None:
        """Return the answer that the store has for the call of a question, or None.

        Raises:
            ApiError: the same run could not read it before.
        """
        return self.store.take(self.store.key(client.account, function, args), handle.reading)

    def _request(self, client: Client, function: Function, args: Mapping[str, Any], handle: CallHandle) -> Reply:
        """Return the answer of the service to a call without a list argument, or that of the store to a question."""

        def fetch() -> Reply:
            return client.fetch(function, args, handle.progress, on_answer=handle.on_answer)

        key = self.store.key(client.account, function, args)
        return self.store.ask(key, fetch, handle.reading, handle.check, has_age=client.live)

    def _ask(
        self,
        client: Client,
        function: Function,
        args: Mapping[str, Any],
        handle: CallHandle,
        *,
        lists_names: bool = False,
    ) -> Reply:
        """Make a request as `_request` does, and count it in the progress, even if it fails.

        Parameters:
            lists_names: whether a call with a name that does not exist lists the names, to find the nearest one.
        """
        requests = 1
        try:
            reply = self._request(client, function, args, handle)
            requests = reply.requests
        except RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND and (
                near := self._near_names(client, function, args, handle if lists_names else None)
            ):
                error.advice = f"Did you mean: {', '.join(near)}"
            raise
        finally:
            handle.done(requests=requests)
        return reply

    def _near_names(
        self, client: Client, function: Function, args: Mapping[str, Any], handle: CallHandle | None
    ) -> tuple[str, ...]:
        """Return the names nearest to an argument that is none of those that exist.

        Parameters:
            handle: the call, which lists the names that the session has not listed; None to use only those it has.
        """
        for param in function.params:
            listing, value = client.integration.listing(param), args.get(param.name)
            if listing is None or not isinstance(value, str) or _UUID.fullmatch(value):
                continue
            records = self.listed(client.integration.name, listing.name, client.account.alias)
            if records is None and handle:
                with suppress(ApiError):  # the error of the call itself is the one to raise
                    records = self._request(client, listing, {}, handle).values[0]
            names = [name for name in map(param.value_of_record, records or ()) if isinstance(name, str)]
            if value not in names and (near := nearest(value, names)):
                return tuple(near)
        return ()

    def _collects(self, bound_call: ServiceCall, _error: ApiError) -> bool:
        """Return whether the failure of one item does not end the call for all items of a list."""
        return bound_call.collect

    def _merged(self, bound_call: ServiceCall, answers: Sequence[ItemOutcome]) -> Reply | ApiError:
        """Return the answers for all items as one."""
        return merged_answer(bound_call, answers)

    def _fan_out_pool(self, client: Client) -> ThreadPool:
        """Return the pool of the further threads of an account's calls with a list argument.

        Each account has its own: threads that wait for its budget must not keep those of another one from their work.
        """
        with self._lock:
            return self._fan_out_pools.setdefault((client.integration.name, client.account.alias), ThreadPool())

    def _pools(self) -> list[ThreadPool]:
        with self._lock:
            return [self._pool, *self._fan_out_pools.values()]

    def _close_pools(self) -> None:
        for pool in self._pools():
            pool.close()

    def _client(self, integration: Integration, alias: str, *, is_fictional: bool = False) -> Client:
        """Return the client of an account; a new one is made if the token or address has changed.

        Raises:
            CredentialsError: the account has no token.
            UnknownNameError: there is no such account.
        """
        account: accounts.Account | None = None  # of a fictional account, which is answered in this process
        archive = self.recording.archive_of(alias)
        saved = archive or self.recording.saved
        if archive:
            account = accounts.Account(
                integration.name, archive.account, archive.token, integration.base_url, "an archive"
            )
        elif saved and not saved.live:
            name = normalize_alias(alias)
            account = accounts.Account(integration.name, name, "no-token", integration.base_url, "the recording")
        elif not is_fictional:
            account = accounts.find(integration, alias)
        # An archive that was written again is another one.
        name = f"{alias} {archive.token}" if archive else normalize_alias(account.alias if account else alias)
        key = (integration.name, name)
        with self._lock:
            client = self._clients.get(key)
            if account is None:
                client = client or _demo(integration, alias, saved)
            elif client is None or client.account != account:
                if client:  # the store has answers of another token or address
                    client.close()
                    self.store.clear()
                client = Client(integration, account, saved=saved)
            self._clients[key] = client
            return client


def _endpoint(path: str, requested: str | None, account: str) -> ServiceCall:
    """Return the function with an account that a call is for; see `Provider.bind`.

    Raises:
        UnknownNameError: there is no such service or function, or the account is the demo and the service has none.
    """
    integration_name, _, function_name = path.partition(".")
    integration = integrations.find(integration_name)
    function, alias = integration.function(function_name), accounts.account_in_use(requested, account, [integration])
    is_demo = accounts.is_demo(alias)
    if is_demo and alias not in accounts.demo_places(integration):
        accounts.find(integration, alias)  # raises UnknownNameError
    return ServiceCall(
        integration,
        function,
        alias,
        name=f"{integration.name}.{function.name}",
        path=f"integrations.{path}",
        remote=not is_demo,
        notice=FICTION if is_demo and not accounts.is_demo(requested or "") else "",
    )


def _demo(integration: Integration, alias: str, saved: Saved | None) -> Client:
    """Return a client of a fictional account of a service, which a fake API in this process answers.

    Raises:
        SettingsError: it cannot be made.
    """
    path = accounts.demo_places(integration)[alias]
    try:
        api, token = resolve_name(path)()
    except Exception as error:  # a third-party module may raise anything
        raise SettingsError(
            f"The demo account of {integration.title} ({path}) cannot be made: {type(error).__name__}: {error}"
        ) from error
    account = accounts.Account(integration.name, alias, token, integration.base_url, "the demo")
    return Client(integration, account, transport=in_process(api), saved=saved)


def merged_answer(bound_call: ServiceCall, answers: Sequence[ItemOutcome]) -> Reply:
    """Return the answers for all items as one: the list of records and, with `collect`, the list of failures."""
    function, name = bound_call.function, bound_call.fan_out_argument
    columns = columns_with_item(function, name)
    rows = PackedRows()
    failures: list[dict[str, Any]] = []
    deleted: list[DeletedItem] = []
    notes = dict[str, None]()
    for call, answer in zip(bound_call.calls, answers, strict=True):
        if isinstance(answer, ApiError):
            failures.append({name: call[name], **failure_of(answer)})
        elif isinstance(answer, DeletedItem):
            deleted.append(answer)
        else:
            rows.add({columns[0].name: call[name]}, answer.values[0])  # the item is the first column
            notes |= dict.fromkeys(answer.notes)
    values: list[Any] = [Records(rows, function, columns, bound_call.account)]
    if bound_call.collect:
        values.append(Records(failures))
    return Reply(values, rows=len(rows), notes=list(notes), failures=failures, deleted=deleted)


def _collects_list(bound_call: ServiceCall) -> bool:
    """Return whether a call without a list argument returns a list, and beside it what could not be read."""
    return bound_call.collect and not bound_call.fan_out_argument and bound_call.function.returns == "list"


def refused_list(bound_call: ServiceCall, error: KosmoError) -> Reply:
    """Return the answer of a call that collects failures if nothing could be read: no records, and the failure."""
    function, name, failure = bound_call.function, bound_call.fan_out_argument, failure_of(error)
    records = Records([], function, columns_with_item(function, name) if name else None)
    return Reply([records, Records([failure])], rows=0, failures=[failure])


def _speak_of_the_list(error: ApiError, bound_call: ServiceCall, answers: Sequence[ItemOutcome]) -> None:
    """Let the error of an item say how far the list came before an outage, or how to read the other items."""
    if error.is_outage:
        answered = sum(isinstance(answer, Reply) for answer in answers)
        error.where = bound_call.title
        error.text += f" {answered:,} of {len(bound_call.calls):,} items were answered before."
    elif isinstance(error, RefusedError) and not error.advice:
        error.advice = 'With `errors = "collect"` the others are read.'


def _expect(client: Client, handle: CallHandle, fetches: int, *, begun: int) -> None:
    """Include a call in the estimate of the run, by the request budget of the account.

    Parameters:
        client: the client of the account.
        handle: the handle of the call.
        fetches: the number of complete answers that the call needs.
        begun: the number of those that begin with it, its own and those of other items of `parallel.map`.
    """
    if client.integration.budget is None or not client.live:
        return
    if client.remaining is None and begun >= MIN_REQUESTS_FOR_BUDGET_QUERY:
        with suppress(ApiError):  # the call itself will raise it
            client.budget_left(handle.progress)
    handle.expect(client.account.alias, client.limiter, fetches)


def _collects_errors(function: Function, errors: object) -> bool:
    """Return whether a call with this argument `errors` collects them."""
    if errors not in (None, *ERROR_MODES):
        mistake = '`errors` must be "collect" or "raise"'
        raise InvalidArgumentsError.of_call(function.name, [mistake], function.example_call)
    return errors == "collect"
