"""Parameters for Lua notebooks that papermill runs.

papermill writes a cell of assignments, and needs for that someone who knows the language. It has no list that a
package could be entered in for that, but one of engines, which it imports as it starts: the entry point
`papermill.engine` names this module, whose import makes Lua known, and papermill's own engine as `kosmo-lua`.
"""

# papermill has no types.
# mypy: allow-untyped-calls, allow-subclassing-any, allow-untyped-decorators

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from papermill.engines import NBClientEngine as Engine  # type: ignore[import-untyped]
from papermill.models import Parameter  # type: ignore[import-untyped]
from papermill.translators import Translator, papermill_translators  # type: ignore[import-untyped]

from kosmo_kernel.runbook.parameters import LUA, declared
from kosmo_kernel.values import lua_syntax
from kosmo_kernel.values.lua_syntax import KEYWORDS

__all__ = ["Engine", "LuaTranslator"]

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")


class LuaTranslator(Translator):
    """Values as Lua writes them, and what a cell of parameters says of them."""

    @classmethod
    def translate_none(cls, val: None) -> str:
        """No value: the variable is unset."""
        return "nil"

    @classmethod
    def translate_str(cls, val: str) -> str:
        """A text in quotes, on one line."""
        return lua_syntax.text(val)

    @classmethod
    def translate_float(cls, val: float) -> str:
        """A number; what is none, or too large, has no literal."""
        if math.isnan(val):
            return "0/0"
        if math.isinf(val):
            return "math.huge" if val > 0 else "-math.huge"
        return repr(val)

    @classmethod
    def translate_list(cls, val: list[Any]) -> str:
        """A table. A nil would end it early, so a value that is none is JSON's null."""
        return "{" + ", ".join("json.null" if item is None else cls.translate(item) for item in val) + "}"

    @classmethod
    def translate_dict(cls, val: Mapping[Any, Any]) -> str:
        """A table with names."""
        return (
            "{" + ", ".join(f"[{cls.translate(str(key))}] = {cls.translate(item)}" for key, item in val.items()) + "}"
        )

    @classmethod
    def comment(cls, cmt_str: str) -> str:
        """A line that Lua skips."""
        return f"-- {cmt_str}".rstrip()

    @classmethod
    def assign(cls, name: str, str_val: str) -> str:
        """An assignment, also to what cannot be written as a name."""
        is_name = _NAME.fullmatch(name) and name not in KEYWORDS
        return f"{name} = {str_val}" if is_name else f"_G[{cls.translate_str(name)}] = {str_val}"

    @classmethod
    def inspect(cls, parameters_cell: Mapping[str, Any]) -> list[Parameter]:
        """What `papermill --help-notebook` shows: each assignment, its value, and the comment behind it on its line."""
        found = declared(str(parameters_cell["source"]), LUA)
        return [Parameter(one.name, one.kind or "None", one.usual, one.doc) for one in found]


papermill_translators.register("lua", LuaTranslator)
