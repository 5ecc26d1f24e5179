"""The service that an inventory is of, and what the service says about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pkgutil import resolve_name

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.inventory import InventoryFacts
from kosmo_kernel.questions.discovery import find_table, source_with_tables
from kosmo_kernel.questions.question import Question
from kosmo_kernel.snapshot.lists import table_of

_LIST = re.compile(r"\blist_\w+")


@cache
def service() -> Integration:
    """Return the service: the first built-in one that has facts about an inventory."""
    return next(one for one in integrations.BUILT_IN if one.inventory)


@cache
def facts() -> InventoryFacts:
    """Return what an inventory of the service has."""
    found: InventoryFacts = resolve_name(service().inventory)
    return found


def kinds(names: Sequence[str] = ()) -> list[Question]:
    """Return the tables of an inventory, in the order of its page, or some of them."""
    return [find_table(service().name, name) for name in names or facts().tables]


@cache
def lists() -> tuple[str, ...]:
    """Return the lists that an inventory reads: those that the Lua of its tables calls, in the order of the service."""
    called = set(_LIST.findall(source_with_tables("".join(kind.source for kind in kinds()))))
    return tuple(table_of(one) for one in service().functions if one.name in called and not one.local)
