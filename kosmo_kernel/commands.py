"""What the `%kosmo` lines of both notebooks do: the reference, the accounts, the Lua state.

A command's value goes the way of a cell's value, so a page is rendered and a list becomes a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kosmo_kernel.cell import COMMAND_MAGIC
from kosmo_kernel.errors import CredentialsError, InvalidArgumentsError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kosmo_kernel.docs import Page
    from kosmo_kernel.records import Records


class LuaState(Protocol):
    """What a command may do to the door's session."""

    def reset(self) -> None:
        """Forget all Lua variables."""


@dataclass(frozen=True, slots=True)
class Command:
    """One `%kosmo` line.

    Parameters:
        usage: how it is written behind `%kosmo`: its name, and what may follow.
        doc: one sentence.
        run: does it, given what follows the name and the Lua state; its value is shown.
    """

    usage: str
    doc: str
    run: Callable[[str, LuaState], Any]

    @property
    def name(self) -> str:
        """The first word."""
        return self.usage.partition(" ")[0]


def run_command(line: str, lua: LuaState) -> Any:
    """Do what stands behind `%kosmo`; nothing there gives the list of commands.

    Parameters:
        line: `docs heroku.list_apps`, for example.
        lua: the door's session.

    Raises:
        UnknownNameError: there is no such command or page; with the nearest names.
        InvalidArgumentsError: something behind a command that takes nothing.
    """
    name, _, argument = line.strip().partition(" ")
    argument = argument.strip()
    if not name:
        return _overview()
    command = next((c for c in COMMANDS if c.name == name), None)
    if command is None:
        from kosmo_kernel.catalogue import nearest  # noqa: PLC0415 - only needed once something is wrong

        names = [c.name for c in COMMANDS]
        near = nearest(name, names, most=1) or names
        raise UnknownNameError(
            f"There is no command `%{COMMAND_MAGIC} {name}`.", tuple(f"%{COMMAND_MAGIC} {n}" for n in near)
        )
    if argument and command.usage == name:
        raise InvalidArgumentsError(f"`%{COMMAND_MAGIC} {name}` takes nothing, got `{argument}`.")
    return command.run(argument, lua)


def _overview() -> Page:
    from kosmo_kernel.docs import Page  # noqa: PLC0415 - the reference is not read before it is asked for

    return Page("".join(f"- `%{COMMAND_MAGIC} {c.usage}`: {c.doc}\n" for c in COMMANDS))


def _docs(page: str, _lua: LuaState) -> Page:
    from kosmo_kernel import docs  # noqa: PLC0415 - as above

    return docs.read(page)


def _accounts(_nothing: str, _lua: LuaState) -> Records:
    """The accounts that can be asked, where each has its token and where that is sent."""
    from kosmo_kernel import accounts  # noqa: PLC0415 - as above
    from kosmo_kernel.integrations import everything  # noqa: PLC0415 - as above
    from kosmo_kernel.records import Records  # noqa: PLC0415 - as above

    rows = []
    for integration in everything():
        for alias in accounts.names(integration):
            token, url = "needs none: everything in it is fiction", None
            if alias != accounts.DEMO:
                try:
                    account = accounts.find(integration, alias)
                    token, url = f"in {account.source}", account.url
                except CredentialsError as error:
                    token = error.message
            rows.append({"integration": integration.name, "account": alias, "token": token, "url": url})
    return Records(rows)


def _reset(_nothing: str, lua: LuaState) -> None:
    lua.reset()


COMMANDS = (
    Command("docs [PAGE]", "A page of the reference: an integration, a function, or the list of pages.", _docs),
    Command("accounts", "The accounts that can be asked, and where their tokens come from.", _accounts),
    Command("reset", "Forget all Lua variables.", _reset),
)
