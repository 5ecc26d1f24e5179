"""The status of all accounts: where the token is, and the remaining request budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kosmo_kernel import accounts
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.errors import ApiError, CredentialsError, KosmoError, RefusedError
from kosmo_kernel.integrations import load_all

UNAUTHORIZED = 401


@dataclass(slots=True)
class AccountStatus:
    """The status of one account."""

    integration: Integration  # the service
    alias: str  # the account's alias
    token: str  # a description of where its token is, or why it cannot be used
    url: str | None = None  # the address to which the token is sent, or None
    left: int | None = None  # the remaining request budget, or None if unknown
    problem: str = ""  # why the account cannot be used, or empty
    who: str = ""  # the owner of the account if known without a request, or empty

    @property
    def capacity(self) -> int | None:
        """The maximum request budget of the account; None if its service has no limit."""
        return (
            self.integration.budget.capacity if self.integration.budget and not accounts.is_demo(self.alias) else None
        )

    @property
    def text(self) -> str:
        """The remaining request budget, or why it is unknown, in one line."""
        if self.problem:
            return " ".join(self.problem.split())
        if self.capacity is None:
            return "without limit"
        return "unknown" if self.left is None else f"{self.left:,} of {self.capacity:,}"


def all_accounts() -> list[AccountStatus]:
    """Return all accounts of all integrations, without requests; an invalid file is the default account's problem."""
    statuses = []
    for integration in load_all():
        if fault := accounts.fault(integration):  # then the default account is not among the names
            statuses.append(AccountStatus(integration, accounts.DEFAULT, fault.message, problem=fault.message))
        statuses += [_status(integration, alias) for alias in accounts.names(integration)]
    return statuses


def with_remaining(budget_left: Callable[[str, str], int | None]) -> list[AccountStatus]:
    """Return all accounts of all integrations with their remaining request budgets, except for demo accounts.

    Parameters:
        budget_left: returns the remaining budget of an integration's account. Its error becomes the `problem`.
    """
    statuses = all_accounts()
    for one in statuses:
        if one.capacity is None or one.problem:
            continue
        try:
            one.left = budget_left(one.integration.name, one.alias)
        except RefusedError as error:
            refused = f"{one.integration.title} refuses the token {one.token} ({error.status})"
            one.problem = refused if error.status == UNAUTHORIZED else error.text
        except ApiError as error:
            one.problem = error.text  # without the call, which is internal, and the account, which is in the row
        except KosmoError as error:
            one.problem = error.message
    return statuses


def _status(integration: Integration, alias: str) -> AccountStatus:
    if alias == accounts.DEMO:
        return AccountStatus(integration, alias, "needs none: everything in it is fiction")
    try:
        step = next(accounts.steps(integration, alias), None)
        if step is None:
            raise CredentialsError(f"`{alias}` is no name of an account, or was taken away meanwhile.")
        if step.kind == "environment":
            accounts.find(integration, alias)  # checks the token, which may be any text
        url = accounts.address(integration, alias)
    except KosmoError as error:
        return AccountStatus(integration, alias, error.message, problem=error.message)
    return AccountStatus(integration, alias, f"in {step.source}", url, who=step.who)
