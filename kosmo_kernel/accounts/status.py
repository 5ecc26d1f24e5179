"""Which accounts there are, where each has its token, and how many requests it has left now."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from kosmo_kernel import accounts
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.errors import ApiError, CredentialsError, KosmoError, RefusedError
from kosmo_kernel.integrations import everything

UNAUTHORIZED = 401


@dataclass(slots=True)
class AccountStatus:
    """One account of one service.

    Parameters:
        integration: the service.
        alias: the account's name.
        token: where its token is, or why it cannot be used.
        url: where the token is sent, or None.
        left: how many requests it may send now, or None where nobody can say.
        problem: why it cannot be asked, or empty.
        who: whose account it is, where that is known without asking; or empty.
    """

    integration: Integration
    alias: str
    token: str
    url: str | None = None
    left: int | None = None
    problem: str = ""
    who: str = ""

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


def all_accounts() -> list[AccountStatus]:
    """Every account of every integration, and the default one where a file is wrong. None of them is asked."""
    found = []
    for integration in everything():
        names = accounts.names(integration)
        fault = accounts.fault(integration)
        if fault:
            found.append(AccountStatus(integration, accounts.DEFAULT, fault.message, problem=fault.message))
            names = [name for name in names if name != accounts.DEFAULT]
        found += [_standing(integration, alias) for alias in names]
    return found


def with_remaining(budget_left: Callable[[str, str], int | None]) -> list[AccountStatus]:
    """Every account of every integration, those of fiction excepted asked for what they have left.

    Parameters:
        budget_left: asks, given the integration's name and the alias; what fails is told in the account's own row.
    """
    found = all_accounts()
    for one in found:
        if one.capacity is None or one.problem:
            continue
        try:
            one.left = budget_left(one.integration.name, one.alias)
        except RefusedError as error:
            refused = f"{one.integration.title} refuses the token {one.token} ({error.status})"
            one.problem = refused if error.status == UNAUTHORIZED else _own(error)
        except ApiError as error:
            one.problem = _own(error)
        except KosmoError as error:
            one.problem = error.message
    return found


def _own(error: ApiError) -> str:
    """An error without what its row says already: no function of that name is anybody's to call."""
    return error.message.removeprefix(error.where)


def _standing(integration: Integration, alias: str) -> AccountStatus:
    if alias == accounts.DEMO:
        return AccountStatus(integration, alias, "needs none: everything in it is fiction")
    try:
        step = next(accounts.steps(integration, alias), None)
        if step is None:
            raise CredentialsError(f"`{alias}` is no name of an account, or was taken away meanwhile.")
        if step.kind == "environment":
            accounts.find(integration, alias)  # where anybody may have put anything
        url = accounts.address(integration, os.environ)
    except KosmoError as error:
        return AccountStatus(integration, alias, error.message, problem=error.message)
    return AccountStatus(integration, alias, f"in {step.source}", url, who=step.who)
