"""Find the tables of a service: questions whose answers several reports share, so that each is defined once.

A table is a file of Lua in the folder of its service below `tables/`. Scripts call it, `heroku.tables.costs()`, and it
runs in their Lua state with the account of the call. Nothing is read but the names before a script uses one.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from kosmo_kernel.questions.parameters import QuestionParameter

TABLES_FOLDER = os.path.join(os.path.dirname(__file__), "tables")  # `pathlib` would slow down a start
NAMESPACE = "tables"  # what holds them: `heroku.tables`, so no account can have this name
_SUFFIX = ".lua"
_MAX_LINES = 60  # of Lua
_USE = re.compile(r"""\b(\w+)(?:\s*\.\s*\w+|\s*\[\s*["'][^"'\]]*["']\s*\])?\s*\.\s*tables\s*\.\s*(\w+)""")


@dataclass(frozen=True, slots=True)
class SharedTable:
    """A table: a question whose answer is a list of records with the same columns."""

    service: str
    name: str
    title: str
    about: str  # what its rows and columns mean
    key: tuple[str, ...]  # the columns that identify a row
    columns: tuple[str, ...]  # all columns, in order
    page: tuple[str, ...]  # the columns that the page of an inventory has; none if it does not have the table
    order: tuple[str, ...]  # the columns by which its rows are sorted; `-` before a number sorts the largest first
    needs: tuple[str, ...]  # the functions without whose lists there is no table; one of them is enough
    parameters: tuple[QuestionParameter, ...]
    source: str  # the text of the file
    body_start: int  # the line, from 1, at which the Lua begins
    file: str  # the bare name of a shipped one

    @property
    def lua(self) -> str:
        """The Lua below the head."""
        from kosmo_kernel.questions.head import lua_below

        return lua_below(self.source, self.body_start)

    def for_lua(self) -> dict[str, Any]:
        """Return what the Lua process needs of it, as JSON values."""
        return {
            "source": self.source,
            "columns": self.columns,
            "order": [{"name": one.removeprefix("-"), "descends": one.startswith("-")} for one in self.order],
            "needs": self.needs,
            "parameters": [{"name": one.name, "default": one.default} for one in self.parameters],
        }


def services() -> tuple[str, ...]:
    """Return the names of the services that have tables, sorted."""
    return tuple(sorted(entry.name for entry in os.scandir(TABLES_FOLDER) if entry.is_dir()))


@cache
def table_names(service: str) -> tuple[str, ...]:
    """Return the names of the tables of a service, sorted; none for a service without tables."""
    folder = os.path.join(TABLES_FOLDER, service)
    files = os.listdir(folder) if os.path.isdir(folder) else ()
    return tuple(sorted(file.removesuffix(_SUFFIX) for file in files if file.endswith(_SUFFIX)))


def source_with_tables(source: str) -> str:
    """Return the text of a chunk, and below it those of the tables that it uses, and of the tables that these use."""
    sources = {"": source}
    waiting = [source]
    while waiting:
        for service, name in _USE.findall(waiting.pop()):
            if name in table_names(service) and f"{service}.{name}" not in sources:
                sources[f"{service}.{name}"] = find_table(service, name).source
                waiting.append(sources[f"{service}.{name}"])
    return "\n".join(sources.values())


@cache
def find_table(service: str, name: str) -> SharedTable:
    """Return a table.

    Raises:
        UnknownNameError: the service has no table of that name.
        SettingsError: its file is wrong.
    """
    from pathlib import Path

    from kosmo_kernel.errors import UnknownNameError
    from kosmo_kernel.text.nearest import nearest

    names = table_names(service)
    if name not in names:
        near = [f"{service}.tables.{known}" for known in nearest(name, names)]
        raise UnknownNameError(f"There is no table `{name[:80]}`. Tables: {', '.join(names) or 'none'}.", tuple(near))
    return read_table(Path(TABLES_FOLDER, service, f"{name}{_SUFFIX}"), service)


def find_named_table(name: str) -> SharedTable:
    """Return the table of a name, of the first service that has one.

    Raises:
        UnknownNameError: there is none.
        SettingsError: its file is wrong.
    """
    known = services()
    return find_table(next((service for service in known if name in table_names(service)), known[0]), name)


def read_table(path: Path, service: str, *, file: str = "") -> SharedTable:
    """Read the file of a table.

    Parameters:
        path: the file.
        service: the name of its service.
        file: what messages call it; its bare name when empty.

    Raises:
        SettingsError: it cannot be read, or it is no table; the message names the file and the line.
    """
    from kosmo_kernel.questions.head import PARAM, Kind, parse_question, read_text
    from kosmo_kernel.questions.parameters import read_parameters

    kind = Kind(
        "table", ("title", "about", "key", "columns"), PARAM, ("needs", "page", "order"), _MAX_LINES, "the list of rows"
    )
    question = parse_question(read_text(path), file or path.name, kind)
    columns = question.columns("columns")
    parts = {key: question.columns(key) if question.optional(key) else () for key in ("key", "page", "needs")}
    order = tuple(one.strip() for one in question.optional("order").split(",") if one.strip())
    for name, names in {**parts, "order": tuple(one.removeprefix("-") for one in order)}.items():
        if name != "needs" and not set(names) <= set(columns):
            raise question.mistake(name, f"the {name} has columns that the table does not have: {', '.join(columns)}.")
    return SharedTable(
        service=service,
        name=question.name,
        title=question.value("title"),
        about=question.value("about"),
        **parts,
        columns=columns,
        order=order,
        parameters=read_parameters(question),
        source=question.source,
        body_start=question.body_start,
        file=question.file,
    )
