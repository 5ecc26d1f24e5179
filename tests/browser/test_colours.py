"""Lua's colours in a Python notebook, and cells that an output asks for: JupyterLab and Notebook 7 in a real browser.

What a word looks like is compared with a word of the same kind in a Python cell of the same page, so that no theme's
colours stand here.
"""

from __future__ import annotations

import html
import shutil
from collections.abc import Callable, Iterator

import lab_page
import nbformat
import pytest
from lab_page import LABEXTENSION, Lab, Notebook7, chromium, expose_notebook_7, lab_server
from nbformat import v4
from patience import PATIENCE

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(bool(lab_page.missing()), reason=lab_page.missing()),
]


LUA = 'local apps = heroku.list_apps() -- all of them\nif apps then print("some", 12) end'
PYTHON_CELLS = {
    "lua": f"%%kosmo_lua -v apps\n{LUA}",
    "python": 'for number in (1, 23):\n    text = "some" # why\nlocal = number',
    "typed": LUA,
    "deleted": f"%%kosmo_lua\n{LUA}",
    "timed": f"\n%%time\n%%kosmo_lua\n{LUA}",
    "other": f"%%kosmo_lua_not\n{LUA}",
    "line": 'name = %kosmo_lua --raw heroku.get_app("my-app") or nil -- the record\nfor name in (): pass',
    "text": 'text = """\n%kosmo_lua local x = nil\n"""',
    "sql": "SELECT 1 AS number",
    "asks": "",
    "spare": "pass",
}
BUTTON = "<button hidden='hidden' data-kosmo-insert='{}' onclick='this.dataset.clicked = 1'>Insert as cell</button>"

# The style of the first piece of text that has a word in it, as soon as it is the expected one, or after a while.
STYLE_OF = """async (content, [word, expected, patience]) => {
    const style = () => {
        const pieces = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
        for (let piece; (piece = pieces.nextNode()); )
            if (piece.data.includes(word)) {
                const { color, fontStyle, fontWeight } = getComputedStyle(piece.parentElement);
                return [color, fontStyle, fontWeight].join(" ");
            }
        return `there is no ${word}`;
    };
    const end = performance.now() + patience * 1000;
    while (expected && style() !== expected && performance.now() < end) await new Promise(go => setTimeout(go, 50));
    return style();
}"""


APPLICATIONS = {"JupyterLab": Lab, "Notebook 7": Notebook7}


@pytest.fixture(scope="module")
def open_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Lab]]:
    """Yield a function that opens a copy of a notebook in an application; fail if scripts of a page failed.

    Notebook 7 has errors of its own, so only those that name the extension count there.
    """
    folder, home = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("lab")
    nbformat.write(notebook("python3", "python", PYTHON_CELLS), folder / "python.ipynb")
    nbformat.write(notebook("kosmo-lua", "lua", {"lua": LUA, "magic": f"%%kosmo_lua\n{LUA}"}), folder / "lua.ipynb")
    nbformat.write(asking_notebook(), folder / "asking.ipynb")
    shutil.copytree(LABEXTENSION, home / "share" / "labextensions" / "kosmo_kernel")
    expose_notebook_7(home)
    errors: list[str] = []

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(home / "share"))  # before what is installed
        with lab_server(folder, home) as (address, token), chromium() as browser:

            def opened(application: str, name: str) -> Lab:
                def note(error: str) -> None:
                    if application == "JupyterLab" or "kosmo" in error:
                        errors.append(error)

                page = browser.new_page(viewport={"width": 1000, "height": 900})
                page.on("console", lambda message: note(message.text) if message.type == "error" else None)
                page.on("pageerror", lambda error: note(f"{error}\n{error.stack}"))
                lab = APPLICATIONS[application](page, address, token)
                copy = f"{application}-{name}"
                shutil.copy(folder / name, folder / copy)
                lab.open(copy)
                return lab

            yield opened
    assert errors == []


@pytest.fixture(scope="module", params=APPLICATIONS)
def application(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def python(open_page: Callable[[str, str], Lab], application: str) -> Lab:
    """Return a Python notebook whose Python is coloured: what else has which colours is compared with it."""
    lab = open_page(application, "python.ipynb")
    lab.cell("python").locator(".cm-line span", has_text="for").first.wait_for()
    return lab


def notebook(kernel: str, language: str, cells: dict[str, str]) -> nbformat.NotebookNode:
    made: nbformat.NotebookNode = v4.new_notebook(
        metadata={"kernelspec": {"name": kernel, "display_name": kernel}, "language_info": {"name": language}},
        cells=[v4.new_code_cell(source, id=name) for name, source in cells.items()],
    )
    return made


def asking_notebook() -> nbformat.NotebookNode:
    """Return a notebook that came from elsewhere, with a button in an output that it brought along."""
    found = notebook("python3", "python", {"asks": "pass"})
    found.cells[0].outputs = [v4.new_output("display_data", {"text/html": f"<p>Press:</p>{BUTTON.format('text')}"})]
    return found


def style(lab: Lab, cell: str, word: str, expected: str = "") -> str:
    return str(lab.cell(cell).locator(".cm-content").evaluate(STYLE_OF, [word, expected, PATIENCE]))


def assert_lua(lab: Lab, cell: str) -> None:
    like = {"local": "for", "then": "for", "end": "for", "12": "23", '"some"': '"some"', "-- all": "# why"}
    expected = {word: style(lab, "python", python_word) for word, python_word in like.items()}
    expected["heroku"] = style(lab, "python", "number")
    assert {word: style(lab, cell, word, looks) for word, looks in expected.items()} == expected


def assert_python(lab: Lab, cell: str) -> None:
    plain = style(lab, "python", "number")
    assert {word: style(lab, cell, word, plain) for word in ("local", "then")} == {"local": plain, "then": plain}


def sources(lab: Lab) -> list[str]:
    return [cell.source for cell in lab.contents().cells]


def run_in(lab: Lab, cell: str, source: str) -> None:
    """Replace what a cell says, and run it."""
    lab.cell(cell).locator(".cm-content").click()
    lab.page.keyboard.press("Control+A")
    lab.page.keyboard.insert_text(source)
    lab.command("notebook:run-cell")


def test_a_cell_below_the_magic_has_luas_colours(python: Lab) -> None:
    assert_lua(python, "lua")


def test_the_line_of_the_magic_is_no_lua(python: Lab) -> None:
    expected = {"%%kosmo_lua": style(python, "python", "="), "-v apps": style(python, "python", "number")}
    assert {word: style(python, "lua", word, looks) for word, looks in expected.items()} == expected


def test_a_python_cell_keeps_pythons_colours(python: Lab) -> None:
    keyword, plain = style(python, "python", "for"), style(python, "python", "number")
    assert keyword != plain == style(python, "python", "local", plain)


def test_magics_that_run_the_cell_may_stand_above(python: Lab) -> None:
    assert_lua(python, "timed")


def test_a_magic_whose_name_only_starts_like_ours_is_left_alone(python: Lab) -> None:
    assert_python(python, "other")


def test_typing_the_magic_switches_to_lua(python: Lab) -> None:
    assert_python(python, "typed")
    python.cell("typed").locator(".cm-line").first.click()
    python.page.keyboard.press("Control+Home")
    python.page.keyboard.type("%%kosmo_lua\n")
    assert_lua(python, "typed")


def test_deleting_a_letter_of_the_magic_switches_back_and_undo_forth(python: Lab) -> None:
    assert_lua(python, "deleted")
    python.cell("deleted").locator(".cm-line").first.click()
    python.page.keyboard.press("Control+Home")
    python.page.keyboard.press("Delete")
    assert_python(python, "deleted")
    python.page.keyboard.press("Control+Z")
    assert_lua(python, "deleted")


def test_a_new_line_is_indented_and_a_comment_made_as_lua_does_it(python: Lab) -> None:
    run_in(python, "spare", "%%kosmo_lua\nlocal function one()")
    python.cell("spare").locator(".cm-content").click()
    python.page.keyboard.press("Control+End")
    python.page.keyboard.type("\nreturn 1\nend")
    python.page.keyboard.press("Control+/")
    assert sources(python)[list(PYTHON_CELLS).index("spare")].split("\n")[1:] == [
        "local function one()",
        "    return 1",
        "-- end",
    ]


def test_the_rest_of_a_line_behind_the_line_magic_has_luas_colours(python: Lab) -> None:
    like = {'"my-app"': '"some"', "or": "for", "nil": "for", "the record": "# why", "heroku": "number"}
    expected = {word: style(python, "python", python_word) for word, python_word in like.items()}
    assert {word: style(python, "line", word, looks) for word, looks in expected.items()} == expected
    keyword = style(python, "python", "for")
    assert style(python, "line", "pass", keyword) == keyword


def test_the_line_magic_in_a_text_is_text(python: Lab) -> None:
    text = style(python, "python", '"some"')
    assert style(python, "text", "local", text) == text


def test_a_language_that_another_extension_gives_a_cell_stays(python: Lab) -> None:
    set_type = """([id, type]) => {
        const { widgets } = jupyterapp.shell.currentWidget.content;
        widgets.find(cell => cell.model.id === id).model.mimeType = type;
    }"""
    keyword = style(python, "python", "for")
    python.page.evaluate(set_type, ["sql", "text/x-sql"])
    assert style(python, "sql", "SELECT", keyword) == keyword
    python.page.evaluate(set_type, ["lua", "text/x-sql"])
    assert style(python, "lua", "then", keyword) == keyword
    assert style(python, "lua", '"some"') not in {style(python, "python", '"some"'), keyword}  # in SQL it is a name
    python.page.evaluate(set_type, ["lua", "text/x-ipython"])
    assert_lua(python, "lua")


def test_a_lua_notebook_keeps_its_colours(python: Lab, open_page: Callable[[str, str], Lab], application: str) -> None:
    assert_lua(python, "lua")
    lua = open_page(application, "lua.ipynb")
    words = ("local", "then", '"some"', "-- all", "heroku")
    expected = {word: style(python, "lua", word) for word in words}
    for cell in ("lua", "magic"):
        assert {word: style(lua, cell, word, looks) for word, looks in expected.items()} == expected
    assert style(lua, "magic", "%%", expected["heroku"]) == expected["heroku"]


def test_the_command_inserts_a_cell_next_to_the_active_one_and_does_not_run_it(python: Lab) -> None:
    before = sources(python)
    python.cell("sql").locator(".jp-InputPrompt").click()
    python.command("kosmo:insert-cell", source="%%kosmo_lua\nreturn 1")
    python.cell("sql").locator(".jp-InputPrompt").click()
    python.command("kosmo:insert-cell", source="above = 1", position="above")
    place = before.index(PYTHON_CELLS["sql"])
    assert sources(python) == [
        *before[:place],
        "above = 1",
        before[place],
        "%%kosmo_lua\nreturn 1",
        *before[place + 1 :],
    ]
    added = python.contents().cells[place]
    assert (added.cell_type, added.execution_count, added.outputs) == ("code", None, [])


@pytest.mark.parametrize("wrong", [{}, {"source": 1}, {"source": "x" * 100_001}, {"source": "x", "position": "run"}])
def test_the_command_refuses_what_is_no_text_for_a_cell(python: Lab, wrong: dict[str, object]) -> None:
    before = sources(python)
    refused = "args => jupyterapp.commands.execute('kosmo:insert-cell', args).then(() => '', error => error.message)"
    assert "kosmo:insert-cell: " in python.page.evaluate(refused, wrong)
    assert sources(python) == before


@pytest.mark.parametrize("shown", ["from IPython.display import HTML", "from ipywidgets import HTML"])
def test_a_button_in_an_output_inserts_its_text_below_its_cell(python: Lab, shown: str) -> None:
    lua = '%%kosmo_lua\nheroku.get_app("my-app") -- it\'s <b>"quoted"</b>'
    run_in(python, "asks", f"{shown}\nHTML({BUTTON.format(html.escape(lua))!r})")
    before = sources(python)
    python.cell("spare").locator(".jp-InputPrompt").click()
    python.cell("asks").get_by_role("button", name="Insert as cell").click()
    place = list(before).index(next(source for source in before if source.startswith(shown)))
    assert sources(python) == [*before[: place + 1], lua, *before[place + 1 :]]


def test_a_script_cannot_press_the_button(python: Lab) -> None:
    run_in(python, "asks", f"from IPython.display import HTML\nHTML({BUTTON.format('text')!r})")
    before = sources(python)
    button = python.cell("asks").get_by_role("button", name="Insert as cell")
    button.evaluate("button => button.click()")
    assert button.get_attribute("data-clicked") == "1"
    assert sources(python) == before


def test_a_button_of_an_output_that_is_not_trusted_is_hidden_and_does_nothing(
    open_page: Callable[[str, str], Lab], application: str
) -> None:
    lab = open_page(application, "asking.ipynb")
    lab.cell("asks").get_by_text("Press:").wait_for()
    button = lab.cell("asks").locator("button", has_text="Insert as cell")
    assert (button.count(), button.is_visible(), button.get_attribute("data-kosmo-insert")) == (1, False, None)
