"""Tell which checks a token is not enough for, by what their heads say."""

from __future__ import annotations

from collections.abc import Collection

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.checks.discovery import shipped_checks


def checks_beyond(integration: Integration, granted: Collection[str]) -> dict[str, list[str]]:
    """Return the names of the shipped checks that a token with some scopes cannot make, by the scope that it lacks."""
    names: dict[str, list[str]] = {}
    for check in shipped_checks():
        if check.service == integration.name and integration.credentials.lacks(check.scope, granted):
            names.setdefault(check.scope, []).append(check.name)
    return names
