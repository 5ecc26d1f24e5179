"""The services that the user added from API documents, each loaded when it is named.

The facts of a service are a file in the folder of the settings. Its functions are made from them one at a time. The
registry of integrations asks `added` for them.

service.py         the file with the facts of a service, and an integration made from it
adding.py          add and remove a service, and what is known of services that their documents do not say
document_tasks.py  derive facts from a document, in the reader
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from kosmo_kernel.catalogue import Integration
from kosmo_kernel.errors import SettingsError
from kosmo_kernel.settings.config_file import folder

FOLDER, SUFFIX = "services", ".facts"
_loaded: dict[str, tuple[tuple[int, int, int], Integration]] = {}


def services_folder() -> Path:
    """Return the folder with the files of all services, which need not exist.

    Raises:
        SettingsError: there is no folder for the settings.
    """
    return folder() / FOLDER


def added() -> Mapping[str, Callable[[], Integration]]:
    """Return the services that the user added: by name, what loads each.

    Raises:
        SettingsError: there is no folder for the settings.
    """
    try:
        files = sorted(services_folder().glob(f"*{SUFFIX}"))
    except OSError:  # a folder that cannot be read has no services
        return {}
    return {file.name.removesuffix(SUFFIX): partial(_load, file.name.removesuffix(SUFFIX)) for file in files}


def _load(name: str) -> Integration:
    """Return a service, which is read again when its file has changed.

    Raises:
        SettingsError: its file cannot be read.
    """
    path = services_folder() / f"{name}{SUFFIX}"
    try:
        status = path.stat()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    state = status.st_ino, status.st_mtime_ns, status.st_size
    loaded = _loaded.get(name)
    if loaded is None or loaded[0] != state:
        from kosmo_kernel.services.service import integration

        loaded = _loaded[name] = state, integration(name, path)
    return loaded[1]
