"""Which token goes to which address, from environment variables."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import traceback
from collections.abc import Callable, Mapping

import pytest
from msgspec.structs import replace

from kosmo_kernel import accounts
from kosmo_kernel.accounts import Account
from kosmo_kernel.errors import CredentialsError, SettingsError, UnknownNameError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.session import Session

TOKEN = "HRKU-11111111-2222-4333-8444-555555555555"
OTHER = "HRKU-66666666-7777-4888-9999-aaaaaaaaaaaa"


Given = Callable[[Mapping[str, str]], None]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Give this process more environment variables, with values that a real one cannot have as well."""
    return lambda env: monkeypatch.setattr(os, "environ", os.environ | env)


def test_the_default_account_is_the_plain_variable(given: Given) -> None:
    given({"HEROKU_API_KEY": TOKEN})
    found = accounts.find(HEROKU)

    assert found == Account("heroku", "default", TOKEN, "https://api.heroku.com", "HEROKU_API_KEY")
    assert accounts.names(HEROKU) == ["default", "demo"]


@pytest.mark.parametrize("alias", ["my-team", "my_team", "My-Team"])
def test_a_named_account_is_found_by_any_spelling_of_its_alias(alias: str, given: Given) -> None:
    given({"HEROKU_API_KEY": TOKEN, "HEROKU_API_KEY_MY_TEAM": OTHER})
    found = accounts.find(HEROKU, alias)

    assert found == Account("heroku", "my_team", OTHER, "https://api.heroku.com", "HEROKU_API_KEY_MY_TEAM")


def test_names_are_the_accounts_that_exist(given: Given) -> None:
    given(
        {
            "HEROKU_API_KEY": TOKEN,
            "HEROKU_API_KEY_STAGING": TOKEN,
            "HEROKU_API_KEY_MY_TEAM": TOKEN,
            "HEROKU_API_KEY_EMPTY": " ",
            "HEROKU_API_KEY_small": TOKEN,
            "HEROKU_API_KEY_OTHER-TEAM": TOKEN,  # `other_team` is looked for in HEROKU_API_KEY_OTHER_TEAM
            "HEROKU_API_KEY_": TOKEN,
            "HEROKU_API_KEYS": TOKEN,
            "HEROKU_API_KEY_DEMO": TOKEN,
            "HEROKU_API_KEY_DEFAULT": TOKEN,
            "HEROKU_API_KEY_LIST_APPS": TOKEN,
            "HEROKU_API_URL": "https://api.heroku.com",
        }
    )

    assert accounts.names(HEROKU) == ["default", "my_team", "staging", "demo"]


def test_the_demo_is_there_without_any_token() -> None:
    assert accounts.names(HEROKU) == ["demo"]


def test_every_account_that_is_listed_is_found(given: Given) -> None:
    given({"HEROKU_API_KEY": TOKEN, "HEROKU_API_KEY_A": TOKEN, "HEROKU_API_KEY_2ND_TEAM": TOKEN})

    found = [accounts.find(HEROKU, name).alias for name in accounts.names(HEROKU) if name != "demo"]

    assert found == ["default", "2nd_team", "a"]


def test_the_demo_account_is_not_made_from_a_token(given: Given) -> None:
    given({"HEROKU_API_KEY_DEMO": TOKEN})
    with pytest.raises(ValueError, match="made by the session"):
        accounts.find(HEROKU, "demo")


@pytest.mark.parametrize("env", [{}, {"HEROKU_API_KEY": ""}, {"HEROKU_API_KEY": " \n"}])
def test_no_credentials_is_an_error_that_lists_the_ways_with_the_demo_among_them(
    env: dict[str, str], given: Given
) -> None:
    given(env)
    with pytest.raises(CredentialsError) as caught:
        accounts.find(HEROKU)

    message = caught.value.message
    ways = ["HEROKU_API_KEY;", "HEROKU_API_KEY_<ALIAS>", *HEROKU.credentials.token_help, "KOSMO_DEMO=1", "--demo"]
    assert [way for way in ways if way not in message] == []
    assert message.splitlines()[-1].endswith("in Lua heroku.demo.list_apps()")


def test_an_unknown_account_is_an_error_with_the_nearest_names(given: Given) -> None:
    given({"HEROKU_API_KEY_PRODUCTION": TOKEN, "HEROKU_API_KEY_STAGING": TOKEN})

    with pytest.raises(UnknownNameError) as caught:
        accounts.find(HEROKU, "prodution")

    assert caught.value.message == (
        "Heroku has no account 'prodution'; there are production, staging, demo. A named account has its token in "
        "the environment variable HEROKU_API_KEY_PRODUTION, or is added with `kosmo accounts:add prodution`. "
        "Did you mean: app.integrations.heroku.production"
    )


@pytest.mark.parametrize("alias", ["", "a b", "../x", "ä", "a\n", "-a", "A" * 100, "list_apps"])
def test_an_alias_that_is_none_is_unknown_and_shown_harmlessly(alias: str, given: Given) -> None:
    given({"HEROKU_API_KEY_LIST_APPS": TOKEN})
    with pytest.raises(UnknownNameError) as caught:
        accounts.find(HEROKU, alias)

    assert caught.value.message.startswith("Heroku has no account '")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("alias", ["default", "broken"])
@pytest.mark.parametrize("middle", [" ", "\n", "\r\nX-Evil: 1", "\t", "\x00", "\x7f", "\x1b[1m", "é", "\u200b"])
def test_a_token_that_no_header_can_carry_is_refused_without_showing_it(alias: str, middle: str, given: Given) -> None:
    token = f"HRKU-1111{middle}2222"
    variable = "HEROKU_API_KEY" if alias == "default" else "HEROKU_API_KEY_BROKEN"

    given({variable: token})
    with pytest.raises(CredentialsError) as caught:
        accounts.find(HEROKU, alias)

    shown = "".join(traceback.format_exception(caught.value))
    assert f"The token in {variable} " in shown
    assert "1111" not in shown
    assert "2222" not in shown


def test_space_around_a_token_is_not_part_of_it(given: Given) -> None:
    given({"HEROKU_API_KEY": f" {TOKEN}\n"})
    assert accounts.find(HEROKU).token.reveal() == TOKEN


@pytest.mark.parametrize("token", ["0123456789abcdef" * 2, "11111111-2222-4333-8444-555555555555", "a+/=.~_-"])
def test_a_token_of_any_shape_is_taken(token: str, given: Given) -> None:
    given({"HEROKU_API_KEY": token})
    assert accounts.find(HEROKU).token.reveal() == token


def test_an_account_never_shows_its_token(given: Given) -> None:
    given({"HEROKU_API_KEY": TOKEN})
    account = accounts.find(HEROKU)

    assert repr(account) == str(account) == f"{account}"
    assert repr(account) == (
        "Account(integration='heroku', alias='default', url='https://api.heroku.com', source='HEROKU_API_KEY')"
    )


@pytest.mark.claim("token-no-pickle")
def test_an_account_is_never_pickled_nor_copied(given: Given) -> None:
    given({"HEROKU_API_KEY": TOKEN})
    account = accounts.find(HEROKU)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="account `default` holds a token"):
            pickle.dumps(account, protocol)
    with pytest.raises(TypeError, match="holds a token"):
        copy.deepcopy({"account": account})


def test_an_account_cannot_be_changed(given: Given) -> None:
    given({"HEROKU_API_KEY": TOKEN})
    account = accounts.find(HEROKU)

    with pytest.raises(AttributeError, match="url of an account cannot be changed"):
        account.url = "https://example.com"


def test_the_help_of_find_shows_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", TOKEN)

    for function in (accounts.find, accounts.names, accounts.demo_chosen):
        assert "environ" not in str(inspect.signature(function))


@pytest.mark.parametrize(
    ("variable", "value", "url"),
    [
        ("HEROKU_HOST", "heroku.com", "https://api.heroku.com"),
        ("HEROKU_HOST", "staging.herokudev.com", "https://api.staging.herokudev.com"),
        ("HEROKU_HOST", "api.heroku.com", "https://api.heroku.com"),
        ("HEROKU_HOST", "herokai.com:8443", "https://api.herokai.com:8443"),
        ("HEROKU_API_URL", "https://api.heroku.com/", "https://api.heroku.com"),
        ("HEROKU_API_URL", "https://API.Heroku.com", "https://API.Heroku.com"),
        ("HEROKU_API_URL", " https://x.herokuspace.com/v3/ ", "https://x.herokuspace.com/v3"),
        ("HEROKU_API_URL", "http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("HEROKU_HOST", "http://localhost:5000", "http://localhost:5000"),
        ("HEROKU_HOST", "http://[::1]:5000", "http://[::1]:5000"),
        ("HEROKU_HOST", "https://127.8.9.10", "https://127.8.9.10"),
        ("HEROKU_HOST", "", "https://api.heroku.com"),
    ],
)
def test_a_variable_changes_the_address(variable: str, value: str, url: str, given: Given) -> None:
    given({"HEROKU_API_KEY": TOKEN, variable: value})
    assert accounts.find(HEROKU).url == url


def test_the_first_variable_with_an_address_counts(given: Given) -> None:
    given({"HEROKU_API_KEY": TOKEN, "HEROKU_HOST": "heroku.com", "HEROKU_API_URL": "http://127.0.0.1:1"})

    assert accounts.find(HEROKU).url == "http://127.0.0.1:1"


def test_a_named_account_can_have_an_address_of_its_own(given: Given) -> None:
    given(
        {
            "HEROKU_API_KEY": TOKEN,
            "HEROKU_API_KEY_MY_TEAM": TOKEN,
            "HEROKU_API_KEY_STAGING": TOKEN,
            "HEROKU_API_URL": "http://127.0.0.1:1",
            "HEROKU_API_URL_MY_TEAM": "http://127.0.0.1:2",
        }
    )
    urls = [accounts.find(HEROKU, alias).url for alias in ("default", "my-team", "staging")]

    assert urls == ["http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:1"]


@pytest.mark.claim("token-addresses")
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("https://api.example.com", "it leads to api.example.com"),
        ("example.com", "it leads to api.example.com"),
        ("https://api.heroku.com.example.com", "it leads to api.heroku.com.example.com"),
        ("https://evilheroku.com", "it leads to evilheroku.com"),
        ("https://api.heroku.com.", "it leads to api.heroku.com."),
        ("http://api.heroku.com", "plain http would show the token"),
        ("http://127.0.0.1.example.com", "plain http would show the token"),
        ("https://localhost.example.com", "it leads to localhost.example.com"),
        ("localhost:5000", "it leads to api.localhost"),
        ("https://2130706433", "it leads to 2130706433"),
        ("https://joe:hidden@api.heroku.com", "it is not of the form"),
        ("https://hidden@api.heroku.com", "it is not of the form"),
        (r"https://example.com\@api.heroku.com", "it is not of the form"),
        ("https://example.com#.heroku.com", "it is not of the form"),
        ("https://example.com?.heroku.com", "it is not of the form"),
        ("https://api.heroku.com/?a=hidden", "it is not of the form"),
        ("https://example.com%2f.heroku.com", "it is not of the form"),
        ("https://api.heroku.com/a%0d%0ab", "it is not of the form"),
        ("https://api.her\toku.com", "it is not of the form"),
        ("https://api.heroku。com", "it is not of the form"),
        ("https://", "it is not of the form"),
        ("https://:443", "it is not of the form"),
        ("https://[fe80::1%eth0]", "it is not of the form"),
        ("ftp://api.heroku.com", "it is not of the form"),
        ("file:///etc/passwd", "it is not of the form"),
        ("heroku.com/x", "it is not of the form"),
    ],
)
def test_an_address_that_must_not_get_the_token_is_refused(value: str, reason: str, given: Given) -> None:
    given({"HEROKU_API_KEY": TOKEN, "HEROKU_HOST": value})
    with pytest.raises(CredentialsError) as caught:
        accounts.find(HEROKU)

    assert f"HEROKU_HOST is no address that a Heroku token may be sent to: {reason}" in caught.value.message
    assert "https addresses in heroku.com, herokai.com, herokuspace.com, herokudev.com" in caught.value.message
    assert "hidden" not in caught.value.message
    assert TOKEN not in caught.value.message


def test_another_service_keeps_the_form_of_its_own_address(given: Given) -> None:
    other = replace(
        HEROKU,
        name="shop",
        base_url="https://shop.example/api/v2/",
        credentials=replace(HEROKU.credentials, env="SHOP_KEY", url_env=("SHOP",), hosts=("shop.example",)),
    )

    given({"SHOP_KEY": "k"})
    assert accounts.find(other).url == "https://shop.example/api/v2"
    given({"SHOP": "eu.shop.example"})
    assert accounts.find(other).url == "https://eu.shop.example/api/v2"


@pytest.mark.parametrize(
    ("env", "chosen"),
    [({"KOSMO_DEMO": "1"}, True), ({"KOSMO_DEMO": "0"}, False), ({"KOSMO_DEMO": ""}, False), ({}, False)],
)
def test_the_demo_is_chosen_by_one_variable(env: dict[str, str], chosen: bool, given: Given) -> None:
    given(env)
    assert accounts.demo_chosen() is chosen


def test_a_misspelt_choice_of_the_demo_is_an_error_and_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_DEMO", "true")
    for door in (accounts.demo_chosen, Session):
        with pytest.raises(SettingsError) as caught:
            door()
        assert caught.value.message == "KOSMO_DEMO must be 1 or 0, got 'true'."
