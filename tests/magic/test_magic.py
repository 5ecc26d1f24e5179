from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pandas as pd
import psutil
import pytest
from python_shell import MakeShell, Shell, run, shells, value
from repository import ROOT

from kosmo_kernel.docs import Page, read
from kosmo_kernel.errors import LuaRuntimeError, SettingsError, UnknownNameError
from kosmo_kernel.render.frames import KosmoFrame
from kosmo_kernel.render.tables import RecordView

PYTHON_IN_LUA = {
    "%kosmo_lua d.list_apps()": "`d` is a variable of Python. Write app.integrations.heroku.demo in Lua.",
    "%kosmo_lua -i d d.list_apps()": "-i d: functions cannot be passed. Write app.integrations.heroku.demo in Lua.",
    "%kosmo_lua #rows": "`rows` is a variable of Python: `-i rows` passes it to Lua.",
    "%kosmo table costs team=larkmoor": "`-v rows` keeps them, then rows[rows[\"team\"] == 'larkmoor']",
    "%kosmo table costs access": "Each table has a line of its own.",
    "%kosmo docs heroku.tables.cost": "Did you mean: heroku.tables.costs",
}
HEAVY = {"pandas", "httpcore", "httpx", "lupa", "ipywidgets", "kosmo_kernel.session"}


@pytest.fixture
def make_shell() -> Iterator[MakeShell]:
    with shells() as make:
        yield make


@pytest.fixture
def shell(make_shell: MakeShell) -> Shell:
    """Return a shell with the extension."""
    shell = make_shell()
    shell.run_line_magic("load_ext", "kosmo_kernel")
    return shell


def traces(shell: Shell) -> dict[str, Any]:
    """Everything in a shell that an extension may touch."""
    return {
        "magics": {kind: dict(table) for kind, table in shell.magics_manager.magics.items()},
        "lazy magics": dict(shell.magics_manager.lazy_magics),
        "registry": dict(shell.magics_manager.registry),
        "configurables": list(map(id, shell.configurables)),
        "events": {name: list(callbacks) for name, callbacks in shell.events.callbacks.items()},
        "transformers": [*shell.input_transformers_cleanup, *shell.input_transformers_post],
        "matchers": list(shell.Completer.custom_matchers),
        "formatters": {
            mime: (dict(formatter.type_printers), dict(formatter.deferred_printers))
            for mime, formatter in shell.display_formatter.formatters.items()
        },
        "observers": repr(shell._trait_notifiers),
        "attributes": set(vars(shell)),
        "config": deepcopy(shell.config),
        "names": {name for name in shell.user_ns if not name.startswith("_")},
        "extensions": set(shell.extension_manager.loaded),
        "display hook": sys.displayhook,
    }


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


# Loading


def test_loading_adds_the_magics_and_loading_twice_changes_nothing(shell: Shell) -> None:
    loaded = traces(shell)
    import kosmo_kernel

    kosmo_kernel.load_ipython_extension(shell)
    assert traces(shell) == loaded
    assert {name for name in loaded["magics"]["line"] if name.startswith("kosmo")} == {"kosmo", "kosmo_lua"}
    assert {name for name in loaded["magics"]["cell"] if name.startswith("kosmo")} == {"kosmo_lua"}


def test_loading_reads_no_library_that_only_a_run_needs() -> None:
    code = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
import kosmo_kernel

config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell(config=config)
before = set(sys.modules)
kosmo_kernel.load_ipython_extension(shell)
print(*set(sys.modules) - before)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "kosmo_kernel.magic" in loaded
    assert loaded & HEAVY == set()


def test_a_lazy_magic_needs_no_load_line(make_shell: MakeShell) -> None:
    shell = make_shell()
    shell.magics_manager.lazy_magics = {"kosmo_lua": "kosmo_kernel"}
    assert value(shell, "%%kosmo_lua\n1 + 1") == 2


def own_magic(line: str) -> str:
    return line


@pytest.mark.parametrize("before", ["nothing", "a magic of the user's", "an alias", "a lazy magic"])
def test_unloading_leaves_the_shell_as_it_was(make_shell: MakeShell, before: str) -> None:
    shell = make_shell()
    match before:
        case "a magic of the user's":
            shell.register_magic_function(own_magic, "line_cell", "kosmo_lua")
        case "an alias":
            shell.magics_manager.register_alias("kosmo", "who")
        case "a lazy magic":
            shell.magics_manager.register_lazy("kosmo_lua", "another_extension")
    untouched = traces(shell)
    processes = children()
    shell.run_line_magic("load_ext", "kosmo_kernel")
    assert traces(shell) != untouched
    shell.run_line_magic("kosmo_lua", "-i n=1 x = n")
    shell.run_line_magic("unload_ext", "kosmo_kernel")
    assert traces(shell) == untouched
    assert children() <= processes


FRAMES = """
import pandas as pd
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
formatter = shell.display_formatter.formatters["text/html"]
plain = pd.DataFrame({"a": ["$x$"]})
counts = pd.crosstab(plain["a"], plain["a"])


class Foreign(pd.DataFrame):
    def _repr_html_(self):
        return "foreign"


def state():
    printers = dict(formatter.type_printers), dict(formatter.deferred_printers)
    return printers, formatter(plain), formatter(counts), formatter(Foreign(plain))


before = state()
for _ in range(2):
    shell.run_line_magic("load_ext", "kosmo_kernel")
    shell.run_cell("%kosmo_lua -a demo -v apps heroku.list_apps()").raise_error()
    _, shown, crosstab, foreign = state()
    print("kosmo-table" in crosstab, "tex2jax_ignore" in shown, foreign, formatter(shell.user_ns["apps"])[:4])
    shell.run_line_magic("reload_ext", "kosmo_kernel")
    print("kosmo-table" in formatter(counts))
    shell.run_line_magic("unload_ext", "kosmo_kernel")
    print(state() == before)
"""


def test_unloading_gives_the_display_of_frames_back_to_ipython_and_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", FRAMES], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True True foreign <div", "True", "True"] * 2


def test_unloading_leaves_a_name_to_whoever_took_it_later(shell: Shell) -> None:
    shell.register_magic_function(own_magic, "line", "kosmo")
    shell.run_line_magic("unload_ext", "kosmo_kernel")
    assert value(shell, "%kosmo docs") == "docs"


MADE_ANEW = dict.fromkeys(("registry", "magics", "matchers", "configurables", "attributes"))


def test_reloading_starts_afresh(shell: Shell) -> None:
    run(shell, "%%kosmo_lua\nx = 1")
    loaded = traces(shell) | MADE_ANEW
    shell.run_line_magic("reload_ext", "kosmo_kernel")
    assert traces(shell) | MADE_ANEW == loaded
    assert value(shell, "%kosmo_lua x") is None


def test_two_shells_share_nothing(make_shell: MakeShell) -> None:
    one, other = make_shell(), make_shell()
    for shell in (one, other):
        shell.run_line_magic("load_ext", "kosmo_kernel")
    run(one, "%%kosmo_lua\nx = 1")
    assert value(other, "%kosmo_lua x") is None
    other.run_line_magic("unload_ext", "kosmo_kernel")
    assert value(one, "%kosmo_lua x") == 1


# Values


def test_the_last_expression_is_the_value_of_the_cell(shell: Shell) -> None:
    number = shell.execution_count
    assert value(shell, "%%kosmo_lua\nlocal a = 40\na + 2") == 42
    assert shell.user_ns["_"] == 42
    assert shell.user_ns["Out"][number] == 42


def test_a_list_of_records_is_a_frame(shell: Shell) -> None:
    apps = value(shell, "%%kosmo_lua\napp.integrations.heroku.list_apps()")
    assert isinstance(apps, KosmoFrame)
    assert list(apps.columns[:2]) == ["name", "team.name"]
    assert "my-app" in set(apps["name"])


def test_a_filtered_list_is_a_frame_with_the_same_columns(shell: Shell) -> None:
    cell = """%%kosmo_lua
    local found = {}
    for _, app in ipairs(app.integrations.heroku.list_apps()) do
      if app.name == "my-app" then found[#found + 1] = app end
    end
    return found"""
    apps = value(shell, "%kosmo_lua app.integrations.heroku.list_apps()")
    pd.testing.assert_frame_equal(
        pd.DataFrame(value(shell, cell)), pd.DataFrame(apps[apps["name"] == "my-app"]).reset_index(drop=True)
    )


def test_a_record_is_shown_as_its_view(shell: Shell) -> None:
    found = value(shell, '%kosmo_lua app.integrations.heroku.get_app("my-app")')
    assert isinstance(found, RecordView)
    assert found["name"] == "my-app"


def test_a_page_of_the_reference_is_markdown(shell: Shell) -> None:
    page = value(shell, '%%kosmo_lua\ndocs.read("heroku")')
    assert isinstance(page, Page)
    bundle, _ = shell.display_formatter.format(page)
    assert bundle == {"text/plain": read("heroku"), "text/markdown": read("heroku").for_notebook()}


def test_a_variable_takes_the_value_and_nothing_is_shown(shell: Shell) -> None:
    assert value(shell, "%%kosmo_lua -v answer\n42") is None
    assert shell.user_ns["answer"] == 42
    assert value(shell, "%%kosmo_lua -v answer --show\n43") == 43
    assert shell.user_ns["answer"] == 43


def test_a_failed_cell_sets_no_variable(shell: Shell) -> None:
    run(shell, "answer = 42")
    run(shell, "%%kosmo_lua -v answer --no-raise-error\nerror('no')")
    assert shell.user_ns["answer"] == 42


def test_the_line_form_is_an_expression_of_python(shell: Shell) -> None:
    run(shell, "name = 'python'")
    assert value(shell, "twice = %kosmo_lua '$name {name} ' .. \"it's\"\ntwice") == "$name {name} it's"
    assert value(shell, "def f():\n    x = %kosmo_lua -1 + 2\n    return x\nf()") == 1
    assert value(shell, "%kosmo_lua --raw {1, 2}") == [1, 2]


# Output


def test_capture_and_time_stand_above(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    value(shell, "%%capture caught\n%%kosmo_lua\nprint('out')")
    assert shell.user_ns["caught"].stdout == "out\n"
    assert value(shell, "%%time\n%%kosmo_lua -a demo\n1 + 1") == 2
    assert "Wall time" in capsys.readouterr().out


@pytest.mark.parametrize("cell", ["%kosmo_lua", "%kosmo_lua --help", "%%kosmo_lua --help\n1"])
def test_help_is_shown_for_the_asking(shell: Shell, capsys: pytest.CaptureFixture[str], cell: str) -> None:
    assert value(shell, cell) is None
    shown = capsys.readouterr().out
    assert shown.lstrip().startswith("%%kosmo_lua [-i NAME[=EXPR]] [-o NAME[=LUA]] [-v NAME] [--show]")
    assert "--no-raise-error" in shown


def test_question_marks_give_the_help(shell: Shell) -> None:
    lua = shell.object_inspect_mime("kosmo_lua")["text/plain"]
    other = shell.object_inspect_mime("kosmo")["text/plain"]
    assert "%%kosmo_lua [-i NAME[=EXPR]] [-o NAME[=LUA]] [-v NAME]" in lua
    assert "%kosmo reset" in other


def test_commands_give_values_of_python(shell: Shell) -> None:
    assert value(shell, "%kosmo docs heroku.list_apps") == read("heroku.list_apps")
    assert "heroku.demo" in value(shell, "%kosmo status")
    assert value(shell, "%kosmo reset") is None


# Errors


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("%%kosmo_lua 1 + 1\n1", SettingsError),
        ("%kosmo_lua --raw", SettingsError),
        ("%kosmo docs heroku.list_app", UnknownNameError),
    ],
)
def test_every_mistake_is_told_in_a_few_lines(
    shell: Shell, capsys: pytest.CaptureFixture[str], cell: str, kind: type[Exception]
) -> None:
    error = run(shell, cell).error_in_exec
    assert type(error) is kind
    shown = capsys.readouterr()
    assert shown.out.startswith(f"{kind.__name__}: {error}")
    assert len(shown.out.strip().split("\n")) <= 5
    assert shown.err == ""


def test_colours_are_the_shells_choice(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.colors = "linux"
    run(shell, "%%kosmo_lua\nerror('no')")
    assert capsys.readouterr().out.startswith("\x1b[31mLuaRuntimeError\x1b[0m: ")


@pytest.mark.parametrize("above", ["", "%%time\n", "\n\n"])
def test_line_numbers_are_those_of_the_notebook_cell(shell: Shell, above: str) -> None:
    cell = f"{above}%%kosmo_lua --raw\n\nerror('here')\n"
    error = run(shell, cell).error_in_exec
    assert isinstance(error, LuaRuntimeError)
    assert error.line == cell.split("\n").index("error('here')") + 1


def test_python_can_catch_the_error(shell: Shell) -> None:
    cell = (
        "import pickle, kosmo_kernel\n"
        "try:\n    get_ipython().run_line_magic('kosmo_lua', \"error('no')\")\n"
        "except kosmo_kernel.LuaError as error:\n    caught = pickle.loads(pickle.dumps(error))\n"
    )
    value(shell, cell)
    assert shell.user_ns["caught"].message.endswith("no")


CALLS = """
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
shell.run_line_magic("load_ext", "kosmo_kernel")
for cell in ("%kosmo docs heroku.list_dynos", "%%kosmo_lua\\ndocs.read('heroku.list_dynos')"):
    page = shell.run_cell(cell).result
    print(page.count("from kosmo_kernel import heroku\\n\\nheroku.list_dynos(app_id=\\"my-app\\")"))
"""


def test_a_page_of_a_function_has_its_call_in_python_in_a_python_notebook_only() -> None:
    done = subprocess.run([sys.executable, "-c", CALLS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if line.isdecimal()] == ["1", "1"]
    assert "from kosmo_kernel import" not in read("heroku.list_dynos")


@pytest.mark.parametrize("line", PYTHON_IN_LUA)
def test_a_line_that_mixes_python_and_lua_says_how_to_write_it(
    shell: Shell, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    shell.run_cell("from kosmo_kernel import heroku\nd = heroku.demo\nrows = [1]")
    assert not shell.run_cell(line).success
    assert PYTHON_IN_LUA[line] in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "lua",
    ["for _, rows in ipairs({ 1 }) do rows.x.y = 1 end", "local function f(rows) return rows.x end f(nil)"],
)
def test_a_variable_of_lua_is_not_taken_for_one_of_python(
    shell: Shell, capsys: pytest.CaptureFixture[str], lua: str
) -> None:
    shell.run_cell("rows = [1]")
    assert not shell.run_cell(f"%kosmo_lua {lua}").success
    assert "variable of Python" not in capsys.readouterr().out
