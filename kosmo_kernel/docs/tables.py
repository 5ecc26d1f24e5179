"""Describe the shared tables of a service: what the rows of each mean, its columns, and its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kosmo_kernel.pages.page import paragraphs
from kosmo_kernel.questions.discovery import find_table, table_names

if TYPE_CHECKING:
    from kosmo_kernel.questions.question import Question


def table_descriptions(service: str) -> Iterator[str]:
    """Yield a paragraph for each table of a service."""
    for name in table_names(service):
        table = find_table(service, name)
        parts = [f"**`{service}.tables.{name}()`: {table.title}.**", table.about, _columns(table), _parameters(table)]
        yield paragraphs(" ".join(filter(None, parts)))


def table_page(service: str, name: str) -> Iterator[str]:
    """Yield what the rows and columns of one table are, and how to get it."""
    table = find_table(service, name)
    yield f"```lua\n{service}.tables.{name}()\n```"
    yield from map(paragraphs, filter(None, [table.about, _columns(table), _parameters(table)]))
    yield f"What identifies a row: {', '.join(f'`{column}`' for column in table.key)}."


def _columns(table: Question) -> str:
    return f"Columns: {', '.join(f'`{column}`' for column in table.columns)}."


def _parameters(table: Question) -> str:
    listed = "".join(f" `{one.name} = {one.default}`: {one.doc}." for one in table.parameters)
    return f"Parameters:{listed}" if listed else ""
