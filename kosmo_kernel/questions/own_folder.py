"""Find the questions of the user's own folder, which `config.toml` names, and of folders that a command line names.

A file with a severity is a check, one without it that has columns is a table. A folder of somebody else's project adds
nothing unless the user names it.
"""

from __future__ import annotations

from pathlib import Path

from kosmo_kernel.errors import KosmoError, SettingsError
from kosmo_kernel.questions import TABLES, services
from kosmo_kernel.questions.head import SERVICE, SUFFIX, is_table, keys_of, read_text
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.table import CHECKS_FOLDER

_folders: list[Path] = []  # folders that the command line of this process names


def own_folder() -> Path | None:
    """Return the folder of questions that the user's settings name, or None. A relative one is below the settings.

    Raises:
        SettingsError: the settings are invalid, or there is no such folder.
    """
    settings = config()
    path = settings.get(*CHECKS_FOLDER.config)
    if path is None:
        return None
    try:
        folder = settings.path.parent / Path(path).expanduser()
    except RuntimeError:  # what pathlib raises for an unknown home directory
        folder = Path(path)
    if not folder.is_dir():
        where = settings.place(*CHECKS_FOLDER.config)
        raise SettingsError(f"{where}: there is no folder {folder}. Create it, or name another folder of checks.")
    return folder


def add_folder(folder: Path) -> None:
    """Add the tables of a folder that the user has named on the command line, for this process."""
    if folder not in _folders:
        _folders.append(folder)


def files_of(folder: Path, kind: str) -> dict[str, Path]:
    """Return the checks or the tables of a folder by name, without hidden files, such as locks of an editor.

    Raises:
        SettingsError: the folder cannot be read.
    """
    return {file.stem: file for file, keys in _heads(folder).items() if is_table(keys) == (kind == TABLES)}


def own_files(kind: str) -> dict[str, Path]:
    """Return the checks or the tables of the user's folder by name.

    Raises:
        SettingsError: the settings are invalid, or there is no such folder.
    """
    folder = own_folder()
    return files_of(folder, kind) if folder else {}


def own_tables() -> dict[tuple[str, str], Path]:
    """Return the user's own tables by service and name; none while the settings are wrong, which asking one says."""
    try:
        own = own_folder()
        folders = [*_folders, own] if own else _folders
        files = {file: keys for folder in folders for file, keys in _heads(folder).items()}
    except KosmoError:
        return {}
    return {(keys.get(SERVICE) or services()[0], file.stem): file for file, keys in files.items() if is_table(keys)}


def _heads(folder: Path) -> dict[Path, dict[str, str]]:
    """Return the keys of the heads of a folder's files; none of a file that cannot be read, which asking it says."""
    try:
        files = sorted(folder.iterdir())  # `glob` says nothing of a folder that cannot be read
    except OSError as error:
        raise SettingsError(f"{folder} cannot be read: {error.strerror}.") from None
    heads: dict[Path, dict[str, str]] = {}
    for file in files:
        if file.suffix == SUFFIX and not file.name.startswith("."):
            try:
                heads[file] = keys_of(read_text(file))
            except SettingsError:
                heads[file] = {}
    return heads
