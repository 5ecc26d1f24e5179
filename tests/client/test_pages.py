"""The pages of lists of services from documents: followed to the end, or an error, or a note; never a part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from fake_integration import FERRIES
from fast_clock import FastClock
from look_alike import PAGES, TOKEN, URL, Shelf, answer
from msgspec.structs import replace

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue import Column, Function, Integration, Link
from kosmo_kernel.catalogue.http import Credentials, Pages
from kosmo_kernel.client.call import Reply
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.errors import ApiError, BadAnswerError, RefusedError

FAULTS = (
    *("second page fails", "link lost", "cursor repeated", "total too high", "no cursor", "html", "page repeated"),
    "",
)
PAGED = [style for style in PAGES if not style.startswith(("whole", "unstated"))]


def books(style: str) -> Function:
    return Function(
        name="list_books",
        summary="Books",
        description="All of them.",
        links=(Link("/books"),),
        returns="list",
        columns=(Column("id", "Its number.", kind="integer"), Column("title", "Its title.")),
        example="print(1)",
        pages=Pages.of(PAGES[style]),
        is_closed=True,
    )


def service(style: str) -> Integration:
    return replace(
        FERRIES,
        name="shelf",
        title="The Shelf",
        base_url=URL,
        functions=(books(style),),
        pages=Pages(),
        budget=None,
        credentials=Credentials("SHELF_TOKEN", (), ("shelf.example",), ("ask",)),
    )


def fetch(shelf: Shelf) -> Reply:
    integration = service(shelf.style)
    account = Account("shelf", "default", TOKEN, URL, "SHELF_TOKEN")
    client = Client(integration, account, transport=in_process(shelf), clock=FastClock(), patience=0)
    return client.fetch(integration.function("list_books"), {})


@pytest.mark.parametrize("count", [0, 1, 3, 6, 7])
@pytest.mark.parametrize("style", PAGED)
def test_a_list_has_the_records_of_all_pages_in_their_order(style: str, count: int) -> None:
    shelf = Shelf(style, count=count)
    reply = fetch(shelf)
    assert reply.data == shelf.books
    # A header that may have been lost is doubted after one full page.
    assert reply.is_unstated == ((style, count) == ("cursor, header", 3))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("count", [6, 7])
@pytest.mark.parametrize("style", PAGES)
def test_no_fault_leads_to_a_part_of_a_list_without_a_word(style: str, count: int, fault: str) -> None:
    if style.startswith("whole") and fault in ("link lost", "no cursor"):
        pytest.skip("a list without pages has nothing that could be lost")
    shelf = Shelf(style, count=count, fault=fault)
    try:
        reply = fetch(shelf)
    except ApiError:
        return
    assert reply.data == shelf.books or (reply.is_unstated and reply.notes)


@pytest.mark.parametrize("style", PAGED)
def test_a_list_whose_second_page_fails_is_an_error(style: str) -> None:
    with pytest.raises(RefusedError, match="422"):
        fetch(Shelf(style, fault="second page fails"))
    with pytest.raises(BadAnswerError, match="not JSON"):
        fetch(Shelf(style, fault="html"))


@pytest.mark.parametrize("style", ["page-number, total", "offset, total"])
def test_a_total_that_is_not_met_is_an_error(style: str) -> None:
    with pytest.raises(BadAnswerError, match="empty page after 7 records"):
        fetch(Shelf(style, fault="total too high"))


@pytest.mark.parametrize(
    ("style", "sign"),
    [
        ("whole, link", "a `Link` header leads to a next page"),
        ("whole, HAL", "`next` leads to more"),
        ("whole, more", "`has_more` is true"),
        ("whole, total", "3 records in all, and 7 as their number"),
        ("whole, total header", "3 records in all, and 7 as their number"),
    ],
)
def test_a_sign_of_more_in_a_list_without_pages_is_an_error(style: str, sign: str) -> None:
    with pytest.raises(BadAnswerError, match=sign):
        fetch(Shelf(style))
    assert len(fetch(Shelf(style, count=3)).data) == 3


@pytest.mark.parametrize("page", [1, 2])
def test_a_page_of_a_search_that_ended_early_is_an_error(page: int) -> None:
    pages = [{"books": [{"id": number}], "total_count": 2, "incomplete_results": number == page} for number in (1, 2)]
    _, app = answering(*(("200 OK", body) for body in pages))
    with pytest.raises(BadAnswerError, match="`incomplete_results` is true, so the search ended early"):
        fetch_from(app, service("page-number, total"))


def test_a_list_whose_end_nobody_states_has_a_note_each_time() -> None:
    shelf = Shelf("unstated")
    integration = service("unstated")
    account = Account("shelf", "default", TOKEN, URL, "SHELF_TOKEN")
    client = Client(integration, account, transport=in_process(shelf), clock=FastClock())
    for _ in range(2):
        reply = client.fetch(integration.function("list_books"), {})
        assert reply.is_unstated
        assert "nobody says how this list ends" in reply.notes[0]


@pytest.mark.parametrize("style", ["cursor", "cursor, more", "cursor, link"])
def test_a_cursor_that_leads_back_is_an_error(style: str) -> None:
    shelf = Shelf(style, fault="cursor repeated")
    with pytest.raises(BadAnswerError, match="circles"):
        fetch(shelf)
    assert len(shelf.asked) <= 4


@pytest.mark.parametrize("style", ["page-number", "link-header", "offset, more"])
def test_a_service_that_sends_the_same_page_again_and_again_is_not_asked_forever(style: str) -> None:
    shelf = Shelf(style, fault="page repeated")
    with pytest.raises(BadAnswerError, match="circles"):
        fetch(shelf)
    assert len(shelf.asked) <= 4


def test_more_without_a_cursor_is_an_error() -> None:
    with pytest.raises(BadAnswerError, match="no cursor that leads to the rest"):
        fetch(Shelf("cursor, more", fault="no cursor"))


def test_a_link_to_a_page_without_results_is_not_followed() -> None:
    shelf = Shelf("link-header, results")
    assert fetch(shelf).data == shelf.books
    assert len(shelf.asked) == 3


def test_a_lost_link_is_made_up_for_by_the_number_of_the_page() -> None:
    shelf = Shelf("link-header", fault="link lost")
    assert fetch(shelf).data == shelf.books


def test_the_last_page_of_ranges_is_not_a_partial_one() -> None:
    with pytest.raises(BadAnswerError, match="no `Next-Range` that leads to the rest"):
        fetch(Shelf("range", fault="link lost"))


def test_the_token_is_not_sent_to_another_host_that_a_page_leads_to() -> None:
    class Elsewhere(Shelf):
        def page(
            self, first: int, rows: list[dict[str, Any]], query: dict[str, str]
        ) -> tuple[str, Any, dict[str, str]]:
            return "200 OK", rows, {"Link": '<https://elsewhere.example/books?page=2>; rel="next"'}

    shelf = Elsewhere("link-header")
    with pytest.raises(BadAnswerError, match=r"elsewhere\.example; the token is sent to shelf\.example only"):
        fetch(shelf)
    assert len(shelf.asked) == 1


def test_records_with_equal_ids_and_other_fields_are_all_in_the_list() -> None:
    class Members(Shelf):
        @property
        def books(self) -> list[dict[str, Any]]:
            return [{"id": 1, "title": f"Volume {number}"} for number in range(self.count)]

    shelf = Members("page-number")
    assert fetch(shelf).data == shelf.books


# Answers that are no list


def answering(*answers: tuple[str, Any]) -> tuple[list[WSGIEnvironment], WSGIApplication]:
    """Return an application that gives these answers, one after the other, and what it was asked."""
    asked: list[WSGIEnvironment] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked.append(environ)
        return answer(start_response, *answers[min(len(asked), len(answers)) - 1])

    return asked, app


def fetch_from(app: WSGIApplication, integration: Integration) -> Reply:
    account = Account("shelf", "default", TOKEN, URL, "SHELF_TOKEN")
    client = Client(integration, account, transport=in_process(app), clock=FastClock())
    return client.fetch(integration.function("list_books"), {})


def test_an_answer_that_is_still_being_made_is_waited_for() -> None:
    asked, app = answering(("202 Accepted", {}), ("202 Accepted", {}), ("200 OK", [{"id": 1}]))
    assert fetch_from(app, service("unstated")).data == [{"id": 1}]
    assert len(asked) == 3


def test_a_list_without_content_is_empty() -> None:
    _, app = answering(("204 No Content", []))
    assert fetch_from(app, service("unstated")).data == []


def test_a_record_whose_lists_have_more_is_an_error() -> None:
    _, app = answering(("200 OK", {"books": [], "authors": [], "has_more": True}))
    integration = service("whole, more")
    record = replace(books("unstated"), returns="record", pages=Pages())
    with pytest.raises(BadAnswerError, match="`has_more` is true"):
        fetch_from(app, replace(integration, functions=(record,)))


@pytest.mark.parametrize(
    "headers", [{"Retry-After": "2"}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2"}], ids=str
)
def test_too_many_requests_are_waited_for_whatever_status_says_so(headers: dict[str, str]) -> None:
    answers: list[tuple[str, Any, dict[str, str]]] = [
        ("403 Forbidden", {"message": "slow down"}, headers),
        ("200 OK", [{"id": 1}], {}),
    ]

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return answer(start_response, *answers.pop(0))

    account, clock = Account("shelf", "default", TOKEN, URL, "SHELF_TOKEN"), FastClock()
    integration, begun = service("unstated"), clock.now()
    client = Client(integration, account, transport=in_process(app), clock=clock)
    assert client.fetch(integration.function("list_books"), {}).data == [{"id": 1}]
    assert 2 <= clock.now() - begun < 3


def test_a_refusal_that_says_nothing_of_requests_is_an_error_at_once() -> None:
    asked, app = answering(("403 Forbidden", {"message": "not for you"}))
    with pytest.raises(RefusedError, match="not for you"):
        fetch_from(app, service("unstated"))
    assert len(asked) == 1


def test_a_redirect_is_not_followed_so_that_no_token_goes_elsewhere() -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return answer(start_response, "302 Found", {}, {"Location": "https://elsewhere.example/books"})

    with pytest.raises(ApiError, match=r"It leads to https://elsewhere\.example/books, and the token is sent to"):
        fetch_from(app, service("unstated"))


def test_a_token_in_the_query_is_sent_with_each_page_and_is_in_no_address_that_follows() -> None:
    shelf = Shelf("cursor, link")
    integration = service("cursor, link")
    credentials = replace(integration.credentials, headers=lambda _token: {}, query="api_key")
    reply = fetch_from(shelf, replace(integration, credentials=credentials))
    assert reply.data == shelf.books
    assert shelf.asked == [f"{page}api_key={TOKEN}" for page in ("", "cursor=after-3&", "cursor=after-6&")]
    assert shelf.tokens == ["", "", ""]
