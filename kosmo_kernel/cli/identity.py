"""Find out who owns a token, and what it may do.

The service is asked by calling the integration's function that takes no argument and returns one record, such as
Heroku's account. A token may be good and yet have too few scopes for that: then its owner is unknown.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.errors import RefusedError

TIMEOUT_SECONDS = 10.0  # for the response


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """The owner of a token, as its service describes them."""

    text: str = ""  # a name, an address or both; empty if the integration has no function that returns them
    scopes: tuple[str, ...] = ()  # the scopes of the token, if the service reports them
    left: int | None = None  # how many requests the account may send now; None if the service does not report it
    ms: float = 0.0  # how long the response took, in milliseconds
    path: str = ""  # the path that was requested; empty if the integration has no such function
    refusal: str = ""  # why the service did not tell the owner to this token, which it accepts; empty if it did


def token_owner(integration: Integration, account: Account) -> TokenOwner:
    """Return the owner of an account's token.

    Raises:
        ApiError: the service responded with an error, or not in time.
    """
    from kosmo_kernel.client.client import Client

    function = next((f for f in integration.functions if f.returns == "record" and not f.params), None)
    if function is None:
        return TokenOwner()
    client = Client(integration, account, timeout=TIMEOUT_SECONDS, patience=0)
    started = time.perf_counter()
    record: Any = {}
    refusal = ""
    try:
        response = client.fetch(function, {})
    except RefusedError as error:
        if error.status != HTTPStatus.FORBIDDEN or not client.scopes:
            raise
        refusal, remaining = error.text, client.remaining
    else:
        record, remaining = response.data, response.remaining
    finally:
        client.close()
    names = [str(record[label]) for label in integration.labels if record.get(label)]
    milliseconds = (time.perf_counter() - started) * 1000
    text = f"{names[0]} ({', '.join(names[1:])})" if len(names) > 1 else "".join(names)
    return TokenOwner(text, client.scopes, remaining, milliseconds, function.links[0].path, refusal)
