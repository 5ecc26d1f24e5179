"""All that each door shows of calls that fail, one for each account; for tests that look for the accounts' tokens.

A door gets the names of accounts of the environment and a folder of its own. It makes a call with each account, and
yields all that came out: errors with their causes, contexts, frames and attributes, output, logs and files.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from canary_doors import memory
from kernel_client import known_to_jupyter, running
from kosmo_command import kosmo
from python_shell import no_notebooks, shells
from repository import ROOT
from shown_frames import everything_shown

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.python_api import current_session
from kosmo_kernel.python_api.namespace import namespace_named
from kosmo_kernel.session import Session

SUPPORT = Path(__file__).parent
Door = Callable[[Sequence[str], Path], Iterator[str]]

CODE = """
local ok, message, failure = pcall(heroku.{account}.list_apps)
print(message, json.encode(failure or json.null))
local rows, failures = heroku.{account}.list_apps({{ errors = "collect" }})
print(json.encode(rows), json.encode(failures))
return heroku.{account}.list_apps()
"""


def session(accounts: Sequence[str], folder: Path) -> Iterator[str]:
    """Yield errors of a session with all that they refer to, its archive, and the memory of its Lua process."""
    with Session(record=folder / "archive") as lua:
        for account in accounts:
            yield from _shown(lambda account=account: lua.run(CODE.format(account=account)))  # type: ignore[misc]
            yield from _shown(lambda account=account: lua.call(f"heroku.{account}.list_apps", {}))  # type: ignore[misc]
        yield memory(lua.pid or 0) + Path(f"/proc/{lua.pid}/environ").read_text()
    yield from (path.read_bytes().decode(errors="replace") for path in folder.iterdir())


def python(accounts: Sequence[str], _folder: Path) -> Iterator[str]:
    """Yield errors of functions and of a table that are called from Python, with all that they refer to."""
    with no_notebooks():
        heroku = namespace_named("heroku")
        for account in accounts:
            yield from _shown(lambda account=account: getattr(heroku, account).list_apps())  # type: ignore[misc]
        yield f"{current_session()!r} {vars(current_session())}"


def magic(accounts: Sequence[str], _folder: Path) -> Iterator[str]:
    """Yield what a Python notebook shows, with the local variables of all frames."""
    output = io.StringIO()
    with shells() as make, redirect_stdout(output), redirect_stderr(output):
        os.environ["KOSMO_DEMO"] = "0"
        shell = make()
        shell.run_line_magic("load_ext", "kosmo_kernel")
        shell.run_line_magic("xmode", "Verbose")
        for account in accounts:
            lua = shell.run_cell(f"%%kosmo_lua\n{CODE.format(account=account)}")
            call = shell.run_cell(f"from kosmo_kernel import Session, heroku\nheroku.{account}.list_apps()")
            own = shell.run_cell(f"with Session() as own:\n    own.run('return heroku.{account}.list_apps()')")
            for line in ("%kosmo error", "%kosmo status", "%tb"):
                shell.run_cell(line)
            for done in (lua, call, own):
                yield from everything_shown(done.error_in_exec)
    yield output.getvalue()


def kernel(accounts: Sequence[str], folder: Path) -> Iterator[str]:
    """Yield all messages of the Lua kernel, its command line, and the memory of its Lua process."""
    with known_to_jupyter(folder / "jupyter"):
        os.environ |= {"KOSMO_DEMO": "0", "PYTHONPATH": _quick()}
        (spec,) = folder.glob("jupyter/kernels/*/kernel.json")
        spec.write_text(spec.read_text().replace('"-E", ', ""))  # which would ignore `PYTHONPATH`
        with running() as one:
            for account in accounts:
                yield json.dumps(one.run(CODE.format(account=account)))
                yield json.dumps(one.run("%kosmo error"))
            for child in one.process.children(recursive=True):
                yield memory(child.pid) + str(child.cmdline()) + str(child.environ())
            yield str(one.process.cmdline())


def command(accounts: Sequence[str], folder: Path) -> Iterator[str]:
    """Yield what the command line writes."""
    quick = {"PYTHONPATH": _quick()}
    code = "\n".join(f"print(pcall(function () {CODE.format(account=account)} end))" for account in accounts[1:])
    for args in (
        *(("call", f"heroku.{account}.list_apps", "--json") for account in accounts),
        ("lua", "-e", f"{code}\n{CODE.format(account=accounts[0])}", "--json", "--record", str(folder / "archive")),
        ("accounts",),
    ):
        done = kosmo(*args, env=quick)
        yield done.stdout + done.stderr
    yield from (path.read_bytes().decode(errors="replace") for path in folder.iterdir())


def agent(accounts: Sequence[str], _folder: Path) -> Iterator[str]:
    """Yield what an agent gets."""
    from mcp import Client
    from mcp_client import asked

    async def ask(one: Client) -> list[str]:
        codes = [CODE.format(account=account) for account in accounts]
        answers: list[Any] = [await one.call_tool("lua_run", {"code": code}) for code in codes]
        return [answer.model_dump_json() for answer in answers]

    yield from asked(ask, env=os.environ | {"PYTHONPATH": _quick()})


DOORS: dict[str, Door] = {one.__name__: one for one in (session, python, magic, kernel, command, agent)}


def _quick() -> str:
    """Return the `PYTHONPATH` of a process that retries without pauses."""
    return os.pathsep.join([str(SUPPORT / "retries_without_pauses"), str(ROOT), str(SUPPORT)])


def _shown(call: Callable[[], object]) -> Iterator[str]:
    """Yield what is shown of the error of a call."""
    try:
        call()
    except KosmoError as error:
        yield from everything_shown(error)
        yield f"{error.facts()} {getattr(error, 'result', None)!r}"
    else:
        raise AssertionError("the call does not fail")
