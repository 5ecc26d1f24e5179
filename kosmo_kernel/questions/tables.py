"""Find the tables of a service: questions whose answers several reports share, so that each is defined once.

A table is a file of Lua in the folder of its service, or in the user's own folder of questions. Scripts call it,
`heroku.tables.costs()`, and it runs in their Lua state with the account of the call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from kosmo_kernel.questions.shipped import TABLES, services, shipped_files

if TYPE_CHECKING:
    from kosmo_kernel.questions.parameters import QuestionParameter

NAMESPACE = "tables"  # what holds them: `heroku.tables`, so no account can have this name
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


def table_names(service: str) -> tuple[str, ...]:
    """Return the names of the tables of a service, with the user's own, sorted; none for a service without tables."""
    from kosmo_kernel.questions.own_folder import own_tables

    return tuple(sorted({*shipped_names(service), *own_tables(service)}))


def shipped_names(service: str) -> tuple[str, ...]:
    """Return the names of the tables of a service that come with this package, sorted."""
    return tuple(shipped_files(service, TABLES))


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


def find_table(service: str, name: str) -> SharedTable:
    """Return a table.

    Raises:
        UnknownNameError: the service has no table of that name.
        SettingsError: its file is wrong.
    """
    if name in shipped_names(service):
        return _shipped_table(service, name)
    from kosmo_kernel.errors import UnknownNameError
    from kosmo_kernel.questions.head import read_text
    from kosmo_kernel.questions.own_folder import own_tables
    from kosmo_kernel.text.nearest import nearest

    if path := own_tables(service).get(name):
        return parse_table(read_text(path), str(path), service)
    names = table_names(service)
    near = [f"{service}.tables.{known}" for known in nearest(name, names)]
    raise UnknownNameError(f"There is no table `{name[:80]}`. Tables: {', '.join(names) or 'none'}.", tuple(near))


@cache
def _shipped_table(service: str, name: str) -> SharedTable:
    from pathlib import Path

    from kosmo_kernel.questions.head import read_text

    path = Path(shipped_files(service, TABLES)[name])
    return parse_table(read_text(path), path.name, service)


def find_named_table(name: str) -> SharedTable:
    """Return the table of a name, of the first service that has one.

    Raises:
        UnknownNameError: there is none.
        SettingsError: its file is wrong.
    """
    known = services()
    return find_table(next((service for service in known if name in table_names(service)), known[0]), name)


def parse_table(text: str, file: str, service: str = "") -> SharedTable:
    """Parse the text of a table.

    Parameters:
        text: the text.
        file: the name of the file, which gives the table its name.
        service: the name of its service; that of its head when empty.

    Raises:
        SettingsError: it is no table; the message names the file and the line.
    """
    from kosmo_kernel.errors import SettingsError
    from kosmo_kernel.questions.head import PARAM, Kind, parse_question
    from kosmo_kernel.questions.parameters import read_parameters

    optional = ("needs", "page", "order", "service")
    kind = Kind("table", ("title", "about", "key", "columns"), PARAM, optional, _MAX_LINES, "the list of rows")
    question = parse_question(text, file, kind)
    if "-" in question.name:
        raise SettingsError(f"{file} cannot name a table, which Lua calls by its name. Write `_` in place of `-`.")
    columns = question.columns("columns")
    parts = {key: question.columns(key) if question.optional(key) else () for key in ("key", "page", "needs")}
    order = tuple(one.strip() for one in question.optional("order").split(",") if one.strip())
    for name, names in {**parts, "order": tuple(one.removeprefix("-") for one in order)}.items():
        if name != "needs" and not set(names) <= set(columns):
            raise question.mistake(name, f"the {name} has columns that the table does not have: {', '.join(columns)}.")
    return SharedTable(
        service=service or question.optional("service"),
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
