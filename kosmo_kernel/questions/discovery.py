"""Find questions: those that come with this package, those of the user's folder, and files of a command line.

A check of the user's folder replaces a shipped one of the same name, so that anybody can change a check, and so that a
new version of this package, with a new check, breaks nobody's folder. A shipped table keeps its name, because others
use it. Scripts call a table, `heroku.tables.costs()`, and it runs in their Lua state with the account of the call.

Files are read when a question is needed, and the code for that is imported then: a start needs only names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from kosmo_kernel.errors import KosmoError, SettingsError, UnknownNameError
from kosmo_kernel.questions import CHECKS, SUFFIX, TABLES, is_shipped, services, shipped_files
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.table import CHECKS_FOLDER
from kosmo_kernel.text import lazy_pattern, nearest

if TYPE_CHECKING:
    from kosmo_kernel.catalogue import Integration
    from kosmo_kernel.questions.question import Question

# The tables that there are no longer, with what to use in their place.
DROPPED_TABLES = {"bill": "The table `bill` is a part of `costs` now, where its kind `dynos` is `dyno`. Use `costs`."}

_USE = lazy_pattern(r"""\b(\w+)(?:\s*\.\s*\w+|\s*\[\s*["'][^"'\]]*["']\s*\])?\s*\.\s*tables\s*\.\s*(\w+)""")


# The user's own files -----------------------------------------------------------------------------------

_folders: list[Path] = []  # folders of questions that the command line of this process names


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


def own_tables() -> dict[str, Path]:
    """Return the user's own tables by name; none while the settings are wrong, which asking one says."""
    try:
        own = own_folder()
        return {file.stem: file for folder in (*_folders, *([own] if own else [])) for file in _files(folder, TABLES)}
    except KosmoError:
        return {}


def _own_files(kind: str) -> dict[str, Path]:
    """Return the checks or the tables of the user's folder by name; errors as of `own_folder`."""
    folder = own_folder()
    return {file.stem: file for file in _files(folder, kind)} if folder else {}


def _files(folder: Path, kind: str) -> list[Path]:
    """Return the checks or the tables of a folder, without hidden files such as locks of an editor.

    A file that cannot be read counts as a check, which asking it says.

    Raises:
        SettingsError: the folder cannot be read.
    """
    from kosmo_kernel.questions.head import is_table, keys_of, read_text

    try:
        files = sorted(folder.iterdir())  # `glob` says nothing of a folder that cannot be read
    except OSError as error:
        raise SettingsError(f"{folder} cannot be read: {error.strerror}.") from None
    questions = []
    for file in files:
        if file.suffix == SUFFIX and not file.name.startswith("."):
            try:
                keys = keys_of(read_text(file))
            except SettingsError:
                keys = {}
            if is_table(keys) == (kind == TABLES):
                questions.append(file)
    return questions


# Checks -------------------------------------------------------------------------------------------------


def check_files() -> dict[str, Path]:
    """Return the file of each check by name: the shipped ones, and those of the user's folder.

    Raises:
        SettingsError: the settings are invalid, or their folder of checks does not exist.
    """
    return _shipped_checks() | _own_files(CHECKS)


def check_names() -> list[str]:
    """Return the names of all checks; those that are shipped while the settings are wrong."""
    try:
        return sorted(check_files())
    except KosmoError:  # a list of names is no place for it; running a check says it
        return sorted(_shipped_checks())


def find_check(name: str, listing: str = "`kosmo check`") -> Question:
    """Return the check of a name, which is never a path: a shipped one, or one of the user's folder.

    Parameters:
        name: the name.
        listing: what lists all checks, for the error.

    Raises:
        UnknownNameError: there is none.
        SettingsError: its file, or the settings, are invalid.
    """
    files = check_files()
    if name not in files:
        near = tuple(nearest(name, files))
        lists = "" if near else f"; {listing} lists them all"
        raise UnknownNameError(f"There is no check `{name[:80]}`{lists}.", near)
    return _read(files[name])


def all_checks() -> list[Question]:
    """Return all checks by name: the shipped ones, and those of the user's folder.

    Raises:
        SettingsError: one of the files, or the settings, are invalid.
    """
    return [_read(file) for _, file in sorted(check_files().items())]


def shipped_checks() -> list[Question]:
    """Return the checks that come with this package, by name."""
    return [_read(file) for _, file in sorted(_shipped_checks().items())]


def own_questions() -> tuple[list[Question], list[str]]:
    """Return the questions of the user's folder, and what is wrong with those that cannot be read."""
    questions, mistakes = [], []
    try:
        files = [*_own_files(CHECKS).values(), *_own_files(TABLES).values()]
    except SettingsError as error:
        return [], [error.message]
    for file in files:
        try:
            questions.append(_read(file))
        except SettingsError as error:
            mistakes.append(error.message)
    return questions, mistakes


def readable_checks() -> tuple[list[Question], list[str]]:
    """Return all checks whose files can be read, by name, and what is wrong with the others of the user's folder."""
    own, mistakes = own_questions()
    checks = {check.name: check for check in (*shipped_checks(), *own) if check.severity}
    return [check for _, check in sorted(checks.items())], mistakes


def checks_beyond(integration: Integration, granted: Collection[str]) -> dict[str, list[str]]:
    """Return the names of the shipped checks that a token with some scopes cannot make, by the scope that it lacks."""
    names: dict[str, list[str]] = {}
    for check in shipped_checks():
        if check.service == integration.name and integration.credentials.lacks(check.scope, granted):
            names.setdefault(check.scope, []).append(check.name)
    return names


def select_checks(names: Iterable[str], *, every: bool = False, start: bool = False) -> list[Question]:
    """Return the checks that a command line names, without duplicates.

    Parameters:
        names: names of checks, files, and folders. A file that has the name of another check replaces it. The checks
            can use the tables of these folders.
        every: all checks that have a name, before those that are named.
        start: those of them that every account should pass.

    Raises:
        UnknownNameError: there is no check, and no file or folder, of a name.
        SettingsError: a file is no check, a folder has none, or two files have the same name.
    """
    checks = sorted(all_checks(), key=lambda check: not check.is_first) if every or start else []
    selected = {check.name: check for check in checks if every or check.in_start}
    from_files: dict[str, Question] = {}
    for name in names:
        path = Path(name)
        if path.is_dir() or name.endswith(SUFFIX) or (path.parts[1:] and path.exists()):
            for file in _checks_of(path):
                check = _read(file)
                if not check.severity:
                    raise SettingsError(f"{file} is a table. `kosmo inventory --table NAME` prints one.")
                other = from_files.setdefault(check.name, check)
                if Path(other.file).resolve() != file.resolve():
                    raise SettingsError(f"{other.file} and {file} are two checks of one name. Rename one of them.")
        else:
            check = find_check(name)
            selected[check.name] = check
    return list((selected | from_files).values())


def replaced_checks(checks: Sequence[Question]) -> list[Question]:
    """Return those of some checks that replace a shipped one of the same name."""
    shipped = _shipped_checks()
    return [check for check in checks if check.name in shipped and not check.is_shipped]


def _shipped_checks() -> dict[str, Path]:
    return {name: Path(file) for service in services() for name, file in shipped_files(service, CHECKS).items()}


def _checks_of(path: Path) -> list[Path]:
    """Return the file of a check, or the checks of a folder, whose tables they can use from then on."""
    if not path.is_dir():
        return [path]
    if path not in _folders:
        _folders.append(path)
    files = _files(path, CHECKS)
    if not files:
        raise SettingsError(f"{path} has no checks: no file in it is called NAME{SUFFIX}.")
    return files


# Tables -------------------------------------------------------------------------------------------------


def table_names(service: str) -> tuple[str, ...]:
    """Return the names of the tables of a service, sorted; the user's own ones are among those of the first service."""
    own = own_tables() if service == services()[0] else {}
    return tuple(sorted({*shipped_files(service, TABLES), *own}))


def find_table(service: str, name: str) -> Question:
    """Return a table.

    Raises:
        UnknownNameError: the service has no table of that name.
        SettingsError: its file is wrong.
    """
    if shipped := shipped_files(service, TABLES).get(name):
        return _read(Path(shipped))
    names = table_names(service)
    if name in names:
        return _read(own_tables()[name])
    if name in DROPPED_TABLES:
        raise UnknownNameError(DROPPED_TABLES[name])
    near = tuple(nearest(name, names))
    every = "" if near else f" Tables: {', '.join(names) or 'none'}."
    raise UnknownNameError(f"There is no table `{name[:80]}`.{every}", near)


def tables_by_service() -> dict[str, tuple[str, ...]]:
    """Return the names of all tables by their service."""
    return {service: table_names(service) for service in services()}


def find_named_table(name: str) -> Question:
    """Return the table of a name, of the first service that has one.

    Raises:
        UnknownNameError: there is none.
        SettingsError: its file is wrong.
    """
    tables = tables_by_service()
    return find_table(next((service for service, names in tables.items() if name in names), services()[0]), name)


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


def _read(file: Path) -> Question:
    """Read the file of a question; one that comes with this package is in the folder of its service."""
    if is_shipped(file):
        return read_shipped(file)
    from kosmo_kernel.questions.question import read_question

    return read_question(file)


@cache
def read_shipped(file: Path) -> Question:
    """Return the question of a file that comes with this package; each is read once in a process."""
    from kosmo_kernel.questions.question import CHECK, TABLE, read_question

    kind = TABLE if file.parent.name == TABLES else CHECK
    return read_question(file, kind, service=file.parents[2].name, is_shipped=True)
