"""Read and change the user's `config.toml`, in the system's folder for settings or in `KOSMO_CONFIG_DIR`.

The file is read on first use, and again when it has changed. A mistake is an error with the file, the line and the
nearest key. `change` keeps the comments, the order and the formatting of the rest.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.reader.documents import locate_key, parse_toml
from kosmo_kernel.safety.intake import decode_text, read_file
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.settings.private_files import locked, write
from kosmo_kernel.settings.table import ANY, CONFIG_DIR, SETTINGS, Keys, Setting, Value
from kosmo_kernel.text import nearest, value_at

FILE = "config.toml"
KEYS = {setting.config: setting.value for setting in SETTINGS if setting.config}
NAME = "kosmo_kernel"  # of our folders
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
    """The contents of a settings file."""

    path: Path  # the file, which need not exist
    text: str = ""  # its text
    table: Mapping[str, Any] = field(default_factory=dict)  # its values, all of them valid

    def get(self, *keys: str) -> Any:
        """Return a value, or None if it is not set."""
        return value_at(self.table, keys)

    def place(self, *keys: str) -> str:
        """Return the file with the line of a key, as `FILE:LINE`."""
        return locate_key(self.path, self.text, keys)


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
