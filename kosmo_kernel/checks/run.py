"""Run checks over the sessions of one account: each in a Lua state of its own, and all with the same answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kosmo_kernel.catalogue import nearest
from kosmo_kernel.checks.check_file import Check
from kosmo_kernel.checks.report import CheckReport, CheckResult, Finding, key_of
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, UnknownNameError
from kosmo_kernel.results.result import Result
from kosmo_kernel.run.options import NO_FRONTEND, Frontend, RunOptions
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Record, Records

Values = Mapping[str, Any]


def run_checks(
    checks: Sequence[Check],
    account: str | None = None,
    *,
    parameters: Values | None = None,
    now: datetime | None = None,
    frontend: Frontend = NO_FRONTEND,
    session: Session | None = None,
) -> CheckReport:
    """Run checks, and return what they found.

    Parameters:
        checks: the checks.
        account: the alias of the account; that of `session` when None, else the default account.
        parameters: values of parameters by `NAME`, for each check that has it, or by `CHECK.NAME`.
        now: the time of the data, from which ages are counted; that of the account when None.
        frontend: gets the progress of the whole run.
        session: a session whose connections and earlier answers are used; its Lua state is not.

    Raises:
        UnknownNameError: there is no such account, or no check has one of the parameters.
        InvalidArgumentsError: a parameter has a value of another kind than its default.
        SettingsError: a limit or an environment variable is invalid.
    """
    values = [values_for(check, parameters or {}) for check in checks]
    check_names(checks, parameters or {})
    started = time.perf_counter()
    with Session(account or (session.account if session else None)) as first:
        report = CheckReport(first.account, datetime.now(UTC), now or datetime.now(UTC))
    for check, given in zip(checks, values, strict=True):
        with Session(report.account) as fresh:
            report.results.append(_run(check, given, fresh, frontend))
    report.seconds = time.perf_counter() - started
    return report


def check_names(checks: Sequence[Check], given: Values) -> None:
    """Check that each of the given parameters is one of some check.

    Raises:
        UnknownNameError: no check has it.
    """
    known = {name for check in checks for p in check.parameters for name in (p.name, f"{check.name}.{p.name}")}
    for name in given:
        if name not in known:
            near = tuple(nearest(name, known))
            raise UnknownNameError(f"None of the checks has a parameter `{name[:80]}`.", near)


def values_for(check: Check, given: Values) -> dict[str, Any]:
    """Return the value of each parameter of a check.

    Parameters:
        check: the check.
        given: values by `CHECK.NAME`, which wins, or by `NAME`; the default is used for others.

    Raises:
        InvalidArgumentsError: a value is of another kind than the default.
    """
    values = {}
    for parameter in check.parameters:
        value = given.get(f"{check.name}.{parameter.name}", given.get(parameter.name, parameter.value))
        if not _is_like(value, parameter.value):
            expected = f"a {parameter.kind}, such as {parameter.default}"
            raise InvalidArgumentsError(
                f"The parameter `{parameter.name}` of {check.name} is {expected}, got {value!r:.60}."
            )
        values[parameter.name] = value
    return values


def _is_like(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    kinds: tuple[type | tuple[type, ...], ...] = ((int, float), str, (list, tuple, dict))
    return default is None or any(isinstance(default, kind) and isinstance(value, kind) for kind in kinds)


def _run(check: Check, values: Values, session: Session, frontend: Frontend) -> CheckResult:
    """Run one check in a fresh session."""
    outcome = CheckResult(check, parameters=values)
    result: Result | None = None
    try:
        result = session.execute(check.source, RunOptions(name=check.file, inputs=values), frontend)
    except KosmoError as error:
        outcome.reason, result = error.message, error.result
    if result is not None:
        outcome.output, outcome.notes, outcome.seconds = result.output, result.notes, result.seconds
    if result is not None and not outcome.reason:
        outcome.reason = _fill(outcome, result)
    return outcome


def _fill(outcome: CheckResult, result: Result) -> str:
    """Add the findings that a check returned; return why it counts as not checked, or an empty text."""
    value = result.value
    check = outcome.check
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        value = Records(value)
    if not isinstance(value, Records):
        return f"It must return the list of findings, and returned {_described(value)}."
    keys = [key_of(row, check.key) for row in value]
    if None in keys:
        place = keys.index(None)
        columns, has = ", ".join(check.key), ", ".join(map(str, value[place])) or "none"
        return f"Each finding needs the columns of `key`: {columns}. Number {place + 1} has {has}."
    outcome.findings = [Finding(check, row, key) for row, key in zip(value, keys, strict=True) if key is not None]
    outcome.records = value
    return ""


def _described(value: Any) -> str:
    if isinstance(value, (dict, Record)):
        return "one table and no list"
    if isinstance(value, list):
        return "a list of other values"
    kinds = {type(None): "nothing", bool: "a boolean", int: "a number", float: "a number", str: "a text"}
    return kinds.get(type(value), "something else")
