"""A session: the demo account through Lua, accounts, failures with their place, and what is kept apart or let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest
from run_with import run_with

from kosmo_kernel import docs
from kosmo_kernel.catalogue import Function
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import (
    CredentialsError,
    InvalidArgumentsError,
    KosmoError,
    LimitError,
    LuaRuntimeError,
    LuaSyntaxError,
    RefusedError,
    SettingsError,
    UnknownNameError,
    UnreachableError,
)
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.integrations.heroku.demo.http import UNLIMITED
from kosmo_kernel.integrations.heroku.functions import FUNCTIONS
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def demo() -> Iterator[Session]:
    with Session("demo") as opened:
        yield opened


def failing(session: Session, source: str, **options: object) -> KosmoError:
    with pytest.raises(KosmoError) as caught:
        run_with(session, source, **options)
    return caught.value


# The functions whose example is a call of the demo account. In the others, "…" stands for what only the user has.
COMPLETE = [function for function in HEROKU.functions if "…" not in function.example]


@pytest.mark.parametrize("function", COMPLETE, ids=lambda f: f.name)
def test_every_example_of_the_catalogue_runs_on_the_demo_account(demo: Session, function: Function) -> None:
    result = demo.run(function.example)

    assert result.calls
    assert all(call.status == "ok" for call in result.calls)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_every_function_answers_with_its_declared_columns(demo: Session, function: Function) -> None:
    argument = "'my-app'" if function.params else ""
    value = demo.run(f"app.integrations.heroku.{function.name}({argument})").value
    record = value if function.returns == "record" else value[0]

    assert value.function is function
    assert {column.path[0] for column in function.columns if not column.nullable} <= record.keys()


def test_a_list_argument_asks_for_every_app_and_gives_one_list(demo: Session) -> None:
    source = "local heroku = app.integrations.heroku\nheroku.list_dynos({ app_id = heroku.list_apps({}) })"
    result = demo.run(source)
    frame = result.frame()
    apps = [app["name"] for app in demo.run("app.integrations.heroku.list_apps({})").value]

    assert list(frame.columns[:2]) == ["app_id", "name"]
    assert [name for name in apps if name in set(frame["app_id"])] == list(dict.fromkeys(frame["app_id"]))
    assert (result.calls[1].rows, result.calls[1].requests) == (len(frame), len(apps))


def test_a_list_argument_without_items_is_an_empty_list_with_the_same_columns(demo: Session) -> None:
    frame = demo.run("app.integrations.heroku.list_dynos({ app_id = {} })").frame()
    source = """local d = app.integrations.heroku.list_dynos({ app_id = { 'my-app' } })
    while #d > 0 do table.remove(d) end
    return d"""

    assert (len(frame), list(frame.columns[:2])) == (0, ["app_id", "name"])
    assert list(demo.run(source).frame().columns) == list(frame.columns)


def test_an_app_named_twice_is_asked_once(demo: Session) -> None:
    result = demo.run("app.integrations.heroku.get_app({ app_id = { 'my-app', 'my-app' } })")

    assert ([row["name"] for row in result.value], result.calls[0].requests) == (["my-app"], 1)


def test_an_app_of_a_list_that_cannot_be_read_is_an_error_that_names_it(demo: Session) -> None:
    error = failing(demo, "app.integrations.heroku.list_dynos({ app_id = { 'my-app', 'no-such-app' } })")

    assert isinstance(error, RefusedError)
    assert (error.status, "no-such-app" in error.message) == (404, True)


def test_what_worked_can_be_collected_with_what_did_not(demo: Session) -> None:
    source = "return app.integrations.heroku.list_dynos({ app_id = { 'my-app', 'no-such-app' }, errors = 'collect' })"
    rows, failures = demo.run(source).values

    assert {row["app_id"] for row in rows} == {"my-app"}
    assert [(one["app_id"], one["status"], one["id"]) for one in failures] == [("no-such-app", 404, "not_found")]


def test_no_credentials_is_an_error_that_lists_the_ways() -> None:
    with Session() as session:
        error = failing(session, "app.integrations.heroku.list_apps({})")

    assert isinstance(error, CredentialsError)
    assert all(way in error.message for way in ("HEROKU_API_KEY", "KOSMO_DEMO=1"))


def test_the_demo_is_the_default_account_when_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_DEMO", "1")
    with Session() as session:
        result = session.run("app.integrations.heroku.get_current_user({})")

    assert (result.account, result.calls[0].account) == ("demo", "demo")


@pytest.mark.parametrize(
    "value",
    [
        "nil",
        "1",
        "true",
        "''",
        "'my-app/config-vars'",
        "'../account'",
        "'a?b'",
        "'a b'",
        "'a\\nb'",
        "'my-app#'",
        "{ {} }",
        "{ 'my-app', '../x' }",
        "'A'",
    ],
)
def test_a_bad_app_id_is_an_error_before_anything_is_sent(value: str) -> None:
    with Session("demo") as session:
        error = failing(session, f"app.integrations.heroku.get_app({{ app_id = {value} }})")

        assert isinstance(error, InvalidArgumentsError)
        assert "app_id" in error.message
        assert error.result.calls[0].requests == 0


def test_all_mistakes_are_in_one_message(demo: Session) -> None:
    error = failing(demo, "app.integrations.heroku.get_app({ app = 'x', nme = 1 })")

    assert all(word in error.message for word in ("`app_id` is missing", "'app' (did you mean `app_id`?)", "'nme'"))


@pytest.mark.parametrize(
    ("source", "near"),
    [
        ("app.integrations.heroku.lst_apps()", "app.integrations.heroku.list_apps"),
        ("app.integrations.heroku.demmo.list_apps()", "app.integrations.heroku.demo"),
        ("app.integrations.heruku.list_apps()", "app.integrations.heroku"),
        ("app.integrations.heroku.acceptance.list_apps()", "app.integrations.heroku."),
        ("docs.read('heroku.list_apss')", "heroku.list_apps"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest_full_names(demo: Session, source: str, near: str) -> None:
    error = failing(demo, source)

    assert isinstance(error, UnknownNameError)
    assert near in error.message.partition("Did you mean: ")[2]


def test_a_named_account_sends_its_own_token_to_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(DemoApi(company(), token="another-token")) as server, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", server.url)
        monkeypatch.setenv("HEROKU_API_KEY_MY_TEAM", "another-token")
        monkeypatch.setenv("HEROKU_API_KEY", "wrong-token")
        good = session.run(
            "local heroku = app.integrations.heroku\n"
            "heroku['my-team'].get_app('my-app').name, heroku.my_team.get_app('my-app').name"
        )
        bad = failing(session, "app.integrations.heroku.get_app('my-app')")

    assert (good.values, good.calls[0].account) == (["my-app", "my-app"], "my-team")
    assert (isinstance(bad, RefusedError), getattr(bad, "status", None)) == (True, 401)


def test_an_account_that_does_not_exist_is_an_error_even_without_a_call(demo: Session) -> None:
    assert isinstance(failing(demo, "return 1", account="demp"), UnknownNameError)
    with pytest.raises(UnknownNameError, match="demo"):
        Session("demmo")


def test_every_result_of_the_demo_as_default_account_says_so(demo: Session) -> None:
    said = ["Fictional data of the demo, whose day is 20 November 2026."]

    assert demo.run("app.integrations.heroku.get_app('my-app')").notes == said
    assert demo.run("app.integrations.heroku.demo.get_app('my-app')").notes == []
    assert demo.run("return 1").notes == []


def test_a_refused_connection_is_an_error_that_names_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    with Session() as session:
        error = failing(session, "app.integrations.heroku.list_apps({})")

    assert isinstance(error, UnreachableError)
    assert ("heroku.list_apps" in error.message, error.retryable, DEMO_TOKEN in error.message) == (True, True, False)


def test_a_failure_carries_its_line_its_text_and_who_called() -> None:
    with Session("demo") as session:
        run_with(session, "function careless(t)\n  return t.name\nend", name="In[1]")
        error = failing(session, "local x = 1\ncareless(nil)\nx = 2", name="In[2]")

    assert isinstance(error, LuaRuntimeError)
    assert (error.line, error.chunk) == (2, "In[1]")
    assert error.message == "In[1]:2: attempt to index a nil value (local 't')"
    assert error.excerpt == "      1 function careless(t)\n----> 2   return t.name\n      3 end"
    assert error.stack == ("In[1]:2: in function 'careless'", "In[2]:2: in the cell")


def test_a_text_that_only_looks_like_a_place_is_not_the_place_of_an_error(demo: Session) -> None:
    error = failing(demo, "local x = 1\nerror('http://localhost:5000: refused', 0)", name="In[1]")

    assert (error.line, error.chunk, error.message) == (2, "In[1]", "http://localhost:5000: refused")


def test_a_chunk_that_does_not_compile_is_marked_and_runs_nothing(demo: Session) -> None:
    error = failing(demo, "print('ran')\nx = = 1", name="In[7]")

    assert isinstance(error, LuaSyntaxError)
    assert (error.line, error.result.output) == (2, "")
    assert error.excerpt.splitlines()[-1] == "----> 2 x = = 1"


def test_what_was_printed_and_called_before_a_failure_is_kept(demo: Session) -> None:
    error = failing(demo, "print('before')\napp.integrations.heroku.get_current_user({})\nerror('stop')")

    assert (error.result.output, [call.path for call in error.result.calls]) == (
        "before\n",
        ["integrations.heroku.get_current_user"],
    )


def test_a_page_of_the_reference_is_a_page_when_it_is_the_value(demo: Session) -> None:
    page, text = demo.run("docs.read('heroku'), docs.read('heroku') .. '!'").values

    assert (type(page), type(text)) == (docs.Page, str)
    assert demo.run("print(docs.read('heroku'))").output == page + "\n"


def test_a_reference_compared_with_a_text_is_warned_about(demo: Session) -> None:
    source = "local a = app.integrations.heroku.get_app('my-app')\nreturn a.stack == 'heroku-24'"
    result = demo.run(source)

    assert result.value is False
    why = "line 2: `.stack` is a record, and Lua never finds a record equal to a text."
    assert result.notes[0] == why + ' Compare its name: `.stack.name == "…"`.'


@pytest.mark.parametrize(
    "source",
    [
        "a.stack.name == 'x'",
        "-- a.stack == 'x'",
        "b = \"a.stack == 'x'\"",
        "r = { app = 'a' }\nreturn r.app == 'a'",
        "a.state == 'up'",
    ],
)
def test_no_warning_without_that_mistake(source: str) -> None:
    from kosmo_kernel.lua.lint import lint

    assert lint(source, lambda _: True) == []


@pytest.mark.claim("budget-output")
def test_output_past_its_limit_is_cut_with_a_note_and_the_run_goes_on(demo: Session) -> None:
    result = demo.run("for i = 1, 30000 do print(i) end\nreturn 'done'")

    assert result.value == "done"
    assert result.output.splitlines()[19_999] == "20000"
    assert "20,000 lines" in result.output.splitlines()[-1]
    assert len(result.output.splitlines()) < 20_010


@pytest.mark.claim("lua-no-token")
@pytest.mark.parametrize(
    "source",
    [
        "return token",
        "return { a = { token } }",
        "return { [token] = 1 }",
        "return { { t = token } }",
        "return { token, print }",
        "local l = app.integrations.heroku.demo.list_apps()\nl[1].token = token\nreturn l",
    ],
)
def test_a_token_never_leaves_in_a_value(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    with serve(DemoApi(company(), token=secret)) as server, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", server.url)
        monkeypatch.setenv("HEROKU_API_KEY", secret)
        session.run(f"app.integrations.heroku.get_current_user({{}})\ntoken = '{secret[:9]}' .. '{secret[9:]}'")
        value = session.run(source).value

    assert secret not in repr(list(value) if isinstance(value, Records) else value)


def test_a_token_never_leaves_in_what_a_script_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(DemoApi(company(), token="0123456789abcdef0123456789abcdef")) as server, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", server.url)
        monkeypatch.setenv("HEROKU_API_KEY", "0123456789abcdef0123456789abcdef")
        result = session.run("app.integrations.heroku.list_apps({})\nprint('0123456789abcdef' .. '0123456789abcdef')")

    assert "0123456789abcdef" not in result.output


@pytest.mark.parametrize(
    ("name", "value"),
    [("KOSMO_CPU_LIMIT", "fast"), ("KOSMO_TIMEOUT", "-1"), ("KOSMO_MEMORY_LIMIT", "100"), ("KOSMO_CPU_LIMIT", "inf")],
)
def test_a_limit_that_makes_no_sense_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        Session("demo")


@pytest.mark.parametrize("limit", ["timeout", "cpu_limit", "memory_limit"])
def test_a_limit_of_nothing_is_refused_and_not_taken_for_none(demo: Session, limit: str) -> None:
    assert isinstance(failing(demo, "return 1", **{limit: 0}), SettingsError)


def test_limits_come_from_the_environment_unless_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_CPU_LIMIT", "0.1")
    with Session("demo") as session:
        error = failing(session, "while true do end")

        assert isinstance(error, LimitError)
        assert (error.limit, "0.1 s" in error.message, error.line) == ("cpu_limit", True, 1)


def test_two_sessions_share_nothing() -> None:
    with Session("demo") as one, Session("demo") as other:
        one.run("shared = 1\nlocal mine = 2")

        assert other.run("shared, mine").values == [None, None]


def test_reset_forgets_all_variables(session: Session) -> None:
    session.run("a = 1\nlocal b = 2")
    session.reset()

    assert session.run("a, b").values == [None, None]


def test_a_chunk_gets_its_arguments(demo: Session) -> None:
    assert run_with(demo, "return ...", args=("a", "b")).values == ["a", "b"]


def test_arguments_and_names_that_are_not_utf8_arrive_with_a_sign_for_what_is_none(demo: Session) -> None:
    assert run_with(demo, "return ...", name="f\udc80.lua", args=("a\udc80b", "é")).values == ["a\ufffdb", "é"]


def test_a_session_without_limits_of_its_own_has_a_frame_of_any_list_of_records(demo: Session) -> None:
    frame = demo.run("{ { b = 1, a = 'x' }, { b = 2 } }").frame()

    assert (list(frame.columns), frame["b"].tolist()) == (["b", "a"], [1, 2])
    with pytest.raises(TypeError, match="list of records"):
        demo.run("1").frame()


APPS = "heroku = app.integrations.heroku apps = heroku.list_apps() return #apps"
LISTS = """return #heroku.list_dynos({ app_id = apps }) + #heroku.list_collaborators({ app_id = apps })
+ #heroku.list_domains({ app_id = apps })"""
LOOP = "local n = 0 for _, one in ipairs(apps) do n = n + #heroku.list_dynos(one.name) end return n"


def memory() -> list[int]:
    """Return the bytes of this process and of the Lua process."""
    own = psutil.Process()
    return [own.memory_info().rss, sum(child.memory_info().rss for child in own.children())]


@pytest.mark.full
@pytest.mark.parametrize("script", [LISTS, LOOP], ids=["lists", "loop"])
def test_a_session_that_counts_again_and_again_takes_no_more_memory(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    with serve(DemoApi(company(1_000), refill=UNLIMITED)) as served, Session(cpu_limit=600) as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        session.run(APPS)
        counts = [session.run(script).value for _ in range(2)]
        warm = memory()
        counts += [session.run(script).value for _ in range(4)]

        assert len(set(counts)) == 1
        assert all(now <= 1.15 * before for now, before in zip(memory(), warm, strict=True))


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("return 1\nprint(2)", 2),
        ("return 1; print(2)", 1),
        ("print(1) return 1\nprint(2)", 2),
        ("return 1\nreturn 2", 2),
        ("local x = 1\nreturn x\n\ny = 2\n", 4),
        ("if true then return 1 print(2) end", 1),
        ("local function f()\n  return 1\n  local x = 2\nend", 3),
        ("for i = 1, 2 do\n  if i == 1 then\n    return print(i)\n  print(i)\n  end\nend", 4),
        ("return list.map({ 1 }, function(x) return x print(x) end)", 1),
    ],
)
def test_what_follows_a_return_is_named_as_the_mistake(code: str, line: int) -> None:
    with (
        Session("demo") as session,
        pytest.raises(LuaSyntaxError, match=r"`return` must be the last statement") as caught,
    ):
        session.run(code)
    assert caught.value.line == line
