"""The services that can be called, one module each.

The built-in ones are a static list. Others are entry points in the group `kosmo_kernel.integrations`, named like the
`Integration` that they load. A search for entry points costs as much as starting Python a few times, so it happens only
if a name is not built in, or if all integrations are needed.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress
from functools import cache
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.text import nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "kosmo_kernel.integrations"
BUILT_IN: tuple[Integration, ...] = (HEROKU,)
DEFAULT = BUILT_IN[0]  # of commands that name no service
_loaded: dict[str, Integration] = {}  # installed integrations that have been loaded, by name


def find(name: str) -> Integration:
    """Return the integration with this name, built in or installed.

    Raises:
        UnknownNameError: there is none; with the nearest names.
        SettingsError: an installed one cannot be loaded.
    """
    for integration in BUILT_IN:
        if integration.name == name:
            return integration
    installed = _installed()
    if name in installed:
        return _load(installed[name])
    near = nearest(name, (*(i.name for i in BUILT_IN), *installed))
    raise UnknownNameError(f"There is no integration `{name}`.", tuple(f"app.integrations.{n}" for n in near))


def known(name: object) -> Integration | None:
    """Return the integration with this name, or None if there is none or it cannot be loaded."""
    try:
        return find(name) if isinstance(name, str) else None
    except (UnknownNameError, SettingsError):
        return None


def function_named(full_name: str) -> Function | None:
    """Return the function with a full name, `heroku.list_apps`, or None if there is no such function."""
    name, _, function = full_name.partition(".")
    integration = known(name)
    return integration.names().get(function) if integration else None


def names() -> list[str]:
    """Return the names of all integrations, the built-in ones first; none is loaded."""
    return list(dict.fromkeys((*(integration.name for integration in BUILT_IN), *_installed())))


def loaded() -> tuple[Integration, ...]:
    """Return the integrations that need no search: the built-in ones, and the others already loaded."""
    return (*BUILT_IN, *_loaded.values())


def load_all() -> tuple[Integration, ...]:
    """Return all integrations, the built-in ones first; one that cannot be loaded is left out with a warning."""
    loaded = list(BUILT_IN)
    for entry in _installed().values():
        try:
            loaded.append(_load(entry))
        except SettingsError as error:
            warnings.warn(error.message, RuntimeWarning, stacklevel=2)
    return tuple(loaded)


@cache
def _installed() -> dict[str, EntryPoint]:
    """Return the entry points by name, without those that have a built-in name; searched for once per process."""
    if not _may_be_declared():
        return {}
    from importlib.metadata import entry_points

    built_in = {integration.name for integration in BUILT_IN}
    return {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in built_in}


def _may_be_declared() -> bool:
    """Return whether an installed package may declare an entry point of the group.

    `importlib.metadata` answers that completely, but importing it takes as long as the rest of a short command. So the
    files that it would read are searched for the name of the group, where packages lie in ordinary folders.
    """
    if any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder):
        return True
    return any(map(_declares, sys.path))


def _declares(folder: str) -> bool:
    """Return whether a package in a folder declares an entry point of the group, or True for a file such as a ZIP."""
    if not os.path.isdir(folder or "."):
        return os.path.exists(folder)
    if folder.endswith(".egg"):
        return True
    for name in os.listdir(folder or "."):
        if name.endswith((".dist-info", ".egg-info")):  # most have no such file
            with (
                suppress(OSError),
                open(os.path.join(folder, name, "entry_points.txt"), "rb") as file,
            ):  # most have none
                if GROUP.encode() in file.read():
                    return True
    return False


@cache
def _load(entry: EntryPoint) -> Integration:
    origin = f"The integration `{entry.name}` ({entry.value}"
    origin += f", from {entry.dist.name})" if entry.dist else ")"
    try:
        loaded = entry.load()
    except Exception as error:  # a third-party module can raise anything
        raise SettingsError(f"{origin} cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(loaded, Integration) or loaded.name != entry.name:
        raise SettingsError(f"{origin} is not a catalogue.Integration with the name of its entry point.")
    _loaded[loaded.name] = loaded
    return loaded
