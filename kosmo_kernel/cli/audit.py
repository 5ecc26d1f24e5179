"""The audit of `kosmo demo`: three questions about the demo account, answered in the terminal.

Each question is a Lua file in `kosmo_kernel/demo/audit`. The file is shown and run unchanged, so the user sees exactly
the code that ran.
"""

from __future__ import annotations

import shutil
import sys
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax

from kosmo_kernel.cli.lua_run import stopped_by_ctrl_c
from kosmo_kernel.cli.terminal import LUA, console, table
from kosmo_kernel.run.options import RunOptions
from kosmo_kernel.session import Result, Session
from kosmo_kernel.text.quantities import counted

READ_ONLY = "heroku authorizations:create -s read,identity --short"
_DAY = "%Y-%m-%d"
_MINUTE = "%Y-%m-%d %H:%M"
_INDENT = (0, 0, 0, 3)


class AuditQuestion(NamedTuple):
    """One question of the audit.

    Parameters:
        text: the question as it is shown.
        file: the name of the Lua file that answers it.
        columns: the columns of the table, few enough for a terminal of 80 columns.
        styles: rich styles for the columns that matter most.
        clock: the format of times, for `strftime`.
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
        ("app", "stack", "supported_until", "owner"),
        {"stack": "yellow"},
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
    """Run the questions, show the Lua and the table of each, and print the next steps."""
    screen = console()
    session = Session("demo")
    with session, stopped_by_ctrl_c(session):
        session.start()
        screen.print("\nAn audit of the demo account, which is fiction: nothing leaves this machine.", style="bold")
        for number, question in enumerate(AUDIT, start=1):
            lua = files("kosmo_kernel").joinpath("demo", "audit", question.file).read_text(encoding="utf-8")
            screen.print(f"\n{number}  {question.text}\n", style="bold cyan")
            _show_lua(screen, lua)
            _show_answer(screen, question, session.execute(lua, RunOptions(question.file)))
    _show_next(screen)


def _show_lua(screen: Console, lua: str) -> None:
    for line in Syntax("", "lua", theme=LUA).highlight(lua.rstrip()).split("\n"):
        screen.print("  ", line)
    screen.print()


def _show_answer(screen: Console, question: AuditQuestion, result: Result) -> None:
    records = result.value
    answer = table(records, question.columns, styles=question.styles, clock=question.clock)
    screen.print(Padding(answer, _INDENT))
    requests = sum(call.requests for call in result.calls)
    screen.print(f"   {counted(len(records), 'record')} from {counted(requests, 'request')}", style="dim")


def _show_next(screen: Console) -> None:
    kosmo = typed_command()
    # Two lines that fit into 80 columns; a shell continues after `|`, so they can be copied together.
    add = [f"{READ_ONLY} |", f"  {kosmo} accounts:add default -"]
    in_notebooks, with_token = "The same in notebooks:", "Your own account, with a token that can only look:"
    for text, commands in ((in_notebooks, [f"{kosmo} demo --lab"]), (with_token, add)):
        screen.print(f"\n{text}")
        for command in commands:
            screen.print(f"   {command}", style="bold green", soft_wrap=True)


def typed_command() -> str:
    """Return the command as the user typed it, such as `.venv/bin/kosmo` if it is not on the PATH."""
    typed, on_path = Path(sys.argv[0]), shutil.which("kosmo")
    if typed.stem != "kosmo":
        return "kosmo" if on_path else f"{Path(sys.executable).name} -P -m kosmo_kernel"
    return "kosmo" if on_path and Path(on_path).resolve() == typed.resolve() else sys.argv[0]
