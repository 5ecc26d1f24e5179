"""All functions of Heroku: those for apps, which are written by hand, then those that are made from the facts.

At a start only the names are needed. The facts are read when the first function is needed that is made from them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from msgspec.structs import replace

from kosmo_kernel.catalogue import BulkSource, Function
from kosmo_kernel.catalogue.validation import function_mistakes
from kosmo_kernel.integrations.heroku import functions
from kosmo_kernel.integrations.heroku.entries import SUBJECTS, FunctionEntry, entries
from kosmo_kernel.integrations.heroku.stacks import LIST_STACK_DATES

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
    from kosmo_kernel.integrations.heroku.derived import as_called, function_of
    from kosmo_kernel.integrations.heroku.examples import example
    from kosmo_kernel.integrations.heroku.links import links_of

    entry = _entries()[name]
    bulk = {
        param: BulkSource(path, item, named(items))
        for (owner, param), (path, item, items) in _BULK.items()
        if owner == name
    }
    links = as_called(links_of(entry))
    function = function_of(entry, links, bulk)
    function = replace(function, example=example(function, entry, links))
    mistakes = list(function_mistakes(function))
    if mistakes:
        raise ValueError(f"{name} {'; '.join(mistakes)}")
    return function


@cache
def _entries() -> dict[str, FunctionEntry]:
    return {entry.name: entry for entry in entries()}
