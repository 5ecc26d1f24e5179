"""All functions of Heroku: those for apps, which are written by hand, then those that are made from the facts.

At a start only the names are needed. The facts are read when the first function is needed that is made from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from kosmo_kernel.catalogue import BulkSource, Function
from kosmo_kernel.catalogue.validation import function_mistakes
from kosmo_kernel.integrations.heroku import functions
from kosmo_kernel.integrations.heroku.entries import LEFT_OUT, SUBJECTS, FunctionEntry, entries
from kosmo_kernel.integrations.heroku.stacks import LIST_STACK_DATES

if TYPE_CHECKING:
    from kosmo_kernel.integrations.heroku.facts import LinkFact

_BY_HAND = {function.name: function for function in (*functions.FUNCTIONS, LIST_STACK_DATES)}
# Lists of the whole account that replace one request for each item: by function and parameter, the path, the field of
# a record with the identifier of its item, and the function that lists the items.
_BULK = {
    ("list_addon_attachments", "app_id"): ("/addon-attachments", "app.id", "list_apps"),
    ("list_addon_attachments", "addon_id"): ("/addon-attachments", "addon.id", "list_account_addons"),
    ("list_pipeline_couplings", "app_id"): ("/pipeline-couplings", "app.id", "list_apps"),
    ("list_pipeline_couplings", "pipeline_id"): ("/pipeline-couplings", "pipeline.id", "list_pipelines"),
}


def names() -> dict[str, tuple[str, ...]]:
    """Return the names of all functions with their aliases, by subject; those written by hand come first.

    What comes with this package, and not from Heroku, is the last of its subject.
    """
    found: dict[str, tuple[str, ...]] = {}
    for subject, of_subject in SUBJECTS.items():
        by_hand = [function for function in _BY_HAND.values() if function.subject == subject]
        found |= {function.name: function.aliases for function in by_hand if not function.local}
        found |= dict.fromkeys((entry.name for entry in of_subject), ())
        found |= {function.name: function.aliases for function in by_hand if function.local}
    return found


def make(name: str, named: Callable[[str], Function]) -> Function:
    """Return the function with a name.

    Parameters:
        name: of the function.
        named: returns the other functions that it needs, by name.

    Raises:
        KeyError: there is none.
        ValueError: what is made from the facts and its entry is no function; the message has the mistakes.
    """
    if name in _BY_HAND:
        return _BY_HAND[name]
    from kosmo_kernel.integrations.heroku.derived import function_of

    entry = _entries()[name]
    bulk = {
        param: BulkSource(path, item, named(items))
        for (owner, param), (path, item, items) in _BULK.items()
        if owner == name
    }
    function = function_of(entry, links_of(entry), bulk)
    mistakes = list(function_mistakes(function))
    if mistakes:
        raise ValueError(f"{name} {'; '.join(mistakes)}")
    return function


def links_of(entry: FunctionEntry) -> list[LinkFact]:
    """Return the links of an entry."""
    from kosmo_kernel.integrations.heroku.facts import facts

    found: dict[str, LinkFact] = {}
    for spec in _specs(entry):
        found |= {link.path: link for link in facts().links if link.path not in found and _is_meant(spec, link)}
    return list(found.values())


def left_out() -> Iterator[tuple[str, str]]:
    """Yield the path of each link without a function, and the reason."""
    from kosmo_kernel.integrations.heroku.facts import facts

    own = {link.path for entry in entries() for link in links_of(entry)} | _paths_by_hand()
    for path in dict.fromkeys(link.path for link in facts().links):
        if path not in own:
            yield path, LEFT_OUT.get(path, "No function was written for it yet.")


def _is_meant(spec: str, link: LinkFact) -> bool:
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
    return named | LEFT_OUT.keys() | _paths_by_hand()


def _paths_by_hand() -> set[str]:
    return {link.path.replace("{app_id}", "{app.identity}") for one in _BY_HAND.values() for link in one.links}


@cache
def _entries() -> dict[str, FunctionEntry]:
    return {entry.name: entry for entry in entries()}
