"""The HTTP client of one account, and each of its calls.

A `Client` has the connections and the rate limiter that all threads share. An `Exchange` makes one call: it
requests page after page, retries each request that failed temporarily, and reads the records from the responses. Its
`Reply` is complete: a list has all of its records, or the call raises an error.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from random import Random
from typing import Any, NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from kosmo_kernel.accounts import Account, other_address
from kosmo_kernel.accounts.fingerprints import NOT_KEPT, fingerprints
from kosmo_kernel.catalogue import CHOICE, NEWEST, SINCE, Function, Integration, Link, lua_words
from kosmo_kernel.catalogue.http import Response
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.connections import Connections
from kosmo_kernel.client.pages import MAX_PAGES_WITHOUT_NEW, PAGE_SIZE, MergedPages, PageError, Since, next_range
from kosmo_kernel.client.rate_limiter import Permit, RateLimiter
from kosmo_kernel.client.responses import COUNT, UNAVAILABLE, CallErrors, json_kind, retry_after
from kosmo_kernel.client.retry import MAX_RETRIES, PAUSE_REASON, RetryableError, RetryPolicy
from kosmo_kernel.client.secrets import clean, quotable_headers
from kosmo_kernel.client.transport import (
    LARGE_BODY_VALUES,
    MAX_BODY_VALUES,
    HttpTransport,
    NoResponseError,
    TruncatedResponseError,
    UnreadableResponseError,
)
from kosmo_kernel.errors import ApiError, InvalidArgumentsError, KosmoError, RefusedError
from kosmo_kernel.progress.run import Clock, Progress
from kosmo_kernel.safety.decoder import DecodeError, count_values, decode
from kosmo_kernel.safety.redaction import in_texts, one_line, redact_forms, would_change
from kosmo_kernel.settings.config_file import resolve
from kosmo_kernel.settings.limits import MAX_RECORDS, ResponseBudget
from kosmo_kernel.settings.table import LIST_LIMIT, READ_TIMEOUT
from kosmo_kernel.text import value_at

SUCCESS = 2  # the first digit of a successful status

_T = TypeVar("_T")


class Client:
    """The client of one account. Connections are opened when they are needed. Thread-safe.

    Parameters:
        integration: the service.
        account: the account, with its token and address.
        transport: an HTTP transport in place of the network, for example `in_process`.
        timeout: the read timeout in seconds; `KOSMO_READ_TIMEOUT` or 30 when None.
        retries: the number of retries of a request that failed temporarily.
        clock: the clock; a `Progress` that is passed to `fetch` must have the same.
        rng: the random numbers for the jitter of pauses.
        saved: the archive that records the answers, or answers in place of the service.

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
        retries: int = MAX_RETRIES,
        clock: Clock | None = None,
        rng: Random | None = None,
        saved: Saved | None = None,
    ) -> None:
        self.integration, self.account = integration, account
        self.connections = Connections(integration, account, transport, READ_TIMEOUT.resolve(timeout))
        self.saved = saved
        self.live = saved is None or saved.live  # requests are sent
        self.is_recorded = saved is not None and saved.live
        self._is_networked = transport is None
        self.clock = clock or Clock()
        self.rng = rng or Random()
        self.retries = retries
        self.limiter = RateLimiter(integration.budget, integration.title, self.clock, self.rng)
        self.max_list_bytes: int = resolve(LIST_LIMIT)  # of JSON, of the pages of one list together
        self.was_answered = False  # there was a response, whatever its status
        self.scopes_text = ""  # the scopes of the token, as the last response reported them
        self.responses = 0  # that came from the service, whatever their status
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
        scopes, tokens = re.split(r"[\s,]+", self.scopes_text), (self.account.token.reveal(),)
        return tuple(one_line(scope, tokens) for scope in scopes if scope)

    def budget_left(self, progress: Progress | None = None) -> int | None:
        """Query the remaining request budget of the account. The query does not count against it.

        Returns:
            The number of requests; None if the service has no endpoint for it, or an archive answers.

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
        on_answer: Callable[[], None] = lambda: None,
        from_service: bool = False,
    ) -> Reply:
        """Call a function and return its complete answer.

        Parameters:
            function: one of the integration's.
            args: the arguments by name, as `function.calls` gives them.
            progress: the progress of the run; it shows pauses, and its `cancel` ends them.
            on_answer: callback for each answered request, whatever its status, even if the call fails.
            from_service: ask the service, although there is an archive; for the archive itself.

        Raises:
            RefusedError: a 4xx status: credentials, access, not found, bad parameters.
            RateLimitError: only status 429 for a long time.
            UnreachableError: no usable connection, or a status of `UNAVAILABLE`, after all retries.
            BadAnswerError: any other status, a truncated body, or JSON that does not fit the function.
            SettingsError: the environment variables for proxies or certificates are invalid.
            Cancelled: the run has ended.
            NotRecordedError, FileWriteError: see `Saved.ask`.
            RuntimeError: the client is closed.
        """
        if self.connections.closed:
            raise RuntimeError(f"{self!r} is closed")
        progress = progress or Progress(self.clock)
        if self.saved and not from_service:
            return self.saved.ask(ClientCall(self, function, args, progress, on_answer))
        for link in function.links:
            if link.host:
                self.address(link)  # raises an error before anything is sent
        requests = 0
        if [param for param in function.params if param.lookup]:
            args, requests = looked_up(
                *(function, args),
                lambda record, own: self.fetch(record, own, progress, on_answer=on_answer, from_service=True),
            )
        try:
            return Exchange(self, function, args, progress, on_answer=on_answer, requests=requests).reply()
        except KosmoError as error:
            failure = error.with_traceback(None)
            failure.__cause__ = failure.__context__ = None
        raise failure  # without the frames that read a response, whose variables show its secrets

    def address(self, link: Link) -> str:
        """Return the address of the other host of the service that has a link.

        Raises:
            CredentialsError: it must not receive the token.
        """
        host = self.integration.hosts[link.host]
        if not self._is_networked:
            return host.url
        return other_address(self.integration, host, self.account.url, self.account.alias)

    def close(self) -> None:
        """Close all connections. A closed client stays closed."""
        self.connections.close()

    def new_warnings(self, warnings: Mapping[str, None]) -> tuple[str, ...]:
        """Return the warnings that no call has returned before."""
        with self._lock:
            new = tuple(warning for warning in warnings if warning not in self._warned)
            self._warned.update(new)
        return new


class ClientCall(NamedTuple):
    """A call without a list argument, which an archive records, or answers in place of the service."""

    client: Client  # of the account
    function: Function
    arguments: Mapping[str, Any]
    progress: Progress  # of the run
    on_answer: Callable[[], None]  # called for each answered request

    @property
    def name(self) -> str:
        """The full name of the function."""
        return f"{self.client.integration.name}.{self.function.name}"

    def fetch(self, on_answer: Callable[[], None]) -> Reply:
        """Ask the service, see `Client.fetch`."""
        client = self.client
        return client.fetch(self.function, self.arguments, self.progress, on_answer=on_answer, from_service=True)


class Saved(Protocol):
    """An archive in use: it records what the service answers, or answers in its place."""

    live: bool  # whether requests are sent

    def ask(self, call: ClientCall) -> Reply:
        """Return the answer to a call.

        Raises:
            ApiError: the service answered with an error.
            NotRecordedError: the archive answers, and does not have it.
            SettingsError, FileWriteError: the archive cannot be used or written.
        """
        ...


def looked_up(
    function: Function, args: Mapping[str, Any], fetch: Callable[[Function, Mapping[str, Any]], Reply]
) -> tuple[Mapping[str, Any], int]:
    """Return the arguments of a call with what its path takes in place of names, and the number of requests for it.

    The path may not take a name, such as a pipeline's where Heroku takes its UUID only, or there are several, and the
    record says which.

    Parameters:
        function, args: as for `Client.fetch`.
        fetch: calls a function that returns the record of a name.
    """
    requests = 0
    for param in function.params:
        value, lookup = args.get(param.name), param.lookup
        lacks_choice = param is function.chooser and CHOICE not in args
        if not lookup or value is None or not (lacks_choice or not re.fullmatch(lookup.pattern, str(value))):
            continue
        own, quoted = replace(param, lookup=None), function.is_quotable
        link = Link(lookup.path)
        record = Function(function.name, "", "", (link,), "record", (), (own,), own_errors=not quoted)
        reply = fetch(record, {param.name: value})
        args = {**args, param.name: reply.data.get(lookup.field)}
        if param.choice:
            args[CHOICE] = value_at(reply.data, param.choice)
            if function.link(args) is None:
                fault = f"`{param.name}` must be {param.choice_doc}, got {lua_words(args[CHOICE])}"
                raise InvalidArgumentsError.of_call(function.name, [fault], function.example_call)
        requests += reply.requests
    return args, requests


class Exchange(CallErrors):
    """One call under way: its requests, page after page, and what is read from their responses.

    Parameters:
        client: the client of the account.
        function, args, progress, on_answer: as for `Client.fetch`.
        requests: the number of requests that were answered for the call before.
    """

    def __init__(
        self,
        client: Client,
        function: Function,
        args: Mapping[str, Any],
        progress: Progress,
        *,
        on_answer: Callable[[], None] = lambda: None,
        requests: int = 0,
    ) -> None:
        super().__init__(client.integration, client.account, function, args)
        self._client, self._progress, self._on_answer = client, progress, on_answer
        self._requests = requests
        self._remaining: int | None = None  # of the request budget, according to the last response
        self._warnings: dict[str, None] = {}  # of the service, in order and without duplicates
        link = function.link(args)
        self.address = client.address(link) if link and link.host else client.account.url
        self._url = self.address + function.url(args)
        self._is_list = function.returns == "list"
        self._ranges = None if link and link.host else client.integration.ranges
        self._is_single, self._is_optional = (link.single, link.is_optional) if link else (False, False)
        self._newest, since = args.get(NEWEST), args.get(SINCE)
        self._since = Since(since) if since else None
        self._received: ResponseBudget | None = None  # of all pages, once one is read

    def reply(self) -> Reply:
        """Make the call, and return its complete reply."""
        data = self._read_all()
        notes = self._client.new_warnings(self._warnings) if self._warnings else ()
        return Reply([data], self._requests, self._remaining, notes)

    def read_free(self, read: Callable[[Response], _T]) -> _T:
        """Return what `read` makes of a response that does not count against the request budget."""
        request = self._client.connections.request(self._url, {}, self.function)

        def read_success(reply: Response) -> _T:
            if reply.status // 100 != SUCCESS:
                raise self._failed(reply)
            return read(reply)

        return self._retried(request, read_success, is_free=True)

    # Pages -------------------------------------------------------------------------------------------

    def _read_all(self) -> Any:
        """Return the one record, or the records of all pages.

        A record that moved to a later page meanwhile is kept once, by its `id`.
        """
        if self._newest or self._is_single or self._is_optional:
            return self._included(self._one_page())
        merged: MergedPages | None = None
        range_: str | None = self._ranges.first if self._is_list and self._ranges else ""
        if self._since and self._ranges:
            range_ = self._ranges.newest(self.function.newest, PAGE_SIZE)
        while range_ is not None:
            page = self._page(range_, is_paged=self._is_list)
            range_ = page.following
            if range_ is None and merged is None and not self._since:
                return page.value  # the one record, or a single page, which has no duplicates
            merged = merged or MergedPages()
            merged.add(page)
            if range_ is not None and (merged.pages_without_new >= MAX_PAGES_WITHOUT_NEW or range_ in merged.ranges):
                number = len(merged.ranges)
                raise self.bad_answer(self.last_reply, f"pages that go in circles, page {number} the last")
        return self._included(merged.rows) if merged else []

    def _included(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the records that are as new as the call asks for."""
        return [row for row in rows if self._since.includes(row)] if self._since else rows

    def _one_page(self) -> list[dict[str, Any]]:
        """Return the records of a list that has one page only: the newest ones, or the one record that there is."""
        ranges, order = self._ranges, self.function.newest
        newest = ranges.newest(order, self._newest) if self._newest and ranges else ""
        try:
            page = self._page(newest, is_paged=False)
        except RefusedError as error:
            # There is no such record. If there is no such parent, the service says so.
            says_none = self.missing is not None and not self.missing_parent
            if newest or not (says_none or (self._is_optional and error.status == HTTPStatus.NOT_FOUND)):
                raise
            return []
        return list(page.value[: self._newest])

    def _page(self, range_: str, *, is_paged: bool) -> Response:
        """Return one page of a list, or the one record.

        Parameters:
            range_: selects it; empty for all that there is.
            is_paged: whether other pages may follow it.
        """
        headers = {"Range": range_} if range_ else {}
        request = self._client.connections.request(self._url, headers, self.function)
        return self._retried(request, lambda reply: self._read(reply, range_, is_paged=is_paged))

    def _read(self, reply: Response, range_: str, *, is_paged: bool) -> Response:
        """Read the records of a response, and what follows it; see `_page`."""
        if reply.status // 100 != SUCCESS:
            raise self._failed(reply)
        content = self._content(reply, self._decoded(reply))
        count = len(content) if self._is_list else None
        if self._received is None:
            size = self._client.max_list_bytes
            self._received = ResponseBudget("The pages of one list", size, LIST_LIMIT, MAX_RECORDS, "records_limit")
        for budget in (self._progress.received, self._received):
            budget.take(len(reply.body), 1 if count is None else count, lambda: self.where)
        reply.range, reply.value, reply.count = range_, content, count
        is_old = self._ranges and self._since and any(map(self._since.ends_before, content))
        if is_paged and not is_old:
            try:
                reply.following = next_range(reply, self._ranges)
            except PageError as error:
                raise self.bad_answer(reply, str(error)) from error
        return reply

    def _decoded(self, reply: Response) -> Any:
        """Return the value of a body."""
        if reply.status == HTTPStatus.NO_CONTENT and self._is_list:
            return []
        is_long = len(reply.body) > LARGE_BODY_VALUES  # each value has a byte at least
        if is_long and (values := count_values(reply.body, LARGE_BODY_VALUES)) > LARGE_BODY_VALUES:
            self._progress.received.take_large(min(values, MAX_BODY_VALUES), lambda: self.where)
        try:
            return decode(reply.body, max_values=MAX_BODY_VALUES)
        except DecodeError as error:
            fault = error
        if fault.is_excess:
            raise self.unreadable(reply, f"it has {fault}")
        failure = self.bad_answer(reply, f"something that is not JSON ({self.quoted(str(fault))})")
        raise RetryableError(failure) if fault.is_cut_off else failure

    def _content(self, reply: Response, value: Any) -> Any:
        """Return the records of a page, or the one record, with secrets redacted."""
        if self.function.arranged:
            value = self.function.arranged(value, self._fingerprint)
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
        value = clean(self.function, value, self._fingerprint)
        return in_texts(value, redact_forms) if would_change(reply.body.decode(), redact_forms) else value

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
        client = self._client
        begun, responses = client.clock.now(), -1
        retries: RetryPolicy | None = None
        was_stale, self.attempts = False, ""
        while True:
            try:
                return read(self._sent(request, retries, is_free=is_free))
            except NoResponseError as failure:
                if failure.is_stale and not was_stale:
                    was_stale = True
                    continue
                responses = client.responses if responses < 0 else responses  # since the first failure
                setback = self._no_response(failure, is_alone=client.responses > responses)
            except RetryableError as failure:
                setback = failure
            if retries is None:
                retries = RetryPolicy(client.clock, client.rng, client.retries, begun)
            pause = retries.pause(setback)
            if pause is None:
                raise setback.error from None
            if pause:
                self._progress.pause(pause, PAUSE_REASON, alone=True)

    def _no_response(self, failure: NoResponseError, *, is_alone: bool) -> RetryableError:
        """Return the failure of a request without a response as a retryable one, or raise its error if it is not.

        Parameters:
            failure: the failure.
            is_alone: other requests got responses meanwhile, so that the network is there.
        """
        client = self._client
        error = self.no_answer(failure.reason, failure.advice)
        was_met = client.was_answered
        if failure.retryable == "never" or (failure.retryable == "met" and not was_met):
            raise error
        if was_met and not is_alone and not failure.is_connected:
            self.describe_outage(error, is_recorded=client.is_recorded)
        return RetryableError(error)

    def _sent(self, request: Any, retries: RetryPolicy | None, *, is_free: bool) -> Response:
        """Send one request under the rate limit, and return its response, whatever its status.

        Raises:
            NoResponseError: there is no response.
            RetryableError: the response is truncated, or the request budget is used up.
            ApiError: as for `_retried`.
        """
        client = self._client
        self._progress.check()
        permit = None if is_free else client.limiter.take(self._progress)
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
        client.was_answered = True
        client.scopes_text = reply.headers.get((self.integration.credentials.scopes or "").lower(), "")
        client.responses += 1
        self._count(reply, permit, is_free=is_free)
        if isinstance(broken, UnreadableResponseError):
            raise self.unreadable(reply, str(broken))
        if broken:
            raise RetryableError(self.truncated(reply, broken))
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
