"""Asking a service whose token it is: by the function that takes no argument and gives one record."""

from __future__ import annotations

import time
from dataclasses import dataclass

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Integration

TIMEOUT_SECONDS = 10.0  # seconds for the answer


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """Whose token it is.

    Parameters:
        text: a name, an address or both; empty where the service has no function that tells.
        scopes: what the token is for, where the service says so.
        left: how many requests the account may send now; None where the service does not say.
        ms: how long the answer took, in milliseconds.
        path: what was asked for; empty where the service has nothing that tells.
    """

    text: str = ""
    scopes: tuple[str, ...] = ()
    left: int | None = None
    ms: float = 0.0
    path: str = ""

    @property
    def scope(self) -> str:
        """What the token is for, in words; empty where nobody knows."""
        return f"its scope is {', '.join(self.scopes)}" if self.scopes else ""


def who(integration: Integration, account: Account) -> TokenOwner:
    """Whose token an account has.

    Raises:
        ApiError: what the service answered instead, or that it did not answer in time.
    """
    from kosmo_kernel.client.client import Client

    function = next((f for f in integration.functions if f.returns == "record" and not f.params), None)
    if function is None:
        return TokenOwner()
    client = Client(integration, account, timeout=TIMEOUT_SECONDS, patience=0)
    started = time.perf_counter()
    try:
        answer = client.fetch(function, {})
    finally:
        client.close()
    record = answer.data if isinstance(answer.data, dict) else {}
    names = [str(record[label]) for label in integration.labels if record.get(label)]
    took = (time.perf_counter() - started) * 1000
    text = f"{names[0]} ({', '.join(names[1:])})" if len(names) > 1 else "".join(names)
    return TokenOwner(text, tuple(answer.scopes), answer.remaining, took, function.path)
