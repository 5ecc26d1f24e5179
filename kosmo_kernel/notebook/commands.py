"""What the `%kosmo` lines of both notebooks do: the reference, the accounts, the Lua state, the last failure.

A command's value goes the way of a cell's value, so a page is rendered and a list becomes a table. What a command
needs of the notebook that it stands in is a `NotebookContext`, which also opens the explorer's form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kosmo_kernel.client.progress import ProgressSnapshot
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, UnknownNameError
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC, first_word

if TYPE_CHECKING:
    from kosmo_kernel.docs import Page
    from kosmo_kernel.docs.page import Writer
    from kosmo_kernel.render.itables import Browsed
    from kosmo_kernel.results.result import Result
    from kosmo_kernel.values.records import Records


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

    def names(self, chain: Sequence[str | int]) -> list[tuple[str, str]]:
        """What can follow a chain of names, with the type of each; the variables behind none."""

    def resolve(self, chain: Sequence[str | int]) -> Mapping[str, Any] | None:
        """What is known of the value at the end of a chain of names; `page` of what is below `app.mcp`."""

    def listed(self, integration: str, function: str, account: str) -> Sequence[Mapping[str, Any]] | None:
        """The list that a function without arguments last gave in this session; None before."""

    def run(
        self,
        source: str,
        *,
        name: str = "Lua",
        account: str | None = None,
        on_progress: Callable[[ProgressSnapshot], None] | None = None,
        outputs: Sequence[str] = (),
    ) -> Result:
        """Run a chunk of Lua, and read variables after it."""


def _now(work: Callable[[], None]) -> None:
    work()


def _no_form(_name: str, _door: NotebookContext) -> Any:
    raise InvalidArgumentsError("There is no form here. Open a notebook, and `%kosmo explore` in it.")


@dataclass(frozen=True, slots=True)
class NotebookContext:
    """The notebook that a command stands in.

    Parameters:
        lua: its session.
        first_line: what a cell of Lua begins with, `%%kosmo_lua`; empty where every cell is one.
        variables: Python's, by name; none where a notebook has none.
        between_cells: does something where cells run, at once or as soon as none does. From any thread.
        explore: opens the form, given the name of a function and this notebook.
    """

    lua: LuaState
    first_line: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    between_cells: Callable[[Callable[[], None]], None] = _now
    explore: Callable[[str, NotebookContext], Any] = _no_form


@dataclass(frozen=True, slots=True)
class NotebookCommand:
    """One `%kosmo` line.

    Parameters:
        usage: how it is written behind `%kosmo`: its name, and what may follow.
        doc: one sentence.
        run: does it, given what follows the name and the notebook; its value is shown.
    """

    usage: str
    doc: str
    run: Callable[[str, NotebookContext], Any]

    @property
    def name(self) -> str:
        """The first word."""
        return self.usage.partition(" ")[0]


def run_command(line: str, door: NotebookContext) -> Any:
    """Do what stands behind `%kosmo`; nothing there gives the list of commands.

    Parameters:
        line: `docs heroku.list_apps`, for example.
        door: the notebook that it stands in.

    Raises:
        UnknownNameError: there is no such command, page, function or variable; with the nearest names.
        InvalidArgumentsError: something behind a command that takes nothing, or nothing behind one that needs it.
    """
    name, argument = first_word(line)
    argument = argument.strip()
    if not name:
        return _overview()
    command = next((c for c in COMMANDS if c.name == name), None)
    if command is None:
        from kosmo_kernel.catalogue import nearest

        names = [c.name for c in COMMANDS]
        near = nearest(name, names, most=1) or names
        raise UnknownNameError(
            f"There is no command `%{COMMAND_MAGIC} {name}`.", tuple(f"%{COMMAND_MAGIC} {n}" for n in near)
        )
    if argument and command.usage == name:
        raise InvalidArgumentsError(f"`%{COMMAND_MAGIC} {name}` takes nothing, got `{argument}`.")
    if not argument and (needed := command.usage.partition(" ")[2]) and not needed.startswith("["):
        raise InvalidArgumentsError(f"`%{COMMAND_MAGIC} {name}` needs a name: `%{COMMAND_MAGIC} {command.usage}`.")
    return command.run(argument, door)


def _overview() -> Page:
    from kosmo_kernel.docs import Page

    return Page("".join(f"- `%{COMMAND_MAGIC} {c.usage}`: {c.doc}\n" for c in COMMANDS))


def _docs(page: str, door: NotebookContext) -> Page:
    """A page of the reference, or of an MCP server or one of its tools, as far as the session knows them."""
    from kosmo_kernel import docs

    chain = page.removeprefix("app.").split(".")
    if chain[0] == "mcp" and chain[1:] and (known := door.lua.resolve(["app", *chain])) and "page" in known:
        found: Page = known["page"]
        return found
    return docs.look_up(page)


def _accounts(_nothing: str, _door: NotebookContext) -> Records:
    """The accounts that can be asked, where each has its token and where that is sent."""
    from kosmo_kernel.accounts.status import all_accounts
    from kosmo_kernel.values.records import Records

    return Records(
        [
            {"integration": a.integration.name, "account": a.alias, "token": a.token, "url": a.url}
            for a in all_accounts()
        ]
    )


def _status(_nothing: str, door: NotebookContext) -> Page:
    """What the last run cost, and what each account has left now."""
    from kosmo_kernel.accounts.status import with_remaining
    from kosmo_kernel.docs.page import in_both_forms
    from kosmo_kernel.render.text import escape_control

    if door.lua.last is None:
        cost = "Nothing has run yet."
    elif door.lua.last.cost is None:
        cost = "The last run made no calls."
    else:
        cost = f"The last run: {door.lua.last.cost.at_end().text()}"
    left = [
        (escape_control(f"{one.integration.name}.{one.alias}"), escape_control(one.text))
        for one in with_remaining(door.lua.budget_left)
    ]

    def blocks(form: Writer) -> Iterator[str]:
        yield form.text(escape_control(cost))
        rows = [(form.code(name), form.text(text)) for name, text in left]
        yield form.table(("Account", "Requests left now"), rows)

    return in_both_forms(blocks)


def _who(_nothing: str, door: NotebookContext) -> Records | Page:
    """The variables that cells have set, what is in each, and how much of it."""
    from kosmo_kernel.values.records import Records

    found = door.lua.variables()
    return Records(found) if found else _page("There are no Lua variables yet.")


def _demo(word: str, door: NotebookContext) -> Page:
    """Make the fictional account the default one, or let it be `default` again."""
    from kosmo_kernel.accounts import DEFAULT, DEMO

    if word not in ("", "off"):
        raise InvalidArgumentsError(f"`%{COMMAND_MAGIC} demo` takes nothing or `off`, got `{word}`.")
    door.lua.account = DEFAULT if word else DEMO
    if word:
        return _page("`heroku.<function>` asks the default account again.")
    return _page(
        "`heroku.<function>` now asks the demo account, a fictional company; nothing leaves this machine. "
        f"`%{COMMAND_MAGIC} demo off` ends it."
    )


def _error(_nothing: str, door: NotebookContext) -> Page:
    """What is known of the last failure."""
    from kosmo_kernel.notebook.error_report import report_page

    return _page("No cell has failed.") if door.lua.last_error is None else report_page(door.lua.last_error)


def _browse(name: str, door: NotebookContext) -> Browsed:
    """A table to page through, sort and search, of a Python variable or else a Lua one."""
    from kosmo_kernel.render.itables import browsed

    return browsed(name, door.variables[name] if name in door.variables else _of_lua(name, door))


def _of_lua(name: str, door: NotebookContext) -> Any:
    """The value of a Lua variable, None where it is no data. That it was read is no run to remember."""
    last = door.lua.last
    try:
        return door.lua.run("", name=f"%{COMMAND_MAGIC} browse", outputs=[name]).outputs[name]
    except InvalidArgumentsError as error:
        if error.result is None:  # it is no name
            raise
        return None  # a function, or another thing that is no data
    except UnknownNameError as error:
        if not door.variables:
            raise
        from kosmo_kernel.catalogue import nearest

        here = [known for known in door.variables if not known.startswith("_")]
        near = nearest(name, dict.fromkeys((*here, *(known for known, _ in door.lua.names(())))))
        message = f"Neither Python nor Lua has a variable `{name}`."
        raise UnknownNameError(message, tuple(near)) from error
    finally:
        door.lua.last = last


def _page(text: str) -> Page:
    from kosmo_kernel.docs import Page

    return Page(f"{text}\n")


def _explore(name: str, door: NotebookContext) -> Any:
    return door.explore(name, door)


def _reset(_nothing: str, door: NotebookContext) -> None:
    door.lua.reset()


COMMANDS = (
    NotebookCommand(
        "docs [PAGE]", "A page of the reference, or what speaks of some words; without either, all pages.", _docs
    ),
    NotebookCommand("accounts", "The accounts that can be asked, and where their tokens come from.", _accounts),
    NotebookCommand("status", "What the last run cost, and how many requests each account has left.", _status),
    NotebookCommand("who", "The Lua variables: what is in each, and how much.", _who),
    NotebookCommand(
        "browse NAME", "A table that pages, sorts and searches, of a variable that holds records.", _browse
    ),
    NotebookCommand(
        "explore [FUNCTION]",
        "A form that asks a function, and writes the Lua that does the same.",
        _explore,
    ),
    NotebookCommand("reset", "Forget all Lua variables.", _reset),
    NotebookCommand("demo [off]", "Ask the demo account, a fictional company, where a cell names none.", _demo),
    NotebookCommand("error", "All that is known of the last failure: facts, Lua's calls, what was asked.", _error),
)
