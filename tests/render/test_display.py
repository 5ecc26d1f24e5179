"""`display` in Lua: what every door shows of it, in order with what is printed, and how much of it."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from kernel_client import known_to_jupyter, start
from kosmo_command import document
from run_with import run_with
from traitlets.config import Config

from kosmo_kernel.errors import LuaRuntimeError
from kosmo_kernel.render.display import Bundle, Display
from kosmo_kernel.session import Session

LUA = "lua"
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 3, 2) + bytes(9)
PNG_IN_LUA = "".join(f"\\{byte:03}" for byte in PNG)

# Something of each form, and the texts that it reads as.
ALL_FORMS = f"""
print("first")
display({{ a = 1 }}, {{ id = "one" }})
io.write("no line end, ")
display.html("<p onclick='x'>a <b>b</b></p>")
display.markdown("# T\\n\\n![p](https://e.example/p.png)")
display.svg("<svg xmlns='http://www.w3.org/2000/svg'/>")
display.png("{PNG_IN_LUA}")
display.json({{ 1, {{ two = true }} }})
display.update("one", "anew")
display.clear({{ wait = true }})
print("last")
return 5
"""
TEXTS = [
    "key  value\n---  -----\na        1\n1 record \N{MULTIPLICATION SIGN} 2 columns",
    "a b",
    "# T\n\n![p](https://e.example/p.png)",
    "[a drawing]",
    "[a picture of 3 by 2 pixels]",
    "[1, { two: true }]",
    "anew",
]


def shown(session: Session, code: str) -> list[Display]:
    found: list[Display] = []
    run_with(session, code, on_display=found.append)
    return found


def bundle(session: Session, code: str) -> Bundle:
    (one,) = shown(session, code)
    return one.bundle


# In a session --------------------------------------------------------------------------------------------


def test_what_is_shown_comes_in_order_with_what_is_printed(session: Session) -> None:
    seen: list[str] = []
    result = run_with(
        session,
        ALL_FORMS,
        on_output=lambda _, text: seen.append(text),
        on_display=lambda display: seen.append(display.bundle.get("text/plain", "cleared")),
    )
    assert seen == ["first\n", TEXTS[0], "no line end, ", *TEXTS[1:], "cleared", "last\n"]
    assert (result.output, result.value) == ("first\nno line end, last\n", 5)
    assert len(result.displays) == 8


def test_without_anybody_who_shows_it_the_text_is_printed(session: Session) -> None:
    result = session.run(ALL_FORMS)
    assert result.output == "\n".join(["first", TEXTS[0], f"no line end, {TEXTS[1]}", *TEXTS[2:], "last", ""])


def test_every_form_has_its_type_and_a_text(session: Session) -> None:
    types = [set(display.bundle) - {"text/plain"} for display in shown(session, ALL_FORMS)]
    html, drawing = {"text/html"}, {"text/html"}
    named = [html, drawing, {"image/png"}, {"application/json"}]
    assert types == [html, html, *named, set(), set()]


def test_a_picture_and_json_arrive_as_they_are(session: Session) -> None:
    assert base64.b64decode(bundle(session, f'display.png("{PNG_IN_LUA}")')["image/png"]) == PNG
    encoded = base64.b64encode(PNG).decode()
    assert base64.b64decode(bundle(session, f'display.png("{encoded}")')["image/png"]) == PNG
    assert bundle(session, "display.json('{\"a\": [null, 1.5]}')")["application/json"] == {"a": [None, 1.5]}


def test_values_are_shown_as_a_cells_value_is(session: Session) -> None:
    table = bundle(session, "display(app.integrations.heroku.list_apps())")
    assert table["text/html"].count("<tr>") == 20
    record = bundle(session, 'display(app.integrations.heroku.get_app("my-app"))')
    assert 'class="kosmo-table"' in record["text/html"]
    assert set(bundle(session, 'display(docs.read("heroku"))')) == {"text/plain", "text/markdown"}
    texts = [one.bundle["text/plain"] for one in shown(session, 'display(nil) display("a\\27[2Jb") display(app)')]
    assert texts == ["nil", "ab", "app\n  integrations\n  mcp"]


def test_an_id_names_what_is_shown_anew(session: Session) -> None:
    displays = shown(
        session, 'display(1, { id = "x" }) display.update("x", 2) display.html("3", { id = "x", update = true })'
    )
    assert [(one.id, one.update) for one in displays] == [("lua:x", False), ("lua:x", True), ("lua:x", True)]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("display()", "bad argument #1 to 'display' (value expected, got no value)"),
        ("display(1, 2)", "bad argument #2 to 'display' (table expected, got number)"),
        ("display(1, { id = '' })", "bad id to 'display' (a text of 1 to 200 bytes expected)"),
        ("display.html({})", "bad argument #1 to 'display.html' (string expected, got table)"),
        ("display.html('', { update = true })", "'display.html' can only update what has an id"),
        (
            "display.latex('x')",
            "display.latex was dropped: display.svg shows a drawn formula, display.markdown its text",
        ),
        ("display.png('GIF89a')", "display.png: this is no PNG, neither its bytes nor their base64"),
        ("display.json('[1')", "display.json: `,` or `]` is missing at line 1, column 3"),
        ("display.json(print)", "display.json: a function has no JSON form"),
        ("display.update({}, 1)", "bad argument #1 to 'display.update' (id of 1 to 200 bytes expected, got table)"),
        ("display.clear(1)", "bad argument #1 to 'display.clear' (table expected, got number)"),
        ("display.markdown(('x'):rep(9 << 20))", "display.markdown: more than 8388608 bytes"),
    ],
)
def test_a_mistake_is_an_error_with_its_line(session: Session, code: str, message: str) -> None:
    with pytest.raises(LuaRuntimeError) as caught:
        run_with(session, f"\n{code}", name="cell")
    assert caught.value.message == f"cell:2: {message}"


def test_what_cannot_be_made_harmless_is_told_and_the_run_goes_on(session: Session) -> None:
    result = session.run("display.svg('<html/>') return 1")
    assert (result.output, result.value) == ("display.svg: this is no SVG: it starts with <html>\n", 1)


def test_a_run_shows_a_thousand_things_and_one_note(session: Session) -> None:
    result = session.run("for i = 1, 1200 do display(i) end return 1")
    assert len(result.displays) == 1000
    assert result.output.count("what is shown ends here") == 1
    assert result.value == 1


def test_a_run_shows_eight_mebibytes_and_one_note(session: Session) -> None:
    result = run_with(
        session, "local text = ('x'):rep(1000000) for i = 1, 20 do display(text) end", on_display=lambda _: None
    )
    assert len(result.displays) == 8
    assert result.output.count("what is shown ends here") == 1


@pytest.mark.full
@pytest.mark.parametrize("display", ["display.json", "display"])
def test_data_counts_with_all_of_it_and_not_with_the_part_that_its_text_shows(session: Session, display: str) -> None:
    result = session.run(
        f"local list = {{}} for i = 1, 200000 do list[i] = 1000000 + i end for i = 1, 9 do {display}(list) end"
    )
    assert len(result.displays) == 5  # of 1.6 million characters each
    assert result.output.count("what is shown ends here") == 1


def test_a_script_cannot_take_display_apart(session: Session) -> None:
    code = "return pcall(setmetatable, display, {}), getmetatable(display), pcall(rawset, display, 'html', 1)"
    assert session.run(code).values[0] is False
    assert bundle(session, "display(1)") == {"text/plain": "1"}


def test_a_failure_says_nothing_that_a_terminal_obeys(session: Session) -> None:
    code = 'f = load([[local g = t["\\27[2Jfield"] g()]], "\\27]0;title\\7name") (function() f() end)()'
    with pytest.raises(LuaRuntimeError) as caught:
        session.run(code)
    assert "\x1b" not in "".join([caught.value.message, caught.value.chunk, caught.value.excerpt, *caught.value.stack])
    assert caught.value.stack[0] == "name:1: in main chunk"


# In a Lua notebook ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broadcast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Yield what a real Lua kernel broadcasts for a cell."""
    with known_to_jupyter(tmp_path_factory.mktemp("jupyter")):
        kernel = start()

    def run(code: str) -> list[tuple[str, dict[str, Any]]]:
        found: list[tuple[str, dict[str, Any]]] = []
        kernel.client.execute_interactive(
            code, timeout=60, output_hook=lambda message: found.append((message["msg_type"], message["content"]))
        )
        return [(kind, content) for kind, content in found if kind not in ("status", "execute_input")]

    try:
        yield run
    finally:
        kernel.stop()


def test_the_lua_kernel_sends_what_is_shown(broadcast: Any) -> None:
    messages = broadcast(ALL_FORMS)
    kinds = ["stream", "display_data", "stream", *["display_data"] * 5, "update_display_data", "clear_output", "stream"]
    assert [kind for kind, _ in messages] == [*kinds, "execute_result"]
    first, updated, cleared = messages[1][1], messages[8][1], messages[9][1]
    assert first["data"]["text/plain"] == TEXTS[0]
    assert first["transient"] == {"display_id": "lua:one"}
    assert updated == {"data": {"text/plain": "anew"}, "metadata": {}, "transient": {"display_id": "lua:one"}}
    assert cleared == {"wait": True}
    assert messages[3][1] == {
        "data": {"text/plain": "a b", "text/html": "<p>a <b>b</b></p>"},
        "metadata": {},
        "transient": {},
    }


def test_the_lua_kernel_sends_no_escapes(broadcast: Any) -> None:
    ((_, shown_),) = broadcast('return "a\\27]0;x\\7b"')
    assert shown_["data"] == {"text/plain": "ab"}


# In a Python notebook ------------------------------------------------------------------------------------


def test_the_magic_publishes_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_DEMO", "1")
    config = Config()
    config.HistoryManager.enabled = False
    shell: Any = InteractiveShell(config=config)
    shell.display_pub = CapturingDisplayPublisher()
    shell.run_line_magic("load_ext", "kosmo_kernel")
    shell.run_cell_magic("kosmo_lua", "", 'display({ 1 }, { id = "x" }) display.update("x", docs.list())')
    outputs = list(shell.display_pub.outputs)
    shell.run_cell_magic("kosmo_lua", "", "display.clear()")
    left = list(shell.display_pub.outputs)
    shell.extension_manager.unload_extension("kosmo_kernel")
    shell.restore_sys_module_state()
    assert left == []
    assert outputs[0]["data"] == {"text/plain": "[1]"}
    assert [(one["transient"], one["update"]) for one in outputs] == [
        ({"display_id": "lua:x"}, False),
        ({"display_id": "lua:x"}, True),
    ]
    assert set(outputs[1]["data"]) == {"text/plain", "text/markdown"}


@pytest.mark.claim("display-ids")
@pytest.mark.parametrize(
    "lua", ['display.update("report", "forged")', 'display.html("x", { id = "report", update = true })']
)
def test_a_script_cannot_replace_what_python_displayed(lua: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_DEMO", "1")
    config = Config()
    config.HistoryManager.enabled = False
    shell: Any = InteractiveShell(config=config)
    shell.display_pub = CapturingDisplayPublisher()
    shell.run_line_magic("load_ext", "kosmo_kernel")
    shell.run_cell_magic("kosmo_lua", "", lua)
    ids = [one["transient"]["display_id"] for one in shell.display_pub.outputs]
    shell.extension_manager.unload_extension("kosmo_kernel")
    shell.restore_sys_module_state()
    assert ids == ["lua:report"]


# On the command line -------------------------------------------------------------------------------------


def test_json_has_the_texts_in_its_output() -> None:
    _, found = document(LUA, "--json", "-e", "print(1) display.html('<b>x</b>') return 2")
    assert (found["output"], found["result"]) == ("1\nx\n", [2])
