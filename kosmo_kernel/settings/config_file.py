"""Read the files with settings: the user's `config.toml`, and `[tool.kosmo_kernel]` in a project's pyproject.toml.

A mistake in one is an error with the file, the line and the nearest key.

`config.toml` is in the system's folder for settings or in `KOSMO_CONFIG_DIR`. It is read on first use, and again when
it has changed. `change` keeps the comments, the order and the formatting of the rest.

The project's file is searched in the working directory and its parents, as other tools do; the nearest one with that
table is used. Its settings are defaults for cells, as those of `%config KosmoMagic` in a Python notebook. The tables
`integrations` and `mcp` in it are permissions, which can only restrict those of the user who runs the notebook
(`permissions.py`).

`ignored_settings` names what looks like a setting and sets nothing: files that another user may have written, and
misspelt variables, whose values are never shown.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.reader.documents import locate_key, parse_toml
from kosmo_kernel.safety.intake import UntrustedFileError, decode_text, read_file, read_unnamed_file
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.settings.private_files import locked, write
from kosmo_kernel.settings.table import ANY, CEILINGS, CONFIG_DIR, SETTINGS, Keys, Setting, Value
from kosmo_kernel.text import nearest, value_at

FILE = "config.toml"
KEYS = {setting.config: setting.value for setting in SETTINGS if setting.config}
NAME = "kosmo_kernel"  # of our folders, and of our table in a project file
PROJECT_FILE, PROJECT_TABLE = "pyproject.toml", f"tool.{NAME}"
PROJECT_KEYS = {setting.project: setting.value for setting in SETTINGS if setting.project}
CELL_DEFAULTS = {setting.name: setting for setting in SETTINGS if len(setting.project) == 1}  # all but the permissions
MAX_BYTES = 256 << 10  # of a project file that is read
# A line that may begin our table. A file without one, such as one that lists this package as a dependency, is not
# parsed.
MENTION = rf"""(?m)^(?:[ \t]*+\[.*|[^#\n"']*)["']?\b{NAME}\b["']?\s*[\].=]"""
_PREFIX = "KOSMO_"  # of environment variables
_MAX_NAME_SHOWN = 60  # characters
# On Linux the folders are computed here, because importing platformdirs takes half as long as starting Python.
_LINUX: bool = sys.platform == "linux"
_DEFAULTS = {"cache": ".cache", "config": ".config"}  # below the home directory


def user_folder(kind: Literal["cache", "config"]) -> Path:
    """Return a folder, which need not exist.

    Raises:
        RuntimeError: there is no home directory.
    """
    if _LINUX:
        base = Path(os.environ.get(f"XDG_{kind.upper()}_HOME", ""))
        return (base if base.is_absolute() else Path.home() / _DEFAULTS[kind]) / NAME
    import platformdirs

    return Path(getattr(platformdirs, f"user_{kind}_path")(NAME, appauthor=False))


def folder() -> Path:
    """Return the folder with the settings, which need not exist.

    Raises:
        SettingsError: it is below the home directory of a user who has none or does not exist.
    """
    value = CONFIG_DIR.from_env()
    try:
        if value:
            return Path(value).expanduser().absolute()
        return user_folder("config")
    except RuntimeError:  # raised by pathlib if there is no home directory
        variable = CONFIG_DIR.variable
        reason = f"{variable} is {one_line(value)}, and there is no such home" if value else "you have no home"
        raise SettingsError(f"No folder for the settings: {reason}. Name the folder in {variable}, in full.") from None


class Config(Struct, frozen=True):
    """The settings in a file."""

    path: Path  # the file, which need not exist
    text: str = ""  # its text
    table: Mapping[str, Any] = field(default_factory=dict)  # the values
    above: Keys = ()  # the path of keys to them in the file

    def get(self, *keys: str) -> Any:
        """Return a value, or None if it is not set."""
        return value_at(self.table, keys)

    def place(self, *keys: str) -> str:
        """Return the file with the line of a key, as `FILE:LINE`."""
        return locate_key(self.path, self.text, (*self.above, *keys))


_cache: dict[Path, tuple[tuple[int, int, int], Config]] = {}  # the state of each file that was read, and its contents


def config() -> Config:
    """Return the current settings of the user.

    Raises:
        SettingsError: the file is no TOML, or a value in it is invalid.
        UnknownNameError: it has an unknown key; the error names the nearest one.
    """
    path = folder() / FILE
    try:
        status = path.stat()
        state = (status.st_mtime_ns, status.st_size, status.st_ino)
        if path in _cache and _cache[path][0] == state:
            return _cache[path][1]
        text = decode_text(read_file(path, SettingsError), path, SettingsError)
    except (FileNotFoundError, NotADirectoryError):
        return Config(path)
    except OSError as error:  # of `stat`
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    result = Config(path, text, parse_toml(path, text))
    check(result.table, KEYS, lambda keys: result.place(*keys))
    _cache[path] = (state, result)
    return result


def resolve(setting: Setting, argument: Any = None) -> Any:
    """Return the first that is set: the argument, the environment variable, the value in the file, the default.

    Raises:
        SettingsError, UnknownNameError: one of them, or something else in the file, is invalid.
    """
    return setting.resolve(argument, config().get(*setting.config) if setting.config else None)


def check(
    table: Mapping[str, Any],
    available: Mapping[Keys, Value],
    location: Callable[[Keys], str],
    name: str = "the file",
    above: Keys = (),
) -> None:
    """Check the values of a settings file.

    Parameters:
        table: the values.
        available: the keys that it may contain, with their valid values; `*` in a key is any name.
        location: returns the file with the line of a key, for messages.
        name: what messages call the file.
        above: the path of keys to the table.

    Raises:
        SettingsError, UnknownNameError: the first mistake.
    """
    for key, value in table.items():
        keys = (*above, key)
        if above == ("integrations",) and (near := _misspelled(key)):
            raise UnknownNameError(f"{location(keys)}: there is no integration `{key}`.", near)
        matching = [pattern for pattern in available if _matches(pattern, keys)]
        if not matching:
            raise _unknown(keys, available, location(keys), name)
        if isinstance(value, dict) and any(len(pattern) > len(keys) for pattern in matching):
            check(value, available, location, name, keys)
            continue
        valid = next((available[pattern] for pattern in matching if len(pattern) == len(keys)), None)
        if valid is None:
            raise SettingsError(f"{location(keys)}: `{'.'.join(keys)}` must be a table: `[{'.'.join(keys)}]`.")
        try:
            valid.check(value)
        except ValueError as error:
            quoted = one_line(repr(value), most=60)
            raise SettingsError(f"{location(keys)}: `{'.'.join(keys)}` takes {error}, got {quoted}.") from None


def change(changes: Mapping[Keys, Any]) -> Path:
    """Set values and delete those that are None; the rest of the file keeps its text.

    Parameters:
        changes: the new values, by their paths of keys.

    Returns:
        The file.

    Raises:
        SettingsError: the file or a new value is invalid; nothing is changed.
        OSError: it cannot be written; nothing is changed.
    """
    import tomlkit

    path = folder() / FILE
    with locked(path.parent):
        before = config().text
        target = _changed(parse_toml(path, before), changes, dict)
        check(target, KEYS, lambda _keys: str(path))
        # Inside an inline or dotted table only an inline table can be added: for another one tomlkit raises an error
        # or writes it where it means something else.
        for make in (tomlkit.table, tomlkit.inline_table):
            try:
                text = tomlkit.dumps(_changed(tomlkit.parse(before), changes, make))
                is_equal = parse_toml(path, text) == target
            except (ValueError, tomlkit.exceptions.TOMLKitError, SettingsError):
                continue
            if is_equal:
                write(path, text)
                return path
    names = ", ".join(f"`{'.'.join(keys)}`" for keys in changes)
    raise SettingsError(f"{path} is written in a way that no program can add to. Set {names} there yourself.")


def _changed(table: Any, changes: Mapping[Keys, Any], make: Callable[[], Any]) -> Any:
    """Return a table after the changes; `make` creates missing tables."""
    for keys, value in changes.items():
        if value is None:
            _delete(table, keys)
            continue
        parent = table
        for key in keys[:-1]:
            if key not in parent:
                parent[key] = make()
            parent = parent[key]
        parent[keys[-1]] = value
    return table


def _delete(table: Any, keys: Sequence[str]) -> None:
    first, *rest = keys
    if first in table:
        if rest:
            _delete(table[first], rest)
        if not rest or not table[first]:  # an empty table is deleted too
            del table[first]


def _matches(pattern: Keys, keys: Keys) -> bool:
    """Return whether keys match a pattern or a prefix of it."""
    return len(keys) <= len(pattern) and all(part in (ANY, key) for part, key in zip(pattern, keys, strict=False))


def _unknown(keys: Keys, available: Collection[Keys], where: str, name: str) -> UnknownNameError:
    *above, key = keys
    depth = len(above)
    siblings = dict.fromkeys(
        pattern[depth] for pattern in available if len(pattern) > depth and _matches(pattern, tuple(above))
    )
    near = nearest(key, list(siblings), most=1)
    hint = "" if near else f" It takes {', '.join(siblings)}."
    table = f"[{'.'.join(above)}]" if above else name
    return UnknownNameError(f"{where}: {table} has no key `{key}`.{hint}", tuple(near))


def _misspelled(name: str) -> tuple[str, ...]:
    """Return the built-in integration that a name probably misspells, if the name is not an installed one."""
    from kosmo_kernel.integrations import BUILT_IN, known

    names = [integration.name for integration in BUILT_IN]
    if name in names:
        return ()
    near = nearest(name, names, most=1)
    return tuple(near) if near and known(name) is None else ()


def settings_of(directory: Path) -> dict[str, Any]:
    """Return the project settings for a directory; empty if there is no project.

    Raises:
        UnknownNameError, SettingsError: a mistake in the file, or a limit above the ceiling that the user allows.
    """
    project = _project(directory)
    if project is None:
        return {}
    tables = {keys[0] for keys in PROJECT_KEYS if len(keys) > 1}
    settings = {name: value for name, value in project.table.items() if name not in tables}
    _check_project(project, settings)
    values = {name: CELL_DEFAULTS[name].value.check(value) for name, value in settings.items()}
    check_ceilings(values, project.place)
    return values


def project_permissions(directory: Path) -> Config | None:
    """Return the permissions that a project sets for integrations and MCP servers, or None if there is no project.

    Parameters:
        directory: the directory where the search for the project starts.

    Raises:
        UnknownNameError, SettingsError: a mistake in the file; a misspelled table may be meant to deny something.
    """
    project = _project(directory)
    if project is None:
        return None
    permissions = {name: value for name, value in project.table.items() if name not in CELL_DEFAULTS}
    _check_project(project, permissions)
    return replace(project, table=permissions)


def _check_project(project: Config, table: Mapping[str, Any]) -> None:
    check(table, PROJECT_KEYS, lambda keys: project.place(*keys), f"[{PROJECT_TABLE}]")


def _project(directory: Path) -> Config | None:
    """Return our table in the nearest project file that has it, or None; its values are not checked."""
    for path, text, _ in _project_files(directory):
        if re.search(MENTION, text) and (table := _table(path, text)) is not None:
            return Config(path, text, table, tuple(PROJECT_TABLE.split(".")))
    return None


def ignored_files(directory: Path) -> list[str]:
    """Return a sentence for each project file that may have settings of ours and is not used, with the reason.

    Parameters:
        directory: the directory where the search for the project starts.
    """
    return [reason for _, _, reason in _project_files(directory) if reason]


def _project_files(directory: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield the project files of a directory and its parents, nearest first: the path, the text, and why it is ignored.

    A file that cannot be used is never an error: else whoever can write in a folder above could stop every run below.
    """
    for above in (directory, *directory.parents):
        path = above / PROJECT_FILE
        try:
            content = read_unnamed_file(path, SettingsError, folder=directory, most=MAX_BYTES)
            if content is not None:
                yield path, decode_text(content, path, SettingsError), ""
        except UntrustedFileError as error:
            if NAME.encode() in error.content:
                yield path, "", str(error)
        except SettingsError as error:
            yield path, "", f"{error.message} Settings in it are not used."


@lru_cache(maxsize=8)  # every run calls this, nearly always with the same text
def _table(path: Path, text: str) -> Mapping[str, Any] | None:
    """Return our table in a file, or None."""
    tools = parse_toml(path, text).get("tool")
    table = tools.get(NAME) if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{path}: `{PROJECT_TABLE}` must be a table: `[{PROJECT_TABLE}]`.")
    return table


def ignored_settings() -> list[str]:
    """Return a sentence for each variable and each project file that sets nothing."""
    return [*misspelt_variables(), *ignored_files(Path.cwd())]


def misspelt_variables() -> list[str]:
    """Return a sentence for each variable that sets nothing because its name is a letter or two off."""
    names = sorted(setting.variable.removeprefix(_PREFIX) for setting in SETTINGS if setting.variable)
    return [
        f"The environment variable {variable[:_MAX_NAME_SHOWN]} sets nothing. Did you mean {_PREFIX}{similar}?"
        for variable in os.environ
        if variable.startswith(_PREFIX) and variable.removeprefix(_PREFIX) not in names
        for similar in nearest(variable.removeprefix(_PREFIX), names, 1)
    ]


def check_ceilings(values: Mapping[str, Any], location: Callable[[str], str]) -> None:
    """Check that no default for cells is above its ceiling.

    Parameters:
        values: valid values, by the name of their setting.
        location: returns where the setting of a name is set, for the message.

    Raises:
        SettingsError: a value is above its ceiling; or a ceiling, or something else in `config.toml`, is invalid.
        UnknownNameError: `config.toml` has an unknown key.
    """
    for setting in CEILINGS:
        value = values.get(setting.name)
        if value is not None and value > (ceiling := ceiling_of(setting)):
            raise above_ceiling(setting, f"{location(setting.name)}: `{setting.name}`", value, ceiling)


def ceiling_of(setting: Setting) -> Any:
    """Return the highest value that cells and projects can have of a setting."""
    return resolve(CEILINGS[setting])


def above_ceiling(setting: Setting, where: str, value: float, ceiling: float) -> SettingsError:
    """Return the error for a value above its ceiling; `where` says what sets it."""
    highest, most, amount = CEILINGS[setting], _amount(ceiling), _amount(setting.value.check(value))
    way = f"`{'.'.join(highest.config)}` in {config().path}, or {highest.variable}"
    return SettingsError(
        f"{where} is {amount}, more than the {most} that cells and projects can have at most (`{highest.name}`). "
        f"To allow more, set {way if highest.from_env() is None else highest.variable}."
    )


def _amount(value: float) -> str:
    return f"{value:,} bytes" if isinstance(value, int) else f"{value:,.15g} s"
