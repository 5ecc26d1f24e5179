"""The bytes and records that a list and a run may receive, with services whose pages never end."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import count
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from scripted_api import Asking, Script, said

from kosmo_kernel.client import client
from kosmo_kernel.errors import BadAnswerError, LimitError


class EndlessPages:
    """An API whose lists have one page after the other, each with new records."""

    def __init__(self, records: int = 1_000, name: str = "") -> None:
        self._records, self._name = records, name
        self._pages = count()

    def __call__(self, _environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        page = next(self._pages)
        rows = [{"id": f"{page}-{number}", "name": self._name} for number in range(self._records)]
        headers = [("Content-Type", "application/json"), ("Next-Range", f"id ]{page}..; max=1000")]
        start_response("206 Partial Content", headers)
        return [json.dumps(rows).encode()]


@pytest.mark.claim("budget-lists")
def test_pages_that_never_end_stop_at_the_bytes_of_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_LIST_LIMIT", str(1 << 20))
    with pytest.raises(
        LimitError, match=r"^heroku\.list_apps \(account default\): The pages of one list have"
    ) as caught:
        Asking(EndlessPages(name="x" * 100)).fetch()
    assert caught.value.limit == "list_limit"
    assert "KOSMO_LIST_LIMIT or `limits.list` in config.toml" in caught.value.message


def test_pages_that_never_end_stop_at_the_records_of_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_RECORDS", 20_000)
    with pytest.raises(LimitError, match=r"20,000 records \(records_limit\)"):
        Asking(EndlessPages()).fetch()


@pytest.mark.claim("budget-lists")
def test_the_lists_of_a_run_share_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_RESPONSE_LIMIT", str(2 << 20))
    one_page = Script(said(200, json.dumps([{"id": "1", "name": "x" * 900_000}])))
    asking = Asking(one_page)
    asking.fetch()
    asking.fetch("list_pipelines")
    with pytest.raises(LimitError) as caught:
        asking.fetch("list_stacks")
    assert caught.value.limit == "response_limit"
    Asking(one_page).fetch()  # another run


def test_a_response_of_many_values_is_not_decoded() -> None:
    body = b"[" + b"[]," * 1_000_000 + b"[]]"
    error = Asking(Script(said(200, body))).failed()
    assert isinstance(error, BadAnswerError)
    assert "200, is not read: it has more than 1,000,000 values" in error.message
