"""Say why a service has no function of a name: it would change something, it is left out, or it is misspelt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Protocol

from kosmo_kernel.catalogue.function_table import FunctionTable
from kosmo_kernel.text.nearest import nearest
from kosmo_kernel.text.patterns import lazy_pattern

_READS = ("list", "get", "read", "show", "fetch", "find", "describe", "all")
# First words of names of operations that change something.
_CHANGES = lazy_pattern(
    "add|attach|cancel|change|clear|create|delete|deploy|destroy|detach|disable|downgrade|enable|invite|kill|leave|"
    "lock|patch|post|promote|provision|put|remove|rename|reset|resize|restart|retry|revoke|rollback|rotate|run|scale|"
    "send|set|start|stop|transfer|trigger|uninstall|unlock|unset|update|upgrade|write"
)


class Service(Protocol):
    """The part of an `Integration` that this module reads."""

    @property
    def name(self) -> str:
        """The Lua name."""

    @property
    def title(self) -> str:
        """The name for people."""

    @property
    def table(self) -> FunctionTable:
        """The functions."""

    @property
    def change_command(self) -> Callable[[str, str], str] | None:
        """Returns the command with which a person makes a change, from the verb and what it is about."""

    @property
    def left_out(self) -> Callable[[], Iterable[tuple[str, str]]] | None:
        """Returns what has no function, each with the reason."""


def missing_function(
    integration: Service, name: str, others: Iterable[str] = (), *, listed: str = ""
) -> tuple[str, list[str]]:
    """Return why there is no function of this name, as a sentence or an empty text, and the nearest names.

    Parameters:
        integration: the service.
        name: what no function is called.
        others: names beside those of the functions that could have been meant.
        listed: where the functions are listed, as a sentence; a page of the reference, as Lua reads it, when empty.
    """
    if refused := refused_change(integration, name):
        return refused, []
    verb, subject = _split(name)
    names = integration.table.names
    if verb not in _READS:
        near = nearest(name, [*names, *others])
    else:
        # `list_` alone makes no two names similar, and a plural is no other thing.
        by_thing: dict[str, list[str]] = {}
        for one in names:
            by_thing.setdefault(_thing(_split(one)[1]), []).append(one)
        alike = [one for thing in nearest(_thing(subject), by_thing) for one in by_thing[thing]]
        near = ([one for one in alike if _split(one)[0] == verb] or alike)[:3] or nearest(name, others)
    return "" if near else _where_to_look(integration, subject, listed), near


def refused_change(integration: Service, name: str) -> str:
    """Return why there is no function of this name if it would change something; otherwise an empty text."""
    verb, subject = _split(name)
    if not _CHANGES.fullmatch(verb) or not integration.table.only_reads:
        return ""
    how = f" A person can run: {integration.change_command(verb, subject)}" if integration.change_command else ""
    return f"It would change something at {integration.title}, and the functions here only read.{how}"


def _where_to_look(integration: Service, subject: str, listed: str) -> str:
    """Return what the service has of this kind and no function for, or where the functions are listed."""
    left_out = dict(integration.left_out()) if integration.left_out else {}
    for what, why in left_out.items():
        if _thing(subject) and _thing(subject) in what.replace("-", "_"):
            return f"{integration.title} has `{what}`, which is left out. {why}"
    if listed:
        return listed
    beside = f', and `docs.read("{integration.name}.left_out")` what is left out' if left_out else ""
    return f'`docs.read("{integration.name}")` has all functions{beside}.'


def _thing(subject: str) -> str:
    return re.sub("e?s?$", "", subject)


def _split(name: str) -> tuple[str, str]:
    """Return the first word of a name, and the others."""
    verb, _, subject = name.lower().replace("-", "_").partition("_")
    return verb, subject
