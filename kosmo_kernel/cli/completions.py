"""Completions for the arguments of commands: accounts, pages of the reference, functions, MCP servers, files.

Each is passed to click as `shell_complete`, so it runs only while a shell completes a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

from kosmo_kernel.catalogue import Integration, Param
from kosmo_kernel.integrations import load_all

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Choices = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]


def _completer(choices: Callable[[], Iterable[tuple[str, str]]]) -> Choices:
    """Return a callback that completes with names: those that begin with what is typed, without duplicates.

    Parameters:
        choices: returns the names, each with a description or an empty text.
    """

    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        matches = {name: about for name, about in choices() if name.startswith(incomplete)}
        return [CompletionItem(name, help=about or None) for name, about in matches.items()]

    return complete


def accounts_of(integration: Integration | None = None) -> Choices:
    """Return a completer for the accounts of an integration, or of all integrations."""

    def complete(ctx: click.Context, option: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from kosmo_kernel import accounts

        default = accounts.DEMO if ctx.params.get("demo") or accounts.demo_chosen() else accounts.DEFAULT
        services = [integration] if integration else load_all()
        names = ((alias, "") for one in services for alias in accounts.names(one, default))
        return _completer(lambda: names)(ctx, option, incomplete)

    return complete


def listed_by(integration: Integration, param: Param, alias: str | None = None) -> Choices | None:
    """Return a completer for the values of a parameter, from a list that a command got lately; None if there is none.

    Parameters:
        integration: the service.
        param: the parameter.
        alias: the account, if the function's name has one.
    """
    listing = integration.listing(param)
    if listing is None:
        return None

    def complete(ctx: click.Context, option: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from kosmo_kernel.cli.listed_names import listed_names

        records = listed_names(integration, listing, alias or _account(ctx))
        choices = ((param.value_of_record(record), next(iter(record.values()), "")) for record in records)
        # The name of a record explains its id.
        values = ((value, name if name != value else "") for value, name in choices if isinstance(value, str))
        return _completer(lambda: ((value, name) for value, name in values if param.fits(value)))(
            ctx, option, incomplete
        )

    return complete


def pairs_of(integration: Integration, params: Iterable[Param], alias: str | None = None) -> Choices:
    """Return a completer for the value in `NAME=VALUE`; the parameters are as for `listed_by`."""
    by_name = {param.name: param for param in params}

    def complete(ctx: click.Context, option: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        name, equals, text = incomplete.partition("=")
        param = by_name.get(name.replace("-", "_"))
        completer = listed_by(integration, param, alias) if param and equals else None
        items = completer(ctx, option, text) if completer else []
        for item in items:
            item.value = f"{name}={item.value}"
        return items

    return complete


def _account(ctx: click.Context) -> str:
    """Return the account that the command line names so far, or the default account."""
    from kosmo_kernel import accounts

    default = accounts.DEMO if ctx.params.get("demo") or accounts.demo_chosen() else accounts.DEFAULT
    return accounts.account_in_use(ctx.params.get("account"), default, load_all())


def _mcp_servers() -> Iterable[tuple[str, str]]:
    from kosmo_kernel.mcp import configuration

    return ((name, "") for name in configuration().servers)


def _pages() -> Iterable[tuple[str, str]]:
    """Yield the name and the title of each page of the reference, which is read only to complete one."""
    from kosmo_kernel.docs import GUIDES, titles

    yield from (page for one in load_all() for page in titles(one).items())
    yield from GUIDES.items()


mcp_servers = _completer(_mcp_servers)
integration_names = _completer(lambda: ((integration.name, integration.description) for integration in load_all()))
function_names = _completer(lambda: ((name, f.summary) for i in load_all() for name, f in i.by_full_name().items()))
pages = _completer(_pages)


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Let the shell complete the name of a file."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]
