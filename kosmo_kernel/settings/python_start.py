"""Start Python so that it imports no code from its working directory, and nothing that takes long and is not used.

`python -m` searches the working directory first. Environment variables can add it again: an empty entry in PYTHONPATH
is the working directory, and editors read such variables from files of a project. A kernel's working directory is the
folder of its notebook, which may come from anyone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from kosmo_kernel.text.patterns import lazy_pattern

# `-E` ignores the variables PYTHON…, and `-P` leaves out the working directory. `-I` does both, but also ignores what
# `pip install --user` installs, which may include this package.
OPTIONS = ("-E", "-P")
_RUN = "cm"  # options that are followed by the code to run and its arguments
_LONG_WITH_VALUE = "--check-hash-based-pycs"
_OPTION = lazy_pattern(
    r"--.+|-(?=.)([^cmWX-]*)(?:([cmWX])(.*))?", re.DOTALL
)  # flags, an option that takes a value, the value


def import_msgspec() -> None:
    """Import msgspec without `typing_extensions`. To be called only in a process of this package.

    msgspec imports it if it is installed, which takes as long as starting Python. It is for types of structs that are
    decoded; without it msgspec uses `typing`.
    """
    name = "typing_extensions"
    if name in sys.modules:
        return
    sys.modules[name] = None  # type: ignore[assignment] # so that its import fails
    try:
        import msgspec  # noqa: F401
    finally:
        del sys.modules[name]


def is_safe(command: Sequence[str]) -> bool:
    """Return whether a command line starts Python without the working directory.

    `-P` alone is enough: `-E` may have been removed on purpose, if PYTHONPATH is needed to find the packages.
    """
    letters, _ = _parse(command)
    return "P" in letters or "I" in letters


def with_safe_options(command: Sequence[str]) -> list[str]:
    """Return the command line with the options added if it lacks them."""
    return list(command) if is_safe(command) else [*command[:1], *OPTIONS, *command[1:]]


def options(command: Sequence[str]) -> list[str]:
    """Return the options for Python itself: the arguments before the code to run."""
    _, end = _parse(command)
    return list(command[1:end])


def _parse(command: Sequence[str]) -> tuple[str, int]:
    """Return the letters of the options for Python itself, and the index where the code to run starts."""
    letters, place = "", 1
    while place < len(command) and (match := _OPTION.fullmatch(command[place])):
        flags, option, value = match.groups()
        if option and option in _RUN:
            break
        letters += flags or ""
        value_is_next = command[place] == _LONG_WITH_VALUE or (option and not value)
        place += 2 if value_is_next else 1
    return letters, min(place, len(command))
