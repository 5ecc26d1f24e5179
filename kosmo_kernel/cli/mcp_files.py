"""Edit the files that configure MCP servers: the user's file, and the project's `.mcp.json`.

Everything else in a file is preserved: other keys, unknown keys of entries, their order and the indentation. A file
that cannot be read, or that has comments, which would be lost, is not written at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from kosmo_kernel.errors import InvalidArgumentsError, SettingsError, UnknownNameError
from kosmo_kernel.mcp import configuration
from kosmo_kernel.mcp.config import KEYS, PROJECT, entries_of, project_root, user_file
from kosmo_kernel.safety.intake import decode_json, decode_text, read_file
from kosmo_kernel.safety.redaction import one_line, redact
from kosmo_kernel.settings.private_files import locked, write
from kosmo_kernel.text.nearest import nearest

OURS = "project"  # the source in `PROJECT` whose file these commands write
INDENT = re.compile(r'\n([ \t]+)"')
NAME = re.compile(r"[\w@][\w@./ -]{0,63}")

project = click.option("--project", is_flag=True, help="Use the project's .mcp.json instead of your own file.")


def config_path(*, of_project: bool) -> Path:
    """Return the path of the file to change."""
    return project_root(Path.cwd()) / PROJECT[OURS] if of_project else user_file()


def change(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change the entries of a file, and create the file if it is missing.

    Parameters:
        path: the path of the file.
        edit: a callback that changes the entries by server name in place; if it raises, the file stays unchanged.

    Raises:
        SettingsError: the file cannot be read or written, or would lose comments.
    """
    try:
        with locked(user_file().parent):  # no lock file in the folder of `path`, which may be a repository
            text, table, key, entries = _read(path)
            edit(entries)
            match = INDENT.search(text)
            write(path, json.dumps(table | {key: entries}, indent=match[1] if match else 2, ensure_ascii=False) + "\n")
    except OSError as fault:
        raise SettingsError(f"{path} cannot be written: {fault.strerror}. Nothing was changed.") from None


def add_entries(
    path: Path, made: Mapping[str, Any], *, replace: bool, keeping: Callable[[], AbstractContextManager[None]]
) -> None:
    """Add entries to a file.

    Parameters:
        path: the path of the file.
        made: the entries by server name.
        replace: replace existing entries of these names.
        keeping: a callback that asks for secrets. It is called after the checks and before any change, and returns a
            context manager, with its own lock, that stores the secrets and discards them if the file cannot be changed.

    Raises:
        InvalidArgumentsError: the file has entries of these names.
        SettingsError: the file cannot be read or written, or would lose comments.
    """

    def check(entries: Mapping[str, Any]) -> None:
        if existing := [name for name in made if name in entries and not replace]:
            names = ", ".join(existing)
            raise InvalidArgumentsError(f"{path} has {names} already. --replace takes the place. Nothing was changed.")

    def edit(entries: dict[str, Any]) -> None:
        check(entries)
        entries.update(made)

    *_, entries = _read(path)
    check(entries)
    with keeping():
        change(path, edit)


def _read(path: Path) -> tuple[str, dict[str, Any], str, dict[str, Any]]:
    """Return the text of a file, its parsed content, the key under which it lists servers, and their entries."""
    try:
        key, entries = entries_of(path)
    except SettingsError as fault:
        raise SettingsError(f"{fault.message} Nothing was changed: mend it first.") from None
    if not path.exists():
        return "", {}, KEYS[0], {}
    text = decode_text(read_file(path, SettingsError), path, SettingsError)
    try:
        table: dict[str, Any] = decode_json(text, str(path), ValueError) if text.strip() else {}
    except ValueError:
        raise SettingsError(
            f"{path} has comments, or commas too many, which would be lost. Nothing was changed: do it by hand."
        ) from None
    return text, table, key or KEYS[0], entries


def entry_of(entries: dict[str, Any], name: str, path: Path) -> Any:
    """Return the entry of a server in a file.

    Raises:
        UnknownNameError: the file has no such entry; the error names the file that has it, or similar names.
    """
    if name in entries:
        return entries[name]
    found = configuration().servers.get(name)
    if found is None:
        raise UnknownNameError(f"{path} has no MCP server `{name}`.", tuple(nearest(name, entries)))
    way = {OURS: "Add --project.", "user": "Leave out --project."}.get(found.source, "Change it there.")
    raise UnknownNameError(f"{path} has no MCP server `{name}`; it stands in {found.path}. {way}")


def check_name(name: str) -> str:
    """Return the name of a new server unchanged if it is valid.

    Raises:
        InvalidArgumentsError: the name is not valid.
    """
    if not NAME.fullmatch(name) or redact(name) != name:
        raise InvalidArgumentsError(
            f"`{one_line(name, most=70)}` cannot be the name of a server: that has letters, digits, spaces and "
            "`_ - . @ /`, 64 at most, and begins with a letter or a digit."
        )
    return name
