"""What the `%kosmo` lines of both notebooks do: the reference, the accounts, the Lua state, the last failure.

A command's value goes the way of a cell's value, so a page is rendered and a list becomes a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError
from kosmo_kernel.options import COMMAND_MAGIC

if TYPE_CHECKING:
    from collections.abc import Callable

    from kosmo_kernel.docs import Page
    from kosmo_kernel.errors import KosmoError
    from kosmo_kernel.records import Records
    from kosmo_kernel.result import Result


class LuaState(Protocol):
    """What a command may ask of the door's session, and do to it.

    Attributes:
        account: the alias that `heroku.<function>` means.
        last: the last run, or None.
        last_error: what the last cell that failed ended in, or None.
    """

    account: str
    last: Result | None
    last_error: KosmoError | None

    def reset(self) -> None:
        """Forget all Lua variables."""

    def variables(self) -> list[dict[str, str]]:
        """The user's variables, in order of name: `name`, `scope`, `type` and `size` of each."""

    def budget_left(self, integration: str, account: str) -> int | None:
        """How many requests an account may send now, as its service says; None where it does not."""


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
    from kosmo_kernel.records import Records  # noqa: PLC0415 - as above
    from kosmo_kernel.standing import standings  # noqa: PLC0415 - as above

    return Records(
        [{"integration": a.integration.name, "account": a.alias, "token": a.token, "url": a.url} for a in standings()]
    )


def _status(_nothing: str, lua: LuaState) -> Page:
    """What the last run cost, and what each account has left now."""
    from kosmo_kernel.docs import Page, table  # noqa: PLC0415 - as above
    from kosmo_kernel.standing import asked  # noqa: PLC0415 - as above

    if lua.last is None:
        cost = "Nothing has run yet."
    elif lua.last.cost is None:
        cost = "The last run made no calls."
    else:
        cost = f"The last run: {lua.last.cost.at_end().text()}"
    rows = [(f"`{one.integration.name}.{one.alias}`", one.text) for one in asked(lua.budget_left)]
    return Page(f"{cost}\n\n{table(('Account', 'Requests left now'), rows)}\n")


def _who(_nothing: str, lua: LuaState) -> Records | Page:
    """The variables that cells have set, what is in each, and how much of it."""
    from kosmo_kernel.records import Records  # noqa: PLC0415 - as above

    found = lua.variables()
    return Records(found) if found else _page("There are no Lua variables yet.")


def _demo(word: str, lua: LuaState) -> Page:
    """Make the fictional account the default one, or let it be `default` again."""
    from kosmo_kernel.accounts import DEFAULT, DEMO  # noqa: PLC0415 - as above

    if word not in ("", "off"):
        raise InvalidArgumentsError(f"`%{COMMAND_MAGIC} demo` takes nothing or `off`, got `{word}`.")
    lua.account = DEFAULT if word else DEMO
    if word:
        return _page("`heroku.<function>` asks the default account again.")
    return _page(
        "`heroku.<function>` now asks the demo account, a fictional company; nothing leaves this machine. "
        f"`%{COMMAND_MAGIC} demo off` ends it."
    )


def _error(_nothing: str, lua: LuaState) -> Page:
    """What is known of the last failure."""
    from kosmo_kernel.report import report_page  # noqa: PLC0415 - as above

    return _page("No cell has failed.") if lua.last_error is None else report_page(lua.last_error)


def _page(text: str) -> Page:
    from kosmo_kernel.docs import Page  # noqa: PLC0415 - as above

    return Page(f"{text}\n")


def _reset(_nothing: str, lua: LuaState) -> None:
    lua.reset()


COMMANDS = (
    Command("docs [PAGE]", "A page of the reference: an integration, a function, or the list of pages.", _docs),
    Command("accounts", "The accounts that can be asked, and where their tokens come from.", _accounts),
    Command("status", "What the last run cost, and how many requests each account has left.", _status),
    Command("who", "The Lua variables: what is in each, and how much.", _who),
    Command("reset", "Forget all Lua variables.", _reset),
    Command("demo [off]", "Ask the demo account, a fictional company, where a cell names none.", _demo),
    Command("error", "All that is known of the last failure: facts, Lua's calls, what was asked.", _error),
)
