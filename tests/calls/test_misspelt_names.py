"""A misspelt name of an app or a team: the error says the nearest name that exists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from altered_api import as_default_account, without

from kosmo_kernel.errors import RefusedError
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.session import Session


@contextmanager
def paths_of(api: WSGIApplication) -> Iterator[list[str]]:
    """Serve an API as the default account, and yield the paths that it is asked for."""
    paths: list[str] = []

    def logging(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        paths.append(environ["PATH_INFO"])
        return api(environ, start_response)

    with as_default_account(logging):
        yield paths


@pytest.fixture
def paths() -> Iterator[list[str]]:
    with paths_of(DemoApi(company(), capacity=10**9)) as asked:
        yield asked


def refused(session: Session, source: str) -> str:
    with pytest.raises(RefusedError) as caught:
        session.run(source)
    assert caught.value.status == 404
    return caught.value.message.partition("Did you mean: ")[2]


def test_the_names_are_listed_once_to_find_the_nearest(paths: list[str]) -> None:
    with Session() as session:
        assert refused(session, "return heroku.list_dynos('my-ap')") == "my-app"
    assert paths == ["/apps/my-ap/dynos", "/apps"]


def test_a_team_is_found_in_the_same_way(paths: list[str]) -> None:
    with Session() as session:
        assert refused(session, "return heroku.list_team_members('larkmor')") == "larkmoor"
    assert paths == ["/teams/larkmor/members", "/teams"]


def test_nothing_is_listed_that_the_session_has_listed(paths: list[str]) -> None:
    with Session() as session:
        session.run("heroku.list_apps()")
        assert refused(session, "return heroku.list_dynos('my-ap')") == "my-app"
    assert paths == ["/apps", "/apps/my-ap/dynos"]


@pytest.mark.parametrize("name", ["nothing-like-it", "01234567-89ab-cdef-0123-456789abcdef"])
def test_a_name_that_is_near_to_none_gets_no_advice(paths: list[str], name: str) -> None:
    with Session() as session:
        assert refused(session, f"return heroku.list_dynos('{name}')") == ""
    assert ("/apps" in paths) == (name == "nothing-like-it")


@pytest.mark.parametrize(
    "source",
    [
        "return heroku.list_dynos({ app_id = { 'my-ap', 'booking-ap' } })",
        "return parallel.map({ 'my-ap', 'booking-ap' }, heroku.list_dynos)",
    ],
)
def test_nothing_is_listed_for_the_items_of_a_list(paths: list[str], source: str) -> None:
    with Session() as session:
        refused(session, source)
    assert "/apps" not in paths


def test_an_account_whose_apps_cannot_be_listed_has_the_error_of_the_call() -> None:
    with paths_of(without("/apps")) as paths, Session() as session:
        assert refused(session, "return heroku.list_dynos('my-ap')") == ""
    assert paths[-1] == "/apps"
