"""The catalogue: what it refuses in itself, and what it refuses in a call."""

from __future__ import annotations

from ast import literal_eval

import pytest
from msgspec.structs import replace

from kosmo_kernel.catalogue import Column, Function, Integration, Link, Param
from kosmo_kernel.catalogue.http import Budget
from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.text import nearest

UUID = "01234567-89ab-cdef-0123-456789abcdef"

WIDGETS = Function(
    name="list_widgets",
    aliases=("all_widgets",),
    summary="The widgets on a shelf",
    description="Every widget.",
    links=(Link("/shelves/{shelf}/widgets/{page}"),),
    returns="list",
    columns=(Column("name", "Its name"),),
    params=(
        Param("shelf", "The shelf.", required=True),
        Param("page", "The page, from 1.", kind="integer", required=True),
    ),
    example="print(1)",
)

WHERE = '`docs.read("heroku")` has all functions, and'
WRITE = 'Write get_app({ app_id = "my-app" })'


def shop(*functions: Function, name: str = "shop") -> Integration:
    return replace(HEROKU, name=name, title="Shop", functions=functions)


def refusal(function: Function, args: dict[str, object]) -> str:
    with pytest.raises(InvalidArgumentsError) as caught:
        function.bind(args)
    return caught.value.message


# What a catalogue says about itself


def test_a_catalogue_reports_all_its_mistakes_at_once() -> None:
    bad = Function(
        name="List",
        summary="",
        description=" ",
        links=(Link("things/{Id}/{other}"),),
        returns="list",
        columns=(
            Column("app", "The app"),
            Column("app.name", ""),
            Column("app.name", "Its name", default="none"),
            Column("a..b", "A hole"),
        ),
        params=(
            Param("errors", "How many.", each=("id",)),
            Param("Id", "", pattern="*", example="x", each=("id",)),
            Param("errors", "How many.", pattern="[0-9]+", example="ten"),
        ),
    )
    with pytest.raises(ValueError, match="integration my shop") as caught:
        shop(bad, WIDGETS, replace(WIDGETS, name="all_widgets", aliases=()), name="my shop")
    assert str(caught.value).removeprefix("integration my shop: ").split("; ") == [
        "`my shop` is no Lua name in lower case",
        "`List` is no Lua name in lower case",
        "`my shop_List` is no Lua name in lower case",
        "List has no summary",
        "List has no description",
        "List has no example",
        "List has the path `things/{Id}/{other}`, which is none",
        "List has `other` in its path but not as a required parameter",
        "List has the parameter `errors` twice",
        "List has the parameter `errors`, which is a reserved name",
        "List has the parameter `errors`, which goes nowhere: the path has no place for it",
        "List has the parameter `Id`, which is no Lua name in lower case",
        "List has the parameter `Id`, which has no doc",
        "List has the parameter `Id`, which goes nowhere: the path has no place for it",
        "List has the parameter `Id`, which has a pattern but no words for it",
        "List has the parameter `Id`, which has a pattern that does not compile: nothing to repeat at position 0",
        "List has the parameter `errors`, which is a reserved name",
        "List has the parameter `errors`, which goes nowhere: the path has no place for it",
        "List has the parameter `errors`, which has a pattern but no words for it",
        "List has the parameter `errors`, which refuses its own example",
        "List has the column `app.name` twice",
        "List has the column `app`, which has other columns below it",
        "List has the column `app.name`, which has a default but is never null",
        "List has the column `a..b`, which is no path",
        "`my shop_list_widgets` is no Lua name in lower case",
        "`all_widgets` is used by list_widgets and all_widgets",
        "`my shop_all_widgets` is no Lua name in lower case",
    ]


def test_a_function_without_columns_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"^integration shop: list_widgets has no columns$"):
        shop(replace(WIDGETS, columns=()))


def test_a_table_of_many_items_has_a_column_for_the_item_that_was_asked() -> None:
    asked = Param("shelf", "The shelf.", required=True, each=("name",))
    alone = replace(WIDGETS, params=(asked, WIDGETS.params[1]))
    beside = replace(alone, columns=(Column("shelf.name", "The shelf."),))

    names = [column.name for function in (alone, beside) if (column := function.item_column())]
    assert (names, WIDGETS.item_column()) == (["shelf", "asked_shelf"], None)


PLACES = replace(
    WIDGETS,
    links=(Link("/shelves/{shelf}/widgets"), Link("/rooms/{room}/{side}/widgets"), Link("/widgets")),
    params=(
        Param("shelf", "The shelf.", each=("name",)),
        Param("room", "The room.", each=("name",)),
        Param("side", "Its side."),
    ),
)


@pytest.mark.parametrize(
    ("args", "url"),
    [
        ({"shelf": "a"}, "/shelves/a/widgets"),
        ({"room": "b", "side": "left"}, "/rooms/b/left/widgets"),
        ({}, "/widgets"),
    ],
)
def test_a_function_with_several_links_takes_the_one_that_the_arguments_lead_to(
    args: dict[str, object], url: str
) -> None:
    assert PLACES.url(shop(PLACES).function("list_widgets").bind(args)) == url


@pytest.mark.parametrize("args", [{"shelf": "a", "room": "b"}, {"room": "b"}, {"side": "left"}])
def test_arguments_that_lead_nowhere_are_refused_with_those_that_do(args: dict[str, object]) -> None:
    told = "the arguments have to be `shelf`, or `room` and `side`, or none"
    assert told in refusal(PLACES, args)


def test_only_one_argument_can_be_a_list() -> None:
    told = "only one argument can be a list, and `shelf` and `room` are"
    assert told in refusal(PLACES, {"shelf": ["a"], "room": ["b"]})


def test_a_pattern_without_an_example_is_looked_at_too() -> None:
    odd = replace(WIDGETS.params[0], pattern="(", pattern_doc="a shelf's name")

    with pytest.raises(ValueError, match="which has a pattern that does not compile"):
        shop(replace(WIDGETS, params=(odd, WIDGETS.params[1])))


@pytest.mark.parametrize("budget", [Budget("left", 0, 75), Budget("left", 4500, 0)])
def test_a_budget_that_nobody_can_spend_is_a_mistake(budget: Budget) -> None:
    with pytest.raises(ValueError, match=r"^integration heroku: it has a budget that is empty or never comes back$"):
        replace(HEROKU, budget=budget)


# Names


def test_a_function_answers_to_its_name_its_aliases_and_its_full_name() -> None:
    assert shop(WIDGETS).names() == dict.fromkeys(("list_widgets", "all_widgets", "shop_list_widgets"), WIDGETS)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("list_dyno", "list_dynos"),
        ("list_release", "list_releases"),
        ("get_team_invitation", "list_team_invitations"),
        ("listApps", "list_apps"),
        ("LIST_DOMAINS", "list_domains"),
        ("dynos", "list_dynos"),
        ("user", "get_user"),
        ("collab", "list_collaborators"),
    ],
)
def test_an_unknown_function_is_an_error_that_ends_in_the_nearest_full_names(wrong: str, meant: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        HEROKU.function(wrong)
    assert caught.value.suggestions[0] == f"app.integrations.heroku.{meant}"
    start = f"Heroku has no function `{wrong}`. Did you mean: "
    assert caught.value.message == start + ", ".join(caught.value.suggestions)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        *((name, f'{WHERE} `docs.read("heroku.left_out")` what is left out.') for name in ("zzz", "list_metrics")),
        *(
            (
                name,
                f"It would change something at Heroku, and the functions here only read. A person can run: {command}",
            )
            for name, command in (
                ("restart_dynos", "heroku ps:restart -a APP"),
                ("delete_app", "heroku apps:destroy -a APP"),
                ("create_app", "heroku apps:create NAME"),
                ("scale_formation", "heroku ps:scale TYPE=COUNT:SIZE -a APP"),
                ("set_config_var", "heroku config:set NAME=VALUE -a APP"),
                ("deploy_app", "git push heroku main"),
                ("run_something", "heroku run COMMAND -a APP"),
                ("delete_metrics", "heroku help"),
                ("Rollback", "heroku releases:rollback vVERSION -a APP"),
            )
        ),
    ],
)
def test_a_function_that_is_like_no_other_or_that_would_write_is_said_to_be_missing(wrong: str, why: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        HEROKU.function(wrong)
    assert caught.value.message == f"Heroku has no function `{wrong}`. {why}"


def test_two_letters_are_too_few_to_be_part_of_a_name() -> None:
    assert nearest("is", ["list_apps"]) == []


# Arguments


def test_arguments_come_back_in_the_order_of_the_parameters() -> None:
    assert list(WIDGETS.bind({"page": 2, "shelf": "top"}).items()) == [("shelf", "top"), ("page", 2)]


def test_every_mistake_of_a_call_is_in_one_message() -> None:
    assert refusal(WIDGETS, {"page": "two", "shelff": "top"}) == (
        "list_widgets: `shelf` is missing: a string; `page` must be an integer, got 'two'; "
        "there is no argument 'shelff' (did you mean `shelf`?). Write list_widgets({ shelf = \"my-shelf\", page = 1 })"
    )


def test_the_call_that_an_error_advises_has_no_mistake() -> None:
    for function in HEROKU.functions:
        samples = {param.name: literal_eval(param.sample) for param in function.simplest_call}
        bound = function.bind(samples)
        assert function.local or function.url(bound)


def test_an_argument_that_is_missing_or_nil_is_told_in_words() -> None:
    get_app = HEROKU.function("get_app")
    assert refusal(get_app, {}) == f"get_app: `app_id` is missing: an app's name or UUID. {WRITE}"
    assert refusal(get_app, {"app_id": None}) == f"get_app: `app_id` is nil: an app's name or UUID. {WRITE}"


def test_a_misspelt_reserved_argument_is_recognised() -> None:
    assert "there is no argument 'error' (did you mean `errors`?)" in refusal(WIDGETS, {"error": "collect"})


@pytest.mark.claim("parent-arguments")
@pytest.mark.parametrize(
    ("value", "told"),
    [
        (7, "the number 7"),
        (True, "the boolean true"),
        (b"\xff", "text that is not UTF-8"),
        ({"colour": "red"}, "a table"),
        ("my-app/config-vars", "'my-app/config-vars'"),
        ("../account", "'../account'"),
        ("..", "'..'"),
        ("my-app?x=1", "'my-app?x=1'"),
        ("my-app#x", "'my-app#x'"),
        ("my%2Fapp", "'my%2Fapp'"),
        ("my-app\n", "'my-app\\n'"),
        ("my\x1b[31mapp", "'my\\x1b[31mapp'"),
        ("My-App", "'My-App' (names are in lower case: did you mean 'my-app'?)"),
        ("my-äpp", "'my-äpp'"),
        ("my-app٣", "'my-app٣'"),
        ("ab-", "'ab-'"),
        ("", "''"),
        ("a" * 100, repr("a" * 59 + "…")),
        (UUID[:-1], repr(UUID[:-1])),
    ],
)
def test_what_is_no_app_is_refused_before_it_reaches_an_address(value: object, told: str) -> None:
    said = f"get_app: `app_id` must be an app's name or UUID, got {told}. {WRITE}"
    assert refusal(HEROKU.function("get_app"), {"app_id": value}) == said


@pytest.mark.parametrize("value", ["my-app", "a1b", "a" * 30, UUID, UUID.upper()])
def test_names_and_uuids_of_apps_are_taken(value: str) -> None:
    list_dynos = HEROKU.function("list_dynos")
    assert list_dynos.url(list_dynos.bind({"app_id": value})) == f"/apps/{value}/dynos"


@pytest.mark.parametrize("value", ["", " ", ".", "..", "a/b", "a\\b", "a\tb", "a\x7f", "\ud800", "a\u2028b"])
def test_a_text_without_a_pattern_must_still_be_one_visible_step_of_a_path(value: str) -> None:
    assert "`shelf` must be a string, got " in refusal(WIDGETS, {"shelf": value, "page": 1})


def test_every_value_is_quoted_in_an_address() -> None:
    assert WIDGETS.url(WIDGETS.bind({"shelf": "a b?c#d%é", "page": 3})) == "/shelves/a%20b%3Fc%23d%25%C3%A9/widgets/3"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("integer", [1, -1], [1.5, True, "1"]),
        ("number", [1, 1.5], [True, "1", float("nan"), float("inf")]),
        ("boolean", [True, False], [1, "true"]),
        ("string", ["x"], [1, True, b"x", ["x"]]),
    ],
)
def test_a_value_has_the_kind_of_its_parameter(kind: str, good: list[object], bad: list[object]) -> None:
    param = Param("it", "It.", kind=kind)  # type: ignore[arg-type]
    assert [param.fault(value) for value in good] == [None] * len(good)
    assert [param.fault(value) is not None for value in bad] == [True] * len(bad)


# Lists in place of one value


def test_a_list_asks_once_for_each_distinct_item() -> None:
    list_dynos = HEROKU.function("list_dynos")
    bound = list_dynos.bind({"app_id": ["my-app", "shop", "my-app"]})
    assert bound == {"app_id": ("my-app", "shop")}
    assert [list_dynos.url(args) for args in list_dynos.calls(bound)] == ["/apps/my-app/dynos", "/apps/shop/dynos"]


def test_one_value_asks_once() -> None:
    list_dynos = HEROKU.function("list_dynos")
    assert list_dynos.calls(list_dynos.bind({"app_id": "my-app"})) == [{"app_id": "my-app"}]
    assert HEROKU.function("list_apps").calls({}) == [{}]


@pytest.mark.parametrize("empty", [[], {}])
def test_an_empty_list_asks_for_nothing(empty: object) -> None:
    list_dynos = HEROKU.function("list_dynos")
    assert list_dynos.calls(list_dynos.bind({"app_id": empty})) == []


def test_records_of_apps_stand_for_their_names() -> None:
    app = {"id": UUID, "name": "my-app", "stack": {"name": "heroku-24"}}
    list_dynos = HEROKU.function("list_dynos")
    assert list_dynos.bind({"app_id": [app, {"id": UUID, "name": None}]}) == {"app_id": ("my-app", UUID)}
    assert list_dynos.bind({"app_id": app}) == {"app_id": "my-app"}


def test_the_bad_items_of_a_list_are_named_and_many_are_counted() -> None:
    said = refusal(HEROKU.function("list_dynos"), {"app_id": ["my-app", "a/b", None, *["?"] * 6]})
    assert said == (
        "list_dynos: item 2: `app_id` must be an app's name or UUID, got 'a/b'; "
        "item 3: `app_id` must be an app's name or UUID, got nil; "
        + "".join(f"item {n}: `app_id` must be an app's name or UUID, got '?'; " for n in (4, 5, 6))
        + 'and 3 more items like these. Write list_dynos({ app_id = "my-app" })'
    )


def test_a_list_is_refused_where_one_value_is_wanted() -> None:
    assert "`shelf` must be a string, got a list" in refusal(WIDGETS, {"shelf": ["a"], "page": 1})


# Values in order


def test_values_in_order_are_named_and_nil_leaves_one_out() -> None:
    assert WIDGETS.named(["top", 2]) == {"shelf": "top", "page": 2}
    assert WIDGETS.named([None, 2]) == {"page": 2}
    assert WIDGETS.named({"shelf": "top"}) == {"shelf": "top"}


def test_too_many_values_in_order_are_an_error() -> None:
    with pytest.raises(InvalidArgumentsError) as caught:
        HEROKU.function("get_app").named(["my-app", "shop"])
    assert caught.value.message == f"get_app: 2 arguments are given, and it takes at most 1. {WRITE}"
    with pytest.raises(InvalidArgumentsError) as caught:
        HEROKU.function("list_apps").named(["my-app"])
    assert caught.value.message == "list_apps: 1 argument is given, and it takes none. Write list_apps()"


def test_what_may_be_left_out_has_a_question_mark() -> None:
    params = (WIDGETS.params[0], replace(WIDGETS.params[1], required=False))
    optional = replace(WIDGETS, links=(*WIDGETS.links, Link("/shelves/{shelf}/widgets")), params=params)
    assert optional.signature == "list_widgets({ shelf, page? })"
    assert optional.bind({"shelf": "top"}) == {"shelf": "top"}
