"""Find checks: those that come with this package, those of the user's folder, and files of a command line.

A check of the user's folder replaces a shipped one of the same name, so that anybody can change a check, and so that a
new version of this package, with a new check, breaks nobody's folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from kosmo_kernel.checks.check_file import Check, read_check
from kosmo_kernel.errors import KosmoError, SettingsError, UnknownNameError
from kosmo_kernel.questions.head import SUFFIX
from kosmo_kernel.questions.own_folder import add_folder, files_of, is_table, own_folder
from kosmo_kernel.questions.shipped import CHECKS, services, shipped_files
from kosmo_kernel.text.nearest import nearest


def check_files() -> dict[str, Path]:
    """Return the file of each check by name: the shipped ones, and those of the user's folder.

    Raises:
        SettingsError: the settings are invalid, or their folder of checks does not exist.
    """
    folder = own_folder()
    own = files_of(folder) if folder else {}
    return _shipped_files() | {name: file for name, file in own.items() if not is_table(file)}


def _shipped_files() -> dict[str, Path]:
    """Return the files of the checks that come with this package, by name."""
    return {name: Path(file) for service in services() for name, file in shipped_files(service, CHECKS).items()}


def check_names() -> list[str]:
    """Return the names of all checks, none while the settings are wrong."""
    try:
        return list(check_files())
    except KosmoError:  # a completion is no place for it; running a check says it
        return []


def find_check(name: str) -> Check:
    """Return the check of a name, which is never a path: a shipped one, or one of the user's folder.

    Raises:
        UnknownNameError: there is none.
        SettingsError: its file, or the settings, are invalid.
    """
    files = check_files()
    if name not in files:
        raise UnknownNameError(f"There is no check `{name[:80]}`.", tuple(nearest(name, files)))
    return _check(files[name])


def all_checks() -> list[Check]:
    """Return all checks by name: the shipped ones, and those of the user's folder.

    Raises:
        SettingsError: one of the files, or the settings, are invalid.
    """
    return [_check(file) for _, file in sorted(check_files().items())]


def shipped_checks() -> list[Check]:
    """Return the checks that come with this package, by name."""
    return [_check(file) for _, file in sorted(_shipped_files().items())]


def select_checks(named: Iterable[str], *, every: bool = False, start: bool = False) -> list[Check]:
    """Return the checks that a command line names, without duplicates.

    Parameters:
        named: names of checks, files, and folders. A file that has the name of another check replaces it. The checks
            can use the tables of these folders.
        every: all checks that have a name, before those that are named.
        start: those of them that every account should pass.

    Raises:
        UnknownNameError: there is no check, and no file or folder, of a name.
        SettingsError: a file is no check, a folder has none, or two files have the same name.
    """
    selected = {check.name: check for check in all_checks() if every or check.in_start} if every or start else {}
    from_files: dict[str, Check] = {}
    for name in named:
        path = Path(name)
        if path.is_dir() or name.endswith(SUFFIX) or (path.parts[1:] and path.exists()):
            for file in _files_of(path):
                check = read_check(file)
                other = from_files.setdefault(check.name, check)
                if Path(other.file).resolve() != file.resolve():
                    raise SettingsError(f"{other.file} and {file} are two checks of one name. Rename one of them.")
        else:
            check = find_check(name)
            selected[check.name] = check
    return list((selected | from_files).values())


def replaced_checks(checks: Sequence[Check]) -> dict[str, Check]:
    """Return those of some checks that replace a shipped one of the same name, by name."""
    shipped = _shipped_files()
    return {check.name: check for check in checks if check.name in shipped and not check.is_shipped}


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    add_folder(path)
    files = [file for file in sorted(files_of(path).values()) if not is_table(file)]
    if not files:
        raise SettingsError(f"{path} has no checks: no file in it is called NAME{SUFFIX}.")
    return files


def _check(file: Path) -> Check:
    return _shipped(file) if file in _shipped_files().values() else read_check(file)


@cache
def _shipped(file: Path) -> Check:
    return read_check(file, is_shipped=True)
