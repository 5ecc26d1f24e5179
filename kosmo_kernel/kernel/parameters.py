"""A Lua translator for papermill, so that it can set the parameters of Lua notebooks.

papermill writes a cell of assignments, for which it needs a translator for the notebook's language. It has no entry
point for translators, but one for engines, which it imports at startup. The entry point `papermill.engine` therefore
names this module: importing it registers the translator, and papermill's own engine under the name `kosmo-lua`.
"""

# papermill has no type annotations.
# mypy: allow-untyped-calls, allow-subclassing-any, allow-untyped-decorators

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from papermill.engines import NBClientEngine as Engine  # type: ignore[import-untyped]
from papermill.models import Parameter  # type: ignore[import-untyped]
from papermill.translators import Translator, papermill_translators  # type: ignore[import-untyped]

from kosmo_kernel.runbook.notebook import LUA, parse_declarations
from kosmo_kernel.values import lua_literals

__all__ = ["Engine", "LuaTranslator"]


class LuaTranslator(Translator):
    """Translates parameter values to Lua, and reads the parameters that a cell declares."""

    @classmethod
    def translate(cls, val: Any) -> str:
        """Return a literal; None becomes `nil`, which unsets the variable, and inside of a table `json.null`."""
        return "nil" if val is None else lua_literals.literal(val)

    @classmethod
    def comment(cls, cmt_str: str) -> str:
        """Return a comment line."""
        return f"-- {cmt_str}".rstrip()

    @classmethod
    def assign(cls, name: str, str_val: str) -> str:
        """Return an assignment; a name that is no Lua identifier is set as a field of `_G`."""
        variable = name if lua_literals.is_lua_name(name) else f"_G{lua_literals.field(name)}"
        return f"{variable} = {str_val}"

    @classmethod
    def inspect(cls, parameters_cell: Mapping[str, Any]) -> list[Parameter]:
        """Return the declared parameters for `papermill --help-notebook`: name, type, value and trailing comment."""
        parameters = parse_declarations(str(parameters_cell["source"]), LUA)
        return [Parameter(p.name, p.kind or "None", p.default, p.doc) for p in parameters]


papermill_translators.register("lua", LuaTranslator)
