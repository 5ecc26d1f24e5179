"""`kosmo integrations:status`: which accounts can be asked, and what each has left."""

from __future__ import annotations

from typing import Any

import click

from kosmo_kernel.accounts.status import AccountStatus, with_remaining
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.cli.command import Command
from kosmo_kernel.cli.options import as_json
from kosmo_kernel.cli.output import document, print_rows
from kosmo_kernel.cli.reference import PROVIDER, state
from kosmo_kernel.integrations import everything
from kosmo_kernel.session import Session


@click.command("integrations:status", cls=Command, epilog="\b\nExample:\n  kosmo integrations:status --json")
@as_json
def status(*, as_json: bool) -> None:
    """Show every account, and the requests it has left.

    To ask costs none of them. An account whose token is refused says so in its line.

    With --json: `providers` by name. `configured` means that the default account has a token, `active` that functions
    can be called without naming an account, `functions` is their number; `budgets` has by account what is `left` of
    its `capacity`, and the `error` where it could not be asked.
    """
    with Session() as session:
        found = with_remaining(session.budget_left)
    if as_json:
        document({"success": True, "providers": {i.name: _provider(i, found) for i in everything()}})
    else:
        print_rows([(f"{one.integration.name}.{one.alias}", _told(one)) for one in found])


def _told(one: AccountStatus) -> str:
    return one.text if one.left is None else f"{one.text} requests left"


def _provider(integration: Integration, found: list[AccountStatus]) -> dict[str, Any]:
    own = [one for one in found if one.integration.name == integration.name]
    budgets = {one.alias: {"left": one.left, "capacity": one.capacity, "error": one.problem or None} for one in own}
    return state(integration) | PROVIDER | {"functions": len(integration.functions), "budgets": budgets}
