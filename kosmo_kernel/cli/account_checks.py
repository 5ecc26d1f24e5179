"""What `kosmo integrations:doctor` looks at beside this machine: the settings, the accounts, and what a service says.

The token of the default account is sent to its service once; the others' are read from where they are, and not sent
(`kosmo accounts:test` does that). A finding never holds a token.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Literal

from kosmo_kernel import accounts
from kosmo_kernel.accounts import Account, Step
from kosmo_kernel.catalogue import Integration
from kosmo_kernel.cli.checks import Finding
from kosmo_kernel.cli.identity import TokenOwner, who
from kosmo_kernel.errors import KosmoError, RateLimitError, RefusedError, UnreachableError
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.limits import limits
from kosmo_kernel.settings.permissions import EFFECTS, how_to_allow, permission
from kosmo_kernel.settings.private_files import is_private
from kosmo_kernel.settings.project_file import settings_of

LOW = 0.1  # of its budget: what is left of an account's requests when that is worth a warning
CORRECT = "Correct it, or take it away."


# Settings -----------------------------------------------------------------------------------------------


def settings() -> Iterator[Finding]:
    """The files and variables that hold for every integration."""
    try:
        found = config()
        yield Finding("settings.file", "ok", str(found.path) if found.text else f"There is no {found.path}.")
    except KosmoError as error:
        yield Finding("settings.file", "broken", error.message, CORRECT)
        return
    try:
        named = settings_of(Path.cwd())
        if named:
            yield Finding("settings.project", "ok", f"This project sets {', '.join(named)}.")
    except KosmoError as error:
        yield Finding("settings.project", "broken", error.message, CORRECT)
    try:
        now = limits(configured=found.get("limits"))
    except KosmoError as error:
        yield Finding("settings.limits", "broken", error.message, "Correct it, or unset it.")
    else:
        timeout = f"{now.timeout:g} s by the clock" if now.timeout else "no limit by the clock"
        yield Finding(
            "settings.limits", "ok", f"{now.memory / (1 << 20):,.0f} MiB, {now.cpu:g} s of Lua's own, {timeout}."
        )


# An integration -----------------------------------------------------------------------------------------


def service(integration: Integration) -> Iterator[Finding]:
    """The accounts of a service, what scripts may do with them, and whether the default one's token is accepted."""
    name = integration.name
    try:
        url = accounts.address(integration, os.environ)
    except KosmoError as error:
        yield Finding(f"{name}.address", "broken", error.message, CORRECT)
        return
    yield Finding(f"{name}.address", "ok", url)
    yield from _permissions(integration)
    there = [alias for alias in accounts.names(integration) if alias != accounts.DEMO]
    if fault := accounts.fault(integration):
        yield Finding(f"{name}.account.{accounts.DEFAULT}", "broken", fault.message, CORRECT)
        there = [alias for alias in there if alias != accounts.DEFAULT]
    default = None
    for alias in there:
        finding, account = _account(integration, alias)
        yield finding
        default = account if alias == accounts.DEFAULT else default
    fiction = yield from _demo(integration)
    if default is not None:
        yield from _asked(integration, default)
    elif accounts.DEFAULT not in there and not fault and not fiction:
        message = f"There is no token for the default account, so {integration.title} was not asked."
        yield Finding(f"{name}.account.{accounts.DEFAULT}", "warning", message, "\n".join(accounts.ways(integration)))


def _permissions(integration: Integration) -> Iterator[Finding]:
    """What scripts may do: with every account, and with one that has a rule of its own."""
    for effect in EFFECTS:
        name = f"{integration.name}.permission.{effect}"
        for alias in dict.fromkeys((accounts.DEFAULT, *accounts.names(integration))):
            try:
                found = permission(integration.name, alias, effect)
            except KosmoError as error:
                yield Finding(name, "broken", error.message, CORRECT)
                return
            own = "accounts" in found.keys
            if alias != accounts.DEFAULT and not own:
                continue
            about = f" with the account {alias}" if own else ""
            where = f": {found.place}" if found.place else ", as from the start"
            message = f"{effect.capitalize()}s{about} are {found.policy_in_words}{where}."
            if effect == "read" and found.policy != "allow":
                yield Finding(name, "warning", message, how_to_allow(integration.name, alias, effect, found))
            else:
                yield Finding(name, "ok", message)


def _account(integration: Integration, alias: str) -> tuple[Finding, Account | None]:
    """One account, and where its token is."""
    name = f"{integration.name}.account.{alias}"
    steps: list[Step] = []
    try:
        steps += accounts.steps(integration, alias)
        account = accounts.find(integration, alias)
    except KosmoError as error:
        advice = _remedy(alias, steps[0].kind if steps else "environment")
        if steps and steps[0].kind == "file" and not is_private(Path(steps[0].source)):
            advice = f"Do that. Where somebody else may have read it, revoke the token. {advice}"
        return Finding(name, "broken", error.message, advice), None
    used = next((step for step in steps if step.source == account.source), None)
    whose = f", of {used.who}" if used and used.who else ""
    others = [step.source for step in steps if step.source != account.source]
    beside = f" It comes before what is in {' and '.join(others)}." if others else ""
    return Finding(name, "ok", f"Its token is in {account.source}{whose}.{beside}"), account


def _remedy(alias: str, kind: str) -> str:
    """What to do about a token that cannot be used, by the place that it is in."""
    match kind:
        case "environment":
            return "Set it to a whole token."
        case "cli":
            return "Sign in again: heroku login"
        case "netrc":
            return "Correct that file, or take the entry away."
        case _:
            return f"Add it anew: kosmo accounts:add {alias} --replace"


def _demo(integration: Integration) -> Generator[Finding, None, bool]:
    """The fictional account, and whether it is the one that is asked. Returns that."""
    chosen = False
    try:
        chosen = accounts.demo_chosen()
    except KosmoError as error:
        yield Finding(f"{integration.name}.setting", "broken", error.message, "Correct it, or unset it.")
    if integration.demo:
        about = "and the default account: KOSMO_DEMO=1." if chosen else "and always there."
        yield Finding(f"{integration.name}.account.{accounts.DEMO}", "ok", f"Fictional data, {about}")
    return chosen


def _asked(integration: Integration, account: Account) -> Iterator[Finding]:
    """What the service says to the default account's token."""
    name = f"{integration.name}.request"
    try:
        found = who(integration, account)
    except KosmoError as error:
        state: Literal["warning", "broken"] = "warning" if isinstance(error, RateLimitError) else "broken"
        yield Finding(name, state, error.message, _advice(error, account))
        return
    if found.path:
        whose = f" for {found.text}" if found.text else ""
        yield Finding(name, "ok", f"GET {found.path} was answered in {found.ms:,.0f} ms{whose}.")
        yield from _told(integration, found)


def _told(integration: Integration, found: TokenOwner) -> Iterator[Finding]:
    """What the headers of an answer say of the token and its account."""
    if found.scopes:
        yield Finding(f"{integration.name}.scopes", "ok", f"The token's scope is {', '.join(found.scopes)}.")
    budget = integration.budget
    if budget is None or found.left is None:
        return
    name = f"{integration.name}.budget"
    refill = f"{budget.refill_per_minute:g} come back a minute"
    left = f"{found.left:,} of {budget.capacity:,} requests are left; {refill}."
    if found.left < LOW * budget.capacity:
        yield Finding(name, "warning", left, "Something asks a lot with this account: wait, or ask less often.")
    else:
        yield Finding(name, "ok", left)


def _advice(error: KosmoError, account: Account) -> str:
    match error:
        case RefusedError():
            return f"Put a token that is accepted into {account.source}."
        case RateLimitError():
            return "Wait a few minutes, and run this again."
        case UnreachableError():
            return f"See that this machine reaches {account.url}."
        case _:
            return "Mend that, and run this again." if error.actor == "you" else "Run this again in a while."
