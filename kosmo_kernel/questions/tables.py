"""Find the tables of a service: questions whose answers several reports share, so that each is defined once.

A table is a file of Lua in the folder of its service below `tables/`. Scripts call it, `heroku.tables.costs()`, and it
runs in their Lua state with the account of the call. Nothing is read but the names before a script uses one.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache

TABLES_FOLDER = os.path.join(os.path.dirname(__file__), "tables")  # `pathlib` would slow down a start
NAMESPACE = "tables"  # what holds them: `heroku.tables`, so no account can have this name
_SUFFIX = ".lua"
_MAX_LINES = 60  # of Lua
_USE = re.compile(r"""\b(\w+)(?:\s*\.\s*\w+|\s*\[\s*["'][^"'\]]*["']\s*\])?\s*\.\s*tables\s*\.\s*(\w+)""")


@dataclass(frozen=True, slots=True)
class SharedTable:
    """A table: a question whose answer is a list of records with the same columns."""

    name: str
    title: str
    about: str  # what its rows and columns mean
    key: tuple[str, ...]  # the columns that identify a row
    columns: tuple[str, ...]  # all columns, in order
    source: str  # the text of the file


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
    from kosmo_kernel.questions.head import Kind, parse_question, read_text
    from kosmo_kernel.text.nearest import nearest

    names = table_names(service)
    if name not in names:
        near = [f"{service}.tables.{known}" for known in nearest(name, names)]
        raise UnknownNameError(f"There is no table `{name[:80]}`. Tables: {', '.join(names) or 'none'}.", tuple(near))
    path = Path(TABLES_FOLDER, service, f"{name}{_SUFFIX}")
    kind = Kind("table", ("title", "about", "key", "columns"), max_lines=_MAX_LINES, returns="the list of rows")
    question = parse_question(read_text(path), path.name, kind)
    key, columns = question.columns("key"), question.columns("columns")
    if not set(key) <= set(columns):
        raise question.mistake("key", f"the key has columns that the table does not have: {', '.join(columns)}.")
    return SharedTable(question.name, question.value("title"), question.value("about"), key, columns, question.source)
