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
        found |= {link.path: link for link in _links_by_spec().get(spec, ()) if link.path not in found}
    return list(found.values())


def entry_of(link: LinkFact) -> FunctionEntry | None:
    """Return the entry that a link belongs to, or None; of a function written by hand, one that has its name only."""
    if link.path in paths_by_hand():
        return FunctionEntry(paths_by_hand()[link.path], link.path, "")
    matching = [_entries_by_spec()[spec] for spec in _specs_of_link(link) if spec in _entries_by_spec()]
    return min(matching, key=lambda match: match[0])[1] if matching else None


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


def _specs_of_link(link: LinkFact) -> list[str]:
    """Return what an entry can write for a link: its path, or its owner and what it returns."""
    if link.path in _single_links():
        return [link.path]
    return [link.path, f"{link.owner} {link.returns}", f"{link.owner} {link.returns}:{link.resource}"]


@cache
def _links_by_spec() -> dict[str, list[LinkFact]]:
    found: dict[str, list[LinkFact]] = {}
    for link in facts().links:
        for spec in _specs_of_link(link):
            found.setdefault(spec, []).append(link)
    return found


@cache
def _entries_by_spec() -> dict[str, tuple[int, FunctionEntry]]:
    """Return the first entry that has each spec, with its place in the order of the reference."""
    found: dict[str, tuple[int, FunctionEntry]] = {}
    for place, entry in enumerate(entries()):
        for spec in _specs(entry):
            found.setdefault(spec, (place, entry))
    return found


def _specs(entry: FunctionEntry) -> list[str]:
    return entry.links.split(", ")


@cache
def _single_links() -> set[str]:
    """Return the links that an entry names by their paths, or that have none."""
    named = {spec for entry in entries() for spec in _specs(entry) if spec.startswith("/")}
    return named | LEFT_OUT.keys() | paths_by_hand().keys()
