"""Test that what has not changed is neither sent nor read again, and never told to another account."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from weakref import ref
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec
import pytest
from fast_clock import FastClock
from msgspec.structs import replace

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue.http import Ranges, Response
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.etag_cache import PAGE_OVERHEAD_BYTES, TAG, ETagCache
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.errors import BadAnswerError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.run.services import Services
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import PackedRows

ACCOUNT = Account("heroku", "default", DEMO_TOKEN, "https://api.heroku.com", "HEROKU_API_KEY")
APPS = HEROKU.function("list_apps")


class Watched:
    """An API that remembers what it was asked and with which status it answered."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.statuses: list[int] = []
        self.tags: list[str | None] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
            self.statuses.append(int(status[:3]))
            return start_response(status, headers)

        self.tags.append(environ.get("HTTP_IF_NONE_MATCH"))
        return self.api(environ, start)  # type: ignore[no-any-return]


def watched(page: int = 1000) -> tuple[Watched, Client]:
    api = Watched(DemoApi(company(), max_page=page))
    return api, Client(HEROKU, ACCOUNT, transport=in_process(api), clock=FastClock())


@pytest.mark.parametrize("page", [1000, 7, 4])
def test_a_list_of_which_every_page_is_unchanged_is_the_very_same_list(page: int) -> None:
    api, client = watched(page)
    first = client.fetch(APPS, {})
    again = client.fetch(APPS, {})

    assert again.data is first.data
    assert (first.unchanged, again.unchanged) == (False, True)
    assert again.requests == first.requests
    assert set(api.statuses[: first.requests]) <= {200, 206}
    assert set(api.statuses[first.requests :]) == {304}


def test_a_record_that_is_unchanged_is_the_same_record() -> None:
    _, client = watched()
    get_app = HEROKU.function("get_app")
    first, again = (client.fetch(get_app, {"app_id": "my-app"}) for _ in range(2))

    assert again.data == first.data
    assert again.unchanged


@pytest.mark.parametrize("page", [1000, 7])
def test_a_list_that_nobody_uses_any_more_is_kept_as_text_only(page: int) -> None:
    api, client = watched(page)
    first = client.fetch(APPS, {})
    records, rows = ref(first.values[0]), json.loads(json.dumps(first.data))
    del first
    assert records() is None

    again = client.fetch(APPS, {})

    assert again.data == rows
    assert again.unchanged
    assert set(api.statuses[again.requests :]) == {304}
    assert client.fetch(APPS, {}).data is again.data


@pytest.mark.parametrize("page", [1000, 7])
def test_what_is_unchanged_is_neither_decoded_nor_encoded_again(page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _, client = watched(page)
    first = client.fetch(APPS, {}).pack().values[0]
    with monkeypatch.context() as patch:
        for function in ("client.client.decode", "client.etag_cache.decode", "client.etag_cache.encode"):
            patch.setattr(f"kosmo_kernel.{function}", None)
        patch.delattr(PackedRows, "of")
        again = client.fetch(APPS, {}).pack().values[0]

    assert (len(again), list(again)) == (len(first), list(first))


def test_what_the_cache_has_encoded_is_what_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    _, client = watched()
    call = HEROKU.function("list_dynos"), {"app_id": "van-telemetry"}
    rows = client.fetch(*call).data
    monkeypatch.delattr(PackedRows, "of")

    packed = client.fetch(*call, fresh=True).pack().values[0]

    assert packed.json == msgspec.json.encode(rows)


def test_the_headers_of_an_unchanged_answer_still_tell_the_budget() -> None:
    _, client = watched()
    first, again = client.fetch(APPS, {}), client.fetch(APPS, {})

    assert (first.remaining, again.remaining, client.remaining) == (4499, 4498, 4498)


def test_one_page_that_changed_is_read_and_the_others_are_not() -> None:
    larkmoor = company()
    api = Watched(DemoApi(larkmoor, max_page=7))
    client = Client(HEROKU, ACCOUNT, transport=in_process(api), clock=FastClock())
    before: list[Any] = list(client.fetch(APPS, {}).data)
    name = before[10]["name"]
    app = larkmoor.find(name)
    assert app is not None
    app["maintenance"] = not app["maintenance"]
    api.statuses.clear()

    answer = client.fetch(APPS, {})

    assert answer.data == [{**row, "maintenance": row["maintenance"] ^ (row["name"] == name)} for row in before]
    assert not answer.unchanged
    assert api.statuses == [304, 206, 304]


def test_pages_whose_bounds_moved_are_read_again() -> None:
    larkmoor = company()
    client = Client(HEROKU, ACCOUNT, transport=in_process(DemoApi(larkmoor, max_page=7)), clock=FastClock())
    before: list[Any] = list(client.fetch(APPS, {}).data)
    gone = next(i for i, app in enumerate(larkmoor.apps) if app["id"] == before[3]["id"])
    del larkmoor.apps[gone]

    assert client.fetch(APPS, {}).data == before[:3] + before[4:]


def test_a_full_last_page_is_read_again_since_another_may_follow_it_now() -> None:
    rows = [{"id": str(number)} for number in range(1000)]

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Return a service whose tags say nothing of what follows, as most do."""
        first = environ["HTTP_RANGE"].startswith("id ..")
        tag = '"first"' if first else '"second"'
        if environ.get("HTTP_IF_NONE_MATCH") == tag:
            start_response("304 Not Modified", [("ETag", tag)])
            return []
        more = [("Next-Range", "id 999..")] if first and len(rows) > 1000 else []
        start_response("206 Partial Content" if more else "200 OK", [("ETag", tag), *more])
        return [json.dumps(rows[:1000] if first else rows[1000:]).encode()]

    client = Client(HEROKU, ACCOUNT, transport=in_process(app), clock=FastClock())
    before = client.fetch(APPS, {}).data
    rows.append({"id": "1000"})

    assert (len(before), len(client.fetch(APPS, {}).data)) == (1000, 1001)


def test_a_full_last_page_that_is_read_again_and_is_the_same_leaves_the_list_unchanged() -> None:
    api = Watched(DemoApi(company(), max_page=1))
    client = Client(replace(HEROKU, ranges=Ranges("id", 1)), ACCOUNT, transport=in_process(api), clock=FastClock())
    first, again = client.fetch(APPS, {}), client.fetch(APPS, {})

    assert set(api.statuses[first.requests : -1]) == {304}
    assert api.statuses[-1] == 200
    assert again.unchanged
    assert again.data is first.data


def test_a_page_that_is_no_more_sends_the_client_back_to_the_start() -> None:
    rows = [{"id": str(number)} for number in range(1001)]

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        first = environ["HTTP_RANGE"].startswith("id ..")
        if not first and len(rows) <= 1000:
            start_response("416 Range Not Satisfiable", [])
            return []
        if first and environ.get("HTTP_IF_NONE_MATCH"):
            start_response("304 Not Modified", [])
            return []
        more = [("Next-Range", "id 999..")] if first and len(rows) > 1000 else []
        start_response("206 Partial Content" if more else "200 OK", [("ETag", '"x"'), *more])
        return [json.dumps(rows[:1000] if first else rows[1000:]).encode()]

    client = Client(HEROKU, ACCOUNT, transport=in_process(app), clock=FastClock())
    before = client.fetch(APPS, {}).data
    del rows[-1]

    assert (len(before), len(client.fetch(APPS, {}).data)) == (1001, 1000)


def test_a_fresh_answer_is_asked_for_without_a_tag_and_kept_from_then_on() -> None:
    api, client = watched()
    first = client.fetch(APPS, {})
    fresh = client.fetch(APPS, {}, fresh=True)
    again = client.fetch(APPS, {})

    assert fresh.data is not first.data
    assert again.data is fresh.data
    assert [tag is None for tag in api.tags] == [True, True, False]
    assert (fresh.unchanged, again.unchanged) == (False, True)


def test_nothing_of_one_account_answers_another() -> None:
    asked: list[str | None] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked.append(environ.get("HTTP_IF_NONE_MATCH"))
        start_response("200 OK", [("ETag", '"same"')])
        return [json.dumps([{"id": environ["HTTP_AUTHORIZATION"][-3:]}]).encode()]

    one, other = (
        Client(
            HEROKU, Account("heroku", "default", token, ACCOUNT.url, "x"), transport=in_process(app), clock=FastClock()
        )
        for token in ("token-one", "token-two")
    )

    assert one.fetch(APPS, {}).data == [{"id": "one"}]
    assert other.fetch(APPS, {}).data == [{"id": "two"}]
    assert asked == [None, None]


def test_a_changed_token_of_the_same_account_starts_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = Services()
    clients = []
    for token in ("token-one", "token-two", "token-two"):
        monkeypatch.setenv("HEROKU_API_KEY", token)
        clients.append(caller._client(HEROKU, "default"))

    assert clients[0] is not clients[1]
    assert clients[1] is clients[2]
    caller.close()


def test_a_secret_is_not_kept() -> None:
    _, client = watched()
    for _ in range(2):
        client.fetch(HEROKU.function("list_dynos"), {"app_id": "van-telemetry"})

    assert "rendezvous://" not in repr(client.cache._answers)


def test_an_answer_without_a_tag_is_not_kept() -> None:
    def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"[]"]

    client = Client(HEROKU, ACCOUNT, transport=in_process(app), clock=FastClock())
    client.fetch(APPS, {})

    assert len(client.cache) == 0


def test_an_unchanged_that_nobody_asked_for_is_an_error() -> None:
    def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("304 Not Modified", [("ETag", '"x"')])
        return []

    with pytest.raises(BadAnswerError, match="Heroku answered 304"):
        Client(HEROKU, ACCOUNT, transport=in_process(app), clock=FastClock()).fetch(APPS, {})


def test_a_list_that_could_not_be_read_to_the_end_changes_nothing_that_is_kept() -> None:
    api, client = watched(7)
    first = client.fetch(APPS, {})
    whole, api.api = api.api, lambda _environ, start: (start("404 Not Found", []), [b""])[1]
    with pytest.raises(Exception, match="404"):
        client.fetch(APPS, {})
    api.api = whole

    assert client.fetch(APPS, {}).data is first.data


def test_a_script_that_changes_what_it_got_changes_nothing_that_is_kept(session: Session) -> None:
    before = session.run("return app.integrations.heroku.list_apps()").frame()
    session.run(
        """
        local apps = app.integrations.heroku.list_apps()
        for _, one in ipairs(apps) do one.name, one.stack.name, one.region = "changed", "changed", nil end
        table.remove(apps, 1)
        local one = app.integrations.heroku.get_app("my-app")
        one.name, one.owner.email = "changed", "changed"
        """
    )

    assert session.run("return app.integrations.heroku.list_apps()").frame().equals(before)
    assert session.run('return app.integrations.heroku.get_app("my-app").owner.email').value != "changed"


# What there is room for


def keep(memory: ETagCache, name: str, size: int = PAGE_OVERHEAD_BYTES + 2, tag: str | None = "x") -> None:
    """Keep a page that takes so many bytes."""
    text = "." * (size - PAGE_OVERHEAD_BYTES - 2)
    memory.keep(name, [Response(200, {TAG: tag} if tag else {}, b"", value=text)], text)


def test_what_was_used_least_lately_makes_room() -> None:
    memory = ETagCache(30_000)
    for name in "abc":
        keep(memory, name, 9_000)
    memory.find("a")
    keep(memory, "d", 9_000)

    assert [name for name in "abcd" if memory.find(name)] == ["a", "c", "d"]


def test_what_is_larger_than_all_the_room_is_not_kept_and_throws_nothing_out() -> None:
    memory = ETagCache(10_000)
    keep(memory, "a", 6_000)
    keep(memory, "b", 11_000)

    assert [name for name in "ab" if memory.find(name)] == ["a"]


def test_room_is_counted_right_however_often_an_answer_is_replaced() -> None:
    memory = ETagCache(20_000)
    for size in (2_000, 10_000, 3_000, 16_000, 4_000):
        keep(memory, "a", size)
    keep(memory, "a", tag=None)

    assert len(memory) == 0
    keep(memory, "b", 19_000)
    assert memory.find("b")  # there is room for as much as at first


def test_many_small_answers_cost_room_of_their_own_and_have_a_bound() -> None:
    by_size, by_number = ETagCache(100 * (PAGE_OVERHEAD_BYTES + 2)), ETagCache(max_answers=50)
    for number in range(200):
        keep(by_size, str(number))
        keep(by_number, str(number))

    assert (len(by_size), len(by_number)) == (100, 50)


# What a service says besides


def test_a_warning_is_told_once_by_each_client() -> None:
    said = ["Stack heroku-20 ends.", "Stack heroku-20 ends.", "Another."]

    def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Warning-Message", said.pop(0))])
        return [b"[]"]

    client = Client(HEROKU, ACCOUNT, transport=in_process(app), clock=FastClock())

    assert [client.fetch(APPS, {}).notes for _ in range(3)] == [("Stack heroku-20 ends.",), (), ("Another.",)]
