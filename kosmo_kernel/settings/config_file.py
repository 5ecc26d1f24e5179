"""What a person has set for all of their work: `config.toml`, in the place that their system has for such files.

`KOSMO_CONFIG_DIR` names another folder. The file is read when something first asks for it, and again when it has
changed. `KEYS` is all that can stand in it; a mistake is an error that names the file, the line and the nearest key.
What changes it leaves the comments, the order and the form of the rest alone.
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
from kosmo_kernel.settings.toml import parsed, place

FOLDER, FILE = "KOSMO_CONFIG_DIR", "config.toml"
Policy = Literal["allow", "ask", "deny"]
POLICIES: tuple[Policy, ...] = ("allow", "ask", "deny")  # from the most to the least that they let through
_LINUX: bool = sys.platform == "linux"
ANY = "*"  # stands for a name that the user chose

Keys = tuple[str, ...]


class Key(NamedTuple):
    """One thing that can be set.

    Parameters:
        keys: the names that lead to it; `*` is an integration or an account.
        takes: what its value must be, in words.
        fits: whether a value is that.
    """

    keys: Keys
    takes: str
    fits: Callable[[Any], bool]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= MIN_MEMORY_BYTES


def is_time(value: object) -> bool:
    """Whether a value is a number of seconds above zero."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_hosts(value: object) -> bool:
    hosts = value if isinstance(value, list) else [value]
    return all(isinstance(host, str) and host and all(c.isalnum() or c in ".-:[]" for c in host) for host in hosts)


PERMISSIONS = tuple(
    Key((*above, "permissions", effect), '"allow", "ask" or "deny"', lambda value: value in POLICIES)
    for above in (("integrations", ANY), ("integrations", ANY, "accounts", ANY))
    for effect in ("read", "write")
)
SERVERS = tuple(
    key._replace(keys=(*above, *key.keys[-2:]))
    for above in (("mcp",), ("mcp", "servers", ANY))
    for key in PERMISSIONS[:2]
)
SECONDS = "a number of seconds above zero"
KEYS = (
    Key(("limits", "memory"), f"a whole number of bytes, {MIN_MEMORY_BYTES} or more", _is_whole),
    Key(("limits", "cpu"), SECONDS, is_time),
    Key(("limits", "timeout"), SECONDS, is_time),
    Key(("require_walls",), "true or false", lambda value: isinstance(value, bool)),
    Key(("integrations", ANY, "url"), "an address, such as https://HOST", _is_text),
    Key(("integrations", ANY, "allow_host"), "the name of a host, or a list of them", _are_hosts),
    *PERMISSIONS,
    *SERVERS,
)


@dataclass(frozen=True, slots=True)
class Config:
    """What is set.

    Parameters:
        path: the file, which need not be there.
        text: what is in it.
        table: its values, all of which make sense.
    """

    path: Path
    text: str = ""
    table: Mapping[str, Any] = field(default_factory=dict)

    def get(self, *keys: str) -> Any:
        """A value; None where it is not set."""
        return value_at(self.table, keys)

    def place(self, *keys: str) -> str:
        """The file, with the line of a key that is set."""
        return place(self.path, self.text, keys)


def folder(env: Mapping[str, str] | None = None) -> Path:
    """The folder with the settings. It may be missing.

    Parameters:
        env: environment variables; the process's own when None.

    Raises:
        SettingsError: it is below the home of somebody who has none, or who is not known.
    """
    told = (os.environ if env is None else env).get(FOLDER, "").strip()
    try:
        if told:
            return Path(told).expanduser().absolute()
        if _LINUX:  # as platformdirs has it, whose import costs half as much as the start of Python
            base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
            return (base if base.is_absolute() else Path.home() / ".config") / "kosmo_kernel"
    except RuntimeError:  # pathlib's word for no home
        named = f"{FOLDER} is {one_line(told)}, and there is no such home" if told else "you have no home"
        raise SettingsError(f"No folder for the settings: {named}. Name the folder in {FOLDER}, in full.") from None
    from platformdirs import user_config_path

    return user_config_path("kosmo_kernel", appauthor=False)


_read: dict[Path, tuple[tuple[int, int, int], Config]] = {}  # what was read before, and of which state of the file


def config(env: Mapping[str, str] | None = None) -> Config:
    """What is set now.

    Parameters:
        env: as for `folder`.

    Raises:
        SettingsError: the file is no TOML, or a value in it makes no sense.
        UnknownNameError: it sets something that there is not; with the nearest key.
    """
    path = folder(env) / FILE
    try:
        found = path.stat()
        state = (found.st_mtime_ns, found.st_size, found.st_ino)
        if path in _read and _read[path][0] == state:
            return _read[path][1]
        text = path.read_text(encoding="utf-8-sig")  # editors of Windows put a mark in front
    except (FileNotFoundError, NotADirectoryError):
        return Config(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is no UTF-8 text.") from None
    table = parsed(path, text)
    check(table, KEYS, lambda keys: place(path, text, keys))
    made = Config(path, text, table)
    _read[path] = (state, made)
    return made


def check(table: Mapping[str, Any], known: Sequence[Key], placed: Callable[[Keys], str]) -> None:
    """Look for mistakes in what a file sets.

    Parameters:
        table: its values.
        known: what can be set there.
        placed: the file with the line of a key.

    Raises:
        SettingsError, UnknownNameError: the first mistake.
    """
    named = value_at(table, ("integrations",))
    for name in named if isinstance(named, dict) else ():
        if near := _meant(name):
            raise UnknownNameError(f"{placed(('integrations', name))}: there is no integration `{name}`.", near)
    for keys, value in _leaves(table, known, ()):
        inside = [key for key in known if _leads(key.keys, keys)]
        exact = next((key for key in inside if len(key.keys) == len(keys)), None)
        if not inside:
            raise _unknown(keys, known, placed(keys))
        if exact is None:
            raise SettingsError(f"{placed(keys)}: `{'.'.join(keys)}` must be a table: `[{'.'.join(keys)}]`.")
        if not exact.fits(value):
            got = one_line(repr(value), most=60)
            raise SettingsError(f"{placed(keys)}: `{'.'.join(keys)}` takes {exact.takes}, got {got}.")


def value_at(table: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The value that a chain of keys leads to; None where there is none."""
    value: Any = table
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def change(changes: Mapping[Keys, Any], env: Mapping[str, str] | None = None) -> Path:
    """Set some values, and take away those that are to be None. The rest of the file stays as it is written.

    Parameters:
        changes: the new values, by the keys that lead to them.
        env: as for `folder`.

    Returns:
        The file.

    Raises:
        SettingsError: the file or a new value makes no sense; nothing is changed.
        OSError: it cannot be written; nothing is changed.
    """
    import tomlkit

    from kosmo_kernel.settings.private_files import locked, write

    path = folder(env) / FILE
    with locked(path.parent):
        before = config(env).text
        wanted = _changed(parsed(path, before), changes, dict)
        check(wanted, KEYS, lambda _keys: str(path))
        # A table below one that is written inline or with dots can only be inline as well; tomlkit refuses to put
        # another one there, or puts it where it means something else.
        for make in (tomlkit.table, tomlkit.inline_table):
            try:
                text = tomlkit.dumps(_changed(tomlkit.parse(before), changes, make))
                fits = parsed(path, text) == wanted
            except (ValueError, tomlkit.exceptions.TOMLKitError, SettingsError):
                continue
            if fits:
                write(path, text)
                return path
    names = ", ".join(f"`{'.'.join(keys)}`" for keys in changes)
    raise SettingsError(f"{path} is written in a way that no program can add to. Set {names} there yourself.")


def _changed(table: Any, changes: Mapping[Keys, Any], make: Callable[[], Any]) -> Any:
    """A file's values after a change; `make` gives tables that are missing."""
    for keys, value in changes.items():
        if value is None:
            _drop(table, keys)
            continue
        at = table
        for key in keys[:-1]:
            if key not in at:
                at[key] = make()
            at = at[key]
        at[keys[-1]] = value
    return table


def _drop(table: Any, keys: Sequence[str]) -> None:
    first, *rest = keys
    if first in table:
        if rest:
            _drop(table[first], rest)
        if not rest or not table[first]:  # a table that has nothing left says nothing
            del table[first]


def _leaves(table: Mapping[str, Any], known: Sequence[Key], above: Keys) -> Iterator[tuple[Keys, Any]]:
    """The values of a file that are to be looked at, with the keys that lead there."""
    for name, value in table.items():
        keys = (*above, name)
        deeper = [key for key in known if _leads(key.keys, keys) and len(key.keys) > len(keys)]
        if isinstance(value, dict) and deeper:
            yield from _leaves(value, known, keys)
        else:
            yield keys, value


def _leads(pattern: Keys, keys: Keys) -> bool:
    """Whether keys lead to what a pattern stands for, or on the way there."""
    return len(keys) <= len(pattern) and all(one in (ANY, key) for one, key in zip(pattern, keys, strict=False))


def _unknown(keys: Keys, known: Sequence[Key], where: str) -> UnknownNameError:
    from kosmo_kernel.catalogue import nearest

    *above, name = keys
    beside = dict.fromkeys(
        key.keys[len(above)] for key in known if len(key.keys) > len(above) and _leads(key.keys, tuple(above))
    )
    near = nearest(name, list(beside), most=1)
    there = "" if near else f" It takes {', '.join(beside)}."
    of = f"[{'.'.join(above)}]" if above else "the file"
    return UnknownNameError(f"{where}: {of} has no key `{name}`.{there}", tuple(near))


def _meant(name: str) -> tuple[str, ...]:
    """The built-in integration that a name is probably a misspelling of; nothing for one that may be installed."""
    from kosmo_kernel.catalogue import nearest
    from kosmo_kernel.integrations import BUILT_IN, known

    names = [one.name for one in BUILT_IN]
    if name in names:
        return ()
    near = nearest(name, names, most=1)
    return tuple(near) if near and known(name) is None else ()
