"""The addresses of Heroku's API: every link with GET of its schema, and which one a request means.

They are Heroku's own, from the facts of its schema, and not from this package's catalogue. Two addresses that are not
for reading are here because Heroku's CLI asks them (`addons:info`, `pipelines:info`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from kosmo_kernel.integrations.heroku.facts import LinkFact

RESOLVE_ADDONS = "/actions/addons/resolve"
FILTER_APPS = "/filters/apps"
ASKED_BY_POST = (RESOLVE_ADDONS, FILTER_APPS)

_LINK = ""  # the key of the link that ends at a branch
_ANY = "{}"  # the key of the branch for whatever stands in a place


class FoundLink(NamedTuple):
    """A link, and what stands in the places of its path."""

    link: LinkFact
    values: tuple[str, ...]


class Routes:
    """Finds the link that a path belongs to."""

    def __init__(self, links: Iterable[LinkFact]) -> None:
        self._tree: dict[str, Any] = {}
        for link in links:
            branch = self._tree
            for part in link.path[1:].split("/"):
                branch = branch.setdefault(_ANY if part.startswith("{") else part, {})
            branch.setdefault(_LINK, link)  # the first of two resources that share a path

    def match(self, path: str) -> FoundLink | None:
        """Return the link of a path, or None. A word of Heroku's is preferred to a place that takes any."""
        return self._match(self._tree, path.split("/")[1:], ()) if path.startswith("/") else None

    def _match(self, branch: dict[str, Any], parts: list[str], values: tuple[str, ...]) -> FoundLink | None:
        if not parts:
            return FoundLink(branch[_LINK], values) if _LINK in branch else None
        part, *rest = parts
        if not part:
            return None
        exact = self._match(branch[part], rest, values) if part in branch and part != _ANY else None
        return exact or (self._match(branch[_ANY], rest, (*values, part)) if _ANY in branch else None)
