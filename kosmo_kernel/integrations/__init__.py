"""The services that can be called, one file each.

Those that come with this package are a static list. Others are entry points in the group
`kosmo_kernel.integrations`, named like the `Integration` that they lead to; looking for them costs as much
as starting Python a few times, so it happens only when a name is not built in or when all are asked for.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

from kosmo_kernel.catalogue import Integration, nearest
from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.integrations.heroku import HEROKU

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "kosmo_kernel.integrations"
BUILT_IN: tuple[Integration, ...] = (HEROKU,)
_loaded: dict[str, Integration] = {}  # of those that are installed, by name


def find(name: str) -> Integration:
    """The integration with this name, built in or installed.

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
    """The integration with this name; None where there is none that can be loaded."""
    try:
        return find(name) if isinstance(name, str) else None
    except (UnknownNameError, SettingsError):
        return None


def present() -> tuple[Integration, ...]:
    """Those that need not be looked for: the built-in ones, and the installed ones that were asked for before."""
    return (*BUILT_IN, *_loaded.values())


def everything() -> tuple[Integration, ...]:
    """All integrations, the built-in ones first; one that cannot be loaded is left out with a warning."""
    found = list(BUILT_IN)
    for entry in _installed().values():
        try:
            found.append(_load(entry))
        except SettingsError as error:
            warnings.warn(error.message, RuntimeWarning, stacklevel=2)
    return tuple(found)


@cache
def _installed() -> dict[str, EntryPoint]:
    """The entry points by name, as the running Python found them first; a built-in name is never theirs."""
    from importlib.metadata import entry_points

    taken = {integration.name for integration in BUILT_IN}
    return {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in taken}


@cache
def _load(entry: EntryPoint) -> Integration:
    origin = f"The integration `{entry.name}` ({entry.value}"
    origin += f", from {entry.dist.name})" if entry.dist else ")"
    try:
        loaded = entry.load()
    except Exception as error:  # what a stranger's module raises can be anything
        raise SettingsError(f"{origin} cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(loaded, Integration) or loaded.name != entry.name:
        raise SettingsError(f"{origin} is not a catalogue.Integration with the name of its entry point.")
    _loaded[loaded.name] = loaded
    return loaded
