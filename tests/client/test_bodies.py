"""Bodies of answers that are not worth reading to their end."""

from __future__ import annotations

import gzip
import tracemalloc
from contextlib import closing

import pytest
from fast_clock import FastClock
from scripted_api import TOKEN, Asking, Script, said

from kosmo_kernel.accounts import Account
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.connections import MAX_BODY_BYTES
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import BadAnswerError
from kosmo_kernel.integrations.heroku import HEROKU


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
        (gzip.compress(bytes(5 << 20)), "gzip", "it has more than 4 MiB"),
        (bytes(5 << 20), "identity", "it has more than 4 MiB"),
        (gzip.compress(gzip.compress(b"[]")), "gzip, gzip", "it is packed as `gzip, gzip`, and gzip was asked for"),
    ],
    ids=["packed", "as it is", "packed twice"],
)
def test_an_answer_that_would_fill_the_memory_is_left_at_once_and_not_asked_for_again(
    body: bytes, coding: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kosmo_kernel.client.connections.MAX_BODY_BYTES", 4 << 20)

    message, asked = failed(body, coding)

    assert message == (
        f"heroku.list_apps (account default): the answer of Heroku, 200, is not read: {why}. If it stays so, "
        "something between you and Heroku may answer in its place, such as a proxy. Request id: r-1."
    )
    assert asked == 1


def test_a_small_answer_that_unpacks_to_any_size_takes_no_more_memory_than_the_longest() -> None:
    body = gzip.compress(bytes(300 << 20), compresslevel=1)
    tracemalloc.start()
    try:
        message, _ = failed(body, "gzip")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "it has more than 64 MiB" in message
    assert most < 3 * MAX_BODY_BYTES


def test_a_packed_answer_that_ends_early_is_asked_for_again() -> None:
    whole = gzip.compress(b'[{"name": "one"}]')
    script = Script(said(200, whole[:-9], Content_Encoding="gzip"), said(200, whole, Content_Encoding="gzip"))

    assert [row["name"] for row in Asking(script).fetch().data] == ["one"]
    assert script.asked == 2
