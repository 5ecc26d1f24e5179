"""A token that a service quotes in its answer is redacted before anything else sees the answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import scripted_api

from kosmo_kernel.archive.recorder import Recorder
from kosmo_kernel.client.quoted_tokens import TokenRedactor
from kosmo_kernel.safety.redaction import REDACTED

TOKEN = "HRKU-AAdeadbeef-1234-5678-9abc-def012345678"
AWKWARD = 'a"b\\c/d+e=f%g'


@pytest.mark.parametrize("token", [TOKEN, AWKWARD])
def test_a_token_is_found_in_every_spelling_of_json(token: str) -> None:
    as_escapes = [f"\\u{ord(character):04x}" for character in token]
    plain = json.dumps(token)[1:-1]
    spellings = (plain, plain.replace("/", "\\/"), "".join(as_escapes), "".join(as_escapes[:3]) + plain[3:])
    for spelling in spellings if token == TOKEN else spellings[:3]:
        body = f'[{{"name": "x {spelling} y", "{spelling}": [1.50, null]}}]'
        redacted = TokenRedactor(token).redact(body.encode())
        assert json.loads(redacted) == [{"name": f"x {REDACTED} y", REDACTED: [1.5, None]}]


def test_a_token_is_found_percent_encoded_and_outside_of_json() -> None:
    redactor = TokenRedactor(AWKWARD)
    assert json.loads(redactor.redact(b'["?t=a%22b%5Cc%2Fd%2Be%3Df%25g"]')) == [f"?t={REDACTED}"]
    assert redactor.redact(f"<html>{AWKWARD} {{".encode()) == f"<html>{REDACTED} {{".encode()


@pytest.mark.claim("token-quoted")
@pytest.mark.parametrize(
    "body",
    [
        f'[{{"a": "{TOKEN}", "a": 1}}]'.encode(),
        f'[{{"a": "\\u0048{TOKEN[1:]}", "b'.encode(),
        f'[{{"a": "{TOKEN}"}}]'.encode("utf-16"),
        f'[{{"a": "{TOKEN}"}}]'.encode("utf-16-be"),
    ],
    ids=["a field twice", "cut short", "UTF-16 with a mark", "UTF-16"],
)
def test_a_token_is_in_no_body_that_an_error_could_quote(body: bytes) -> None:
    assert TOKEN[1:].encode() not in TokenRedactor(TOKEN).redact(body).replace(b"\0", b"")


@pytest.mark.parametrize("token", [TOKEN, TOKEN.lower(), "QQQQQQQQ", "xxxxxxxK"])
@pytest.mark.parametrize("before", ["", "K", "HRKU-AA", "K" * 200, "xxxxxK", "QQQQ"])
def test_a_token_is_found_after_texts_that_begin_like_it(token: str, before: str) -> None:
    redacted = json.loads(TokenRedactor(token).redact(json.dumps([before, before + token, 1]).encode()))
    assert redacted == [text.replace(token, REDACTED) for text in (before, before + token)] + [1]


@pytest.mark.parametrize(
    "body", [b'[{"a": "\\u0048\\n"}]', b"[]", b"", b'["HRKU-another"]', b'{"a": 1, "a": 2}', b"\\"]
)
def test_a_body_without_the_token_stays_as_it_is(body: bytes) -> None:
    assert TokenRedactor(TOKEN).redact(body) is body


def test_a_text_that_is_too_short_for_a_token_is_not_searched() -> None:
    assert TokenRedactor("ab").redact(b'["ab\\u0061"]') == b'["ab\\u0061"]'


@pytest.mark.claim("token-quoted")
def test_a_quoted_token_reaches_neither_the_answer_nor_the_cache_nor_a_recording(tmp_path: Path) -> None:
    quoting = f'[{{"id": "1", "name": "{scripted_api.TOKEN}", "nested": {{"{scripted_api.TOKEN}": 1}}}}]'
    api = scripted_api.Script(scripted_api.said(200, quoting, etag='"1"'), scripted_api.said(304, ""))
    asking = scripted_api.Asking(api)
    answers = [asking.fetch().data, asking.fetch().data]
    assert answers == [[{"id": "1", "name": REDACTED, "nested": {REDACTED: 1}}]] * 2
    recorder = Recorder(tmp_path / "run.cassette", "default")
    recorded = scripted_api.Asking(scripted_api.Script(scripted_api.said(200, quoting)), cassette=recorder)
    assert recorded.fetch().data == answers[0]
    recorder.close()
    assert scripted_api.TOKEN.encode() not in (tmp_path / "run.cassette").read_bytes()
