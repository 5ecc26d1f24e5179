"""Answer a script's requests for anything but calls: the reference, accounts, MCP servers, values of earlier cells.

The values of earlier cells, which Lua has as `Out`, are kept up to a number and a total estimated size. Nothing is
dropped in silence: the run that drops values names them, and reading one of them is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kosmo_kernel import accounts, integrations
from kosmo_kernel.accounts.account import add_command
from kosmo_kernel.calls.call_tracker import CallTracker
from kosmo_kernel.calls.recording import NO_SERVICES
from kosmo_kernel.catalogue import Function, Integration, missing_function, refused_change
from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.lua.surface import record_types, surface
from kosmo_kernel.questions.discovery import find_table
from kosmo_kernel.settings.limits import MAX_KEPT_BYTES
from kosmo_kernel.text import listed, normalize_alias
from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from kosmo_kernel.questions.question import Question
MAX_KEPT = 1_000  # values
MAX_NAMED = 5  # dropped values that a note names


class KeptValues(dict[int, Any]):
    """Values by cell number, oldest first. The newest is kept whatever its size.

    Attributes:
        size: the estimated size of all values in bytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self._sizes: dict[int, int] = {}
        self._dropped: set[int] = set()

    def add(self, number: int, value: Any, size: int) -> str:
        """Keep a value, and drop the oldest ones if the limits are exceeded.

        Parameters:
            number: the cell's number; an earlier value of the cell is replaced.
            value: the value.
            size: the estimated size in bytes.

        Returns:
            A note that names the values that were dropped; empty if none was.
        """
        self._remove(number)
        self._dropped.discard(number)
        self[number], self._sizes[number] = value, size
        self.size += size
        dropped = []
        while len(self) > MAX_KEPT or (self.size > MAX_KEPT_BYTES and len(self) > 1):
            dropped.append(next(iter(self)))
            self._remove(dropped[-1])
        self._dropped.update(dropped)
        names = listed([f"Out[{dropped_number}]" for dropped_number in dropped], MAX_NAMED)
        return f"{names} {'was' if len(dropped) == 1 else 'were'} dropped. {_limits()}" if dropped else ""

    def read(self, number: int) -> Any:
        """Return the value of a cell, None if the cell had none.

        Raises:
            UnknownNameError: the value was dropped.
        """
        if number in self._dropped:
            raise UnknownNameError(f"Out[{number}] was dropped. {_limits()} Run its cell again, and return less of it.")
        return self.get(number)

    def clear(self) -> None:
        """Forget all values."""
        super().clear()
        self._sizes.clear()
        self._dropped.clear()
        self.size = 0

    def _remove(self, number: int) -> None:
        self.size -= self._sizes.pop(number, 0)
        self.pop(number, None)


def _limits() -> str:
    return f"`Out` keeps the last {MAX_KEPT:,} values, of about {MAX_KEPT_BYTES >> 20} MiB together."


class Lookups(Struct, frozen=True):
    """The lookups of one run."""

    calls: CallTracker  # gives access to MCP servers; its output remembers pages, and shows what comes with answers
    values: KeptValues  # the values of earlier cells, by number
    names: Callable[[Integration], list[str]]  # returns the accounts of an integration
    services: bool  # whether there are integrations
    open_archive: Callable[[str, str], tuple[str, datetime]]  # opens an archive for a script
    now: Callable[[str | None], datetime]  # returns the time of an account's data; of the run's account when None
    set_now: Callable[[datetime], None]  # replaces the time of the data
    table_columns: set[str]  # the columns of the tables that scripts of the session have read

    def mcp(self, verb: str, arguments: Mapping[str, Any]) -> list[Any]:
        """Answer a request to MCP servers that is no call of a tool."""
        return [self.calls.tools.answer(verb, arguments)]

    def integration(self, name: str) -> tuple[dict[str, Any], Mapping[str, Function]]:
        """Return an installed integration: its description for Lua, and its functions by full name.

        Raises:
            UnknownNameError: there is none of that name.
            SettingsError: there are no integrations at all.
        """
        integration = integrations.find(name)
        if not self.services:
            raise SettingsError(NO_SERVICES)
        return surface([integration], {name: self.names(integration)})[0], integration.by_full_name()

    def integrations(self) -> list[str]:
        """Return the names of all integrations, installed ones included.

        Where there are none, a note says so: the script uses a name that is not set like that of an integration.
        """
        if not self.services:
            self.calls.output.note(NO_SERVICES)
            return []
        return integrations.names()

    def record_types(self, full_name: str) -> dict[str, Any]:
        """Return the types of a function's records, and nothing for an unknown function."""
        integration, function = integrations.known(full_name.partition(".")[0]), integrations.function_named(full_name)
        return record_types(integration, function) if integration and function else {}

    def signatures(self, integration: str) -> dict[str, str]:
        """Return the signatures of an integration's functions by name."""
        return {function.name: function.signature for function in integrations.find(integration).functions}

    def table(self, integration: str, name: str) -> Question:
        """Return a table of an integration.

        Raises:
            UnknownNameError: it has no table of that name.
        """
        table = find_table(integrations.find(integration).name, name)
        self.table_columns.update(table.columns)
        return table

    def resolve_account(self, integration: str, key: str) -> str:
        """Return the account to which a name in an integration's namespace refers.

        Raises:
            UnknownNameError: there is no such account.
        """
        service = integrations.find(integration)
        if key == accounts.DEFAULT or normalize_alias(key) in map(normalize_alias, self.names(service)):
            return key
        if key in accounts.demo_places(service):
            return key
        raise _unknown(service, key, self.names(service))

    def archive(self, file: str, taken_at: str) -> tuple[str, datetime]:
        """Open an archive, and return the account as which it answers, and the time of its data.

        Raises:
            SettingsError: a script may not read the file, or it is no archive or has no such snapshot.
        """
        return self.open_archive(file, taken_at)

    def docs(self, verb: str, page: str) -> str:
        """Return a page of the reference, and keep it, so that a cell's value with this text is shown as Markdown."""
        from kosmo_kernel import docs

        if verb == "read":
            return self.calls.output.remember_page(docs.read(page, self.names))
        return self.calls.output.remember_page(docs.search(page) if verb == "search" else docs.list_pages())

    def output_of(self, number: int) -> Any:
        """Return the value of `Out[number]`: records of a function as such, other data as plain tables.

        Raises:
            UnknownNameError: the value was dropped.
        """
        value = self.values.read(number)
        self.calls.output.remember_pages([value])
        return value.rows if isinstance(value, Records) and value.function is None else value

    def output_numbers(self) -> list[int]:
        """Return the numbers of the cells whose values are kept."""
        return sorted(self.values)


def _unknown(integration: Integration, key: str, aliases: Sequence[str]) -> UnknownNameError:
    """Return the error for a name that is neither a function nor an account."""
    if accounts.looks_like_token(key):
        return UnknownNameError(accounts.NOT_AN_ALIAS)
    reason, near = missing_function(integration, key, aliases)
    message = f"{integration.title} has no function and no account `{key}`. {reason}".rstrip()
    if not near and "_" not in key and not refused_change(integration, key):
        message, near = f"{message} `{add_command(integration.name, 'NAME')}` adds an account.", list(aliases)
    return UnknownNameError(message, tuple(accounts.lua_path(integration, name) for name in near))
