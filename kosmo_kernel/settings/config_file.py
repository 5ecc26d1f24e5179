"""Read and change the user's `config.toml`, in the system's folder for settings or in `KOSMO_CONFIG_DIR`.

The file is read on first use, and again when it has changed. `KEYS` has all keys that it may contain; a mistake is an
error with the file, the line and the nearest key. `change` keeps the comments, the order and the formatting of the
rest.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.safety.redaction import one_line
from kosmo_kernel.settings.limits import MIN_MEMORY_BYTES
from kosmo_kernel.settings.toml import locate_key, parse

FOLDER, FILE = "KOSMO_CONFIG_DIR", "config.toml"
Policy = Literal["allow", "ask", "deny"]
POLICIES: tuple[Policy, ...] = ("allow", "ask", "deny")  # from the most to the least permissive
_LINUX: bool = sys.platform == "linux"
ANY = "*"  # matches any name that the user chose

Keys = tuple[str, ...]


class Key(NamedTuple):
    """One key that `config.toml` may contain.

    Parameters:
        keys: the path of names to it; `*` is an integration or an account.
        expected: a description of valid values.
        is_valid: returns whether a value is valid.
    """

    keys: Keys
    expected: str
    is_valid: Callable[[Any], bool]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= MIN_MEMORY_BYTES


def is_time(value: object) -> bool:
    """Return whether a value is a finite number of seconds above zero."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_hosts(value: object) -> bool:
    hosts = value if isinstance(value, list) else [value]
    return all(isinstance(host, str) and host and all(c.isalnum() or c in ".-:[]" for c in host) for host in hosts)


ACCOUNT_PERMISSION_KEYS = tuple(
    Key((*above, "permissions", effect), '"allow", "ask" or "deny"', lambda value: value in POLICIES)
    for above in (("integrations", ANY), ("integrations", ANY, "accounts", ANY))
    for effect in ("read", "write")
)
SERVER_PERMISSION_KEYS = tuple(
    key._replace(keys=(*above, *key.keys[-2:]))
    for above in (("mcp",), ("mcp", "servers", ANY))
    for key in ACCOUNT_PERMISSION_KEYS[:2]
)
SECONDS = "a number of seconds above zero"
KEYS = (
    Key(("limits", "memory"), f"a whole number of bytes, {MIN_MEMORY_BYTES} or more", _is_whole),
    Key(("limits", "cpu"), SECONDS, is_time),
    Key(("limits", "timeout"), SECONDS, is_time),
    Key(("require_walls",), "true or false", lambda value: isinstance(value, bool)),
    Key(("integrations", ANY, "url"), "an address, such as https://HOST", _is_text),
    Key(("integrations", ANY, "allow_host"), "the name of a host, or a list of them", _are_hosts),
    *ACCOUNT_PERMISSION_KEYS,
    *SERVER_PERMISSION_KEYS,
)


@dataclass(frozen=True, slots=True)
class Config:
    """The contents of a settings file.

    Parameters:
        path: the file, which need not exist.
        text: its text.
        table: its values, all of them valid.
    """

    path: Path
    text: str = ""
    table: Mapping[str, Any] = field(default_factory=dict)

    def get(self, *keys: str) -> Any:
        """Return a value, or None if it is not set."""
        return value_at(self.table, keys)

    def place(self, *keys: str) -> str:
        """Return the file with the line of a key, as `FILE:LINE`."""
        return locate_key(self.path, self.text, keys)


def folder(env: Mapping[str, str] | None = None) -> Path:
    """Return the folder with the settings, which need not exist.

    Parameters:
        env: environment variables; those of the process when None.

    Raises:
        SettingsError: it is below the home directory of a user who has none or does not exist.
    """
    value = (os.environ if env is None else env).get(FOLDER, "").strip()
    try:
        if value:
            return Path(value).expanduser().absolute()
        if _LINUX:  # as platformdirs does, whose import takes half as long as starting Python
            base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
            return (base if base.is_absolute() else Path.home() / ".config") / "kosmo_kernel"
    except RuntimeError:  # raised by pathlib if there is no home directory
        reason = f"{FOLDER} is {one_line(value)}, and there is no such home" if value else "you have no home"
        raise SettingsError(f"No folder for the settings: {reason}. Name the folder in {FOLDER}, in full.") from None
    from platformdirs import user_config_path

    return user_config_path("kosmo_kernel", appauthor=False)


_cache: dict[Path, tuple[tuple[int, int, int], Config]] = {}  # the state of each file that was read, and its contents


def config(env: Mapping[str, str] | None = None) -> Config:
    """Return the current settings of the user.

    Parameters:
        env: as for `folder`.

    Raises:
        SettingsError: the file is no TOML, or a value in it is invalid.
        UnknownNameError: it has an unknown key; the error names the nearest one.
    """
    path = folder(env) / FILE
    try:
        status = path.stat()
        state = (status.st_mtime_ns, status.st_size, status.st_ino)
        if path in _cache and _cache[path][0] == state:
            return _cache[path][1]
        text = path.read_text(encoding="utf-8-sig")  # Windows editors write a byte order mark
    except (FileNotFoundError, NotADirectoryError):
        return Config(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is no UTF-8 text.") from None
    table = parse(path, text)
    check(table, KEYS, lambda keys: locate_key(path, text, keys))
    result = Config(path, text, table)
    _cache[path] = (state, result)
    return result


def check(table: Mapping[str, Any], known: Sequence[Key], placed: Callable[[Keys], str]) -> None:
    """Check the values of a settings file.

    Parameters:
        table: the values.
        known: the keys that it may contain.
        placed: returns the file with the line of a key, for messages.

    Raises:
        SettingsError, UnknownNameError: the first mistake.
    """
    named = value_at(table, ("integrations",))
    for name in named if isinstance(named, dict) else ():
        if near := _misspelled(name):
            raise UnknownNameError(f"{placed(('integrations', name))}: there is no integration `{name}`.", near)
    for keys, value in _leaves(table, known, ()):
        matching = [key for key in known if _matches(key.keys, keys)]
        exact = next((key for key in matching if len(key.keys) == len(keys)), None)
        if not matching:
            raise _unknown(keys, known, placed(keys))
        if exact is None:
            raise SettingsError(f"{placed(keys)}: `{'.'.join(keys)}` must be a table: `[{'.'.join(keys)}]`.")
        if not exact.is_valid(value):
            got = one_line(repr(value), most=60)
            raise SettingsError(f"{placed(keys)}: `{'.'.join(keys)}` takes {exact.expected}, got {got}.")


def value_at(table: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """Return the value at a path of keys, or None if there is none."""
    value: Any = table
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def change(changes: Mapping[Keys, Any], env: Mapping[str, str] | None = None) -> Path:
    """Set values and delete those that are None; the rest of the file keeps its text.

    Parameters:
        changes: the new values, by their paths of keys.
        env: as for `folder`.

    Returns:
        The file.

    Raises:
        SettingsError: the file or a new value is invalid; nothing is changed.
        OSError: it cannot be written; nothing is changed.
    """
    import tomlkit

    from kosmo_kernel.settings.private_files import locked, write

    path = folder(env) / FILE
    with locked(path.parent):
        before = config(env).text
        wanted = _changed(parse(path, before), changes, dict)
        check(wanted, KEYS, lambda _keys: str(path))
        # Inside an inline or dotted table only an inline table can be added: for another one tomlkit raises an error
        # or writes it where it means something else.
        for make in (tomlkit.table, tomlkit.inline_table):
            try:
                text = tomlkit.dumps(_changed(tomlkit.parse(before), changes, make))
                is_equal = parse(path, text) == wanted
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


def _leaves(table: Mapping[str, Any], known: Sequence[Key], above: Keys) -> Iterator[tuple[Keys, Any]]:
    """Yield the values to check, each with its path of keys."""
    for name, value in table.items():
        keys = (*above, name)
        deeper = [key for key in known if _matches(key.keys, keys) and len(key.keys) > len(keys)]
        if isinstance(value, dict) and deeper:
            yield from _leaves(value, known, keys)
        else:
            yield keys, value


def _matches(pattern: Keys, keys: Keys) -> bool:
    """Return whether keys match a pattern or a prefix of it."""
    return len(keys) <= len(pattern) and all(part in (ANY, key) for part, key in zip(pattern, keys, strict=False))


def _unknown(keys: Keys, known: Sequence[Key], where: str) -> UnknownNameError:
    from kosmo_kernel.catalogue import nearest

    *above, name = keys
    siblings = dict.fromkeys(
        key.keys[len(above)] for key in known if len(key.keys) > len(above) and _matches(key.keys, tuple(above))
    )
    near = nearest(name, list(siblings), most=1)
    available = "" if near else f" It takes {', '.join(siblings)}."
    of = f"[{'.'.join(above)}]" if above else "the file"
    return UnknownNameError(f"{where}: {of} has no key `{name}`.{available}", tuple(near))


def _misspelled(name: str) -> tuple[str, ...]:
    """Return the built-in integration that a name probably misspells, if the name is not an installed one."""
    from kosmo_kernel.catalogue import nearest
    from kosmo_kernel.integrations import BUILT_IN, known

    names = [integration.name for integration in BUILT_IN]
    if name in names:
        return ()
    near = nearest(name, names, most=1)
    return tuple(near) if near and known(name) is None else ()
