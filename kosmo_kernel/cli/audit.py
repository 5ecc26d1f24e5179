"""The audit of `kosmo demo`: three questions about the demo account, answered in the terminal.

Each question is a Lua file in `kosmo_kernel/integrations/heroku/demo/audit`. The file is shown and run unchanged, so
the user sees exactly the code that ran.
"""

from __future__ import annotations

import shutil
import sys
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from kosmo_kernel.cli.lua_run import stopped_by_ctrl_c
from kosmo_kernel.cli.page import LUA
from kosmo_kernel.cli.terminal import ALERT, NOTICE, TERMINAL, console, styled_text
from kosmo_kernel.render.tables import table_of
from kosmo_kernel.run.options import RunOptions
from kosmo_kernel.session import Result, Session
from kosmo_kernel.text import counted

READ_ONLY = "heroku authorizations:create -s read,identity --short"
_FOLDER = files("kosmo_kernel").joinpath("integrations", "heroku", "demo", "audit")
_INDENT = "   "


class AuditQuestion(NamedTuple):
    """One question of the audit."""

    text: str  # the question as it is shown
    file: str  # the name of the Lua file that answers it
    columns: tuple[str, ...]  # the columns of the table, few enough for a terminal of 80 columns
    styles: dict[str, str]  # the styles of the columns that matter most
    precision: str  # that of times


AUDIT = (
    AuditQuestion(
        "Which apps run on an old stack?",
        "stacks.lua",
        ("app", "stack", "supported_until", "owner"),
        {"stack": NOTICE},
        "days",
    ),
    AuditQuestion(
        "Which dynos have crashed, and since when?",
        "dynos.lua",
        ("app.name", "name", "state", "size", "updated_at"),
        {"state": ALERT},
        "minutes",
    ),
    AuditQuestion(
        "Who from outside can reach which app?",
        "people.lua",
        ("user.email", "app.name", "role", "created_at"),
        {"user.email": NOTICE},
        "days",
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
            lua = _FOLDER.joinpath(question.file).read_text(encoding="utf-8")
            screen.print(f"\n{number}  {question.text}\n", style="bold cyan")
            for line in Syntax("", "lua", theme=LUA).highlight(lua.rstrip()).split("\n"):
                screen.print("  ", line)
            screen.print()
            _show_answer(screen, question, session.execute(lua, RunOptions(question.file)))
    _show_next(screen)


def _show_answer(screen: Console, question: AuditQuestion, result: Result) -> None:
    records = result.value
    form = TERMINAL._replace(
        styles=question.styles, precision=question.precision, paint=styled_text, has_count=False, whole=""
    )
    table = table_of(records, len(records)).only(question.columns)
    for line in table.text(screen.width - len(_INDENT), form=form).split("\n"):
        screen.print(Text.from_ansi(_INDENT + line), soft_wrap=True)
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
