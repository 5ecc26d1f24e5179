"""What a page of the reference is about."""

from __future__ import annotations

from dataclasses import dataclass

from kosmo_kernel.catalogue import Function, Integration


@dataclass(frozen=True, slots=True)
class Subject:
    """What a page is about: a guide, an integration, one of its functions, or the list of all pages.

    Parameters:
        page: the page's own name; empty for the list.
        integration: None for a guide and for the list.
        function: None for all but a function's page.
    """

    page: str
    integration: Integration | None = None
    function: Function | None = None


def of_function(integration: Integration, function: Function) -> Subject:
    """The page of a function."""
    return Subject(f"{integration.name}.{function.name}", integration, function)
