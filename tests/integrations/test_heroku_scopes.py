"""Which scope a token needs is known before a call, and an error for want of a scope names it."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from full_matrix import full_except

from kosmo_kernel.accounts import Account
from kosmo_kernel.catalogue.integration import beyond_scopes
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.connections import in_process
from kosmo_kernel.docs.guides import guide
from kosmo_kernel.errors import RefusedError
from kosmo_kernel.integrations.heroku import HEROKU, functions
from kosmo_kernel.integrations.heroku.api import ENOUGH, GLOBAL, IDENTITY, READ, READ_PROTECTED, SCOPES, needed
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.integrations.heroku.demo.http import UNLIMITED
from kosmo_kernel.integrations.heroku.facts import facts
from kosmo_kernel.questions.discovery import checks_beyond

READER = DemoApi(company(), scopes=("read",))


def test_the_functions_written_by_hand_have_the_scopes_of_the_table() -> None:
    owners = {link.path.replace("{app.identity}", "{app_id}"): link.owner for link in facts().links}
    links = [link for function in functions.FUNCTIONS for link in function.links]
    assert {link.path: link.scope for link in links} == {link.path: needed(owners[link.path]) for link in links}


def test_each_scope_that_is_needed_is_one_that_a_token_can_have() -> None:
    assert {needed(link.owner) for link in facts().links} - {""} == ENOUGH.keys()
    assert all(set(scopes) <= set(SCOPES) and scopes[0] == scope for scope, scopes in ENOUGH.items())


@pytest.mark.parametrize(
    ("function", "arguments", "needs"),
    [
        ("get_current_user", {}, "identity or global"),
        ("list_config_vars", {"app_id": "my-app"}, "read-protected or write-protected or global"),
        ("list_oauth_authorizations", {}, "global"),
        ("list_spaces", {"team": "larkmoor"}, "global"),
    ],
)
def test_an_error_for_want_of_a_scope_names_those_that_would_do(
    function: str, arguments: dict[str, str], needs: str
) -> None:
    account = Account("heroku", "default", DEMO_TOKEN, HEROKU.base_url, "the test")
    client = Client(HEROKU, account, transport=in_process(READER))
    with pytest.raises(RefusedError) as caught:
        client.fetch(HEROKU.function(function), arguments)
    assert (caught.value.status, caught.value.id) == (403, "forbidden")
    assert f"The token has the scope read, and this needs {needs}." in caught.value.message
    assert client.scopes == ("read",)
    client.fetch(HEROKU.function("list_spaces"), {})


SAMPLES = {"pipeline_id": "parcel-tracker", "stage": "production"}  # where a name that is nobody's is not found first


def refused_to(scopes: tuple[str, ...]) -> set[str]:
    """Return the functions that the demo refuses to a token with some scopes, with the arguments if only with some."""
    account = Account("heroku", "default", DEMO_TOKEN, HEROKU.base_url, "the test")
    client = Client(HEROKU, account, transport=in_process(DemoApi(company(), refill=UNLIMITED, scopes=scopes)))
    names = set()
    for function in (one for one in HEROKU.functions if one.links):
        refused = []
        for link in function.links:
            examples = {param.name: SAMPLES.get(param.name) or param.example or "x" for param in function.params}
            try:
                client.fetch(function, {place: examples[place] for place in link.places})
            except RefusedError as error:
                refused += [link] if error.status == HTTPStatus.FORBIDDEN else []
        if len(refused) == len(function.links):
            names.add(function.name)
        else:
            names |= {f"{function.name}({{ {', '.join(link.places)} }})" for link in refused}
    return names


@pytest.mark.parametrize(
    "scopes", full_except([(READ, IDENTITY), (READ_PROTECTED, IDENTITY), (GLOBAL,)], (READ, IDENTITY))
)
def test_the_functions_that_are_named_as_beyond_a_token_are_those_that_are_refused_to_it(
    scopes: tuple[str, ...],
) -> None:
    named = {name for names in beyond_scopes(HEROKU, scopes).values() for name in names}
    assert named == refused_to(scopes)
    assert bool(named) is (GLOBAL not in scopes)


def test_the_guide_to_accounts_names_what_a_token_for_reading_is_not_enough_for() -> None:
    page = guide("accounts")
    functions, checks = beyond_scopes(HEROKU, (READ, IDENTITY)), checks_beyond(HEROKU, (READ, IDENTITY))
    assert functions.keys() == checks.keys() == {GLOBAL, READ_PROTECTED}
    for scope, names in (*functions.items(), *checks.items()):
        rows = [row for row in page.splitlines() if row.startswith(f"| `{scope}`")]
        assert [name for name in names if not any(f"`{name}`" in row for row in rows)] == []


def test_a_page_says_which_scope_a_token_needs_unless_it_is_read() -> None:
    for name in ("get_current_user", "list_config_vars", "list_keys", "list_spaces"):
        assert "A token needs the scope" in HEROKU.function(name).description
    for name in ("list_apps", "list_releases", "get_rate_limit"):
        assert "scope" not in HEROKU.function(name).description
