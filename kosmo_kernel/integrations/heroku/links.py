"""Which links of Heroku's API belong to which function: those that its entry names, or its own if it is by hand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from kosmo_kernel.integrations.heroku import functions
from kosmo_kernel.integrations.heroku.entries import LEFT_OUT, FunctionEntry, entries
from kosmo_kernel.integrations.heroku.facts import LinkFact, facts


def links_of(entry: FunctionEntry) -> list[LinkFact]:
    """Return the links of an entry."""
    found: dict[str, LinkFact] = {}
    for spec in _specs(entry):
        found |= {link.path: link for link in facts().links if link.path not in found and _matches(spec, link)}
    return list(found.values())


def entry_of(link: LinkFact) -> FunctionEntry | None:
    """Return the entry that a link belongs to, or None; of a function written by hand, one that has its name only."""
    if link.path in paths_by_hand():
        return FunctionEntry(paths_by_hand()[link.path], link.path, "")
    return next((entry for entry in entries() if any(_matches(spec, link) for spec in _specs(entry))), None)


def left_out() -> Iterator[tuple[str, str]]:
    """Yield the path of each link without a function, and the reason."""
    own = {link.path for entry in entries() for link in links_of(entry)} | paths_by_hand().keys()
    for path in dict.fromkeys(link.path for link in facts().links):
        if path not in own:
            yield path, LEFT_OUT.get(path, "No function was written for it yet.")


@cache
def paths_by_hand() -> dict[str, str]:
    """Return the name of the function by the path of each link whose function is written by hand."""
    return {
        link.path.replace("{app_id}", "{app.identity}"): one.name for one in functions.FUNCTIONS for link in one.links
    }


def _matches(spec: str, link: LinkFact) -> bool:
    if spec.startswith("/"):
        return link.path == spec
    owner, _, returns = spec.partition(" ")
    returns, _, resource = returns.partition(":")
    same = (link.owner, link.returns) == (owner, returns) and resource in ("", link.resource)
    return same and link.path not in _single_links()


def _specs(entry: FunctionEntry) -> list[str]:
    return entry.links.split(", ")


@cache
def _single_links() -> set[str]:
    """Return the links that an entry names by their paths, or that have none."""
    named = {spec for entry in entries() for spec in _specs(entry) if spec.startswith("/")}
    return named | LEFT_OUT.keys() | paths_by_hand().keys()
