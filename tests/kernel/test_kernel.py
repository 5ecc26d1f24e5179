"""The Lua kernel without a process: what a notebook's cells answer, what is remembered, what is installed."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from repository import ROOT

from kosmo_kernel import docs
from kosmo_kernel.errors import SettingsError, UnknownNameError
from kosmo_kernel.kernel import protocol
from kosmo_kernel.kernel.channels import error_content
from kosmo_kernel.kernel.notebook import KernelNotebook
from kosmo_kernel.notebook.cells import parse_cell
from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.session import Session

Content = dict[str, Any]


class Desk:
    """A notebook whose messages are kept in a list."""

    def __init__(self, session: Session) -> None:
        self.sent: list[tuple[str, Content]] = []
        self.notebook = KernelNotebook(
            session, lambda kind, content: self.sent.append((kind, content)), lambda _form: None
        )
        self.number = 0

    def run(self, code: str, *, silent: bool = False, **expressions: str) -> Content:
        self.sent.clear()
        self.number += not silent
        content = {"code": code, "silent": silent, "allow_stdin": True, "user_expressions": expressions}
        return self.notebook.execute(content, self.number, stored=not silent)

    def shown(self, code: str) -> list[Content]:
        """Return the MIME bundles that a cell shows."""
        assert self.run(code)["status"] == "ok"
        return [content["data"] for kind, content in self.sent if kind in ("execute_result", "display_data")]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with Session("demo") as session:
        yield Desk(session)


# What a cell shows -------------------------------------------------------------------------------------


def test_a_list_of_records_is_a_table_and_a_record_its_fields(desk: Desk) -> None:
    (table,) = desk.shown("app.integrations.heroku.demo.list_apps()")
    (record,) = desk.shown("app.integrations.heroku.demo.get_app('my-app')")
    assert "<table" in table["text/html"]
    assert " records " in table["text/plain"]
    assert record["text/plain"].startswith("name ")
    assert "<table" in record["text/html"]


def test_a_page_is_shown_as_markdown(desk: Desk) -> None:
    (page,) = desk.shown("docs.read('heroku.list_apps')")
    assert page["text/markdown"] == docs.read("heroku.list_apps").for_notebook()
    assert page["text/plain"] == docs.read("heroku.list_apps")
    assert page["text/markdown"].startswith("# heroku.list_apps")


def test_of_several_values_each_table_stands_alone_and_plain_ones_share_a_line(desk: Desk) -> None:
    assert desk.shown("return 1, 2, { 3 }, 4") == [{"text/plain": "1\t2"}, {"text/plain": "[3]"}, {"text/plain": "4"}]
    assert [kind for kind, _ in desk.sent] == ["execute_result", "display_data", "display_data"]


def test_an_error_names_the_cell_and_marks_the_line(desk: Desk) -> None:
    reply = desk.run("print('before')\nlocal t = nil\nprint(t.x)")
    (kind, content), *rest = desk.sent[1:]
    place = f"In[{desk.number}]:3:"
    assert (kind, rest) == ("error", [])
    assert content["ename"] == "LuaRuntimeError"
    assert content["evalue"].startswith(place)
    assert any("print(t.x)" in line and "-> 3" in line for line in content["traceback"])
    assert 2 <= len("\n".join(content["traceback"]).splitlines()) <= 6
    assert {key: reply[key] for key in content} == content
    assert reply["status"] == "error"


def test_a_silent_cell_broadcasts_nothing_and_still_answers(desk: Desk) -> None:
    assert desk.run("print('x') quiet = 5 return 1", silent=True)["status"] == "ok"
    assert desk.run("error('x')", silent=True)["ename"] == "LuaRuntimeError"
    assert desk.sent == []
    assert desk.shown("quiet") == [{"text/plain": "5"}]


def test_user_expressions_are_answered_one_by_one(desk: Desk) -> None:
    answers = desk.run("n = 4", good="n * 2", bad="n.x.y", none="")["user_expressions"]
    assert answers["good"] == {"status": "ok", "data": {"text/plain": "8"}, "metadata": {}}
    assert (answers["bad"]["status"], answers["bad"]["ename"]) == ("error", "LuaRuntimeError")
    assert answers["none"] == {"status": "ok", "data": {}, "metadata": {}}
    assert desk.run("error('x')", good="1")["user_expressions"] == {}


def test_a_failure_of_our_own_still_answers_the_cell(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.notebook.session, "execute", lambda *_args, **_named: 1 / 0)
    reply = desk.run("1")
    assert (reply["status"], reply["ename"]) == ("error", "ZeroDivisionError")
    assert "a defect of kosmo_kernel" in reply["traceback"][0]


def test_the_traceback_of_a_failure_of_our_own_holds_no_secret() -> None:
    token = "HRKU-01234567-89ab-cdef-0123-456789abcdef"
    content = error_content(ValueError(f"Illegal header value b'Bearer {token}'"))
    assert "Illegal header value" in content["evalue"]
    assert token not in str(content)


# Lines that are not Lua --------------------------------------------------------------------------------


def test_line_numbers_are_those_of_the_cell_below_a_first_line(desk: Desk) -> None:
    assert desk.run("\n%%kosmo_lua\nerror('here')")["evalue"] == f"In[{desk.number}]:3: here"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            "%load kosmo_kernel",
            "A Lua notebook has no `%load`. It has `%%kosmo_lua`, `%kosmo_lua`, `%kosmo`, and needs nothing loaded.",
        ),
        ("\n%%kosmo_lau -n\n1", "A Lua notebook has no `%%kosmo_lau`. Did you mean: %%kosmo_lua"),
        ("%kosmo who\n%kosmos\n1", "A Lua notebook has no `%kosmos`. Did you mean: %kosmo"),
    ],
)
def test_other_magics_are_refused_with_the_nearest_of_ours(cell: str, message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        parse_cell(cell)
    assert str(caught.value) == message


def test_a_tab_behind_a_magic_is_as_good_as_a_blank() -> None:
    for tabbed in ("%%kosmo_lua\t-a demo\nreturn 1", "%kosmo\tdocs\n%kosmo_lua\t-a demo 1 + 1"):
        assert parse_cell(tabbed) == parse_cell(tabbed.replace("\t", " "))


def test_options_about_python_variables_are_refused() -> None:
    with pytest.raises(SettingsError, match="`-v` is about Python variables"):
        parse_cell("%%kosmo_lua -v apps\n1")


def test_commands_stand_in_front_of_the_lua(desk: Desk) -> None:
    page, value = desk.shown("%kosmo docs heroku.list_apps\n%kosmo_lua 1 + 1\n")
    assert page["text/markdown"].startswith("# heroku.list_apps")
    assert value == {"text/plain": "2"}


@pytest.mark.parametrize("code", ["string.rep?", "?string.rep", " string.rep ? \n", "string.rep??"])
def test_a_question_opens_the_pager(code: str, desk: Desk) -> None:
    (payload,) = desk.run(code)["payload"]
    assert (payload["source"], payload["start"]) == ("page", 0)
    assert payload["data"]["text/markdown"].startswith("```lua\nstring.rep(")
    assert desk.sent == []


def test_a_second_question_mark_asks_for_the_source(desk: Desk) -> None:
    desk.run("function thrice(n)\n  return n * 3\nend")
    assert "return n * 3" not in desk.run("thrice?")["payload"][0]["data"]["text/plain"]
    assert "return n * 3" in desk.run("thrice??")["payload"][0]["data"]["text/plain"]


def test_a_question_can_name_a_page_and_an_unknown_one_gets_the_nearest(desk: Desk) -> None:
    assert "\n# heroku.list_apps\n" in desk.run("heroku.list_apps?")["payload"][0]["data"]["text/plain"]
    reply = desk.run("heroku.list_ap?")
    assert (reply["ename"], "heroku.list_apps" in reply["evalue"]) == ("UnknownNameError", True)


# Editing -----------------------------------------------------------------------------------------------


def test_completion_has_types_in_the_order_of_its_matches(desk: Desk) -> None:
    found = desk.notebook.complete({"code": "%%kosmo_lua\nstring.re", "cursor_pos": 21})
    assert found["matches"] == ["rep", "reverse"]
    assert (found["cursor_start"], found["cursor_end"]) == (19, 21)
    assert found["metadata"]["_jupyter_types_experimental"] == [
        {"start": 19, "end": 21, "text": "rep", "type": "function", "signature": "string.rep(s, n [, between])"},
        {"start": 19, "end": 21, "text": "reverse", "type": "function", "signature": "string.reverse(s)"},
    ]


def test_inspection_says_whether_something_was_found(desk: Desk) -> None:
    assert desk.notebook.inspect({"code": "string.rep", "cursor_pos": 10})["found"] is True
    assert desk.notebook.inspect({"code": "nothing", "cursor_pos": 7}) == {"found": False, "data": {}, "metadata": {}}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("1 + 1", "complete"),
        ("for i = 1, 3 do print(i) end", "complete"),
        ("for i = 1, 3 do", "incomplete"),
        ("print(", "incomplete"),
        ("x = = 1", "invalid"),
        ("%%kosmo_lua --nonsense\n1", "invalid"),
        ("%%kosmo_lua\nif x then", "incomplete"),
        ("%kosmo docs", "complete"),
        ("string.rep?", "complete"),
    ],
)
def test_enter_runs_what_is_complete(code: str, status: str, desk: Desk) -> None:
    assert desk.notebook.is_complete(code)["status"] == status


@pytest.mark.parametrize(
    ("code", "indent"),
    [
        ("for i = 1, 3 do", "  "),
        ("function f()\n  if x then", "    "),
        ("local function f(a, b) -- two of them", "  "),
        ("if x then y()", "  "),
        ("if x then\n  y()\nelse", "  "),
        ("  if x then y() else z()", "    "),
        ("x = {\n  1, { 2 },", "  "),
        ("x = { 1,", "  "),
        ("print(", "  "),
        ("repeat x() end_of = 1", "  "),
        ("foo(function()", "  "),
        ("for i = 1, 3 do\n  f(i)\n", "  "),
        ("local t = {} for i = 1, 3 do t[i] = (i) end x =", ""),
        ("x = [[\n    a", ""),
        ("x = 'if then' .. ", ""),
        ("%%kosmo_lua\nif x then", "  "),
    ],
)
def test_a_line_that_goes_on_is_indented_by_what_is_open(code: str, indent: str, desk: Desk) -> None:
    assert desk.notebook.is_complete(code) == {"status": "incomplete", "indent": indent}


def test_a_defect_of_ours_is_told_to_the_log_and_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def defect() -> None:
        raise ZeroDivisionError

    protocol.log_defects(defect)
    out, err = capsys.readouterr()
    assert (out, "ZeroDivisionError" in err) == ("", True)


# Texts -------------------------------------------------------------------------------------------------


def test_values_read_as_lua_writes_them() -> None:
    values: tuple[Any, ...] = (None, True, 2, 2.5, "a", [], {})
    assert [bundle_of(value)["text/plain"] for value in values] == ["nil", "true", "2", "2.5", "a", "[]", "{}"]


def test_an_errors_name_is_its_kind() -> None:
    content = error_content(UnknownNameError("There is no `x`.", ("y",)))
    assert (content["ename"], content["evalue"]) == ("UnknownNameError", "There is no `x`. Did you mean: y")


# What Jupyter reads ------------------------------------------------------------------------------------

# The kernelspec of Jupyter enhancement proposal 105, in our own form.
SPEC = {
    "type": "object",
    "required": ["argv", "display_name", "language"],
    "additionalProperties": False,
    "properties": {
        "argv": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "contains": {"const": "{connection_file}"},
        },
        "display_name": {"type": "string", "minLength": 1},
        "language": {"type": "string", "pattern": "^[a-z]+$"},
        "interrupt_mode": {"enum": ["signal", "message"]},
        "kernel_protocol_version": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+"},
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
        "metadata": {"type": "object"},
    },
}


def test_the_kernelspec_is_a_valid_one() -> None:
    spec = json.loads((ROOT / "kernel.json").read_text(encoding="utf-8"))
    jsonschema.validate(spec, SPEC)
    assert (spec["display_name"], spec["language"], spec["interrupt_mode"]) == ("Lua (Kosmo)", "lua", "message")


@pytest.mark.parametrize("size", [32, 64])
def test_the_logos_have_the_sizes_that_their_names_say(size: int) -> None:
    head = (ROOT / "kosmo_kernel" / "jupyter" / f"logo-{size}x{size}.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (size, size)


def test_the_drawing_is_an_svg_of_a_square() -> None:
    drawing = ET.parse(ROOT / "kosmo_kernel" / "jupyter" / "logo-svg.svg").getroot()  # noqa: S314 - our own drawing
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert drawing.get("viewBox") == "0 0 64 64"
