"""Test that an error or a warning names the variable that is nil, and the one that is meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from kosmo_kernel.errors import InvalidArgumentsError, LimitError
from kosmo_kernel.session import Session


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session("demo") as one:
        one.run("apps = list.take(heroku.list_apps(), 2) plan = {}")
        yield one


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "heroku.list_dynos({ app_id = aps })",
            "`app_id` is nil, because the variable `aps` is not set.",
        ),
        ("local n = 1\nreturn heroku.list_dynos(aps)", "because the variable `aps` is not set. Did you mean `apps`?"),
        ("heroku.list_dynos({\n  errors = 'raise',\n  app_id = aps,\n})", "Did you mean `apps`?"),
        ("heroku.list_dynos({ app_id = nothing_like_it })", "because the variable `nothing_like_it` is not set."),
        ("local function f(one) return heroku.get_app(one).name end return f()", "because the variable `one` is nil."),
        ("heroku.list_dynos({ app_id = plan.app })", "`app_id` is nil, because `plan.app` is nil."),
        ("heroku.list_dynos({ app_id = nil })", "`app_id` is missing: an app's name or UUID. Write "),
        ("heroku.list_dynos()", "`app_id` is missing: an app's name or UUID. Write "),
        ("heroku.list_dynos({ app = apps })", "`app_id` is missing: an app's name or UUID; there is no argument 'app'"),
    ],
)
def test_an_argument_without_a_value_names_the_variable(session: Session, script: str, said: str) -> None:
    with pytest.raises(InvalidArgumentsError) as caught:
        session.run(script)
    assert said in caught.value.message
    assert caught.value.message.startswith(f"Lua:{caught.value.line}: ")
    assert not [note for note in caught.value.result.notes if "nothing sets" in note]


def test_a_variable_that_went_with_the_memory_is_named_as_well() -> None:
    with Session("demo") as session:
        session.run("apps = heroku.list_apps()")
        with pytest.raises(LimitError):
            session.run("kept = {} while true do kept[#kept + 1] = ('x'):rep(1000) .. #kept end")
        with pytest.raises(InvalidArgumentsError, match="because the variable `apps` is nil"):
            session.run("heroku.list_dynos({ app_id = apps })")


def test_a_warning_about_a_variable_names_the_one_that_is_meant(session: Session) -> None:
    (note, *_) = session.run("return ({ x = 1 }).x == plam").notes
    assert note == "line 1: `plam` is a variable that nothing sets. Did you mean `plan`?"


FIELD = re.compile(r"\(field '(\w+)'\)")


@pytest.mark.parametrize(
    ("comparison", "said"),
    [
        ("plan.from < '2026'", "nil (field 'from') with string"),
        ("'2026' < plan.from", "string with nil (field 'from')"),
        ("plan.from > '2026'", "string with nil (field 'from')"),
        ("nothing <= 5", "nil (global 'nothing') with number"),
        ("apps[1].released_at < plan.from", "string with nil (field 'from')"),
        ("plan.a < plan.b", "two nil values (field 'a')"),
        ("plan.a < 1 and plan.b < 1", "nil with number"),
        ("(plan.a or plan.b) < 1", "nil with number"),
        ("true < 1", "boolean with number"),
        ("setmetatable({}, { __lt = function() return 7 end }) < nil", ""),
    ],
)
def test_a_comparison_names_the_nil(session: Session, comparison: str, said: str) -> None:
    message = session.run(f"return select(2, pcall(function() local x = {comparison} return x end))").value
    hint = (
        f". It may be null: test it first, `x.{field[1]} and x.{field[1]} < y`" if (field := FIELD.search(said)) else ""
    )
    assert message == (f"Lua:1: attempt to compare {said}{hint}" if said else True)
