"""Making the calls that a script asks for: the account, the arguments, the requests, the answer.

One client per account lives as long as the session. A list in place of one value asks for every item, several at
a time, and gives one list; the fictional account is answered in the same process.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kosmo_kernel import accounts
from kosmo_kernel.client import Answer, Client, in_process
from kosmo_kernel.errors import ApiError, InvalidArgumentsError
from kosmo_kernel.records import Record, Records, asked_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kosmo_kernel.catalogue import Function, Integration

AT_ONCE = 16  # requests under way for one call


@dataclass(slots=True)
class CallAnswer:
    """What a call gave.

    Parameters:
        values: for Lua.
        rows: how many records came, or None for none.
        requests: how many HTTP requests it took.
        notes: what the service or we have to say besides.
    """

    values: list[Any]
    rows: int | None
    requests: int
    notes: list[str] = field(default_factory=list)


class Caller:
    """Makes calls, and keeps the clients."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], Client] = {}

    def tokens(self) -> tuple[str, ...]:
        """The tokens in use, so that no text that leaves the session shows one."""
        return tuple(client.account.token for client in self._clients.values())

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def call(
        self, integration: Integration, function: Function, alias: str, values: Mapping[str, Any] | Sequence[Any]
    ) -> CallAnswer:
        """Call a function.

        Parameters:
            integration: the service.
            function: one of its functions.
            alias: whose account.
            values: the arguments, by name or by position, as Lua gave them.

        Raises:
            InvalidArgumentsError: before anything is sent.
            CredentialsError: the account has no token.
            ApiError: what the service answered instead of a result; it names the item of a list that failed.
        """
        args = function.named(values)
        collect, at_once = _reserved(function, args)
        bound = function.bind(args)
        client = self._client(integration, alias)
        many = function.fan_out
        if many is None or not isinstance(bound.get(many.name), tuple):
            return _single(function, client.fetch(function, bound))
        return self._fan_out(function, client, function.calls(bound), many.name, collect=collect, at_once=at_once)

    def _fan_out(
        self, function: Function, client: Client, calls: list[dict[str, Any]], name: str, *, collect: bool, at_once: int
    ) -> CallAnswer:
        rows: list[dict[str, Any]] = []
        failures: list[dict[str, Any]] = []
        requests, notes = 0, []
        pool = ThreadPoolExecutor(max(1, min(at_once, len(calls))), "kosmo-call")
        try:
            futures = [pool.submit(client.fetch, function, call) for call in calls]
            for call, future in zip(calls, futures, strict=True):
                try:
                    answer = future.result()
                except ApiError as error:
                    if not collect:
                        raise
                    facts = error.facts()
                    wanted = ("type", "status", "id", "message", "request_id")
                    failures.append({name: call[name], **{key: facts[key] for key in wanted}})
                    continue
                found = answer.data if isinstance(answer.data, list) else [answer.data]
                rows += [{name: call[name], **row} for row in found]
                requests += answer.requests
                notes += [warning for warning in answer.warnings if warning not in notes]
        finally:
            # After a failure or an interrupt nothing more is sent; what is under way ends unheard.
            pool.shutdown(wait=False, cancel_futures=True)
        values: list[Any] = [Records(rows, function, asked_columns(function))]
        if collect:
            values.append(Records(failures))
            if failures:
                notes.append(f"{len(failures)} of {len(calls)} could not be read: {failures[0]['message']}")
        return CallAnswer(values, len(rows), requests, notes)

    def _client(self, integration: Integration, alias: str) -> Client:
        account = accounts.find(integration, alias) if alias != accounts.DEMO else None
        key = (integration.name, account.alias if account else alias)
        client = self._clients.get(key)
        if account is None:
            client = client or _demo(integration)
        elif client is None or client.account != account:
            if client:
                client.close()  # the token or the address was changed since
            client = Client(integration, account)
        self._clients[key] = client
        return client


def _demo(integration: Integration) -> Client:
    """The client of the fictional account: the look-alike answers in this process."""
    from kosmo_kernel.demo.api import DEMO_TOKEN, DemoApi  # noqa: PLC0415 - only for the demo
    from kosmo_kernel.demo.company import company  # noqa: PLC0415 - as above

    account = accounts.Account(integration.name, accounts.DEMO, DEMO_TOKEN, integration.base_url, "the demo")
    return Client(integration, account, transport=in_process(DemoApi(company())))


def _single(function: Function, answer: Answer) -> CallAnswer:
    if isinstance(answer.data, list):
        return CallAnswer([Records(answer.data, function)], len(answer.data), answer.requests, list(answer.warnings))
    return CallAnswer([Record(answer.data, function)], None, answer.requests, list(answer.warnings))


def _reserved(function: Function, args: dict[str, Any]) -> tuple[bool, int]:
    """Take out the arguments that mean the same for every function: `errors` and `limit`."""
    errors, at_once = args.pop("errors", None), args.pop("limit", None)
    faults = []
    if errors not in (None, "collect", "raise"):
        faults.append('`errors` must be "collect" or "raise"')
    if at_once is not None and (not isinstance(at_once, int) or isinstance(at_once, bool) or at_once < 1):
        faults.append("`limit` must be a number of requests at a time, 1 or more")
    if faults:
        raise InvalidArgumentsError(f"{function.name}: {'; '.join(faults)}. Write {function.signature}")
    return errors == "collect", min(at_once or AT_ONCE, 64)
