"""Secrets leave a text, everything else stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_kernel import docs
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.safety.redaction import in_texts, one_line, redact, redact_forms, would_change

UUID = "01234567-89ab-cdef-0123-456789abcdef"
LONG = "HRKU-AA" + "aB3_-" * 11 + "xyz"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"token HRKU-{UUID}.", "token [redacted]."),
        (f"token {LONG}, said twice: {LONG}", "token [redacted], said twice: [redacted]"),
        ("Authorization: Bearer abc", "Authorization: Bearer [redacted]"),
        ("authorization:  basic OnNlY3JldA==", "authorization:  basic [redacted]"),
        ("AUTHORIZATION=abc", "AUTHORIZATION=[redacted]"),
        ("HTTP_AUTHORIZATION: abc", "HTTP_AUTHORIZATION: [redacted]"),
        ("Proxy-Authorization: Basic b2s6b2s=", "Proxy-Authorization: Basic [redacted]"),
        ('{"Authorization": "Bearer abc", "a": 1}', '{"Authorization": "Bearer [redacted]", "a": 1}'),
        ("(b'Authorization', b'Bearer abc')", "(b'Authorization', b'Bearer [redacted]')"),
        (f"Bearer {UUID}", "Bearer [redacted]"),
        ("bearer abcdefghijklmnopqrst", "bearer [redacted]"),
        ("Basic OnNlY3JldC10b2tlbg==", "Basic [redacted]"),
        ("postgres://joe:p@ss:w@db.example.com/x", "postgres://joe:[redacted]@db.example.com/x"),
        ("redis://:hidden@cache.example.com", "redis://:[redacted]@cache.example.com"),
        ('"https://a:b@c.example", "d@e.example"', '"https://a:[redacted]@c.example", "d@e.example"'),
        ("git clone https://abcdef@git.example.com/x.git", "git clone https://[redacted]@git.example.com/x.git"),
        ("HTTP://s3cret:@c.example:80/", "HTTP://[redacted]:@c.example:80/"),
        (f"deploy ghp_{'aB3' * 12}, gho_{'aB3' * 12}.", "deploy [redacted], [redacted]."),
        (f"GITHUB_TOKEN=github_pat_{'aB3' * 7}_{'aB3' * 20}", "GITHUB_TOKEN=[redacted]"),
        (f"ghs_1234.{'aB-_' * 20} is one of a GitHub app", "[redacted] is one of a GitHub app"),
        ("xoxb-123456789012-123456789012-aBcDeFgHiJkLmNoP", "[redacted]"),
        (f"xapp-1-A0123456789-123456-{'ab3' * 20}", "[redacted]"),
        (
            "to https://hooks.slack.com/services/T01234567/B01234567/aBcDeFgHiJkLmNoPqRsTuVwX",
            "to https://hooks.slack.com/services/[redacted]",
        ),
        (f"sk_live_{'aB3' * 8} and rk_test_{'aB3' * 8}", "[redacted] and [redacted]"),
        (f"whsec_{'aB3' * 10}==", "[redacted]"),
        ("key AKIA" + "IOSFODNN7EXAMPLE", "key [redacted]"),
        (f"AWS_SECRET_ACCESS_KEY={'aB3/+' * 8}", "AWS_SECRET_ACCESS_KEY=[redacted]"),
        (f'{{"aws_secret_access_key": "{"aB3/+" * 8}"}}', '{"aws_secret_access_key": "[redacted]"}'),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4\n\nMIIE\n-----END RSA PRIVATE KEY-----\nb",
            "a\n[redacted]\nb",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "[redacted]"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Bl\\n-----END OPENSSH PRIVATE KEY-----", "[redacted]"),
    ],
)
def test_a_secret_is_known_by_its_shape(text: str, left: str) -> None:
    assert redact(text) == left
    assert redact(left) == left


@pytest.mark.parametrize(
    "text",
    [
        f'{{"id": "{UUID}", "name": "my-app"}}',
        "Try `Authorization: Bearer <OAuth access token>` or `Authorization: Basic <base64-encoded email>`.",
        "the bearer of this letter, Bearer authentication",
        "a Basic web.1, basic heroku-postgresql:basic, Basic 12345678 and Basic 123456789",
        "authorization is needed, Authorization: Bearer",
        "get_oauth_authorization: `oauth_authorization_id` is missing: an oauth authorization: its UUID",
        "With authorization, and the OAuth authorization, all goes well",
        "https://my-app.herokuapp.com/ belongs to joe@example.com",
        "https://my-app.herokuapp.com: joe@example.com, ssh://git@git.example.com",
        "http://127.0.0.1:5000/a:b@c",
        "HRKU- is how tokens begin",
        "ghp_ is how tokens of GitHub begin, xoxb- those of Slack, sk_live_ those of Stripe, AKIA those of AWS",
        "task_live_0123456789abcdefghij, foxxoxb-1, EURASIA0123456789ABCDEFG, hooks.slack.com/services/",
        "ssh-rsa AAAAB3NzaC1yc2E and -----BEGIN PUBLIC KEY----- MIIB -----END PUBLIC KEY-----",
        "AWS_SECRET_ACCESS_KEY is set, aws_secret_access_key: short",
        "TOKEN=None MAX_TOKEN=4096 --starting-token 12 --token=env:FOO if API_TOKEN==nil then",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("page", ["get_oauth_authorization", "list_oauth_authorizations", "get_oauth_client"])
def test_a_page_of_the_reference_is_shown_whole(page: str) -> None:
    text = str(docs.read(f"heroku.{page}"))
    assert redact(text) == text


def test_a_token_is_known_by_its_value_whatever_its_shape() -> None:
    assert redact(f"app {UUID}, token s3cret", ("s3cret",)) == f"app {UUID}, token [redacted]"
    assert redact(f"app {UUID}", (UUID,)) == "app [redacted]"


def test_a_token_quoted_in_an_address_is_found() -> None:
    assert redact("https://api.example.com/?key=a%2Fb%3D", ("a/b=",)) == "https://api.example.com/?key=[redacted]"


def test_the_longer_of_two_tokens_is_taken_first_and_an_empty_one_means_nothing() -> None:
    assert redact("abc-def abc", ("abc", "", "abc-def")) == "[redacted] [redacted]"


@given(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                f"HRKU-{UUID}",
                "Authorization: Bearer abc",
                "x://y:z@w",
                "Basic Ojo6Og==",
            ]
        )
    ),
)
def test_redacting_twice_changes_nothing_more(text: str, secrets: list[str]) -> None:
    once = redact(text.join(secrets) + text)

    assert redact(once) == once


@pytest.mark.claim("token-errors")
@given(st.text(), st.text(), st.text(min_size=8))
def test_a_known_token_never_survives(before: str, after: str, token: str) -> None:
    assert token not in redact(before + token + after, (token,)).replace("[redacted]", " ")


def test_a_message_is_one_line_without_control_characters_and_not_endless() -> None:
    assert one_line("\x1b[31mred\n\n  alert\u202e \x07 s3cret", ("s3cret",)) == "[31mred alert [redacted]"
    assert one_line("word " * 100, most=20) == "word word word word…"


def test_a_record_survives_as_json() -> None:
    record = {"id": UUID, "web_url": None, "owner": {"email": "joe@example.com"}, "name": "größe"}

    assert json.loads(redact(json.dumps(record, ensure_ascii=False), ("s3cret",))) == record


def test_names_that_become_the_same_lose_no_value() -> None:
    assert in_texts({"a1": 1, "a2": 2, "b": 3}, lambda text: text[0]) == {"a": 1, "a_": 2, "b": 3}


def test_a_secret_leaves_every_text_of_a_value() -> None:
    value = {"a secret": ["secret", 1, None, {"x": "no secret", 2: "secret"}], "token": 5, "url": None}
    changed = in_texts(value, lambda text: redact(text, ["secret"]))
    assert changed == {
        "a [redacted]": ["[redacted]", 1, None, {"x": "no [redacted]", 2: "[redacted]"}],
        "token": 5,
        "url": None,
    }


@pytest.mark.parametrize("secret", ['{"authorization": "abcdef12"}', "basic\tdXNlcjpzZWNyZXQ=", "HRKU-0123456789", "ü"])
def test_json_shows_that_a_text_in_it_would_be_changed(secret: str) -> None:
    def change(text: str) -> str:
        return redact(text, ["ü"])

    for written in (json.dumps([{"a": secret}]), json.dumps({"b": ["\\", secret]}, ensure_ascii=False)):
        assert would_change(written, change)
    for harmless in ("a \\ b \n \u2028 c", "the bearer of news"):
        assert not would_change(json.dumps([harmless]), change)


@pytest.mark.claim("token-forms")
def test_the_forms_of_tokens_are_redacted_in_answers_and_their_words_are_not() -> None:
    text = f"Deploy aB3 with ghp_{'aB3' * 12} from https://joe:s3cret@git.example.com; the bearer is Authorization: x"
    assert redact_forms(text) == (
        "Deploy aB3 with [redacted] from https://joe:[redacted]@git.example.com; the bearer is Authorization: x"
    )


def test_an_error_has_no_token_of_any_form() -> None:
    for token in (
        f"ghp_{'aB3' * 12}",
        "xoxb-123456789012-aBcDeFgHiJkL",
        f"sk_live_{'aB3' * 8}",
        "AKIA" + "IOSFODNN7EXAMPLE",
    ):
        assert str(KosmoError(f"The service says {token}.")) == "The service says [redacted]."
