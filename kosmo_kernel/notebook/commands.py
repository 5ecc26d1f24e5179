"""The `%kosmo` commands of both notebooks: the reference, the accounts, the Lua state, the last failure.

A command returns a value that is shown like a cell's value: a page is rendered, a list becomes a table. Commands access
the notebook that they run in through a `NotebookContext`, which also opens the explorer's form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, UnknownNameError
from kosmo_kernel.safety.markup import Markdown, markdown_of_package
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC, EXPLORE_OPTIONS, first_word
from kosmo_kernel.text import counted

if TYPE_CHECKING:
    from kosmo_kernel.pages import Page, Writer
    from kosmo_kernel.progress.display import ProgressSnapshot
    from kosmo_kernel.render.display import Display
    from kosmo_kernel.results import CallRecord
    from kosmo_kernel.safety.markup import Markup
    from kosmo_kernel.session import Session
    from kosmo_kernel.values.records import Records

ERROR = "error"  # the command that shows the last error, which an error of its own does not replace
MUST_ACT = {"you": "you", "service": "the service", "time": "nobody: the same may work in a while"}
MAX_CALLS_SHOWN = 100  # only the last calls are shown
MAX_FACT_LENGTH = 10_000  # the longest value of an attribute, in characters
# What takes the place of each command that was dropped.
DROPPED = {
    "accounts": "`%kosmo status` lists the accounts.",
    "browse": "itables shows a frame with pages, sorting and search: `itables.show(frame)`.",
}


def _only_in_notebooks(*_arguments: Any) -> Any:
    raise InvalidArgumentsError("This is for notebooks. Open one, and write the command in a cell.")


@dataclass(frozen=True, slots=True)
class NotebookContext:
    """The notebook that a command runs in."""

    lua: Session
    in_python: bool = False  # whether it is a Python notebook, whose cells of Lua begin with `%%kosmo_lua`
    variables: Mapping[str, Any] = field(default_factory=dict)  # the Python variables by name; empty in a Lua notebook
    # Calls a function in the thread that runs cells, as soon as no cell is running. Thread-safe.
    between_cells: Callable[[Callable[[], None]], None] = lambda work: work()
    # Opens the explorer's form, given the name of a function, this object, and an account or None.
    explore: Callable[[str, NotebookContext, str | None], Any] = _only_in_notebooks
    # Asks the question that a line names, given `check` or `table`, the line and this object, and returns the findings
    # of the check or the rows of the table.
    ask: Callable[[str, str, NotebookContext], Any] = _only_in_notebooks
    display: Callable[[Display], None] = lambda _: None  # shows an output above the value of the command
    # Receives the progress of a command that waits for a service; None to show none.
    progress: Callable[[ProgressSnapshot], None] | None = None
    # Returns whether the cell was interrupted, where an interrupt raises nothing.
    is_cancelled: Callable[[], bool] = lambda: False
    # Sets a variable of the notebook: a Python variable, or a Lua variable in a Lua notebook.
    set_variable: Callable[[str, Any], None] = _only_in_notebooks


@dataclass(frozen=True, slots=True)
class NotebookCommand:
    """A `%kosmo` command."""

    usage: str  # the command's name and arguments, as in `docs [PAGE]`
    doc: str  # a description in one sentence
    # Called with the text after the name and the notebook; returns the value to show.
    run: Callable[[str, NotebookContext], Any]

    @property
    def name(self) -> str:
        """The command's name, the first word of its usage."""
        return self.usage.partition(" ")[0]


def run_command(line: str, context: NotebookContext) -> Any:
    """Run a `%kosmo` command and return its value; an empty line returns the list of commands.

    Parameters:
        line: the text after `%kosmo`, such as `docs heroku.list_apps`.
        context: the notebook that the command runs in.

    Raises:
        UnknownNameError: the command, page, function or variable is unknown; the error lists the nearest names.
        InvalidArgumentsError: an argument is missing, or the command takes none.
    """
    name, argument = first_word(line)
    argument = argument.strip()
    if not name:
        return _overview()
    commands = {command.name: command for command in COMMANDS}
    command = commands.get(name)
    if command is None:
        from kosmo_kernel.text import nearest

        near = () if name in DROPPED else nearest(name, commands, most=1) or commands
        suggestions = tuple(f"%{COMMAND_MAGIC} {command_name}" for command_name in near)
        message = f"There is no command `%{COMMAND_MAGIC} {name}`."
        raise UnknownNameError(message, suggestions, reason=DROPPED.get(name, ""))
    with nullcontext() if name == ERROR else context.lua.keep_error():
        needed = command.usage.removeprefix(name).strip()
        if argument and not needed:
            raise InvalidArgumentsError(f"`%{COMMAND_MAGIC} {name}` takes nothing, got `{argument}`.")
        return command.run(argument, context)


def _overview() -> Page:
    from kosmo_kernel.pages import Page

    line = "- `%{} {}`: {}\n".format
    return Page(markdown_of_package("".join(line(COMMAND_MAGIC, command.usage, command.doc) for command in COMMANDS)))


def _docs(page: str, _context: NotebookContext) -> Page:
    """Return a page of the reference."""
    from kosmo_kernel import docs

    return docs.look_up(page)


def _status(_nothing: str, context: NotebookContext) -> Page:
    """Return a page with the cost of the last run and the token and the remaining requests of each account."""
    from kosmo_kernel.accounts.discovery import with_remaining
    from kosmo_kernel.pages import in_both_forms
    from kosmo_kernel.render.text import escape_control

    if context.lua.last is None:
        cost = "Nothing has run yet."
    elif context.lua.last.cost is None:
        cost = "The last run made no calls."
    else:
        cost = f"The last run: {context.lua.last.cost.at_end().text()}"
    accounts = [
        tuple(
            map(
                escape_control,
                (f"{account.integration.name}.{account.alias}", account.token, account.url or "·", account.text),
            )
        )
        for account in with_remaining(context.lua.budget_left)
    ]

    def blocks(form: Writer) -> Iterator[Markup]:
        yield form.text(escape_control(cost))
        rows = [(form.code(name), *map(form.text, texts)) for name, *texts in accounts]
        yield form.table(("Account", "Token", "Address", "Requests left now"), rows)

    return in_both_forms(blocks)


def _who(_nothing: str, context: NotebookContext) -> Records | Page:
    """Return the Lua variables with the type and size of each."""
    from kosmo_kernel.values.records import Records

    variables = context.lua.variables()
    return Records(variables) if variables else _page(Markdown("There are no Lua variables yet."))


def _demo(word: str, context: NotebookContext) -> Page:
    """Make the fictional demo account the session's account, or with `off` the `default` account again."""
    from kosmo_kernel.accounts import DEFAULT, DEMO

    if word not in ("", "off"):
        raise InvalidArgumentsError(f"`%{COMMAND_MAGIC} demo` takes nothing or `off`, got `{word}`.")
    context.lua.account = DEFAULT if word else DEMO
    if word:
        return _page(Markdown("Calls that name no account ask the default account again."))
    return _page(
        Markdown(
            "Calls that name no account now ask the demo account, a fictional company, and `heroku.production` and "
            "`heroku.staging` the company's apps of these stages; nothing leaves this machine. `%{} demo off` ends it."
        ).format(COMMAND_MAGIC)
    )


def _error(_nothing: str, context: NotebookContext) -> Page:
    """Return the report of the last failure."""
    if context.lua.last_error is None:
        return _page(Markdown("No cell has failed."))
    return report_page(context.lua.last_error)


def _page(text: Markdown) -> Page:
    from kosmo_kernel.pages import Page

    return Page(text + Markdown("\n"))


def _explore(line: str, context: NotebookContext) -> Any:
    from kosmo_kernel.notebook.cells import name_and_options

    name, options = name_and_options(line, "explore", EXPLORE_OPTIONS)
    return context.explore(name, context, options.account)


COMMANDS = (
    NotebookCommand(
        "docs [PAGE]", "A page of the reference, or a search for words; without PAGE, the list of all pages.", _docs
    ),
    NotebookCommand(
        "status",
        "The accounts, where their tokens come from, what is left to ask, and what the last run cost.",
        _status,
    ),
    NotebookCommand("who", "The Lua variables, with the type and the size of each.", _who),
    NotebookCommand(
        "explore [FUNCTION]", "A form that calls a function, and writes the code for the same call.", _explore
    ),
    NotebookCommand(
        "check [CHECK]",
        "The Lua of a check, and what it finds as a table; without CHECK, the list of all checks.",
        lambda line, context: context.ask("check", line, context),
    ),
    NotebookCommand(
        "table [TABLE]",
        "The Lua of a table, such as `costs`, and its rows; without TABLE, the list of all tables.",
        lambda line, context: context.ask("table", line, context),
    ),
    NotebookCommand("reset", "Delete all Lua variables.", lambda _, context: context.lua.reset()),
    NotebookCommand("demo [off]", "Use the demo account, a fictional company, in cells that name no account.", _demo),
    NotebookCommand(ERROR, "All details of the last error: facts, Lua's call stack, the calls of the run.", _error),
)


def report_page(error: KosmoError) -> Page:
    """Return the full report of a failure as a page, for when the short error output is not enough.

    It consists of the error as it was shown, its attributes, the whole Lua stack, and the API calls of the run. Text
    from scripts and services is quoted in fenced blocks, so that none of it is interpreted as markup.
    """
    from kosmo_kernel.pages import Page
    from kosmo_kernel.safety.markup import fenced

    blocks = []
    for title, lines in _parts(error):
        block = fenced("\n".join(lines), "text")
        blocks.append((Markdown("**{}**\n\n{}\n") if title else Markdown("{1}\n")).format(title, block))
    return Page(Markdown("\n").join(blocks))


def _parts(error: KosmoError) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the title and lines of each part; the error itself has no title."""
    from kosmo_kernel.render.error_lines import error_lines, traceback_lines
    from kosmo_kernel.render.text import escape_control

    yield "", error_lines(error)
    facts = {"who_must_act": MUST_ACT[error.actor]} | error.facts()
    rows = [(name, _fact(value)) for name, value in facts.items() if name != "message" and value not in (None, "")]
    yield "Facts", _align((name.replace("_", " "), escape_control(value)) for name, value in rows)
    if error.stack:
        yield "Lua's calls, innermost first", [escape_control(call) for call in error.stack]
    calls: list[CallRecord] = error.result.calls if error.result is not None else []
    if calls:
        first = len(calls) - MAX_CALLS_SHOWN
        more = [(f"… {first:,} before", *[""] * 5)] if first > 0 else []
        yield "Calls of the run", _align([*more, *(map(_call_row, calls[-MAX_CALLS_SHOWN:]))])
    if error.__cause__ is not None:
        yield "Python", traceback_lines(error.__cause__)


def _fact(value: Any) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)[:MAX_FACT_LENGTH]


def _call_row(call: CallRecord) -> tuple[str, ...]:
    """Return the columns for a call."""
    rows = "" if call.rows is None else counted(call.rows, "row")
    requests = counted(call.requests, "request") if call.requests else ""
    path, duration = call.path.removeprefix("integrations."), f"{call.duration_ms:,.0f} ms"
    return path, call.account, call.status, rows, requests, duration


def _align(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return a line for each row, with aligned columns."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    widths[-1] = 0  # the last column needs no padding
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
