"""What is asked in the explorer, as the Lua that asks it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kosmo_kernel import accounts, integrations
from kosmo_kernel.catalogue import Function, Integration, Param, nearest
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.settings.cell_options import LUA_MAGIC
from kosmo_kernel.values.lua_syntax import field, literal

_SPACE = "app.integrations."
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?", re.ASCII)
_TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class ExplorerCall:
    """A call.

    Parameters:
        integration: the service.
        function: one of its functions.
        alias: whose account.
        arguments: by name.
        default: the alias that a call without one means, which is the session's.
    """

    integration: Integration
    function: Function
    alias: str
    arguments: Mapping[str, Any]
    default: str

    @property
    def account(self) -> str | None:
        """What the run must be given: Lua has no name for the default account where the session's is another."""
        return self.alias if self.alias == accounts.DEFAULT != self.default else None

    @property
    def lua(self) -> str:
        """The call."""
        alias = "" if self.alias == accounts.DEFAULT else field(self.alias)
        arguments = literal(self.arguments) if self.arguments else ""
        return f"{_SPACE}{self.integration.name}{alias}.{self.function.name}({arguments})"

    def cell(self, first_line: str) -> str:
        """A cell that makes it.

        Parameters:
            first_line: what a cell of Lua begins with; empty where every cell is one.
        """
        if self.account:
            return f"%%{LUA_MAGIC} --account {self.account}\n{self.lua}"
        return f"{first_line}\n{self.lua}" if first_line else self.lua


def functions() -> dict[str, tuple[Integration, Function]]:
    """Everything that can be asked, by full name."""
    return {
        name: (integration, function)
        for integration in integrations.everything()
        for name, function in integration.by_full_name().items()
    }


def chosen(name: str) -> tuple[Integration, Function]:
    """The function that a name means: `list_apps`, `heroku.list_apps`, or with all that Lua has in front of it.

    Raises:
        UnknownNameError: there is none; with the nearest full names.
    """
    known = functions()
    if not name:
        return next(iter(known.values()))
    service, _, rest = name.removeprefix(_SPACE).rpartition(".")
    for integration in integrations.everything():
        if service in (integration.name, "") and (function := integration.names().get(rest)):
            return integration, function
    own = nearest(rest, [full.rpartition(".")[2] for full in known])
    near = [full for one in own for full in known if full.endswith(f".{one}")] or list(known)
    raise UnknownNameError(f"There is no function `{name}`.", tuple(near))


def aliases(integration: Integration, default: str) -> dict[str, str]:
    """The accounts to choose from, each with how it is shown; the session's first, whether or not it has a token."""
    there = accounts.names(integration)
    first = default if default in there or default == accounts.DEFAULT else accounts.DEFAULT
    found = {}
    for alias in dict.fromkeys((first, *there)):
        found[alias] = alias if alias in there else f"{alias} (no token)"
        if alias == accounts.DEMO:
            found[alias] = f"{alias} (a fictional company)"
    return found


def read(param: Param, typed: str) -> Any:
    """What was typed for a parameter, as the value that it means; None for nothing. What fits no kind stays a text."""
    parts = [part.strip() for part in typed.split(",")] if param.each else [typed.strip()]
    values = [_value(param, part) for part in parts if part]
    return values if len(values) > 1 else next(iter(values), None)


def _value(param: Param, text: str) -> Any:
    if param.kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if param.kind == "number" and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return _TRUTHS.get(text, text) if param.kind == "boolean" else text


def lister(integration: Integration, param: Param) -> Function | None:
    """The function that lists what a parameter can be: one that needs nothing, and whose records may stand for it."""
    wanted = set(param.each)
    return next(
        (
            function
            for function in integration.functions
            if function.returns == "list"
            and not any(other.required for other in function.params)
            and wanted
            and wanted <= {column.name for column in function.columns}
        ),
        None,
    )
