"""What can stand where a command wants a name: accounts, pages of the reference, functions, files.

Given to click as `shell_complete`, so they are asked only while a shell completes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kosmo_kernel.docs import GUIDES
from kosmo_kernel.integrations import everything

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click
    from click.shell_completion import CompletionItem

    from kosmo_kernel.catalogue import Integration

    Choices = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]


def accounts_of(integration: Integration | None = None) -> Choices:
    """The accounts of one integration, or of all."""

    def found(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from kosmo_kernel import accounts

        those = everything() if integration is None else [integration]
        return _fitting(((alias, "") for one in those for alias in accounts.names(one)), incomplete)

    return found


def pages(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The pages of the reference."""
    whole = ((one.name, f"Everything on {one.title} on one page") for one in everything())
    return [
        *_fitting(whole, incomplete),
        *function_names(_ctx, _param, incomplete),
        *_fitting(GUIDES.items(), incomplete),
    ]


def function_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The functions, by their full names."""
    return _fitting(((f"{i.name}.{f.name}", f.summary) for i in everything() for f in i.functions), incomplete)


def integration_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The integrations."""
    return _fitting(((one.name, one.description) for one in everything()), incomplete)


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Whatever file the shell finds."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def _fitting(found: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem[str]]:
    """Names with a line on each, those that go on from what was typed, each once."""
    from click.shell_completion import CompletionItem

    those = {name: about for name, about in found if name.startswith(incomplete)}
    return [CompletionItem(name, help=about or None) for name, about in those.items()]
