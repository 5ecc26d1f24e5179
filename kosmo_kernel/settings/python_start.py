"""The options of Python that keep the folder it starts in from bringing code of its own.

`python -m` looks for modules in the working directory before anywhere else. Variables can add it again: an empty entry
in PYTHONPATH is the working directory, and editors take such variables from files of a project. A kernel's working
directory is the folder of its notebook, which may come from anyone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# Without the variables PYTHON…, and without the working directory. `-I` is both, and leaves out what `pip install
# --user` installs, where this package may be.
OPTIONS = ("-E", "-P")
_RUN = "cm"  # what follows is code to run, and its arguments
_LONG_WITH_VALUE = "--check-hash-based-pycs"
_OPTION = re.compile(r"--.+|-(?=.)([^cmWX-]*)(?:([cmWX])(.*))?", re.DOTALL)  # letters, one with a value, the value


def is_safe(command: Sequence[str]) -> bool:
    """Return whether a command line starts Python without the working directory.

    One with `-P` alone counts: `-E` may have been taken out on purpose, where PYTHONPATH leads to the packages.
    """
    letters, _ = _read(command)
    return "P" in letters or "I" in letters


def made_safe(command: Sequence[str]) -> list[str]:
    """Return a command line that starts Python, with the options where it lacks them."""
    return list(command) if is_safe(command) else [*command[:1], *OPTIONS, *command[1:]]


def options(command: Sequence[str]) -> list[str]:
    """Return the options for Python itself in a command line: what stands before the code that it is to run."""
    _, end = _read(command)
    return list(command[1:end])


def _read(command: Sequence[str]) -> tuple[str, int]:
    """The letters of the options for Python itself, and where what it is to run starts."""
    letters, place = "", 1
    while place < len(command) and (found := _OPTION.fullmatch(command[place])):
        flags, last, value = found.groups()
        if last and last in _RUN:
            break
        letters += flags or ""
        takes_the_next = command[place] == _LONG_WITH_VALUE or (last and not value)
        place += 2 if takes_the_next else 1
    return letters, min(place, len(command))
