"""Many calls of one function are answered from a few lists, exactly as each would be by itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from fast_clock import FastClock
from msgspec.structs import replace

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import BulkSource, Function, Integration, Param
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.fan_out import answer_from_lists
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.progress.run import Cancelled, Progress

ACCOUNT = Account("heroku", "default", DEMO_TOKEN, "https://api.heroku.com", "HEROKU_API_KEY")
ADDONS = HEROKU.function("list_addons")
APPS = HEROKU.function("list_apps")
BORROWER = "wholesale-portal"  # uses an add-on of an app that the account cannot see


class Demo:
    """The demo, asked in both ways; answers of chosen paths can be changed."""

    def __init__(self, larkmoor: Company | None = None, max_page: int = 1000) -> None:
        self.company = larkmoor or company()
        self.api = DemoApi(self.company, max_page=max_page)
        self.instead: dict[str, tuple[str, object]] = {}
        self.paths: list[str] = []
        self.client = Client(HEROKU, ACCOUNT, transport=in_process(self), clock=FastClock())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.paths.append(path)
        if path in self.instead:
            status, body = self.instead[path]
            start_response(status, [("Content-Type", "application/json")])
            return [json.dumps(body).encode()]
        return self.api(environ, start_response)

    def calls(self, *names: str) -> list[dict[str, str]]:
        return [{"app_id": name} for name in names or [str(app["name"]) for app in self.company.apps]]

    def bulk(
        self, function: Function, calls: list[dict[str, str]], progress: Progress | None = None
    ) -> list[Reply | None]:
        return answer_from_lists(function, calls, lambda whole: self.client.fetch(whole, {}, progress))

    def both(self, calls: list[dict[str, str]], function: Function = ADDONS) -> tuple[list[Reply | None], list[Any]]:
        together = self.bulk(function, calls)
        asked = list(self.paths)
        alone = [self.client.fetch(function, call).data for call in calls]
        self.paths = asked
        return together, alone


def text(answers: Iterable[Reply | None]) -> list[str]:
    return [json.dumps(answer and answer.data) for answer in answers]


def same(together: list[Reply | None], alone: list[Any]) -> bool:
    """Return whether the answers that the lists have are those of calls of their own."""
    return text(filter(None, together)) == [
        json.dumps(one) for one, answer in zip(alone, together, strict=True) if answer
    ]


@pytest.mark.parametrize("apps", [None, 500])
def test_the_add_ons_of_all_apps_are_the_same_as_those_asked_app_by_app(apps: int | None) -> None:
    demo = Demo(company(apps))
    calls = demo.calls()
    together, alone = demo.both(calls)

    left = [call["app_id"] for call, answer in zip(calls, together, strict=True) if answer is None]
    assert left == ([] if apps else [BORROWER])
    assert same(together, alone)
    assert demo.paths == ["/apps", "/addons", "/addon-attachments"]
    assert sum(answer.requests for answer in together if answer) == 3


def test_an_add_on_that_is_shared_is_there_for_each_app_that_uses_it() -> None:
    demo = Demo()
    shared = [(app, addon) for app in demo.company.apps for addon in demo.company.resources_of(app).attached]
    together = dict(zip([app["id"] for app in demo.company.apps], demo.bulk(ADDONS, demo.calls()), strict=True))

    assert shared
    for app, addon in shared:
        answer: Any = together[app["id"]]
        assert (answer is None) == (app["name"] == BORROWER)
        assert answer is None or addon in answer.data
        assert addon["app"]["id"] != app["id"]


def test_identifiers_name_apps_as_well_and_the_order_is_that_of_the_question() -> None:
    demo = Demo()
    apps = demo.company.apps[::-1]
    calls = demo.calls(*(str(app["id" if place % 2 else "name"]) for place, app in enumerate(apps)))
    together, alone = demo.both(calls)

    assert together.count(None) == 1
    assert same(together, alone)


def test_lists_of_more_than_a_page_are_complete() -> None:
    demo = Demo(company(200), max_page=40)
    together, alone = demo.both(demo.calls())

    assert text(together) == list(map(json.dumps, alone))


def test_an_app_that_is_not_there_is_left_to_a_call_of_its_own() -> None:
    demo = Demo()
    known = [str(app["name"]) for app in demo.company.apps if app["name"] != BORROWER]
    stranger = str(demo.company.apps[0]["id"]).upper()  # the service may know it; the lists do not
    together = demo.bulk(ADDONS, demo.calls(*known, "no-such-app", stranger))

    assert [answer is None for answer in together] == [False] * len(known) + [True, True]


def test_an_app_that_uses_an_add_on_which_cannot_be_listed_is_left_to_a_call_of_its_own() -> None:
    demo = Demo()
    names = [str(app["name"]) for app in demo.company.apps]
    app = demo.company.apps[3]
    hidden = {"app": {"id": app["id"]}, "addon": {"id": "belongs-to-somebody-else"}}
    demo.instead["/addon-attachments"] = ("200 OK", [*demo.company.addon_attachments, hidden])
    together = demo.bulk(ADDONS, demo.calls())

    assert {name for name, answer in zip(names, together, strict=True) if answer is None} == {names[3], BORROWER}


@pytest.mark.parametrize("path", ["/apps", "/addons", "/addon-attachments"])
@pytest.mark.parametrize("status", ["403 Forbidden", "500 Oops", "200 OK"])
def test_a_list_that_cannot_be_read_leaves_everything_to_single_calls(path: str, status: str) -> None:
    demo = Demo()
    demo.instead[path] = (status, {"id": "forbidden", "message": "No"})

    assert demo.bulk(ADDONS, demo.calls()) == [None] * len(demo.company.apps)


def test_a_few_apps_are_asked_one_by_one() -> None:
    demo = Demo()
    calls = demo.calls()[:7]

    assert demo.bulk(ADDONS, calls) == [None] * 7
    assert demo.paths == []


def test_a_few_apps_of_very_many_are_asked_one_by_one() -> None:
    demo = Demo(company(300), max_page=20)
    calls = demo.calls()[:100]

    assert demo.bulk(ADDONS, calls) == [None] * 100
    assert set(demo.paths) == {"/apps"}


@pytest.mark.parametrize("name", ["list_dynos", "list_domains", "get_app"])
def test_a_function_without_such_lists_is_left_to_single_calls(name: str) -> None:
    demo = Demo()

    assert demo.bulk(HEROKU.function(name), demo.calls()) == [None] * len(demo.company.apps)
    assert demo.paths == []


def test_addresses_that_let_their_bearer_in_are_not_kept() -> None:
    demo = Demo()
    secret = {
        **demo.company.addon_attachments[0],
        "log_input_url": "https://t.s3cret@logs.example",
        "web_url": "https://sso",
    }
    demo.instead["/addon-attachments"] = ("200 OK", [secret])
    call = HEROKU.function("list_addons").links[0].bulk
    assert call
    assert call.shared_links

    answer: Any = demo.client.fetch(call.shared_links, {})

    assert [answer.data[0][key] for key in ("log_input_url", "web_url")] == ["[redacted]", "[redacted]"]


def test_a_run_that_has_ended_is_not_taken_for_lists_that_cannot_be_read() -> None:
    demo = Demo()
    progress = Progress(FastClock())
    progress.cancel()

    with pytest.raises(Cancelled):
        demo.bulk(ADDONS, demo.calls(), progress)


# The catalogue


def broken(**changes: Any) -> Integration:
    whole = ADDONS.links[0].bulk
    assert whole
    changed = replace(ADDONS, links=(replace(ADDONS.links[0], bulk=replace(whole, **changes)),))
    return replace(HEROKU, functions=(changed,))


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"path": "addons"}, "`addons` is no path without placeholders"),
        ({"path": "/apps/{app_id}/addons"}, "is no path without placeholders"),
        ({"list_items": HEROKU.function("get_app")}, "get_app is no list function without parameters"),
        ({"shared_links": HEROKU.function("list_dynos")}, "list_dynos is no list function without parameters"),
        ({"link_item": ""}, "does not say what a link leads from and to"),
    ],
)
def test_lists_that_cannot_answer_are_a_mistake_of_the_catalogue(changes: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ValueError, match=f"list_addons has lists for `bulk`, but .*{mistake}"):
        broken(**changes)


def test_only_a_list_function_that_takes_a_list_has_whole_lists() -> None:
    whole = BulkSource("/addons", "app.id", APPS)
    function = replace(
        ADDONS, params=(Param("app_id", "The app.", required=True),), links=(replace(ADDONS.links[0], bulk=whole),)
    )

    with pytest.raises(ValueError, match="is no list function with a parameter that takes a list"):
        replace(HEROKU, functions=(function,))
