"""Whatever is typed, an editor answers: texts of real cells cut anywhere, and texts that are nothing at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from editor_state import EARLIER, worked
from hypothesis import example, given, settings
from hypothesis import strategies as st
from repository import ROOT

from kosmo_kernel import editor
from kosmo_kernel.integrations.heroku.functions import FUNCTIONS as BY_HAND
from kosmo_kernel.session import Session
from kosmo_kernel.values.lua_source import indent

PIECES = (
    *("'", '"', "[[", "]]", "--", "--[[", "\n", "\\", " ", ".", ":", "..", "...", ",", ";", "=", "==", "::", "[", "]"),
    *(
        "{",
        "}",
        "(",
        ")",
        "<const>",
        "#",
        "-",
        "%",
        "%%kosmo_lua -a ",
        "%kosmo docs ",
        "é🙂",
        "\ud800",
        "\0",
        "1.5",
        "x",
    ),
    *("and", "or", "not", "end", "do", "then", "else", "elseif", "if", "repeat", "until", "while", "return", "goto"),
    *("local x = ", "function", "function f(", "function M:go(", "for k, v in ", "ipairs(", "pcall(", "setmetatable("),
    *("parallel.map(", "table.sort(", "known.list_dynos({", "app.integrations.heroku", "apps", "first", "settings"),
    *("savings", "watched", "self", "M", "greeting", "string", "docs.read("),
)


def cells() -> list[str]:
    """Return the Lua of this project's notebooks and reference."""
    found = [EARLIER, *(function.example for function in BY_HAND)]
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and re.search(r"\blocal\b|app\.integrations", source):
                found.append(source)
    return found


CELLS = cells()
NONSENSE = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
TEXTS = NONSENSE | st.text(max_size=60) | st.tuples(st.sampled_from(CELLS), NONSENSE).map("".join)
THREE = 3  # characters that may be missing behind the cursor


@pytest.fixture(scope="module")
def lua() -> Iterator[Session]:
    with worked() as session:
        yield session


def answers(code: str, cursor: int, live: editor.LiveState | None) -> None:
    """Everything an editor asks at one place, none of which may raise."""
    found = editor.complete(code, cursor, live)
    typed = code[found.start : found.end]
    assert 0 <= found.start <= found.end == cursor
    assert all(match.text.lower().startswith(typed.lower()) for match in found.matches)
    for detail in (0, 1):
        editor.inspect(code, cursor, live, detail)
    assert not indent(code[:cursor]).strip()
    for is_lua in (True, False):
        place = editor.lua_at_cursor(code, cursor, lua=is_lua)
        if place is not None:
            span = place.complete(live, ("frame",))
            assert 0 <= span.start <= span.end == cursor
            place.inspect(live)


def test_there_are_cells_to_cut() -> None:
    assert len(CELLS) > 10


@settings(max_examples=30)
@given(st.sampled_from(CELLS), st.data())
def test_real_cells_cut_anywhere_are_answered(lua: Session, cell: str, data: st.DataObject) -> None:
    cursor = data.draw(st.integers(0, len(cell)))
    missing = data.draw(st.integers(0, THREE))
    for live in (lua, None):
        answers(cell[:cursor] + cell[cursor + missing :], cursor, live)
        answers(cell[:cursor], cursor, live)


@settings(max_examples=40)
@given(TEXTS, st.data())
@example("known.list_dynos({" * 50, None)
@example("(" * 2000 + "x.", None)
@example("{" * 500 + "]" * 500 + "end " * 500, None)
@example("function f() return " * 200, None)
@example("x = x or " * 500 + "x.", None)
@example("local a = a " * 300 + "a.", None)
@example("t.a.b.c.d = { e = t } " * 100 + "t.a.b.", None)
@example("if x then " * 300 + "elseif " * 10, None)
@example("x" + ".x" * 5000, None)
@example("x" + "[1]" * 5000, None)
def test_any_text_is_answered(lua: Session, code: str, data: st.DataObject | None) -> None:
    cursor = data.draw(st.integers(0, len(code))) if data is not None else len(code)
    for live in (lua, None):
        answers(code, cursor, live)


def test_a_cursor_beyond_the_text_is_at_its_end(lua: Session) -> None:
    found = editor.complete("greet", 99, lua)
    assert ([match.text for match in found.matches], found.start, found.end) == (["greeting"], 0, 5)
    assert editor.inspect("greeting", 99, lua) is None
