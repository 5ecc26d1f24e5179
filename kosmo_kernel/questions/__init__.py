"""Questions about an account: small files of Lua below a head of comments, which return lists of records.

head.py        read the head of a file
question.py    what a question is: a check, whose records are findings, or a table; and its parameters
discovery.py   find questions: shipped ones, those of the user's folder, and files of a command line

The files that come with this package are in the folder `questions/` of each service, beside its code; this module
finds them. `checks/` runs questions, and reports what they found.
"""

from __future__ import annotations

import os
from functools import cache

SERVICES_FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "integrations")  # `pathlib` would be slow
CHECKS, TABLES = "checks", "tables"  # the kinds of questions, and their folders
FIRST = "new"  # the folder of the first file of each kind, which `kosmo check --new` copies
SUFFIX = ".lua"


@cache
def services() -> tuple[str, ...]:
    """Return the names of the services that have questions, sorted."""
    entries = os.scandir(SERVICES_FOLDER)
    return tuple(sorted(entry.name for entry in entries if os.path.isdir(os.path.join(entry.path, "questions"))))


def is_shipped(file: os.PathLike[str]) -> bool:
    """Return whether a file is in a folder of the services that come with this package."""
    return os.fspath(file).startswith(SERVICES_FOLDER)


@cache
def shipped_files(service: str, kind: str) -> dict[str, str]:
    """Return the paths of the questions of a service by name, sorted; none for a service without questions.

    Parameters:
        service: the name of the service.
        kind: `CHECKS`, `TABLES` or `FIRST`.
    """
    folder = os.path.join(SERVICES_FOLDER, service, "questions", kind)
    files = os.listdir(folder) if os.path.isdir(folder) else []
    names = sorted(file.removesuffix(SUFFIX) for file in files if file.endswith(SUFFIX))
    return {name: os.path.join(folder, f"{name}{SUFFIX}") for name in names}
