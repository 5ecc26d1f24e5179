"""Functions called from Python give what cells of Lua give, with the same session."""

from __future__ import annotations

import inspect
import pydoc
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import pandas as pd
import pytest
from kosmo_command import environment
from python_shell import MakeShell, no_notebooks, run, shells, value
from terminal import Terminal

from kosmo_kernel import integrations
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import InvalidArgumentsError, RefusedError, UnknownNameError
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.python_api import close_own_session, current_session
from kosmo_kernel.python_api.__main__ import stub, stub_file
from kosmo_kernel.python_api.namespace import namespace_named
from kosmo_kernel.questions.discovery import find_table, table_names
from kosmo_kernel.render.frames import KosmoFrame
from kosmo_kernel.session import Session


@pytest.fixture
def heroku(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the functions of Heroku, with the demo as the account of a session that ends with the test."""
    monkeypatch.setenv("KOSMO_DEMO", "1")
    with no_notebooks():
        yield namespace_named("heroku")


@pytest.fixture
def make_shell() -> Iterator[MakeShell]:
    with shells() as make:
        yield make


def test_a_list_is_the_frame_that_a_cell_shows(heroku: Any) -> None:
    frame = heroku.list_dynos(app_id="my-app")
    with Session("demo") as session:
        of_lua = session.run('return app.integrations.heroku.list_dynos("my-app")').frame()
    assert isinstance(frame, KosmoFrame)
    pd.testing.assert_frame_equal(frame, of_lua)
    assert frame.attrs == of_lua.attrs


def test_a_table_of_the_default_account_asks_the_demo_where_that_is_the_default(
    heroku: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(DemoApi(company(3), capacity=10**9)) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        functions, tables = heroku["default"].list_apps(), heroku["default"].tables.stages()
    assert sorted(functions["name"]) == sorted(tables["app"])
    assert tables.attrs["account"] == functions.attrs["account"] == "demo"


def test_a_table_is_the_frame_that_a_cell_shows(heroku: Any) -> None:
    current_session().run("heroku, list, app = nil, nil, nil")  # variables of scripts change nothing
    frame = heroku.tables.costs()
    with Session("demo") as session:
        of_lua = session.run("return heroku.tables.costs()").frame()
    assert isinstance(frame, KosmoFrame)
    pd.testing.assert_frame_equal(frame, of_lua)
    assert len(heroku.demo.tables.costs()) == len(frame)
    last = current_session().last
    assert last is not None
    assert last.calls != []
    assert dir(heroku.tables) == [*table_names("heroku")]
    assert len(heroku.tables.costs(idle_days=1)) == len(heroku.tables.costs())
    assert "tables" in dir(heroku)
    assert "cents" in str(inspect.getdoc(heroku.tables.costs))
    with pytest.raises(AttributeError, match=r"has no table `zzz`\. It has access, addon"):
        heroku.tables.zzz()


def test_a_table_of_which_a_list_cannot_be_read_is_an_error(heroku: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(DemoApi(company(), scopes=("read",))) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        monkeypatch.delenv("KOSMO_DEMO")
        with pytest.raises(RefusedError):
            heroku.default.tables.access()
        assert len(heroku.default.tables.stages()) == len(company().apps)


def test_a_table_without_rows_is_a_frame_with_its_columns(heroku: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KOSMO_DEMO")
    with serve(DemoApi(company(1, seed=3), capacity=10**9)) as served:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        tables = heroku.tables
        frames = {name: getattr(tables, name)() for name in ("webhooks", *table_names("heroku")[::4])}
        kept = current_session().run('return list.filter(heroku.tables.webhooks(), "host")')
    assert {type(frame) for frame in frames.values()} == {KosmoFrame}
    empty = [name for name, frame in frames.items() if frame.empty]
    assert "webhooks" in empty
    for name in empty:
        assert tuple(frames[name].columns) == find_table("heroku", name).columns
    assert tuple(kept.frame().columns) == find_table("heroku", "webhooks").columns


def test_a_frame_without_columns_has_a_text(heroku: Any) -> None:
    assert repr(heroku.list_stacks()[[]]).endswith(" 0 columns")


def test_what_is_collected_of_a_table_are_two_named_frames(heroku: Any) -> None:
    answer = heroku.tables.costs(errors="collect")
    rows, failures = answer
    assert answer.rows is rows
    assert answer.failures is failures
    assert list(failures.columns) == ["type", "status", "id", "message", "request_id"]
    with pytest.raises(TypeError, match="rows, failures = "):
        _ = answer["cents"]


def test_a_record_is_a_mapping(heroku: Any) -> None:
    app = heroku.get_app("my-app")
    assert app["name"] == "my-app"
    assert {**app}["stack"]["name"] == "heroku-24"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (
            """apps.query("stack.name == 'x'")""",
            'The name of the column "stack.name" has a dot. Write it as `stack.name`',
        ),
        ("""apps.query("stack_name == 'x'")""", 'There is no column "stack_name". Did you mean `stack.name`?'),
        ("""apps.query("`stack.nam` == 'x'")""", 'There is no column "stack.nam". Did you mean `stack.name`?'),
        ("""apps.eval("stack.name + name")""", 'The name of the column "stack.name" has a dot.'),
        ("""apps.query("name == @missing")""", "local variable 'missing' is not defined"),
        ("""record["stack.nam"]""", 'The record has no field "stack.nam". Did you mean "stack.name"?'),
        ("""record["stak"]""", 'The record has no field "stak". Did you mean "stack"?'),
        ("""record.nam""", "a record has no attribute 'nam': record[\"name\"] is the field"),
        ("""config["DATABASE_URL"]""", "The value of a config var is never shown."),
    ],
)
def test_a_misspelt_field_is_told_with_the_nearest_one(heroku: Any, expression: str, said: str) -> None:
    names = {
        "apps": heroku.list_apps(),
        "record": heroku.get_app("my-app"),
        "config": heroku.list_config_vars("my-app"),
    }
    with pytest.raises((AttributeError, KeyError, NameError)) as caught:
        eval(expression, names)  # noqa: S307
    assert said in str(caught.value)


def test_a_comparison_that_no_row_fulfils_names_the_value_that_may_be_meant(heroku: Any) -> None:
    apps = heroku.list_apps()
    stack, region = apps["stack.name"], apps["region.name"]
    said = 'No row has "heroku20" as "stack.name". Did you mean "heroku-20"?'
    for empty in (
        stack == "heroku20",
        (region == "us") & (stack == "heroku20"),
        (stack == "heroku20") & (region == "us"),
    ):
        assert said in " ".join(repr(apps[empty]).split())
    for fine in (stack == "heroku-20", stack == "nothing like it", (stack == "heroku20") | (region == "us")):
        assert "Did you mean" not in repr(apps[fine])
    assert "Did you mean" not in repr(apps.head(0)[apps.head(0)["stack.name"] == "heroku20"])


@pytest.mark.parametrize("form", ["frame", "column", "list", "records", "iterator"])
def test_many_apps_are_asked_at_once_in_whatever_form_they_come(heroku: Any, form: str) -> None:
    apps = heroku.list_apps().head(3)
    names = list(apps["name"])
    forms = {
        "frame": apps,
        "column": apps["name"],
        "list": names,
        "records": [{"name": name} for name in names],
        "iterator": iter(names),
    }
    dynos = heroku.list_dynos(app_id=forms[form])
    assert set(dynos["app_id"]) <= set(names)
    assert len(dynos) == len(heroku.list_dynos(names))


def test_what_fails_is_an_error_or_is_collected(heroku: Any) -> None:
    with pytest.raises(RefusedError, match="no-such-app"):
        heroku.list_dynos(["my-app", "no-such-app"])
    dynos, failures = heroku.list_dynos(["my-app", "no-such-app"], errors="collect")
    assert set(dynos["app_id"]) == {"my-app"}
    assert list(failures["app_id"]) == ["no-such-app"]
    assert dynos.attrs["note"] == "1 of 2 apps could not be read: no-such-app (404 not_found)"


def test_a_dry_run_sends_nothing_and_gives_the_plan(heroku: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plan = heroku.list_dynos(app_id=["my-app", "shop"], dry_run=True)
    assert [url.rpartition("/apps/")[2] for url in plan["url"]] == ["my-app/dynos", "shop/dynos"]
    assert "2 calls, none made" in capsys.readouterr().err
    last: Any = current_session().last
    assert last.calls == []


def test_the_demo_says_that_it_is_fiction(heroku: Any, capsys: pytest.CaptureFixture[str]) -> None:
    heroku.list_apps()
    assert capsys.readouterr().err == "Fictional data of the demo, whose day is 20 November 2026.\n"


def test_a_call_in_a_terminal_shows_its_progress(heroku: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("KOSMO_PROGRESS", "1")
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    heroku.demo.list_apps()
    assert "1 call · 1 request" in terminal.written()
    terminal.close()


@pytest.mark.parametrize("call", ["tables.access()", "list_dynos(app_id=heroku.list_apps())"])
def test_a_script_says_that_it_has_to_wait_for_more_than_a_minute(call: str) -> None:
    with serve(DemoApi(company(200), capacity=40)) as served:
        process = subprocess.Popen(
            [sys.executable, "-c", f"from kosmo_kernel import heroku; heroku.{call}"],
            stderr=subprocess.PIPE,
            text=True,
            env=environment({"HEROKU_API_URL": served.url, "HEROKU_API_KEY": DEMO_TOKEN, "KOSMO_DEMO": ""}),
        )
        assert process.stderr is not None
        said = process.stderr.readline()
        process.kill()
        process.communicate(timeout=60)
    assert re.fullmatch(r"[\d,]+ calls to come, about [\d,]+ requests; .* 75 a minute: about \d+ \w+\.\n", said)


def test_a_call_needs_no_standard_streams(heroku: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)  # as Python does if the parent process has closed it
    assert len(heroku.list_apps()) > 1


def test_an_account_is_an_attribute_or_an_item(heroku: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY_MY_TEAM", "fictional-token")
    assert heroku.demo.list_apps().attrs["account"] == "demo"
    assert heroku["my-team"].list_apps(dry_run=True)["account"].tolist() == ["my_team"]
    assert heroku.my_team.list_apps(dry_run=True)["account"].tolist() == ["my_team"]
    assert "my_team" in dir(heroku)
    with pytest.raises(UnknownNameError, match='Did you mean: heroku\\["demo"\\]'):
        heroku["demos"]


@pytest.mark.claim("token-typed")
@pytest.mark.parametrize(
    "token", ["HRKU-AAdeadbeef-1234-5678-9abc-def012345678", "01234567-89ab-cdef-0123-deadbeef9abc"]
)
def test_a_token_in_place_of_an_account_is_not_repeated(heroku: Any, token: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        heroku[token]
    assert "deadbeef" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "other"),
    [
        ('heroku.list_team_members(team_id="larkmoor")', 'heroku.list_team_members(team="larkmoor")'),
        ('heroku.get_release("my-app", "v3")', 'heroku.get_release("my-app", 3)'),
        (
            "heroku.list_dynos(heroku.list_team_apps('larkmoor'))",
            "heroku.list_dynos(list(heroku.list_team_apps('larkmoor').name))",
        ),
    ],
)
def test_an_argument_may_be_written_as_people_say_it(heroku: Any, call: str, other: str) -> None:
    answers = [eval(text, {"heroku": heroku}) for text in (call, other)]  # noqa: S307
    assert len(answers[0]) > 0
    assert str(answers[0]) == str(answers[1])


def test_a_name_that_is_nearly_one_of_those_that_were_listed_is_suggested(heroku: Any) -> None:
    def message(call: Callable[[], object]) -> str:
        with pytest.raises(RefusedError) as caught:
            call()
        return caught.value.message

    heroku.list_apps()
    heroku.list_pipelines()
    assert message(lambda: heroku.get_app("my-ap")).endswith("Did you mean: my-app")
    assert "Did you mean: my-app" in message(lambda: heroku.list_dynos(["booking-api", "my-ap"]))
    assert message(lambda: heroku.get_pipeline("last-mil")).endswith("Did you mean: last-mile")
    assert 'errors = "collect"' in message(lambda: heroku.list_dynos(["booking-api", "no-such-app"]))


def test_a_mistake_in_a_name_says_which_name_is_meant(heroku: Any) -> None:
    with pytest.raises(AttributeError, match="Did you mean: access"):
        heroku.tables.acces()
    with pytest.raises(AttributeError, match=r'record\["stack"\] is the field'):
        heroku.get_app("my-app").stack  # noqa: B018
    with pytest.raises(KeyError, match="It is the name of a row"):
        heroku.list_config_vars("my-app")["DATABASE_URL"]
    with pytest.raises(KeyError, match=r"There is no column 0\. A row is rows\.iloc\[0\]\."):
        heroku.list_apps()[0]


@pytest.mark.parametrize("read", ["heroku.elsewhere", 'heroku["elsewhere"]'])
def test_an_account_that_is_not_there_is_an_error_that_says_how_to_add_it(heroku: Any, read: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        eval(read, {"heroku": heroku})  # noqa: S307
    assert "HEROKU_API_KEY_ELSEWHERE" in caught.value.message
    assert "`kosmo accounts:add elsewhere`" in caught.value.message
    assert "docs.read" not in caught.value.message


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("heroku.list_apps(limit=5)", "The first 5: heroku.list_apps().head(5)"),
        ('heroku.list_releases("my-app", limit=3)', "`newest = 3` asks for the last 3"),
        ("heroku.list_dynos(app_id=None)", "`app_id` is None: an app's name or UUID."),
        ("heroku.list_dynos(None)", "`app_id` is None: an app's name or UUID."),
        ('heroku.list_dynos(["my-app", None])', "got None."),
        ("heroku.list_dynos(True)", "got True."),
        ('heroku.list_dynos({"colour": "red"})', "got a mapping."),
        ('heroku.get_app("My-App")', "did you mean 'my-app'?"),
        ("heroku.list_dynos(app_id=heroku.list_pipelines())", "an app's name or UUID, got records of list_pipelines."),
        ('heroku.list_dynos(heroku.get_pipeline("last-mile"))', "an app's name or UUID, got records of get_pipeline."),
        ("heroku.list_team_members(heroku.list_apps())", "got records of list_apps."),
        ('heroku.list_team_members(team="larkmoor", team_id="larkmoor")', "there is no argument 'team_id'"),
        ("heroku.list_apps(team='x')", 'Write heroku.list_team_apps(team="x")'),
        ("heroku.list_apps(team='a\\nb')", 'Write heroku.list_team_apps(team="my-team")'),
        (
            "heroku.list_dynos(app_id=heroku.list_pipelines())",
            'Use heroku.list_pipeline_couplings(pipeline_id=pipelines)["app.id"], where `pipelines` are these records.',
        ),
        ("heroku.list_dynos(app_id=heroku.list_teams())", "Use heroku.list_team_apps(team=teams), where `teams` are"),
        (
            "heroku.tables.costs('larkmoor')",
            "the arguments of a table have names. Filter its rows: rows = heroku.tables.",
        ),
        (
            "heroku.list_apps(account='x')",
            "stands before the function: heroku.x.list_apps()",
        ),
        ("heroku.list_apps('x')", "1 argument is given, and it takes none."),
        ("heroku.tables.costs(team='larkmoor')", """rows = heroku.tables.costs(); rows[rows["team"] == 'larkmoor']"""),
        ("heroku.tables.costs(colour=1)", "a table has no argument `colour`. Its columns are "),
        ('heroku.get_release("my-app", "vv")', "a release's version (43 or v43) or UUID, got 'vv'."),
        ('heroku.get_release("my-app", "vv")', 'Write heroku.get_release(app_id="my-app", release="43")'),
        ('heroku.list_releases("my-app", since=30)', 'Write heroku.list_releases(app_id="my-app", since="2026-'),
    ],
)
def test_a_mistake_is_told_in_pythons_words(heroku: Any, call: str, said: str) -> None:
    with pytest.raises(InvalidArgumentsError) as caught:
        eval(call, {"heroku": heroku})  # noqa: S307
    assert said in caught.value.message
    assert not re.search("nil|list.take|[{]", caught.value.message)
    assert "nil" not in heroku.list_dynos.__doc__


@pytest.mark.parametrize("name", ["list_dyno", "stagin"])
def test_an_unknown_name_is_an_attribute_error_with_the_nearest_names(heroku: Any, name: str) -> None:
    assert not hasattr(heroku, name)
    with pytest.raises(UnknownNameError, match=f"`{name}`"):
        getattr(heroku, name)


@pytest.mark.parametrize(
    ("positional", "named", "mistake"),
    [
        ((), {}, "`app_id` is missing"),
        ((), {"app": "my-app"}, "did you mean `app_id`?"),
        (("my-app", "shop"), {}, "at most 1"),
        (("my-app",), {"app_id": "shop"}, "by position and by name"),
        ((object(),), {}, "has no Lua form"),
        (("not/an/app",), {}, "an app's name or UUID"),
    ],
)
def test_a_mistake_in_the_arguments_is_an_error_before_anything_is_sent(
    heroku: Any, positional: tuple[Any, ...], named: dict[str, Any], mistake: str
) -> None:
    with pytest.raises(InvalidArgumentsError) as caught:
        heroku.list_dynos(*positional, **named)
    assert mistake in caught.value.message
    assert "({" not in caught.value.message  # a call in Lua


def test_help_and_completion_have_the_reference(heroku: Any) -> None:
    functions = [function.name for function in integrations.find("heroku").functions]
    assert set(functions) <= set(dir(heroku))
    page = pydoc.plain(pydoc.render_doc(heroku.list_dynos))
    assert 'heroku.list_dynos(app_id="my-app")' in page
    assert "release.version (integer)" in page
    assert all(name in pydoc.plain(pydoc.render_doc(heroku)) for name in functions)
    assert re.search(r"\n +Deploys\n\s+list_releases ", pydoc.plain(pydoc.render_doc(heroku)))
    assert "one of these sets of arguments: `app_id`, or `addon_id`." in heroku.list_log_drains.__doc__
    assert str(inspect.signature(heroku.get_app)) == "(app_id, *, errors=None, dry_run=False)"


@pytest.mark.parametrize("integration", integrations.BUILT_IN, ids=lambda one: one.name)
def test_the_stub_for_type_checkers_is_that_of_the_catalogue(integration: Any) -> None:
    assert stub_file(integration).read_text(encoding="utf-8") == stub(integration)


def test_in_a_notebook_the_session_is_that_of_its_cells(make_shell: MakeShell) -> None:
    shell = make_shell()
    shell.run_line_magic("load_ext", "kosmo_kernel")
    run(shell, "%kosmo demo")
    run(shell, "from kosmo_kernel import heroku; apps = heroku.list_apps()")
    magic = shell.magics_manager.registry["KosmoMagic"]
    assert current_session() is magic.session
    last: Any = magic.session.last
    assert [call.account for call in last.calls] == ["demo"]
    assert value(shell, "len(apps)") == value(shell, "%kosmo_lua #app.integrations.heroku.list_apps()")
    shell.run_line_magic("unload_ext", "kosmo_kernel")
    assert current_session() is not magic.session
    close_own_session()


def test_an_error_shows_the_line_of_the_user_and_none_of_ours(
    make_shell: MakeShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = make_shell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    shell.run_line_magic("load_ext", "kosmo_kernel")
    run(shell, "from kosmo_kernel import heroku")
    error: Any = run(shell, "def find():\n    return heroku.demo.get_app('no-such-app')\nfind()").error_in_exec
    text = "\n".join(error._render_traceback_())
    assert "heroku.demo.get_app('no-such-app')" in text
    assert "Couldn't find that app" in text
    assert "python_api" not in text
    mistakes = {
        "heroku.demo.list_app()": "Did you mean",
        "heroku['nowhere']": "nowhere",
        "heroku.demo.list_apps()['stack.nam']": "Did you mean",
        "heroku.demo.get_app('my-app')['stak']": "Did you mean",
        "heroku.demo.get_app('my-app').stak": "is the field",
        "heroku.demo.list_apps(errors='collect')['name']": "rows, failures = ...",
        "heroku.demo.list_apps(errors='collect')[2]": "rows, failures = ...",
    }
    for cell, advice in mistakes.items():
        misspelt: Any = run(shell, cell).error_in_exec
        text = "\n".join(misspelt._render_traceback_())
        assert (cell in text, advice in text, "kosmo_kernel/" in text) == (True, True, False)


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of a user in a process of its own, on the demo account."""
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=environment({"KOSMO_DEMO": "1"}),
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("call", ["list_dynos(app_id='no-such-app')", "list_dynos(ap=1)", "tables.acces()", "lst()"])
def test_the_error_of_a_script_shows_its_line_and_none_of_ours(call: str) -> None:
    script = f"from kosmo_kernel import heroku\ndef find():\n    heroku.{call}\nfind()\n"
    done = run_script(script)
    lines = [line for line in done.stderr.splitlines() if line.startswith("  File")]
    assert lines == ['  File "<string>", line 4, in <module>', '  File "<string>", line 3, in find']


def test_errors_of_others_are_shown_as_before(heroku: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[type[BaseException], int]] = []

    def show(kind: type[BaseException], _error: BaseException, trace: TracebackType | None) -> None:
        shown.append((kind, len(traceback.extract_tb(trace))))

    def inner() -> None:
        raise ValueError

    monkeypatch.setattr(sys, "excepthook", show)
    for call in (lambda: heroku.list_dynos(ap=1), lambda: heroku.list_dynos(ap=1), inner):
        try:
            call()
        except (InvalidArgumentsError, ValueError) as error:
            sys.excepthook(type(error), error, error.__traceback__)
    assert shown == [(InvalidArgumentsError, 2), (InvalidArgumentsError, 2), (ValueError, 2)]


@pytest.mark.parametrize("module", ["pandas._libs.hashtable", "pandas.core.frame", "kosmo_kernel.calls.services"])
def test_an_interrupt_during_the_first_call_is_one_message_and_the_next_call_works(module: str) -> None:
    script = f"""
import _thread, sys
from kosmo_kernel import heroku

class Interrupt:
    is_due = True

    def find_spec(self, name, *_):
        if name == "{module}" and self.is_due:
            self.is_due = False
            _thread.interrupt_main()

sys.meta_path.insert(0, Interrupt())
try:
    heroku.tables.dyno_sizes()
except Exception as error:
    print(type(error).__name__, error)
print(len(heroku.list_apps()) > 1)
"""
    done = run_script(script)
    assert (done.stdout, done.returncode) == ("StoppedError Interrupted.\nTrue\n", 0), done.stderr
