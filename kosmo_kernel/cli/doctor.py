"""`kosmo doctor`: run all checks, and print the findings with advice.

There is one function for each group of findings. A check tries what it reports on: it starts Lua, and asks the kernel's
Python for its version of this package. The token of the default account is tried with one request. The tokens of other
accounts are read but not sent (`kosmo status` sends them). A finding never contains a token.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Literal, NamedTuple

import click
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from kosmo_kernel import __version__, accounts
from kosmo_kernel.accounts import DEFAULT, Account, Step, names
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.catalogue.integration import beyond_scopes, unknown_scopes
from kosmo_kernel.cli.accounts import token_owner
from kosmo_kernel.cli.command import CommandResult, command, print_result, write_label
from kosmo_kernel.cli.kernelspec import NAME, OUTDATED_MESSAGE, command_of, entries, renewal
from kosmo_kernel.cli.reference import RUNS, integration_of, state
from kosmo_kernel.cli.streams import FAILED, SUCCESS
from kosmo_kernel.errors import KosmoError, RateLimitError, RefusedError, SettingsError, UnreachableError
from kosmo_kernel.integrations import load_all
from kosmo_kernel.questions.discovery import checks_beyond
from kosmo_kernel.settings.config_file import config, misspelt_variables
from kosmo_kernel.settings.installation import options, with_safe_options
from kosmo_kernel.settings.limits import check_defaults, limits
from kosmo_kernel.settings.private_files import LOCK, is_private
from kosmo_kernel.text import counted

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "broken": ("✗", "red")}
MAX_EXAMPLES = 5  # functions listed as examples in the JSON document
PACKAGES = ("lupa", "ipykernel", "pandas")  # packages whose versions affect what users see
PYTHON_TIMEOUT_SECONDS = 10.0  # for another Python to report its version of this package
MAX_SCRIPT_BYTES = 4096  # of a command in the PATH, which are read to see if it is a script of this package
LOW = 0.1  # share of the request budget below which the remaining requests get a warning
CORRECT, UNSET = "Correct it, or take it away.", "Correct it, or unset it."
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


@command("doctor", "kosmo doctor", "kosmo doctor heroku --json")
@click.argument("provider", required=False, metavar="[INTEGRATION]")
def doctor(*, provider: str | None, as_json: bool) -> int:
    """Check the setup, and say how to fix problems.

    The command checks versions, the sandbox of Lua on this machine, the kernel's entry in Jupyter, settings, and the
    accounts of INTEGRATION (for example heroku; by default all). It tries the token of the default account with one
    request. It never shows a token.

    Exits with 1 if something is broken, but not for warnings. With --json: `findings`, each with `name`, `state` (ok,
    warning or broken), `message` and `what_to_do`; and `providers` by name.
    """
    if provider:
        integrations, failures = [integration_of(provider)], []
    else:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            integrations = list(load_all())
        advice = "Update the package that it comes with, or remove it."
        failures = [DoctorFinding("integrations.installed", "broken", str(fault.message), advice) for fault in caught]
    facts = {integration.name: _facts(integration) for integration in integrations} if as_json else {}
    more = {"providers": facts} | (facts[integrations[0].name] if provider and facts else {})
    groups = [  # each runs its checks when it is iterated
        ("Versions", versions()),
        ("Command", command_name()),
        ("Walls around Lua", walls()),
        ("Jupyter", kernelspec()),
        ("Settings", settings()),
        *([("Integrations", failures)] if failures else []),
        *((integration.title, service(integration)) for integration in integrations),
    ]
    return report(groups, more, as_json=as_json)


def report(
    groups: Iterable[tuple[str, Iterable[DoctorFinding]]], facts: Mapping[str, Any] | None = None, *, as_json: bool
) -> int:
    """Run the checks of groups, print their findings, and return the exit code.

    Parameters:
        groups: the headings, each with its checks.
        facts: further keys of the JSON document.
        as_json: print a document.
    """
    findings = [finding for _, group in groups for finding in group] if as_json else list(print_findings(groups))
    counts = Counter(finding.state for finding in findings)
    parts = [counted(counts["warning"], "warning")] if counts["warning"] else []
    parts += [f"{counts['broken']:,} broken"] if counts["broken"] else []
    summary = f"\n{', '.join(parts)}." if parts else "\nEverything is in order."
    facts = {"findings": [finding._asdict() for finding in findings], **(facts or {})}
    return CommandResult(facts, summary, code=FAILED if counts["broken"] else SUCCESS).print(as_json=as_json)


def _facts(integration: Integration) -> dict[str, Any]:
    """Return what is known about an integration without a request."""
    functions = list(integration.by_full_name())
    try:
        account_state = state(integration)
    except KosmoError:  # reported as a finding as well
        aliases = names(integration)
        account_state = {"active": False, "configured": DEFAULT in aliases, "accounts": aliases}
    return {
        "provider": integration.name,
        "locally_runnable": True,
        **RUNS,
        "enabled": True,
        **account_state,
        "missing_credentials": [] if account_state["configured"] else [integration.credentials.env],
        "functions": functions,
        "function_count": len(functions),
        "example_functions": functions[:MAX_EXAMPLES],
        "next_commands": [
            f"kosmo docs {integration.name}",
            f"kosmo docs {functions[0]} --json",
            f"kosmo lua -e 'return app.integrations.{functions[0]}()'",
        ],
    }


def print_findings(groups: Iterable[tuple[str, Iterable[DoctorFinding]]]) -> Iterator[DoctorFinding]:
    """Print the findings group by group, and yield them."""
    for number, (heading, group) in enumerate(groups):
        findings = list(group)
        labels = [finding.name.partition(".")[2] for finding in findings]
        width = max(map(len, labels), default=0)
        print_result(f"\n{heading}" if number else heading)
        for index, (label, finding) in enumerate(zip(labels, findings, strict=True)):
            mark, colour = MARKS[finding.state]
            sys.stdout.write("  ")
            write_label(sys.stdout, mark, colour)
            print_result(" " + _wrapped(finding.message, f"{label.ljust(width)}  ", width + 6).removeprefix("    "))
            following = findings[index + 1].what_to_do if index + 1 < len(findings) else ""
            if finding.what_to_do != following:  # the same advice for adjacent findings is printed once, below the last
                for line in finding.what_to_do.splitlines():
                    print_result(_wrapped(line, " " * (width + 2) + "→ ", width + 8))
        yield from findings


def _wrapped(text: str, prefix: str, indent: int) -> str:
    """Return a text indented by four columns and a prefix: wrapped on a terminal, one line in a pipe."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    return textwrap.fill(
        " ".join(text.split()),
        max(columns, indent + 30),
        initial_indent=f"    {prefix}",
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def versions() -> Iterator[DoctorFinding]:
    """Check the versions of this package, Python and the most important libraries, without importing them."""
    yield DoctorFinding("versions.kosmo_kernel", "ok", __version__)
    yield DoctorFinding("versions.python", "ok", f"{'.'.join(map(str, sys.version_info[:3]))}, {sys.executable}")
    requirements: list[Requirement] = []
    with suppress(PackageNotFoundError):  # it runs from a clone that is not installed
        requirements += map(Requirement, requires("kosmo_kernel") or [])
    required = {requirement.name: requirement.specifier for requirement in requirements if requirement.marker is None}
    for package in PACKAGES:
        finding, specifier = partial(DoctorFinding, f"versions.{package}"), required.get(package, SpecifierSet())
        message = "It is not installed."
        with suppress(PackageNotFoundError):
            installed = version(package)
            if specifier.contains(installed, prereleases=True):
                yield finding("ok", installed)
                continue
            message = f"{installed} is installed, and this package needs {specifier}."
        yield finding("broken", message, f"{sys.executable} -m pip install '{package}{specifier}'")


def walls() -> Iterator[DoctorFinding]:
    """Check each protection layer ("wall") around Lua, as reported by a Lua process that is started for this."""
    from kosmo_kernel.run.lua_state import requirement
    from kosmo_kernel.session import Session
    from kosmo_kernel.settings.table import REQUIRE_WALLS

    try:
        requirement_text = requirement()
        with Session(accounts.DEMO) as session:
            layers = session.walls()
    except KosmoError as error:
        yield DoctorFinding("walls.lua", "broken", f"Lua does not start: {error.message}", MEND)
        return
    where = "A user who is not root, on Linux, has the most walls; a container may forbid some."
    runs = f"Lua runs without it, and SECURITY says what that means; {REQUIRE_WALLS.variable}=1 refuses to."
    advice = f"{f'Lua refuses to run while {requirement_text}.' if requirement_text else runs} {where}"
    state: State = "broken" if requirement_text else "warning"
    for wall in layers:
        finding, missing = partial(DoctorFinding, f"walls.{wall.name}"), f"It is missing here: {wall.why_not}."
        yield finding("ok", wall.meaning) if wall.stands else finding(state, missing, advice)


def command_name() -> Iterator[DoctorFinding]:
    """Check that `kosmo` in the PATH is this installation, because KosmoKrator's own command has that name, too.

    The scripts that start this package name it.
    """
    finding, ours = partial(DoctorFinding, "command.kosmo"), Path(sys.executable).parent / "kosmo"
    first, instead = shutil.which("kosmo"), f"{sys.executable} -P -m kosmo_kernel"
    other = f"`kosmo` in the PATH is {first}, another"
    if first is None:
        yield finding("ok", f"No folder of the PATH has `kosmo`; this works too: {instead}")
    elif ours.exists() and ours.samefile(first):
        yield finding("ok", f"`kosmo` is {first}.")
    elif b"kosmo_kernel" in _first_bytes(first):
        yield finding("warning", f"{other} installation of kosmo_kernel.", f"For this one, run: {instead}")
    else:
        yield finding("warning", f"{other} program.", f"Put {ours.parent} first in the PATH, or run: {instead}")
    yield from _folder_of_servers()


def _folder_of_servers() -> Iterator[DoctorFinding]:
    """Check what is in `~/.kosmo`: the MCP servers of this package, and files of another program of that name."""
    from kosmo_kernel.mcp.config import user_file

    finding, servers = partial(DoctorFinding, "command.folder"), user_file()
    folder = servers.parent
    try:
        names = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        yield finding("warning", f"{folder} cannot be read: {error.strerror}.", f"ls -ld {folder}")
        return
    others = names - {servers.name, LOCK}
    parts = [f"{servers} has your MCP servers."] if servers.name in names else []
    if others:
        what = f"What else is in {folder}" if parts else str(folder)
        parts.append(f"{what} belongs to another program, such as KosmoKrator. It is not used here.")
    yield finding("ok", " ".join(parts) or f"{folder} has no MCP servers.")


def _first_bytes(file: str) -> bytes:
    """Return the first bytes of a file, which are those of a script; none if it cannot be read."""
    try:
        with open(file, "rb") as script:
            return script.read(MAX_SCRIPT_BYTES)
    except OSError:
        return b""


def kernelspec() -> Iterator[DoctorFinding]:
    """Check the kernelspec that Jupyter uses and the Python that it starts, and look for outdated kernelspecs."""
    finding, advice = partial(DoctorFinding, "jupyter.kernelspec"), "Run: kosmo install"
    kernelspecs = entries()
    if not kernelspecs:
        yield finding("broken", f"Jupyter does not know the kernel {NAME}.", advice)
        return
    file = kernelspecs[0].file
    try:
        python, its_version = _started_by(file)
    except SettingsError as error:
        yield finding("broken", error.message, advice)
    else:
        starts = f"{file.parent} starts {python}"
        if its_version == __version__:
            yield finding("ok", f"{starts}.")
        else:
            yield finding("warning", f"{starts}, which has kosmo_kernel {its_version}.", advice)
    for old in (entry.file for entry in kernelspecs if not entry.is_safe):
        yield DoctorFinding("jupyter.old_kernelspec", "warning", f"{old} {OUTDATED_MESSAGE}.", renewal(old))


def _started_by(file: Path) -> tuple[str, str]:
    """Return a description of the Python that a `kernel.json` starts, and its version of this package.

    Raises:
        SettingsError: the Python does not exist or does not run, or this package is not installed there.
    """
    try:
        command = command_of(file)
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


def settings() -> Iterator[DoctorFinding]:
    """Check the files and environment variables that apply to every integration."""
    try:
        own = config()
        yield DoctorFinding("settings.file", "ok", str(own.path) if own.text else f"There is no {own.path}.")
    except KosmoError as error:
        yield DoctorFinding("settings.file", "broken", error.message, CORRECT)
        return
    for misspelt in misspelt_variables():
        yield DoctorFinding("settings.environment", "warning", misspelt, "Correct its name, or unset it.")
    finding = partial(DoctorFinding, "settings.limits")
    try:
        check_defaults()
        now = limits()
    except KosmoError as error:
        yield finding("broken", error.message, UNSET)
    else:
        timeout = f"{now.timeout:g} s by the clock" if now.timeout else "no limit by the clock"
        yield finding("ok", f"{now.memory / (1 << 20):,.0f} MiB, {now.cpu:g} s of Lua's own, {timeout}.")


def service(integration: Integration) -> Iterator[DoctorFinding]:
    """Check the address and the accounts of a service, and try the default account's token."""
    name = integration.name
    try:
        url = accounts.address(integration)
    except KosmoError as error:
        yield DoctorFinding(f"{name}.address", "broken", error.message, CORRECT)
        return
    yield DoctorFinding(f"{name}.address", "ok", url)
    aliases = [alias for alias in accounts.names(integration) if alias != accounts.DEMO]
    of_default = partial(DoctorFinding, f"{name}.account.{DEFAULT}")
    if fault := accounts.fault(integration):  # then the default account is not among the names
        yield of_default("broken", fault.message, CORRECT)
    default = None
    for alias in aliases:
        finding, account = _account(integration, alias)
        yield finding
        default = account if alias == DEFAULT else default
    demo_is_default = False
    try:
        demo_is_default = accounts.demo_chosen()
    except KosmoError as error:
        yield DoctorFinding(f"{name}.setting", "broken", error.message, UNSET)
    if integration.demo:
        about = "and the default account: KOSMO_DEMO=1." if demo_is_default else "and always there."
        yield DoctorFinding(f"{name}.account.{accounts.DEMO}", "ok", f"Fictional data, {about}")
    if default is not None:
        yield from _token_request(integration, default)
    elif DEFAULT not in aliases and not fault and not demo_is_default:
        message = f"There is no token for the default account, so {integration.title} was not asked."
        yield of_default("warning", message, "\n".join(accounts.ways(integration)))


def _account(integration: Integration, alias: str) -> tuple[DoctorFinding, Account | None]:
    """Return a finding on the source of an account's token, and the account if the token can be read."""
    finding = partial(DoctorFinding, f"{integration.name}.account.{alias}")
    steps: list[Step] = []
    try:
        steps += accounts.steps(integration, alias)
        account = accounts.find(integration, alias)
    except KosmoError as error:
        advice = _remedy(integration, alias, steps[0].kind if steps else "environment")
        if steps and steps[0].kind == "file" and not is_private(Path(steps[0].source)):
            advice = f"Do that. Where somebody else may have read it, revoke the token. {advice}"
        return finding("broken", error.message, advice), None
    who = next((step.who for step in steps if step.source == account.source), "")
    owner = f", of {who}" if who else ""
    others = [step.source for step in steps if step.source != account.source]
    precedence = f" It comes before what is in {' and '.join(others)}." if others else ""
    return finding("ok", f"Its token is in {account.source}{owner}.{precedence}"), account


def _remedy(integration: Integration, alias: str, kind: str) -> str:
    """Return the advice for an unusable token, depending on its source."""
    login = integration.credentials.signed_in
    remedies = {
        "environment": "Set it to a whole token.",
        "cli": f"Sign in again with {login.title if login else 'the command line of the service'}.",
        "netrc": "Correct that file, or take the entry away.",
    }
    return remedies.get(kind, f"Add it anew: kosmo accounts:add {alias} --replace")


def _token_request(integration: Integration, account: Account) -> Iterator[DoctorFinding]:
    """Try the default account's token with one request."""
    finding = partial(DoctorFinding, f"{integration.name}.request")
    try:
        owner = token_owner(integration, account)
    except KosmoError as error:
        state: State = "warning" if isinstance(error, RateLimitError) else "broken"
        yield finding(state, error.message, _advice(error, account))
        return
    if owner.refusal:
        yield finding("warning", owner.refusal, "The token is good, but whose it is cannot be told.")
    elif owner.path:
        recipient = f" for {owner.text}" if owner.text else ""
        yield finding("ok", f"GET {owner.path} was answered in {owner.ms:,.0f} ms{recipient}.")
    if owner.path and owner.scopes:
        yield from _scopes(integration, owner.scopes)
    budget, remaining = integration.budget, owner.remaining
    if not owner.path or budget is None or remaining is None:
        return
    is_low = remaining < LOW * budget.capacity
    advice = "Something asks a lot with this account: wait, or ask less often." if is_low else ""
    numbers = f"{remaining:,} of {budget.capacity:,} requests are left"
    message = f"{numbers}; {budget.refill_per_minute:g} come back a minute."
    yield DoctorFinding(f"{integration.name}.budget", "warning" if is_low else "ok", message, advice)


def _scopes(integration: Integration, scopes: tuple[str, ...]) -> Iterator[DoctorFinding]:
    """Report the scopes of a token, and the functions that it cannot use."""
    name = f"{integration.name}.scopes"
    yield DoctorFinding(name, "ok", f"The token's scope is {', '.join(scopes)}.")
    beyond = beyond_scopes(integration, scopes)
    checks = checks_beyond(integration, scopes) if beyond else {}
    for scope, functions in beyond.items():
        parts = [
            f"{_need(names, what)} the scope {scope}: {', '.join(names)}."
            for what, names in (("function", functions), ("check", checks.get(scope, [])))
            if names
        ]
        yield DoctorFinding(f"{name}.{scope}", "ok", " ".join(parts))
    if beyond and (unknown := [function.name for function in unknown_scopes(integration)]):
        message = f"{integration.title} does not state which scope {_need(unknown, 'function')}: {', '.join(unknown)}."
        yield DoctorFinding(f"{name}.unknown", "ok", message)


def _need(names: Sequence[str], what: str) -> str:
    return f"{counted(len(names), what)} {'needs' if len(names) == 1 else 'need'}"


def _advice(error: KosmoError, account: Account) -> str:
    match error:
        case RefusedError():
            return f"Put a token that is accepted into {account.source}."
        case RateLimitError():
            return "Wait a few minutes, and run this again."
        case UnreachableError():
            return f"See that this machine reaches {account.url}."
        case _:
            return MEND if error.actor == "you" else "Run this again in a while."
