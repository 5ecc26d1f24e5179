"""A Lua translator for papermill, so that it can set the parameters of Lua notebooks.

papermill writes a cell of assignments, for which it needs a translator for the notebook's language. It has no entry
point for translators, but one for engines, which it imports at startup. The entry point `papermill.engine` therefore
names this module: importing it registers the translator, and papermill's own engine under the name `kosmo-lua`.
"""

# papermill has no type annotations.
# mypy: allow-untyped-calls, allow-subclassing-any, allow-untyped-decorators

from __future__ import annotations

import math
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
    def translate_none(cls, val: None) -> str:
        """Return `nil`, which unsets the variable."""
        return "nil"

    @classmethod
    def translate_str(cls, val: str) -> str:
        """Return a quoted string literal on one line."""
        return lua_literals.text(val)

    @classmethod
    def translate_float(cls, val: float) -> str:
        """Return a number; NaN and infinity have no literal and become expressions."""
        if math.isnan(val):
            return "0/0"
        if math.isinf(val):
            return "math.huge" if val > 0 else "-math.huge"
        return repr(val)

    @classmethod
    def translate_list(cls, val: list[Any]) -> str:
        """Return a table constructor. None becomes `json.null`, because a nil would end the list early."""
        return "{" + ", ".join("json.null" if item is None else cls.translate(item) for item in val) + "}"

    @classmethod
    def translate_dict(cls, val: Mapping[Any, Any]) -> str:
        """Return a table constructor with string keys."""
        return (
            "{" + ", ".join(f"[{cls.translate(str(key))}] = {cls.translate(item)}" for key, item in val.items()) + "}"
        )

    @classmethod
    def comment(cls, cmt_str: str) -> str:
        """Return a comment line."""
        return f"-- {cmt_str}".rstrip()

    @classmethod
    def assign(cls, name: str, str_val: str) -> str:
        """Return an assignment; a name that is no Lua identifier is set as a field of `_G`."""
        return f"{name} = {str_val}" if lua_literals.is_lua_name(name) else f"_G[{cls.translate_str(name)}] = {str_val}"

    @classmethod
    def inspect(cls, parameters_cell: Mapping[str, Any]) -> list[Parameter]:
        """Return the declared parameters for `papermill --help-notebook`: name, type, value and trailing comment."""
        parameters = parse_declarations(str(parameters_cell["source"]), LUA)
        return [Parameter(p.name, p.kind or "None", p.default, p.doc) for p in parameters]


papermill_translators.register("lua", LuaTranslator)
