"""Resolve the name of a page, for Lua, notebooks and the command line alike.

All of these name the page `heroku.list_dynos`: `list_dynos`, `heroku.list_dynos`, `heroku.production.list_dynos`,
`app.integrations.heroku["my-team"].list_dynos({})`, `heroku_list_dynos`, and each alias of the function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Function, Integration, refused_change
from kosmo_kernel.docs.guides import GUIDES
from kosmo_kernel.docs.reference import Subject, of_function, part_names
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.pages import WIDTH
from kosmo_kernel.questions import CHECKS, TABLES
from kosmo_kernel.questions.discovery import check_names
from kosmo_kernel.text import nearest, normalize_alias

_BRACKETS = re.compile(r"""\[\s*(["'])(.*?)\1\s*\]""")
_BETWEEN = re.compile(r"[.:/\s]+")
MAX_SUGGESTIONS = 3  # pages suggested in place of an unknown one
MAX_SUGGESTED = 10  # functions suggested of a service that does not say which are most used
_MAX_NAME_LENGTH = 1_000  # characters of a name; no page has a longer one
_DROPPED = {"heroku.reference": "Its functions are the first of the page `heroku`."}  # pages, and what has their text
_PREFIXES = ("app", "integrations")  # parts that can precede the name of an integration


def resolve(page: str, names: Callable[[Integration], Sequence[str]] | None = None) -> Subject:
    """Return the subject of a page by any of its names; an empty name means the list of pages.

    Parameters:
        page: the name.
        names: returns the accounts of an integration, whose names lead to its page; those of this machine when None.

    Raises:
        UnknownNameError: there is no such page; with the nearest names.
    """
    steps = _steps(page)
    if not steps:
        return Subject("")
    if subject := _subject(steps, names):
        return subject
    first, *rest = steps
    reason = _refused_change(steps) or _DROPPED.get(".".join(steps), "")
    raise _unknown(page, [] if reason else suggest(page) or (_pages_containing(first) if not rest else []), reason)


def _subject(steps: Sequence[str], names: Callable[[Integration], Sequence[str]] | None) -> Subject | None:
    """Return the subject of the page with this name; None if there is none."""
    first, *rest = steps
    below = ".".join(rest)
    if first == CHECKS and below in check_names():
        return Subject(f"{CHECKS}.{below}", part=below)
    if first in GUIDES and not (first == CHECKS and rest):
        return Subject(first)
    for integration in _integrations():
        if first == integration.name:
            return _below(integration, rest, names)
        if not rest and (function := _function(integration, steps)):
            return of_function(integration, function)
        if first == TABLES and (subject := _below(integration, steps, names)):
            return subject
    return None


def _below(
    integration: Integration, steps: Sequence[str], names: Callable[[Integration], Sequence[str]] | None
) -> Subject | None:
    """Return the subject of a page below the name of an integration; None if there is none."""
    if (function := _function(integration, steps)) is not None:  # first, because it needs no file of a table
        return of_function(integration, function)
    part = ".".join(steps[-2:] if TABLES in steps[-2:-1] else steps)
    if part in part_names(integration):
        return Subject(f"{integration.name}.{part}", integration, part=part)
    is_integration = not steps or _is_account(integration, ".".join(steps), names)
    return Subject(integration.name, integration) if is_integration else None


def resolve_function(name: str) -> tuple[Integration, Function]:
    """Return the function of this name, in any of its forms, with its integration.

    Raises:
        UnknownNameError: there is no such function; with the nearest ones, or those that most questions need.
    """
    among, suggestions = integrations.load_all(), tuple[str, ...]()
    try:
        subject = resolve(name)
        if subject.integration is not None and subject.function is not None:
            return subject.integration, subject.function
        among = (subject.integration,) if subject.integration is not None else among
    except UnknownNameError as error:
        if error.reason:
            raise UnknownNameError(f"There is no function `{name}`.", reason=error.reason) from None
        suggestions = error.suggestions
    full_names = tuple(full_name for integration in among for full_name in integration.by_full_name())
    near = tuple(page for page in suggestions if page in full_names)
    usual = tuple(f"{integration.name}.{function}" for integration in among for function in integration.most_used)
    raise UnknownNameError(f"There is no function `{name}`.", near or usual or full_names[:MAX_SUGGESTED])


def suggest(page: str) -> list[str]:
    """Return the names of pages that are spelt like this one, best first."""
    steps = _steps(page)
    if steps[:1] == [CHECKS]:
        return [f"{CHECKS}.{name}" for name in nearest(".".join(steps[1:]), check_names())]
    every = list(_integrations())
    within = next((i for i in every if steps[:1] == [i.name]), None)
    if within is None or len(steps) == 1:
        names = [name for i in every for name in (i.name, *i.by_full_name())]
        return nearest(".".join(steps), [*names, *GUIDES])
    if TABLES in steps[1:-1]:
        return [f"{within.name}.{part}" for part in nearest(".".join(steps[-2:]), part_names(within))]
    functions_by_name = within.names()
    # The last step can be the name of a field in a function's records.
    functions = [f"{within.name}.{functions_by_name[step].name}" for step in steps[1:-1] if step in functions_by_name]
    similar = [functions_by_name[name].name for name in nearest(steps[-1].replace("-", "_"), functions_by_name)]
    return functions or [f"{within.name}.{name}" for name in dict.fromkeys(similar)]


def _integrations() -> Iterator[Integration]:
    """Yield the built-in integrations, then the installed ones, which are searched for only if they are needed."""
    yield from integrations.BUILT_IN
    yield from integrations.load_all()[len(integrations.BUILT_IN) :]


def _steps(page: str) -> list[str]:
    """Return the parts of a name, without those before the integration and without a call's arguments."""
    text = _BRACKETS.sub(r".\2", page.strip()[:_MAX_NAME_LENGTH]).partition("(")[0]
    steps = [step for step in _BETWEEN.split(text.lower()) if step]
    for prefix in _PREFIXES:
        if steps[:1] == [prefix]:
            del steps[0]
    return steps


def _function(integration: Integration, steps: Sequence[str]) -> Function | None:
    return integration.names().get(steps[-1].replace("-", "_")) if steps else None


def _is_account(
    integration: Integration, name: str, names: Callable[[Integration], Sequence[str]] | None = None
) -> bool:
    from kosmo_kernel import accounts

    aliases = names or accounts.names
    return name == accounts.DEFAULT or normalize_alias(name) in map(normalize_alias, aliases(integration))


def _pages_containing(word: str) -> list[str]:
    """Return the pages that contain a word, for a name that no page has."""
    from kosmo_kernel.docs.search_index import search_pages

    return [subject.page for subject in search_pages(word)][:MAX_SUGGESTIONS]


def _refused_change(steps: Sequence[str]) -> str:
    """Return why there is no function of a name that says that it changes something; otherwise an empty text."""
    *parents, name = (step.replace("-", "_") for step in steps)
    for integration in _integrations():
        own = name.removeprefix(f"{integration.name}_")
        if integration.name in parents[:1] or (not parents and "_" in own):
            return refused_change(integration, own)
    return ""


def _unknown(page: str, suggestions: list[str], reason: str) -> UnknownNameError:
    quoted = repr(page.strip()[:WIDTH])[1:-1]
    text = f"There is no page `{quoted}`" + ("." if reason or suggestions else "; in Lua `docs.list()` names them all.")
    return UnknownNameError(text, tuple(suggestions), reason=reason)
