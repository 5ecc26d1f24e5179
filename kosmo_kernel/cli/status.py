"""`kosmo integrations:status`: show which accounts are usable, and how many requests each has left."""

from __future__ import annotations

from typing import Any

from kosmo_kernel.accounts.status import AccountStatus, with_remaining
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.cli.command import command
from kosmo_kernel.cli.output import document, print_rows
from kosmo_kernel.cli.reference import PROVIDER, state
from kosmo_kernel.integrations import load_all
from kosmo_kernel.session import Session


@command("integrations:status", "kosmo integrations:status --json")
def status(*, as_json: bool) -> None:
    """Show every account, and the requests it has left.

    To ask costs none of them. An account whose token is refused says so in its line.

    With --json: `providers` by name. `configured` means that the default account has a token, `active` that functions
    can be called without naming an account, `functions` is their number; `budgets` has by account what is `left` of
    its `capacity`, and the `error` where it could not be asked.
    """
    with Session() as session:
        statuses = with_remaining(session.budget_left)
    if as_json:
        document({"success": True, "providers": {i.name: _provider(i, statuses) for i in load_all()}})
    else:
        rows = [(f"{one.integration.name}.{one.alias}", one.text, one.left) for one in statuses]
        print_rows([(name, text if left is None else f"{text} requests left") for name, text, left in rows])


def _provider(integration: Integration, statuses: list[AccountStatus]) -> dict[str, Any]:
    own_statuses = [account for account in statuses if account.integration.name == integration.name]
    budgets = {
        account.alias: {"left": account.left, "capacity": account.capacity, "error": account.problem or None}
        for account in own_statuses
    }
    return state(integration) | PROVIDER | {"functions": len(integration.functions), "budgets": budgets}
