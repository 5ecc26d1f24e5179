"""What can be called: the reference for people, and the same as data for programs."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from kosmo_kernel.accounts import DEFAULT, DEMO, demo_chosen, names
from kosmo_kernel.cli.command import Command
from kosmo_kernel.cli.output import document, say
from kosmo_kernel.cli.values import show_page
from kosmo_kernel.docs import GUIDES, MOST_FOUND, describe, guide, input_schema, matches, read, resolve
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.integrations import everything

if TYPE_CHECKING:
    from kosmo_kernel.catalogue import Function, Integration

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document, whatever happens.")


@click.command("integrations:docs", cls=Command)
@click.argument("page", required=False, default="")
@as_json
def docs(*, page: str, as_json: bool) -> None:
    """Read the reference, or one page of it.

    PAGE is an integration (heroku), one of its functions (heroku.list_dynos) or a guide (parallel). Without it, the
    pages are listed.

    With --json: the function as data, or the list of all the functions on the page; of a guide its `page`, `title` and
    `text`.
    """
    if written := guide(page):
        if as_json:
            name = next(name for name in GUIDES if guide(name) == written)
            document({"page": name, "title": GUIDES[name], "text": written})
        else:
            show_page(written)
        return
    found = _page(page)
    if as_json:
        if found is None:
            document([_function(i, f) for i in everything() for f in i.functions])
        elif found[1] is None:
            document([_function(found[0], f) for f in found[0].functions])
        else:
            document(_function(found[0], found[1]))
    elif found is None:
        _list("`kosmo integrations:docs PAGE` shows one of these pages.")
    else:
        show_page(read(page))


@click.command("integrations:list", cls=Command)
@as_json
def list_(*, as_json: bool) -> None:
    """List the integrations and their functions.

    With --json: `providers` by name. `configured` means that the default account has a token, and `active` that
    functions can be called without naming an account.
    """
    if as_json:
        providers = {i.name: state(i) | {"functions": [_function(i, f) for f in i.functions]} for i in everything()}
        document({"success": True, "providers": providers})
    else:
        _list()


@click.command("integrations:search", cls=Command)
@click.argument("words", nargs=-1, required=True)
@as_json
def search(*, words: tuple[str, ...], as_json: bool) -> None:
    """Find functions by words.

    The best come first, 20 at most.
    """
    query = " ".join(words)
    found = matches(query)[:MOST_FOUND]
    if as_json:
        document({"success": True, "query": query, "functions": [_function(i, f) for i, f in found]})
    elif found:
        print_rows([(f"{i.name}.{f.name}", f.summary) for i, f in found])
    else:
        say("Nothing speaks of this. `kosmo integrations:list` names all functions.")


@click.command("integrations:schema", cls=Command)
@click.argument("function")
@click.option("--json", "as_json", is_flag=True, help="Also where something fails; a schema is JSON in any case.")
def schema(*, function: str, as_json: bool) -> None:  # noqa: ARG001 - read where failures end up
    """Print a function's arguments as JSON Schema.

    FUNCTION is written as in Lua: heroku.list_dynos.
    """
    found = _page(function)
    if found is None or found[1] is None:
        there = [found[0]] if found else everything()
        full_names = tuple(f"{i.name}.{f.name}" for i in there for f in i.functions)
        raise UnknownNameError(f"`{function}` is no function.", full_names)
    document(input_schema(found[1]))


def _page(name: str) -> tuple[Integration, Function | None] | None:
    """What a page is about: an integration or one of its functions; None for no name.

    Raises:
        UnknownNameError: there is no such page; with the nearest names.
    """
    try:
        return resolve(name)
    except UnknownNameError as error:
        message = f"There is no page `{name}`; `kosmo integrations:docs` lists them all."
        raise UnknownNameError(message, error.suggestions) from None


def state(integration: Integration) -> dict[str, Any]:
    """Whether an integration can be called, and with which accounts."""
    accounts = names(integration)
    configured = DEFAULT in accounts
    active = configured or (demo_chosen() and DEMO in accounts)
    return {"active": active, "configured": configured, "accounts": accounts}


def _function(integration: Integration, function: Function) -> dict[str, Any]:
    """A function as data, and with which accounts it can be called."""
    return describe(integration, function) | state(integration)


def _list(hint: str = "") -> None:
    """Print the integrations and their functions."""
    for integration in everything():
        say(f"{integration.title}: {integration.description}\n")
        whole = [(integration.name, "Everything on one page")] if hint else []
        print_rows([*whole, *((f"{integration.name}.{f.name}", f.summary) for f in integration.functions)])
    if hint:
        say("\nGuides:\n")
        print_rows(list(GUIDES.items()))
        say(f"\n{hint}")


def print_rows(rows: list[tuple[str, str]]) -> None:
    """Print names with a text beside each: wrapped on a terminal, a line each in a pipe."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    formatter = click.HelpFormatter(width=width)
    with formatter.indentation():
        formatter.write_dl(rows, col_max=width)
    say(formatter.getvalue(), end="")
