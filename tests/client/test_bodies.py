"""Bodies of responses: not read to their end where that is pointless, kept as JSON, and without quoted tokens."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import scripted_api
from fast_clock import FastClock
from scripted_api import TOKEN, Asking, Script, said

from kosmo_kernel.accounts import Account
from kosmo_kernel.archive.recorder import Recorder
from kosmo_kernel.calls import services
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.secrets import TokenRedactor
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import BadAnswerError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.safety.redaction import REDACTED
from kosmo_kernel.session import Session
from kosmo_kernel.values.records import PackedRows, Records

NOISE = random.Random(7).randbytes(1 << 16)


def failed(body: bytes, coding: str) -> tuple[str, int]:
    """Return what a patient client says of an answer of a real server, and how often it asked for it."""
    script = Script(said(200, body, Content_Encoding=coding, Request_Id="r-1"))
    with serve(script) as served:
        account = Account("heroku", "default", TOKEN, served.url, "HEROKU_API_KEY")
        with closing(Client(HEROKU, account, clock=FastClock())) as client, pytest.raises(BadAnswerError) as caught:
            client.fetch(HEROKU.function("list_apps"), {})
    return caught.value.message, script.asked


@pytest.mark.parametrize(
    ("body", "coding", "why"),
    [
        (gzip.compress(bytes(5 << 20)), "gzip", "it unpacks to more than 100 times its size"),
        (gzip.compress(NOISE * 80), "gzip", "it has more than 4 MiB"),
        (bytes(5 << 20), "identity", "it has more than 4 MiB"),
        (gzip.compress(gzip.compress(b"[]")), "gzip, gzip", "it is packed as `gzip, gzip`, and gzip was asked for"),
    ],
    ids=["a bomb", "packed", "as it is", "packed twice"],
)
def test_an_answer_that_would_fill_the_memory_is_left_at_once_and_not_asked_for_again(
    body: bytes, coding: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kosmo_kernel.client.transport.MAX_BODY_BYTES", 4 << 20)

    message, asked = failed(body, coding)

    assert message == (
        f"heroku.list_apps (account default): the answer of Heroku, 200, is not read: {why}. If it stays so, "
        "something between you and Heroku may answer in its place, such as a proxy. Request id: r-1."
    )
    assert asked == 1


def test_a_small_piece_that_unpacks_to_any_size_takes_little_memory_even_32_times_at_once() -> None:
    body = gzip.compress(bytes(60 << 20))
    assert len(body) < 1 << 16  # which come in one piece
    tracemalloc.start()
    try:
        with ThreadPoolExecutor(32) as pool:
            found = list(pool.map(lambda _: failed(body, "gzip")[0], range(32)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert all("it unpacks to more than 100 times its size" in message for message in found)
    assert peak < 400 << 20


def test_a_list_of_records_that_differ_in_their_ids_only_is_no_bomb() -> None:
    rows = [
        {"id": str(uuid.UUID(bytes=NOISE[16 * number : 16 * number + 16])), "name": "x" * 2_000}
        for number in range(3_000)
    ]
    body = gzip.compress(json.dumps(rows).encode())
    assert len(body) * 50 < 6 << 20

    assert len(Asking(Script(said(200, body, Content_Encoding="gzip"))).fetch().data) == 3_000


def test_a_packed_answer_that_ends_early_is_asked_for_again() -> None:
    whole = gzip.compress(b'[{"name": "one"}]')
    script = Script(said(200, whole[:-9], Content_Encoding="gzip"), said(200, whole, Content_Encoding="gzip"))

    assert [row["name"] for row in Asking(script).fetch().data] == ["one"]
    assert script.asked == 2


COUNT = "heroku = app.integrations.heroku dynos = heroku.list_dynos({ app_id = heroku.list_apps() }) return #dynos"


def test_records_that_a_script_only_counts_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []

    class Noted(PackedRows):
        __slots__ = ()

        def decoded(self) -> list[dict[str, Any]]:
            if self._rows is None:
                decoded.append(len(self))
            return super().decoded()

    monkeypatch.setattr(services, "PackedRows", Noted)
    monkeypatch.setattr("kosmo_kernel.lua.values.MAX_RECORDS_SENT_WHOLE", 5)
    with Session("demo") as session:
        count = session.run(COUNT).value
        assert (count > 5, decoded) == (True, [])

        names = session.run("return list.map(dynos, 'app_id')").value
        assert (len(names), decoded) == (count, [count])

        rows = session.run("return dynos").value
        assert next(iter(rows[0])) == "app_id"
        assert rows.json is None


def test_packed_rows_are_the_records_with_their_item_first() -> None:
    packed = PackedRows()
    packed.add({"app_id": "one"}, PackedRows.of([{"id": 1, "app_id": "other"}, {"id": 2}]))
    packed.add({"app_id": "none"}, PackedRows.of([]))
    packed.add({"app_id": "two"}, PackedRows.of([{"id": 3, "note": "\N{SNOWMAN}"}]))
    records = Records(packed)

    assert len(records) == 3
    assert records == [
        {"app_id": "one", "id": 1},
        {"app_id": "one", "id": 2},
        {"app_id": "two", "id": 3, "note": "\N{SNOWMAN}"},
    ]
    assert list(records[0]) == ["app_id", "id"]
    assert records[0] is records.rows[0]


def test_packed_records_that_another_thread_decodes_meanwhile_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = PackedRows()
    packed.add({"app_id": "one"}, PackedRows.of([{"id": 1}]))
    records = Records(packed)

    @contextmanager
    def switched() -> Iterator[None]:
        monkeypatch.undo()
        assert len(records.rows) == 1
        yield

    monkeypatch.setattr("kosmo_kernel.values.records.collector_paused", switched)

    assert records.rows == [{"app_id": "one", "id": 1}]


QUOTED = "HRKU-AAdeadbeef-1234-5678-9abc-def012345678"
AWKWARD = 'a"b\\c/d+e=f%g'


@pytest.mark.parametrize("token", [QUOTED, AWKWARD])
def test_a_token_is_found_in_every_spelling_of_json(token: str) -> None:
    as_escapes = [f"\\u{ord(character):04x}" for character in token]
    plain = json.dumps(token)[1:-1]
    spellings = (plain, plain.replace("/", "\\/"), "".join(as_escapes), "".join(as_escapes[:3]) + plain[3:])
    for spelling in spellings if token == QUOTED else spellings[:3]:
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
        f'[{{"a": "{QUOTED}", "a": 1}}]'.encode(),
        f'[{{"a": "\\u0048{QUOTED[1:]}", "b'.encode(),
        f'[{{"a": "{QUOTED}"}}]'.encode("utf-16"),
        f'[{{"a": "{QUOTED}"}}]'.encode("utf-16-be"),
    ],
    ids=["a field twice", "cut short", "UTF-16 with a mark", "UTF-16"],
)
def test_a_token_is_in_no_body_that_an_error_could_quote(body: bytes) -> None:
    assert QUOTED[1:].encode() not in TokenRedactor(QUOTED).redact(body).replace(b"\0", b"")


@pytest.mark.parametrize("token", [QUOTED, QUOTED.lower(), "QQQQQQQQ", "xxxxxxxK"])
@pytest.mark.parametrize("before", ["", "K", "HRKU-AA", "K" * 200, "xxxxxK", "QQQQ"])
def test_a_token_is_found_after_texts_that_begin_like_it(token: str, before: str) -> None:
    redacted = json.loads(TokenRedactor(token).redact(json.dumps([before, before + token, 1]).encode()))
    assert redacted == [text.replace(token, REDACTED) for text in (before, before + token)] + [1]


@pytest.mark.parametrize(
    "body", [b'[{"a": "\\u0048\\n"}]', b"[]", b"", b'["HRKU-another"]', b'{"a": 1, "a": 2}', b"\\"]
)
def test_a_body_without_the_token_stays_as_it_is(body: bytes) -> None:
    assert TokenRedactor(QUOTED).redact(body) is body


def test_a_text_that_is_too_short_for_a_token_is_not_searched() -> None:
    assert TokenRedactor("ab").redact(b'["ab\\u0061"]') == b'["ab\\u0061"]'


@pytest.mark.claim("token-quoted")
def test_a_quoted_token_reaches_neither_the_answer_nor_a_recording(tmp_path: Path) -> None:
    quoting = f'[{{"id": "1", "name": "{scripted_api.TOKEN}", "nested": {{"{scripted_api.TOKEN}": 1}}}}]'
    api = scripted_api.Script(scripted_api.said(200, quoting))
    asking = scripted_api.Asking(api)
    answers = [asking.fetch().data, asking.fetch().data]
    assert answers == [[{"id": "1", "name": REDACTED, "nested": {REDACTED: 1}}]] * 2
    recorder = Recorder(tmp_path / "run.cassette", "default")
    recorded = scripted_api.Asking(scripted_api.Script(scripted_api.said(200, quoting)), saved=recorder)
    assert recorded.fetch().data == answers[0]
    recorder.close()
    assert scripted_api.TOKEN.encode() not in (tmp_path / "run.cassette").read_bytes()
