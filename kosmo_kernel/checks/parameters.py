"""The values of the parameters of checks: their defaults, the user's settings, and what a command or a cell has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kosmo_kernel.errors import InvalidArgumentsError, SettingsError, UnknownNameError
from kosmo_kernel.questions.question import Question, QuestionParameter
from kosmo_kernel.settings.config_file import config
from kosmo_kernel.settings.table import CHECK_PARAMETER
from kosmo_kernel.text import nearest
from kosmo_kernel.values.lua_literals import value_of

Values = Mapping[str, Any]
_SETTING = CHECK_PARAMETER.config[:-1]  # the table of parameters in the user's settings


def check_parameters(checks: Sequence[Question], arguments: Values) -> None:
    """Check that each of some parameters is one of some check.

    Parameters:
        checks: the checks.
        arguments: values by `NAME` or `CHECK.NAME`.

    Raises:
        UnknownNameError: no check has it.
    """
    names = _by_name(checks)
    for name in arguments:
        if name not in names:
            has = "None of the checks has" if len(checks) > 1 else f"{checks[0].name} has" if checks else "There is"
            no = " no" if len(checks) == 1 or not checks else " a"
            raise UnknownNameError(f"{has}{no} parameter `{name[:80]}`.", tuple(nearest(name, names)))


def values_for(check: Question, arguments: Values) -> dict[str, Any]:
    """Return the value of each parameter of a check. A required one that nobody set is not among them.

    Parameters:
        check: the check.
        arguments: values by `CHECK.NAME`, which wins, or by `NAME`; those of the user's settings, or else the defaults,
            are used for others.

    Raises:
        InvalidArgumentsError: a value is of another kind than the default.
        SettingsError: one in the user's settings is.
    """
    settings = config()
    values = {}
    for parameter in check.parameters:
        names = (f"{check.name}.{parameter.name}", parameter.name)
        keys = ((*_SETTING, check.name, parameter.name), (*_SETTING, parameter.name))
        if name := next((name for name in names if name in arguments), ""):
            value = arguments[name]
            if not parameter.accepts(value):
                raise InvalidArgumentsError(f"The {_mistake(check, parameter, value)}")
        elif key := next((key for key in keys if not isinstance(settings.get(*key), dict | None)), None):
            value = settings.get(*key)
            if not parameter.accepts(value):
                raise SettingsError(f"{settings.place(*key)}: the {_mistake(check, parameter, value)}")
        else:
            value = parameter.value
        if not parameter.is_missing(value):
            values[parameter.name] = value
    return values


def setup_of(check: Question, parameter: QuestionParameter) -> str:
    """Return the option that sets a parameter, and what it means: `-p leavers.leavers '["…"]' (the addresses …)`."""
    return f"-p {check.name}.{parameter.name} {parameter.example} ({parameter.doc})"


def setup_options(
    check: Question, values: Values, option: Callable[[Question, QuestionParameter], str] = setup_of
) -> list[str]:
    """Return how to set the required parameters of a check that have no value.

    Parameters:
        check: the check.
        values: the values of its parameters, from `values_for`.
        option: returns how to set a parameter.
    """
    missing = (parameter for parameter in check.parameters if parameter.required and parameter.name not in values)
    return [option(check, parameter) for parameter in missing]


def require_parameters(
    checks: Sequence[Question], arguments: Values, option: Callable[[Question, QuestionParameter], str] = setup_of
) -> None:
    """Check that checks which a user named have their required parameters.

    Parameters:
        checks: the checks.
        arguments: as for `values_for`.
        option: returns how to set a parameter.

    Raises:
        InvalidArgumentsError: some are missing; the message has a line for each.
    """
    missing = {check.name: setup_options(check, values_for(check, arguments), option) for check in checks}
    if any(missing.values()):
        lines = "".join(f"\n  {line}" for options in missing.values() for line in options)
        names = ", ".join(name for name, options in missing.items() if options)
        raise InvalidArgumentsError(
            f"{names}: not set up, and nothing was sent. Give what the question is about, here or in "
            f"`[{'.'.join(_SETTING)}]` of `config.toml`:{lines}"
        )


def parse_parameters(checks: Sequence[Question], arguments: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of parameters that a user typed, as the kind of each default says.

    Parameters:
        checks: the checks.
        arguments: texts by `NAME` or `CHECK.NAME`.

    Raises:
        UnknownNameError: no check has a parameter of a name.
        InvalidArgumentsError: a text is no value of its kind.
    """
    check_parameters(checks, arguments)
    by_name = _by_name(checks)
    return {
        f"{check.name}.{parameter.name}": value_of(parameter, text)
        for name, text in arguments.items()
        for check, parameter in by_name[name]
    }


def _by_name(checks: Sequence[Question]) -> dict[str, list[tuple[Question, QuestionParameter]]]:
    """Return the parameters of checks by `NAME`, and then by `CHECK.NAME`."""
    parameters = [(check, parameter) for check in checks for parameter in check.parameters]
    by_name: dict[str, list[tuple[Question, QuestionParameter]]] = {}
    for check, parameter in parameters:
        by_name.setdefault(parameter.name, []).append((check, parameter))
    return by_name | {f"{check.name}.{parameter.name}": [(check, parameter)] for check, parameter in parameters}


def _mistake(check: Question, parameter: QuestionParameter, value: Any) -> str:
    kind = {"table": "list"}.get(parameter.kind, parameter.kind)
    usual = f"a {kind} (usually {parameter.default})" if parameter.default else f"a {kind}"
    return f"parameter `{parameter.name}` of {check.name} is {usual}, got {value!r:.60}."
