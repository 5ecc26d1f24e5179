"""The audit of `kosmo demo`: three questions to the demo account, answered in the terminal.

Each question is a Lua file in `kosmo_kernel/demo/audit`, which is shown and run as it stands, so that what is read is
what was done.
"""

from __future__ import annotations

import shutil
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.padding import Padding
from rich.syntax import Syntax

from kosmo_kernel.cli.lua_run import stopped_by_ctrl_c
from kosmo_kernel.cli.terminal import LUA, console, table
from kosmo_kernel.session import Result, Session

if TYPE_CHECKING:
    from rich.console import Console

READ_ONLY = "heroku authorizations:create -s read,identity --short"
_DAY = "%Y-%m-%d"
_MINUTE = "%Y-%m-%d %H:%M"
_INDENT = (0, 0, 0, 3)


class AuditQuestion(NamedTuple):
    """One question of the audit.

    Parameters:
        text: as it is asked.
        file: the Lua that answers it.
        columns: what the table shows, few enough for 80 columns.
        styles: how to draw the columns that tell.
        clock: as much of a time as matters.
    """

    text: str
    file: str
    columns: tuple[str, ...]
    styles: dict[str, str]
    clock: str


AUDIT = (
    AuditQuestion(
        "Which apps run on an old stack?",
        "stacks.lua",
        ("name", "stack.name", "owner.email", "released_at"),
        {"stack.name": "yellow"},
        _DAY,
    ),
    AuditQuestion(
        "Which dynos have crashed, and since when?",
        "dynos.lua",
        ("app.name", "name", "state", "size", "updated_at"),
        {"state": "bold red"},
        _MINUTE,
    ),
    AuditQuestion(
        "Who from outside can reach which app?",
        "people.lua",
        ("user.email", "app.name", "role", "created_at"),
        {"user.email": "yellow"},
        _DAY,
    ),
)


def audit() -> None:
    """Ask the questions, show their Lua and the tables that it gives, and say what comes next."""
    screen = console()
    session = Session("demo")
    with session, stopped_by_ctrl_c(session):
        session.start()
        screen.print("\nAn audit of the demo account, which is fiction: nothing leaves this machine.", style="bold")
        for number, question in enumerate(AUDIT, start=1):
            lua = files("kosmo_kernel").joinpath("demo", "audit", question.file).read_text(encoding="utf-8")
            screen.print(f"\n{number}  {question.text}\n", style="bold cyan")
            _show_lua(screen, lua)
            _show_answer(screen, question, session.run(lua, name=question.file))
    _show_next(screen)


def _show_lua(screen: Console, lua: str) -> None:
    for line in Syntax("", "lua", theme=LUA).highlight(lua.rstrip()).split("\n"):
        screen.print("  ", line)
    screen.print()


def _show_answer(screen: Console, question: AuditQuestion, result: Result) -> None:
    records = result.value
    drawn = table(records, question.columns, styles=question.styles, clock=question.clock)
    screen.print(Padding(drawn, _INDENT))
    requests = sum(call.requests for call in result.calls)
    screen.print(f"   {_counted(len(records), 'record')} from {_counted(requests, 'request')}", style="dim")


def _show_next(screen: Console) -> None:
    lines = (
        ("The same in notebooks:", f"{called()} demo --lab"),
        # A shell reads on behind `|`: two lines that fit into 80 columns, and can be copied as one.
        (
            "Your own account, with a token that can only look:",
            f"{READ_ONLY} |",
            f"  {called()} accounts:add default -",
        ),
    )
    for text, *commands in lines:
        screen.print(f"\n{text}")
        for command in commands:
            screen.print(f"   {command}", style="bold green", soft_wrap=True)


def called() -> str:
    """How this command was typed, so that the next line can be typed as well: `.venv/bin/kosmo` off the PATH."""
    typed, found = Path(sys.argv[0]), shutil.which("kosmo")
    if typed.stem != "kosmo":
        return "kosmo" if found else f"{Path(sys.executable).name} -P -m kosmo_kernel"
    return "kosmo" if found and Path(found).resolve() == typed.resolve() else sys.argv[0]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
