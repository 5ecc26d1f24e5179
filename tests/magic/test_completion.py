"""Completion and tooltips of Lua in a Python notebook: where they are ours, and where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.blocking.client import BlockingKernelClient
from kernel_client import python_running
from traitlets.config import Config

import kosmo_kernel
from kosmo_kernel import editor
from kosmo_kernel.integrations.heroku import HEROKU

NAMES = ("cutoff", "customers", "frame")

Shell = Any  # an InteractiveShell, whose types allow for one without a history, formatters or extensions


def at(marked: str) -> tuple[str, int]:
    before, _, after = marked.partition("|")
    return before + after, len(before)


def offered(marked: str, *, lua: bool = False) -> tuple[list[str], str] | None:
    """Return the matches at the `|` and what they take the place of; None where it is not ours."""
    cell, cursor = at(marked)
    place = editor.lua_at_cursor(cell, cursor, lua=lua)
    if place is None:
        return None
    found = place.complete(None, NAMES)
    return [match.text for match in found.matches], cell[found.start : found.end]


def shown(marked: str, *, lua: bool = False) -> str:
    place = editor.lua_at_cursor(*at(marked), lua=lua)
    return (place and place.inspect(None)) or ""


# Where the cursor is ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        "%%kosmo_lua\nstring.form|",
        "%%kosmo_lua -a demo --raw\nlocal s = 'é🙂'\nprint(string.form|",
        "\n\n%%time\n%%kosmo_lua\nstring.form|",
        "%%capture out\n%%kosmo_lua\nstring.form|at('x')",
        "%kosmo_lua string.form|",
        "%kosmo_lua -a demo string.form|",
        "x = 1\ny = %kosmo_lua --account=demo --raw string.form|\nz = 2",
    ],
)
def test_lua_is_completed_wherever_it_stands_in_a_python_notebook(cell: str) -> None:
    assert offered(cell) == (["format"], "form")


@pytest.mark.parametrize(
    "cell",
    [
        "string.form|",
        "x = 5 % kosmo|",
        "# %kosmo_lua string.form|",
        "%%ti|me\n%%kosmo_lua\n",
        "%%time\n%%kosmo_l|ua\n",
        "%%bash\n%kosmo_lua string.form|",
        "%%kosmo_luas\nstring.form|",
        "x = 1\n%%kosmo_lua\nstring.form|",
        "|",
    ],
)
def test_every_other_place_of_a_python_notebook_is_left_alone(cell: str) -> None:
    assert offered(cell) is None


@pytest.mark.parametrize(
    "cell",
    [
        "string.form|",
        "\n%%kosmo_lua -a demo\nstring.form|",
        "%kosmo status\n%kosmo_lua string.form|",
        "%kosmo docs heroku\nlocal x = 1\nstring.form|",
    ],
)
def test_lua_is_completed_wherever_it_stands_in_a_lua_notebook(cell: str) -> None:
    assert offered(cell, lua=True) == (["format"], "form")


def test_a_tab_behind_a_magic_is_as_good_as_a_blank() -> None:
    assert offered("%%kosmo_lua\t--acc|", lua=True) == (["--account"], "--acc")
    assert offered("%%kosmo_lua\t-a demo\nstring.form|", lua=True) == (["format"], "form")
    assert offered("%kosmo_lua\tstring.form|", lua=True) == (["format"], "form")
    assert offered("%kosmo\tstat|", lua=True) == (["status"], "stat")
    assert offered("%kosmo docs\therok|", lua=True) == offered("%kosmo docs herok|", lua=True)


def test_a_lua_notebook_completes_its_magics() -> None:
    assert offered("%%ko|", lua=True) == (["%%kosmo_lua"], "%%ko")
    assert offered("%|", lua=True) == (["%%kosmo_lua", "%kosmo_lua", "%kosmo"], "%")
    assert offered("x = 5 % |", lua=True) is not None


def test_what_stands_above_the_lua_is_no_lua() -> None:
    assert offered("%%kosmo_lua -v walrus\nwal|") == ([], "wal")
    assert offered("walrus = 1\nx = %kosmo_lua wal|") == ([], "wal")


# The first line -------------------------------------------------------------------------------------------


def test_options_are_offered_once_each() -> None:
    found = offered("%%kosmo_lua |")
    assert found is not None
    assert {"--account", "-a", "--raw", "--dry-run", "--timeout"} <= set(found[0])
    assert offered("%%kosmo_lua --acc|") == (["--account"], "--acc")
    assert offered("%%kosmo_lua --raw -a demo --r|") == ([], "--r")
    assert offered("%kosmo_lua --ra| 1") == (["--raw"], "--ra")
    assert offered("%%kosmo_lua 'x -|") == ([], "'x -")


def test_the_values_of_options_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY_PRODUCTION", "fictional")
    assert offered("%%kosmo_lua -a |") == (["production", "demo"], "")
    assert offered("%%kosmo_lua --account=pro|") == (["production"], "pro")
    assert offered("%%kosmo_lua --raw -v cu|") == (["customers", "cutoff"], "cu")
    assert offered("%%kosmo_lua --timeout |") == ([], "")
    assert offered("%%kosmo_lua --timeout 3 --ra|") == (["--raw"], "--ra")


def test_values_that_go_in_and_out_are_names_of_either_language() -> None:
    assert offered("%%kosmo_lua -i cu|") == (["customers", "cutoff"], "cu")
    assert offered("%%kosmo_lua -i cutoff,fr|") == (["frame"], "fr")
    assert offered("%%kosmo_lua -i limit=cut|") == (["cutoff"], "cut")
    assert offered("%%kosmo_lua -i 'rows=max(fr|") == (["frame"], "fr")
    assert offered("%%kosmo_lua -i rows=max(frame, cut|") == (["cutoff"], "cut")
    assert offered("%%kosmo_lua -o rows=coro|") == (["coroutine"], "coro")
    assert offered("%%kosmo_lua -i cutoff --inp|") == (["--input"], "--inp")


def test_lua_begins_where_the_last_expression_ends() -> None:
    assert offered("%kosmo_lua -i rows=max(frame, key='a b') string.form|") == (["format"], "form")
    assert offered("%kosmo_lua -i rows=frame[frame.x > 1] -o a string.form|") == (["format"], "form")


def test_commands_and_pages_are_offered() -> None:
    assert offered("%kosmo doc|") == (["docs"], "doc")
    assert offered("%kosmo docs heroku.list_a|") == (
        [f"heroku.{function.name}" for function in HEROKU.functions if function.name.startswith("list_a")],
        "heroku.list_a",
    )
    assert offered("%kosmo docs heroku.list_a|", lua=True) == offered("%kosmo docs heroku.list_a|")
    assert offered("%kosmo reset |") == ([], "")


def test_options_and_commands_are_explained() -> None:
    assert shown("%%kosmo_lua --acc|ount demo") == (
        "**`-a, --account ALIAS`**: The account of calls that name none, such as `heroku.list_apps()`."
    )
    assert shown("%%kosmo_lua --raw|").startswith("**`--raw`**: ")
    assert shown("%kosmo do|cs heroku").startswith("**`%kosmo docs [PAGE]`**: ")
    assert shown("%kosmo docs hero|ku").startswith("# Heroku\n")
    assert shown("%kosmo docs nothing|") == ""
    assert shown("%%kosmo_lua unheard|") == ""
    assert shown("%%kosmo_lua\nstring.re|p()").startswith("```lua\nstring.rep(")


# In IPython -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    """Yield a shell with the extension, on the demo account."""
    patch = pytest.MonkeyPatch()
    patch.setenv("KOSMO_DEMO", "1")
    config = Config()
    config.HistoryManager.enabled = False
    shell: Shell = InteractiveShell(config=config)
    shell.run_line_magic("load_ext", "kosmo_kernel")
    shell.run_cell("import math\ncutoff = 3\n_hidden = 4", store_history=False)
    yield shell
    shell.extension_manager.unload_extension("kosmo_kernel")
    shell.restore_sys_module_state()
    patch.undo()


def completions(shell: Shell, marked: str) -> list[tuple[str, str, str]]:
    """Each completion at the `|`, what it takes the place of, and its type."""
    cell, cursor = at(marked)
    with provisionalcompleter():
        found = list(shell.Completer.completions(cell, cursor))
    return [(one.text, cell[one.start : one.end], one.type) for one in found]


def test_ipython_offers_lua_and_nothing_of_python(shell: Shell) -> None:
    assert completions(shell, "%%kosmo_lua\nlocal h = app.integrations.heroku\nh.list_do|") == [
        ("list_domains", "list_do", "function")
    ]
    assert completions(shell, "%%kosmo_lua\nmath.ma|") == [("max", "ma", "function"), ("maxinteger", "ma", "instance")]
    assert completions(shell, "x = %kosmo_lua math.po|") == [("po", "po", "text")]
    assert completions(shell, "%%kosmo_lua\nos.|")[0] == ("clock", "", "function")


def test_names_of_listed_apps_are_completed_in_calls_from_python(shell: Shell) -> None:
    app = ("my-app", "my-", "instance")
    calls = ('{}(app_id="my-|', "x = [{}('my-|')]", '{}(app_id=["booking-api", "my-|')
    shell.user_ns["company"] = company = kosmo_kernel.heroku.demo
    assert app not in completions(shell, calls[0].format("company.list_dynos"))
    company.list_apps()
    for call in calls:
        assert completions(shell, call.format("company.list_dynos")) == [app]
        assert app not in completions(shell, call.format("company.get_team"))
        assert app not in completions(shell, call.format("print"))
    assert app not in completions(shell, "company.get_dyno('x', 'my-|")
    assert completions(shell, "company.list_dynos(apps, errors='c|") == [("collect", "c", "instance")]
    del shell.user_ns["company"]
    for call in ("heroku.demo", "heroku['demo']", "from kosmo_kernel import heroku\nheroku.demo"):
        assert completions(shell, f"{call}.get_app('my-|") == [app]
    assert app not in completions(shell, "heroku.get_app('my-|")  # of the session's account


def test_names_of_arguments_are_completed_in_calls_from_python(shell: Shell) -> None:
    shell.user_ns["company"] = kosmo_kernel.heroku.demo
    assert completions(shell, "company.list_dynos(app_i|") == [("app_id=", "app_i", "param")]
    assert completions(shell, "x = [company.list_dynos('a', err|")[0] == ("errors=", "err", "param")
    del shell.user_ns["company"]


def test_an_alias_of_the_magic_is_completed_as_well(shell: Shell) -> None:
    cell = "%%time\n%%lua --raw\nmath.ma|"
    assert ("max", "ma", "function") not in completions(shell, cell)
    shell.run_line_magic("alias_magic", "lua kosmo_lua")
    try:
        assert completions(shell, cell)[0] == ("max", "ma", "function")
        assert completions(shell, "%%lua --mem|") == [("--memory-limit", "--mem", "param")]
        assert completions(shell, "%%luna\nmath.ma|") == completions(shell, "%%other\nmath.ma|")
    finally:
        for kind in ("line", "cell"):
            del shell.magics_manager.magics[kind]["lua"]


def test_ipython_offers_the_options_and_the_users_variables(shell: Shell) -> None:
    assert completions(shell, "%%kosmo_lua --mem|") == [("--memory-limit", "--mem", "param")]
    assert [text for text, *_ in completions(shell, "%%kosmo_lua -v |")] == ["cutoff", "math"]


def test_globals_of_earlier_cells_are_offered(shell: Shell) -> None:
    shell.magics_manager.registry["KosmoMagic"].session.run("walrus = { tusks = 2 }")
    assert completions(shell, "%%kosmo_lua\nwalrus.|") == [("tusks", "", "instance")]


def test_python_cells_keep_their_completion(shell: Shell) -> None:
    assert {text.rpartition(".")[2] for text, *_ in completions(shell, "math.po|")} == {"pow"}


def test_completing_before_anything_ran_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_DEMO", "1")
    config = Config()
    config.HistoryManager.enabled = False
    fresh: Shell = InteractiveShell(config=config)
    fresh.run_line_magic("load_ext", "kosmo_kernel")
    magic = fresh.magics_manager.registry["KosmoMagic"]
    assert completions(fresh, "%%kosmo_lua\nstring.form|") == [("format", "form", "function")]
    assert "session" not in vars(magic)
    fresh.extension_manager.unload_extension("kosmo_kernel")
    assert fresh.Completer.custom_matchers == []
    fresh.restore_sys_module_state()


@pytest.fixture(scope="module")
def kernel() -> Iterator[BlockingKernelClient]:
    """Yield an IPython kernel with the extension, on the demo account."""
    with python_running() as one:
        yield one.client


def tooltip(kernel: BlockingKernelClient, marked: str) -> dict[str, Any]:
    content: dict[str, Any] = kernel.inspect(*at(marked), reply=True, timeout=60)["content"]
    return content


def test_a_kernel_completes_lua_in_characters(kernel: BlockingKernelClient) -> None:
    cell, cursor = at("%%kosmo_lua\nlocal s = 'é🙂' .. string.form|")
    content = kernel.complete(cell, cursor, reply=True, timeout=60)["content"]
    assert (content["matches"], content["cursor_start"], content["cursor_end"]) == (["format"], cursor - 4, cursor)
    assert content["metadata"]["_jupyter_types_experimental"][0]["type"] == "function"


def test_a_kernel_shows_a_tooltip_in_lua_and_leaves_python_its_own(kernel: BlockingKernelClient) -> None:
    reply = tooltip(kernel, "%%kosmo_lua\n  app.integrations.heroku.list_dynos({ app_id = |")
    assert (reply["status"], reply["found"]) == ("ok", True)
    assert reply["data"]["text/markdown"].startswith("**app_id** (string or list, required)")
    assert tooltip(kernel, "%%kosmo_lua\nunheard_of|") == {"status": "ok", "found": False, "data": {}, "metadata": {}}
    assert "Return the absolute value" in tooltip(kernel, "abs|(1)")["data"]["text/plain"]


def test_unloading_gives_a_kernel_its_own_tooltips_back(kernel: BlockingKernelClient) -> None:
    kernel.execute_interactive("%unload_ext kosmo_kernel", timeout=60)
    assert not tooltip(kernel, "%%kosmo_lua\nstring.rep|('x', 3)")["data"].get("text/markdown")
    kernel.execute_interactive("%load_ext kosmo_kernel", timeout=60)
    assert tooltip(kernel, "%%kosmo_lua\nstring.rep|('x', 3)")["data"]["text/markdown"].startswith(
        "```lua\nstring.rep("
    )
