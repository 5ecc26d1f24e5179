"""Decide which account a run of a notebook uses.

The shipped notebooks declare `account = "demo"`: in Jupyter they stay on the demo company, so that nobody's data gets
into a file under version control. A run writes a copy. It uses the default account, as every command does, and the demo
only on request. A notebook that declares another account keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping

from kosmo_kernel import accounts, integrations
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.runbook.notebook import ACCOUNT, Runbook
from kosmo_kernel.runbook.parameters import parse_text


def with_account(
    runbook: Runbook, given: Mapping[str, str], account: str | None, *, replays: bool = False
) -> dict[str, str]:
    """Return the parameters of a run, with the parameter `account` if the notebook declares it.

    Parameters:
        runbook: the notebook.
        given: the values of parameters by name, as texts.
        account: the account that the user names, if any.
        replays: the run sends nothing, so it needs no token.

    Raises:
        UnknownNameError: an account is named that the notebook cannot take.
        KosmoError: no account is set up, or the place of the token cannot be read.
    """
    declared = next((one for one in runbook.parameters() if one.name == ACCOUNT), None)
    if declared is None:
        if account not in (None, accounts.DEMO):
            raise UnknownNameError(f"`{runbook.path}` declares no parameter `{ACCOUNT}`, so it cannot be given one.")
        return dict(given)
    if account is None and (ACCOUNT in given or parse_text(declared.default) != accounts.DEMO):
        return dict(given)
    return {**given, ACCOUNT: account or _default_account(replays=replays)}


def _default_account(*, replays: bool) -> str:
    if replays:
        return accounts.DEFAULT
    if accounts.demo_chosen():
        return accounts.DEMO
    if not any(accounts.DEFAULT in accounts.names(service) for service in integrations.load_all()):
        accounts.find(integrations.DEFAULT)  # raises the error that lists the ways
    return accounts.DEFAULT
