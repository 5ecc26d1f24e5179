"""Completions for the arguments of commands: accounts, pages of the reference, functions, MCP servers, files.

Each is passed to click as `shell_complete`, so it runs only while a shell completes a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click

from kosmo_kernel.catalogue import Integration, Param
from kosmo_kernel.integrations import load_all

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Choices = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]


def _completer(choices: Callable[[click.Context, str], Iterable[tuple[str, str]]]) -> Choices:
    """Return a callback that completes with names: those that begin with what is typed, without duplicates.

    Parameters:
        choices: returns the names for what is typed, each with a description or an empty text.
    """

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        matches = {name: about for name, about in choices(ctx, incomplete) if name.startswith(incomplete)}
        return [CompletionItem(name, help=about or None) for name, about in matches.items()]

    return complete


def accounts_of(integration: Integration | None = None) -> Choices:
    """Return a completer for the accounts of an integration, or of all integrations."""

    def choices(ctx: click.Context, _incomplete: str) -> Iterator[tuple[str, str]]:
        from kosmo_kernel.accounts import names

        for service in [integration] if integration else load_all():
            yield from ((alias, "") for alias in names(service, _default(ctx)))

    return _completer(choices)


def listed_by(integration: Integration, param: Param, alias: str | None = None) -> Choices | None:
    """Return a completer for the values of a parameter, from a list that a command got lately; None if there is none.

    Parameters:
        integration: the service.
        param: the parameter.
        alias: the account, if the function's name has one.
    """
    if integration.listing(param) is None:
        return None
    return _completer(lambda ctx, _incomplete: _listed_values(ctx, integration, param, alias))


def pairs_of(integration: Integration, params: Iterable[Param], alias: str | None = None) -> Choices:
    """Return a completer for the value in `NAME=VALUE`; the parameters are as for `listed_by`."""
    by_name = {param.name: param for param in params}

    def choices(ctx: click.Context, incomplete: str) -> Iterator[tuple[str, str]]:
        name, equals, _ = incomplete.partition("=")
        if equals and (param := by_name.get(name.replace("-", "_"))):
            for value, about in _listed_values(ctx, integration, param, alias):
                yield f"{name}={value}", about

    return _completer(choices)


def _listed_values(
    ctx: click.Context, integration: Integration, param: Param, alias: str | None
) -> Iterator[tuple[str, str]]:
    """Yield the values of a parameter from a list that a command got lately; an id with the name of its record."""
    from kosmo_kernel.accounts import account_in_use
    from kosmo_kernel.cli.listed_names import listed_names

    if (listing := integration.listing(param)) is None:
        return
    account = alias or account_in_use(ctx.params.get("account"), _default(ctx), load_all())
    for record in listed_names(integration, listing, account):
        value, name = param.value_of_record(record), next(iter(record.values()), "")
        if isinstance(value, str) and param.fits(value):
            yield value, name if name != value else ""


def _default(ctx: click.Context) -> str:
    """Return the default account of the command line so far."""
    from kosmo_kernel.accounts import DEFAULT, DEMO, demo_chosen

    return DEMO if ctx.params.get("demo") or demo_chosen() else DEFAULT


def _mcp_servers() -> Iterable[tuple[str, str]]:
    from kosmo_kernel.mcp import configuration

    return ((name, "") for name in configuration().servers)


def _pages() -> Iterable[tuple[str, str]]:
    """Yield the name and the title of each page of the reference, which is read only to complete one."""
    from kosmo_kernel.docs import GUIDES, titles

    yield from (page for one in load_all() for page in titles(one).items())
    yield from GUIDES.items()


def _known_services() -> Iterable[tuple[str, str]]:
    from kosmo_kernel.services.known import KNOWN

    return ((name, known.title) for name, known in KNOWN.items())


mcp_servers = _completer(lambda *_: _mcp_servers())
integration_names = _completer(lambda *_: ((one.name, one.description) for one in load_all()))
known_services = _completer(lambda *_: _known_services())
function_names = _completer(lambda *_: ((name, f.summary) for i in load_all() for name, f in i.by_full_name().items()))
pages = _completer(lambda *_: _pages())


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Let the shell complete the name of a file."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]
