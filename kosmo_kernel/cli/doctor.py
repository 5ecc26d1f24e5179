"""`kosmo integrations:doctor`: run all checks, and print the findings with advice.

The checks are in `doctor_checks.py`.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from kosmo_kernel.accounts import DEFAULT, names
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.cli.command import command
from kosmo_kernel.cli.doctor_checks import DoctorFinding, command_name, kernelspec, service, settings, versions, walls
from kosmo_kernel.cli.options import integration_names
from kosmo_kernel.cli.output import document, print_result, write_label
from kosmo_kernel.cli.reference import RUNS, integration_of, state
from kosmo_kernel.cli.streams import FAILED, SUCCESS
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.integrations import load_all
from kosmo_kernel.settings.permissions import EFFECTS, Target, permission
from kosmo_kernel.text.quantities import counted

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "broken": ("✗", "red")}
MAX_EXAMPLES = 5  # functions listed as examples in the JSON document


@command("integrations:doctor", "kosmo integrations:doctor", "kosmo integrations:doctor heroku --json")
@click.argument("provider", required=False, metavar="[INTEGRATION]", shell_complete=integration_names)
def doctor(*, provider: str | None, as_json: bool) -> int:
    """Check the setup, and say how to fix problems.

    The command checks versions, the sandbox of Lua on this machine, the kernel's entry in Jupyter, settings,
    permissions, and the accounts of INTEGRATION (for example heroku; by default all). It tries the token of the default
    account with one request. It never shows a token.

    Exits with 1 if something is broken, but not for warnings. With --json: `findings`, each with `name`, `state` (ok,
    warning or broken), `message` and `what_to_do`; and `providers` by name.
    """
    failures: list[DoctorFinding] = []
    integrations = [integration_of(provider)] if provider else _all(failures)
    facts = {one.name: _facts(one) for one in integrations} if as_json else {}
    more = {"providers": facts} | (facts[integrations[0].name] if provider and facts else {})
    return report(_groups(integrations, failures), more, as_json=as_json)


def report(
    groups: Iterable[tuple[str, Iterable[DoctorFinding]]], facts: Mapping[str, Any] | None = None, *, as_json: bool
) -> int:
    """Run the checks of groups, print their findings, and return the exit code.

    Parameters:
        groups: the headings, each with its checks.
        facts: further keys of the JSON document.
        as_json: print a document.
    """
    if as_json:
        findings = [finding for _, group in groups for finding in group]
    else:
        findings = list(print_findings(groups))
        print_result(f"\n{_summary(findings)}")
    success = all(finding.state != "broken" for finding in findings)
    if as_json:
        document({"success": success, "findings": [asdict(one) for one in findings], **(facts or {})})
    return SUCCESS if success else FAILED


def _all(failures: list[DoctorFinding]) -> list[Integration]:
    """Return every integration; append a finding to `failures` for each one that cannot be loaded."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = load_all()
    advice = "Update the package that it comes with, or remove it."
    failures += [DoctorFinding("integrations.installed", "broken", str(one.message), advice) for one in caught]
    return list(found)


def _groups(
    integrations: Sequence[Integration], failures: Sequence[DoctorFinding]
) -> Iterator[tuple[str, Iterable[DoctorFinding]]]:
    """Yield the headings and their findings. Each group runs its checks when it is iterated."""
    yield "Versions", versions()
    yield "Command", command_name()
    yield "Walls around Lua", walls()
    yield "Jupyter", kernelspec()
    yield "Settings", settings()
    if failures:
        yield "Integrations", failures
    for integration in integrations:
        yield integration.title, service(integration)


def _facts(integration: Integration) -> dict[str, Any]:
    """Return what is known about an integration without a request."""
    functions = list(integration.by_full_name())
    policies: dict[str, str | None] = dict.fromkeys(EFFECTS)
    try:
        account_state = state(integration)
        policies |= {effect: permission(Target(DEFAULT, integration.name), effect).policy for effect in EFFECTS}
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
        "permissions": policies,
        "functions": functions,
        "function_count": len(functions),
        "example_functions": functions[:MAX_EXAMPLES],
        "next_commands": [
            f"kosmo integrations:docs {integration.name}",
            f"kosmo integrations:schema {functions[0]}",
            f"kosmo integrations:lua -e 'return app.integrations.{functions[0]}()'",
        ],
    }


def print_findings(groups: Iterable[tuple[str, Iterable[DoctorFinding]]]) -> Iterator[DoctorFinding]:
    """Print the findings group by group, and yield them."""
    for number, (heading, group) in enumerate(groups):
        findings = list(group)
        labels = [finding.name.partition(".")[2] for finding in findings]
        width = max(map(len, labels), default=0)
        print_result(f"\n{heading}" if number else heading)
        for place, (label, finding) in enumerate(zip(labels, findings, strict=True)):
            mark, colour = MARKS[finding.state]
            sys.stdout.write("  ")
            write_label(sys.stdout, mark, colour)
            print_result(" " + _wrapped(finding.message, f"{label.ljust(width)}  ", width + 6).removeprefix("    "))
            following = findings[place + 1].what_to_do if place + 1 < len(findings) else ""
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


def _summary(findings: Iterable[DoctorFinding]) -> str:
    """Return a sentence with the numbers of warnings and broken findings."""
    counts = Counter(finding.state for finding in findings)
    parts = [counted(counts["warning"], "warning")] if counts["warning"] else []
    parts += [f"{counts['broken']:,} broken"] if counts["broken"] else []
    return f"{', '.join(parts)}." if parts else "Everything is in order."
