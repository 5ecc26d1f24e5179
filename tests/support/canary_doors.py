"""All that each door shows of some functions: values, tables, JSON, errors, files, completion, and the memory of Lua.

A door gets functions to call and a folder of its own. It calls each one, looks at the answer, or at the error, in the
ways of that door, and returns all that came out as one text. The account is that of the environment.
"""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import nbformat
from canaries import arguments
from explorer_form import opened as explorer_opened
from explorer_form import type_in
from kernel_client import known_to_jupyter, running
from kosmo_command import kosmo
from nbformat.v4 import new_code_cell, new_notebook
from python_shell import shells

from kosmo_kernel import editor
from kosmo_kernel.catalogue import Function
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.python_api import close_own_session
from kosmo_kernel.python_api.namespace import namespace_named
from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.session import Session

Door = Callable[[Sequence[Function], Path], Iterator[str]]

CODE = """
ok, rows, failure = pcall(heroku.{name}, json.decode([==[{args}]==]))
print(rows, json.encode(rows), json.encode(failure or json.null))
dump(rows)
for key, value in pairs(ok and rows or {{}}) do print(key, value) end
if ok then display(rows) end
return ok and rows or heroku.{name}(json.decode([==[{args}]==]))
"""
AFTER = ("rows.", "rows[1].", 'rows[1]["', "rows")  # texts that are completed and inspected


def code_of(function: Function) -> str:
    """Return Lua that calls a function and shows the answer, or the error, in all ways."""
    return CODE.format(name=function.name, args=json.dumps(arguments(function)))


def session(functions: Sequence[Function], folder: Path) -> Iterator[str]:
    """Yield values, frames and errors of the package, its logs, its recording, completion, and the memory of Lua."""
    with Session(record=folder / "cassette") as lua:
        for function in functions:
            try:
                result = lua.run(code_of(function))
            except KosmoError as error:
                yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
                yield f"{error!r} {error.facts()} {vars(error)} {error.__cause__!r} {vars(error.__cause__ or error)}"
                yield repr(error.result)
            else:
                yield f"{result} {result.value!r} {bundle_of(result.value)}"
                yield result.frame().to_csv() if function.returns == "list" else ""
            yield from (str(editor.complete(text, len(text), lua)) for text in AFTER)
            yield from (str(editor.inspect(text, len(text), lua, 1)) for text in AFTER)
            with suppress(KosmoError):
                yield repr(lua.call(f"heroku.{function.name}", arguments(function)))
        yield memory(lua.pid or 0)
    yield from (path.read_bytes().decode(errors="replace") for path in folder.iterdir())


def magic(functions: Sequence[Function], _folder: Path) -> Iterator[str]:
    """Yield cells of a Python notebook, `Out`, and the lines of `%kosmo`."""
    out = io.StringIO()
    with shells() as make, redirect_stdout(out), redirect_stderr(out):
        os.environ["KOSMO_DEMO"] = "0"
        shell = make()
        shell.run_line_magic("load_ext", "kosmo_kernel")
        for function in functions:
            shell.run_cell(f"%%kosmo_lua\n{code_of(function)}", store_history=True)
            for line in ("%kosmo who", "%kosmo error", "%kosmo status"):
                shell.run_cell(line, store_history=True)
        for value in list(shell.user_ns["Out"].values()):
            yield str(shell.display_formatter.format(value))
    yield out.getvalue()


def python(functions: Sequence[Function], _folder: Path) -> Iterator[str]:
    """Yield what functions called from Python give, and what is cached of it."""
    close_own_session()
    heroku = namespace_named("heroku")
    for function in functions:
        try:
            value = getattr(heroku, function.name)(**arguments(function))
        except KosmoError as error:
            yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            yield f"{error!r} {vars(error)}"
        else:
            yield f"{value!r} {value._repr_html_()} {value.to_dict() if hasattr(value, 'to_dict') else dict(value)}"
    close_own_session()


def explorer(functions: Sequence[Function], _folder: Path) -> Iterator[str]:
    """Yield what is in the form of `%kosmo explore`."""
    with Session() as lua:
        for function in functions:
            form = explorer_opened(function.name, lua)
            for name, value in arguments(function).items():
                type_in(form, name, str(value))
            for button in [field.load for field in form.fields.values() if field.load][:1]:
                button.click()
            form.run.click()
            yield str(form.answer.value)


def kernel(functions: Sequence[Function], folder: Path) -> Iterator[str]:
    """Yield all messages of the Lua kernel, and the memory of its Lua process."""
    with known_to_jupyter(folder / "jupyter"):
        os.environ["KOSMO_DEMO"] = "0"
        with running() as one:
            for function in functions:
                yield json.dumps(one.run(code_of(function)))
                yield json.dumps(one.run("%kosmo error"))
                for text in AFTER:
                    place = {"code": text, "cursor_pos": len(text)}
                    yield json.dumps(one.asked("complete_request", place))
                    yield json.dumps(one.asked("inspect_request", {**place, "detail_level": 1}))
            yield from (memory(child.pid) for child in one.process.children(recursive=True))


def command(functions: Sequence[Function], folder: Path) -> Iterator[str]:
    """Yield the command line in each of its forms, what it records, and what it replays."""
    cassette = str(folder / "cassette")
    for function in functions:
        call = ("call", f"heroku.{function.name}", json.dumps(arguments(function)))
        lua = ("lua", "-e", code_of(function))
        forms = [(*call, "--format", form) for form in ("table", "csv", "json")]
        commands = [*forms, (*call, "--json"), (*lua, "--json", "--record", cassette), (*lua, "--from", cassette)]
        for args in commands:
            done = kosmo(*args)
            yield done.stdout + done.stderr
        yield Path(cassette).read_bytes().decode(errors="replace")


def agent(functions: Sequence[Function], _folder: Path) -> Iterator[str]:
    """Yield what an agent gets: of Lua, and of `Out`."""
    from mcp import Client
    from mcp_client import asked

    async def ask(one: Client) -> list[str]:
        answers: list[Any] = []
        for function in functions:
            answers.append(await one.call_tool("lua_run", {"code": code_of(function)}))
            answers.append(await one.call_tool("lua_run", {"code": "return Out[#Out], json.encode(Out[#Out])"}))
        return [answer.model_dump_json() for answer in answers]

    yield from asked(ask, env=dict(os.environ))


def notebook(functions: Sequence[Function], folder: Path) -> Iterator[str]:
    """Yield the executed copy of a notebook, and its page."""
    cells = [new_code_cell(code_of(function)) for function in functions]
    written = new_notebook(cells=cells)
    written.metadata.kernelspec = {"name": "kosmo-lua", "display_name": "Lua", "language": "lua"}
    nbformat.write(written, folder / "audit.ipynb")
    with known_to_jupyter(folder / "jupyter"):
        os.environ["KOSMO_DEMO"] = "0"
        done = kosmo("run", str(folder / "audit.ipynb"), "-o", str(folder / "copy.ipynb"), "--html")
    yield done.stdout + done.stderr
    yield from (path.read_text() for path in folder.glob("copy.*"))


def snapshot(_functions: Sequence[Function], folder: Path) -> Iterator[str]:
    """Yield all bytes of an archive with a snapshot, and what its lists have."""
    done = kosmo("snapshot", "--all", "-o", str(folder / "saved.kosmo"))
    yield done.stdout + done.stderr
    yield (folder / "saved.kosmo").read_bytes().decode("utf-8", "replace")
    with closing(sqlite3.connect(folder / "saved.kosmo")) as connection:
        views = [name for [name] in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")]
        for view in views:
            yield "\n".join(map(str, connection.execute(f'SELECT * FROM "{view}"')))  # noqa: S608 - a name of ours


DOORS: dict[str, Door] = {
    one.__name__: one for one in (session, magic, python, explorer, kernel, command, agent, notebook, snapshot)
}


def memory(pid: int) -> str:
    """Return what is in the writable memory of a process, as far as it may be read: root may read all of it."""
    found = b""
    with (
        suppress(PermissionError),
        open(f"/proc/{pid}/maps") as maps,
        open(f"/proc/{pid}/mem", "rb", 0) as content,
    ):
        for line in maps:
            if place := re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line):
                start, end = (int(one, 16) for one in place.groups())
                content.seek(start)
                with suppress(OSError):
                    found += content.read(end - start)
    return found.decode("latin-1")
