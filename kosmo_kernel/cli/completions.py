"""Completions for the arguments of commands: accounts, pages of the reference, functions, MCP servers, files.

Each is passed to click as `shell_complete`, so it runs only while a shell completes a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.docs import GUIDES, titles
from kosmo_kernel.integrations import load_all

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Choices = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]


def accounts_of(integration: Integration | None = None) -> Choices:
    """Return a completer for the accounts of an integration, or of all integrations."""

    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from kosmo_kernel import accounts

        integrations = load_all() if integration is None else [integration]
        return _matching(((alias, "") for one in integrations for alias in accounts.names(one)), incomplete)

    return complete


def pages(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Return the pages of the reference that match."""
    return _matching((*(page for one in load_all() for page in titles(one).items()), *GUIDES.items()), incomplete)


def function_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Return the full names of the functions that match."""
    return _matching(((name, f.summary) for i in load_all() for name, f in i.by_full_name().items()), incomplete)


def integration_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Return the integrations that match."""
    return _matching(((integration.name, integration.description) for integration in load_all()), incomplete)


def mcp_servers(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Return the configured MCP servers that match."""
    from kosmo_kernel.mcp import configuration

    return _matching(((name, "") for name in configuration().servers), incomplete)


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Let the shell complete the name of a file."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def _matching(choices: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem[str]]:
    """Return completions, without duplicates, for the names that begin with the typed text."""
    from click.shell_completion import CompletionItem

    matches = {name: about for name, about in choices if name.startswith(incomplete)}
    return [CompletionItem(name, help=about or None) for name, about in matches.items()]
