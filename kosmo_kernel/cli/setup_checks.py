"""The checks of `kosmo integrations:doctor` that concern this machine, one function for each group of findings.

A check tries what it reports on: it starts Lua, and asks the kernel's Python for its version of this package. The
checks of settings, accounts and services are in `account_checks.py`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from kosmo_kernel import __version__, accounts
from kosmo_kernel.cli.kernelspec import NAME, OUTDATED_MESSAGE, entries, renewal
from kosmo_kernel.errors import KosmoError, SettingsError
from kosmo_kernel.safety.intake import decode_json, read_file
from kosmo_kernel.settings.installation import options, with_safe_options
from kosmo_kernel.settings.private_files import LOCK

PACKAGES = ("lupa", "ipykernel", "pandas")  # packages whose versions affect what users see
PYTHON_TIMEOUT_SECONDS = 10.0  # for another Python to report its version of this package
MAX_SCRIPT_BYTES = 4096  # of a command in the PATH, which are read to see if it is a script of this package
# Commands that Jupyter replaces with the Python that it runs on.
_JUPYTER_PYTHON = re.compile(r"python(\d(\.\d+)?)?")
_PRINT_VERSION = "import kosmo_kernel; print(kosmo_kernel.__version__)"


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """The result of one check."""

    name: str  # the group and the subject of the check, such as `walls.files`
    # `warning` for what works with limitations, `broken` for what does not work.
    state: Literal["ok", "warning", "broken"]
    message: str  # what the check found
    what_to_do: str = ""  # advice, with a line for each alternative; empty if there is nothing to do


def versions() -> Iterator[DoctorFinding]:
    """Check the versions of this package, Python and the most important libraries, without importing them."""
    yield DoctorFinding("versions.kosmo_kernel", "ok", __version__)
    yield DoctorFinding("versions.python", "ok", f"{'.'.join(map(str, sys.version_info[:3]))}, {sys.executable}")
    required = _required_versions()
    for package in PACKAGES:
        name, specifier = f"versions.{package}", required.get(package, SpecifierSet())
        install = f"{sys.executable} -m pip install '{package}{specifier}'"
        try:
            installed = version(package)
        except PackageNotFoundError:
            yield DoctorFinding(name, "broken", "It is not installed.", install)
            continue
        if specifier.contains(installed, prereleases=True):
            yield DoctorFinding(name, "ok", installed)
        else:
            yield DoctorFinding(
                name, "broken", f"{installed} is installed, and this package needs {specifier}.", install
            )


def _required_versions() -> dict[str, SpecifierSet]:
    """Return the versions that this package requires, by package; empty if it is not installed."""
    try:
        requirements = map(Requirement, requires("kosmo_kernel") or [])
    except PackageNotFoundError:
        return {}
    return {one.name: one.specifier for one in requirements if one.marker is None}


def walls() -> Iterator[DoctorFinding]:
    """Check each protection layer ("wall") around Lua, as reported by a Lua process that is started for this."""
    from kosmo_kernel.lua.walls import requirement
    from kosmo_kernel.session import Session
    from kosmo_kernel.settings.table import REQUIRE_WALLS

    try:
        requirement_text = requirement()
        with Session(accounts.DEMO) as session:
            layers = session.walls()
    except KosmoError as error:
        yield DoctorFinding(
            "walls.lua", "broken", f"Lua does not start: {error.message}", "Mend that, and run this again."
        )
        return
    where = "A user who is not root, on Linux, has the most walls; a container may forbid some."
    if requirement_text:
        state: Literal["warning", "broken"] = "broken"
        advice = f"Lua refuses to run while {requirement_text}. {where}"
    else:
        state = "warning"
        advice = (
            f"Lua runs without it, and SECURITY says what that means; {REQUIRE_WALLS.variable}=1 refuses to. {where}"
        )
    for wall in layers:
        if wall.stands:
            yield DoctorFinding(f"walls.{wall.name}", "ok", wall.meaning)
        else:
            yield DoctorFinding(f"walls.{wall.name}", state, f"It is missing here: {wall.why_not}.", advice)


def command_name() -> Iterator[DoctorFinding]:
    """Check that `kosmo` in the PATH is this installation, because KosmoKrator's own command has that name, too.

    The scripts that start this package name it.
    """
    name, ours = "command.kosmo", Path(sys.executable).parent / "kosmo"
    first = shutil.which("kosmo")
    instead = f"{sys.executable} -P -m kosmo_kernel"
    if first is None:
        yield DoctorFinding(name, "ok", f"No folder of the PATH has `kosmo`; this works too: {instead}")
    elif ours.exists() and ours.samefile(first):
        yield DoctorFinding(name, "ok", f"`kosmo` is {first}.")
    elif b"kosmo_kernel" in _first_bytes(first):
        message = f"`kosmo` in the PATH is {first}, another installation of kosmo_kernel."
        yield DoctorFinding(name, "warning", message, f"For this one, run: {instead}")
    else:
        message = f"`kosmo` in the PATH is {first}, another program."
        advice = f"Put {ours.parent} first in the PATH, or run: {instead}"
        yield DoctorFinding(name, "warning", message, advice)
    yield from _folder_of_servers()


def _folder_of_servers() -> Iterator[DoctorFinding]:
    """Check what is in `~/.kosmo`: the MCP servers of this package, and files of another program of that name."""
    from kosmo_kernel.mcp.config import user_file

    name, servers = "command.folder", user_file()
    folder = servers.parent
    if not folder.exists():
        return
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        yield DoctorFinding(name, "warning", f"{folder} cannot be read: {error.strerror}.", f"ls -ld {folder}")
        return
    others = names - {servers.name, LOCK}
    parts = [f"{servers} has your MCP servers."] if servers.name in names else []
    if others:
        what = f"What else is in {folder}" if parts else str(folder)
        parts.append(f"{what} belongs to another program, such as KosmoKrator. It is not used here.")
    yield DoctorFinding(name, "ok", " ".join(parts) or f"{folder} has no MCP servers.")


def _first_bytes(file: str) -> bytes:
    """Return the first bytes of a file, which are those of a script; none if it cannot be read."""
    try:
        with open(file, "rb") as script:
            return script.read(MAX_SCRIPT_BYTES)
    except OSError:
        return b""


def kernelspec() -> Iterator[DoctorFinding]:
    """Check the kernelspec that Jupyter uses and the Python that it starts, and look for outdated kernelspecs."""
    name, advice = "jupyter.kernelspec", "Run: kosmo install"
    kernelspecs = entries()
    if not kernelspecs:
        yield DoctorFinding(name, "broken", f"Jupyter does not know the kernel {NAME}.", advice)
        return
    file = kernelspecs[0].file
    try:
        python, its_version = _started_by(file)
    except SettingsError as error:
        yield DoctorFinding(name, "broken", error.message, advice)
    else:
        if its_version == __version__:
            yield DoctorFinding(name, "ok", f"{file.parent} starts {python}.")
        else:
            message = f"{file.parent} starts {python}, which has kosmo_kernel {its_version}."
            yield DoctorFinding(name, "warning", message, advice)
    for entry in kernelspecs:
        if not entry.is_safe:
            yield DoctorFinding(
                "jupyter.old_kernelspec", "warning", f"{entry.file} {OUTDATED_MESSAGE}.", renewal(entry.file)
            )


def _started_by(file: Path) -> tuple[str, str]:
    """Return a description of the Python that a `kernel.json` starts, and its version of this package.

    Raises:
        SettingsError: the Python does not exist or does not run, or this package is not installed there.
    """
    try:
        command = [str(word) for word in decode_json(read_file(file, ValueError), str(file), ValueError)["argv"]]
        python = command[0]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SettingsError(f"{file} makes no sense: {error}") from None
    if _JUPYTER_PYTHON.fullmatch(python):
        return "the Python that Jupyter runs on", __version__
    if shutil.which(python) is None:
        raise SettingsError(f"{file} starts {python}, which is not there.")
    version_command = [*with_safe_options([python, *options(command)]), "-c", _PRINT_VERSION]
    try:
        completed = subprocess.run(
            version_command,
            cwd=file.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PYTHON_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SettingsError(f"{file} starts {python}, which does not run: {error}") from None
    if completed.returncode != 0:
        error_lines = completed.stderr.decode(errors="replace").strip().splitlines()
        why = error_lines[-1] if error_lines else f"it ended with status {completed.returncode}"
        raise SettingsError(f"{file} starts {python}, which does not have this package: {why}")
    return python, completed.stdout.decode(errors="replace").strip()
