"""Find the questions of the user's own folder, which `config.toml` names, and of folders that a command line names.

A file with a severity is a check, one without it that has columns is a table. A folder of somebody else's project adds
nothing unless the user names it.
"""

from __future__ import annotations

import re
from pathlib import Path

from kosmo_kernel.errors import KosmoError, SettingsError
from kosmo_kernel.questions.head import MAX_BYTES, SEVERITY, SUFFIX
from kosmo_kernel.safety.intake import decode_text, read_file
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.table import CHECKS_FOLDER

DEFAULT_SERVICE = "heroku"  # of a table whose head names none
_KEY = re.compile(r"^--\s?(\w+):[ \t]*+([^\n]*)", re.MULTILINE)
_named: list[Path] = []  # folders that the command line of this process names


def own_folder() -> Path | None:
    """Return the folder of questions that the user's settings name, or None. A relative one is below the settings.

    Raises:
        SettingsError: the settings are invalid, or there is no such folder.
    """
    settings = config()
    named = settings.get(*CHECKS_FOLDER.config)
    if named is None:
        return None
    try:
        folder = settings.path.parent / Path(named).expanduser()
    except RuntimeError:  # what pathlib raises for an unknown home directory
        folder = Path(named)
    if not folder.is_dir():
        where = settings.place(*CHECKS_FOLDER.config)
        raise SettingsError(f"{where}: there is no folder {folder}. Create it, or name another folder of checks.")
    return folder


def add_folder(folder: Path) -> None:
    """Add the tables of a folder that the user has named on the command line, for this process."""
    if folder not in _named:
        _named.append(folder)


def files_of(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by the names of their questions, without hidden ones, such as locks of an editor.

    Raises:
        SettingsError: the folder cannot be read.
    """
    try:
        files = sorted(folder.iterdir())  # `glob` says nothing of a folder that cannot be read
        return {file.stem: file for file in files if file.suffix == SUFFIX and not file.name.startswith(".")}
    except OSError as error:
        raise SettingsError(f"{folder} cannot be read: {error.strerror}.") from None


def is_table(file: Path) -> bool:
    """Return whether the head of a file is that of a table. A file that cannot be read is none."""
    keys = _head(file)
    return "columns" in keys and SEVERITY not in keys


def own_tables(service: str) -> dict[str, Path]:
    """Return the files of the user's own tables of a service, by name; none while the settings are wrong."""
    try:
        folder = own_folder()
        files = {name: file for one in [*_named, *([folder] if folder else [])] for name, file in files_of(one).items()}
    except KosmoError:  # asking a question says it
        return {}
    heads = {name: _head(file) for name, file in files.items()}
    return {
        name: files[name]
        for name, keys in heads.items()
        if "columns" in keys and SEVERITY not in keys and keys.get("service", DEFAULT_SERVICE) == service
    }


def _head(file: Path) -> dict[str, str]:
    """Return the keys of a head with their values, as far as they are on one line."""
    try:
        text = decode_text(read_file(file, SettingsError, most=MAX_BYTES), file, SettingsError)
    except SettingsError:  # asking the question says it
        return {}
    return {key: value.strip() for key, value in _KEY.findall(text)}
