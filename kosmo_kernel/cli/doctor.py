"""`kosmo doctor`: check versions, the walls around Lua, the kernel and the accounts, and say how to fix problems.

There is one function for each group of findings. A check tries what it reports on: it starts Lua, asks the kernel's
Python for its version of this package, and tries each token with a request that does not count. A finding never
contains a token.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from importlib.metadata import distributions
from typing import Literal, NamedTuple

from packaging.requirements import Requirement

from kosmo_kernel import __version__, accounts, integrations
from kosmo_kernel.accounts.discovery import with_remaining
from kosmo_kernel.cli.accounts import account_line
from kosmo_kernel.cli.command import CommandResult, command, print_result, write_label
from kosmo_kernel.cli.kernelspec import NAME, OUTDATED_MESSAGE, Entry, entries, renewal
from kosmo_kernel.cli.streams import FAILED, SUCCESS
from kosmo_kernel.errors import KosmoError, SettingsError
from kosmo_kernel.settings.installation import options, with_safe_options
from kosmo_kernel.text import counted

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "broken": ("✗", "red")}
PACKAGES = ("lupa", "ipykernel", "pandas")  # packages whose versions affect what users see
MEND = "Mend that, and run this again."
# Commands that Jupyter replaces with the Python that it runs on.
_JUPYTER_PYTHON = re.compile(r"python(\d(\.\d+)?)?")
_PRINT_VERSION = "import kosmo_kernel; print(kosmo_kernel.__version__)"
State = Literal["ok", "warning", "broken"]


class DoctorFinding(NamedTuple):
    """The result of one check."""

    name: str  # the group and the subject of the check, such as `walls.files`
    # `warning` for what works with limitations, `broken` for what does not work.
    state: State
    message: str  # what the check found
    what_to_do: str = ""  # advice, with a line for each alternative; empty if there is nothing to do


@command("doctor", "kosmo doctor", "kosmo doctor --json")
def doctor(*, as_json: bool) -> int:
    """Check the setup, and say how to fix problems.

    The command checks versions, the sandbox of Lua on this machine, the kernel's entry in Jupyter, and the accounts. It
    tries each token with a request that does not count, and never shows one.

    Exits with 1 if something is broken, but not for warnings. With --json: `findings`, each with `name`, `state` (ok,
    warning or broken), `message` and `what_to_do`.
    """
    # Each group runs its checks when it is iterated.
    groups = {"Versions": versions(), "Walls around Lua": walls(), "Jupyter": kernelspec(), "Accounts": tokens()}
    return report(groups.items(), as_json=as_json)


def report(groups: Iterable[tuple[str, Iterable[DoctorFinding]]], *, as_json: bool) -> int:
    """Run the checks of groups, which have headings; print their findings, and return the exit code."""
    findings: list[DoctorFinding] = []
    for heading, group in groups:
        of_group = list(group)
        if not as_json:
            print_group(f"\n{heading}" if findings else heading, of_group)
        findings += of_group
    counts = Counter(finding.state for finding in findings)
    parts = [counted(counts["warning"], "warning")] if counts["warning"] else []
    parts += [f"{counts['broken']:,} broken"] if counts["broken"] else []
    summary = f"\n{', '.join(parts)}." if parts else "\nEverything is in order."
    facts = {"findings": [finding._asdict() for finding in findings]}
    return CommandResult(facts, summary, code=FAILED if counts["broken"] else SUCCESS).print(as_json=as_json)


def print_group(heading: str, findings: Sequence[DoctorFinding]) -> None:
    """Print the findings of a group."""
    labels = [finding.name.partition(".")[2] for finding in findings]
    width = max(map(len, labels), default=0)
    print_result(heading)
    for label, finding, following in zip(labels, findings, [*findings[1:], None], strict=True):
        sys.stdout.write("  ")
        write_label(sys.stdout, *MARKS[finding.state])
        print_result(" " + _wrapped(finding.message, f"{label.ljust(width)}  ", width + 6).removeprefix("    "))
        # The same advice for adjacent findings is printed once, below the last.
        if not following or finding.what_to_do != following.what_to_do:
            for line in finding.what_to_do.splitlines():
                print_result(_wrapped(line, " " * (width + 2) + "→ ", width + 8))


def _wrapped(text: str, prefix: str, indent: int) -> str:
    """Return a text indented by four columns and a prefix: wrapped on a terminal, one line in a pipe."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    wrapper = textwrap.TextWrapper(max(columns, indent + 30), f"    {prefix}", " " * indent)
    wrapper.break_long_words = wrapper.break_on_hyphens = False
    return wrapper.fill(" ".join(text.split()))


def versions() -> Iterator[DoctorFinding]:
    """Check the versions of this package, Python and the most important libraries, without importing them."""
    yield DoctorFinding("versions.kosmo_kernel", "ok", __version__)
    yield DoctorFinding("versions.python", "ok", f"{'.'.join(map(str, sys.version_info[:3]))}, {sys.executable}")
    # Of a clone that is not installed, any version will do.
    libraries = (Requirement(text) for own in distributions(name="kosmo_kernel") for text in own.requires or ())
    required = {library.name: library for library in libraries if library.marker is None}
    for package in PACKAGES:
        finding, needed = partial(DoctorFinding, f"versions.{package}"), required.get(package, Requirement(package))
        installed = next((library.version for library in distributions(name=package)), None)
        if installed and needed.specifier.contains(installed, prereleases=True):
            yield finding("ok", installed)
            continue
        other = f"{installed} is installed, and this package needs {needed.specifier}."
        advice = f"{sys.executable} -m pip install '{needed}'"
        yield finding("broken", other if installed else "It is not installed.", advice)


def walls() -> Iterator[DoctorFinding]:
    """Check each protection layer ("wall") around Lua, as reported by a Lua process that is started for this."""
    from kosmo_kernel.lua.state import requirement
    from kosmo_kernel.session import Session
    from kosmo_kernel.settings.table import REQUIRE_WALLS

    try:
        requirement_text = requirement()
        with Session(accounts.DEMO) as session:
            layers = session.walls()
    except KosmoError as error:
        yield DoctorFinding("walls.lua", "broken", f"Lua does not start: {error.message}", MEND)
        return
    runs = f"Lua runs without it, and SECURITY says what that means; {REQUIRE_WALLS.variable}=1 refuses to."
    advice = f"Lua refuses to run while {requirement_text}." if requirement_text else runs
    advice += " A user who is not root, on Linux, has the most walls; a container may forbid some."
    state: State = "broken" if requirement_text else "warning"
    for wall in layers:
        finding, missing = partial(DoctorFinding, f"walls.{wall.name}"), f"It is missing here: {wall.why_not}."
        yield finding("ok", wall.meaning) if wall.stands else finding(state, missing, advice)


def kernelspec() -> Iterator[DoctorFinding]:
    """Check the kernelspec that Jupyter uses and the Python that it starts, and look for outdated kernelspecs."""
    finding, advice = partial(DoctorFinding, "jupyter.kernelspec"), "Run: kosmo install"
    kernelspecs = entries()
    if not kernelspecs:
        yield finding("broken", f"Jupyter does not know the kernel {NAME}.", advice)
    for entry in kernelspecs[:1]:
        try:
            python, its_version = _started_by(entry)
        except SettingsError as error:
            yield finding("broken", f"{entry.file} {error.message}", advice)
            continue
        starts, is_ours = f"{entry.file.parent} starts {python}", its_version == __version__
        other = f"{starts}, which has kosmo_kernel {its_version}."
        yield finding("ok", f"{starts}.") if is_ours else finding("warning", other, advice)
    for old in (entry.file for entry in kernelspecs if not entry.is_safe):
        yield DoctorFinding("jupyter.old_kernelspec", "warning", f"{old} {OUTDATED_MESSAGE}.", renewal(old))


def _started_by(entry: Entry) -> tuple[str, str]:
    """Return a description of the Python that a kernelspec starts, and its version of this package.

    Raises:
        SettingsError: the Python does not run, or this package is not installed there.
    """
    if not entry.command:
        raise SettingsError("makes no sense: it is no JSON, or has no command.")
    python = entry.command[0]
    if _JUPYTER_PYTHON.fullmatch(python):
        return "the Python that Jupyter runs on", __version__
    command = [*with_safe_options([python, *options(entry.command)]), "-c", _PRINT_VERSION]
    folder, limit = entry.file.parent, 10.0  # seconds
    try:
        completed = subprocess.run(command, cwd=folder, input=b"", capture_output=True, timeout=limit, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SettingsError(f"starts {python}, which does not run: {error}") from None
    if completed.returncode:
        lines = completed.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"it ended with status {completed.returncode}"
        raise SettingsError(f"starts {python}, which does not have this package: {reason}")
    return python, completed.stdout.decode(errors="replace").strip()


def tokens() -> Iterator[DoctorFinding]:
    """Check the token of each account, and whether there is one of the default account."""
    from kosmo_kernel.session import Session

    try:
        is_demo = accounts.demo_chosen()
        with Session() as session:
            statuses = with_remaining(session.budget_left)
            lines = [account_line(each, session.scopes(each.integration.name, each.alias)) for each in statuses]
    except KosmoError as error:
        yield DoctorFinding("accounts.settings", "broken", error.message, MEND)
        return
    for status, line in zip(statuses, lines, strict=True):
        name = f"accounts.{status.integration.name}.{status.alias}"
        advice = f"{MEND} `kosmo docs accounts` has more." if status.problem else ""
        yield DoctorFinding(name, "broken" if status.problem else "ok", line, advice)
    with_default = {status.integration.name for status in statuses if status.alias == accounts.DEFAULT}
    for integration in integrations.load_all():
        if integration.name not in with_default and not is_demo:
            name = f"accounts.{integration.name}.{accounts.DEFAULT}"
            message = f"There is no token for the default account, so {integration.title} was not asked."
            yield DoctorFinding(name, "warning", message, "\n".join(accounts.ways(integration)))
