"""Completion and inspection, asked of a real Lua state on the demo account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kosmo_kernel import editor
from kosmo_kernel.editor.library import KEYWORDS, library
from kosmo_kernel.editor.tokens import tokens_of
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.session import Session

DEFINITIONS = """
greeting = "hello"
settings = { colour = "red", size = 3, deep = { inner = true } }
known = app.integrations.heroku

function double(number)
  return number * 2
end
"""


@pytest.fixture(scope="module")
def lua() -> Iterator[Session]:
    with Session("demo") as session:
        session.run(DEFINITIONS, name="In[1]")
        yield session


def completed(marked: str, lua: Session) -> editor.Completion:
    """What can stand at the `|`."""
    before, _, after = marked.partition("|")
    return editor.complete(before + after, len(before), lua)


def texts(marked: str, lua: Session) -> list[str]:
    return [match.text for match in completed(marked, lua).matches]


def inspected(marked: str, lua: Session, detail: int = 0) -> str | None:
    before, _, after = marked.partition("|")
    return editor.inspect(before + after, len(before), lua, detail)


# Completion --------------------------------------------------------------------------------------------


def test_globals_keywords_and_names_of_the_text_are_completed_by_what_was_typed(lua: Session) -> None:
    assert texts("gree|", lua) == ["greeting"]
    assert texts("whi|", lua) == ["while"]
    assert texts("local alpha, alps = 1, 2\nal|", lua) == ["alpha", "alps"]
    assert texts("local function area(width, wide) return wi|", lua) == ["wide", "width"]
    assert texts("for walrus in pairs({}) do wal|", lua) == ["walrus"]


def test_a_match_replaces_the_word_before_the_cursor_counted_in_characters(lua: Session) -> None:
    found = completed("local s = 'héllo 🙂' .. gree|.x", lua)
    assert (found.start, found.end) == (23, 27)


def test_fields_of_live_tables_follow_a_dot_and_a_key_in_quotes(lua: Session) -> None:
    assert texts("settings.|", lua) == ["colour", "deep", "size"]
    assert texts("settings.deep.|", lua) == ["inner"]
    assert texts('settings["co|', lua) == ["colour"]
    assert texts("settings . co|", lua) == ["colour"]


def test_a_namespace_offers_its_functions_and_accounts_with_their_signatures(lua: Session) -> None:
    matches = {match.text: match for match in completed("app.integrations.heroku.|", lua).matches}
    assert {function.name for function in HEROKU.functions} | {"demo"} == set(matches)
    assert matches["list_dynos"] == editor.Match("list_dynos", "function", "list_dynos({ app_id })")
    assert matches["demo"].type == "module"


@pytest.mark.parametrize(
    "text",
    [
        "local h = app.integrations.heroku\nh.list_do|",
        "local i = app.integrations local h <const> = i['heroku'] h.list_do|",
        "known.list_do|",
        "app.integrations.heroku.demo.list_do|",
    ],
)
def test_aliases_are_followed_in_the_text_and_in_the_live_state(text: str, lua: Session) -> None:
    assert texts(text, lua) == ["list_domains"]


def test_what_a_call_returns_is_completed_without_calling(lua: Session) -> None:
    assert texts("local apps = known.list_apps()\napps[1].sta|", lua) == ["stack"]
    assert texts("for _, app in ipairs(known.list_apps()) do print(app.stack.|", lua) == ["name", "id"]
    assert texts("known.get_app('my-app').main|", lua) == ["maintenance"]
    assert texts("known.list_apps().|", lua) == []


def test_between_the_braces_of_a_call_its_missing_arguments_come_first(lua: Session) -> None:
    assert texts("known.list_dynos({ |", lua)[:3] == ["app_id = ", "errors = ", "limit = "]
    assert texts("known.list_dynos{ app_id = 'my-app', |", lua)[:2] == ["errors = ", "limit = "]
    assert texts("known.get_app({ app|", lua)[0] == "app_id = "
    assert texts("known.get_app({ app|_id = 'x' })", lua)[0] == "app_id"
    assert "app_id = " not in texts("known.get_app({ app_id = |", lua)
    assert "app_id = " not in texts("known.list_apps({ |", lua)


def test_strings_have_the_methods_of_the_string_library(lua: Session) -> None:
    assert texts('("x"):up|', lua) == ["upper"]
    assert texts("greeting:form|", lua) == ["format"]
    assert texts("settings:|", lua) == []


def test_pages_are_completed_inside_the_call_that_reads_them(lua: Session) -> None:
    found = completed('print(docs.read("heroku.list_a|', lua)
    assert [(match.text, match.type) for match in found.matches] == [
        ("heroku.list_apps", "path"),
        ("heroku.list_addons", "path"),
    ]
    assert (found.start, found.end) == (17, 30)
    assert "heroku" in texts("docs.read 'her|", lua)


@pytest.mark.parametrize(
    "text", ["-- settings.|", "--[[ settings.|", "print('settings.|", "x = 12|", "nothing.|", ").|", "f(1)[2].|"]
)
def test_nothing_is_offered_where_nothing_can_be_known(text: str, lua: Session) -> None:
    assert texts(text, lua) == []


def test_names_that_are_bound_in_a_circle_end_the_search(lua: Session) -> None:
    assert texts("local a = b local b = a a.|", lua) == []


def test_completing_makes_no_request(lua: Session) -> None:
    before = lua.last
    texts("known.list_apps()[1].|", lua)
    inspected("known.list_apps()|", lua)
    assert lua.last is before


# Inspection --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "app.integrations.heroku.list_dy|nos",
        "known.list_dynos|",
        "local h = app.integrations.heroku\nh.|list_dynos({ app_id = 'x' })",
        "known.list_dynos({ app_id = |",
        "known.list_dynos({ app_id = { 'a', | } })",
        "app.integrations.heroku.demo.heroku_list_dynos|",
    ],
)
def test_a_function_of_the_catalogue_shows_its_page(text: str, lua: Session) -> None:
    page = inspected(text, lua)
    assert page is not None
    assert page.startswith("# heroku.list_dynos\n")


def test_a_namespace_shows_the_page_of_its_integration(lua: Session) -> None:
    assert (inspected("app.integrations.her|oku.list_apps()", lua) or "").startswith("# Heroku\n")


def test_the_library_shows_a_signature_and_a_line(lua: Session) -> None:
    expected = "```lua\nstring.rep(s, n [, between])\n```\n\n`s` repeated `n` times."
    assert inspected("string.re|p('x', 3)", lua) == expected
    assert inspected("greeting:rep|(3)", lua) == expected
    assert inspected("('x'):rep(|", lua) == expected


def test_a_function_of_the_users_shows_its_first_line_and_on_request_its_source(lua: Session) -> None:
    assert inspected("double|(2)", lua) == "**double**: function, In[1] line 6\n\n```lua\nfunction double(number)\n```"
    assert "return number * 2" in (inspected("double|", lua, detail=1) or "")


def test_a_value_shows_its_type_and_text(lua: Session) -> None:
    assert inspected("greet|ing", lua) == "**greeting**: string\n\n```\nhello\n```"


def test_a_field_of_an_answer_shows_what_it_means(lua: Session) -> None:
    page = inspected("for _, app in ipairs(known.list_apps()) do print(app.maintenan|ce)", lua)
    assert page is not None
    assert page.startswith("**maintenance** of what `list_apps` returns\n\n- `maintenance` (boolean):")


@pytest.mark.parametrize("text", ["|", "unheard_of|", "-- double|", "'double|'", "1 + |2"])
def test_nothing_is_known_where_no_name_is(text: str, lua: Session) -> None:
    assert inspected(text, lua) is None


# What both rest on -------------------------------------------------------------------------------------


def test_every_name_of_the_library_exists_in_lua(lua: Session) -> None:
    checks = "\n".join(f"if {name} == nil then missing[#missing + 1] = '{name}' end" for name in library())
    assert lua.run(f"local missing = json.array({{}})\n{checks}\nreturn missing").value == []


def test_every_function_of_the_libraries_is_described(lua: Session) -> None:
    libraries = [
        name for name, kind in lua.names(()) if kind == "table" and name in library() and name not in ("_G", "app")
    ]
    names = {f"{name}.{member}" for name in libraries for member, _ in lua.names((name,))}
    assert names - set(library()) == {"io.stdout", "io.stderr"}
    assert {name for name, kind in lua.names(()) if kind == "function"} - {"double"} <= set(library())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f([[te\"xt]], 'a')", ["f", "(", 'te"xt', ",", "a", ")"]),
        ("a.b[c[1]]", ["a", ".", "b", "[", "c", "[", "1", "]", "]"]),
        ("x .. y -- rest", ["x", "..", "y", "-- rest"]),
        ("[==[ a ]] ]==] z", [" a ]] ", "z"]),
        ('"a\\"b" .. \'"\'', ['a\\"b', "..", '"']),
        ("string.format(x)", ["string", ".", "format", "(", "x", ")"]),
        ("--[[ two\nlines ]] x", ["--[[ two\nlines ]]", "x"]),
    ],
)
def test_a_text_is_cut_where_lua_cuts_it(text: str, expected: list[str]) -> None:
    assert [token.text for token in tokens_of(text)] == expected


@pytest.mark.parametrize("text", ["'open", '"open', "[[open", "[=[ open ]]", "--[[open", "-- open", "'open\\'", "[=["])
def test_what_is_still_being_typed_is_open(text: str) -> None:
    assert [token.closed for token in tokens_of(text)] == [False]


@pytest.mark.parametrize("text", ["'a'", "[[a]]", "[==[]==]", "--[[a]]", "''"])
def test_what_has_its_end_is_closed(text: str) -> None:
    assert [token.closed for token in tokens_of(text)] == [True]


def test_keywords_are_no_names() -> None:
    assert {token.kind for token in tokens_of(" ".join(KEYWORDS))} == {"keyword"}
