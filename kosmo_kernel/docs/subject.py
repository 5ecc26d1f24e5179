"""The subject of a page of the reference."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.questions import TABLES
from kosmo_kernel.questions.discovery import find_table, table_names


class Subject(Struct, frozen=True):
    """The subject of a page: a guide, an integration, one of its functions, or the list of all pages."""

    page: str  # the page's own name; empty for the list
    integration: Integration | None = None  # None for a guide, for a check and for the list
    function: Function | None = None  # None unless the page is about a function
    # What follows the name of the integration in the name of a page that is about several functions, or about what has
    # none, see `part_names`; of the page of a check the name of the check. Empty for any other page.
    part: str = ""

    @property
    def functions(self) -> Sequence[Function]:
        """The functions that the page is about; none for a guide, a check or a table."""
        if self.integration is None or self.part.partition(".")[0] in (TABLES, LEFT_OUT):
            return ()
        if self.part == REFERENCE:
            return [self.integration.table.named(name) for name in self.integration.most_used]
        return [self.function] if self.function else self.integration.functions


REFERENCE, LEFT_OUT = "reference", "left_out"


def part_names(integration: Integration) -> list[str]:
    """Return the names of the pages of an integration that are about neither all of its functions nor one."""
    tables = table_names(integration.name)
    names = [REFERENCE] if integration.most_used else []
    names += [TABLES, *(f"{TABLES}.{name}" for name in tables)] if tables else []
    return [*names, LEFT_OUT] if integration.left_out else names


def parts_of(integration: Integration) -> dict[str, str]:
    """Return the titles of these pages by name. The file of each table is read for that."""
    return {name: _title_of_part(integration, name) for name in part_names(integration)}


def _title_of_part(integration: Integration, name: str) -> str:
    if name == REFERENCE:
        return "The functions that most questions need, on one page"
    if name == LEFT_OUT:
        return f"What of {integration.title} has no function"
    if name == TABLES:
        return "The tables that reports share, on one page"
    try:
        return find_table(integration.name, name.removeprefix(f"{TABLES}.")).title
    except SettingsError as error:  # one of the user's own
        return error.message


def of_function(integration: Integration, function: Function) -> Subject:
    """Return the subject of a function's page."""
    return Subject(f"{integration.name}.{function.name}", integration, function)
