"""Characters that nobody sees, or that change what is seen around them, at each place where people read."""

from __future__ import annotations

import json
import re

import hcl2
import pytest
from lupa.lua54 import LuaRuntime
from repository import ROOT

from kosmo_kernel.checks.inventory_folder import quoted
from kosmo_kernel.cli.streams import escape_controls
from kosmo_kernel.safety.markup import Html
from kosmo_kernel.safety.text import HIDDEN, with_escapes, with_json_escapes
from kosmo_kernel.values import lua_literals

HIDDEN_CHARACTERS = {
    "delete": "\x7f",
    "a control": "\x9b",
    "a blank without a width": "\u200b",
    "a byte order mark": "\ufeff",
    "a line separator": "\u2028",
    "an Arabic letter mark": "\u061c",
    "a right-to-left mark": "\u200f",
    "a right-to-left override": "\u202e",
    "an isolate": "\u2067",
    "an annotation": "\ufff9",
    "a tag": "\U000e0041",
    "a variation selector of the supplement": "\U000e0100",
}
SEEN = "é ß 漢字 한국어 العربية עברית 👩‍💻 ❤️ क्ष"


@pytest.mark.claim("parent-hidden")
@pytest.mark.parametrize("character", HIDDEN_CHARACTERS.values(), ids=HIDDEN_CHARACTERS)
def test_each_output_for_people_has_an_escape_in_place_of(character: str) -> None:
    text = f"a{character}b"
    outputs = {
        "text": with_escapes(text),
        "terminal": escape_controls(text),
        "JSON": with_json_escapes(json.dumps(text, ensure_ascii=False).encode()).decode(),
        "Terraform": quoted(text),
        "Lua": lua_literals.text(text),
        "HTML": Html.escape(text),
    }
    assert [name for name, output in outputs.items() if re.search(f"[{HIDDEN}]", output)] == []


@pytest.mark.parametrize("character", HIDDEN_CHARACTERS.values(), ids=HIDDEN_CHARACTERS)
def test_an_escape_stands_for_the_same_text(character: str) -> None:
    text = f"a{character}b"
    assert json.loads(with_json_escapes(json.dumps([text], ensure_ascii=False).encode())) == [text]
    assert LuaRuntime(encoding="utf-8").eval(lua_literals.text(text)) == text
    assert "a" in hcl2.loads(f"a = {quoted(text)}\n")  # it is still a string


def test_letters_of_all_scripts_and_emoji_stay_as_they_are() -> None:
    assert with_escapes(SEEN) == escape_controls(SEEN) == SEEN
    assert with_json_escapes(SEEN.encode()).decode() == SEEN


def test_no_other_table_of_hidden_characters_is_written_down() -> None:
    tables = re.compile(r"\\u202[8-9a-e]|\\u206[6-9]|\\U000e0|\\u200[ef]")
    package = ROOT / "kosmo_kernel"
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if tables.search(path.read_text(encoding="utf-8"))
    }
    # Line ends that programs differ about, and the first character of a block, which spares an import.
    assert found - {"safety/text.py"} == {"safety/markup.py", "cli/streams.py"}
