"""The explorer in a real IPython shell: what it offers, and the code that it writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from explorer_form import Form, Seen, choose, loaded_shell, opened, press_load, status, type_in, written
from fake_integration import FERRIES, KEY, Harbour
from msgspec.structs import replace
from python_shell import Shell, run, value

from kosmo_kernel import integrations
from kosmo_kernel.catalogue import Link, Param
from kosmo_kernel.demo.server import serve
from kosmo_kernel.docs import resolve_function
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.explorer.code import python_call
from kosmo_kernel.explorer.form import TEXT, parse_field
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.session import Session

IMPORT = "from kosmo_kernel import heroku\n\n"


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    with loaded_shell() as made:
        yield made


# The form ----------------------------------------------------------------------------------------------


def test_the_form_is_the_catalogue_s(shell: Shell) -> None:
    explorer = Form(value(shell, "%kosmo explore list_add_ons"))
    assert list(explorer.function.options) == [
        (f"heroku.{function.name}  ({function.subject})", f"heroku.{function.name}") for function in HEROKU.functions
    ]
    assert explorer.function.value == "heroku.list_addons"
    (param,) = HEROKU.function("list_addons").params
    assert list(explorer.fields) == [param.name]
    shown = " ".join(Seen(widget.value).text for widget in (explorer.about, explorer.arguments.children[1]))
    assert HEROKU.function("list_addons").summary in shown
    assert param.doc in shown
    choose(explorer, "heroku.get_current_user")
    assert explorer.fields == {}


@pytest.mark.parametrize("name", ["list_dynos", "heroku.list_dynos", "app.integrations.heroku.list_dynos"])
def test_a_function_is_named_as_in_lua_or_in_short(name: str) -> None:
    assert resolve_function(name) == (HEROKU, HEROKU.function("list_dynos"))


@pytest.mark.parametrize("name", ["list_dyno", "heroku.list_dyno", "ships.list_dyno"])
def test_an_unknown_function_is_answered_with_the_nearest_ones(shell: Shell, name: str) -> None:
    error = run(shell, f"%kosmo explore {name}").error_in_exec
    assert isinstance(error, UnknownNameError)
    assert error.suggestions[0] == "heroku.list_dynos"


def test_where_there_are_no_widgets_it_is_one_line_of_text(shell: Shell) -> None:
    explorer = value(shell, "%kosmo explore")
    bundle = shell.display_formatter.format(explorer)[0]
    assert bundle["text/plain"] == TEXT == repr(explorer)
    assert "\n" not in TEXT
    assert set(bundle) == {"text/plain", "application/vnd.jupyter.widget-view+json"}


def test_opening_and_choosing_sends_nothing_and_runs_nothing(shell: Shell) -> None:
    session = shell.magics_manager.registry["KosmoMagic"].session
    last = session.last
    explorer = Form(value(shell, "%kosmo explore list_dynos"))
    choose(explorer, "heroku.list_domains")
    type_in(explorer, "app_id", "my-app")
    assert session.last is last


def test_what_was_typed_stays_when_another_function_takes_it_too(session: Session) -> None:
    explorer = opened("list_dynos", session)
    type_in(explorer, "app_id", "my-app")
    choose(explorer, "heroku.list_apps")
    choose(explorer, "heroku.list_domains")
    assert written(explorer) == 'app.integrations.heroku.demo.list_domains({ app_id = "my-app" })'


def test_an_account_without_a_token_is_the_choice_all_the_same_and_the_demo_is_none_by_accident(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Session() as lua:
        explorer = opened("list_apps", lua)
        labels = ["default (no token)", "demo (a fictional company)"]
        assert [label for label, _ in explorer.account.options] == labels
        assert explorer.account.value == "default"
        explorer.run.click()
        assert "CredentialsError" in explorer.answer.value
        monkeypatch.setenv("HEROKU_API_KEY_PRODUCTION", "token-of-nobody")
        labels = [label for label, _ in opened("list_apps", lua).account.options]
        assert "production" in labels


def test_a_service_from_elsewhere_has_its_own_accounts_and_arguments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(integrations, "BUILT_IN", (*integrations.BUILT_IN, FERRIES))
    with serve(Harbour()) as served, Session() as lua:
        monkeypatch.setenv("TIDEWATER_KEY", KEY)
        monkeypatch.setenv("TIDEWATER_URL", served.url)
        explorer = opened("ferries.list_sailings", lua)
        assert [alias for _, alias in explorer.account.options] == ["default"]
        type_in(explorer, "ship_number", "2")
        assert written(explorer) == "app.integrations.ferries.list_sailings({ ship_number = 2 })"
        explorer.run.click()
        assert "ship.number" in Seen(explorer.answer.value).text
        press_load(explorer)
        assert status(explorer) == "3 ships to choose from."
        assert list(explorer.fields["ship_number"].field.options) == ["2", "3", "5"]


def test_a_parameter_has_a_field_of_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    params = (
        Param("afloat", "Whether it swims", "boolean", required=True),
        Param("knots", "How fast it is", "number", required=True),
    )
    ask = replace(FERRIES.functions[0], name="ask", aliases=(), links=(Link("/ask/{afloat}/{knots}"),), params=params)
    monkeypatch.setattr(integrations, "BUILT_IN", (replace(FERRIES, functions=(ask,)),))
    explorer = opened("ask", Session())
    assert explorer.fields["afloat"].field.options == ("", "true", "false")
    type_in(explorer, "afloat", "false")
    type_in(explorer, "knots", "7.5")
    assert written(explorer) == "app.integrations.ferries.ask({ afloat = false, knots = 7.5 })"
    lines = [Seen(line.value).text for line in explorer.arguments.children[1::2]]
    assert lines == ["Whether it swims.", "How fast it is."]


# What it writes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "lua", "python"),
    [
        ("", "", ""),
        ("  ", "", ""),
        ("my-app", '{ app_id = "my-app" }', 'app_id="my-app"'),
        (" my-app , booking-api,", '{ app_id = { "my-app", "booking-api" } }', 'app_id=["my-app", "booking-api"]'),
        ("a\"b'\\\n", r'{ app_id = "a\"b\'\\" }'.replace("\\'", "'"), "app_id='a\"b\\'\\\\'"),
    ],
)
def test_the_code_is_the_call_in_the_language_of_the_notebook(
    session: Session, shell: Shell, typed: str, lua: str, python: str
) -> None:
    explorer = Form(value(shell, "%kosmo explore list_dynos"))
    type_in(explorer, "app_id", typed)
    assert written(explorer) == f"{IMPORT}heroku.demo.list_dynos({python})"
    in_lua = opened("list_dynos", session)
    type_in(in_lua, "app_id", typed)
    assert written(in_lua) == f"app.integrations.heroku.demo.list_dynos({lua})"


def test_an_account_is_an_attribute_or_an_item_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HEROKU_API_KEY", "HEROKU_API_KEY_STAGING"):
        monkeypatch.setenv(variable, "token-of-nobody")
    with Session("demo") as lua:
        explorer = opened("list_apps", lua, in_python=True)
        found = {}
        for _, alias in explorer.account.options:
            explorer.account.value = alias
            found[alias] = written(explorer).removeprefix(IMPORT)
    assert {alias: found[alias] for alias in ("demo", "default", "staging")} == {
        "demo": "heroku.demo.list_apps()",
        "default": "heroku.default.list_apps()",
        "staging": "heroku.staging.list_apps()",
    }
    assert python_call(*resolve_function("list_apps"), {}, "my-team") == 'heroku["my-team"].list_apps()'


def test_the_import_is_written_until_there_is_one(shell: Shell) -> None:
    explorer = Form(value(shell, "%kosmo explore list_apps"))
    assert written(explorer) == f"{IMPORT}heroku.demo.list_apps()"
    run(shell, "from kosmo_kernel import heroku").raise_error()
    choose(explorer, "heroku.list_dynos")
    assert written(explorer) == "heroku.demo.list_dynos()"
    run(shell, "heroku = 1")
    choose(explorer, "heroku.list_apps")
    assert written(explorer) == f"{IMPORT}heroku.demo.list_apps()"
    run(shell, "del heroku")


def test_words_find_functions_the_best_first(session: Session) -> None:
    explorer = opened("list_dynos", session)
    every = explorer.function.options
    explorer.words.value = "failing certificate"
    offered = [name for _, name in explorer.function.options]
    assert 0 < len(offered) < len(every) / 4
    assert "heroku.list_domains" in offered
    assert explorer.function.value == offered[0]
    assert HEROKU.by_full_name()[offered[0]].summary in explorer.about.value
    explorer.words.value = "list_dynos"
    assert explorer.function.value == "heroku.list_dynos"
    explorer.words.value = "xyzzy<b>"
    assert Seen(explorer.about.value).text == "No function is about “xyzzy<b>”."
    assert "b" not in Seen(explorer.about.value).tags
    explorer.words.value = " "
    assert explorer.function.options == every


def test_all_apps_are_the_call_with_the_list_of_apps(shell: Shell) -> None:
    explorer = Form(value(shell, "%kosmo explore list_dynos"))
    type_in(explorer, "app_id", "my-app")
    chosen = explorer.fields["app_id"]
    assert (chosen.every.description, chosen.every.value) == ("All apps", False)
    chosen.every.value = True
    every = "heroku.demo.list_dynos(app_id=heroku.demo.list_apps())"
    assert (written(explorer), chosen.field.disabled) == (f"{IMPORT}{every}", True)
    explorer.run.click()
    assert value(shell, written(explorer))._repr_html_() == explorer.answer.value
    assert len(value(shell, f"{written(explorer)}.app_id.unique()")) > 10
    choose(explorer, "heroku.list_domains")
    assert ".list_apps())" in written(explorer)
    explorer.fields["app_id"].every.value = False
    assert written(explorer).endswith('list_domains(app_id="my-app")')
    choose(explorer, "heroku.get_dyno")
    assert [name for name, one in explorer.fields.items() if one.every is not None] == ["app_id"]


def test_the_cell_gives_what_the_form_has_shown(shell: Shell) -> None:
    explorer = Form(value(shell, "%kosmo explore list_dynos"))
    type_in(explorer, "app_id", "my-app, booking-api")
    explorer.run.click()
    assert value(shell, written(explorer))._repr_html_() == explorer.answer.value


def test_the_default_account_is_named_where_the_notebook_s_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(DemoApi(company(3))) as served, Session("demo") as lua:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        explorer = opened("list_apps", lua)
        assert explorer.account.value == "demo"
        explorer.account.value = "default"
        assert written(explorer) == "%%kosmo_lua --account default\napp.integrations.heroku.list_apps()"
        explorer.run.click()
        assert lua.last is not None
        assert [(call.account, call.rows) for call in lua.last.calls] == [("default", 3)]


def test_the_lua_is_written_anew_when_a_cell_has_changed_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(DemoApi(company(3))) as served, Session() as lua:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        explorer = opened("list_apps", lua)
        assert written(explorer) == "app.integrations.heroku.list_apps()"
        lua.account = "demo"
        explorer.run.click()
        assert written(explorer) == "%%kosmo_lua --account default\napp.integrations.heroku.list_apps()"


@pytest.mark.parametrize(
    ("kind", "typed", "meant"),
    [
        ("integer", " 12 ", 12),
        ("integer", "12.5", "12.5"),
        ("integer", "9" * 30, "9" * 30),
        ("number", "-1.5", -1.5),
        ("number", "3", 3),
        ("number", "nan", "nan"),
        ("boolean", "false", False),
        ("string", "12, 13", "12, 13"),
        ("string", "", None),
    ],
)
def test_what_is_typed_is_read_as_the_parameter_s_kind(kind: Any, typed: str, meant: Any) -> None:
    found = parse_field(Param("x", "", kind), typed)
    assert (type(found), found) == (type(meant), meant)
