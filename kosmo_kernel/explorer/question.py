"""The call that is chosen in the explorer's form, and the Lua code for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kosmo_kernel import accounts, integrations
from kosmo_kernel.catalogue import Function, Integration, Param
from kosmo_kernel.settings.cell_options import LUA_MAGIC
from kosmo_kernel.values.lua_literals import LuaCode, field, literal

_PREFIX = "app.integrations."
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class ExplorerCall:
    """A call of an API function."""

    integration: Integration  # the service
    function: Function  # one of its functions
    alias: str  # the alias of the account
    arguments: Mapping[str, Any]  # the arguments by name; a function stands for the list that it returns
    default: str  # the session's account, which a call without an alias uses

    @property
    def account(self) -> str | None:
        """The run's `account` option, for the default account: Lua has no name for it if the session uses another."""
        return self.alias if self.alias == accounts.DEFAULT != self.default else None

    @property
    def lua(self) -> str:
        """The Lua code of the call."""
        arguments = {
            name: LuaCode(self._call(value)) if isinstance(value, Function) else value
            for name, value in self.arguments.items()
        }
        return self._call(self.function, literal(arguments) if arguments else "")

    def _call(self, function: Function, arguments: str = "") -> str:
        alias = "" if self.alias == accounts.DEFAULT else field(self.alias)
        return f"{_PREFIX}{self.integration.name}{alias}.{function.name}({arguments})"

    def cell(self, first_line: str) -> str:
        """Return the text of a cell that makes the call, with the `first_line` of a `NotebookContext`."""
        if self.account:
            return f"%%{LUA_MAGIC} --account {self.account}\n{self.lua}"
        return f"{first_line}\n{self.lua}" if first_line else self.lua


def functions() -> dict[str, tuple[Integration, Function]]:
    """Return all functions by full name, such as `heroku.list_apps`."""
    return {
        name: (integration, function)
        for integration in integrations.load_all()
        for name, function in integration.by_full_name().items()
    }


def aliases(integration: Integration, default: str) -> dict[str, str]:
    """Return the accounts to choose from with their labels; the session's account is first, even without a token."""
    configured = accounts.names(integration, default)
    first = default if default in configured or default == accounts.DEFAULT else accounts.DEFAULT
    labels = {}
    for alias in dict.fromkeys((first, *configured)):
        labels[alias] = alias if alias in configured else f"{alias} (no token)"
        if accounts.is_demo(accounts.account_in_use(alias, default, [integration])) and alias != accounts.DEFAULT:
            labels[alias] = f"{alias} (a fictional company)"
    return labels


def parse_field(param: Param, typed: str) -> Any:
    """Parse the text of a parameter's field; return None if it is empty, and a text that fits no kind unchanged."""
    parts = [part.strip() for part in typed.split(",")] if param.each else [typed.strip()]
    values = [_value(param, part) for part in parts if part]
    return values if len(values) > 1 else next(iter(values), None)


def _value(param: Param, text: str) -> Any:
    if param.kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if param.kind == "number" and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return _BOOLEANS.get(text, text) if param.kind == "boolean" else text
