"""Which accounts there are, where each has its token, and how many requests it has left now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kosmo_kernel import accounts
from kosmo_kernel.errors import KosmoError, RefusedError
from kosmo_kernel.integrations import everything

if TYPE_CHECKING:
    from collections.abc import Callable

    from kosmo_kernel.catalogue import Integration

UNAUTHORIZED = 401
BUDGET_LEFT = "budget_left"  # what the client calls the question


@dataclass(slots=True)
class Standing:
    """One account of one service.

    Parameters:
        integration: the service.
        alias: the account's name.
        token: where its token is, or why it cannot be used.
        url: where the token is sent, or None.
        left: how many requests it may send now, or None where nobody can say.
        problem: why it cannot be asked, or empty.
    """

    integration: Integration
    alias: str
    token: str
    url: str | None = None
    left: int | None = None
    problem: str = ""

    @property
    def capacity(self) -> int | None:
        """How many requests an account may save up; None where its service does not limit them."""
        return self.integration.budget.capacity if self.integration.budget and self.alias != accounts.DEMO else None

    @property
    def text(self) -> str:
        """What it has left, or why nobody knows, in one line."""
        if self.problem:
            return " ".join(self.problem.split())
        if self.capacity is None:
            return "without limit"
        return "unknown" if self.left is None else f"{self.left:,} of {self.capacity:,}"


def standings() -> list[Standing]:
    """Every account of every integration. None of them is asked."""
    return [_standing(integration, alias) for integration in everything() for alias in accounts.names(integration)]


def asked(budget_left: Callable[[str, str], int | None]) -> list[Standing]:
    """Every account of every integration, those of fiction excepted asked for what they have left.

    Parameters:
        budget_left: asks, given the integration's name and the alias; what fails is told in the account's own row.
    """
    found = standings()
    for one in found:
        if one.capacity is None or one.problem:
            continue
        try:
            one.left = budget_left(one.integration.name, one.alias)
        except RefusedError as error:
            refused = f"{one.integration.title} refuses the token {one.token} ({error.status})"
            one.problem = refused if error.status == UNAUTHORIZED else _own(one, error)
        except KosmoError as error:
            one.problem = _own(one, error)
    return found


def _own(one: Standing, error: KosmoError) -> str:
    """An error without what its row says already: no function of that name is anybody's to call."""
    return error.message.removeprefix(f"{one.integration.name}.{BUDGET_LEFT} (account {one.alias}): ")


def _standing(integration: Integration, alias: str) -> Standing:
    if alias == accounts.DEMO:
        return Standing(integration, alias, "needs none: everything in it is fiction")
    try:
        account = accounts.find(integration, alias)
    except KosmoError as error:
        return Standing(integration, alias, error.message, problem=error.message)
    return Standing(integration, alias, f"in {account.source}", account.url)
