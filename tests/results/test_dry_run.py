from __future__ import annotations

from kosmo_kernel.client.call import PlannedCall
from kosmo_kernel.render.tables import table_of
from kosmo_kernel.results.dry_run import plan_of, summary
from kosmo_kernel.results.result import Result

APPS = PlannedCall("heroku.list_apps", "demo", {}, "GET", "https://api.heroku.com/apps")
DYNOS = PlannedCall(
    "heroku.list_dynos", "demo", {"app_id": "my-app"}, "GET", "https://api.heroku.com/apps/my-app/dynos"
)
UNKNOWN = "All answers were empty, so what depends on one is missing here."


def test_a_plan_is_a_table_with_a_column_for_each_argument() -> None:
    assert list(table_of(plan_of([APPS, DYNOS])).names) == ["function", "account", "arguments.app_id", "method", "url"]
    assert list(table_of(plan_of([APPS])).names) == ["function", "account", "method", "url"]
    assert [row["url"] for row in plan_of([APPS, DYNOS])] == [APPS.url, DYNOS.url]


def test_a_plan_says_in_one_line_what_it_cannot_know() -> None:
    assert summary([APPS]) == f"A dry run: 1 call, none made. {UNKNOWN}"
    assert summary([DYNOS] * 1500) == f"A dry run: 1,500 calls, none made. {UNKNOWN}"
    of_all = DYNOS._replace(arguments={"app_id": "each item"}, each="app_id", requests=None)
    more = "`heroku.list_dynos` makes one more for each item of `app_id`."
    assert summary([APPS, of_all, of_all]) == f"A dry run: 1 call, none made. {more} {UNKNOWN}"
    assert summary([APPS, of_all._replace(requests=19)]) == f"A dry run: 20 calls, none made. {UNKNOWN}"
    assert summary([]) == "A dry run: there is no call to make."


def test_the_plan_takes_the_place_of_values_that_were_made_of_nothing() -> None:
    assert Result(values=[0], dry_run=True, planned=[APPS]).values_to_show == [plan_of([APPS])]


def test_a_script_without_calls_has_no_plan_to_show() -> None:
    assert Result(values=[0], dry_run=True).values_to_show == []


def test_any_other_run_shows_its_values() -> None:
    assert Result(values=[0]).values_to_show == [0]
