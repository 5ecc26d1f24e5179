"""What `kosmo integrations:doctor` looks at on this machine, one function for each group of findings.

A check does what it speaks of: Lua is started, the kernel's Python is asked who it is. What is set up, and what a
service says, is in `account_checks.py`.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from kosmo_kernel import __version__, accounts
from kosmo_kernel.cli.kernelspec import NAME, OLD, entries, renewal
from kosmo_kernel.errors import KosmoError, SettingsError
from kosmo_kernel.settings.python_start import made_safe, options

PACKAGES = ("lupa", "ipykernel", "pandas")  # whose versions change what a user sees
PYTHON_TIMEOUT_SECONDS = 10.0  # seconds for another Python to say who it is
# What Jupyter takes for "the Python that I run on".
_OF_JUPYTER = re.compile(r"python(\d(\.\d+)?)?")
_WHO = "import kosmo_kernel; print(kosmo_kernel.__version__)"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Parameters:
        name: the group and the thing, `walls.files`.
        state: `warning` for what works less well than it could, `broken` for what does not work.
        message: what there is.
        what_to_do: about it, a line for each way; empty when there is nothing to do.
    """

    name: str
    state: Literal["ok", "warning", "broken"]
    message: str
    what_to_do: str = ""


def versions() -> Iterator[Finding]:
    """This package, Python, and the libraries that matter most. None of them is imported."""
    yield Finding("versions.kosmo_kernel", "ok", __version__)
    yield Finding("versions.python", "ok", f"{'.'.join(map(str, sys.version_info[:3]))}, {sys.executable}")
    wanted = _wanted()
    for package in PACKAGES:
        name, specifier = f"versions.{package}", wanted.get(package, "")
        install = f"{sys.executable} -m pip install '{package}{specifier}'"
        try:
            found = version(package)
        except PackageNotFoundError:
            yield Finding(name, "broken", "It is not installed.", install)
            continue
        if _fits(found, specifier):
            yield Finding(name, "ok", found)
        else:
            yield Finding(name, "broken", f"{found} is installed, and this package needs {specifier}.", install)


def _wanted() -> dict[str, str]:
    """Which versions this package asks for, by name: `==2.8.*`. Nothing where it runs without being installed."""
    try:
        lines = requires("kosmo_kernel") or []
    except PackageNotFoundError:
        return {}
    parts = (re.match(r"([\w.-]+)\s*([^;]*)", line) for line in lines if "extra ==" not in line)
    return {found[1]: found[2].strip() for found in parts if found}


def _fits(found: str, specifier: str) -> bool:
    """Whether a version is one of those asked for, in the three operators that pyproject.toml uses."""
    have = _numbers(found)
    for operator, bound in re.findall(r"(==|>=|<)\s*([\d.]+)", specifier):
        ends = _numbers(bound)
        if not {"==": have[: len(ends)] == ends, ">=": have >= ends, "<": have < ends}[operator]:
            return False
    return True


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)))


def walls() -> Iterator[Finding]:
    """Every wall around Lua, as a Lua process that was started for this tells of it."""
    from kosmo_kernel.lua.walls import REQUIRE, requirement
    from kosmo_kernel.session import Session

    try:
        must = requirement()
        with Session(accounts.DEMO) as session:
            standing = session.walls()
    except KosmoError as error:
        yield Finding("walls.lua", "broken", f"Lua does not start: {error.message}", "Mend that, and run this again.")
        return
    where = "A user who is not root, on Linux, has the most walls; a container may forbid some."
    if must:
        state: Literal["warning", "broken"] = "broken"
        advice = f"Lua refuses to run while {must}. {where}"
    else:
        state = "warning"
        advice = f"Lua runs without it, and SECURITY says what that means; {REQUIRE}=1 refuses to. {where}"
    for wall in standing:
        if wall.stands:
            yield Finding(f"walls.{wall.name}", "ok", wall.meaning)
        else:
            yield Finding(f"walls.{wall.name}", state, f"It is missing here: {wall.why_not}.", advice)


def kernelspec() -> Iterator[Finding]:
    """The entry of the kernel in Jupyter's list: the first that Jupyter finds, and whom it starts; and old ones."""
    name, advice = "jupyter.kernelspec", "Run: kosmo install"
    found = entries()
    if not found:
        yield Finding(name, "broken", f"Jupyter does not know the kernel {NAME}.", advice)
        return
    file = found[0].file
    try:
        python, its_version = _started_by(file)
    except SettingsError as error:
        yield Finding(name, "broken", error.message, advice)
    else:
        if its_version == __version__:
            yield Finding(name, "ok", f"{file.parent} starts {python}.")
        else:
            told = f"{file.parent} starts {python}, which has kosmo_kernel {its_version}."
            yield Finding(name, "warning", told, advice)
    for entry in found:
        if not entry.is_safe:
            yield Finding("jupyter.old_kernelspec", "warning", f"{entry.file} {OLD}.", renewal(entry.file))


def _started_by(file: Path) -> tuple[str, str]:
    """The Python that a `kernel.json` starts, in words, and the version of this package that it has.

    Raises:
        SettingsError: there is no such Python, or it does not have this package.
    """
    try:
        command = [str(word) for word in json.loads(file.read_text(encoding="utf-8"))["argv"]]
        python = command[0]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SettingsError(f"{file} makes no sense: {error}") from None
    if _OF_JUPYTER.fullmatch(python):
        return "the Python that Jupyter runs on", __version__
    if shutil.which(python) is None:
        raise SettingsError(f"{file} starts {python}, which is not there.")
    question = [*made_safe([python, *options(command)]), "-c", _WHO]
    try:
        asked = subprocess.run(
            question,
            cwd=file.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PYTHON_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SettingsError(f"{file} starts {python}, which does not run: {error}") from None
    if asked.returncode != 0:
        said = asked.stderr.decode(errors="replace").strip().splitlines()
        why = said[-1] if said else f"it ended with status {asked.returncode}"
        raise SettingsError(f"{file} starts {python}, which does not have this package: {why}")
    return python, asked.stdout.decode(errors="replace").strip()
