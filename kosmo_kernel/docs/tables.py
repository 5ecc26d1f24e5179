"""Describe the shared tables of a service: what the rows of each mean, and its columns."""

from __future__ import annotations

from collections.abc import Iterator

from kosmo_kernel.pages.page import paragraphs
from kosmo_kernel.questions.tables import find_table, table_names


def table_descriptions(service: str) -> Iterator[str]:
    """Yield a paragraph for each table of a service."""
    for name in table_names(service):
        table = find_table(service, name)
        columns = ", ".join(f"`{column}`" for column in table.columns)
        parameters = "".join(f" `{one.name} = {one.default}`: {one.doc}." for one in table.parameters)
        text = f"**`{service}.tables.{name}()`: {table.title}.** {table.about} Columns: {columns}."
        yield paragraphs(f"{text}{' Parameters:' if parameters else ''}{parameters}")
