"""Inspection of Lua text, asked of a real Lua state on the demo account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from editor_state import inspected, worked
from run_with import run_with

from kosmo_kernel.editor.resolver import library
from kosmo_kernel.session import Session


@pytest.fixture(scope="module")
def lua() -> Iterator[Session]:
    with worked() as session:
        yield session


# The catalogue --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "app.integrations.heroku.list_dy|nos",
        "known.list_dynos|",
        "local h = app.integrations.heroku\nh.|list_dynos({ app_id = 'x' })",
        "local f = known.list_dynos f|",
        "app.integrations.heroku.demo.heroku_list_dynos|",
        "known.list_dynos({ app_id = 'x', | })",
    ],
)
def test_a_function_of_the_catalogue_shows_its_signature_its_parameters_and_its_page(text: str, lua: Session) -> None:
    shown = inspected(text, lua)
    head, _, page = shown.partition("\n\n---\n\n")
    assert head.startswith(
        "```lua\nheroku.list_dynos({ app_id })\n```\n\n- `app_id` (string or list, required): The app's"
    )
    assert page.startswith("# heroku.list_dynos\n")


@pytest.mark.parametrize(
    "text",
    [
        "known.list_dynos(|",
        "known.list_dynos({ app_id = |",
        "known.list_dynos({ app|_id = 'x' })",
        "known.list_dynos{ app_id = '|my-app' }",
        "known.list_dynos({ app_id = { 'a', | } })",
        "local f = known.list_dynos f('|",
    ],
)
def test_an_argument_shows_what_it_means_and_the_page_below_it(text: str, lua: Session) -> None:
    shown = inspected(text, lua)
    assert shown.startswith("**app_id** (string or list, required): The app's name or UUID; a list of them gives")
    assert "\n\n---\n\n```lua\nheroku.list_dynos({ app_id })\n```\n" in shown
    assert "\n\n---\n\n# heroku.list_dynos\n" in shown


def test_arguments_that_every_function_with_a_list_has_are_explained(lua: Session) -> None:
    shown = inspected("known.list_dynos({ app_id = apps, err|ors = 'collect' })", lua)
    assert shown.startswith("**errors** (string): `collect` lists what fails")
    assert inspected("display(greeting, { id = |", lua).startswith("**id** (string):")


@pytest.mark.parametrize("text", ["app.integrations.her|oku.list_apps()", "known|", "app.integrations.heroku.demo|"])
def test_a_namespace_shows_the_page_of_its_integration(text: str, lua: Session) -> None:
    assert inspected(text, lua).startswith("# Heroku\n")


@pytest.mark.parametrize(
    "text",
    [
        "for _, app in ipairs(known.list_apps()) do print(app.web_u|rl)",
        "apps[1].web_url|",
        "first.web_url|",
        "mine.web_url|",
    ],
)
def test_a_field_of_an_answer_shows_its_type_and_what_it_means(text: str, lua: Session) -> None:
    assert inspected(text, lua).rpartition(" returns\n\n")[2] == (
        "- `web_url` (string, may be nil): Its address on the web; nil when it has none"
    )


def test_a_record_in_a_record_shows_its_fields(lua: Session) -> None:
    shown = inspected("mine.own|er", lua)
    assert shown.startswith("**owner** of what `get_app` returns\n\n- `owner.email` (string): Who owns it;")
    assert "- `owner.id` (string):" in shown


def test_what_a_call_returned_shows_the_page_of_the_call(lua: Session) -> None:
    assert inspected("local rows = known.list_apps() row|s", lua).startswith("A list of records of `list_apps`\n\n# ")
    assert inspected("ap|ps", lua) == "**apps**: list of `list_apps`"
    assert inspected("min|e", lua) == "**mine**: record of `get_app`"


# The library ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["string.re|p('x', 3)", "greeting:rep|(3)", "('x'):rep(|", "local s = '' s:rep|", "first.stack:rep|"]
)
def test_the_library_shows_a_signature_and_a_line(text: str, lua: Session) -> None:
    expected = "```lua\nstring.rep(s, n [, between])\n```\n\n`s` repeated `n` times."
    assert inspected(text, lua) == expected


def test_the_call_around_is_shown_where_nothing_is_known_of_the_name(lua: Session) -> None:
    assert inspected("print(unheard_of|", lua).startswith("```lua\nprint(...)")
    assert inspected("f(string.rep('x', |", lua).startswith("```lua\nstring.rep")
    assert inspected("parallel.map(apps, function(app) unheard|", lua) == ""  # a body is no argument


def test_every_name_of_the_library_exists_in_lua(lua: Session) -> None:
    checks = "\n".join(f"if {name} == nil then missing[#missing + 1] = '{name}' end" for name in library())
    assert lua.run(f"local missing = json.array({{}})\n{checks}\nreturn missing").value == []


def test_every_function_of_the_libraries_is_described() -> None:
    with Session("demo") as fresh:
        names = [(name, kind) for name, kind in fresh.names(())]
        libraries = [
            name for name, kind in names if kind == "table" and name in library() and name not in ("_G", "app")
        ]
        members = {f"{name}.{member}" for name in libraries for member, _ in fresh.names((name,))}
    assert members - set(library()) == {"io.stdout", "io.stderr"}
    assert {name for name, kind in names if kind == "function"} <= set(library())


# The user's own -------------------------------------------------------------------------------------------


def test_a_function_shows_how_it_is_called_where_it_is_and_the_comment_above_it(lua: Session) -> None:
    assert inspected("shout|('x')", lua) == (
        "```lua\nshout(word, ...)\n```\n\nA function, In[1] line 28.\n\nLouder,\nand longer."
    )
    assert inspected("savings:deposit|(2)", lua) == (
        "```lua\nsavings.deposit(self, amount, note)\n```\n\n"
        "A function, In[1] line 16.\n\nPuts money in.\nTwice, if you like."
    )
    assert inspected("Account.deposit|", lua).startswith("```lua\nAccount.deposit(self, amount, note)\n```")


def test_a_function_shows_its_source_on_request(lua: Session) -> None:
    shown = inspected("shout|", lua, detail=1)
    assert shown.endswith("```lua\nfunction shout(word, ...)\n  return word:upper()\nend\n```")
    assert "return word" not in inspected("shout|", lua)


def test_a_function_of_the_text_shows_the_same(lua: Session) -> None:
    text = "-- Doubles.\nlocal function double(number)\n  return number * 2\nend\n\ndouble|(2)"
    assert inspected(text, lua) == "```lua\ndouble(number)\n```\n\nA function, line 2 of this cell.\n\nDoubles."
    assert inspected(text, lua, detail=1).endswith(
        "```lua\nlocal function double(number)\n  return number * 2\nend\n```"
    )
    assert inspected("local M = {}\nfunction M:go(to) end\nM:go(|", lua).startswith("```lua\nM:go(to)\n```")


def test_a_comment_further_up_or_behind_code_is_not_the_functions(lua: Session) -> None:
    assert "Far" not in inspected("-- Far.\n\nlocal function f() end\nf|", lua)
    assert "Other" not in inspected("x = 1 -- Other.\nlocal function f() end\nf|", lua)


def test_a_value_shows_its_type_and_text_and_runs_none_of_the_users_code(lua: Session) -> None:
    assert inspected("greet|ing", lua) == "**greeting**: string\n\n```\nhello\n```"
    assert inspected("kinds[1].kin|d", lua) == "**kinds[1].kind**: string\n\n```\na\n```"
    assert inspected("repor|t", lua).startswith("**report**: table\n\n```\n{ apps: [… ")
    assert "looked" not in inspected("watch|ed", lua)


def test_a_table_of_the_text_shows_how_it_is_made(lua: Session) -> None:
    assert inspected("x = 1\nlocal shop = { open = 1 }\nsho|p", lua) == (
        "**table**, made on line 2\n\n```lua\n{ open = 1 }\n```"
    )


def test_what_a_value_holds_cannot_leave_its_block_of_code(lua: Session) -> None:
    run_with(lua, "evil = '```\\n<script>'", name="In[2]")
    assert inspected("evil|", lua) == "**evil**: string\n\n````\n```\n<script>\n````"


def test_a_value_that_is_large_is_told_and_not_written_out(lua: Session) -> None:
    run_with(lua, "large = {} for i = 1, 100000 do large[i] = { i } end", name="In[3]")
    assert inspected("large|", lua) == "**large**: table"
    lua.run("large = nil")


@pytest.mark.parametrize("text", ["|", "unheard_of|", "-- shout|", "'shout|'", "1 + |2", "app.integrations.heroku.no|"])
def test_nothing_is_known_where_no_name_is(text: str, lua: Session) -> None:
    assert inspected(text, lua) == ""
