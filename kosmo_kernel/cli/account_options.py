"""The options that name an account: `-a` or `--account`, and `--demo`."""

from __future__ import annotations

from typing import Any

import click

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.cli.completions import accounts_of
from kosmo_kernel.cli.options import not_blank

ON_DEMO: dict[str, Any] = {"is_flag": True, "help": "Use the fictional demo account."}  # of `--demo`


def about_account(text: str, integration: Integration | None = None) -> dict[str, Any]:
    """Return the arguments of `click.option` for `--account`.

    Parameters:
        text: the help.
        integration: whose accounts a shell completes; those of all integrations when None.
    """
    return {"metavar": "A", "callback": not_blank, "help": text, "shell_complete": accounts_of(integration)}


def one_account(*aliases: str | None, demo: bool) -> str | None:
    """Return the account that is named in one of several ways, or None.

    With `--demo`, an alias may name one of the accounts that there are where the demo is the default account.

    Raises:
        click.UsageError: two different accounts are named.
    """
    from kosmo_kernel.accounts import DEFAULT, DEMO, account_in_use, is_demo
    from kosmo_kernel.integrations import loaded

    default = DEMO if demo else DEFAULT
    named = dict.fromkeys(account_in_use(one, default, loaded()) for one in aliases if one)
    if demo and not all(map(is_demo, named)):
        named[DEMO] = None
    if demo and not named:
        return DEMO
    if len(named) > 1:
        raise click.UsageError(f"Two accounts are named: {' and '.join(named)}. Give one of them.")
    return next(iter(named), None)
