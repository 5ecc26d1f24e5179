"""Read the user's settings: `config.toml`, in the system's folder for settings or in `KOSMO_CONFIG_DIR`.

It is read on first use, and again when it has changed. A mistake in it is an error with the file, the line and the
nearest key. Two kinds of settings set nothing, and a sentence says so without their values: misspelt variables, and
settings that were removed (`removed.py`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any, Literal

from msgspec import Struct, field

from kosmo_kernel.errors import KosmoError, SettingsError, UnknownNameError
from kosmo_kernel.reader.documents import locate_key, parse_toml
from kosmo_kernel.safety.intake import decode_text, read_file
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.settings import removed
from kosmo_kernel.settings.table import ANY, CEILINGS, CHECK_PARAMETER, CONFIG_DIR, SETTINGS, Keys, Setting
from kosmo_kernel.text import nearest, value_at

FILE = "config.toml"
KEYS = {setting.config: setting.value for setting in SETTINGS if setting.config}
KEYS[*CHECK_PARAMETER.config, ANY] = CHECK_PARAMETER.value  # of one check
NAME = "kosmo_kernel"  # of our folders
_PREFIX = "KOSMO_"  # of environment variables
_MAX_NAME_SHOWN = 60  # characters
# On Linux the folders are computed here, because importing platformdirs takes half as long as starting Python.
_LINUX: bool = sys.platform == "linux"
has_noticed = Event()  # whether this process has said which settings were removed
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
    check(result, result.table)
    _cache[path] = (state, result)
    return result


def resolve(setting: Setting, argument: Any = None) -> Any:
    """Return the first that is set: the argument, the environment variable, the value in the file, the default.

    Raises:
        SettingsError, UnknownNameError: one of them, or something else in the file, is invalid.
    """
    return setting.resolve(argument, config().get(*setting.config) if setting.config else None)


def check(file: Config, table: Mapping[str, Any], parents: Keys = ()) -> None:
    """Check the values of a table in a settings file, which is below some keys.

    Raises:
        SettingsError, UnknownNameError: the first mistake.
    """
    for key, value in table.items():
        keys = (*parents, key)
        if parents == ("integrations",) and (near := _misspelled(key)):
            raise UnknownNameError(f"{file.place(*keys)}: there is no integration `{key}`.", near)
        if any(_matches(pattern, keys) and len(pattern) == len(keys) for pattern in removed.KEYS):
            continue
        matching = [pattern for pattern in KEYS if _matches(pattern, keys)]
        if not matching:
            raise _unknown(file, keys)
        if isinstance(value, dict) and any(len(pattern) > len(keys) for pattern in matching):
            check(file, value, keys)
            continue
        valid = next((KEYS[pattern] for pattern in matching if len(pattern) == len(keys)), None)
        name = ".".join(keys)
        if valid is None:
            raise SettingsError(f"{file.place(*keys)}: `{name}` must be a table: `[{name}]`.")
        try:
            valid.check(value)
        except ValueError as error:
            quoted = one_line(repr(value), most=60)
            raise SettingsError(f"{file.place(*keys)}: `{name}` takes {error}, got {quoted}.") from None


def _matches(pattern: Keys, keys: Keys) -> bool:
    """Return whether keys match a pattern or a prefix of it."""
    return len(keys) <= len(pattern) and all(part in (ANY, key) for part, key in zip(pattern, keys, strict=False))


def _unknown(file: Config, keys: Keys) -> UnknownNameError:
    *parents, key = keys
    depth = len(parents)
    siblings = {pattern[depth]: None for pattern in KEYS if len(pattern) > depth and _matches(pattern, tuple(parents))}
    near = nearest(key, list(siblings), most=1)
    hint = "" if near else f" It takes {', '.join(siblings)}."
    table = f"[{'.'.join(parents)}]" if parents else "the file"
    return UnknownNameError(f"{file.place(*keys)}: {table} has no key `{key}`.{hint}", tuple(near))


def _misspelled(name: str) -> tuple[str, ...]:
    """Return the built-in integration that a name probably misspells, if the name is not an installed one."""
    from kosmo_kernel.integrations import BUILT_IN, known

    names = [integration.name for integration in BUILT_IN]
    if name in names:
        return ()
    near = nearest(name, names, most=1)
    return tuple(near) if near and known(name) is None else ()


def misspelt_variables() -> list[str]:
    """Return a sentence for each variable that sets nothing because its name is a letter or two off."""
    names = sorted(setting.variable.removeprefix(_PREFIX) for setting in SETTINGS if setting.variable)
    return [
        f"The environment variable {variable[:_MAX_NAME_SHOWN]} sets nothing. Did you mean {_PREFIX}{similar}?"
        for variable in os.environ
        if variable.startswith(_PREFIX) and variable.removeprefix(_PREFIX) not in {*names, *removed.VARIABLES}
        for similar in nearest(variable.removeprefix(_PREFIX), names, 1)
    ]


def take_notices() -> list[str]:
    """Return `removed_settings` at the first call in this process, and nothing at later ones."""
    if has_noticed.is_set():
        return []
    has_noticed.set()
    return removed_settings()


def removed_settings() -> list[str]:
    """Return a sentence for each variable, key of the user's file and folder that was removed, with what to do."""
    folders = dict[Path, str]()
    try:
        folders = {folder() / name: advice for name, advice in removed.FOLDERS.items()}
        file = config()
    except KosmoError:  # what reads a setting raises it
        file = Config(Path())
    variables = {f"{_PREFIX}{name}": advice for name, advice in removed.VARIABLES.items()}
    return [
        *(f"{name} is no setting any more. {advice}" for name, advice in variables.items() if name in os.environ),
        *(
            f"{file.place(*keys)}: `{'.'.join(keys)}` is no setting any more. {advice}"
            for pattern, advice in removed.KEYS.items()
            for keys in _present(file.table, pattern)
        ),
        *(f"{path} is not read any more. {advice}" for path, advice in folders.items() if path.is_dir()),
    ]


def _present(table: Any, pattern: Keys) -> Iterator[Keys]:
    """Yield the paths of keys in a table that match a pattern."""
    if not pattern:
        yield ()
    elif isinstance(table, dict):
        for key in table if pattern[0] == ANY else table.keys() & {pattern[0]}:
            yield from ((key, *rest) for rest in _present(table[key], pattern[1:]))


def ceiling_of(setting: Setting) -> Any:
    """Return the highest value that cells can have of a setting."""
    return resolve(CEILINGS[setting])


def above_ceiling(setting: Setting, where: str, value: float, ceiling: float) -> SettingsError:
    """Return the error for a value above its ceiling; `where` says what sets it."""
    highest, most, amount = CEILINGS[setting], _amount(ceiling), _amount(setting.value.check(value))
    way = f"`{'.'.join(highest.config)}` in {config().path}, or {highest.variable}"
    return SettingsError(
        f"{where} is {amount}, more than the {most} that cells can have at most (`{highest.name}`). "
        f"To allow more, set {way if highest.from_env() is None else highest.variable}."
    )


def _amount(value: float) -> str:
    return f"{value:,} bytes" if isinstance(value, int) else f"{value:,.15g} s"
