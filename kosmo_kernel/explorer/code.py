"""The code of a call: an expression of Lua or of Python, and the cell of a notebook that makes the call.

An argument that is a function stands for the list that this function returns for the same account.
"""

from __future__ import annotations

from collections.abc import Mapping
from keyword import iskeyword
from typing import Any

from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.values.lua_literals import LuaCode, literal
from kosmo_kernel.values.lua_literals import field as lua_field


def lua_call(integration: Integration, function: Function, arguments: Mapping[str, Any], alias: str) -> str:
    """Return a call as Lua.

    Parameters:
        integration: the service.
        function: the function.
        arguments: the arguments by name.
        alias: the account; empty for that of the cell.
    """
    account = lua_field(alias) if alias else ""
    values = {
        name: LuaCode(lua_call(integration, value, {}, alias)) if isinstance(value, Function) else value
        for name, value in arguments.items()
    }
    return f"app.integrations.{integration.name}{account}.{function.name}({literal(values) if values else ''})"


def python_call(integration: Integration, function: Function, arguments: Mapping[str, Any], alias: str) -> str:
    """Return a call as Python; the parameters are those of `lua_call`."""
    is_name = alias.isidentifier() and not iskeyword(alias)
    account = (f".{alias}" if is_name else f"[{python_literal(alias)}]") if alias else ""
    values = (
        f"{name}={python_call(integration, value, {}, alias) if isinstance(value, Function) else python_literal(value)}"
        for name, value in arguments.items()
    )
    return f"{integration.name}{account}.{function.name}({', '.join(values)})"


def python_literal(value: Any) -> str:
    """Return a text, a number, a boolean or a list of these as Python, with double quotes where they need no escape."""
    if isinstance(value, list):
        return f"[{', '.join(map(python_literal, value))}]"
    written = repr(value)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in written and "\\'" not in written else written


def python_cell(integration: Integration, call: str, variables: Mapping[str, Any]) -> str:
    """Return the cell of a Python notebook that makes a call, with the import that its variables lack."""
    name = integration.name
    is_there = getattr(variables.get(name), "__name__", "") == f"kosmo_kernel.{name}"
    return call if is_there else f"from kosmo_kernel import {name}\n\n{call}"
