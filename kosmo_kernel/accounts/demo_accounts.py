"""The fictional accounts: `demo`, and those that exist where it is the default account, such as `staging`.

Within the package, and wherever an account is shown, the latter are called `demo.staging`. An alias of the user has no
dot, so that neither can be taken for the other. `staging` means `demo.staging` where the default account is fictional,
and the user's own account elsewhere; `demo.staging` means the fictional account everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from kosmo_kernel.accounts.account import DEFAULT, DEMO, canonical_reserved
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.text.nearest import normalize_alias

_PREFIX = f"{DEMO}."


def is_demo(alias: str) -> bool:
    """Return whether the account of an alias is fictional."""
    return alias.lower() == DEMO or alias.lower().startswith(_PREFIX)


def demo_places(integration: Integration) -> dict[str, str]:
    """Return where the fictional accounts of a service are, as `Integration.demo`, by their full names."""
    others = {f"{_PREFIX}{name}": place for name, place in integration.demo_accounts.items()}
    return {DEMO: integration.demo} | others if integration.demo else {}


def account_in_use(named: str | None, default: str, services: Iterable[Integration]) -> str:
    """Return the full name of the account that an alias means.

    Parameters:
        named: the alias; the default account if None or `default`.
        default: the default account.
        services: the services whose fictional accounts there are.
    """
    alias = canonical_reserved(named or DEFAULT)
    if alias == DEFAULT:
        return canonical_reserved(default)
    fictional = f"{_PREFIX}{normalize_alias(alias)}"
    if is_demo(default) and any(fictional in demo_places(service) for service in services):
        return fictional
    return alias
