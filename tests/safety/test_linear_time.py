"""Text that others wrote is read in time that grows with its length: in the worst cases that patterns are known for."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest

from kosmo_kernel.checks import exemptions
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.mcp.calls import arguments_by_name
from kosmo_kernel.mcp.tools import Tool, lua_names, tools_of
from kosmo_kernel.questions.question import parse_question
from kosmo_kernel.reader.documents import MAX_SMALL_HTML, jsonc_value, line_of
from kosmo_kernel.runbook import page
from kosmo_kernel.safety.html import sanitize_html
from kosmo_kernel.safety.markdown import sanitize_markdown
from kosmo_kernel.safety.text import UnsafeContentError

ARABIC = {ord("0") + digit: 0x660 + digit for digit in range(10)}  # no letters and digits that Lua knows
HEAD = "".join(f"-- {key}: read\n" for key in ("title", "why", "do", "scope", "key")) + "-- severity: low\n"


def tool_of(count: int) -> Tool:
    properties = {f"a{number}": {"type": "string"} for number in range(count)}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    (tool,) = tools_of("s", [{"name": "t", "inputSchema": schema}])
    return tool


def check_with(parameter: str) -> None:
    parse_question(f"{HEAD}-- param: {parameter}\nreturn {{}}\n", "x.lua")


def titles_of(heading: str) -> None:
    page.set_titles(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"# {heading}")]))


READINGS: dict[str, tuple[int, Callable[[int], object]]] = {
    "a tag without end": (20_000, lambda n: sanitize_html("<" + "a" * n)),
    "a fence with a mark": (20_000, lambda n: sanitize_markdown("~" * n + "`")),
    "a fence with blanks": (20_000, lambda n: sanitize_markdown("~~~" + " " * n + "`")),
    "comments without end": (10_000, lambda n: jsonc_value("x", "/*a" * n)),
    "a text without end": (10_000, lambda n: jsonc_value("x", '"' + '\\"' * n)),
    "names that become one": (2_000, lambda n: lua_names(str(number).translate(ARABIC) for number in range(n))),
    "a tool of many arguments": (1_000, lambda n: tool_of(n).signature),
    "a call of a tool of many arguments": (500, lambda n: arguments_by_name(tool_of(n), {"x": 1})),
    "a parameter of blanks": (2_000, lambda n: check_with("a =" + " " * n + "x")),
    "a parameter of bars": (2_000, lambda n: check_with("a = 1" + " |" * n + " x")),
    "a heading of marks": (10_000, lambda n: titles_of("a" + " #" * n)),
    "a heading of brackets": (10_000, lambda n: titles_of("[a" * n)),
    "a heading of links": (10_000, lambda n: titles_of("[a](" * n)),
    "a page of links": (10_000, lambda n: page.without_local_links("<a href=x>" * n)),
    "a page of a tag": (10_000, lambda n: page.without_local_links("<a " + "href=" * n)),
    "the line of a key after many": (5_000, lambda n: line_of("a = '''''' # b\n" * n, ["z"])),
    "the line of a key after a long text": (20_000, lambda n: line_of('a = """' + '""' * n, ["z"])),
    "many exceptions": (2_000, lambda n: exemptions.entry_lines(Path("x"), "[[accept]]\n" * n, n)),
}


HOSTILE = ["\u00a0", "&", "<", "<b>", "<p><b><i><u><s>", "<table><b><td><p><i><a>", "<b a=1>", "<!--", '<a "', "$\\("]


@pytest.mark.full
@pytest.mark.parametrize("unit", HOSTILE)
def test_html_that_is_short_enough_for_this_process_takes_no_time_and_does_not_grow(unit: str) -> None:
    text = (unit * MAX_SMALL_HTML)[:MAX_SMALL_HTML]
    with suppress(UnsafeContentError):
        assert len(sanitize_html(text)) < 20 * MAX_SMALL_HTML
    assert seconds(lambda _size: sanitize_html(text), 0) < 0.1


def seconds(reading: Callable[[int], object], size: int) -> float:
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        with suppress(KosmoError, UnsafeContentError):
            reading(size)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.full
@pytest.mark.parametrize(("size", "reading"), READINGS.values(), ids=READINGS)
def test_a_text_sixteen_times_as_long_takes_less_than_sixty_times_as_long(
    size: int, reading: Callable[[int], object]
) -> None:
    seconds(reading, 100)  # imports what it needs
    assert seconds(reading, 16 * size) < 60 * max(seconds(reading, size), 1e-4)
