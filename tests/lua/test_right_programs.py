"""Test that programs which are right get no warning: shipped questions, guides, notebooks and examples."""

from __future__ import annotations

import json
import re

import lupa.lua54
from repository import ROOT

from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.lua.lint import lint

PACKAGE = ROOT / "kosmo_kernel"
LUA = lupa.lua54.LuaRuntime()


def programs() -> dict[str, str]:
    """Return the programs of this project with the files that have them."""
    found = {path.read_text("utf-8"): path.stem for path in PACKAGE.rglob("*.lua")}
    for path in (*PACKAGE.rglob("*.md"), *ROOT.glob("*.md")):
        for block in re.findall(r"```lua\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
            found.setdefault(block, path.stem)
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            magic, _, lua = "".join(cell["source"]).partition("\n")
            found.setdefault(lua if magic.startswith("%%kosmo_lua") else f"{magic}\n{lua}", path.stem)
    found |= {f"return heroku.{function.example_call}": function.name for function in HEROKU.functions}
    found |= {function.example: function.name for function in HEROKU.functions if function.example}
    return {source: name for source, name in found.items() if source.strip() and is_accepted(source)}


def is_accepted(source: str) -> bool:
    """Return whether Lua compiles a text."""
    try:
        return bool(LUA.compile(source))
    except lupa.lua54.LuaError:
        return False


def test_right_programs_get_no_warning() -> None:
    sources = programs()
    warnings = {name: found for source, name in sources.items() if (found := lint(source, lambda _: True))}
    assert (len(sources) >= 200, warnings) == (True, {})
