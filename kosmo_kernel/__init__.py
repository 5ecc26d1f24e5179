"""Run Lua scripts that call Heroku, in notebooks, in a Jupyter kernel, and from the shell.

Importing this package imports nothing else, because the Lua process imports it too, and `kosmo --help` should not wait
for a table library. The public names below are imported on first access.
"""

from __future__ import annotations

import os

# Type checkers treat this name like `typing.TYPE_CHECKING`, without the import.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from kosmo_kernel import catalogue
    from kosmo_kernel.errors import (
        ApiError,
        BadAnswerError,
        CredentialsError,
        FileWriteError,
        InvalidArgumentsError,
        KosmoError,
        LimitError,
        LuaError,
        LuaProcessError,
        LuaRuntimeError,
        LuaSyntaxError,
        NotAllowedError,
        NotRecordedError,
        RateLimitError,
        RefusedError,
        ServiceError,
        SettingsError,
        StoppedError,
        TryLaterError,
        UnknownFieldError,
        UnknownNameError,
        UnreachableError,
        UntrustedError,
        UserError,
    )
    from kosmo_kernel.python_api.heroku import heroku
    from kosmo_kernel.results import Result
    from kosmo_kernel.session import Session

__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "BadAnswerError",
    "CredentialsError",
    "FileWriteError",
    "InvalidArgumentsError",
    "KosmoError",
    "LimitError",
    "LuaError",
    "LuaProcessError",
    "LuaRuntimeError",
    "LuaSyntaxError",
    "NotAllowedError",
    "NotRecordedError",
    "RateLimitError",
    "RefusedError",
    "Result",
    "ServiceError",
    "Session",
    "SettingsError",
    "StoppedError",
    "TryLaterError",
    "UnknownFieldError",
    "UnknownNameError",
    "UnreachableError",
    "UntrustedError",
    "UserError",
    "__version__",
    "catalogue",
    "heroku",
]


def __getattr__(name: str) -> object:
    """Import a public name from its module, or the functions of an installed integration by its name."""
    from importlib import import_module

    if name == "catalogue":
        return import_module(f"{__name__}.catalogue")
    if name in ("Result", "Session"):
        return getattr(import_module(f"{__name__}.session"), name)
    if name in __all__ and name != "heroku":
        return getattr(import_module(f"{__name__}.errors"), name)
    if not name.startswith("_") and not _is_module(name):
        from kosmo_kernel.python_api.namespace import namespace_named

        if (namespace := namespace_named(name)) is not None:
            globals()[name] = namespace
            return namespace
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _is_module(name: str) -> bool:
    """Return whether this package has such a module, which an import statement asks for as an attribute first."""
    path = f"{__path__[0]}/{name}"
    return os.path.exists(path) or os.path.exists(f"{path}.py")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: Any) -> None:
    """Add `%%kosmo_lua` and `%kosmo` to an IPython shell: `%load_ext kosmo_kernel`."""
    from kosmo_kernel.magic import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Undo `load_ipython_extension`."""
    from kosmo_kernel.magic import unload

    unload(shell)
