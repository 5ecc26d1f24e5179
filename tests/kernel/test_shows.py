"""Test how the Lua kernel shows what is no table of records: outlines that fold, failures, what is very long."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from kosmo_kernel.errors import KosmoError, LuaRuntimeError, RateLimitError, RefusedError
from kosmo_kernel.kernel.channels import error_content
from kosmo_kernel.render.display import MAX_PARTS, PARTS, TEXT_MOST, Bundle, bundles_of, outline, with_outline
from kosmo_kernel.safety.markup import Plain
from kosmo_kernel.settings.cell_options import Options
from kosmo_kernel.values.records import Records

LONG = "a text that is long enough to need a line of its own, and a few words more"


class Reader(HTMLParser):
    """The text of an outline, line by line, as somebody sees it who has opened all; and what is open at first."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.open: list[bool] = []
        self.tags: set[str] = set()
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._style = tag == "style"
        if tag in ("summary", "li"):
            self.lines.append("")
        if tag == "details":
            self.open.append("open" in dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        self._style = self._style and tag != "style"

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.lines[-1] += data


def seen(value: Any) -> Reader:
    reader = Reader()
    reader.feed(outline(value))
    reader.lines = [line for line in reader.lines if line]
    return reader


# Outlines ----------------------------------------------------------------------------------------------


def test_integer_keys_stand_in_brackets_as_print_has_them() -> None:
    assert seen({1: LONG, "1": LONG}).lines[1:] == [f'[1]: "{LONG}"', f'1: "{LONG}"']


@pytest.mark.parametrize("value", [1, "a", None, [], {}, [1, 2, 3], {"a": {"b": [1]}}, "x" * 1000])
def test_what_fits_on_a_line_is_no_outline(value: Any) -> None:
    assert outline(value) == ""


def test_what_is_larger_has_a_heading_with_its_size_and_its_parts_below() -> None:
    assert seen({"name": "x", "hosts": [{"host": LONG, "up": True}, {"host": "b"}], "none": None}).lines == [
        "3 fields",
        'name: "x"',
        "hosts: 2 elements",
        "1 2 fields",
        f'host: "{LONG}"',
        "up: true",
        '2 { host: "b" }',
        "none: null",
    ]


def test_the_upper_levels_are_open_where_that_is_not_much() -> None:
    few, many = [LONG] * 3, [LONG] * 50
    assert seen({"few": few, "many": many, "deep": {"deeper": [few]}}).open == [True, True, False, True, False, False]


def test_of_a_long_list_the_first_are_there_and_the_rest_is_counted() -> None:
    lines = seen([LONG] * (PARTS + 1234)).lines
    assert (len(lines), lines[0], lines[-1]) == (PARTS + 2, "1,334 elements", "… 1,234 more")


def test_an_outline_ends_however_much_there_is() -> None:
    value: Any = [LONG]
    for _ in range(40):
        value = [value] * 40
    assert MAX_PARTS < len(seen(value).lines) < 2 * MAX_PARTS


def test_nothing_in_a_value_is_markup() -> None:
    reader = seen({"<script>alert(1)</script>": ["</li></ul>", LONG, "<img src=x onerror=alert(1)>"], "\x1b[2J": 1})
    assert reader.tags - {"style"} == {"div", "details", "summary", "span", "ul", "li", "b", "i"}
    assert "<script>alert(1)</script>: 3 elements" in reader.lines
    assert "\\u001b[2J: 1" in reader.lines


def test_a_long_text_inside_is_cut() -> None:
    assert seen([LONG, "y" * 5000]).lines[-1] == f'2 "{"y" * 2000}"…'


# Values ------------------------------------------------------------------------------------------------


def test_a_larger_table_has_its_text_and_an_outline() -> None:
    value = {"a": [LONG], "b": LONG}
    (bundle,) = bundles_of([value], Options())
    assert list(bundle) == ["text/plain", "text/html"]
    assert bundle["text/plain"].startswith("{\n  a: [")
    assert bundle["text/html"] == outline(value)
    assert list(bundles_of([value], Options(raw=True))[0]) == ["text/plain"]


def test_what_has_a_form_of_its_own_gets_no_outline() -> None:
    json: Bundle = {"text/plain": Plain("…"), "application/json": [LONG, LONG]}
    assert with_outline(json, [LONG, LONG]) is json
    assert 'class="kosmo-outline"' not in bundles_of([Records([{"a": LONG}])], Options())[0]["text/html"]


@pytest.mark.parametrize(
    ("value", "note"),
    [
        ("z" * (TEXT_MOST + 5), "5 more characters"),
        (f"{'z' * 99}\n" * 2_000, "1,345 more lines"),
        ({str(i): [LONG] for i in range(20_000)}, "the rest is not shown"),
    ],
    ids=["a line", "lines", "an object"],
)
def test_a_text_that_is_too_long_for_a_cell_is_cut_between_lines_and_says_where_the_whole_is(
    value: Any, note: str
) -> None:
    text = bundles_of([value, value], Options(), full_value="Out[3]")[0]["text/plain"]
    shown, said = text.split("\t", 1)[0].rsplit("\n", 1)
    assert TEXT_MOST - 200 < len(shown) <= TEXT_MOST
    assert said == f"… {note}; Out[3] has all of it"


def test_what_shows_itself_is_shown_so() -> None:
    class Widget:
        def _repr_mimebundle_(self) -> dict[str, Any]:
            return {"text/plain": "a slider", "application/vnd.jupyter.widget-view+json": {"model_id": "1"}}

    bundles = bundles_of([1, Widget(), 2], Options())
    assert [bundle["text/plain"] for bundle in bundles] == ["1", "a slider", "2"]
    assert len(bundles[1]) == 2


# Failures ----------------------------------------------------------------------------------------------


def failure(*stack: str, excerpt: str = "") -> KosmoError:
    error = LuaRuntimeError("In[1]:2: deep")
    error.stack, error.excerpt = stack, excerpt
    return error


def test_a_failure_is_its_kind_in_red_the_marked_line_in_bold_and_who_called_whom() -> None:
    excerpt = "      1 local function f()\n----> 2   error('deep')\n      3 end"
    content = error_content(failure("In[1]:2: in function 'f'", "In[1]:4: in the cell", excerpt=excerpt))
    assert (content["ename"], content["evalue"]) == ("LuaRuntimeError", "In[1]:2: deep")
    assert content["traceback"] == [
        "\x1b[31mLuaRuntimeError\x1b[0m: In[1]:2: deep",
        "      1 local function f()",
        "\x1b[32m----> 2\x1b[0m \x1b[1m  error('deep')\x1b[0m",
        "      3 end",
        "stack traceback:",
        "      In[1]:2: in function 'f'",
        "      In[1]:4: in the cell",
    ]


def test_a_recursion_is_one_call_that_is_counted() -> None:
    shown = error_content(failure(*["In[1]:1: in function 'r'"] * 60, "In[1]:2: in the cell"))["traceback"]
    assert shown[2:] == ["      In[1]:1: in function 'r', 60 times", "      In[1]:2: in the cell"]


def test_of_many_calls_the_two_ends_are_shown() -> None:
    shown = error_content(failure(*[f"In[1]:{i}: in function 'f{i}'" for i in range(50)]))["traceback"]
    assert len(shown) == 2 + 8 + 1 + 3
    assert (shown[10], shown[-1]) == ("      … 39 more calls …", "      In[1]:49: in function 'f49'")


def test_an_error_of_a_service_has_its_request_id_once() -> None:
    error = RefusedError("No app abc-1.", status=404, request_id="abc-1")
    assert error_content(error)["traceback"][-1] == "Request id: abc-1"
    told = RateLimitError("Too many requests.\nRequest id: abc-1", status=429, request_id="abc-1")
    assert [line for line in error_content(told)["traceback"] if "abc-1" in line] == ["Request id: abc-1"]


def test_names_of_a_scripts_own_cannot_move_the_cursor() -> None:
    shown = error_content(failure("x\x1b[2J:1: in the cell", "y\n:1: in the cell"))["traceback"]
    assert shown[2:] == ["      x\\u001b[2J:1: in the cell", "      y\\n:1: in the cell"]
