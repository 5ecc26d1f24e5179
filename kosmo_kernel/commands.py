"""What the `%kosmo` lines of both notebooks do: the reference, the accounts, the Lua state, the last failure.

A command's value goes the way of a cell's value, so a page is rendered and a list becomes a table. What a command
needs of the notebook that it stands in is a `Door`. The explorer is a door itself, so the table has its place only, as
an entry point would have it, and it is looked up when somebody asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Protocol

from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError
from kosmo_kernel.options import COMMAND_MAGIC, first_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kosmo_kernel.browse import Browsed
    from kosmo_kernel.docs import Page
    from kosmo_kernel.docs.page import Writer
    from kosmo_kernel.errors import KosmoError
    from kosmo_kernel.progress import Snapshot
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
        on_progress: Callable[[Snapshot], None] | None = None,
        outputs: Sequence[str] = (),
    ) -> Result:
        """Run a chunk of Lua, and read variables after it."""


def _now(work: Callable[[], None]) -> None:
    work()


@dataclass(frozen=True, slots=True)
class Door:
    """The notebook that a command stands in.

    Parameters:
        lua: its session.
        first_line: what a cell of Lua begins with, `%%kosmo_lua`; empty where every cell is one.
        variables: Python's, by name; none where a notebook has none.
        between_cells: does something where cells run, at once or as soon as none does. From any thread.
    """

    lua: LuaState
    first_line: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    between_cells: Callable[[Callable[[], None]], None] = _now


@dataclass(frozen=True, slots=True)
class Command:
    """One `%kosmo` line.

    Parameters:
        usage: how it is written behind `%kosmo`: its name, and what may follow.
        doc: one sentence.
        run: does it, given what follows the name and the notebook; its value is shown. Or the place of what does.
    """

    usage: str
    doc: str
    run: Callable[[str, Door], Any] | str

    @property
    def name(self) -> str:
        """The first word."""
        return self.usage.partition(" ")[0]


def run_command(line: str, door: Door) -> Any:
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
        from kosmo_kernel.catalogue import nearest  # noqa: PLC0415 - only needed once something is wrong

        names = [c.name for c in COMMANDS]
        near = nearest(name, names, most=1) or names
        raise UnknownNameError(
            f"There is no command `%{COMMAND_MAGIC} {name}`.", tuple(f"%{COMMAND_MAGIC} {n}" for n in near)
        )
    if argument and command.usage == name:
        raise InvalidArgumentsError(f"`%{COMMAND_MAGIC} {name}` takes nothing, got `{argument}`.")
    if not argument and (needed := command.usage.partition(" ")[2]) and not needed.startswith("["):
        raise InvalidArgumentsError(f"`%{COMMAND_MAGIC} {name}` needs a name: `%{COMMAND_MAGIC} {command.usage}`.")
    run: Callable[[str, Door], Any] = resolve_name(command.run) if isinstance(command.run, str) else command.run
    return run(argument, door)


def _overview() -> Page:
    from kosmo_kernel.docs import Page  # noqa: PLC0415 - the reference is not read before it is asked for

    return Page("".join(f"- `%{COMMAND_MAGIC} {c.usage}`: {c.doc}\n" for c in COMMANDS))


def _docs(page: str, door: Door) -> Page:
    """A page of the reference, or of an MCP server or one of its tools, as far as the session knows them."""
    from kosmo_kernel import docs  # noqa: PLC0415 - as above

    chain = page.removeprefix("app.").split(".")
    if chain[0] == "mcp" and chain[1:] and (known := door.lua.resolve(["app", *chain])) and "page" in known:
        found: Page = known["page"]
        return found
    return docs.look_up(page)


def _accounts(_nothing: str, _door: Door) -> Records:
    """The accounts that can be asked, where each has its token and where that is sent."""
    from kosmo_kernel.records import Records  # noqa: PLC0415 - as above
    from kosmo_kernel.standing import standings  # noqa: PLC0415 - as above

    return Records(
        [{"integration": a.integration.name, "account": a.alias, "token": a.token, "url": a.url} for a in standings()]
    )


def _status(_nothing: str, door: Door) -> Page:
    """What the last run cost, and what each account has left now."""
    from kosmo_kernel.docs.page import in_both_forms  # noqa: PLC0415 - as above
    from kosmo_kernel.legible import safe  # noqa: PLC0415 - as above
    from kosmo_kernel.standing import asked  # noqa: PLC0415 - as above

    if door.lua.last is None:
        cost = "Nothing has run yet."
    elif door.lua.last.cost is None:
        cost = "The last run made no calls."
    else:
        cost = f"The last run: {door.lua.last.cost.at_end().text()}"
    left = [(safe(f"{one.integration.name}.{one.alias}"), safe(one.text)) for one in asked(door.lua.budget_left)]

    def blocks(form: Writer) -> Iterator[str]:
        yield form.text(safe(cost))
        rows = [(form.code(name), form.text(text)) for name, text in left]
        yield form.table(("Account", "Requests left now"), rows)

    return in_both_forms(blocks)


def _who(_nothing: str, door: Door) -> Records | Page:
    """The variables that cells have set, what is in each, and how much of it."""
    from kosmo_kernel.records import Records  # noqa: PLC0415 - as above

    found = door.lua.variables()
    return Records(found) if found else _page("There are no Lua variables yet.")


def _demo(word: str, door: Door) -> Page:
    """Make the fictional account the default one, or let it be `default` again."""
    from kosmo_kernel.accounts import DEFAULT, DEMO  # noqa: PLC0415 - as above

    if word not in ("", "off"):
        raise InvalidArgumentsError(f"`%{COMMAND_MAGIC} demo` takes nothing or `off`, got `{word}`.")
    door.lua.account = DEFAULT if word else DEMO
    if word:
        return _page("`heroku.<function>` asks the default account again.")
    return _page(
        "`heroku.<function>` now asks the demo account, a fictional company; nothing leaves this machine. "
        f"`%{COMMAND_MAGIC} demo off` ends it."
    )


def _error(_nothing: str, door: Door) -> Page:
    """What is known of the last failure."""
    from kosmo_kernel.report import report_page  # noqa: PLC0415 - as above

    return _page("No cell has failed.") if door.lua.last_error is None else report_page(door.lua.last_error)


def _browse(name: str, door: Door) -> Browsed:
    """A table to page through, sort and search, of a Python variable or else a Lua one."""
    from kosmo_kernel.browse import browsed  # noqa: PLC0415 - as above

    return browsed(name, door.variables[name] if name in door.variables else _of_lua(name, door))


def _of_lua(name: str, door: Door) -> Any:
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
        from kosmo_kernel.catalogue import nearest  # noqa: PLC0415 - as above

        here = [known for known in door.variables if not known.startswith("_")]
        near = nearest(name, dict.fromkeys((*here, *(known for known, _ in door.lua.names(())))))
        message = f"Neither Python nor Lua has a variable `{name}`."
        raise UnknownNameError(message, tuple(near)) from error
    finally:
        door.lua.last = last


def _page(text: str) -> Page:
    from kosmo_kernel.docs import Page  # noqa: PLC0415 - as above

    return Page(f"{text}\n")


def _reset(_nothing: str, door: Door) -> None:
    door.lua.reset()


COMMANDS = (
    Command("docs [PAGE]", "A page of the reference, or what speaks of some words; without either, all pages.", _docs),
    Command("accounts", "The accounts that can be asked, and where their tokens come from.", _accounts),
    Command("status", "What the last run cost, and how many requests each account has left.", _status),
    Command("who", "The Lua variables: what is in each, and how much.", _who),
    Command("browse NAME", "A table that pages, sorts and searches, of a variable that holds records.", _browse),
    Command(
        "explore [FUNCTION]",
        "A form that asks a function, and writes the Lua that does the same.",
        "kosmo_kernel.explorer:explore",
    ),
    Command("reset", "Forget all Lua variables.", _reset),
    Command("demo [off]", "Ask the demo account, a fictional company, where a cell names none.", _demo),
    Command("error", "All that is known of the last failure: facts, Lua's calls, what was asked.", _error),
)
