"""This installation: how to add an extra to it, how to start its Python, and imports without what takes long.

An extra comes from where the package itself was installed. The name of the package alone is never enough for a command:
what an index has under that name need not be this package.

Python is started so that it imports no code from its working directory, and nothing that takes long and is not used.
`python -m` searches the working directory first. Environment variables can add it again: an empty entry in PYTHONPATH
is the working directory, and editors read such variables from files of a project. A kernel's working directory is the
folder of its notebook, which may come from anyone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib import import_module
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kosmo_kernel.text import lazy_pattern

if TYPE_CHECKING:
    from importlib.metadata import Distribution


PACKAGE = "kosmo_kernel"
# `-E` ignores the variables PYTHON…, and `-P` leaves out the working directory. `-I` does both, but also ignores what
# `pip install --user` installs, which may include this package.
OPTIONS = ("-E", "-P")
_RUN = "cm"  # options that are followed by the code to run and its arguments
_LONG_WITH_VALUE = "--check-hash-based-pycs"
_OPTION = lazy_pattern(
    r"--.+|-(?=.)([^cmWX-]*)(?:([cmWX])(.*))?", re.DOTALL
)  # flags, an option that takes a value, the value
GRAMMARS = "rfc3987_syntax"
_importing = Lock()  # the substitute has no place where another thread could look for it


def how_to_install(extra: str) -> str:
    """Return a sentence that says how to install an extra: ``Install the extra `run`: python -m pip install …``."""
    return f"Install the extra `{extra}`: {install_command(extra)}"


def install_command(extra: str) -> str:
    """Return the shell command that installs an extra into this environment.

    It names the folder, the repository or the file that this package was installed from. Where that is unknown, it
    names the libraries of the extra.
    """
    import json
    import shlex
    from importlib.metadata import PackageNotFoundError, distribution

    pip = f"{shlex.quote(sys.executable)} -m pip install"
    try:
        installed = distribution(PACKAGE)
    except PackageNotFoundError:  # it runs from a clone that is not installed
        return f"{pip} '.[{extra}]', in a clone of the repository"
    origin = json.loads(installed.read_text("direct_url.json") or "{}")  # https://peps.python.org/pep-0610/
    if not origin:
        return f"{pip} {' '.join(map(shlex.quote, _libraries(installed, extra)))}"
    is_editable = origin.get("dir_info", {}).get("editable", False)
    return f"{pip} {'-e ' if is_editable else ''}{shlex.quote(_source(origin, extra))}"


def _source(origin: dict[str, Any], extra: str) -> str:
    """Return what pip installs the package from, with an extra."""
    from urllib.parse import unquote, urlsplit

    url = str(origin["url"])
    if "dir_info" in origin:
        return f"{unquote(urlsplit(url).path)}[{extra}]"
    version = origin.get("vcs_info")
    if version:
        revision = version.get("requested_revision") or version["commit_id"]
        url = f"{version['vcs']}+{url}@{revision}"
    return f"{PACKAGE}[{extra}] @ {url}"


def _libraries(installed: Distribution, extra: str) -> list[str]:
    """Return the requirements of an extra, those of the extras that it includes too."""
    from packaging.requirements import Requirement

    libraries: dict[str, None] = {}
    for requirement in map(Requirement, installed.requires or ()):
        if requirement.marker is None or not requirement.marker.evaluate({"extra": extra}):
            continue
        if requirement.marker.evaluate({"extra": ""}):  # a library that is needed without the extra, too
            continue
        requirement.marker = None
        if requirement.name.replace("-", "_") == PACKAGE:
            libraries |= dict.fromkeys(name for inner in requirement.extras for name in _libraries(installed, inner))
        else:
            libraries[str(requirement)] = None
    return list(libraries)


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


def import_jsonschema() -> None:
    """Import jsonschema so that it imports the grammars of international addresses only when it checks one.

    It checks the formats `iri` and `iri-reference` with the package rfc3987_syntax, which is installed beside
    JupyterLab. Importing that compiles 38 grammars, which takes longer than a second, and few programs check these
    formats. Call it before the first import of jsonschema or of nbformat, which imports it.
    """
    from importlib.util import find_spec

    with _importing:
        loaded = {"jsonschema", GRAMMARS} & sys.modules.keys()
        if loaded or not (find_spec("jsonschema") and find_spec(GRAMMARS)):
            return
        substitute = ModuleType(GRAMMARS)
        vars(substitute)["is_valid_syntax"] = lambda term, value: import_module(GRAMMARS).is_valid_syntax(term, value)
        sys.modules[GRAMMARS] = substitute
        try:
            import jsonschema  # noqa: F401 - takes the function of the substitute
        finally:
            del sys.modules[GRAMMARS]


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
    letters, index = "", 1
    while index < len(command) and (match := _OPTION.fullmatch(command[index])):
        flags, option, value = match.groups()
        if option and option in _RUN:
            break
        letters += flags or ""
        value_is_next = command[index] == _LONG_WITH_VALUE or (option and not value)
        index += 2 if value_is_next else 1
    return letters, min(index, len(command))
