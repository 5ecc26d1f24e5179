"""Tell which functions of an integration need which scope of a token. No request is sent."""

from __future__ import annotations

from collections.abc import Callable, Collection

from kosmo_kernel.catalogue.integration import Integration
from kosmo_kernel.catalogue.model import Function


def functions_by_scope(integration: Integration) -> dict[str, list[str]]:
    """Return the functions by the scope that a token needs for them, as far as it is known.

    A function with several ways to be called, which need different scopes, is named with the arguments of each:
    `list_spaces({ team })`.
    """
    return _by_scope(integration, bool)


def usual_scope(integration: Integration) -> str:
    """Return the scope that most functions need."""
    by_scope = functions_by_scope(integration)
    return max(by_scope, key=lambda scope: len(by_scope[scope]), default="")


def beyond_scopes(integration: Integration, granted: Collection[str]) -> dict[str, list[str]]:
    """Return the functions that a token with some scopes cannot use, by the scope that it lacks.

    A function that it can use with some arguments only is named with the others: `list_spaces({ team })`.
    """
    return _by_scope(integration, lambda scope: integration.credentials.lacks(scope, granted))


def unknown_scopes(integration: Integration) -> list[Function]:
    """Return the functions of which it is not known which scope they need."""
    return [one for one in integration.functions if one.links and not any(link.scope for link in one.links)]


def _by_scope(integration: Integration, applies: Callable[[str], bool]) -> dict[str, list[str]]:
    """Return the functions that have a link whose scope is one of those that a predicate accepts."""
    names: dict[str, list[str]] = {}
    for function in integration.functions:
        links = [link for link in function.links if applies(link.scope)]
        is_whole = len(links) == len(function.links) and len({link.scope for link in links}) == 1
        for link in links[:1] if is_whole else links:
            arguments = "" if is_whole else f"({{ {', '.join(link.places)} }})" if link.places else "()"
            names.setdefault(link.scope, []).append(function.name + arguments)
    return names
