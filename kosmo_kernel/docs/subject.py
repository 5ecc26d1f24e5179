"""The subject of a page of the reference."""

from __future__ import annotations

from dataclasses import dataclass

from kosmo_kernel.catalogue import Function, Integration


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a page: a guide, an integration, one of its functions, or the list of all pages.

    Parameters:
        page: the page's own name; empty for the list.
        integration: None for a guide and for the list.
        function: None unless the page is about a function.
        left_out: it is about what the integration has no function for.
    """

    page: str
    integration: Integration | None = None
    function: Function | None = None
    left_out: bool = False


LEFT_OUT = "left_out"  # the last part of the name of the page about what has no function


def of_function(integration: Integration, function: Function) -> Subject:
    """Return the subject of a function's page."""
    return Subject(f"{integration.name}.{function.name}", integration, function)
