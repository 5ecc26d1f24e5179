"""Which scope a token needs is known before a call, and an error for want of a scope names it."""

from __future__ import annotations

import pytest

from kosmo_kernel.accounts import Account
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.connections import in_process
from kosmo_kernel.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.demo.company import company
from kosmo_kernel.errors import RefusedError
from kosmo_kernel.integrations.heroku import HEROKU, functions
from kosmo_kernel.integrations.heroku.facts import facts
from kosmo_kernel.integrations.heroku.scopes import ENOUGH, SCOPES, needed

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


def test_a_page_says_which_scope_a_token_needs_unless_it_is_read() -> None:
    for name in ("get_current_user", "list_config_vars", "list_keys", "list_spaces"):
        assert "A token needs the scope" in HEROKU.function(name).description
    for name in ("list_apps", "list_releases", "get_rate_limit"):
        assert "scope" not in HEROKU.function(name).description
